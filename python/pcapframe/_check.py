"""A capture as we read it beside the same capture as tshark or scapy read it: `pcapframe check`."""

from __future__ import annotations

import gzip
import importlib
import logging
import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from . import _tshark
from ._columns import COMMON
from ._frame import Frame
from ._info import CaptureInfo
from ._opening import open as open_capture
from ._reader import Capture
from .errors import PcapframeError

_SHOWN = 100  # differences that are told one by one; all of them are counted
_AT_ONCE = 4096  # rows turned into Python objects together
_SOUGHT = 25  # keys of a kind whose packets are looked for
_INDICATORS = ("dns", "ip", "seq")

_DAMAGED = "readers end a damaged file at different places"

HOW_TO_GET_TSHARK = "apt install tshark, dnf install wireshark-cli, or brew install wireshark"

Row = dict[str, Any]
Numbers = np.ndarray[Any, Any]


class OracleError(PcapframeError):
    """What a capture shall be compared with is not there, or cannot read it."""


def check(capture: Capture, against: str, sample: int) -> dict[str, Any]:
    """Compare the readings of `sample` packets (0: all), evenly spread over the capture; the answer suits JSON."""
    ask = {"tshark": _by_tshark, "scapy": _by_scapy}[against]
    version = {"tshark": _tshark_version, "scapy": _scapy_version}[against]()
    if not capture.reusable:
        raise OracleError(f"{capture.files[0]}: a stream cannot be compared, it is gone when it has been read; save it")
    info = capture.info(full=True)
    packets = info.packets or 0
    numbers = np.arange(sample, dtype=np.uint64) * packets // sample + 1 if 0 < sample < packets else None
    with tempfile.TemporaryDirectory(prefix="pcapframe-") as folder:
        file = _file(capture, info, numbers, Path(folder))
        report = ask(file, numbers, info, Path(folder))
    counted = _count(capture.files) if against == "tshark" else None
    theirs = counted if counted is not None else report.pop("read") if numbers is None else None
    report.pop("read", None)
    if theirs is not None and theirs != packets:
        if info.faults:
            report["known"].append({"name": "packets", "reason": _DAMAGED, "count": abs(theirs - packets)})
        else:
            report["different"].insert(0, _difference("packets", None, packets, theirs))
    compared = packets if numbers is None else len(numbers)
    return {
        "files": capture.files,
        "against": against,
        "version": version,
        "packets": {"ours": packets, "theirs": theirs},
        "compared": compared,
        "ok": not report["different"],
        **report,
    }


def _file(capture: Capture, info: CaptureInfo, numbers: Numbers | None, folder: Path) -> Path:
    """The file to compare: the capture itself where that is possible, else a copy of the packets asked for."""
    if numbers is None and len(capture.files) == 1 and os.path.isfile(capture.files[0]):
        return Path(capture.files[0])
    return _copy(capture, info, numbers, folder)


def _copy(capture: Capture, info: CaptureInfo, numbers: Numbers | None, folder: Path) -> Path:
    plain = info.format == "pcap" and len(info.link_types) == 1
    path = folder / ("sample.pcap" if plain else "sample.pcapng")
    capture._write(path, numbers)
    return path


def _rows(frame: Frame) -> Iterator[Row]:
    for start in range(0, len(frame), _AT_ONCE):
        columns = frame[start : start + _AT_ONCE].to_dict()
        for values in zip(*columns.values(), strict=True):
            yield dict(zip(columns, values, strict=True))


def _difference(name: str, frame_number: int | None, ours: Any, theirs: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "frame_number": frame_number, "ours": ours, "theirs": theirs, **more}


def _line(name: str, equal: int, known: int, different: int) -> dict[str, Any]:
    return {"name": name, "equal": equal, "known": known, "different": different}


# ---------------------------------------------------------------------------------------------------------- tshark


