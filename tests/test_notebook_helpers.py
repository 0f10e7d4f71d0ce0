"""The drop-in helpers: what existing notebooks import, equal to their scapy loop whatever they are given."""

from __future__ import annotations

import functools
import gzip
import io
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import pcapframe
from pcapframe import notebook
from pcapframe.errors import CaptureError
from pcapframe.notebook import fixing_col_names, get_ioc_counts, packets_to_dataframe

NATIVE = hasattr(pcapframe, "open")  # False where only the Python files are there
native = pytest.mark.skipif(not NATIVE, reason="pcapframe is not built")

COLUMNS = {
    "Time": "datetime64[ns, UTC]",
    "Src_MAC": "object",
    "Dst_MAC": "object",
    "Src_IP": "object",
    "Dst_IP": "object",
    "Protocol": "object",
    "Src_Port": "UInt16",
    "Dst_Port": "UInt16",
    "Seq": "UInt32",
    "Ack": "UInt32",
    "Flags": "object",
    "Length": "int64",
}


@functools.cache
def scapy() -> Any:
    pytest.importorskip("scapy", reason="scapy is the oracle: pip install scapy==2.8.0")
    import scapy.all

    return scapy.all


@pytest.fixture
def pd() -> Any:
    return pytest.importorskip("pandas", reason="the helpers return pandas frames: pip install pandas")


def ordinary_packets() -> list[Any]:
    """Packets as a day's capture holds them, one of each kind, built by scapy with every address given."""
    s = scapy()
    ether = s.Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    four = ether / s.IP(src="192.0.2.1", dst="198.51.100.7")
    six = ether / s.IPv6(src="2001:db8::1", dst="2001:db8::2")
    answer = s.DNSRR(rrname="a.example", rdata="192.0.2.80")
    packets = [
        *(
            four / s.TCP(sport=40_000, dport=80, flags=flags, seq=2**32 - 1, ack=7)
            for flags in ("S", "SA", "PA", "FA", "")
        ),
        four / s.TCP(sport=40_000, dport=443, flags="FSRPAUECN", seq=0, ack=0) / b"payload",
        four / s.UDP(sport=5000, dport=53) / s.DNS(rd=1, qd=s.DNSQR(qname="a.example")),
        four / s.UDP(sport=53, dport=5000) / s.DNS(qr=1, qd=s.DNSQR(qname="a.example"), an=answer),
        four / s.UDP(sport=53, dport=5000) / s.DNS(qr=1, rcode=3, qd=s.DNSQR(qname="none.example")),
        six / s.UDP(sport=53, dport=5000) / s.DNS(qr=1, rcode=3, qd=s.DNSQR(qname="none.example")),
        four / s.UDP(sport=5353, dport=5353) / s.DNS(qd=s.DNSQR(qname="a.local")),
        four / s.UDP(sport=1234, dport=5678) / b"payload",
        four / s.ICMP() / b"payload",
        four / s.ICMP(type=3, code=3) / s.IP(src="198.51.100.7", dst="192.0.2.1") / s.UDP(sport=1, dport=2),
        four / s.ICMP(type=3, code=3) / s.IP(src="198.51.100.7", dst="192.0.2.1") / s.TCP(sport=1, dport=2, seq=5),
        six / s.TCP(sport=40_000, dport=80, flags="S", seq=99, ack=0),
        six / s.ICMPv6EchoRequest(),
        six / s.IPv6ExtHdrHopByHop() / s.UDP(sport=1, dport=2),
        ether / s.ARP(psrc="192.0.2.1", pdst="192.0.2.2", hwsrc="02:00:00:00:00:01", hwdst="00:00:00:00:00:00"),
        ether / s.Dot1Q(vlan=3) / s.IP(src="192.0.2.3", dst="192.0.2.4") / s.TCP(sport=1, dport=2, flags="A"),
        four / s.GRE() / s.IP(src="10.0.0.1", dst="10.0.0.2") / s.TCP(sport=22, dport=1, flags="PA", seq=1),
        four
        / s.IP(src="10.0.0.1", dst="10.0.0.2")
        / s.UDP(sport=9, dport=53)
        / s.DNS(qr=1, qd=s.DNSQR(qname="x.example")),
        ether / s.IP(src="192.0.2.1", dst="198.51.100.7", proto=253) / b"payload",
        s.Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", type=0x88B5) / b"payload",
    ]
    for i, packet in enumerate(packets):
        packet.time = s.EDecimal(f"1499247000.{i:06}") if hasattr(s, "EDecimal") else 1_499_247_000 + i
    return packets


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "ordinary.pcap"
    scapy().wrpcap(str(path), ordinary_packets() * 3)
    return path


