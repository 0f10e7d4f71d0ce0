"""What each verb of the command ``pcapframe`` does: the arguments in, lines or JSON on standard output."""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

import pcapframe

from . import _export, _flows
from ._counts import Counts, IocCounts
from ._display import duration, one_day, percent, printable, room, size, table, when, width
from ._frame import Frame
from ._frame_column import Column
from ._reader import Capture
from ._text import display
from ._thresholds import Threshold, eval_packets, set_threshold

DONE, ALARM = 0, 3

KINDS = ("dns", "ip", "seq")
DNS_TITLES = {"empty": "DNS replies without an answer, per client", "nxdomain": "DNS replies with NXDOMAIN, per client"}
SEQ_TITLES = {
    "all": "packets per TCP sequence number",
    "data": "packets with payload, SYN or FIN per TCP sequence number",
}

ROWS = 10  # of a table in a terminal
SIGMA = 3.0
SHOWN = ("frame_number", "frame_time", "ip_src", "ip_dst", "protocol", "tcp_dstport", "udp_dstport", "frame_len")
COUNTED = ("ip_src", "ip_dst", "protocol")
PORTS = ("tcp_srcport", "tcp_dstport", "udp_srcport", "udp_dstport")
SLICE = 4096  # rows turned into Python objects together


class Usage(Exception):
    """A command that cannot be carried out as it was given."""


def _open(given: argparse.Namespace, columns: Iterable[str] = ()) -> Capture:
    """The capture; with columns that take a pass of their own it can be read twice, also if it is standard input."""
    options: dict[str, Any] = {"threads": given.threads, "strict": given.strict, "spool": _flows.asks(columns)}
    options["progress"] = False if given.no_progress else None
    if getattr(given, "filter", None) is not None:
        options["filter"] = given.filter
    wheres = dict(getattr(given, "where", None) or ())
    if "-" in given.files and len(given.files) > 1:
        raise Usage("- is standard input, which stands alone")
    if len(wheres) < len(getattr(given, "where", None) or ()):
        raise Usage("--where: one condition for each column; several values are separated by commas")
    capture = pcapframe.open(given.files[0] if len(given.files) == 1 else given.files, **options)
    try:
        return capture.filter(**wheres) if wheres else capture
    except TypeError as error:
        raise Usage(f"--where: {error}") from None


def _check_output(path: str, suffixes: Sequence[str], capture: Capture) -> None:
    """Refuse at once what could not be written after a long pass, and to write over what is read."""
    if not path.lower().endswith(tuple(suffixes)):
        raise Usage(f"{path}: {', '.join(suffixes[:-1])} or {suffixes[-1]} can be written")
    capture._refuse_own(path)
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise FileNotFoundError(2, "No such folder", folder)


# --------------------------------------------------------------------------------------------------------- showing


def _print(*lines: str) -> None:
    for line in lines:
        print(line)


def _title(capture: Capture) -> str:
    files = capture.files
    name = "standard input" if files == ["-"] else display(files[0])
    return name if len(files) == 1 else f"{len(files)} files from {name} on"


def _table(
    names: Sequence[str], rows: Sequence[Sequence[str]], right: Iterable[str], times: Iterable[str] = ()
) -> None:
    """Print a table; where it does not fit, times of one day are shown without it."""
    lines, fit = table(names, rows, set(right), room())
    if fit < len(names):
        day, shorter = one_day(rows, [n for n, name in enumerate(names) if name in set(times)])
        if day:
            lines, fit = table(names, shorter, set(right), room())
            _print(f"  times are of {day}, UTC")
    _print(*lines)
    if fit < len(names):
        hidden = f"not shown, for want of room: {', '.join(names[fit:])}"
        _print(*textwrap.wrap(hidden, width() - 1, initial_indent="  ", subsequent_indent="    "))


def _list(rows: Sequence[Sequence[str]]) -> None:
    """Print rows of name, kind and meaning; the meaning goes on below itself and is never cut."""
    names, kinds = (max(len(row[n]) for row in rows) for n in (0, 1))
    indent = names + kinds + 4
    for name, kind, meaning in rows:
        first, *more = textwrap.wrap(meaning, max(20, width() - indent - 1)) or [""]
        _print(f"{name:{names}}  {kind:{kinds}}  {first}".rstrip(), *(" " * indent + line for line in more))


