"""Flows: which options there are and what they mean, the Frame they come in, and the published form of it."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import _core, _export, _given
from ._batches import Batches
from ._frame import Frame
from ._frame_column import Column

if TYPE_CHECKING:
    from ._info import CaptureFault
    from ._reader import Capture

_Array = np.ndarray[Any, Any]

VARIANTS = ("corrected", "cic2017")
NAMES = ("published", "v4", "2021")
PROTOCOLS = ("tcp", "udp", "icmp", "igmp", "sctp", "other")
_SORT_US = 1_000_000  # how much a packet may be late with sort=True; captures seen are out of order by milliseconds
_MOST_US = 2**53  # a timeout of 285 years; whatever is compared with it stays exact
_MOST_FLOWS = 2**30
_PRINT_OCTETS = 256 << 20  # PF_FLOW_PRINT_OCTETS of the core

DEFAULTS: dict[str, dict[str, Any]] = {
    "corrected": {
        "count_padding": False, "udp_header": 8, "ghost_flows": False, "tz": "UTC", "flow_timeout_us": 120_000_000,
        "activity_timeout_us": 5_000_000, "protocols": ("tcp", "udp"), "min_packets": 1, "quantize": None,
        "dedup_us": 0, "ipv6": True, "max_flows": 1_000_000, "sort": False, "flush_last_active": False, "extra": (),
    },
    "cic2017": {
        "count_padding": True, "udp_header": "last_tcp", "ghost_flows": False, "tz": "America/Halifax",
        "flow_timeout_us": 120_000_000, "activity_timeout_us": 5_000_000, "protocols": PROTOCOLS, "min_packets": 2,
        "quantize": None, "dedup_us": 0, "ipv6": False, "max_flows": 1_000_000, "sort": False,
        "flush_last_active": False, "extra": (),
    },
}  # fmt: skip


class Feature(NamedTuple):
    """A column of flows."""

    published: str
    """Its name in the published CICIDS2017 files, without their leading blank."""
    v4: str
    """Its name in CSE-CIC-IDS2018."""
    name_2021: str
    """Its name in the tool of 2021 and the improved data sets."""
    cic2017: str | None
    """Its type in ``cic2017`` (see `Column.kind`); None where that has no such column."""
    corrected: str | None
    """Its type in ``corrected``."""
    unit: str
    """Of its values; ``us`` are microseconds."""
    definition: str
    """What it is, in ``corrected``."""
    section: str
    """The section of the specification, or ``ours``."""
    differs: str
    """What differs between the variants."""


class Extra(NamedTuple):
    """A column of flows that is there when its group is asked for."""

    group: str
    """One of ``tls``, ``dns``, ``http``, ``rtt``, ``state``, ``retrans``."""
    name: str
    """Of the column; where packets have a column of this name it is that of the first packet which has a value."""
    kind: str
    """Its type (see `Column.kind`); all may be null."""
    unit: str
    """Of its values."""
    definition: str
    """What it is."""


EXTRA = tuple(map(Extra._make, _core.flow_extra()))
GROUPS = tuple(dict.fromkeys(each.group for each in EXTRA))
FEATURES = tuple(map(Feature._make, _core.flow_features()))
_SETS = {"published": 0, "v4": 1, "2021": 2}
OURS = "ours"

# The 85 columns of the published files in their order: those with a leading blank in the header, and those without.
_PLAIN = {
    "Flow ID", "Total Length of Fwd Packets", "Bwd Packet Length Max", "Flow Bytes/s", "Fwd IAT Total",
    "Bwd IAT Total", "Fwd PSH Flags", "Fwd Packets/s", "FIN Flag Count", "Fwd Avg Bytes/Bulk", "Bwd Avg Bulk Rate",
    "Subflow Fwd Packets", "Init_Win_bytes_forward", "Active Mean", "Idle Mean",
}  # fmt: skip


def published_columns() -> list[str]:
    """The features of the 85 columns of the published files, in their order; Label is the last."""
    names = [each.published for each in FEATURES if each.cic2017 is not None and each.section != OURS]
    again = names.index("Avg Bwd Segment Size") + 1
    return [*names[:again], "Fwd Header Length", *names[again:], "Label"]


def published_header() -> str:
    """The header line of the published files."""
    return ",".join(name if name in _PLAIN else f" {name}" for name in published_columns())


def renamed(published: Iterable[str], names: str) -> list[str]:
    """What a set of names calls the features of these published names."""
    theirs = {each.published: (each.published, each.v4, each.name_2021)[_SETS[names]] for each in FEATURES}
    return [theirs[name] for name in published]


# ---------------------------------------------------------------------------------------------------------- options


def _protocols(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) and value == "all":
        return PROTOCOLS
    given = [value] if isinstance(value, str) else _given.items("protocols", value, "names")
    if not given or not all(isinstance(name, str) and name in PROTOCOLS for name in given):
        raise ValueError(f"protocols: 'all' or some of {', '.join(PROTOCOLS)}, not {value!r}")
    return tuple(name for name in PROTOCOLS if name in given)


def _groups(value: Any) -> tuple[str, ...]:
    given = [value] if isinstance(value, str) else _given.items("extra", value, "names")
    if not all(isinstance(name, str) and name in GROUPS for name in given):
        raise ValueError(f"extra: some of {', '.join(GROUPS)}, not {value!r}")
    return tuple(name for name in GROUPS if name in given)


def resolved(variant: str, compat: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """All options, checked: those given, and the variant's own for the rest."""
    _given.one_of("variant", variant, VARIANTS)
    _given.one_of("compat", compat, (None, "fork"))
    if compat is not None and variant == "cic2017":
        raise ValueError("compat='fork' is for variant='corrected'")
    unknown = set(given) - set(DEFAULTS[variant])
    if unknown:
        raise TypeError(f"flows has no option {sorted(unknown)[0]!r}; there are {', '.join(DEFAULTS[variant])}")
    options = {**DEFAULTS[variant], **{name: value for name, value in given.items() if value is not None}}
    for name in ("flow_timeout_us", "activity_timeout_us"):
        options[name] = _given.whole(name, options[name], 0, _MOST_US)
    options["dedup_us"] = _given.whole("dedup_us", options["dedup_us"], 0, _MOST_US)
    options["min_packets"] = _given.whole("min_packets", options["min_packets"], 1, _MOST_US)
    options["max_flows"] = _given.whole("max_flows", options["max_flows"], 1, _MOST_FLOWS)
    options["protocols"] = _protocols(options["protocols"])
    options["extra"] = _groups(options["extra"])
    for name in ("count_padding", "ghost_flows", "ipv6", "sort", "flush_last_active"):
        options[name] = _given.truth(name, options[name])
    _given.one_of("quantize", options["quantize"], (None, "excel"))
    _given.one_of("udp_header", options["udp_header"], ("last_tcp", 8))
    if variant == "corrected" and (options["count_padding"] or options["udp_header"] != 8):
        raise ValueError("count_padding and udp_header='last_tcp' are for variant='cic2017'")
    if variant == "cic2017" and options["ipv6"]:
        raise ValueError("ipv6: the tool of 2017 knows IPv4 only; variant='corrected' has both")
    _zone(options["tz"])
    return {"variant": variant, "compat": compat, **options}