def the_loop(packets: Iterable[Any]) -> tuple[Any, Any, Any]:
    """The loop of the notebooks, as they have it."""
    s = scapy()
    IP, TCP, DNS = s.IP, s.TCP, s.DNS
    dns: Any = Counter()
    ip: Any = Counter()
    seq: Any = Counter()
    for p in packets:
        if IP in p:
            if DNS in p and p[DNS].qr == 1 and p[DNS].ancount == 0:
                dns[p[IP].dst] += 1
            ip[p[IP].src] += 1
        if TCP in p:
            seq[p[TCP].seq] += 1
    return dict(dns), dict(ip), dict(seq)


# ------------------------------------------------------------------------------ stand-ins for what the C core returns


class FakeCapture:
    """A Capture as far as `get_ioc_counts` asks it."""

    def __init__(self, kinds: Any, steps: Iterable[int] = ()) -> None:
        self.kinds, self.steps = kinds, steps
        self.asked: dict[str, Any] = {}

    def _ioc_counts(self, *, compat: str | None, on_packets: Callable[[int], None] | None) -> Any:
        self.asked = {"compat": compat, "on_packets": on_packets}
        for packets in self.steps:
            if on_packets is not None:
                on_packets(packets)
        return self.kinds


class FakeColumn:
    """A Column: numbers or text with nulls, as None in `items`."""

    def __init__(self, items: list[Any], dtype: Any = None) -> None:
        self.valid = None if all(item is not None for item in items) else np.array([item is not None for item in items])
        self.categories = self.codes = None
        if dtype is None:
            self.categories = np.array(list(dict.fromkeys(item for item in items if item is not None)), dtype="T")
            self.codes = np.array(
                [0 if item is None else list(self.categories).index(item) for item in items], dtype="u4"
            )
        else:
            self.values = np.array([item or 0 for item in items], dtype=dtype)
            self.values.flags.writeable = False


class FakeFrame:
    """A Frame of made-up rows, each a dict without its nulls."""

    DTYPES: ClassVar = {
        "frame_time": "i8", "eth_src": None, "eth_dst": None, "ip_src": None, "ip_dst": None, "protocol": None,
        "tcp_srcport": "u2", "tcp_dstport": "u2", "udp_srcport": "u2", "udp_dstport": "u2", "tcp_seq_raw": "u4",
        "tcp_ack_raw": "u4", "tcp_flags": "u2", "frame_len": "u4",
    }  # fmt: skip

    def __init__(self, rows: list[dict[str, Any]], without: str = "") -> None:
        self.rows = rows
        self.columns = [name for name in self.DTYPES if name != without]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> FakeColumn:
        return FakeColumn([row.get(name) for row in self.rows], self.DTYPES[name])


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """`pcapframe.open` replaced by one that returns a FakeCapture and notes what it was called with."""
    calls: list[tuple[Any, Any]] = []

    def fake(source: Any, **options: Any) -> FakeCapture:
        calls.append((source, options))
        return FakeCapture(({"d": 1}, {"i": 2}, {3: 4}))

    monkeypatch.setattr(pcapframe, "open", fake, raising=False)
    return calls


# ----------------------------------------------------------------------------------------------------- the names


def test_the_five_names_and_nothing_else() -> None:
    assert sorted(notebook.__all__) == [
        "eval_packets",
        "fixing_col_names",
        "get_ioc_counts",
        "packets_to_dataframe",
        "set_threshold",
    ]
    scope: dict[str, Any] = {}
    exec("from pcapframe.notebook import *", scope)
    assert {name for name in scope if not name.startswith("__")} == set(notebook.__all__)


def test_neither_scapy_nor_pandas_is_imported_before_it_is_needed() -> None:
    program = """
import sys
from pcapframe.notebook import *
assert get_ioc_counts([]) == ({}, {}, {})
try:
    get_ioc_counts([object()])
except TypeError:
    pass
assert not {"scapy", "pandas"} & set(sys.modules), "imported too early"
"""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "PYTHONPATH": path})


# ------------------------------------------------------------------------------------------------- get_ioc_counts


