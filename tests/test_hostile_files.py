"""Files that others wrote: Partials, pickled Frames, indexes, feeds. Each flip and each cut is one clear error or the
same answer; what knows its own digest and lies is an error or an answer, in bounded time and memory."""

from __future__ import annotations

import contextlib
import copy
import functools
import hashlib
import json
import pickle
import struct
import tracemalloc
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pcapframe as pf
from captures import Layer, Packet, ethernet, ipv4, pcap_bytes, tcp, udp
from pcapframe import _frame, _index, _state
from pcapframe._partial import Partial
from test_index import grain
from test_pieces import plain

MAGIC = b"pcapframe partial 1\n"
DIGEST = 32
Asked = tuple[str, dict[str, Any]]

QUESTIONS: dict[str, Asked] = {
    "info": ("info", {"full": True}),
    "ioc_counts": ("ioc_counts", {}),
    "count": ("count", {"fields": ("frame_protocols",)}),
    "groups": ("count", {"fields": ("ip_src", "frame_protocols"), "every": "1s", "mean": "frame_len", "max": "ip_ttl"}),
    "packets": ("packets", {"columns": ["frame_number", "frame_time_delta", "ip_src", "frame_raw", "frame_len"]}),
    "select": ("select", {"ip": ["10.0.0.1"], "ip_dst": "10.0.0.0/8", "columns": ["frame_number", "ip_src"]}),
    "flows": ("flows", {"extra": ("rtt", "state")}),
    "sorted": ("flows", {"sort": True, "dedup_us": 9}),
    "detect": ("detect", {}),
    "traffic": ("detect", {"only": "vertical", "scan_ports": 2, "window": "1s"}),
    "match": ("match", {"indicators": pf.Indicators.from_values(["evil"], "user_agent")}),
}


def timed(layers: Iterable[Layer]) -> list[Packet]:
    """A packet a second."""
    frames = [ethernet(ipv4(layer)).octets for layer in layers]
    return [Packet(octets, len(octets), seconds=1 + number) for number, octets in enumerate(frames)]


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    layers = [*(tcp(bytes(number), seq=number) for number in range(9)), udp(b"\0", 9, 4000)]
    path = tmp_path_factory.mktemp("hostile") / "a.pcap"
    path.write_bytes(pcap_bytes(timed(layers)))
    return path


def partials(path: Path, which: str, size: Any = 400) -> list[Partial]:
    name, keywords = QUESTIONS[which]
    keywords = dict(keywords)
    fields = keywords.pop("fields", ())
    cap = pf.open(path).filter("ip").between(0, 2**62)
    return [piece.run(name, *fields, **keywords) for piece in cap.partitions(size)]


@functools.cache
def saved(path: Path, which: str) -> bytes:
    first, *rest = partials(path, which)
    octets: bytes = functools.reduce(lambda a, b: a + b, rest, first).__reduce__()[1][0]
    return octets


def sealed(octets: bytes) -> bytes:
    return octets + hashlib.sha256(octets).digest()


def parted(octets: bytes) -> tuple[Any, bytes]:
    """The header and the arrays."""
    at = len(MAGIC) + 8
    size = struct.unpack_from("<Q", octets, len(MAGIC))[0]
    return json.loads(octets[at : at + size]), octets[at + size : -DIGEST]


def joined(header: Any, arrays: bytes) -> bytes:
    text = json.dumps(header).encode()
    text += b" " * (-(len(MAGIC) + 8 + len(text)) % 8)
    return sealed(MAGIC + struct.pack("<Q", len(text)) + text + arrays)


