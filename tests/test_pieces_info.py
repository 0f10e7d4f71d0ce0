"""What a capture is, asked of its pieces: `info` with ``full=True``, put together."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pcapframe as pf
from captures import Packet, ethernet, ipv4, pcap_bytes, tcp
from captures_ng import enhanced, interface, name_resolution, other, section, statistics
from test_pieces import LAB, by_pieces, plain, told


def info_of(cap: pf.Capture, size: Any) -> None:
    one = told(lambda: cap.info(full=True))
    several = told(lambda: by_pieces(cap, size, "info", full=True))
    assert several[1:] == one[1:]
    assert plain(several[0]) == plain(one[0])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=60), st.integers(1, 3), st.integers(60, 900))
def test_packets_earlier_than_those_of_other_pieces_are_counted(times: list[int], files: int, size: int) -> None:
    frame = ethernet(ipv4(tcp())).octets
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number in range(files):
            mine = times[number::files]
            paths.append(Path(folder, f"{number}.pcap"))
            paths[-1].write_bytes(pcap_bytes([Packet(frame, len(frame), 1_500_000_000 + time) for time in mine]))
        info_of(pf.open(paths), size)
        info_of(pf.open(paths), None)


@pytest.mark.filterwarnings("ignore::pcapframe.CaptureWarning")
def test_files_that_overlap_by_many_packets(tmp_path: Path) -> None:
    """More than 16,384 of a piece: told where the file before ends before or behind all of it, else refused."""
    frame = bytes(60)
    packets = [Packet(frame, 60, 1_500_000_000 + number // 10) for number in range(40_000)]
    (tmp_path / "b.pcap").write_bytes(pcap_bytes(packets))
    for first, known in ((-5, True), (3, True), (1638, True), (2000, False), (5000, True)):
        head = [Packet(frame, 60, 1_400_000_000), Packet(frame, 60, 1_500_000_000 + first)]
        (tmp_path / "a.pcap").write_bytes(pcap_bytes(head))
        cap = pf.open([tmp_path / "a.pcap", tmp_path / "b.pcap"])
        assert (cap.info(full=True).oddities or {})["time_backwards"] == 10 * min(max(first, 0), 4000)
        if known:
            info_of(cap, None)
        else:
            with pytest.raises(pf.CaptureError, match=r"^info: .*b\.pcap: more packets of a piece are earlier"):
                by_pieces(cap, None, "info", full=True)


def test_comments_of_all_pieces_are_the_first_that_have_room(tmp_path: Path) -> None:
    frame = ethernet(ipv4(tcp())).octets
    blocks = [section(), interface(1, name=b"eth0"), interface(1), name_resolution([(b"\x0a\0\0\1", b"host.example")])]
    for number in range(60):
        words = bytes([65 + number % 26]) * (900 + 1500 * (number % 5 == 0))
        blocks.append(enhanced(frame, 1_500_000_000_000_000 + number, chosen=[(1, words)]))
        if number % 3 == 0:
            blocks += [other(0x80000001 + number % 70), statistics(number % 2, number, number // 3)]
    path = tmp_path / "notes.pcapng"
    path.write_bytes(b"".join(blocks))
    cap = pf.open(path)
    found = cap.info(full=True)
    assert (found.more_notes, found.interfaces[1].received) == (True, 57)
    assert len(found.comments or ()) > 40
    for size in (200, 1000, 5000, 40_000, None):
        info_of(cap, size)


def test_blocks_of_many_types(tmp_path: Path) -> None:
    frame = ethernet(ipv4(tcp())).octets
    parts = [section(), interface(1)]
    for number in range(100):
        parts += [other(0x80000001 + number % 80), enhanced(frame, 1_500_000_000_000_000 + number)]
    path = tmp_path / "types.pcapng"
    path.write_bytes(b"".join(parts))
    cap = pf.open(path)
    assert len(cap.info(full=True).other_blocks or {}) == 64
    info_of(cap, 500)
    with pytest.raises(pf.CaptureError, match=r"^info: a piece has more than 64 types of other blocks"):
        by_pieces(cap, path.stat().st_size * 9 // 10, "info", full=True)


def test_pieces_are_read(tmp_path: Path) -> None:
    piece = pf.open(LAB).partitions(None)[0]
    with pytest.raises(pf.CaptureError, match=r"^info: pieces are read, so ask with full=True"):
        piece.info()