def _say(text: str) -> None:
    """Print a sentence, broken where the terminal ends."""
    _print(*textwrap.wrap(text, max(20, width() - 1), subsequent_indent="  ", break_long_words=False))


def _json(document: dict[str, Any], rows: Iterable[object] | None = None) -> None:
    _export.dump_json(sys.stdout, document, rows)


# ------------------------------------------------------------------------------------------------------------ info


def _size(octets: int | None) -> str:
    if octets is None:
        return "unknown"
    return size(octets) + (f" ({octets:,} octets)" if octets >= 1000 else "")


def info(given: argparse.Namespace) -> int:
    capture = _open(given)
    info = capture.info(full=given.full)
    if given.json:
        _json({"files": capture.files, **dataclasses.asdict(info)})
        return DONE
    rows = [("files" if len(capture.files) > 1 else "file", ", ".join(map(display, capture.files)))]
    for name, value in info._rows():
        if name == "octets":
            rows.append(("size", _size(info.octets)))
        elif name == "first packet":
            rows.append((name, when(info.first_time)))
        elif name == "last packet":
            rows.append((name, when(info.last_time)))
            if info.first_time is not None and info.last_time is not None:
                rows.append(("duration", duration(info.last_time - info.first_time)))
        else:
            rows.append((name, printable(value)))
    wide = max(len(name) for name, _ in rows) + 2
    for name, value in rows:
        lines = textwrap.wrap(value, max(20, width() - wide - 1), break_long_words=False) or [""]
        _print(f"{name:{wide}}{lines[0]}", *(" " * wide + line for line in lines[1:]))
    return DONE


# ---------------------------------------------------------------------------------------------------------- counts


def _given_rules(given: argparse.Namespace) -> dict[str, Any]:
    return {"compat": given.compat, "dns_rule": given.dns_rule or "empty", "seq_rule": given.seq_rule or "all"}


def _titles(rules: dict[str, Any]) -> dict[str, str]:
    titles = {"dns": DNS_TITLES[rules["dns_rule"]], "ip": "packets per source address"}
    return titles | {"seq": SEQ_TITLES[rules["seq_rule"]]}


def _thresholds(counted: IocCounts, kinds: Sequence[str], sigma: float) -> dict[str, Threshold]:
    return {kind: set_threshold(getattr(counted, kind), sigma) for kind in kinds}


def _suspicious(threshold: Threshold, counts: Counts) -> list[tuple[Any, int]]:
    """The keys at or above the threshold with their counts: the first ones in the order of counts."""
    return counts.top(len(eval_packets(threshold, counts)))


def _pairs(pairs: Iterable[tuple[Any, int]]) -> list[dict[str, Any]]:
    return [{"key": key, "count": count} for key, count in pairs]


def _threshold_json(threshold: Threshold) -> dict[str, Any]:
    value = float(threshold) if math.isfinite(threshold) else None
    return {"threshold": value, "note": threshold.note or None}


def _threshold_text(threshold: Threshold) -> str:
    if threshold.scale is None:  # too few keys: the note says so
        return f"{float(threshold):,.1f}"
    sign = "-" if threshold.k < 0 else "+"
    return f"{float(threshold):,.1f} (mean {sign} {abs(threshold.k):g} standard deviations)"