def _tshark_version() -> str:
    if _tshark.TSHARK is None:
        raise OracleError(f"tshark is not installed: {HOW_TO_GET_TSHARK}")
    said = subprocess.run([_tshark.TSHARK, "--version"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return said.stdout.partition("\n")[0].partition(" (Git")[0].strip() or "tshark"


def _count(files: Sequence[str]) -> int | None:
    """How many packets Wireshark's capinfos finds; None where it does not say."""
    capinfos = shutil.which("capinfos")
    total = 0
    for file in files:
        if capinfos is None or not os.path.isfile(file):
            return None
        command = [capinfos, "-c", "-M", "-T", "-r", os.path.abspath(file)]
        said = subprocess.run(command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
        count = said.stdout.strip().rpartition("\t")[2]
        if not count.isdecimal():
            return None
        total += int(count)
    return total


def _by_tshark(file: Path, numbers: Numbers | None, info: CaptureInfo, folder: Path) -> dict[str, Any]:
    comparison = _tshark.Comparison()
    capture = open_capture(file, progress=False)
    links = {found[0] for source in capture._inputs for found in source.interfaces}
    link = links.pop() if len(links) == 1 else -1
    fine = any(face.resolution < 1e-9 for face in info.interfaces)
    ours_of_all = _rows(capture.packets([*COMMON, "tcp_reassembled_length"]))
    different: list[dict[str, Any]] = []
    read = 0
    try:
        for ours, theirs in zip_longest(ours_of_all, _tshark.tshark_rows(file)):
            read += theirs is not None
            if ours is None or theirs is None:
                continue  # the numbers of packets tell
            theirs["fine"] = fine
            for column in comparison.add(ours, theirs, link):
                place = ours["frame_number"] if numbers is None else int(numbers[ours["frame_number"] - 1])
                if len(different) < _SHOWN:
                    layers = ":".join(theirs["layers"])
                    more = {"frame_fault": ours["frame_fault"], "layers": layers}
                    different.append(_difference(column, place, ours[column], theirs[column], **more))
    except RuntimeError as error:
        lines = [line for line in str(error).splitlines() if not line.startswith("Running as user")]
        raise OracleError(f"tshark cannot read {file}: {lines[-1] if lines else 'it says no more'}") from None
    by_column: Counter[str] = Counter()
    for (column, _), count in comparison.known.items():
        by_column[column] += count
    return {
        "columns": [
            _line(column, comparison.equal[column], by_column[column], len(comparison.different[column]))
            for column in _tshark.COMPARED
        ],
        "known": [
            {"name": column, "reason": kind, "count": count}
            for (column, kind), count in sorted(comparison.known.items())
        ],
        "different": different,
        "read": read,
    }


# ----------------------------------------------------------------------------------------------------------- scapy

Keys = tuple[Any, Any, Any]
ScapyKind = Callable[[Row | None, Any], bool]  # (our row, None where we have no such packet; scapy's packet)

# Why scapy counts a packet otherwise than `compat="scapy"`: what docs/differences.md names as left out. The first that
# fits is the one.
SCAPY_KINDS: dict[str, ScapyKind] = {
    "scapy delivers what follows the fault of a damaged file": lambda ours, packet: ours is None,
    "scapy decompresses 6LoWPAN": lambda ours, packet: any(
        layer.__name__.startswith("LoWPAN") for layer in packet.layers()
    ),
    "scapy's depth ends where Python's recursion does": lambda ours, packet: len(packet.layers()) >= 150,
}


def _scapy() -> Any:
    try:
        logging.getLogger("scapy").setLevel(logging.ERROR)  # what it thinks of the packets is not asked here
        return importlib.import_module("scapy.all")
    except ImportError:
        raise OracleError("scapy is not installed: pip install scapy==2.8.0") from None


def _scapy_version() -> str:
    _scapy()
    return f"scapy {importlib.import_module('scapy').__version__}"


def scapy_keys(packet: Any) -> Keys:
    """What the loop counts a packet under, by kind; None: not at all."""
    scapy = _scapy()
    IP, TCP, DNS = scapy.IP, scapy.TCP, scapy.DNS
    dns = ip = seq = None
    if IP in packet:
        if DNS in packet and packet[DNS].qr == 1 and packet[DNS].ancount == 0:
            dns = packet[IP].dst
        ip = packet[IP].src
    if TCP in packet:
        seq = packet[TCP].seq
    return dns, ip, seq


def _by_scapy(file: Path, numbers: Numbers | None, info: CaptureInfo, folder: Path) -> dict[str, Any]:
    scapy = _scapy()
    try:
        with open(file, "rb") as stream:  # what scapy opened itself it would not close
            squeezed = stream.peek(2)[:2] == b"\x1f\x8b"
            scapy.PcapReader(gzip.GzipFile(fileobj=stream) if squeezed else stream)
    except Exception as error:  # the modified magics, say: scapy can compare the packets of a copy
        capture = open_capture(file, progress=False)
        if file.parent == folder:
            raise OracleError(f"scapy cannot read {file}: {error}") from None
        file = _copy(capture, info, None, folder)
    with scapy.PcapReader(os.fspath(file)) as reader:
        theirs_of_all = [scapy_keys(packet) for packet in reader]
    capture = open_capture(file, progress=False)
    ours = capture.ioc_counts(compat="scapy")
    columns: list[dict[str, Any]] = []
    different: list[dict[str, Any]] = []
    known: Counter[tuple[str, str]] = Counter()
    for place, kind in enumerate(_INDICATORS):
        mine, scapys = ours[place].to_dict(), Counter(keys[place] for keys in theirs_of_all if keys[place] is not None)
        odd = sorted((key for key in {**mine, **scapys} if mine.get(key, 0) != scapys[key]), key=str)
        reasons = _reasons(file, capture, kind, odd[:_SOUGHT], [keys[place] for keys in theirs_of_all])
        explained = 0
        for key in odd:
            found = reasons.get(key, [])
            known.update((kind, reason) for _, reason in found if reason is not None)
            first = next((number for number, reason in found if reason is None), None)
            if found and first is None:
                explained += 1
            elif len(different) < _SHOWN:
                frame_number = first if first is None or numbers is None else int(numbers[first - 1])
                different.append(_difference(kind, frame_number, mine.get(key, 0), scapys[key], key=key))
        columns.append(_line(kind, len({**mine, **scapys}) - len(odd), explained, len(odd) - explained))
    return {
        "columns": columns,
        "known": [{"name": kind, "reason": reason, "count": count} for (kind, reason), count in sorted(known.items())],
        "different": different,
        "read": len(theirs_of_all),
    }


def _reasons(
    file: Path, capture: Capture, kind: str, odd: list[Any], theirs: list[Any]
) -> dict[Any, list[tuple[int, str | None]]]:
    """Per key the packets that only one side counts under it, each with the reason; None: there is none."""
    parted: dict[Any, set[int]] = {}
    for key in odd:
        wanted: dict[str, Any] = {kind: [key]}
        ours = capture.select(**wanted, compat="scapy", columns=["frame_number"])["frame_number"].values
        parted[key] = set(ours.tolist()) ^ {number for number, found in enumerate(theirs, 1) if found == key}
    sought = set().union(*parted.values())
    if not sought:
        return {}
    rows = capture.packets(columns=["frame_number"])
    by_number: dict[int, str | None] = {}
    with _scapy().PcapReader(os.fspath(file)) as reader:
        for number, packet in enumerate(reader, 1):
            if number in sought:
                row = next(_rows(rows[number - 1 : number]), None)
                by_number[number] = next((name for name, fits in SCAPY_KINDS.items() if fits(row, packet)), None)
    return {key: [(number, by_number.get(number)) for number in sorted(found)] for key, found in parted.items()}
