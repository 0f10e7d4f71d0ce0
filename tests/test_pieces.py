"""Answers put together from pieces are those of one machine, whatever the pieces and whoever wrote the packets."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pickle
import random
import struct
import tempfile
import warnings
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pcapframe as pf
from captures import Packet, ethernet, ipv4, pcap_bytes, st_capture, tcp, udp
from captures_ng import enhanced, interface, section, simple, st_pcapng
from pcapframe import _core, _index, _partial, _pieces, _questions, _state

LAB = Path(__file__).parents[1] / "examples" / "lab.pcap"
ALL = [
    field.name
    for field in pf.columns()
    if field.name not in ("flow_id", "flow_direction") and not _core.needs((field.name,))
]
COLUMNS = ["frame_number", "frame_time", "frame_time_delta", "frame_time_relative", "frame_len", "ip_src", "frame_raw",
           "frame_interface_id", "frame_file"]  # fmt: skip
COLUMNS = [name for name in COLUMNS if name in ALL]
SOUGHT = pf.Indicators.from_values(["curl/7.88.1"], "user_agent") + pf.Indicators.from_values(
    ["http://www.example/notes.txt", "http://10.0.0.2/"], "url"
)
QUESTIONS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("ioc_counts", (), {}),
    ("ioc_counts", ("scapy",), {"seq_rule": "data"}),
    ("count", ("frame_len",), {}),
    ("count", ("frame_protocols",), {}),
    ("count", ("ip_src", "tcp_dstport"), {}),
    (
        "count",
        ("frame_protocols", "ip_src"),
        {
            "every": "1s",
            "sum": "frame_len",
            "min": ["frame_time", "ip_ttl"],
            "max": "frame_time",
            "mean": "frame_len",
            "dropna": False,
        },
    ),
    ("count", (), {"sum": ["ip_ttl", "frame_len"], "std": ["frame_len", "tcp_seq_raw"]}),
    ("count", ("eth_src", "frame_len"), {"top": 2}),
    ("count", ("frame_file", "ip_proto"), {"every": "1h", "fill": True, "top": None, "max": "frame_len"}),
    ("packets", (COLUMNS,), {}),
    ("packets", (["frame_time_delta", "tcp_srcport"],), {}),
    ("select", (), {"ip": ["10.0.0.1"], "columns": COLUMNS, "any_of": [{"frame_len": slice(20, 500)}]}),
    ("flows", (), {}),
    ("flows", ("cic2017",), {"names": "v4", "protocols": "tcp"}),
    ("flows", ("corrected", "fork"), {"max_flows": 2, "extra": ["rtt", "state"]}),
    ("flows", (), {"sort": True, "dedup_us": 1000, "tz": "Europe/Berlin"}),
    ("detect", (), {}),
    ("detect", (), {"only": ["vertical", "count_ip", "web_attack"], "scan_ports": 2, "window": "10s"}),
    ("match", (SOUGHT,), {}),
    ("info", (), {"full": True}),
]


def answer_of(cap: pf.Capture, question: str, *arguments: Any, **keywords: Any) -> Any:
    """The answer of one machine."""
    ask = pf.detect if question == "detect" else getattr(pf.Capture, question)
    return ask(cap, *arguments, **keywords)


def told(ask: Callable[[], Any]) -> tuple[Any, list[Any], str]:
    """An answer, what was warned of, and the error instead of it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            answer = ask()
        except (ValueError, pf.FilterError) as error:
            # Of one machine a plain ValueError; of partials theirs, which is one, too.
            kind = "ValueError" if str(error).startswith(("packet ", "fill: ")) else type(error).__name__
            return None, [], f"{kind}: {error}"
    return answer, [getattr(each.message, "faults", ()) for each in caught], ""


def plain(answer: Any) -> Any:
    """All that there is to an answer."""
    if isinstance(answer, pf.CaptureInfo):
        return dataclasses.astuple(answer)
    if not isinstance(answer, pf.Frame):
        return answer if answer is None else [list(each.items()) for each in _tables(answer)]
    texts = {name: answer[name].categories for name in answer.columns if answer[name].kind == "text"}
    doubles = {
        name: (answer[name].values.tobytes(), [value is None for value in answer[name].tolist()])
        for name, kind, _ in answer.schema
        if kind == "float64"
    }
    others = {name: values for name, values in answer.to_dict().items() if name not in doubles}  # NaN equals nothing
    return answer.schema, others, doubles, texts, answer.provenance


