"""Frame, Column and Counts against plain Python and pandas."""

from __future__ import annotations

import copy
import gc
import operator
import os
import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import captures
import naive
import pcapframe as pf
import traffic


def some_capture(packets: int = 400) -> bytes:
    rng = np.random.default_rng(7)
    drawn = [captures.any_packet(captures.Tape(rng.bytes(60), wild=True), 1) for _ in range(packets)]
    return captures.pcap_bytes(drawn, link_type=1)


DATA = some_capture()
ROWS = [naive.decode(record) for record in naive.read_pcap(DATA)[1]]


@pytest.fixture
def frame() -> pf.Frame:
    return pf.open(DATA).packets()


def rows_of(frame: pf.Frame) -> list[tuple[object, ...]]:
    return list(zip(*frame.to_dict().values(), strict=True))


ALL = [tuple(row[name] for name in naive.COLUMNS) for row in ROWS]


def test_rows_can_be_chosen_in_every_way(frame: pf.Frame) -> None:
    assert rows_of(frame) == ALL
    assert frame.shape == (len(ALL), len(naive.COLUMNS))
    assert rows_of(frame[3]) == [ALL[3]]
    assert rows_of(frame[-1]) == [ALL[-1]]
    for chosen in (slice(None), slice(5, 9), slice(-4, None), slice(9, 5), slice(None, None, -3), slice(2, 100, 7)):
        assert rows_of(frame[chosen]) == ALL[chosen]
    mask = np.arange(len(frame)) % 3 == 1
    assert rows_of(frame[mask]) == ALL[1::3]
    assert rows_of(frame[np.array([5, 2, -1, 2])]) == [ALL[5], ALL[2], ALL[-1], ALL[2]]
    assert rows_of(frame[[]]) == []
    assert rows_of(frame[10:50][mask[10:50]][::2]) == ALL[10:50][0::3][::2]
    with pytest.raises(IndexError, match=r"row 400 of 400"):
        frame[400]
    with pytest.raises(IndexError, match="bool array of shape"):
        frame[mask[1:]]
    with pytest.raises(IndexError):
        frame[np.array([400])]
    with pytest.raises(TypeError):
        frame[1.5]  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        iter(frame)


def test_columns_can_be_chosen(frame: pf.Frame) -> None:
    two = frame[["ip_dst", "frame_number"]]
    assert two.columns == ["ip_dst", "frame_number"]
    assert two.to_dict() == {name: [row[name] for row in ROWS] for name in ("ip_dst", "frame_number")}
    assert pf.open(DATA).packets(["tcp_flags", "ip_src"]).columns == ["tcp_flags", "ip_src"]
    assert "ip_src" in frame
    with pytest.raises(KeyError, match="did you mean tcp_seq_raw"):
        frame["tcp_seq"]
    with pytest.raises(ValueError, match="once"):
        pf.open(DATA).packets(["ip_src", "ip_src"])
    assert pf.open(DATA).packets("ip_src").columns == ["ip_src"]


def test_nulls_follow_the_catalogue_not_the_data(frame: pf.Frame) -> None:
    nullable = {name for name, _, null in frame.schema if null}
    assert set(naive.COLUMNS) - nullable == {"frame_number", "frame_file", "frame_len", "frame_cap_len"}
    for name in naive.COLUMNS:
        column = frame[name]
        expected = [row[name] for row in ROWS]
        if name not in nullable:
            assert column.valid is None
            assert np.asarray(column).tolist() == expected
            continue
        assert column.valid is not None
        assert column.valid.tolist() == [value is not None for value in expected]
        empty = "" if isinstance(next(value for value in expected if value is not None), str) else 0
        assert column.values.tolist() == [empty if value is None else value for value in expected]
        if None in expected:
            with pytest.raises(ValueError, match=r"\.fill\(value\)"):
                np.asarray(column)
    assert frame["tcp_dstport"].fill(7).tolist() == [7 if r["tcp_dstport"] is None else r["tcp_dstport"] for r in ROWS]
    assert not frame["ip_src"].values.flags.writeable
    assert not frame["frame_len"].values.flags.writeable