@pytest.mark.parametrize(
    "source", ["a.pcap", Path("a.pcap"), b"\xd4\xc3", ["a.pcap", Path("b.pcap")], io.BytesIO(b"x")]
)
def test_what_can_be_opened_is_opened(source: Any, opened: list[tuple[Any, Any]]) -> None:
    assert get_ioc_counts(source) == ({"d": 1}, {"i": 2}, {3: 4})
    [(got, options)] = opened
    assert got is source
    assert options == {"progress": False}  # no bar beside the lines


def test_a_capture_is_counted_as_scapy_would() -> None:
    fake = FakeCapture((Counter(a=1), Counter(b=2), Counter({3: 4})))
    got = get_ioc_counts(fake, progress=False)
    assert type(got) is tuple
    assert [type(kind) for kind in got] == [dict] * 3
    assert got == ({"a": 1}, {"b": 2}, {3: 4})
    assert fake.asked == {"compat": "scapy", "on_packets": None}


def test_a_line_for_each_million_whatever_the_steps(capsys: pytest.CaptureFixture[str]) -> None:
    steps = [0, 999_999, 1_000_000, 1_000_001, 4_200_000, 4_200_000, 5_000_000]
    get_ioc_counts(FakeCapture(({}, {}, {}), steps))
    assert capsys.readouterr().out.splitlines() == [f"{n}000000 packets" for n in (1, 2, 3, 4, 5)]
    get_ioc_counts(FakeCapture(({}, {}, {}), steps), progress=False)
    assert capsys.readouterr().out == ""


def test_a_line_for_each_million_in_the_loop(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebook, "_MILLION", 10)
    packets = ordinary_packets()
    get_ioc_counts(packets)
    assert capsys.readouterr().out.splitlines() == ["10 packets", "20 packets"]
    get_ioc_counts(packets, progress=False)
    assert capsys.readouterr().out == ""


def test_a_list_of_packets_is_the_loop(capture: Path) -> None:
    packets = scapy().rdpcap(str(capture))
    expected = the_loop(packets)
    assert all(expected)
    for source in (packets, list(packets), tuple(packets), iter(packets)):
        got = get_ioc_counts(source)
        assert got == expected
        assert [type(kind) for kind in got] == [dict] * 3


def test_a_reader_that_has_begun_gives_the_rest(capture: Path, opened: list[Any]) -> None:
    expected = the_loop(list(scapy().rdpcap(str(capture)))[5:])
    with scapy().PcapReader(str(capture)) as reader:
        for _ in range(5):
            next(reader)
        assert get_ioc_counts(reader) == expected
        assert get_ioc_counts(reader) == ({}, {}, {})
    assert not opened


def test_an_unread_reader_is_opened_by_its_name(capture: Path, opened: list[Any]) -> None:
    with scapy().PcapReader(str(capture)) as reader:
        assert get_ioc_counts(reader) == ({"d": 1}, {"i": 2}, {3: 4})
        assert [source for source, _ in opened] == [str(capture)]
        assert len(list(reader)) == 3 * len(ordinary_packets())  # it has not been touched


