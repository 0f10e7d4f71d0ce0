"""Whatever is called, and whether it answers or fails: nothing is left behind.

Each public function and method has an entry below, one that succeeds and one that fails; a test fails when one has
none. What is measured before and after many calls: blocks of Python's allocator, references to the objects that
everybody has (None, small numbers, types of the core, the arguments), octets the C allocator has handed out, threads
and descriptors. A leak of one per call shows in every round; what settles (caches, arenas) does not, so the smallest
of several rounds is the figure, and it is to be zero.

A debug build of Python (Debian's python3.11-dbg) counts all references there are. That number is looked at where NumPy
was built for it too, by `pip install --no-binary numpy numpy`: an extension built for the usual Python counts into it
only half. What NumPy leaves there by itself is counted and taken off.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib.util
import inspect
import io
import os
import pickle
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import captures
import pcapframe as pf
from interrupts import native_threads
from pcapframe import _core

LAB = Path(__file__).parents[1] / "examples" / "lab.pcap"
Call = Callable[[], Any]
ROUNDS = 8
OCTETS = 64  # per call: below the smallest thing of ours that could be left

# Pure Python over pandas, scikit-learn and matplotlib: what they hold is not ours to count, and what is ours in them is
# called by the entries below.
OTHERS = {"cicids", "models", "plot", "notebook", "cluster", "report", "detectors"}


class Mallinfo2(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keep",
        )
    ]


def mallinfo() -> Callable[[], int]:
    try:
        function = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError):
        return lambda: 0  # another C library: what it handed out is not known
    function.restype = Mallinfo2

    def octets() -> int:
        found = function()
        return int(found.uordblks + found.hblkhd)

    return octets


MALLOC = mallinfo()
SHARED = (None, True, False, 0, 1, -1, "", b"", (), ..., NotImplemented, int, str, bytes, tuple, list, dict,
          np.dtype("u8"),
          np.dtype("i8"), np.ndarray, *(kind for kind in vars(_core).values() if isinstance(kind, type)))  # fmt: skip


COUNTED = hasattr(sys, "gettotalrefcount") and "d-" in np._core.multiarray._multiarray_umath.__file__  # type: ignore[attr-defined]
_BY_NUMPY = [0]


def count_what_numpy_leaves() -> None:
    """NumPy 2.4.6: `empty` without a dtype leaves a reference to that of float64, and each array converter, which
    `unique`, `insert`, `delete` and others make, leaves the sum of all references one too high, though no object has
    one more. They are called through here from now on."""

    def counting(function: Callable[..., Any], leaves: Callable[..., bool]) -> Callable[..., Any]:
        def called(*arguments: Any, **options: Any) -> Any:
            _BY_NUMPY[0] += leaves(*arguments, **options)
            return function(*arguments, **options)

        return called

    makers: dict[str, Callable[..., bool]] = {
        "empty": lambda shape, dtype=None, *_, **__: dtype is None,
        "_array_converter": lambda *_, **__: True,
    }
    for name, leaves in makers.items():
        real = getattr(np._core._multiarray_umath, name)  # type: ignore[attr-defined]
        new = counting(real, leaves)
        for module in [module for key, module in sys.modules.items() if key.partition(".")[0] == "numpy"]:
            if vars(module).get(name) is real and not module.__name__.endswith("multiarray_umath"):
                setattr(module, name, new)


def all_references() -> int:
    return sys.gettotalrefcount() - _BY_NUMPY[0] if COUNTED else 0  # type: ignore[attr-defined,no-any-return]


def state(watched: tuple[Any, ...]) -> list[int]:
    gc.collect()
    references = [sys.getrefcount(each) for each in watched] + [all_references()]
    return [*references, sys.getallocatedblocks(), MALLOC(), native_threads(), len(os.listdir("/proc/self/fd"))]


def left(call: Call, times: int, watched: tuple[Any, ...] = ()) -> list[tuple[str, int]]:
    """What `times` calls leave behind: by kind, the least of some rounds."""
    watched = (*SHARED, *watched)
    names = [f"references to {str(each)[:60]!r}" for each in watched]
    names += ["all references", "blocks", "malloc", "threads", "descriptors"]
    for _ in range(max(2, times // 20)):
        call()
    gc.collect()
    gc.freeze()  # what is there already need not be looked through again and again
    least: list[int] | None = None
    for _ in range(ROUNDS):
        before = state(watched)
        for _ in range(times):
            call()
        grown = [after - earlier for after, earlier in zip(state(watched), before, strict=True)]
        least = grown if least is None else [min(pair) for pair in zip(grown, least, strict=True)]
        del before, grown
        if not over(least, names, times):
            return []
    assert least is not None
    return over(least, names, times)


def over(least: list[int], names: list[str], times: int) -> list[tuple[str, int]]:
    """Those that grew by about one or more a call."""
    allowed = {"malloc": OCTETS * times, "blocks": times - times // 10, "threads": 0, "descriptors": 0}
    return [(name, n) for name, n in zip(names, least, strict=True) if n > allowed.get(name, times // 2)]


# --- the calls -------------------------------------------------------------------------------------------------------


class Things:
    """What the calls are made with."""

    def __init__(self, folder: Path):
        packets = [
            captures.ethernet(captures.ipv4(layer, bytes([10, 0, 0, n % 3]), bytes([10, 0, 1, n % 5]))).octets
            for n in range(30)
            for layer in (captures.tcp(b"x" * n), captures.udp(captures.dns(), 9, 53))
        ]
        self.data = captures.pcap_bytes(packets)
        self.damaged = self.data[:-3]
        self.folder = folder
        self.path = folder / "in.pcap"
        self.path.write_bytes(self.data)
        self.capture = pf.open(self.path, progress=False, threads=2)
        self.broken = pf.open(self.damaged, progress=False, strict=True, threads=2)
        self.frame = self.capture.packets()
        self.flows = self.capture.flows()
        self.counts = self.capture.count("ip_src")
        self.ioc = self.capture.ioc_counts()
        self.indicators = pf.Indicators.from_values(["10.0.0.1", "example.org"])
        self.hits = self.capture.match(self.indicators)
        self.column = self.frame["ip_src"]
        self.numbers = self.frame["frame_len"]
        self.batches = self.capture.batches(rows=10)
        self.feed = folder / "feed.txt"
        self.feed.write_text("10.0.0.1\nexample.org\n")
        self.info = self.capture.info(full=True)
        self.pieces = self.capture.partitions(1000)
        self.partial = self.pieces[0].ioc_counts()
        self.partial.save(folder / "saved.partial")


def has(*names: str) -> bool:
    return all(importlib.util.find_spec(name) is not None for name in names)


def calls(t: Things) -> dict[str, tuple[Call, Call | None]]:
    """Name, what succeeds, and what raises (None: it takes nothing that could be wrong)."""
    cap, broken, frame, out = t.capture, t.broken, t.frame, t.folder
    made: dict[str, tuple[Call, Call | None]] = {
        "open": (lambda: pf.open(t.path), lambda: pf.open(b"no capture")),
        "open bytes": (lambda: pf.open(t.data), lambda: pf.open(b"")),
        "open file": (lambda: pf.open(io.BytesIO(t.data)).info(full=True), lambda: pf.open(io.BytesIO(b"x"))),
        "open list": (lambda: pf.open([t.path, t.path]), lambda: pf.open([])),
        "open filter": (lambda: pf.open(t.path, filter="tcp"), lambda: pf.open(t.path, filter="no such (")),
        "open nothing": (lambda: pf.open(t.path, threads=1), lambda: pf.open(out / "absent.pcap")),
        "columns": (lambda: pf.columns(), None),
        "show_config": (quiet(pf.show_config), None),
        "from_scapy": (lambda: None, lambda: pf.from_scapy(3)),
        "threshold": (lambda: pf.threshold(t.counts, method="mad"), lambda: pf.threshold(t.counts, method="none")),
        "set_threshold": (lambda: pf.set_threshold(t.counts), lambda: pf.set_threshold(3)),  # type: ignore[arg-type]
        "eval_packets": (lambda: pf.eval_packets(3, t.counts), lambda: pf.eval_packets(3, 4)),  # type: ignore[arg-type,call-overload]
        "Capture.reusable": (lambda: cap.reusable, None),
        "Capture.files": (lambda: cap.files, None),
        "Capture.filter": (lambda: cap.filter("tcp", tcp_dstport={80, 443}), lambda: cap.filter(no_such=1)),
        "Capture.filter packets": (lambda: cap.filter(ip_src="10.0.0.0/8").packets(), lambda: cap.filter(ip_src=3.5)),
        "Capture.between": (lambda: cap.between("2017-07-05"), lambda: cap.between("no time")),
        "Capture.end": (lambda: cap.end(), None),
        "Capture.report": (lambda: cap.report(out / "r.html"), lambda: cap.report(out / "r.txt")),
        "detect": (lambda: pf.detect(cap), lambda: pf.detect(cap, no_such=1)),
        "Capture.hosts": (lambda: cap.hosts(), lambda: broken.hosts()),
        "Capture.info": (lambda: cap.info(full=True), lambda: broken.info(full=True)),
        "Capture.ioc_counts": (lambda: cap.ioc_counts(), lambda: broken.ioc_counts()),
        "Capture.ioc_counts scapy": (lambda: cap.ioc_counts("scapy"), lambda: cap.ioc_counts("other")),
        "Capture.select": (lambda: cap.select(ip={"10.0.0.1"}, seq={1}), lambda: cap.select(ip=[3])),  # type: ignore[list-item]
        "Capture.flows": (lambda: cap.flows(), lambda: broken.flows()),
        "Capture.flows cic2017": (lambda: cap.flows("cic2017"), lambda: cap.flows("none")),
        "Capture.flow_batches": (lambda: list(cap.flow_batches(rows=3)), lambda: list(broken.flow_batches(rows=3))),
        "Capture.packets_of": (lambda: cap.packets_of(t.flows[0]), lambda: cap.packets_of("x")),
        "Capture.packets": (lambda: cap.packets("*"), lambda: broken.packets()),
        "Capture.packets names": (lambda: cap.packets(["ip_src"]), lambda: cap.packets(["ip_srk"])),
        "Capture.batches": (lambda: list(cap.batches(rows=7)), lambda: list(broken.batches(rows=7))),
        "Capture.batches left": (lambda: next(iter(cap.batches(rows=7))), lambda: cap.batches(rows=0)),
        "Capture.count": (lambda: cap.count("ip_src"), lambda: broken.count("ip_src")),
        "Capture.count text": (lambda: cap.count("dns_qry_name"), lambda: cap.count("none")),
        "Capture.count grouped": (
            lambda: cap.count("ip_src", every="1s", sum="frame_len", distinct="tcp_dstport"),
            lambda: broken.count("ip_src", every="1s", gaps=True),
        ),
        "Capture.match": (lambda: cap.match(t.indicators), lambda: broken.match(t.indicators)),
        "Capture.octets": (lambda: cap.octets([1, 2]), lambda: cap.octets(10**6)),
        "Capture.write": (lambda: cap.write(out / "w.pcapng"), lambda: broken.write(out / "w2.pcap")),
        "Capture.write nowhere": (lambda: cap.write(out / "w.pcap"), lambda: cap.write(out / "absent" / "w.pcap")),
        "Capture.index": (lambda: cap.index(out / "in.pfx"), lambda: cap.index(out / "absent" / "in.pfx")),
        "Capture.partitions": (lambda: cap.partitions(1000), lambda: cap.partitions("x")),
        "Partition.info": (lambda: cap.partitions(None)[0].info(full=True).finish(), lambda: t.pieces[0].info()),
        "Partition.flows": (
            lambda: cap.partitions(None)[0].flows("cic2017").finish(),
            lambda: t.pieces[0].flows(extra="tls"),
        ),
        "Partition.detect": (
            lambda: cap.partitions(None)[0].detect(window="1s").finish(),
            lambda: t.pieces[0].detect(no_such=1),
        ),
        "Partition.match": (
            lambda: cap.partitions(None)[0].match(t.indicators).finish(),
            lambda: t.pieces[0].match(t.indicators),
        ),
        "Partial pickled": (
            lambda: pickle.loads(pickle.dumps(t.pieces[0].flows())),
            lambda: t.pieces[0].flows() + t.pieces[0].detect(),
        ),
        "Partial.finish": (lambda: cap.partitions(None)[0].ioc_counts().finish(), t.partial.finish),
        "Partial.missing": (t.partial.missing, None),
        "Partial.save": (lambda: t.partial.save(out / "p"), lambda: t.partial.save(out / "absent" / "p")),
        "Partial.load": (lambda: pf.Partial.load(out / "saved.partial"), lambda: pf.Partial.load(t.path)),
        "Capture.split": (lambda: cap.split(out / "s-{ip_src}.pcap"), lambda: cap.split(out / "{none}.pcap")),
        "Batches.columns": (lambda: t.batches.columns, None),
        "Batches.schema": (lambda: t.batches.schema, None),
        "Batches.rows": (lambda: t.batches.rows, None),
        "Batches.provenance": (lambda: t.batches.provenance, None),
        "Batches.write": (lambda: t.batches.write(out / "b.csv"), lambda: t.batches.write(out / "b.none")),
        "Batches.__arrow_c_stream__": (lambda: t.batches.__arrow_c_stream__(), None),
        "Frame.schema": (lambda: frame.schema, None),
        "Frame.columns": (lambda: frame.columns, None),
        "Frame.shape": (lambda: frame.shape, None),
        "Frame.provenance": (lambda: frame.provenance, None),
        "Frame[...]": (lambda: (frame[3], frame[1:9], frame[["ip_src"]], frame[np.array([5])]), lambda: frame[10**6]),
        "Frame column": (lambda: frame[:]["ip_src"].tolist(), lambda: frame["none"]),
        "Frame.to_numpy": (lambda: frame[:].to_numpy(), None),
        "Frame.to_dict": (lambda: frame[:].to_dict(), None),
        "Frame.rows": (lambda: list(frame.rows("ip_src")), lambda: list(frame.rows("none"))),
        "Frame.write": (lambda: frame.write(out / "f.csv"), lambda: frame.write(out / "f.none")),
        "Frame.write capture": (lambda: frame.write(out / "f.pcap"), lambda: frame.write(out / "absent" / "f.pcap")),
        "Frame.__arrow_c_stream__": (lambda: frame.__arrow_c_stream__(), None),
        "Frame.__arrow_c_schema__": (lambda: frame.__arrow_c_schema__(), None),
        "Hits.summary": (lambda: t.hits.summary(), None),
        "Column.name": (lambda: t.column.name, None),
        "Column.kind": (lambda: t.column.kind, None),
        "Column.values": (lambda: t.column.values, None),
        "Column.valid": (lambda: t.column.valid, None),
        "Column.codes": (lambda: t.column.codes, lambda: t.numbers.codes),
        "Column.categories": (lambda: t.column.categories, lambda: t.numbers.categories),
        "Column.fill": (lambda: t.numbers.fill(0), None),
        "Column.matrix": (lambda: cap.packets(["frame_raw"])["frame_raw"].matrix(20), lambda: t.column.matrix(3)),
        "Column.isin": (lambda: t.column.isin({"10.0.0.1"}), lambda: t.column.isin("x")),
        "Column.tolist": (lambda: t.column.tolist(), None),
        "Column ==": (lambda: t.column == "10.0.0.1", lambda: t.column < 3),
        "Counts.name": (lambda: t.counts.name, None),
        "Counts.top": (lambda: t.counts.top(3), lambda: t.counts.top("x")),  # type: ignore[arg-type]
        "Counts.to_numpy": (lambda: t.counts.to_numpy(), None),
        "Counts.to_dict": (lambda: t.counts.to_dict(), None),
        "Counts.threshold": (lambda: t.counts.threshold("iqr"), lambda: t.counts.threshold("none")),
        "Counts[...]": (lambda: (t.counts["10.0.0.1"], list(t.counts), t.ioc.seq + t.ioc.seq), lambda: t.counts["x"]),
        "IocCounts +": (lambda: t.ioc + t.ioc, lambda: t.ioc + 3),
        "Indicators.read": (lambda: pf.Indicators.read(t.feed), lambda: pf.Indicators.read(out / "none.csv")),
        "Indicators.from_values": (
            lambda: cap.match(pf.Indicators.from_values(["10.0.0.0/8"])),
            lambda: pf.Indicators.from_values(["x"], "no kind"),
        ),
        "Indicators.skipped": (lambda: t.indicators.skipped, None),
        "Indicators.allowed": (lambda: t.indicators.allowed, None),
        "Indicators.write": (lambda: t.indicators.write(out / "i.csv"), lambda: t.indicators.write(out / "i.none")),
        "shown": (lambda: [x._repr_html_() for x in (frame, t.counts, t.hits, t.info)] + [str(t.info)], None),
    }  # fmt: skip
    if has("pandas"):
        made |= {
            "Frame.to_pandas": (lambda: frame.to_pandas(), lambda: frame.to_pandas("none")),
            "Column.to_pandas": (lambda: t.column.to_pandas(), None),
            "Counts.to_pandas": (lambda: t.counts.to_pandas(), None),
            "Indicators.to_pandas": (lambda: t.indicators.to_pandas(), None),
        }
    if has("pyarrow"):
        made["Frame.to_arrow"] = (lambda: frame.to_arrow(), None)
    if has("polars"):
        made["Frame.to_polars"] = (lambda: frame.to_polars(), None)
    if has("scapy"):
        made["Frame.to_scapy"] = (lambda: frame[:2].to_scapy(), lambda: frame[["ip_src"]].to_scapy())
    if has("duckdb", "pyarrow"):
        made["Capture.sql"] = (lambda: cap.sql("select count(*) from packets"), lambda: cap.sql("select none"))
    if has("iptocc"):
        made["geo.locate"] = (lambda: pf.geo.locate(["8.8.8.8", "10.0.0.1"]), None)
        made["geo.kml"] = (
            lambda: pf.geo.kml(cap, out / "k.kml", home=(0.0, 0.0)),
            lambda: pf.geo.kml(cap, out / "absent" / "k.kml"),
        )
    return made


# Drawn with matplotlib, whose figures are held by whoever asked for them.
DRAWN = {"Frame.plot", "Counts.plot", "geo.map"}
# They take an interface and the right to capture on it: test_live.py looks at what they leave.
LIVE = {"capture", "live", "interfaces"}
# What other libraries keep of a call, by their own account: a connection's catalogue, a string cache.
KEPT = {"Capture.sql", "Frame.to_polars", "Frame.to_scapy", "Frame.to_arrow"}


def quiet(call: Call) -> Call:
    def silent() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            call()

    return silent


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Things]:
    # In memory where that can be had: a thousand files need not reach the disk.
    shared = Path("/dev/shm")
    within = tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else tmp_path_factory.mktemp("leaks"))
    with within as folder:
        if COUNTED:
            count_what_numpy_leaves()
        yield Things(Path(folder))
    gc.unfreeze()


def failing(call: Call) -> Call:
    def fails() -> None:
        try:
            call()
        except BaseException as error:
            error.__traceback__ = None
        else:
            raise AssertionError("this call was to fail")

    return fails


def public() -> set[str]:
    found = set()
    for name in pf.__all__:
        thing = getattr(pf, name)
        if inspect.isclass(thing):
            plain = issubclass(thing, BaseException | tuple | float) or hasattr(thing, "__dataclass_fields__")
            found |= (
                set()
                if plain
                else {
                    f"{name}.{member}"
                    for member, value in vars(thing).items()
                    if not member.startswith("_") and (callable(value) or isinstance(value, property | classmethod))
                }
            )
        elif callable(thing):
            found.add(name)
    for name in pf._LATE_MODULES:
        if name not in OTHERS:
            module = getattr(pf, name)
            found |= {f"{name}.{member}" for member in module.__all__ if inspect.isfunction(getattr(module, member))}
    return found


def test_every_public_function_has_an_entry(things: Things) -> None:
    missing = {name for name in public() - set(calls(things)) - DRAWN - LIVE if not name.startswith("Live.")}
    if not has("pandas", "pyarrow", "polars", "scapy", "duckdb", "iptocc"):
        pytest.skip(f"an optional library is not installed; without it there is no entry for {sorted(missing)}")
    assert not missing, "functions that nobody looks for leaks in: add them to calls()"


def look(things: Things, times: int) -> dict[str, list[tuple[str, int]]]:
    found = {}
    watched = (things.capture, things.broken, things.frame, things.counts, things.data, things.capture._inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, (good, bad) in calls(things).items():
            for call, how in ((good, name), (failing(bad) if bad else None, f"{name}, failing")):
                some = min(times, 100) if name in KEPT else times
                if call is None or (name in KEPT and times <= 100):
                    continue
                if grown := left(call, some, watched):
                    found[how] = grown
    return found


def test_calls_leave_nothing(things: Things) -> None:
    assert look(things, 100) == {}


@pytest.mark.soak
def test_a_thousand_calls_leave_nothing(things: Things, measured: Callable[[str], None]) -> None:
    found = look(things, 1000)
    measured(f"1,000 calls of {len(calls(things))} entries, good and failing: {found or 'nothing is left'}")
    assert found == {}


def test_a_leak_would_be_seen(things: Things) -> None:
    kept: list[Any] = []
    assert left(lambda: kept.append(object()), 50)
    shared = {"of": "many"}  # None itself is counted no more from Python 3.12 on
    assert any("many" in name for name, _ in left(lambda: kept.append(shared), 50, (shared,)))
    files: list[Any] = []
    assert left(lambda: files.append(os.dup(0)), 20)
    for number in files:
        os.close(number)
    if os.environ.get("LD_PRELOAD"):
        return  # a sanitizer's malloc, which tells nothing
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    assert "malloc" in [name for name, _ in left(lambda: libc.malloc(ctypes.c_size_t(200)), 50)] or MALLOC() == 0