def test_comparisons_are_bool_arrays_and_false_for_null(frame: pf.Frame) -> None:
    def truth(test: object) -> list[bool]:
        return np.asarray(test).tolist()

    ports = [row["tcp_dstport"] for row in ROWS]
    sources = [row["ip_src"] for row in ROWS]
    some = Counter(source for source in sources if source).most_common(1)[0][0]
    assert truth(frame["tcp_dstport"] == 443) == [port == 443 for port in ports]
    assert truth(frame["tcp_dstport"] != 443) == [port is not None and port != 443 for port in ports]
    assert truth(frame["tcp_dstport"] < 1024) == [port is not None and port < 1024 for port in ports]
    assert truth(frame["tcp_dstport"] >= 99999) == [False] * len(ports)
    assert truth(frame["ip_src"] == some) == [source == some for source in sources]
    assert truth(frame["ip_src"] != some) == [source is not None and source != some for source in sources]
    assert truth(frame["ip_src"].isin({some, "no address"})) == [source == some for source in sources]
    assert truth(frame["tcp_dstport"].isin([22, 443])) == [port in (22, 443) for port in ports]
    assert truth(frame["tcp_dstport"].isin([])) == [False] * len(ports)
    with pytest.raises(TypeError, match="the column holds integers, not '80'"):
        frame["tcp_dstport"].isin(["80"])
    with pytest.raises(TypeError, match="iterable is needed, not '"):
        frame["ip_src"].isin(some)
    assert truth(frame["tcp_srcport"] == frame["tcp_dstport"]) == [
        row["tcp_srcport"] is not None and row["tcp_srcport"] == row["tcp_dstport"] for row in ROWS
    ]


def test_dictionaries_hold_used_values_in_order_of_appearance(frame: pf.Frame) -> None:
    for part, rows in ((frame, ROWS), (frame[100:200], ROWS[100:200]), (frame[::-1], ROWS[::-1])):
        column = part["ip_src"]
        assert column.categories == list(dict.fromkeys(row["ip_src"] for row in rows if row["ip_src"] is not None))
        assert column.codes.dtype == np.int32
    with pytest.raises(TypeError, match="no text column"):
        frame["frame_len"].codes  # noqa: B018


def test_to_numpy(frame: pf.Frame) -> None:
    arrays = frame.to_numpy()
    assert list(arrays) == list(naive.COLUMNS)
    for name, array in arrays.items():
        assert array.tolist() == [row[name] for row in ROWS], name
    assert arrays["frame_time"].dtype == np.int64
    assert arrays["ip_src"].dtype == np.dtypes.StringDType(na_object=None)


def test_to_pandas(frame: pf.Frame) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is what this converts to")
    table = frame.to_pandas()
    kinds = {
        "uint8": "UInt8",
        "uint16": "UInt16",
        "uint32": "UInt32",
        "text": "category",
        "time": "datetime64[ns, UTC]",
    }
    for name, kind, null in frame.schema:
        assert str(table[name].dtype) == (kinds.get(kind, kind) if null or kind in ("text", "time") else kind)
        column = table[name].astype(object)
        got = [None if pandas.isna(value) else value for value in column]
        if kind == "time":
            got = [value.value for value in got]
        assert got == [row[name] for row in ROWS], name
    assert table["ip_src"].value_counts().to_dict() == Counter(r["ip_src"] for r in ROWS if r["ip_src"] is not None)
    strings = frame.to_pandas(strings="str")["ip_src"]
    assert [None if pandas.isna(value) else value for value in strings] == [row["ip_src"] for row in ROWS]
    assert isinstance(strings.dtype, pandas.StringDtype)
    assert frame["ip_ttl"].to_pandas().equals(table["ip_ttl"])
    empty = frame[:0].to_pandas()
    assert empty.dtypes.astype(str).to_dict() == table.dtypes.astype(str).to_dict()
    with pytest.raises(ValueError, match="strings"):
        frame.to_pandas(strings="object")


def made(kind: str, items: list[object]) -> pf.Column:
    """A column of this kind, as the core lays it out, nullable where an item is None."""
    valid = np.array([item is not None for item in items]) if None in items else None
    if kind in ("string", "binary"):
        octets = [item.encode() if isinstance(item, str) else item or b"" for item in items]
        ends = np.cumsum([0, *map(len, octets)])  # type: ignore[arg-type]
        return pf.Column("x", kind, ends, valid, np.frombuffer(b"".join(octets), dtype=np.uint8))  # type: ignore[arg-type]
    if kind == "text":
        texts = list(dict.fromkeys(item for item in items if item is not None))
        codes = np.array([0 if item is None else texts.index(item) for item in items], dtype=np.int32)
        return pf.Column("x", kind, codes, valid, texts)  # type: ignore[arg-type]
    dtype = "int64" if kind == "time" else kind
    return pf.Column("x", kind, np.array([0 if item is None else item for item in items], dtype=dtype), valid, None)


