"""Two interfaces that are connected, in a network namespace of their own."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import captures
import pcapframe as pf

TOOLS = ("ip", "tcpreplay", "sysctl")
NOBODY = 65534

missing = [tool for tool in TOOLS if shutil.which(tool) is None]
built_in = pf.show_config()["libpcap"]
if sys.platform != "linux" or os.geteuid() != 0:
    WHY = "needs root on Linux, to make a network namespace"
elif missing:
    WHY = f"needs {', '.join(missing)}"
elif built_in.startswith("not built in"):
    WHY = "libpcap is not built in"
else:
    WHY = ""
real = pytest.mark.skipif(bool(WHY), reason=WHY or "-")


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)


@contextlib.contextmanager
def inside(name: str) -> Iterator[None]:
    """Run this thread, and those it starts, in a network namespace."""
    setns = ctypes.CDLL(None, use_errno=True).setns
    with open("/proc/thread-self/ns/net") as here, open(f"/run/netns/{name}") as there:
        if setns(there.fileno(), 0x40000000) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            setns(here.fileno(), 0x40000000)


class Wire:
    """Two interfaces that are connected: what is sent on `far` is received on `near`. Nothing else talks there."""

    near, far = "pfnear", "pffar"

    def __init__(self, folder: Path) -> None:
        self.namespace = f"pf-{os.getpid()}"
        self.folder = folder

    def begin(self) -> None:
        run("ip", "netns", "add", self.namespace)
        off = [f"net.ipv6.conf.{which}.disable_ipv6=1" for which in ("all", "default")]
        run("ip", "netns", "exec", self.namespace, "sysctl", "-qw", *off)

    def connect(self) -> None:
        """Make them anew where a test has removed one."""
        subprocess.run(["ip", "-n", self.namespace, "link", "del", self.near], capture_output=True)
        run("ip", "-n", self.namespace, "link", "add", self.far, "type", "veth", "peer", "name", self.near)
        for name in (self.far, self.near):
            run("ip", "-n", self.namespace, "link", "set", name, "up")

    def ip(self, *command: str) -> None:
        run("ip", "-n", self.namespace, *command)

    def end(self) -> None:
        run("ip", "netns", "del", self.namespace)

    def send(self, count: int, pps: int, loop: int = 1) -> None:
        """So many packets, numbered in their payload; returns when they are sent."""
        path = self.folder / f"{count}.pcap"
        if not path.exists():
            path.write_bytes(captures.pcap_bytes([numbered(i) for i in range(count)]))
        rate = ["--topspeed"] if pps == 0 else [f"--pps={pps}"]
        command = ["ip", "netns", "exec", self.namespace, "timeout", "60", "tcpreplay", "-q", "-K", *rate]
        run(*command, f"--loop={loop}", "-i", self.far, str(path))


def numbered(number: int) -> bytes:
    return captures.ethernet(
        captures.ipv4(captures.udp(struct.pack("!I", number), destination=4000 + number % 7))
    ).octets


def numbers(frame: pf.Frame) -> list[int]:
    return [struct.unpack("!I", octets[-4:])[0] for octets in frame["frame_raw"].values]


@pytest.fixture(scope="module")
def namespace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    made = Wire(tmp_path_factory.mktemp("wire"))
    try:
        made.begin()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespace here: {error.stderr.decode(errors='replace').strip()}")
    yield made
    made.end()


@pytest.fixture
def wire(namespace: Wire) -> Iterator[Wire]:
    namespace.connect()
    with inside(namespace.namespace):
        yield namespace


def until(what: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end:
        time.sleep(0.02)
    return what()
