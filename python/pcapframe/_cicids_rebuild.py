"""The data set made anew from its captures: flows with our definitions, labelled, one Parquet file a capture."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import pcapframe

from . import _cicids_columns as known
from . import _given
from ._cicids_files import META, arrow, describe, files_of
from ._cicids_label import ATTEMPTS, LACKS, MINUTE, label, read_schedule, start_times
from ._cicids_labels import ATTEMPTED, mapped
from ._cicids_read import load
from ._cicids_tables import KEY
from ._cicids_times import day_of_name, place_of_name
from ._export import DRAFT, draft_prefix, drafted
from ._flows import resolved
from ._frame_column import import_pandas

_Array = np.ndarray[Any, Any]
_Say = Callable[[str], object]

CAPTURES = (".pcap", ".pcapng", ".pcap.gz", ".pcapng.gz", ".pcap.zst", ".pcap.xz", ".pcap.bz2")
BATCH = 200_000  # flows that are in memory at once: some 150 MB

# What makes two rows the same flow: a Flow ID alone repeats after every FIN, timeout and reuse of a port.
SAME = ("Flow ID", "Flow Duration", "Total Fwd Packets", "Total Backward Packets")


@dataclass
class Rebuilt:
    """What `rebuild` made: per capture its file, rows and labels, and how it compares with published tables."""

    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    comparison: dict[str, dict[str, Any]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain dicts."""
        return {"files": self.files, "comparison": self.comparison}

    def __str__(self) -> str:
        lines = []
        for name, told in self.files.items():
            if told["path"] is None:
                lines.append(f"{name}: no flows in it, nothing made")
                continue
            state = "as it was" if told["kept"] else "made"
            lines.append(f"{name}: {told['rows']:,} flows, {state}: {told['path']}")
            lines += [f"  {count:>9,}  {text}" for text, count in told["labels"].items()]
        for day, told in self.comparison.items():
            lines.append(f"{day} against the published tables: {told['published']:,} rows there, {told['ours']:,} here")
            lines.append(
                f"  {told['found']:,} of the published rows are among ours; {told['same label']:,} agree in the label"
            )
            for text, (theirs, ours) in told["labels"].items():
                lines.append(f"  {theirs:>9,} published {ours:>9,} here  {text}")
        return "\n".join(lines)

    __repr__ = __str__


def _captures(folder: Any) -> list[str]:
    where = _given.path("pcap_folder", folder)
    if os.path.isfile(where):
        return [where]
    if not os.path.isdir(where):
        raise FileNotFoundError(2, "No such folder", where)
    found = [os.path.join(where, name) for name in os.listdir(where) if name.lower().endswith(CAPTURES)]
    if not found:
        raise ValueError(
            f"{where}: no captures in it (Monday-WorkingHours.pcap to Friday-WorkingHours.pcap are looked for)"
        )
    return sorted(found, key=lambda path: place_of_name(os.path.basename(path)))


def _stem(path: str) -> str:
    name = os.path.basename(path)
    return next((name[: -len(end)] for end in sorted(CAPTURES, key=len)[::-1] if name.lower().endswith(end)), name)


@dataclass(frozen=True)
class _Job:
    """How flows are made and labelled."""

    flows: dict[str, Any]
    schedule: str | None
    attempted: str | None

    def origin(self, path: str) -> dict[str, Any]:
        """What decides the result; a file that was made from the same is kept."""
        told = os.stat(path)
        by = "shipped"
        if self.schedule is not None:
            with open(self.schedule, "rb") as file:
                by = hashlib.file_digest(file, "sha256").hexdigest()
        return {
            "input": os.path.basename(path), "size": told.st_size, "changed_ns": told.st_mtime_ns, **self.flows,
            "definitions": known.DEFINITIONS, "schedule": by, "attempted": self.attempted,
            "version": pcapframe.__version__,
        }  # fmt: skip


def _kept(target: str, origin: dict[str, Any]) -> bool:
    if not os.path.exists(target):
        return False
    try:
        found = arrow("pyarrow.parquet", "cicids.rebuild").read_schema(target).metadata or {}
        return bool(json.loads(found[META])["origin"] == origin)
    except (ValueError, OSError, KeyError):
        return False