def test_a_reader_whose_name_is_not_its_file_is_read_itself(
    capture: Path, opened: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    s = scapy()
    octets = capture.read_bytes()
    expected = the_loop(s.rdpcap(str(capture)))
    assert get_ioc_counts(s.PcapReader(io.BytesIO(octets))) == expected
    monkeypatch.chdir(capture.parent)
    with s.PcapReader(capture.name) as moved:  # the name now leads to another file
        os.rename(capture.name, "elsewhere")
        Path(capture.name).write_bytes(octets[:24])
        assert get_ioc_counts(moved) == expected
    with s.PcapReader("elsewhere") as gone:
        os.remove("elsewhere")
        assert get_ioc_counts(gone) == expected
    assert not opened


def test_a_reader_of_what_only_scapy_can_open_is_read_itself(
    tmp_path: Path, capture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Any, **_: Any) -> Any:
        raise CaptureError(f"{source}: not a capture")

    monkeypatch.setattr(pcapframe, "open", refuse, raising=False)
    path = tmp_path / "ordinary.pcap.gz"
    path.write_bytes(gzip.compress(capture.read_bytes()))
    expected = the_loop(scapy().rdpcap(str(capture)))
    with scapy().PcapReader(str(path)) as reader:
        assert get_ioc_counts(reader) == expected
    with pytest.raises(CaptureError):
        get_ioc_counts(str(path))


@pytest.mark.parametrize("source", [None, 7, {"a": 1}, {1, 2}, [1, 2], [b"octets"], ["a.pcap", 7]])
def test_get_ioc_counts_says_what_it_takes(source: Any) -> None:
    with pytest.raises(TypeError, match=r"^get_ioc_counts takes .*(not|is) (NoneType|int|dict|bytes|str)$"):
        get_ioc_counts(source)


@native
@pytest.mark.parametrize("how", ["path", "text", "capture", "reader", "octets", "list"])
def test_natively_counted_is_the_loop(capture: Path, how: str) -> None:
    s = scapy()
    source: Any = {
        "path": lambda: capture,
        "text": lambda: str(capture),
        "capture": lambda: pcapframe.open(capture),
        "reader": lambda: s.PcapReader(str(capture)),
        "octets": lambda: capture.read_bytes(),
        "list": lambda: [capture],
    }[how]()
    got = get_ioc_counts(source)
    if how == "reader":
        source.close()
    assert got == the_loop(s.rdpcap(str(capture)))
    assert [type(kind) for kind in got] == [dict] * 3


# -------------------------------------------------------------------------------------------- packets_to_dataframe


def check_columns(frame: Any, n: int) -> None:
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == COLUMNS
    assert list(frame.index) == list(range(n))
    for name in ("Src_MAC", "Dst_MAC", "Src_IP", "Dst_IP", "Protocol", "Flags"):
        assert {type(value) for value in frame[name]} <= {str, type(None)}


def test_scapy_packets_as_a_dataframe(capture: Path, pd: Any) -> None:
    packets = scapy().rdpcap(str(capture))[: len(ordinary_packets())]
    frame = packets_to_dataframe(list(packets))
    check_columns(frame, len(packets))
    assert frame["Protocol"].tolist() == [
        *["TCP"] * 6, *["DNS"] * 5, "UDP", *["ICMP"] * 3, "TCP", "ICMPV6", "UDP", "ARP",
        "TCP", "TCP", "DNS", "IPV4", "ETH",
    ]  # fmt: skip
    assert frame["Flags"].tolist()[:6] == ["S", "SA", "PA", "FA", "", "FSRPAUECN"]
    assert frame["Time"][1] == pd.Timestamp("2017-07-05T09:30:00.000001Z")
    first = frame.iloc[0]
    assert (first["Src_MAC"], first["Dst_MAC"]) == ("02:00:00:00:00:01", "02:00:00:00:00:02")
    assert (first["Src_IP"], first["Dst_IP"]) == ("192.0.2.1", "198.51.100.7")
    assert (first["Src_Port"], first["Dst_Port"], first["Seq"], first["Ack"]) == (40_000, 80, 2**32 - 1, 7)
    assert first["Length"] == 54
    assert frame["Src_IP"].tolist()[15] == "2001:db8::1"
    assert frame["Src_Port"].tolist()[11] == 1234
    quoting = frame.iloc[13:15]  # what an ICMP error quotes is not the packet's
    assert quoting[["Src_Port", "Seq"]].isna().all(axis=None)
    assert quoting["Flags"].tolist() == [None, None]
    assert frame["Src_IP"].tolist()[20] == "192.0.2.1"  # the outermost of a tunnel ...
    assert frame["Src_Port"].tolist()[20] == 22  # ... and the first TCP header in it
    assert None not in frame["Flags"].value_counts()


@pytest.mark.parametrize("kind", [list, tuple, iter])
def test_any_iterable_of_packets(kind: Any, pd: Any) -> None:
    packets = ordinary_packets()
    pd.testing.assert_frame_equal(packets_to_dataframe(kind(packets)), packets_to_dataframe(packets))


def test_letters_are_those_scapy_prints(pd: Any) -> None:
    s = scapy()
    packets = [s.IP(src="192.0.2.1", dst="192.0.2.2") / s.TCP(flags=bits) for bits in range(512)]
    assert packets_to_dataframe(packets)["Flags"].tolist() == [str(packet[s.TCP].flags) for packet in packets]


def test_times_are_exact(tmp_path: Path, pd: Any) -> None:
    s = scapy()
    stamps = [0, 1, 999_999_999, 1_499_247_000_123_456_789, 4_294_967_295_999_999_999]
    path = tmp_path / "nano.pcap"
    header = bytes.fromhex("4d3cb2a1 0200 0400 00000000 00000000 00000400 01000000".replace(" ", ""))
    octets = bytes(ordinary_packets()[0])
    with path.open("wb") as file:
        file.write(header)
        for stamp in stamps:
            for word in (stamp // 10**9, stamp % 10**9, len(octets), len(octets)):
                file.write(word.to_bytes(4, "little"))
            file.write(octets)
    frame = packets_to_dataframe(s.rdpcap(str(path)))
    assert frame["Time"].astype("int64").tolist() == stamps
    if NATIVE:
        pd.testing.assert_frame_equal(packets_to_dataframe(pcapframe.open(path).select(ip=["192.0.2.1"])), frame)


def rows_like(frame: Any, pd: Any) -> list[dict[str, Any]]:
    """The rows that a Frame would hold for a DataFrame of the helper."""
    rows = []
    for _, row in frame.iterrows():
        tcp = row["Flags"] is not None
        bits = sum(1 << "FSRPAUECN".index(letter) for letter in row["Flags"] or "")
        full = {
            "frame_time": row["Time"].value,
            "eth_src": row["Src_MAC"],
            "eth_dst": row["Dst_MAC"],
            "ip_src": row["Src_IP"],
            "ip_dst": row["Dst_IP"],
            "protocol": row["Protocol"],
            "tcp_srcport" if tcp else "udp_srcport": row["Src_Port"],
            "tcp_dstport" if tcp else "udp_dstport": row["Dst_Port"],
            "tcp_seq_raw": row["Seq"],
            "tcp_ack_raw": row["Ack"],
            "tcp_flags": bits | 0xE00 if tcp else None,  # the reserved bits have no letters
            "frame_len": row["Length"],
        }
        rows.append({name: value for name, value in full.items() if not pd.isna(value)})
    return rows


def test_a_frame_gives_the_same_dataframe(capture: Path, pd: Any) -> None:
    expected = packets_to_dataframe(scapy().rdpcap(str(capture)))
    rows = rows_like(expected.astype(object), pd)
    got = packets_to_dataframe(FakeFrame(rows))
    check_columns(got, len(expected))
    pd.testing.assert_frame_equal(got, expected)


@native
def test_a_native_frame_gives_the_same_dataframe(capture: Path, pd: Any) -> None:
    s = scapy()
    packets = [packet for packet in s.rdpcap(str(capture)) if s.IP in packet or s.IPv6 in packet]
    opened = pcapframe.open(capture)
    counts = opened.ioc_counts()
    got = packets_to_dataframe(opened.select(ip=counts.ip))
    check_columns(got, len(packets))
    pd.testing.assert_frame_equal(got, packets_to_dataframe(packets))


def test_both_headers_of_a_udp_tunnel(pd: Any) -> None:
    row = {"tcp_srcport": 1, "tcp_dstport": 2, "udp_srcport": 3, "udp_dstport": 4, "tcp_flags": 2, "frame_len": 100}
    got = packets_to_dataframe(FakeFrame([row, {"udp_srcport": 3, "udp_dstport": 4, "frame_len": 60}]))
    assert got["Src_Port"].tolist() == [1, 3]
    assert got["Dst_Port"].tolist() == [2, 4]
    assert got["Time"].isna().all()  # a packet block may have no time
    assert got["Flags"].tolist() == ["S", None]


def test_no_packets_at_all(pd: Any) -> None:
    for source in ([], (), FakeFrame([])):
        got = packets_to_dataframe(source)
        check_columns(got, 0)
        assert got.empty
        pd.testing.assert_frame_equal(got, packets_to_dataframe([]))


def test_packets_to_dataframe_says_what_it_takes(pd: Any) -> None:
    for wrong in (7, "a.pcap", {"a": 1}, pd.DataFrame()):
        with pytest.raises(TypeError, match="takes a Frame or a list of scapy packets, not"):
            packets_to_dataframe(wrong)
    with pytest.raises(TypeError, match="takes scapy packets; item 1 is int"):
        packets_to_dataframe([ordinary_packets()[0], 7])
    with pytest.raises(TypeError, match=r"give \[packet\]"):
        packets_to_dataframe(ordinary_packets()[0])
    with pytest.raises(ValueError, match="needs the columns tcp_flags: leave out columns="):
        packets_to_dataframe(FakeFrame([], without="tcp_flags"))


# ------------------------------------------------------------------------------------------------ fixing_col_names


CSV = """\
 Destination Port, Flow Duration,Total Length of Fwd Packets, Fwd Header Length,Flow Bytes/s, Fwd Header Length, Label
80,3,12,40,Infinity,{0},BENIGN
443,4,,64,NaN,64,DoS Hulk
"""


def test_headers_are_stripped_and_the_second_length_goes(pd: Any) -> None:
    df = pd.read_csv(io.StringIO(CSV.format(40)))
    before = df.copy()
    fixed = fixing_col_names(df)
    assert list(fixed.columns) == [
        "Destination Port",
        "Flow Duration",
        "Total Length of Fwd Packets",
        "Fwd Header Length",
        "Flow Bytes/s",
        "Label",
    ]
    pd.testing.assert_frame_equal(df, before)  # a new frame
    for name in fixed.columns:
        old = df[name if name in df.columns else f" {name}"]
        pd.testing.assert_series_equal(fixed[name], old, check_names=False)  # nothing else
    fixed.loc[0, "Label"] = "changed"
    assert df.loc[0, " Label"] == "BENIGN"
    pd.testing.assert_frame_equal(fixing_col_names(fixed), fixed)


def test_a_second_length_that_differs_stays(pd: Any) -> None:
    fixed = fixing_col_names(pd.read_csv(io.StringIO(CSV.format(41))))
    assert list(fixed.columns)[3:6] == ["Fwd Header Length", "Flow Bytes/s", "Fwd Header Length.1"]
    assert fixed["Fwd Header Length.1"].tolist() == [41, 64]


def test_the_second_length_under_the_same_name(pd: Any) -> None:
    df = pd.DataFrame([[1, 2.0, 1, "x"], [3, None, 3, "y"]])
    df.columns = [" Fwd Header Length", " A", "Fwd Header Length ", 7]
    fixed = fixing_col_names(df)
    assert list(fixed.columns) == ["Fwd Header Length", "A", 7]
    assert fixed["Fwd Header Length"].tolist() == [1, 3]


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ([1, 2], [1.0, 2.0], True),
        ([1.0, None], [1.0, None], True),
        ([1.0, None], [1.0, 2.0], False),
        (["1", "2"], [1, 2], False),
        ([], [], True),
    ],
)
def test_equal_is_by_value_whatever_the_dtype(one: list[Any], two: list[Any], same: bool, pd: Any) -> None:
    df = pd.DataFrame({" Fwd Header Length": one, " Fwd Header Length.1": two}, index=[5] * len(one))
    fixed = fixing_col_names(df)
    assert fixed.shape == (len(one), 1 if same else 2)
    assert list(fixed.index) == list(df.index)