KINDS: dict[str, tuple[list[object], object, object]] = {
    "uint8": ([3, 255, None, 0], 3, 0),
    "uint16": ([3, 65535, 9], 9, 0),
    "uint32": ([2**32 - 1, None], 2**32 - 1, 0),
    "uint64": ([2**64 - 1, 2**63, 5, None], 2**63, 0),
    "int64": ([-(2**63), 2**63 - 1, None, -1], -1, 0),
    "float64": ([1.5, None, -0.25, 1e300], 1.5, 0.0),
    "time": ([10**18 + 1, None, 0, -1], 10**18 + 1, 0),
    "text": (["b", "a", None, "b", ""], "b", ""),
    "string": (["b", "ä", None, "b", "", "b\0"], "b", ""),
    "binary": ([b"b", b"\0", None, b"b\0", b"", b"\xff"], b"b", b""),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_column(kind: str) -> None:
    items, one, empty = KINDS[kind]
    column = made(kind, items)
    assert len(column) == len(items)
    assert column.kind == kind
    assert column.tolist() == items
    assert column.values.tolist() == [empty if item is None else item for item in items]
    assert column.fill(one).tolist() == [one if item is None else item for item in items]
    for compare in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge):
        expected = [item is not None and bool(compare(item, one)) for item in items]
        assert compare(column, one).tolist() == expected
        assert compare(column, made(kind, [one] * len(items))).tolist() == expected
    assert column.isin([one]).tolist() == [item == one for item in items]
    assert column.isin([item for item in items if item is not None]).tolist() == [item is not None for item in items]
    assert column.isin([]).tolist() == [False] * len(items)
    empty_column = made(kind, items[:0])
    assert (len(empty_column), empty_column.tolist(), len(empty_column == one)) == (0, [], 0)
    if None in items:
        with pytest.raises(ValueError, match=r"\.fill\(value\)"):
            np.asarray(column)
    assert repr(column).startswith(f"<Column x ({kind}), {len(items)} rows: ")


def test_columns_compared_with_what_they_cannot_hold() -> None:
    for kind in ("text", "string", "binary"):
        column = made(kind, KINDS[kind][0])
        there = [item is not None for item in KINDS[kind][0]]
        assert (column == 5).tolist() == [False] * len(column)
        assert (column != 5).tolist() == there
        with pytest.raises(TypeError, match="not ordered with int"):
            column < 5  # noqa: B015
        numbers = made("uint8", [1] * len(column))
        assert (column == numbers).tolist() == [False] * len(column)
        assert (column != numbers).tolist() == there
    assert made("uint64", [2**64 - 1]).isin([-1, 2**64 - 1, 2**70]).tolist() == [True]
    assert made("uint8", [255]).isin([511]).tolist() == [False]
    assert made("float64", [1.0]).isin([1]).tolist() == [True]
    with pytest.raises(TypeError, match=r"the column holds integers, not 1\.0"):
        made("int64", [1]).isin([1.0])


def test_pandas_types_of_every_kind() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is what this converts to")
    types = {"float64": "float64", "time": "datetime64[ns, UTC]", "text": "category", "binary": "object"}
    for kind, (items, _, _) in KINDS.items():
        for some in (items, [item for item in items if item is not None]):
            series = made(kind, some).to_pandas()
            masked = kind.replace("ui", "UI").replace("int64", "Int64") if None in some else kind
            masked = kind.replace("uint", "UInt") if kind.startswith("u") and None in some else masked
            if kind == "string":
                assert isinstance(series.dtype, pandas.StringDtype)
            else:
                assert str(series.dtype) == types.get(kind, masked), kind
            found = [None if pandas.isna(item) else item for item in series.astype(object)]
            assert [item.value if kind == "time" and item is not None else item for item in found] == some, kind