def _tables(answer: Any) -> list[Any]:
    return list(answer) if isinstance(answer, pf.IocCounts) else [answer]


def together(partials: list[Any], order: random.Random) -> Any:
    """Their sum, in any order and grouping, now and then by way of a pickle."""
    while len(partials) > 1:
        a, b = (partials.pop(order.randrange(len(partials))) for _ in range(2))
        both = a + b
        partials.append(pickle.loads(pickle.dumps(both)) if order.random() < 0.2 else both)
    return partials[0]


def by_pieces(cap: pf.Capture, size: Any, question: str, *arguments: Any, seed: int = 0, **keywords: Any) -> Any:
    order = random.Random(seed)
    pieces = [pickle.loads(pickle.dumps(piece)) for piece in cap.partitions(size)]
    whole = together([piece.run(question, *arguments, **keywords) for piece in pieces], order)
    for _ in range(len(pieces) + 1):
        missing = whole.missing()
        if not missing:
            return whole.finish()
        whole = together([whole, *(piece.run(question, *arguments, **keywords) for piece in missing)], order)
    raise AssertionError("still missing: each round must settle a piece")


def check_equal(files: list[bytes], size: int, which: int, seed: int, **options: Any) -> None:
    question, arguments, keywords = QUESTIONS[which]
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, octets in enumerate(files):
            paths.append(Path(folder) / f"{number}.cap")
            paths[-1].write_bytes(octets)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                cap = pf.open(paths if len(paths) > 1 else paths[0], **options)
        except pf.CaptureError:
            return  # no capture
        one = told(lambda: answer_of(cap, question, *arguments, **keywords))
        several = told(lambda: by_pieces(cap, size, question, *arguments, seed=seed, **keywords))
        assert several[1:] == one[1:]
        assert plain(several[0]) == plain(one[0])


ASKED = st.integers(0, len(QUESTIONS) - 1)
SIZES = st.integers(30, 400) | st.integers(400, 20_000)


@settings(max_examples=40, deadline=None)
@given(st_capture(), SIZES, ASKED, st.integers(0, 9999), st.booleans())
def test_any_cut_of_a_pcap_gives_the_answer(octets: bytes, size: int, which: int, seed: int, strict: bool) -> None:
    check_equal([octets], size, which, seed, strict=strict)


@settings(max_examples=40, deadline=None)
@given(st_pcapng(), SIZES, ASKED, st.integers(0, 9999))
def test_any_cut_of_a_pcapng_gives_the_answer(octets: bytes, size: int, which: int, seed: int) -> None:
    check_equal([octets], size, which, seed)


@settings(max_examples=15, deadline=None)
@given(st.lists(st_capture(most=12) | st_pcapng(most=12), min_size=2, max_size=3), SIZES, ASKED, st.integers(0, 9999))
def test_any_cut_of_several_files_gives_the_answer(files: list[bytes], size: int, which: int, seed: int) -> None:
    check_equal(files, size, which, seed)


@settings(max_examples=15, deadline=None)
@given(st_capture(), SIZES, ASKED)
def test_a_narrowed_capture_is_cut_as_it_is(octets: bytes, size: int, which: int) -> None:
    question, arguments, keywords = QUESTIONS[which]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.pcap"
        path.write_bytes(octets)
        cap = pf.open(path).filter(frame_len=slice(40, None)).between(None, 1_500_000_001_000_000_000)
        one = told(lambda: answer_of(cap, question, *arguments, **keywords))
        several = told(lambda: by_pieces(cap, size, question, *arguments, **keywords))
        assert several[1:] == one[1:]
        assert plain(several[0]) == plain(one[0])


def test_the_first_of_two_errors_is_told() -> None:
    """A damaged file, and in the one behind it packets that flows cannot take."""
    frame = ethernet(ipv4(tcp())).octets
    damaged = pcap_bytes([Packet(frame, len(frame), 1_500_000_000)] * 3)[:-9]
    other = pcap_bytes([Packet(frame, len(frame), 1_600_000_000)], 105)
    which = next(n for n, each in enumerate(QUESTIONS) if each[0] == "flows")
    for size in (60, 10_000):
        check_equal([damaged, other], size, which, 0, strict=True)
        check_equal([other, damaged], size, which, 0, strict=True)


# --- guesses that packets make wrong ---------------------------------------------------------------------------------