def clear(ask: Callable[[], Any]) -> Any:
    """The answer, or None where there is one error of one line instead."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ask()
        except pf.PcapframeError as error:
            told = str(error)
    assert told
    assert "\n" not in told
    return None


def everything(octets: bytes, other: Partial) -> None:
    """All that can be done with a Partial of these octets."""
    partial = clear(lambda: Partial._of(octets, "made"))
    if partial is not None:
        assert repr(partial).startswith("<Partial ")
        clear(partial.missing)
        clear(lambda: plain(partial.finish()))
        assert isinstance(pickle.loads(pickle.dumps(partial)), Partial)
        clear(lambda: (other + partial).finish())


# --- Partials ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", QUESTIONS)
def test_every_flip_and_every_cut_of_a_partial_is_an_error(which: str, capture: Path) -> None:
    octets = saved(capture, which)
    assert plain(Partial._of(octets, "made").finish()) is not None
    for at in range(0, len(octets), 1 + len(octets) // 1500):
        changed = bytearray(octets)
        changed[at] ^= 1 << at % 8
        for bad in (bytes(changed), octets[:at]):
            with pytest.raises(pf.CaptureError, match=r"^made: is [^\n]*$"):
                Partial._of(bad, "made")
    with pytest.raises(pf.CaptureError, match="damaged"):
        Partial._of(octets + b"\0", "made")


def test_a_partial_narrowed_to_a_network_is_saved(capture: Path, tmp_path: Path) -> None:
    """What conditions say of networks are octets, which JSON has no place for."""
    cap = pf.open(capture).filter(ip_dst="10.0.0.0/8").filter(any_of=[{"ip_src": "10.0.0.0/16"}, {"tcp_flags_syn": 1}])
    first, *rest = [
        piece.select(ip_src="10.0.0.0/30", columns=["frame_number", "ip_src"]) for piece in cap.partitions(300)
    ]
    whole = functools.reduce(lambda a, b: a + b, rest, first)
    whole.save(tmp_path / "whole")
    again = Partial.load(tmp_path / "whole")
    assert len(again.finish()) == 10
    assert plain(again.finish()) == plain(whole.finish())
    with pytest.raises(pf.CaptureError, match="twice"):
        again + whole


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in JSON."""
    yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield from places(each, (*at, key))


def with_other(value: Any, at: tuple[Any, ...], other: Any) -> Any:
    if not at:
        return other
    changed = copy.copy(value)
    changed[at[0]] = with_other(value[at[0]], at[1:], other)
    return changed


OTHERS = (None, True, False, 0, 1, -1, 3, 2**31, 2**62, 2**63, 2**64, 10**30, 1.5, float("inf"), "", "x", "ip_src",
          "count", "u8", "\ud800", "a" * 5000, [], [[]], [0], [0] * 6, {}, {"octets": "zz"}, {"octets": "00"},
          {"a": 1})  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(data=st.data(), which=st.sampled_from(list(QUESTIONS)), times=st.integers(1, 2))
def test_a_partial_that_lies_in_its_header(data: st.DataObject, which: str, times: int, capture: Path) -> None:
    header, arrays = parted(saved(capture, which))
    for _ in range(times):
        at = data.draw(st.sampled_from(list(places(header))))
        header = with_other(header, at, data.draw(st.sampled_from(OTHERS)))
    everything(joined(header, arrays), partials(capture, which)[0])


@settings(max_examples=80, deadline=None)
@given(data=st.data(), which=st.sampled_from(list(QUESTIONS)))
def test_a_partial_that_lies_in_its_arrays(data: st.DataObject, which: str, capture: Path) -> None:
    header, arrays = parted(saved(capture, which))
    changed = bytearray(arrays)
    for _ in range(data.draw(st.integers(1, 6))):
        changed[data.draw(st.integers(0, len(arrays) - 1))] = data.draw(st.sampled_from((0, 1, 127, 128, 255)))
    everything(joined(header, bytes(changed)), partials(capture, which)[0])


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("other", [True, {"a": 1}, [[]], None, 3])
def test_a_question_of_another_form_is_refused(place: int, other: Any, capture: Path) -> None:
    """What is no tuple where the core wants one was a SystemError."""
    header, arrays = parted(saved(capture, "select"))
    question = with_other(header["question"], ("asked", place), other)
    made = clear(lambda: Partial._of(joined({**header, "question": question}, arrays), "made"))
    assert made is None or (place, other) == (2, None)  # which is a question without keys


@settings(max_examples=100)
@given(st.binary(max_size=300))
def test_any_octets_as_a_partial(octets: bytes) -> None:
    for made in (
        octets,
        MAGIC + octets,
        sealed(MAGIC + octets),
        sealed(MAGIC + struct.pack("<Q", len(octets)) + octets),
    ):
        assert clear(lambda made=made: Partial._of(made, "made")) is None