def test_what_is_shown_of_a_cell_is_bounded() -> None:
    column = made("binary", [bytes(100_000)])
    assert len(repr(column)) < 200
    frame = pf.open(captures.pcap_bytes([captures.Packet(bytes(60_000), 60_000, 0, 0)], link_type=1))
    assert len(frame.packets(["frame_raw"])._repr_html_()) < 500


def test_views_outlive_what_they_came_from() -> None:
    values = pf.open(bytes(bytearray(DATA))).packets(["frame_number"])[5:300]["frame_number"].values
    gc.collect()
    assert values.tolist() == list(range(6, 301))
    buffer = bytearray(DATA)
    capture = pf.open(buffer)
    with pytest.raises(BufferError):
        buffer.clear()
    assert len(capture.packets()) == len(ROWS)
    del capture
    gc.collect()
    buffer.clear()


def test_shown_text_is_escaped_and_bounded(frame: pf.Frame) -> None:
    text = frame._repr_html_()
    assert text.count("<tr>") == 11
    assert f"{len(ROWS)} rows" in text
    assert repr(frame).startswith(f"<Frame: {len(ROWS)} rows")
    assert "..." in repr(frame["ip_src"])
    assert repr(frame[:2]["frame_number"]) == "<Column frame_number (uint64), 2 rows: 1, 2>"


class TestCounts:
    counts = pf.open(DATA).ioc_counts()
    expected = naive.ioc_counts(naive.read_pcap(DATA)[1])

    def test_a_mapping(self) -> None:
        for counts, expected in zip(self.counts, self.expected, strict=True):
            assert dict(counts) == expected
            assert counts == expected
            assert len(counts) == len(expected)
            for key, count in expected.items():
                assert key in counts
                assert counts[key] == count
                assert counts.get(key) == count

    @pytest.mark.parametrize(
        "key", ["203.0.113.254", "no address", "::ffff:1", 5, None, 2.5, ("a",), b"1.2.3.4", "\ud800", ""]
    )
    def test_a_missing_key_is_a_key_error(self, key: object) -> None:
        for counts in self.counts:
            if key in dict(counts):
                continue
            assert key not in counts
            assert counts.get(key) is None
            with pytest.raises(KeyError):
                counts[key]

    def test_one_writing_of_an_address_only(self) -> None:
        six = next(key for key in self.counts.ip if ":" in key and key != key.upper())
        assert six in self.counts.ip
        assert six.upper() not in self.counts.ip

    def test_order(self) -> None:
        def address(key: str) -> tuple[int, bytes]:
            import ipaddress

            packed = ipaddress.ip_address(key).packed
            return len(packed), packed

        ip, seq = self.counts.ip, self.counts.seq
        assert list(ip) == sorted(ip, key=lambda key: (-ip[key], address(key)))
        assert list(seq) == sorted(seq, key=lambda key: (-seq[key], key))
        for n in (0, 1, 3, len(ip), 10**9):
            assert ip.top(n) == list(ip.items())[:n]
        keys, counts = seq.to_numpy()
        assert (keys.dtype, counts.dtype) == (np.uint32, np.uint64)
        assert dict(zip(keys.tolist(), counts.tolist(), strict=True)) == dict(seq)
        keys, _ = ip.to_numpy()
        assert keys.dtype == np.dtypes.StringDType()
        assert list(ip.to_dict()) == list(ip)

    def test_to_pandas(self) -> None:
        pytest.importorskip("pandas", reason="pandas is what this converts to")
        series = self.counts.ip.to_pandas()
        assert (series.name, series.index.name) == ("count", "ip_src")
        assert series.to_dict() == dict(self.counts.ip)

    def test_addition(self) -> None:
        both = self.counts + self.counts
        assert isinstance(both, pf.IocCounts)
        for kind, one in zip(both, self.counts, strict=True):
            assert dict(kind) == {key: 2 * count for key, count in one.items()}
        with pytest.raises(TypeError):
            self.counts.ip + self.counts.seq
        with pytest.raises(TypeError, match="counts of ip_src and of ip_dst"):
            self.counts.ip + self.counts.dns
        with pytest.raises(TypeError):
            self.counts + self.counts.ip

    def test_shown(self) -> None:
        assert f"{len(self.counts.ip)} keys" in repr(self.counts.ip)
        assert self.counts.ip._repr_html_().count("<tr>") == 1 + min(10, len(self.counts.ip))


