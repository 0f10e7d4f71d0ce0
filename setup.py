"""Builds pcapframe._core from csrc/. Everything that is not about compiling C is in pyproject.toml."""

import os
import shlex
import subprocess
import sys
from glob import glob
from multiprocessing.pool import ThreadPool

import numpy
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ask = os.environ.get


def libpcap():
    """The face of csrc/libpcap to compile, and libpcap's compiler and linker flags."""
    want = ask("PCAPFRAME_LIBPCAP", "auto")
    for tool in ("pkg-config libpcap", "pcap-config") if want != "0" else ():
        found = [subprocess.getstatusoutput(f"{tool} {flag} 2>/dev/null") for flag in ("--cflags", "--libs")]
        if all(status == 0 for status, _ in found):
            return sorted({*glob("csrc/libpcap/*.c")} - {"csrc/libpcap/none.c"}), *(
                shlex.split(flags) for _, flags in found
            )
    if want == "1":
        sys.exit("PCAPFRAME_LIBPCAP=1, but neither pkg-config nor pcap-config finds libpcap")
    return glob("csrc/libpcap/none.c"), [], []


class Build(build_ext):
    """Compiles the files of the one extension side by side: build_ext's own --parallel is for several extensions."""

    def build_extensions(self):
        one_by_one = self.compiler.compile

        def side_by_side(sources, **options):
            with ThreadPool() as pool:
                return pool.map(lambda source: one_by_one([source], **options)[0], sources)

        self.compiler.compile = side_by_side
        super().build_extensions()


sources, cflags, libs = libpcap()
sources += sorted(set(glob("csrc/*/*.c")) - set(glob("csrc/libpcap/*.c")))
cflags += ["-std=c11", "-O3", "-fvisibility=hidden", "-Wall", "-Wextra", "-pthread"]
libs += ["-pthread", "-lm"]
if ask("PCAPFRAME_WERROR") == "1":
    cflags += ["-Werror"]
if ask("PCAPFRAME_COVERAGE") == "1":
    cflags += ["-O0", "-g", "--coverage", "-fprofile-update=atomic"]
    libs += ["--coverage"]
if sanitizers := ask("PCAPFRAME_SANITIZE"):
    cflags += ["-O1", "-g", "-fno-omit-frame-pointer", f"-fsanitize={sanitizers}"]
    libs += [f"-fsanitize={sanitizers}"]
cflags += shlex.split(ask("CFLAGS", ""))  # behind ours, so that they win
numpy_api = [(name, "NPY_2_0_API_VERSION") for name in ("NPY_NO_DEPRECATED_API", "NPY_TARGET_VERSION")]
core = Extension("pcapframe._core", sources, ["csrc", numpy.get_include()], numpy_api, depends=glob("csrc/*/*.h"))
core.extra_compile_args, core.extra_link_args = cflags, libs
setup(ext_modules=[core] if sources else [], cmdclass={"build_ext": Build})
