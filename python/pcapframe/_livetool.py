"""Capturing without the right to: another tool that has it writes into a pipe of ours."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import signal
import sys
import tempfile
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

TOOLS = ("dumpcap", "tcpdump")
_WAIT = 5.0  # seconds until a tool that was told to end is killed
_SAID = 4096  # octets of its messages that are looked at


def _command(tool: str, interface: str, filter: str | None, snap_len: int, buffer: int, promiscuous: bool) -> list[str]:
    quiet = [] if promiscuous else ["-p"]
    if tool == "dumpcap":
        mib = str(max(1, buffer >> 20))
        behind = [] if filter is None else ["-f", filter]
        return ["-i", interface, "-w", "-", "-q", "-s", str(snap_len), "-B", mib, *quiet, *behind]
    kib = str(max(1, buffer >> 10))
    ours = ["-i", interface, "-w", "-", "-U", "-s", str(snap_len), "-B", kib, "--time-stamp-precision=nano", *quiet]
    return ours if filter is None else [*ours, "--", filter]


class Tool:
    """dumpcap or tcpdump at work."""

    def __init__(self, process: subprocess.Popen[bytes], said: IO[bytes], name: str) -> None:
        self._process, self._said, self.name = process, said, name
        self._last: str | None = None  # what it had said at its end

    @classmethod
    def start(
        cls, name: str, interface: str, filter: str | None, snap_len: int, buffer: int, promiscuous: bool
    ) -> Tool | None:
        """Start it; None where it is not installed, or this user may not even run it."""
        import subprocess  # for those who capture so: not worth its time at every start

        found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/usr/local/sbin")
        if found is None:
            return None
        said = tempfile.TemporaryFile(prefix="pcapframe-")  # noqa: SIM115
        try:
            # A group of its own: Ctrl-C is for us, who then tell it.
            process = subprocess.Popen(
                [found, *_command(name, interface, filter, snap_len, buffer, promiscuous)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                start_new_session=True,
                env={**os.environ, "LC_ALL": "C"},
            )
        except PermissionError:
            said.close()
            return None
        return cls(process, said, name)

    def descriptor(self) -> int:
        """What it writes, a descriptor that the caller owns."""
        assert self._process.stdout is not None
        copy = os.dup(self._process.stdout.fileno())
        self._process.stdout.close()
        return copy

    def interrupt(self) -> None:
        """Tell it to write what it has and to end."""
        with contextlib.suppress(ProcessLookupError):
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGINT)

    def end(self) -> None:
        """Wait for its end, not for ever."""
        import subprocess

        self.interrupt()
        try:
            self._process.wait(_WAIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._last is None:
            self._last = self._text()
            self._said.close()

    def _text(self) -> str:
        if self._last is not None:
            return self._last
        size = os.fstat(self._said.fileno()).st_size
        return os.pread(self._said.fileno(), _SAID, max(0, size - _SAID)).decode(errors="replace")

    def refusal(self) -> str:
        """The line in which it said why it ended, after its end."""
        self.end()
        lines = [line.strip() for line in self._text().splitlines() if line.strip()]
        talk = re.compile(
            r"listening on|Capturing on|packets? (captured|received|dropped)|Packets|File:", re.IGNORECASE
        )
        lines = [line.removeprefix(f"{self.name}: ") for line in lines if not talk.search(line)]
        return " ".join(lines)[:300]

    def about_filter(self, refusal: str) -> bool:
        return bool(re.search(r"syntax error|capture filter|filter expression", refusal, re.IGNORECASE))

    def counts(self) -> tuple[int | None, int | None, int | None]:
        """Received, dropped by the system, dropped by the interface, as it says at its end."""
        pair = re.search(r"received/dropped on interface .*: (\d+)/(\d+)", self._text())
        if pair is not None:
            return int(pair[1]), int(pair[2]), 0
        found = [
            re.search(rf"(\d+) packets? {words}", self._text())
            for words in ("received by filter", "dropped by kernel", "dropped by interface")
        ]
        received, dropped, missed = (None if each is None else int(each[1]) for each in found)
        return received, dropped, missed if missed is not None or dropped is None else 0


def ways(interface: str, said: list[str]) -> PermissionError:
    """Say how this user can get the right to capture."""
    if sys.platform == "darwin":
        how = "install Wireshark's ChmodBPF, which lets a group of users read /dev/bpf*; or use sudo"
    else:
        how = (
            "let dumpcap do it, which pcapframe then uses (Debian, Ubuntu: sudo dpkg-reconfigure wireshark-common, "
            "answer yes; everywhere: sudo usermod -aG wireshark $USER, and log in again); or run this as root (sudo)"
        )
    never = "Give no such right to python itself (setcap): whoever starts it, with any script, would have it"
    tried = f" ({'; '.join(said)})" if said else ""
    return PermissionError(errno.EPERM, f"no right to capture{tried}. Ways to get it: {how}. {never}", interface)