def bombs(header: Any) -> dict[str, Any]:
    """Few octets that ask for much."""
    plan = header["plan"]
    file = plan["files"][0][1]
    return {
        "pieces": {**header, "plan": {**plan, "files": [[0, {**file, "size": 2**62}]], "octets": 1}},
        "files": {
            **header,
            "plan": {**plan, "files": [[n, {**file, "size": 2**20}] for n in range(1000)], "octets": 1},
        },
        "arrays": {**header, "dtypes": [["u8", 2**60]] * 5},
        "more": {**header, "dtypes": [["u8", 10**30]]},
        "columns": {**header, "question": {"name": "packets", "asked": [["*"] * 3, [], None]}},
        "filter": {**header, "plan": {**plan, "narrowing": [[["filter", "host a" * 10_000]], 0, 1]}},
    }


@pytest.mark.parametrize("which", ["pieces", "files", "arrays", "more", "columns", "filter", "nested", "wide"])
def test_a_partial_cannot_ask_for_much(which: str, capture: Path) -> None:
    header, arrays = parted(saved(capture, "packets"))
    if which in ("nested", "wide"):
        text = b"[" * 100_000 if which == "nested" else b"[" + b"[]," * 100_000 + b"0]"
        octets = sealed(MAGIC + struct.pack("<Q", len(text)) + text)
    else:
        octets = joined(bombs(header)[which], arrays)
    tracemalloc.start()
    try:
        with pytest.raises(pf.PcapframeError, match=r"^made: is [^\n]*$"):
            Partial._of(octets, "made")
        assert tracemalloc.get_traced_memory()[1] < (8 << 20) + 50 * len(octets)
    finally:
        tracemalloc.stop()


# --- pickled Frames ---------------------------------------------------------------------------------------------------


LIES = [None, "x", 7, [None, "x"], np.zeros(0, np.uint8), np.zeros(3), np.arange(-5, 5), np.array([[1, 2]]),
        np.array([2**62, -1]), np.array(["a", None], dtype=object)]  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_pickled_frame_that_lies(data: st.DataObject, capture: Path) -> None:
    """What stands in a pickle beside code: the code is pickle's own affair, the arrays are not."""
    frame = pf.open(capture).packets(["frame_number", "ip_src", "frame_raw", "frame_protocols", "tcp_srcport"])
    kind, table, made_from, asked = frame.__reduce__()[1]
    schema, columns = table.schema, [list(column) for column in table.columns]
    for _ in range(data.draw(st.integers(1, 4))):
        parts = data.draw(st.sampled_from(columns))
        at = data.draw(st.integers(0, 2))
        if (
            isinstance(parts[at], np.ndarray)
            and parts[at].size
            and parts[at].dtype != object
            and data.draw(st.booleans())
        ):
            changed = bytearray(parts[at].tobytes())
            if parts[at].dtype == bool:
                changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1
            else:
                changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
            parts[at] = np.frombuffer(bytes(changed), parts[at].dtype)
        else:
            parts[at] = data.draw(st.sampled_from(LIES))
    if data.draw(st.booleans()):
        schema = data.draw(st.permutations(schema).map(tuple))
    lie = _state.Table(schema, [tuple(parts) for parts in columns])
    made = clear(lambda: _frame._restored(kind, lie, made_from, asked))
    if made is not None:
        assert len(made.to_dict()) == len(made.columns)
        assert made._repr_html_()
        for name in made.columns:
            assert len(made[name].values) == len(made)


# --- indexes ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A capture with an index of some stretches; the index."""
    path = tmp_path_factory.mktemp("indexed") / "a.pcap"
    path.write_bytes(pcap_bytes(timed(tcp(bytes(20), seq=number) for number in range(200))))
    with grain(2000):
        (made,) = pf.open(path).index()
    return path, Path(made.path).read_bytes()


def asked_with(path: Path, index: bytes, times: tuple[int, int]) -> Any:
    """The packets of a time as told with this index beside the capture."""
    Path(f"{path}{_index.SUFFIX}").write_bytes(index)
    return clear(lambda: pf.open(path).between(*times).packets(["frame_number", "tcp_seq_raw"]).to_dict())


def times_of(path: Path) -> list[int]:
    return [int(each) for each in pf.open(path, index=False).packets(["frame_time"])["frame_time"].values]