def planted_pcap(packets: int = 40) -> bytes:
    """Payloads with headers of records that chain from one packet into the next, to the end of the file."""
    room = 400
    size = 16 + len(ethernet(ipv4(udp(bytes(room)))).octets)  # of each record
    header = struct.pack("<IIII", 1_500_000_000, 7, size - 16, size - 16)
    payload = bytes(100) + header + bytes(room - 116)  # the record it begins ends with the same octet one packet on
    frame = ethernet(ipv4(udp(payload))).octets
    last = ethernet(ipv4(udp(bytes(84)))).octets  # ... and at last with the file
    return pcap_bytes([*[Packet(frame, len(frame), 1_500_000_000 + n) for n in range(packets)], last])


def planted_pcapng(packets: int = 40) -> bytes:
    """The same with blocks, whose lengths before and behind agree."""
    room = 400
    size = len(enhanced(ethernet(ipv4(udp(bytes(room)))).octets))
    behind = struct.pack("<I", size)
    # The payload begins 42 octets into the frame: two more, and words are where blocks have theirs.
    fake = behind + struct.pack("<IIIIIII", 6, size, 0, 0, 0, 4, 4)
    payload = bytes(2 + 100) + fake + bytes(room - 102 - len(fake))
    frame = ethernet(ipv4(udp(payload))).octets
    return section() + interface(1) + b"".join(enhanced(frame, 1_500_000_000_000_000 + n) for n in range(packets))


@pytest.mark.parametrize("made", [planted_pcap, planted_pcapng])
def test_planted_headers_fool_the_guess_and_are_found(made: Callable[[], bytes], tmp_path: Path) -> None:
    path = tmp_path / "planted.cap"
    path.write_bytes(made())
    cap = pf.open(path)
    wrong = 0
    for size in (300, 700, 999, 2048):
        pieces = cap.partitions(size)
        whole = together([piece.count("frame_len") for piece in pieces], random.Random(size))
        first = whole.missing()
        wrong += len(first) > 0
        assert all(piece.start is not None or piece.piece == 0 for piece in first)
        if first:
            with pytest.raises(pf.CaptureError, match=r"pieces are missing: <Partition .*planted\.cap: octets"):
                whole.finish()
    assert wrong >= 3, "the payloads fooled no guess: this test shows nothing"
    for number, (question, arguments, keywords) in enumerate(QUESTIONS):
        one = answer_of(cap, question, *arguments, **keywords)
        assert plain(by_pieces(cap, 700, question, *arguments, seed=number, **keywords)) == plain(one)


def test_a_capture_carried_in_packets_is_not_taken_for_this_one(tmp_path: Path) -> None:
    """Its records chain no further than the packet reaches, whose end is not one of theirs."""
    inner = pcap_bytes([bytes(60)] * 18)[24:-9]
    path = tmp_path / "nested.pcap"
    path.write_bytes(pcap_bytes([ethernet(ipv4(udp(inner))).octets] * 50))
    cap = pf.open(path)
    pieces = cap.partitions(500)
    whole = together([piece.count("frame_len") for piece in pieces], random.Random(1))
    assert whole.missing() == []
    assert whole.finish() == cap.count("frame_len")


def test_interfaces_of_a_file_without_packets_are_counted(tmp_path: Path) -> None:
    frame = ethernet(ipv4(tcp())).octets
    (tmp_path / "0.pcap").write_bytes(pcap_bytes([]))
    # Packets without times: files stay in the order that is given.
    (tmp_path / "1.pcapng").write_bytes(section() + interface(1) + simple(frame) * 3)
    cap = pf.open([tmp_path / "0.pcap", tmp_path / "1.pcapng"])
    assert cap.packets(["frame_interface_id"])["frame_interface_id"].tolist() == [1, 1, 1]
    for size in (1, 24, 30, 100, None):
        assert plain(by_pieces(cap, size, "packets", COLUMNS)) == plain(cap.packets(COLUMNS))


def test_interfaces_described_in_the_middle_are_found(tmp_path: Path) -> None:
    frame = ethernet(ipv4(tcp())).octets
    parts = [section(), interface(1)]
    for number in range(30):
        parts += [interface(1, name=b"eth%d" % number)] if number % 7 == 3 else []
        parts += [enhanced(frame, number=len([part for part in parts if part[:4] == b"\1\0\0\0"]) - 1)] * 3
    path = tmp_path / "late.pcapng"
    path.write_bytes(b"".join(parts))
    cap = pf.open(path)
    columns = ["frame_number", "frame_interface_id", "frame_interface_name"]
    columns = [name for name in columns if name in ALL]
    assert plain(by_pieces(cap, 300, "packets", columns)) == plain(cap.packets(columns))


