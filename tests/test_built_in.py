"""What is built in, and how the rest is said to be had."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pcapframe as pf
from pcapframe import _core
from test_filter import ROOT, a_capture


def test_show_config() -> None:
    config = pf.show_config()
    assert list(config) == ["pcapframe", "python", "numpy", "libpcap", "threads"]
    assert config["pcapframe"] == pf.__version__
    assert config["numpy"] == np.__version__
    assert int(config["threads"]) >= 1
    built_in = _core.libpcap()[0]
    assert re.match(r"libpcap version \d" if built_in else "not built in: install libpcap's headers", config["libpcap"])
    for name, value in config.items():
        assert re.search(f"^{name} +{re.escape(value)}$", str(config), re.MULTILINE)
        assert name in config._repr_html_()  # type: ignore[attr-defined]


WITHOUT = """
import sys
import pcapframe as pf

assert pf._reader._core.__file__.startswith(sys.argv[1]), pf._reader._core.__file__
how = "apt install libpcap-dev"
capture = pf.open(sys.argv[2])
assert capture.info(full=True).packets == 150
assert capture.between("2000-01-01").info(full=True).packets > 0
assert len(pf.open(sys.argv[2], filter="").packets()) == 150
for ask in (lambda: capture.filter("tcp"), lambda: pf.open(sys.argv[2], filter="tcp")):
    try:
        ask()
    except pf.FilterError as error:
        assert how in str(error) and "pip install --no-cache-dir --force-reinstall ." in str(error), error
    else:
        raise AssertionError("a filter without libpcap")
config = pf.show_config()
assert config["libpcap"].startswith("not built in: install libpcap's headers") and how in str(config)
"""


def build(folder: Path, libpcap: str, **environment: str) -> subprocess.CompletedProcess[str]:
    ask = [sys.executable, "setup.py", "-q", "build", "-b", str(folder / "build"), "--build-lib", str(folder / "lib")]
    settings = {**os.environ, "PCAPFRAME_LIBPCAP": libpcap, **environment}
    return subprocess.run(ask, cwd=ROOT, env=settings, capture_output=True, text=True)


def test_built_without_libpcap(tmp_path: Path) -> None:
    """Everything but filters works, and what needs libpcap says how to get it."""
    if not (ROOT / "setup.py").exists():
        pytest.skip("needs the source tree")
    done = build(tmp_path, "0", CFLAGS="-O0")  # in half the time
    assert done.returncode == 0, done.stderr
    path = tmp_path / "a.pcap"
    path.write_bytes(a_capture(1))
    ask = [sys.executable, "-c", WITHOUT, str(tmp_path / "lib"), str(path)]
    done = subprocess.run(
        ask, env={**os.environ, "PYTHONPATH": str(tmp_path / "lib")}, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_build_that_insists_on_libpcap(tmp_path: Path) -> None:
    """Where no tool knows libpcap, PCAPFRAME_LIBPCAP=1 is an error at once."""
    if not (ROOT / "setup.py").exists():
        pytest.skip("needs the source tree")
    (tmp_path / "sh").symlink_to("/bin/sh")
    done = build(tmp_path, "1", PATH=str(tmp_path))
    assert done.returncode != 0
    assert "PCAPFRAME_LIBPCAP=1, but neither pkg-config nor pcap-config finds libpcap" in done.stderr
    assert "pkg-config" in done.stderr