def _table(frame: Any, meta: dict[str, Any], schedule: Any, attempted: str | None) -> Any:
    table = frame.to_pandas(strings="str") if not hasattr(frame, "iloc") else frame
    table.attrs[KEY] = {**meta, **table.attrs.get(KEY, {})}
    return label(table, schedule, attempted=attempted)


class _NoFlows(Exception):
    """There is nothing to write."""


def _sweep(target: str) -> None:
    """Remove what a run that was killed left of this file."""
    folder, name = os.path.split(target)
    for each in os.listdir(folder or "."):
        if each.startswith(draft_prefix(name)) and each.endswith(DRAFT):
            os.unlink(os.path.join(folder, each))


def _write(cap: Any, target: str, job: _Job, say: _Say) -> None:
    """Write the labelled flows of a capture."""
    pa, parquet = arrow("pyarrow", "cicids.rebuild"), arrow("pyarrow.parquet", "cicids.rebuild")
    meta = {**job.flows, "layout": "published", "definitions": known.DEFINITIONS}
    origin = job.origin(cap.files[0])
    writer: Any = None
    rows = 0
    with drafted(target) as draft:
        try:
            for frame in cap.flow_batches(rows=BATCH, **job.flows):
                if not len(frame):
                    continue
                table = _table(frame, meta, job.schedule, job.attempted)
                table["Label"] = table["Label"].astype(object)
                table.attrs = {}
                if writer is None:
                    schema = pa.Schema.from_pandas(table, preserve_index=False)
                    place = schema.get_field_index("Label")
                    schema = schema.set(place, pa.field("Label", pa.string()))
                    told = json.dumps({**meta, "origin": origin}).encode()
                    writer = parquet.ParquetWriter(draft, schema.with_metadata({META: told}))
                writer.write_table(pa.Table.from_pandas(table, schema=writer.schema, preserve_index=False))
                rows += len(table)
                if rows % BATCH == 0:
                    say(f"{os.path.basename(cap.files[0])}: {rows:,} flows so far")
        finally:
            if writer is not None:
                writer.close()
        if writer is None:
            raise _NoFlows


def rebuild(
    pcap_folder: Any,
    out: str | os.PathLike[str],
    *,
    variant: str = "cic2017",
    compat: str | None = None,
    schedule: str | os.PathLike[str] | None = None,
    attempted: str | None = None,
    published: Any = None,
    progress: Callable[[str], object] | None = None,
) -> Rebuilt:
    """Make labelled flows of the data set's captures, one Parquet file a capture.

    A file that was made from the same capture in the same way is kept, so an interrupted run goes on where it stopped.

    Parameters
    ----------
    pcap_folder : path
        The folder of ``Monday-WorkingHours.pcap`` to ``Friday-WorkingHours.pcap``, or one capture.
    out : path
        The folder to write to; it is made if need be.
    variant, compat : str, optional
        How flows are made, as in `Capture.flows`.
    schedule, attempted : optional
        How they are labelled, as in `label`.
    published : path, optional
        Published tables with addresses and times (GeneratedLabelledFlows) to compare with.
    progress : callable, optional
        Called with a line of text before and after each capture, and meanwhile for every 200,000 flows.

    Returns
    -------
    Rebuilt
        It prints; `files` and `comparison` are plain dicts.

    Raises
    ------
    ValueError
        No captures, no flows in any of them, two that would become one file, a schedule that is none, published tables
        without addresses and times: all but flows is looked at before anything is made.
    CaptureError
        One of them is no capture.
    OSError
        What cannot be read or written.
    """
    import_pandas("cicids.rebuild")
    arrow("pyarrow", "cicids.rebuild")
    if progress is not None and not callable(progress):
        raise _given.wrong("progress", "a function of a line of text", progress)
    say = progress or (lambda text: None)
    job = _checked_job(variant, compat, schedule, attempted)
    tables = [] if published is None else _comparable(files_of(published))
    folder = _given.path("out", out)
    work = [(cap, os.path.join(folder, _stem(cap.files[0]) + ".parquet")) for cap in _opened(_captures(pcap_folder))]
    _check_targets(work)
    os.makedirs(folder, exist_ok=True)
    result = Rebuilt()
    for cap, target in work:
        name = os.path.basename(cap.files[0])
        told = result.files[name] = _made(cap, target, job, say)
        if told["path"] is None:
            say(f"{name}: no flows in it")
            continue
        say(f"{name}: {told['rows']:,} flows" + (" from before" if told["kept"] else ""))
        theirs = [table for table in tables if day_of_name(os.path.basename(table)) == day_of_name(name)]
        if theirs:
            say(f"{name}: comparing with {len(theirs)} published tables")
            result.comparison[day_of_name(name) or name] = compare(target, theirs)
    if not any(told["rows"] for told in result.files.values()):
        raise ValueError(f"{os.fspath(pcap_folder)}: no flows in {', '.join(result.files)}")
    return result