def test_every_flip_and_every_cut_of_an_index_changes_no_answer(indexed: tuple[Path, bytes]) -> None:
    path, octets = indexed
    times = times_of(path)
    span = times[120], times[130]
    expected = asked_with(path, octets, span)
    assert len(expected["frame_number"]) == 10
    for at in range(0, len(octets), 1 + len(octets) // 150):
        changed = bytearray(octets)
        changed[at] ^= 1 << at % 8
        for bad in (bytes(changed), octets[:at]):
            assert asked_with(path, bad, span) == expected


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_an_index_that_lies_and_knows_its_digest(data: st.DataObject, indexed: tuple[Path, bytes]) -> None:
    """It may be about another capture: an answer, or one clear error."""
    path, octets = indexed
    times = times_of(path)
    changed = bytearray(octets[:-DIGEST])
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(16, len(changed) - 1))] = data.draw(st.sampled_from((0, 1, 3, 127, 128, 255)))
    first = data.draw(st.integers(0, len(times) - 2))
    last = data.draw(st.integers(first, len(times) - 1))
    asked_with(path, sealed(bytes(changed)), (times[first], times[last]))


# --- feeds ------------------------------------------------------------------------------------------------------------

FEEDS = {
    "text": b"# a list\n192.0.2.1\n192.0.2.0/24 # a network\nevil[.]example\nhxxp://evil.example/a?b\n[2001:db8::1]:80\n",
    "csv": b'"id","dst_ip","dst_port","domain","ja3"\n1,192.0.2.1,443,"evil.example",' + b"a" * 32 + b"\n2,::1,,b.c,\n",
    "misp": json.dumps({"Event": {"info": "x", "Attribute": [
        {"type": "ip-dst|port", "value": "192.0.2.1|80", "category": "Network activity", "to_ids": True},
        {"type": "domain", "value": "evil.example", "comment": "c"}], "Object": [{"Attribute": []}]}}).encode(),
    "stix": json.dumps({"type": "bundle", "id": "bundle--1", "objects": [{
        "type": "indicator", "id": "indicator--1", "pattern_type": "stix", "confidence": 80,
        "pattern": "[ipv4-addr:value = '192.0.2.1' AND network-traffic:dst_port = 80] OR [url:value LIKE '%.x']",
        }]}).encode(),
    "zeek": b"#fields\tindicator\tindicator_type\tmeta.source\n1.2.3.4\tIntel::ADDR\tx\na.example\tIntel::DOMAIN\tx\n",
    "hosts": b"127.0.0.1 localhost\n0.0.0.0 evil.example\n||ads.example^$third-party\n",
    "suricata": b'alert tls any any -> any any (msg:"x"; ja3.hash; content:"' + b"a" * 32 + b'"; sid:1;)\n',
}  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A feed with pieces of it changed, doubled, left out, cut, or another's put in."""
    octets = bytearray(FEEDS[draw(st.sampled_from(list(FEEDS)))])
    for _ in range(draw(st.integers(1, 5))):
        first = draw(st.integers(0, len(octets)))
        last = draw(st.integers(first, min(len(octets), first + 40)))
        way = draw(st.integers(0, 4))
        other = FEEDS[draw(st.sampled_from(list(FEEDS)))]
        if way == 0:
            octets[first:last] = draw(st.binary(max_size=8))
        elif way == 1:
            octets[first:first] = octets[first:last] * draw(st.integers(1, 30))
        elif way == 2:
            del octets[first:last]
        elif way == 3:
            del octets[first:]
        else:
            octets[first:last] = other[: draw(st.integers(0, len(other)))]
    return bytes(octets)


@settings(max_examples=200, deadline=None)
@given(damaged())
def test_a_damaged_feed_gives_indicators_and_says_what_it_skipped(octets: bytes) -> None:
    found = pf.Indicators.read(octets)
    assert len(found) + found.skipped.total <= 40 + len(octets)
    for each in found:
        assert each.kind in ("ip", "domain", "url", "ja3", "ja4", "user_agent")
        assert "\n" not in each.text
    shown = str(found.skipped) + repr(found)
    assert not any(ord(char) < 32 and char != "\n" for char in shown)


@pytest.mark.parametrize("name", FEEDS)
def test_every_cut_of_a_feed_is_read(name: str) -> None:
    octets = FEEDS[name]
    for size in range(0, len(octets), 3):
        with contextlib.suppress(pf.PcapframeError):
            assert len(pf.Indicators.read(octets[:size])) <= len(octets)