def counts(given: argparse.Namespace) -> int:
    capture = _open(given)
    kinds = given.kind if given.kind is not None else list(KINDS)
    sigma = given.sigma if given.sigma is not None else SIGMA
    top = given.top if given.top is not None else ROWS
    if given.output:
        _check_output(given.output, (".csv", ".json"), capture)
    rules = _given_rules(given)
    counted = capture.ioc_counts(**rules)
    thresholds = _thresholds(counted, kinds, sigma)
    suspicious = {kind: _suspicious(thresholds[kind], getattr(counted, kind)) for kind in kinds}
    document: dict[str, Any] = {"files": capture.files, **rules, "sigma": sigma, "counts": {}}
    for kind in kinds:
        counts: Counts = getattr(counted, kind)
        document["counts"][kind] = {
            "column": counts.name,
            "keys": len(counts),
            "packets": counts._moments()[1],
            **_threshold_json(thresholds[kind]),
            "suspicious": _pairs(suspicious[kind]),
            "top": _pairs(counts.top(top)),
        }
    if given.output:
        document["output"] = given.output
        _write_counts(given.output, counted, suspicious, document)
    if given.json:
        _json(document)
        return DONE
    _print(_title(capture))
    for kind in kinds:
        _print("", f"{_titles(rules)[kind]} ({kind})")
        _show_counts(getattr(counted, kind), document["counts"][kind], thresholds[kind], top)
    if given.output:
        _print("", f"all keys written to {display(given.output)}")
    return DONE


def _show_counts(counts: Counts, told: dict[str, Any], threshold: Threshold, top: int) -> None:
    found = len(told["suspicious"])
    _say(
        f"{_number(len(counts), 'key')}, {_number(told['packets'], 'packet')}; threshold {_threshold_text(threshold)}: "
        f"{found or 'none':{',' if found else ''}} suspicious"
    )
    if threshold.note:
        _say(f"note: {threshold.note}")
    rows = [
        (str(pair["key"]), f"{pair['count']:,}", "suspicious" if place < found else "")
        for place, pair in enumerate(told["top"])
    ]
    if rows:
        _table((counts.name, "packets", ""), rows, ("packets",))
    if len(counts) > len(rows):
        more = f"  ... {_number(len(counts) - len(rows), 'more key')}"
        _print(more + (f", {found - len(rows):,} of them suspicious" if found > len(rows) else ""))


def _number(count: int, of: str) -> str:
    return f"{count:,} {of}{'' if count == 1 else 's'}"


def _write_counts(path: str, counted: IocCounts, suspicious: dict[str, Any], document: dict[str, Any]) -> None:
    def rows() -> Iterator[tuple[str, Any, int, int]]:
        for kind, found in suspicious.items():
            counts: Counts = getattr(counted, kind)
            for place, (key, count) in enumerate(counts.top(len(counts))):
                yield kind, key, count, int(place < len(found))

    names = ("kind", "key", "count", "suspicious")
    if path.lower().endswith(".csv"):
        _export.write_csv(path, names, rows())
    else:
        _export.write_json(path, document, (dict(zip(names, row, strict=True)) for row in rows()))


# ---------------------------------------------------------------------------------------------------------- select


def select(given: argparse.Namespace) -> int:
    keys: dict[str, list[Any]] = {kind: getattr(given, kind) for kind in KINDS if getattr(given, kind) is not None}
    if not keys and given.auto is None:
        raise Usage("keys are needed: --dns, --ip, --seq, or --auto K to find them (pcapframe select --help)")
    if given.kind is not None and given.auto is None:
        raise Usage("--kind says what --auto K looks at, and there is no --auto")
    capture = _open(given, given.columns or ())
    to_capture = bool(given.output) and not given.output.lower().endswith((".csv", ".json"))
    if given.output:
        _check_output(given.output, (".pcap", ".cap", ".pcapng", ".csv", ".json"), capture)
    if not capture.reusable and (given.auto is not None or to_capture):
        what = "--auto" if given.auto is not None else "writing packets"
        raise Usage(f"{_title(capture)}: {what} reads a capture twice, and a stream can be read once; save it first")
    rules = _given_rules(given)
    thresholds: dict[str, Threshold] = {}
    if given.auto is not None:
        counted = capture.ioc_counts(**rules)
        thresholds = _thresholds(counted, given.kind or KINDS, given.auto)
        for kind, threshold in thresholds.items():
            found = [key for key, _ in _suspicious(threshold, getattr(counted, kind))]
            keys[kind] = list(dict.fromkeys([*keys.get(kind, ()), *found]))
    columns = _columns(given, to_capture)
    frame = capture.select(keys.get("dns"), keys.get("ip"), keys.get("seq"), **rules, columns=columns)
    document = {
        "files": capture.files,
        **rules,
        "sigma": given.auto,
        "thresholds": {kind: _threshold_json(threshold) for kind, threshold in thresholds.items()},
        "keys": {kind: keys.get(kind, []) for kind in KINDS},
        "packets": len(frame),
    }
    if given.output:
        document["output"] = given.output
        _write_frame(given.output, frame, document)
    if given.json:
        _json(document, None if given.output else _records(frame))
        return DONE
    _show_keys(keys, thresholds)
    _say(f"{_title(capture)}: {_number(len(frame), 'packet')} counted under these keys")
    if given.output:
        what = "packets" if to_capture else "rows"
        _print(f"{what} written to {display(given.output)}")
    elif len(frame):
        _show_frame(frame, given.columns, given.rows)
    return DONE