def native_options(options: Mapping[str, Any], names: str = "published") -> tuple[Any, ...]:
    """Options as the core takes them."""
    _given.one_of("names", names, NAMES)
    bits = sum(1 << PROTOCOLS.index(name) for name in options["protocols"])
    return (
        options["variant"] == "cic2017", options["compat"] == "fork", options["count_padding"],
        options["udp_header"] == "last_tcp", options["ghost_flows"], options["ipv6"], options["flush_last_active"],
        bits, options["flow_timeout_us"], options["activity_timeout_us"], options["dedup_us"],
        _SORT_US if options["sort"] else 0, options["min_packets"], options["max_flows"], 0,
        options["quantize"] == "excel", _SETS[names], sum(1 << GROUPS.index(name) for name in options["extra"]),
    )  # fmt: skip


def apart_is_whole(counters: Iterable[Mapping[str, int]], options: tuple[Any, ...]) -> bool:
    """Whether parts of a job, replayed each by itself, are together what one replay of all gives.

    `counters` are those of each ``_core.flows_from``, `options` the native ones. What bounds all flows together,
    ``max_flows`` and the octets of fingerprints, was kept by each part for itself; where the parts may exceed a bound
    together, all parts of every piece have to be replayed as one.
    """
    counted = list(counters)
    known, octets = (sum(each[name] for each in counted) for name in ("known", "print_octets"))
    return len(counted) == 1 or (known <= options[13] and octets <= (options[14] or _PRINT_OCTETS))