# --- with an index ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def fine_indexes(octets: int) -> Iterator[None]:
    """Indexes are made with places so near to each other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_index, "_GRAIN", octets)
        yield


@pytest.mark.parametrize("made", [planted_pcap, planted_pcapng])
def test_with_an_index_nothing_is_guessed(made: Callable[[], bytes], tmp_path: Path) -> None:
    path = tmp_path / "planted.cap"
    path.write_bytes(made())
    with fine_indexes(1500):
        pf.open(path).index()
    fooled = 0
    for size in (300, 700, 999, 2048):
        for cap, exact in ((pf.open(path), True), (pf.open(path, index=False), False)):
            pieces = [pickle.loads(pickle.dumps(piece)) for piece in cap.partitions(size)]
            whole = together([piece.count("frame_len") for piece in pieces], random.Random(size))
            assert {piece.entry is not None for piece in pieces[1:]} == {exact}
            assert not (exact and whole.missing())
            fooled += bool(whole.missing())
    assert fooled >= 3, "the payloads fooled no guess: this test shows nothing"


def test_a_stale_index_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "planted.pcap"
    path.write_bytes(planted_pcap())
    pf.open(path).index()
    path.write_bytes(planted_pcap(39))
    with pytest.warns(pf.CaptureWarning, match="is not used as the index"):
        cap = pf.open(path)
    pieces = cap.partitions(700)
    assert {piece.entry for piece in pieces} == {None}
    assert together([piece.count("frame_len") for piece in pieces], random.Random(1)).missing(), "it was no guess"
    assert by_pieces(cap, 700, "count", "frame_len") == cap.count("frame_len")


@settings(max_examples=40, deadline=None)
@given(octets=st_capture() | st_pcapng(), size=SIZES, grain=st.integers(1, 2000), which=ASKED)
def test_any_cut_with_an_index_gives_the_answer(octets: bytes, size: int, grain: int, which: int) -> None:
    question, arguments, keywords = QUESTIONS[which]
    with tempfile.TemporaryDirectory() as folder, fine_indexes(grain):
        path = Path(folder, "a.cap")
        path.write_bytes(octets)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pf.open(path).index()
                cap = pf.open(path)
                pieces = cap.partitions(size)
                whole = together([piece.run(question, *arguments, **keywords) for piece in pieces], random.Random(size))
        except pf.CaptureError:
            return  # no capture
        one = told(lambda: answer_of(cap, question, *arguments, **keywords))
        assert whole.missing() == []
        several = told(whole.finish)
        assert several[1:] == one[1:]
        assert plain(several[0]) == plain(one[0])


# --- pieces of many files ---------------------------------------------------------------------------------------------


def several_files(folder: Path, count: int) -> pf.Capture:
    frame = ethernet(ipv4(tcp())).octets
    for number in range(count):
        octets = pcap_bytes([Packet(frame, len(frame), 1_500_000_000 + number)] * 3)
        Path(folder, f"{number:04}.pcap").write_bytes(octets)
    return pf.open(f"{folder}/*.pcap")


def test_a_piece_is_small_however_many_there_are(tmp_path: Path) -> None:
    sizes, rooms = set(), set()
    for count in (1, 300):
        (tmp_path / f"{count:03}").mkdir()
        pieces = several_files(tmp_path / f"{count:03}", count).partitions("100B")
        assert len(pieces) >= 3 * count
        sizes |= {len(pickle.dumps(piece)) for piece in pieces}
        rooms |= {len(pickle.dumps(pieces[at].ioc_counts())) for at in (0, -1)}
    assert max(sizes) - min(sizes) <= 16, "numbers of one octet, and of two"
    assert max(sizes) < 1000
    assert max(rooms) < 1500


@pytest.mark.parametrize("first", [0, 299])
def test_a_sum_of_many_pieces_takes_few_looks_at_all(
    first: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order of one file, and where nothing fits until its first piece is there."""
    frame = ethernet(ipv4(tcp())).octets
    (tmp_path / "a.pcap").write_bytes(pcap_bytes([Packet(frame, len(frame), 1_500_000_000 + n) for n in range(300)]))
    cap = pf.open(tmp_path / "a.pcap")
    partials = [piece.ioc_counts() for piece in cap.partitions(16 + len(frame))]
    looks, chain = [], _partial._Chain
    monkeypatch.setattr(_partial, "_Chain", lambda *about: looks.append(1) or chain(*about))
    whole = partials[first]
    for number in range(1, len(partials)):
        whole = whole + partials[first - number if first else number]
    assert len(looks) < len(partials) / 16
    assert len(pickle.dumps(whole)) < len(pickle.dumps(partials[0])) * 300 / 2
    assert len(whole._states) <= 2  # and an empty one, of the piece in which no record begins
    assert pickle.loads(pickle.dumps(whole)).finish() == whole.finish() == cap.ioc_counts()