def _columns(given: argparse.Namespace, to_capture: bool) -> list[str] | None:
    """The columns to collect: no more than will be seen."""
    if to_capture:
        return ["frame_number"]
    if given.columns is not None or given.json or given.output:
        return list(given.columns) if given.columns is not None else None
    return list(SHOWN)


def _show_keys(keys: dict[str, list[Any]], thresholds: dict[str, Threshold]) -> None:
    for kind, listed in keys.items():
        shown = ", ".join(printable(str(key)) for key in listed[:ROWS]) or "none"
        more = f" and {len(listed) - ROWS:,} more" if len(listed) > ROWS else ""
        since = f", from {_threshold_text(thresholds[kind])}" if kind in thresholds else ""
        _say(f"{kind}{since}: {shown}{more}")
        if kind in thresholds and thresholds[kind].note:
            _say(f"  note: {thresholds[kind].note}")


def _show_rows(frame: Frame, rows: int) -> None:
    kinds = {name: kind for name, kind, _ in frame.schema}
    right = {name for name, kind in kinds.items() if kind not in ("text", "string", "time")}
    head = frame[:rows].to_dict()
    cells = [
        [_cell(value, kinds[name]) for name, value in zip(head, row, strict=True)]
        for row in zip(*head.values(), strict=True)
    ]
    _print("")
    _table(list(head), cells, right, [name for name, kind in kinds.items() if kind == "time"])
    if len(frame) > rows:
        _print(f"  ... {_number(len(frame) - rows, 'more row')}")


def _show_frame(frame: Frame, columns: Sequence[str] | None, rows: int) -> None:
    kinds = {name: kind for name, kind, _ in frame.schema}
    _show_rows(frame, rows)
    counted = COUNTED if columns is None else [name for name in columns if kinds[name] == "text" or name in PORTS]
    for name in counted:
        values, others = value_counts(frame[name], rows)
        _print("")
        _table((name, "packets"), [(str(value), f"{count:,}") for value, count in values], ("packets",))
        if others:
            _print(f"  ... {_number(others, 'more value')}")


def _cell(value: Any, kind: str) -> str:
    if value is None:
        return ""
    return when(value) if kind == "time" else str(value)