def _zone(name: Any) -> Any:
    _given.text("tz", name, "America/Halifax")
    if name == "UTC":
        return UTC
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        if name == DEFAULTS["cic2017"]["tz"]:  # the system has no time zones at all; it matters for written text only
            return None
        raise ValueError(f"tz: no time zone {name!r}") from error


# ------------------------------------------------------------------------------------------------------------ frame


class FlowFrame(Frame):
    """A Frame of flows, one row each.

    In its `provenance`, ``options["flows"]`` are the variant and all options of the flows, and ``flow_packets`` says
    where packets went: ``packets`` (looked at as packets of flows), ``copies`` left out of them, ``flows`` opened,
    ``evicted`` ones, ``forgotten`` tombstones, and how many were in no flow: ``no_time``, ``not_ip``, ``damaged``,
    ``fragments``, ``other_protocols``, ``ghosts``.
    """

    __slots__ = ("_counters", "_names", "_of")

    def __init__(
        self,
        native: _core.Frame,
        capture: Capture | None,
        faults: tuple[CaptureFault, ...] | None,
        options: dict[str, Any],
        names: str,
        counters: dict[str, int] | None,
    ) -> None:
        super().__init__(native, capture, faults, {"flows": {**options, "names": names}})
        self._of, self._names, self._counters = options, names, counters

    def _more(self) -> tuple[Any, ...]:
        return self._of, self._names, self._counters

    def _with(self, native: _core.Frame) -> FlowFrame:
        return FlowFrame(native, self._capture, self._faults, *self._more())

    def _provenance(self, sha256: bool = False) -> dict[str, Any]:
        found = super()._provenance(sha256)
        if self._counters is not None:
            found["flow_packets"] = dict(self._counters)
        return found

    def write(
        self, path: str | os.PathLike[str], *, published: bool = False, quantize: str | None = None, **options: Any
    ) -> int:
        """Write the flows to a file, by its suffix; see `Frame.write`.

        Parameters
        ----------
        path : path
            For the published form a name that ends in ``.csv``.
        published : bool
            Write exactly the 85 columns of the published CICIDS2017 files under their header texts (leading blanks, the
            column that stands twice), numbers and times written as there: whole doubles without a fraction, ``NaN`` and
            ``Infinity``, times of the variant in its time zone. ``Label`` is empty.
        quantize : None or "excel"
            Of the published form: doubles as a spreadsheet left them in the published files (from 10\\ :sup:`7` on
            three digits, else what eleven characters hold).

        Returns
        -------
        int
            How many rows were written.

        Raises
        ------
        ValueError
            A column of the published form is missing, or another suffix.
        """
        if _given.truth("published", published):
            return _write_published(
                self, _given.path("path", path), _given.one_of("quantize", quantize, (None, "excel"))
            )
        if quantize is not None:
            raise ValueError("quantize: of the published form; flows(quantize='excel') rounds the Frame itself")
        return super().write(path, **options)


def _published_values(frame: FlowFrame) -> dict[str, str]:
    """The name that this frame has for each published one."""
    columns = [name for name in published_columns() if name != "Label"]
    needed = dict(zip(columns, renamed(columns, frame._names), strict=True))
    missing = [name for name in needed.values() if name not in frame.columns]
    if missing:
        raise ValueError(f"the published form needs all features; missing: {', '.join(missing[:5])}")
    return needed