def test_import_takes_nothing_but_numpy() -> None:
    code = (
        "import sys, pcapframe\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'pandas', 'tqdm', 'scapy', 'matplotlib'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_answer_depends_on_the_secret_of_the_tables() -> None:
    """Two processes draw two secrets: what they print is the same, order included."""
    code = (
        "import sys, pcapframe as pf; cap = pf.open(sys.stdin.buffer.read()); counts = cap.ioc_counts()\n"
        "print([list(kind.items()) for kind in counts], cap.packets().to_dict(), cap.info(full=True))"
    )
    runs = [subprocess.run([sys.executable, "-c", code], input=DATA, capture_output=True, check=True) for _ in range(2)]
    assert runs[0].stdout == runs[1].stdout


def test_what_is_written_without_thinking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loops over columns, comparisons of times, masks of pandas, paths in bytes and with a tilde."""
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    lab = Path(__file__).parents[1] / "examples" / "lab.pcap"
    capture = pf.open(lab)
    frame = capture.packets()
    assert list(frame["tcp_dstport"]) == frame["tcp_dstport"].tolist()
    middle = int(frame["frame_time"].values[5000])
    expected = frame["frame_time"].values >= middle
    for moment in (np.datetime64(middle, "ns"), str(np.datetime64(middle, "ns")), pandas.Timestamp(middle, tz="UTC")):
        assert np.array_equal(frame["frame_time"] >= moment, expected)
    with pytest.raises(ValueError, match="frame_time: 'noon' is no time"):
        frame["frame_time"] > "noon"  # noqa: B015
    mask = frame.to_pandas()["tcp_dstport"] == 80  # unknown where the port is
    assert frame[mask]["frame_number"].tolist() == frame[frame["tcp_dstport"] == 80]["frame_number"].tolist()
    assert frame.write(os.fsencode(tmp_path / "of bytes.csv")) == len(frame)
    with pytest.raises(ValueError, match=r"\.parquet.*\.pcapng"):
        frame.write(tmp_path / "table.xlsx")
    monkeypatch.setenv("HOME", str(lab.parent))
    assert pf.open("~/lab.pcap").files == [str(lab)]
    assert pf.open("~/lab.p*").files == [str(lab)]
    with pytest.raises(TypeError, match="opened as text"), lab.open(errors="replace") as text:
        pf.open(text)  # type: ignore[arg-type]


def test_what_cannot_be_pickled_says_what_can() -> None:
    capture = pf.open(Path(__file__).parents[1] / "examples" / "lab.pcap")
    for thing in (capture, capture.packets(), capture.flows()):
        assert copy.deepcopy(thing) is copy.copy(thing) is thing
    with pytest.raises(TypeError, match="hand on its path"):
        pickle.dumps(capture)


def test_the_name_of_a_file_cannot_steer_a_terminal(tmp_path: Path) -> None:
    """Whoever sends a capture chooses its name."""
    lab = Path(__file__).parents[1] / "examples" / "lab.pcap"
    named = tmp_path / "esc\x1b[31m\n.pcap"
    named.symlink_to(lab)
    assert repr(pf.open(named)).isprintable()
    assert "esc\\027[31m\\010.pcap" in repr(pf.open(named))


def test_numbers_that_a_column_cannot_hold_are_told() -> None:
    ports = pf.open(traffic.capture([(0, traffic.arp(1, "10.0.0.1", "10.0.0.1", "10.0.0.2"))])).packets()["tcp_dstport"]
    assert ports.fill(7).tolist() == [7]
    for value in (1.5, -1, 1 << 16, None, "x"):
        with pytest.raises(TypeError, match=r"tcp_dstport\.fill: the column holds uint16, which cannot hold"):
            ports.fill(value)
    with pytest.raises(TypeError, match="tcp_dstport holds numbers, which are not ordered with 'x'"):
        assert ports < "x"


def test_times_in_a_notebook_are_dates(frame: pf.Frame) -> None:
    text = frame[["frame_number", "frame_time"]]._repr_html_()
    first = str(np.datetime64(frame["frame_time"].tolist()[0], "ns"))
    assert f"<td>{first.replace('T', ' ')}Z</td>" in text
    assert "; the first 10" in text