def value_counts(column: Column, most: int) -> tuple[list[tuple[Any, int]], int]:
    """The most frequent values, None left out, with their counts, and how many values there are besides."""
    is_text = column._categories is not None
    values = column.codes if is_text else column.values
    if column.valid is not None:
        values = values[column.valid]
    found, counts = np.unique(values, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    best = zip(found[order][:most].tolist(), counts[order][:most].tolist(), strict=True)
    texts = column.categories if is_text else None
    named = [(value if texts is None else texts[value], count) for value, count in best]
    return named, max(0, len(found) - most)


def _slices(frame: Frame) -> Iterator[dict[str, list[Any]]]:
    """Plain values, octets as hexadecimal digits."""
    octets = [name for name, kind, _ in frame.schema if kind == "binary"]
    for start in range(0, len(frame), SLICE):
        columns = frame[start : start + SLICE].to_dict()
        for name in octets:
            columns[name] = [None if value is None else value.hex() for value in columns[name]]
        yield columns


def _records(frame: Frame) -> Iterator[dict[str, Any]]:
    """Rows as JSON takes them: it knows numbers, but neither NaN nor infinity."""
    doubles = [name for name, kind, _ in frame.schema if kind == "float64"]
    for columns in _slices(frame):
        for name in doubles:
            columns[name] = [_export.finite(value) for value in columns[name]]
        for row in zip(*columns.values(), strict=True):
            yield dict(zip(columns, row, strict=True))


def _hand_over(given: argparse.Namespace, frame: Frame, document: dict[str, Any]) -> bool:
    """Write the rows to the file that was asked for, and print JSON if that was; whether nothing is left to be told."""
    if given.output:
        document["output"] = given.output
        _write_frame(given.output, frame, document)
    if given.json:
        _json(document, None if given.output else _records(frame))
    return bool(given.json)


def _write_frame(path: str, frame: Frame, document: dict[str, Any]) -> None:
    if path.lower().endswith(".json"):
        _export.write_json(path, document, _records(frame))
    elif path.lower().endswith(".csv"):
        times = [kind == "time" for _, kind, _ in frame.schema]

        def rows() -> Iterator[list[Any]]:
            for columns in _slices(frame):
                for row in zip(*columns.values(), strict=True):
                    yield [
                        when(value, 9).replace(" ", "T") if is_time and value is not None else value
                        for value, is_time in zip(row, times, strict=True)
                    ]

        _export.write_csv(path, frame.columns, rows())
    else:
        frame.write(path)


# --------------------------------------------------------------------------------------------------------- capture


def capture(given: argparse.Namespace) -> int:
    if given.output is not None and not given.output.lower().endswith(".pcapng"):
        raise Usage(f"{given.output}: .pcapng can be written")
    if given.rotate is not None and given.output is None:
        raise Usage("--rotate: needs -o FILE, the name that those of the series are made of")
    names = ("filter", "seconds", "packets", "octets", "rotate", "keep", "source")
    limits = {name: getattr(given, name) for name in names}
    if given.snaplen is not None:
        limits["snaplen"] = given.snaplen
    captured = pcapframe.capture(
        given.interface,
        path=given.output,
        promiscuous=not given.no_promiscuous,
        progress=False if given.no_progress else None,
        **limits,
    )
    info = captured.info(full=True)
    last = info.interfaces[-1] if info.interfaces else None
    counts = {name: getattr(last, name, None) for name in ("received", "dropped")}
    files = captured.files if given.output is not None else []
    if given.json:
        _json({"files": files, "interface": given.interface, "packets": info.packets, "octets": info.octets,
               "first_time": info.first_time, "last_time": info.last_time, **counts})  # fmt: skip
        return DONE
    rows = [("interface", given.interface), ("packets", f"{info.packets:,}"), ("size", _size(info.octets))]
    rows += [(name, "unknown" if count is None else f"{count:,}") for name, count in counts.items()]
    if info.first_time is not None and info.last_time is not None:
        rows += [("first packet", when(info.first_time)), ("duration", duration(info.last_time - info.first_time))]
    rows += [("file", display(name)) for name in files]
    for name, value in rows:
        _print(f"{name:14}{value}")
    return DONE


# ----------------------------------------------------------------------------------------------------------- flows

FLOW_SUFFIXES = (".csv", ".json", ".parquet", ".arrow")
SHOWN_OF_FLOWS = (
    "flow_id", "Timestamp", "Source IP", "Source Port", "Destination IP", "Destination Port", "Protocol",
    "Flow Duration", "flow_packets", "flow_end_reason",
)  # fmt: skip


def flows(given: argparse.Namespace) -> int:
    if given.features:
        return _features(given)
    if not given.files:
        raise Usage("a capture is needed, or --features (pcapframe flows --help)")
    if given.published and not (given.output or "").lower().endswith(".csv"):
        raise Usage("--published says how a .csv file is written: -o FILE.csv")
    capture = _open(given)
    if given.output:
        _check_output(given.output, FLOW_SUFFIXES, capture)
    protocols = None if given.protocols is None else "all" if given.protocols == ["all"] else given.protocols
    frame = capture.flows(given.variant, given.compat, names=given.names, protocols=protocols, extra=given.extra)
    more = [each.name for each in _flows.EXTRA if each.group in given.extra]
    reasons = dict(value_counts(frame["flow_end_reason"], ROWS)[0])
    document = {
        "files": capture.files,
        "flows": len(frame),
        "options": frame.provenance["options"]["flows"],
        "packets": frame.provenance["flow_packets"],
        "end_reasons": reasons,
    }
    if given.output:
        document["output"] = given.output
        if given.published:
            frame.write(given.output, published=True)
        else:
            _write_frame(given.output, frame, document)
    if given.json:
        _json(document, None if given.output else _records(frame))
        return DONE
    ended = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())
    _say(f"{_title(capture)}: {_number(len(frame), 'flow')}" + (f" (ended by {ended})" if ended else ""))
    if given.output:
        _print(f"rows written to {display(given.output)}")
    elif len(frame):
        _show_rows(frame[_flows.renamed(SHOWN_OF_FLOWS, given.names) + more], given.rows)
    return DONE