def number_text(value: float) -> str:
    """A double as the published files have it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == int(value) and abs(value) < 1e16:
        return str(int(value))
    return repr(value)


def time_text(ns: int, variant: str, zone: Any) -> str:
    """The time of a flow's first packet as the variant's tool writes it."""
    seconds, rest = divmod(ns, 1_000_000_000)
    if variant == "cic2017":  # a clock of 12 hours that does not say which half of the day it is
        return datetime.fromtimestamp(seconds, zone).strftime("%d/%m/%Y %I:%M:%S")
    micro = rest // 1000
    whole = datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%d %H:%M:%S")
    if micro == 0:
        return whole
    return f"{whole}.{micro // 1000:03d}" if micro % 1000 == 0 else f"{whole}.{micro:06d}"


def excel(value: float) -> float:
    """A double as a spreadsheet left it: three digits from 10^7 on, else what eleven characters hold."""
    if value == 0 or not math.isfinite(value):
        return value
    if abs(value) >= 1e7:
        return float(f"{value:.2e}")
    if abs(value) < 1e-4:
        return float(f"{value:.5e}")
    whole = len(str(math.floor(abs(value)))) + (value < 0)
    return float(f"{value:.{10 - whole}f}")


_SLICE = 4096  # rows turned into text together


def _lines(frame: FlowFrame, quantize: bool) -> Iterator[str]:
    needed = _published_values(frame)
    options = frame._of
    zone = _zone(options["tz"])
    if zone is None:
        raise ValueError(f"tz: this system has no time zone {options['tz']!r}: pip install tzdata, or flows(tz='UTC')")
    when = functools.lru_cache(_SLICE)(lambda ns: time_text(ns, options["variant"], zone))
    for start in range(0, len(frame), _SLICE):
        part = frame[start : start + _SLICE]
        texts: dict[str, list[str]] = {"Label": [""] * len(part)}
        for name, ours in needed.items():
            column = part[ours]
            values = column.tolist()
            if column.kind == "time":
                texts[name] = [when(value) for value in values]
            elif column.kind == "float64":
                texts[name] = [number_text(excel(value) if quantize else value) for value in values]
            else:
                texts[name] = [str(value) for value in values]
        for row in zip(*(texts[name] for name in published_columns()), strict=True):
            yield ",".join(row)


def _write_published(frame: FlowFrame, path: str, quantize: str | None) -> int:
    if not path.lower().endswith(".csv"):
        raise ValueError(f"{path}: the published form is written to .csv")
    if frame._capture is not None:
        frame._capture._refuse_own(path)
    _published_values(frame)
    with _export.atomically(path) as file:
        file.write(published_header() + "\n")
        file.writelines(f"{line}\n" for line in _lines(frame, quantize == "excel"))
    return len(frame)


class FlowBatches(Batches):
    """The flows of a capture as Frames of equally many rows, in the order in which they ended.

    As `Batches` in all else: each loop over it is one pass, which runs beside the loop, and it is an Arrow stream.
    Memory holds open flows and three batches, however large the capture is.
    """

    __slots__ = ("_names", "_of")

    def __init__(self, capture: Capture, options: dict[str, Any], names: str, rows: int) -> None:
        self._of, self._names = options, names
        kind = options["variant"]
        found = [each.published for each in FEATURES if (each.cic2017 if kind == "cic2017" else each.corrected)]
        super().__init__(capture, tuple(renamed(found, names)), rows)

    @property
    def _asked(self) -> dict[str, Any]:
        return {"rows": self._rows, "flows": {**self._of, "names": self._names}}

    def _fed(self, prepare: Callable[[], Any]) -> _core.Feed:
        return _core.Feed(prepare, (), self._rows, native_options(self._of, self._names))

    def _frame(self, native: _core.Frame) -> Frame:
        return FlowFrame(native, self._capture, None, self._of, self._names, None)


# -------------------------------------------------------------------------------------------------------- questions


def flows(capture: Capture, variant: str, compat: str | None, names: str, given: Mapping[str, Any]) -> FlowFrame:
    """The flows of a capture; see `Capture.flows`."""
    options = resolved(variant, compat, given)
    (native, counters), faults = capture._run(_core.flows, native_options(options, names), stacklevel=5)
    return FlowFrame(native, capture, capture._faults + faults, options, names, counters)


def flow_batches(
    capture: Capture, variant: str, compat: str | None, names: str, rows: int, given: Mapping[str, Any]
) -> FlowBatches:
    """The flows of a capture in batches; see `Capture.flow_batches`."""
    options = resolved(variant, compat, given)
    native_options(options, names)
    return FlowBatches(capture, options, names, rows)


def _kept(attributes: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The options that a table's metadata names for its flows."""
    found = (attributes or {}).get("options", {}).get("flows")
    return None if found is None else from_packets({name: value for name, value in found.items() if name != "names"})


