"""Nothing here asks the network: a list of who would, and the answers in a namespace that has none."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "python" / "pcapframe"
LAB = Path(__file__).parents[1] / "examples" / "lab.pcap"
ASKS = {"socket", "ssl", "http", "urllib.request", "ftplib", "smtplib", "xmlrpc", "requests", "httpx", "aiohttp"}
# Who may: nothing but what is told a URL or an address to work with.
MAY: dict[str, set[str]] = {}

CODE = """
import socket, sys, warnings
def refuse(*args, **more): raise AssertionError(f"the network is asked: {args}")
def audit(event, args):
    if event.startswith(("socket.connect", "socket.getaddrinfo", "socket.gethostby", "urllib.Request")):
        refuse(event, args)
sys.addaudithook(audit)
import pcapframe as pf
cap = pf.open(sys.argv[1], progress=False)
cap.info(full=True); cap.ioc_counts(); cap.ioc_counts(compat="scapy")
cap.packets("*").to_dict(); cap.count("ip_src", every="1s"); cap.flows().to_dict()
cap.filter("tcp port 80 or host 10.0.0.1").packets(); cap.filter(ip_src="10.0.0.0/8").packets()
cap.match(pf.Indicators.from_values(["example.org", "10.0.0.0/8", "http://example.org/x"])).summary()
cap.packets()._repr_html_()
for name in ("hosts", "detect"):
    if hasattr(cap, name): getattr(cap, name)()
try:
    import iptocc
except ImportError:
    pass
else:
    pf.geo.locate(["8.8.8.8"])
print("done")
"""


def test_no_module_imports_what_asks_the_network() -> None:
    for path in PACKAGE.glob("*.py"):
        found = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        asks = {name for name in found if name in ASKS or name.split(".")[0] in ASKS - {"urllib.request"}}
        assert asks <= MAY.get(path.name, set()), path.name


def test_the_core_asks_for_names_only_in_a_filter() -> None:
    """libpcap looks up the names of hosts in an expression; nothing else of the C code calls a resolver or a socket."""
    for path in (PACKAGE.parents[1] / "csrc").rglob("*.[ch]"):
        text = path.read_text("utf-8")
        for call in ("getaddrinfo", "gethostby", "getnameinfo", "connect(", "socket("):
            assert call not in text, path


def run(*before: str) -> str:
    command = [*before, sys.executable, "-W", "ignore", "-c", CODE, str(LAB)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_question_without_a_call_to_the_network() -> None:
    assert run() == "done"


def test_every_question_where_there_is_no_network() -> None:
    unshare = shutil.which("unshare")
    ways = [["--net"], ["--net", "--map-root-user"]] if os.geteuid() == 0 else [["--net", "--map-root-user"]]
    for way in ways if unshare else ():
        if subprocess.run([str(unshare), *way, "true"], capture_output=True, check=False).returncode == 0:
            assert run(str(unshare), *way) == "done"
            return
    pytest.skip("no namespace without a network can be had here (unshare --net)")