def _features(given: argparse.Namespace) -> int:
    """The columns of a variant: name, type, unit, meaning."""
    old = given.variant == "cic2017"
    found = [each for each in _flows.FEATURES if (each.cic2017 if old else each.corrected) is not None]
    if given.json:
        _json(
            {"variant": given.variant},
            [*(each._asdict() for each in found), *(each._asdict() for each in _flows.EXTRA)],
        )
        return DONE
    names = _flows.renamed([each.published for each in found], given.names)
    rows = []
    for name, each in zip(names, found, strict=True):
        unit = f" [{each.unit}]" if each.unit else ""
        differs = f" ({each.differs})" if each.differs else ""
        rows.append((name, str(each.cic2017 if old else each.corrected), f"{each.definition}{unit}{differs}"))
    for more in _flows.EXTRA:
        unit = f" [{more.unit}]" if more.unit else ""
        rows.append((more.name, more.kind, f"--extra {more.group}: {more.definition}{unit}"))
    _list(rows)
    return DONE


# ----------------------------------------------------------------------------------------------------------- check


def check(given: argparse.Namespace) -> int:
    from ._check import check

    report = check(_open(given), given.against, given.sample)
    if given.json:
        _json(report)
    else:
        _show_report(report)
    return DONE if report["ok"] else ALARM


def _show_report(report: dict[str, Any]) -> None:
    ours, theirs = report["packets"]["ours"], report["packets"]["theirs"]
    other = printable(report["version"])
    _print(f"{', '.join(display(file) for file in report['files'])} against {other}")
    told = f"{_number(ours, 'packet')}"
    if theirs is not None:
        told += f", {report['against']} has {'as many' if ours == theirs else f'{theirs:,}'}"
    compared = "all" if report["compared"] == ours else f"{report['compared']:,}, evenly spread,"
    _say(f"{told}; {compared} compared")
    _print("")
    rows = []
    for line in report["columns"]:
        both = line["equal"] + line["different"]
        share = percent(line["equal"], both) if both else ""
        if both or line["known"]:
            rows.append((line["name"], *(f"{line[name]:,}" for name in ("equal", "known", "different")), share))
    unit = "keys" if report["against"] == "scapy" else "values"
    if rows:
        _table((unit, "equal", "known", "different", "share"), rows, ("equal", "known", "different", "share"))
    else:
        _print(f"no {unit} to compare")
    if report["known"]:
        _print("", "differences with a known reason:")
        for one in report["known"]:
            _say(f"  {one['count']:,} {one['name']}: {one['reason']}")
    if report["ok"]:
        _print("", "no unexplained difference")
        return
    _print("", "unexplained:")
    for one in report["different"][:ROWS]:
        where = "" if one["frame_number"] is None else f"packet {one['frame_number']:,}, "
        key = f" {printable(str(one['key']))}" if "key" in one else ""
        ours, theirs = (
            f"{one[side]:,}" if "key" in one or one["name"] == "packets" else printable(str(one[side]))
            for side in ("ours", "theirs")
        )
        said = f"{where}{one['name']}{key}: ours {ours}, {report['against']} {theirs}"
        _say(f"  {said}" + (f" ({printable(one['layers'])})" if "layers" in one else ""))
    if len(report["different"]) > ROWS:
        _print("  ... and more: --json")