def wanted(of: Any) -> tuple[_Array, dict[str, Any] | None]:
    """Flow ids, ascending, and the options they were made with, where those are known."""
    known: dict[str, Any] | None = None
    ids: Any = of
    if isinstance(of, Frame):
        known = _kept(of.provenance)
        ids = _there(of["flow_id"])
    elif isinstance(of, Column):
        ids = _there(of)
    elif hasattr(of, "columns") and hasattr(of, "attrs"):  # a DataFrame
        known = _kept(of.attrs.get("pcapframe"))
        ids = of["flow_id"].dropna().to_numpy()
    elif hasattr(of, "attrs"):  # a Series: one of ids, or a row of a table
        known = _kept(of.attrs.get("pcapframe"))
        ids = [of["flow_id"]] if of.name != "flow_id" and "flow_id" in of.index else of.dropna().to_numpy()
    elif hasattr(of, "columns"):  # a table of polars or pyarrow
        column = of["flow_id"]
        ids = (column.drop_nulls() if hasattr(column, "drop_nulls") else column.drop_null()).to_numpy()
    elif np.ndim(of) == 0 and not isinstance(of, Iterable):
        ids = [_given.whole("flows", of, 1)]
    array = np.asarray(list(ids) if not isinstance(ids, np.ndarray) else ids)
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"packets_of: flows, or flow ids, which are integers, not {array.dtype}")
    if array.size and int(array.min()) < 0:
        raise ValueError("packets_of: flow ids are frame numbers, from 1")
    return np.unique(array.astype(np.uint64)), known


def _there(column: Column) -> _Array:
    return column.values if column.valid is None else column.values[column.valid]


def ids_of_packets(capture: Capture, options: Mapping[str, Any], numbers: _Array) -> _Array:
    """The flows that packets of these numbers are in, ascending."""
    frames, ids, _ = flow_map(capture, options, None)
    return np.unique(ids[np.isin(frames, numbers)])


def flow_map(capture: Capture, options: Mapping[str, Any], ids: _Array | None) -> tuple[_Array, _Array, _Array]:
    """For each packet of these flows (None: of all), ascending: frame number, flow_id, direction."""
    # Where only packets are asked about, one that can be in no flow is in none; flows themselves say so.
    result, _ = capture._run(_core.flow_map, native_options(options), ids, ids is None, stacklevel=6)
    numbers, flow_ids, directions = result
    if len(numbers) and not (numbers[1:] > numbers[:-1]).all():  # sort=True hands them on by time
        order = np.argsort(numbers, kind="stable")
        numbers, flow_ids, directions = numbers[order], flow_ids[order], directions[order]
    return numbers, flow_ids, directions


def stamped(capture: Capture, options: Mapping[str, Any], ids: _Array | None) -> Capture:
    """The capture with packets that know their flow; with ids, only those of these flows."""
    if not capture.reusable:
        raise RuntimeError(
            f"{capture.files[0]}: flows are found in a pass before, and it can be read only once: spool=True"
        )
    arrays = flow_map(capture, options, ids)
    return type(capture)(capture._inputs, replace(capture._options, flows=(*arrays, ids is not None)), capture._faults)


STAMPED = ("flow_id", "flow_direction")


def asks(columns: Iterable[str]) -> bool:
    return any(name in STAMPED for name in columns)


def from_packets(flows: Mapping[str, Any] | None) -> dict[str, Any]:
    """The options of ``cap.packets(flows={...})``."""
    if flows is not None and not isinstance(flows, Mapping):
        raise TypeError(f"flows: a dict such as {{'variant': 'cic2017'}}, not {type(flows).__name__}")
    given = dict(flows or {})
    variant, compat = given.pop("variant", "corrected"), given.pop("compat", None)
    return resolved(variant, compat, given)