def test_frames_without_anything_to_fix(pd: Any) -> None:
    assert fixing_col_names(pd.DataFrame()).shape == (0, 0)
    only = pd.DataFrame({" Fwd Header Length": [1]})
    assert list(fixing_col_names(only).columns) == ["Fwd Header Length"]
    several = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")]))
    pd.testing.assert_frame_equal(fixing_col_names(several), several)
    with pytest.raises(TypeError, match="takes a pandas DataFrame, not list"):
        fixing_col_names([1])  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------ the analysis, first to last


def test_the_notebook_from_counts_to_suspects() -> None:
    generator = random.Random(7)
    s = scapy()
    sources = [f"192.0.2.{i}" for i in range(1, 31)]
    packets = [s.IP(src=generator.choice(sources), dst="198.51.100.1") / s.TCP(seq=i) for i in range(200)]
    packets += [s.IP(src="203.0.113.9", dst="198.51.100.1") / s.TCP(seq=7) for _ in range(300)]
    scope: dict[str, Any] = {"packets": packets}
    exec(
        """
from pcapframe.notebook import *
dns_counts, ip_counts, seq_counts = get_ioc_counts(packets)
suspicious_ip = eval_packets(set_threshold(ip_counts, 3), ip_counts)
suspicious_seq = eval_packets(set_threshold(seq_counts), seq_counts)
suspicious_dns = eval_packets(set_threshold(dns_counts), dns_counts)
""",
        scope,
    )
    assert scope["suspicious_ip"] == {"203.0.113.9"}
    assert scope["suspicious_seq"] == {7}
    assert scope["suspicious_dns"] == set()