# What is wrong is said before the long work, so all of it is looked at first.


def _checked_job(variant: str, compat: str | None, schedule: Any, attempted: str | None) -> _Job:
    resolved(variant, compat, {})
    if attempted not in ATTEMPTS:
        raise ValueError(f"attempted: {', '.join(map(repr, ATTEMPTS[1:]))}, not {attempted!r}")
    read_schedule(schedule)
    return _Job({"variant": variant, "compat": compat}, None if schedule is None else os.fspath(schedule), attempted)


def _comparable(tables: list[str]) -> list[str]:
    for path in tables:
        there = describe(path).names
        lacking = [name for name in (*SAME, "Timestamp", "Label") if name not in there]
        if lacking:
            raise ValueError(f"{path}: no column {', '.join(map(repr, lacking))} to compare by; {LACKS}")
    return tables


def _opened(paths: list[str]) -> list[Any]:
    return [pcapframe.open(path) for path in paths]


def _check_targets(work: list[tuple[Any, str]]) -> None:
    seen: dict[str, str] = {}
    for cap, target in work:
        other = seen.setdefault(target, cap.files[0])
        if other != cap.files[0]:
            raise ValueError(f"{other} and {cap.files[0]} would both become {target}: give one of them")


def _made(cap: Any, target: str, job: _Job, say: _Say) -> dict[str, Any]:
    """Make a file unless it is there, and tell what is in it."""
    name = os.path.basename(cap.files[0])
    kept = _kept(target, job.origin(cap.files[0]))
    if not kept:
        say(f"{name}: making flows")
        _sweep(target)
        try:
            _write(cap, target, job, say)
        except _NoFlows:
            return {"path": None, "rows": 0, "kept": False, "labels": {}}
    labels = load(target, columns=["Label"])["Label"].value_counts()
    counted = {str(text): int(count) for text, count in labels.items()}
    return {"path": target, "rows": sum(counted.values()), "kept": kept, "labels": counted}


# ------------------------------------------------------------------------------------------------------- comparing


def _keyed(table: Any, floor: int) -> Any:
    pandas = import_pandas("cicids.rebuild")
    columns = {name: table[name].to_numpy() for name in SAME}
    columns["Flow ID"] = table["Flow ID"].astype(str).to_numpy()
    columns["start"] = start_times(table, "rebuild") // floor
    tried = table["Label"].astype(str).str.removesuffix(ATTEMPTED)  # the published tables know no attempts
    columns["Label"] = np.asarray(mapped(tried, "published"), dtype=object)
    return pandas.DataFrame(columns)


def compare(ours: str, published: Any) -> dict[str, Any]:
    """Compare a rebuilt file with published tables: rows per label, and which rows are the same flows.

    Rows are the same when Flow ID, duration, both packet counts and the start (as exactly as it was published) agree;
    equal rows count as often as they stand in both. ``X - Attempted`` counts as X.
    """
    needed = [*SAME, "Timestamp", "Label"]
    theirs, mine = load(published, columns=needed), load(ours, columns=needed)
    floor = MINUTE if not (start_times(theirs, "rebuild") % MINUTE).any() else 1_000_000_000
    left, right = _keyed(theirs, floor), _keyed(mine, floor)
    names = [*SAME, "start"]
    a, b = left.groupby(names).size(), right.groupby(names).size()
    found = int(np.minimum(*(part.to_numpy() for part in a.align(b, join="inner"))).sum())
    a, b = left.groupby([*names, "Label"]).size(), right.groupby([*names, "Label"]).size()
    agree = int(np.minimum(*(part.to_numpy() for part in a.align(b, join="inner"))).sum())
    counts = [table["Label"].value_counts() for table in (left, right)]
    labels = {
        text: (int(counts[0].get(text, 0)), int(counts[1].get(text, 0)))
        for text in sorted({*counts[0].index, *counts[1].index})
    }
    return {"published": len(left), "ours": len(right), "found": found, "same label": agree, "labels": labels}