def test_what_is_known_of_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that did not cut the capture knows the files of the partials that it has."""
    cap = several_files(tmp_path, 4)
    answer = cap.packets(COLUMNS)
    octets = [pickle.dumps(piece.packets(COLUMNS)) for piece in cap.partitions("100B")]
    pieces = len(octets) // 4
    monkeypatch.setattr(_pieces, "_PLANS", weakref.WeakValueDictionary())
    partials = [pickle.loads(each) for each in octets]
    order = random.Random(4)
    assert plain(together(list(partials), order).finish()) == plain(answer)
    some = together(partials[: 3 * pieces + 1], order)  # one piece of the last file
    assert next((each.file_number, each.piece) for each in some.missing()) == (3, 1)
    some = together(partials[: 2 * pieces], order)
    for ask in (some.missing, some.finish):
        with pytest.raises(pf.CaptureError, match="2 of 4 files are missing, of which nothing is known here"):
            ask()
    again = cap.partitions("100B")
    assert {each.file_number for each in some.missing()} == {2, 3}
    whole = together([some, *(each.packets(COLUMNS) for each in some.missing())], order)
    assert plain(whole.finish()) == plain(answer)
    assert len(again) == len(partials)


@pytest.mark.parametrize("name", [b"a\xff\xfe.pcap", b"a\nb\x1b[31m: packet 7: \\.pcap", b"d" * 200 + b".pcap"])
def test_messages_have_the_numbers_of_the_whole_capture_whatever_the_name(name: bytes, tmp_path: Path) -> None:
    frame = ethernet(ipv4(tcp())).octets
    packets = [enhanced(frame, 1_500_000_000_000_000 + n, n == 20) for n in range(40)]
    octets = section() + interface(1) + interface(147) + b"".join(packets)
    paths = [os.path.join(tmp_path, os.fsdecode(each + name)) for each in (b"1", b"2")]
    for path in paths:
        Path(path).write_bytes(octets[:-9])
    cap = pf.open(paths).filter("tcp")
    one = told(lambda: cap.count("frame_len"))
    assert {fault.kind for faults in one[1] for fault in faults} == {"cut_short", "overlap", "unfiltered"}
    assert told(lambda: by_pieces(cap, 500, "count", "frame_len"))[1] == one[1]


def test_more_rows_than_there_may_be(tmp_path: Path) -> None:
    frame = ethernet(ipv4(tcp())).octets
    path = tmp_path / "far.pcap"
    path.write_bytes(pcap_bytes([Packet(frame, len(frame), 1_500_000_000 + far) for far in (0, 90_000_000)]))
    asked = {"every": "1s", "fill": True}
    one = told(lambda: pf.open(path).count("ip_src", **asked))
    assert one[2].startswith("ValueError: fill: 1 keys in each of 90000001 bins")
    assert told(lambda: by_pieces(pf.open(path), 60, "count", "ip_src", **asked)) == one


def test_a_filter_tells_of_the_first_packet_of_all(tmp_path: Path) -> None:
    """Of a link type that it cannot serve, and of others behind it, in the same piece or in others."""
    frame = ethernet(ipv4(tcp())).octets
    packets = [enhanced(frame, 1_500_000_000_000_000 + n, (0, 1, 1, 2)[n % 4]) for n in range(20)]
    path = tmp_path / "types.pcapng"
    path.write_bytes(section() + interface(1) + interface(147) + interface(14) + b"".join(packets))
    cap = pf.open(path).filter("tcp").filter("ip")
    one = told(lambda: cap.count("frame_len"))
    assert [fault.frame_number for faults in one[1] for fault in faults] == [2]
    for size in (60, 300, None):
        assert told(partial(by_pieces, cap, size, "count", "frame_len"))[1] == one[1]


def test_a_relative_path_is_the_same_file_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gzip

    (tmp_path / "a.pcap").write_bytes(LAB.read_bytes())
    (tmp_path / "b.pcap.gz").write_bytes(gzip.compress(LAB.read_bytes())[:-9])
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    cap = pf.open(["a.pcap", "b.pcap.gz"])
    pieces = cap.partitions("100kB")
    for question, arguments in (("packets", (["frame_file", "frame_number"],)), ("info", (True,))):
        monkeypatch.chdir(tmp_path)
        one = told(partial(answer_of, cap, question, *arguments))
        monkeypatch.chdir(tmp_path / "elsewhere")
        whole = together([piece.run(question, *arguments) for piece in pieces], random.Random(0))
        several = told(whole.finish)
        assert several[1:] == one[1:]
        monkeypatch.chdir(tmp_path)
        assert plain(several[0]) == plain(one[0])
    monkeypatch.chdir(tmp_path / "elsewhere")
    (tmp_path / "b.pcap.gz").unlink()
    with pytest.raises(pf.CaptureError, match=r"^b\.pcap\.gz: is not here"):
        pieces[-1].ioc_counts()


# --- one clear error each --------------------------------------------------------------------------------------------


def lab(tmp_path: Path) -> tuple[Path, list[Any]]:
    path = tmp_path / "lab.pcap"
    path.write_bytes(LAB.read_bytes())
    return path, pf.open(path).partitions("10kB")


def test_a_file_that_changed_is_refused(tmp_path: Path) -> None:
    path, pieces = lab(tmp_path)
    about = os.stat(path)
    octets = bytearray(LAB.read_bytes())
    octets[-1] ^= 1
    path.write_bytes(octets)
    with pytest.raises(pf.CaptureError, match=r"lab\.pcap: changed since it was cut: its time"):
        pieces[1].ioc_counts()
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    with pytest.raises(pf.CaptureError, match=r"lab\.pcap: changed since it was cut: its octets"):
        pieces[1].ioc_counts()
    path.write_bytes(octets + b"\0")
    with pytest.raises(pf.CaptureError, match=r"lab\.pcap: changed since it was cut: its size was"):
        pieces[1].ioc_counts()


def test_what_took_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    path, pieces = lab(tmp_path)
    path.unlink()
    os.mkfifo(path)  # and nobody writes to it
    with pytest.raises(pf.CaptureError, match=r"lab\.pcap: changed since it was cut: its size was"):
        pieces[0].ioc_counts()
    path.unlink()
    path.symlink_to(path)
    with pytest.raises(pf.CaptureError, match=r"lab\.pcap: cannot be read here: Too many levels of symbolic links"):
        pieces[0].ioc_counts()


def test_a_file_that_is_not_here_is_named(tmp_path: Path) -> None:
    path, pieces = lab(tmp_path)
    path.unlink()
    with pytest.raises(pf.CaptureError, match=r"lab\.pcap: is not here"):
        pieces[0].ioc_counts()


def test_the_largest_of_many_groups_are_estimated_on_one_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    cap = pf.open(LAB)
    asked = ("tcp_seq_raw", "frame_len"), {"top": 5}
    assert plain(by_pieces(cap, "50kB", "count", *asked[0], **asked[1])) == plain(cap.count(*asked[0], **asked[1]))
    monkeypatch.setattr(_questions, "_FEWEST", 64)
    with pytest.raises(pf.CaptureError, match=r"count: top= of [\d,]+ groups is estimated in the order of the packets"):
        by_pieces(cap, "50kB", "count", *asked[0], **asked[1])


def test_what_does_not_belong_together_is_refused(tmp_path: Path) -> None:
    path, pieces = lab(tmp_path)
    part = pieces[0].ioc_counts()
    with pytest.raises(pf.CaptureError, match=r"the same piece is there twice: <Partition .*lab\.pcap: octets 0 to"):
        part + pieces[0].ioc_counts()
    with pytest.raises(pf.CaptureError, match="different questions"):
        part + pieces[1].count("ip_src")
    with pytest.raises(pf.CaptureError, match="different questions"):
        part + pieces[1].ioc_counts("scapy")
    with pytest.raises(pf.CaptureError, match="different captures"):
        part + pf.open(path).partitions("9kB")[1].ioc_counts()
    with pytest.raises(pf.CaptureError, match="narrowed otherwise"):
        part + pf.open(path).filter(frame_len=60).partitions("10kB")[1].ioc_counts()
    with pytest.raises(TypeError):
        part + 1


def test_what_pieces_cannot_know_is_refused(tmp_path: Path) -> None:
    path, pieces = lab(tmp_path)
    for column in ("tcp_stream", "tls_handshake_extensions_server_name", "flow_id"):
        with pytest.raises(pf.CaptureError, match=f"{column}: depends on segments"):
            pieces[1].packets([column])
    narrowed = pf.open(path).filter(frame_number=slice(1, 9)).partitions("10kB")
    with pytest.raises(pf.CaptureError, match="frame_number: a condition on it depends on all packets before"):
        narrowed[0].ioc_counts()
    with pytest.raises(pf.CaptureError, match="hosts: cannot be asked of pieces"):
        pieces[0].run("hosts")
    with pytest.raises(KeyError, match="no column"):
        pieces[0].packets(["nothing"])
    whole = pf.open(path).partitions(None)
    assert len(whole) == 1
    names = ["tcp_stream", "tls_handshake_extensions_server_name"]
    assert plain(whole[0].packets(names).finish()) == plain(pf.open(path).packets(names))


def test_only_files_can_be_handed_on() -> None:
    octets = LAB.read_bytes()
    with pytest.raises(pf.CaptureError, match="cannot be handed to others"):
        pf.open(octets).partitions()
    with LAB.open("rb") as file, pytest.raises(pf.CaptureError, match="cannot be handed to others"):
        pf.open(file).partitions()
    with pytest.raises(ValueError, match="size"):
        pf.open(LAB).partitions("much")


def test_a_compressed_file_is_one_piece(tmp_path: Path) -> None:
    import gzip

    path = tmp_path / "lab.pcap.gz"
    path.write_bytes(gzip.compress(LAB.read_bytes()))
    cap = pf.open([path, LAB])
    pieces = cap.partitions("20kB")
    assert [piece.file for piece in pieces].count(str(path)) == 1
    assert len(pieces) > 2
    for question, arguments, keywords in QUESTIONS:
        one = told(partial(answer_of, cap, question, *arguments, **keywords))
        several = told(partial(by_pieces, cap, "20kB", question, *arguments, **keywords))
        assert several[1:] == one[1:]
        assert plain(several[0]) == plain(one[0])


# --- files of partials ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", range(len(QUESTIONS)))
def test_a_partial_is_saved_and_loaded(which: int, tmp_path: Path) -> None:
    question, arguments, keywords = QUESTIONS[which]
    _, pieces = lab(tmp_path)
    paths = []
    for number, piece in enumerate(pieces):
        paths.append(tmp_path / f"{number}.part")
        piece.run(question, *arguments, **keywords).save(paths[-1])
    partials = [type(pieces[0].ioc_counts()).load(path) for path in paths]
    whole = together(partials, random.Random(which))
    whole.save(tmp_path / "whole")
    cap = pf.open(tmp_path / "lab.pcap")
    one = answer_of(cap, question, *arguments, **keywords)
    assert plain(type(whole).load(tmp_path / "whole").finish()) == plain(one)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_file_that_lies_is_refused(data: st.DataObject) -> None:
    """Damaged, or with a digest made anew: an error or an answer, never a crash."""
    import hashlib

    from pcapframe._partial import Partial

    question, arguments, keywords = QUESTIONS[data.draw(ASKED)]
    partial = pf.open(LAB).partitions(None)[0].run(question, *arguments, **keywords)
    octets = bytearray(partial._octets(partial._plan))
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 33))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        octets[-32:] = hashlib.sha256(octets[:-32]).digest()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(ValueError, TypeError, KeyError, OverflowError):
            plain(Partial._of(bytes(octets), "made").finish())


def test_frames_are_pickled() -> None:
    frame = pf.open(LAB).packets("*")
    again = pickle.loads(pickle.dumps(frame))
    assert plain(again) == plain(frame)
    assert plain(pickle.loads(pickle.dumps(frame[:0]))) == plain(frame[:0])
    assert again[3:9].provenance == frame.provenance
    flows = pf.open(LAB).flows()
    assert pickle.loads(pickle.dumps(flows)).to_dict() == flows.to_dict()


CORPUS = os.environ.get("PCAPFRAME_CORPUS")


@pytest.mark.soak
@pytest.mark.skipif(CORPUS is None, reason="PCAPFRAME_CORPUS names no folder of real captures")
@pytest.mark.parametrize("seed", range(4))
def test_real_captures_in_pieces(seed: int) -> None:
    assert CORPUS is not None
    order = random.Random(seed)
    files = sorted(path for path in Path(CORPUS, "captures").rglob("*.pcap*") if 3000 < path.stat().st_size < 4_000_000)
    for path in order.sample(files, 60):
        try:
            cap = pf.open(path)
        except pf.CaptureError:
            continue
        size = max(order.choice([200, 1000, 5000, 100_000]), path.stat().st_size // 40)
        for question, arguments, keywords in (
            ("ioc_counts", (), {}), ("packets", (ALL,), {}), ("flows", (), {}), ("flows", ("cic2017",), {}),
            ("detect", (), {"window": "1min"}),
        ):  # fmt: skip
            one = told(partial(answer_of, cap, question, *arguments, **keywords))
            several = told(partial(by_pieces, cap, size, question, *arguments, **keywords))
            assert several[1:] == one[1:], path
            assert plain(several[0]) == plain(one[0]), path


def _changed(place: tuple[Any, ...], value: Any, octets: bytes) -> bytes:
    """A Partial in whose header something else stands, with a digest that is right."""
    header, arrays = _state.unpacked(octets, "")
    del header["dtypes"]
    at: Any = header
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = value
    return _state.packed(header, arrays)


STRANGE = [None, "x", -1, 10**30, 1.5, [1]]


@pytest.mark.parametrize("place", [("plan", "octets"), ("plan", "count"), ("plan", "cut"),
                                   ("plan", "files", 0, 1, "size"), ("plan", "files", 0, 1, "first"),
                                   *(("runs", 0, number) for number in (0, 1, 2, 4, 6, 7, 8, 11))])  # fmt: skip
def test_numbers_that_are_none_are_refused(place: tuple[Any, ...]) -> None:
    """Whoever can write a file can make its digest: what is loaded is not believed for that."""
    octets = pf.open(LAB).partitions(None)[0].count("frame_len").__reduce__()[1][0]
    for value in STRANGE:
        if (place[-1], value) == ("first", -1):
            continue  # a file that is read from its beginning on
        with pytest.raises(pf.CaptureError, match="damaged"):
            _partial.Partial._of(_changed(place, value, octets), "a file")


@pytest.mark.parametrize("place", [("runs", 0, 9), ("runs", 0, 10), ("runs", 0, 12), ("runs", 0, 3)])
def test_lists_that_are_none_are_refused(place: tuple[Any, ...]) -> None:
    octets = pf.open(LAB).partitions(None)[0].count("frame_len").__reduce__()[1][0]
    for value in ("x", -1, [1, "x"], [[1, 2, 3]], [2**63]):
        with pytest.raises(pf.CaptureError, match="damaged"):
            _partial.Partial._of(_changed(place, value, octets), "a file")


def test_more_pieces_than_anybody_asks() -> None:
    partial = pf.open(LAB).partitions(10**9)[0].count("frame_len")
    octets = _changed(("plan", "files", 0, 1, "size"), 2**60, partial.__reduce__()[1][0])
    with pytest.raises(pf.CaptureError, match="pieces"):
        _partial.Partial._of(_changed(("plan", "octets"), 1, octets), "a file")
    for text in (b"[" * 200_000, b'{"dtypes": [["u1", 1' + b"0" * 30 + b"]]}"):
        head = _state._MAGIC + len(text).to_bytes(8, "little") + text
        with pytest.raises(pf.CaptureError, match="damaged"):
            _partial.Partial._of(head + _state._digest(head), "a file")


def test_a_piece_of_an_octet(tmp_path: Path) -> None:
    path = tmp_path / "large.pcap"
    path.write_bytes(pcap_bytes([]))
    os.truncate(path, 2 << 20)
    with pytest.raises(ValueError, match="more than 1,048,576 pieces"):
        pf.open(path).partitions(1)


def test_what_cannot_be_saved_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    partial = pf.open(LAB).partitions(None)[0].count("frame_len")
    partial.save(tmp_path / "a.partial")
    monkeypatch.setattr(type(partial), "_octets", lambda self, plan: b"x" * 10 + self.nothing)
    with pytest.raises(AttributeError):
        partial.save(tmp_path / "b.partial")
    assert os.listdir(tmp_path) == ["a.partial"]
