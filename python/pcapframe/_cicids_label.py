"""Labels for flows, from a schedule of attacks: who attacked whom, where and when."""

from __future__ import annotations

import csv
import importlib.resources
import io
import ipaddress
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _given
from ._cicids_labels import ATTEMPTED, BENIGN, is_benign
from ._cicids_tables import Report, as_table, definition_of, meta_of, with_report
from ._frame_column import import_pandas
from ._text import display
from ._times import nanoseconds

if TYPE_CHECKING:
    import pandas as pd

_Array = np.ndarray[Any, Any]

COLUMNS = ("start", "end", "src", "dst", "sport", "dport", "proto", "not_sport", "min_fwd_packets", "label")
TRUTH = ("label", "attacker_ip", "victim_ip", "victim_port", "proto", "start_utc", "end_utc")
ICMP = (1, 58)
PROTOCOLS = {"tcp": (6,), "udp": (17,), "icmp": (0, 1, 58), "sctp": (132,)}  # 0: what the 2017 tool writes for ICMP
KEY = ("Source IP", "Source Port", "Destination IP", "Destination Port")

LACKS = "MachineLearningCVE lacks addresses and times, GeneratedLabelledFlows has them"

ATTEMPTS = (None, "apart", "attack", "benign")

MINUTE, SECOND, MICROSECOND = 60_000_000_000, 1_000_000_000, 1_000

_MOST = 1 << 26  # octets of a schedule: a line for each of half a million attacks

# Padding of short frames, which the 2017 variant takes for payload: nothing shorter was sent by an attacker's tool.
PADDING = 6

_Test = Callable[[str], bool]


@dataclass(frozen=True)
class Rule:
    """One line of a schedule: flows from `src` to `dst` that begin in [`start`, `end`] are `label`.

    Times are int nanoseconds since the epoch, UTC. Addresses are tests of a text, ports sets of numbers (None: any);
    source ports in `not_sport` and flows with fewer than `min_fwd_packets` of the attacker's are excepted. With
    `errors` ICMP between the two is part of it, whatever the ports.
    """

    label: str
    start: int
    end: int
    src: _Test | None
    dst: _Test | None
    sport: frozenset[int] | None
    dport: frozenset[int] | None
    proto: tuple[int, ...] | None
    not_sport: frozenset[int]
    min_fwd_packets: int
    text: str
    errors: bool = False


# -------------------------------------------------------------------------------------------------------- schedules


def _items(text: str) -> list[str]:
    return [item.strip() for item in re.split(r"[;,]", text) if item.strip()]


def _addresses(text: str) -> _Test | None:
    """A test of addresses as a schedule writes them: single ones, networks, and ranges of the last number."""
    if text.strip() in ("", "*"):
        return None
    single, networks, ranges = set(), [], []
    for item in _items(text):
        span = re.fullmatch(r"(.+[.:])(\w+)-(\w+)", item)
        if span:
            base = 16 if ":" in item else 10
            first, last = (ipaddress.ip_address(span[1] + end) for end in (span[2], span[3]))
            if int(span[2], base) > int(span[3], base):
                raise ValueError(f"{item!r} is an empty range")
            ranges.append((first.version, int(first), int(last)))
        elif "/" in item:
            networks.append(ipaddress.ip_network(item, strict=False))
        else:
            single.add(ipaddress.ip_address(item))

    def accepts(text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        if address in single or any(address in network for network in networks):
            return True
        return any(address.version == version and low <= int(address) <= high for version, low, high in ranges)

    return accepts


def _ports(text: str) -> frozenset[int] | None:
    if text.strip() in ("", "*"):
        return None
    ports: set[int] = set()
    for item in _items(text):
        first, _, last = item.partition("-")
        low, high = int(first), int(last or first)
        if not 0 <= low <= high <= 65535:
            raise ValueError(f"{item!r} is no port")
        ports.update(range(low, high + 1))
    return frozenset(ports)


def _protocol(text: str) -> tuple[int, ...] | None:
    name = text.strip().lower()
    if name in ("", "*"):
        return None
    if name in PROTOCOLS:
        return PROTOCOLS[name]
    return (int(name),)


def _rule(row: dict[str, str], errors: bool) -> Rule:
    start, end = nanoseconds("start", row["start"]), nanoseconds("end", row["end"])
    if end < start:
        raise ValueError(f"the end, {row['end']}, lies before the start, {row['start']}")
    if not row["label"].strip():
        raise ValueError("no label")
    text = f"{row['label']}, {row['src'] or '*'} -> {row['dst'] or '*'}:{row['dport'] or '*'}, from {row['start']}"
    return Rule(
        row["label"].strip(), start, end, _addresses(row["src"]), _addresses(row["dst"]), _ports(row["sport"]),
        _ports(row["dport"]), _protocol(row["proto"]), _ports(row["not_sport"]) or frozenset(),
        int(row["min_fwd_packets"] or 0), display(text), errors,
    )  # fmt: skip


def _truth_row(row: dict[str, str]) -> dict[str, str] | None:
    """A row of the lab's truth in the columns of a schedule; None where nobody attacks in a flow."""
    if is_benign(row["label"]) or not row["attacker_ip"].strip() or row["proto"].strip().lower() == "arp":
        return None
    first, last = row.get("first_packet_utc") or row["start_utc"], row.get("last_packet_utc") or row["end_utc"]
    return {
        "start": first, "end": last, "src": row["attacker_ip"], "dst": row["victim_ip"], "sport": "",
        "dport": row["victim_port"], "proto": row["proto"], "not_sport": "", "min_fwd_packets": "",
        "label": row["label"],
    }  # fmt: skip


@dataclass(frozen=True)
class Schedule:
    """Rules in their order, and where they come from. Of a truth of single packets, both directions match."""

    rules: tuple[Rule, ...]
    name: str
    truth: bool
    shipped: bool = False


def _text_of(name: str) -> str:
    with open(name, "rb") as file:
        octets = file.read(_MOST + 1)
    if len(octets) > _MOST or b"\0" in octets:
        raise ValueError(f"{name}: no schedule, but {'a large file' if len(octets) > _MOST else 'octets'}")
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: no schedule: octet {error.start:,} is no UTF-8") from None


def _header(reader: csv.DictReader[str], name: str) -> list[str]:
    try:
        return [column or "" for column in reader.fieldnames or []]
    except csv.Error as error:
        raise ValueError(f"{name}, line 1: {error}") from None


def _of_csv(reader: csv.DictReader[str], name: str) -> Iterator[dict[str | Any, Any]]:
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ValueError(f"{name}, line {reader.line_num}: {error}") from None


def read_schedule(path: str | os.PathLike[str] | None = None, capture: str | None = None) -> Schedule:
    """Read a schedule; see `label`. Without a path, the one of CICIDS2017 that comes with the package."""
    if path is None:
        text = importlib.resources.files("pcapframe").joinpath("data/cicids2017_schedule.csv").read_text("utf-8")
        name = "the schedule of CICIDS2017"
    else:
        name = _given.path("schedule", path)
        text = _text_of(name)
    reader = csv.DictReader(io.StringIO(text, newline=""))
    given = [column.strip() for column in _header(reader, name)]
    reader.fieldnames = given
    truth = set(TRUTH) <= set(given)
    needed = TRUTH if truth else COLUMNS
    lacking = [column for column in needed if column not in given]
    if lacking:
        raise ValueError(f"{name}: no schedule: the column {lacking[0]!r} is missing (it has {', '.join(needed)})")
    rules, quiet = [], False
    for row in _of_csv(reader, name):
        number = reader.line_num
        if None in row or None in row.values():
            raise ValueError(f"{name}, line {number}: {len(given)} fields are needed")
        if truth and capture is not None and row.get("capture") != capture:
            continue
        try:
            as_rule = _truth_row(row) if truth else row
            quiet |= as_rule is None
            if as_rule is not None:
                rules.append(_rule(as_rule, errors=truth))
        except ValueError as error:
            raise ValueError(f"{name}, line {number}: {error}") from None
    if not rules and not quiet:
        raise ValueError(f"{name}: no row{f' of {capture!r}' if capture else ''} in it")
    return Schedule(tuple(rules), name, truth, path is None)


# --------------------------------------------------------------------------------------------------------- matching


def start_times(table: Any, caller: str) -> _Array:
    """When each flow began, in ns since the epoch, UTC; the least int64 where nothing tells."""
    pandas = import_pandas(caller)
    for name in ("flow_start", "Timestamp"):
        if name not in table:
            continue
        column = table[name]
        if pandas.api.types.is_integer_dtype(column.dtype):
            return np.asarray(column.to_numpy(dtype=np.int64))
        if pandas.api.types.is_datetime64_any_dtype(column.dtype):
            if column.dt.tz is not None:
                column = column.dt.tz_convert("UTC").dt.tz_localize(None)
            return np.asarray(column.to_numpy(dtype="datetime64[ns]").astype(np.int64))
        raise ValueError(f"{caller}: {name} holds text; cicids.load gives times")
    raise ValueError(
        f"{caller}: there is no Timestamp or flow_start; MachineLearningCVE lacks it, GeneratedLabelledFlows has it"
    )


class _Flows:
    """The columns that rules look at, each distinct address looked at once."""

    def __init__(self, table: Any) -> None:
        pandas = import_pandas("cicids.label")
        for name in KEY:
            if name not in table:
                raise ValueError(f"label: there is no column {name!r}; {LACKS}")
        self.rows = len(table)
        self.times = start_times(table, "label")
        self.sides = [pandas.factorize(table[name]) for name in ("Source IP", "Destination IP")]
        self.ports = [table[name].to_numpy(dtype=np.int64) for name in ("Source Port", "Destination Port")]
        self.protocol = table["Protocol"].to_numpy(dtype=np.int64) if "Protocol" in table else None
        self.packets = [self._optional(table, name) for name in ("Total Fwd Packets", "Total Backward Packets")]
        self.payload = [self._optional(table, name) for name in ("Fwd Packet Length Max", "Bwd Packet Length Max")]
        definition = definition_of(table)
        self.variant = definition.variant if definition else None

    @staticmethod
    def _optional(table: Any, name: str) -> _Array | None:
        return table[name].to_numpy(dtype=np.float64) if name in table else None

    def address(self, side: int, test: _Test | None) -> _Array:
        codes, unique = self.sides[side]
        if test is None:
            return np.ones(self.rows, dtype=bool)
        found = np.array([*(test(str(text)) for text in unique), False], dtype=bool)
        return np.asarray(found[codes])

    def port(self, side: int, ports: frozenset[int] | None) -> _Array | bool:
        return True if ports is None else np.isin(self.ports[side], sorted(ports))

    def begins(self, rule: Rule, floor: int) -> _Array:
        first = rule.start // floor * floor
        return (self.times >= first) & (self.times <= rule.end)

    def attacker_silent(self, side: int) -> _Array | None:
        """Where the attacker sent no payload; nothing but padding in the 2017 variant. TCP alone."""
        payload = self.payload[side]
        if payload is None:
            return None
        silent = payload <= (PADDING if self.variant == "cic2017" else 0)
        return silent if self.protocol is None else silent & (self.protocol == 6)


def _resolution(times: _Array) -> int:
    """How exact the times are: the published ones are to the minute or second, and rules begin between."""
    if len(times) and not (times % MINUTE).any():
        return MINUTE
    if len(times) and not (times % SECOND).any():
        return SECOND
    return MICROSECOND  # features are computed on microseconds, captures may have nanoseconds


def _is_scan(label: str) -> bool:
    return "scan" in label.casefold()


def _match(flows: _Flows, rule: Rule, swapped: bool, floor: int) -> tuple[_Array, _Array, _Array]:
    """What a rule matches with the attacker as source (or destination): flows, too short ones, excepted ones."""
    attacker, victim = (1, 0) if swapped else (0, 1)
    hit = flows.begins(rule, floor)
    if hit.any():
        hit &= flows.address(attacker, rule.src) & flows.address(victim, rule.dst)
        fits = hit & flows.port(attacker, rule.sport) & flows.port(victim, rule.dport)
        if rule.proto is not None and flows.protocol is not None:
            fits &= np.isin(flows.protocol, rule.proto)
        if rule.errors and flows.protocol is not None:
            fits |= hit & np.isin(flows.protocol, ICMP)
        hit = fits
    excepted = np.zeros_like(hit)
    if rule.not_sport:
        excepted = hit & flows.port(attacker, rule.not_sport)
        hit &= ~excepted
    short = np.zeros_like(hit)
    if rule.min_fwd_packets:
        packets = flows.packets[attacker]
        if packets is None:
            raise ValueError(f"label: {rule.label!r} needs the packets per direction, which are not there")
        short = hit & (packets < rule.min_fwd_packets)
        hit &= ~short
    return hit, short, excepted


def label(
    flows: Any,
    schedule: str | os.PathLike[str] | None = None,
    *,
    capture: str | None = None,
    attempted: str | None = None,
    both_directions: bool | None = None,
    verbose: bool = False,
) -> pd.DataFrame:
    """Label flows by a schedule of attacks.

    Parameters
    ----------
    flows : DataFrame or Frame
        With ``Source IP``, ``Source Port``, ``Destination IP``, ``Destination Port``, and ``flow_start`` or
        ``Timestamp``.
    schedule : path, optional
        A CSV file with the columns ``start, end, src, dst, sport, dport, proto, not_sport, min_fwd_packets, label``, or
        a truth with ``label, attacker_ip, victim_ip, victim_port, proto, start_utc, end_utc``. Empty or ``*`` means
        any; lists are separated by ``;``, ranges have a ``-``, networks a ``/``. Default: the schedule of CICIDS2017.
        Of a truth, ICMP between attacker and victim belongs to the attack.
    capture : str, optional
        Of a truth, only the rows of this capture. Where those name no attack, all flows are benign.
    attempted : "apart", "attack" or "benign", optional
        Flows of an attack in which the attacker sent no payload (TCP, no scan) or fewer packets than the rule asks for:
        ``X - Attempted``, ``X`` or ``BENIGN``. Default: apart with the schedule of CICIDS2017, else attack.
    both_directions : bool, optional
        Match flows whose source is the victim as well. Default: for flows of the variant ``cic2017``, whose teardowns
        often are such flows, and for a truth.
    verbose : bool
        Print the report, which `report` also returns: flows per rule, rules without a flow, flows that rules of
        different labels match (the first rule counts), excepted ones.

    Returns
    -------
    pandas.DataFrame
        The flows with the column ``Label``, categories.

    Raises
    ------
    ValueError
        A column is missing, or the schedule is none.
    """
    pandas = import_pandas("cicids.label")
    _given.one_of("attempted", attempted, ATTEMPTS)
    if both_directions is not None:
        _given.truth("both_directions", both_directions)
    _given.truth("verbose", verbose)
    rules = read_schedule(schedule, capture)
    how = attempted or ("apart" if rules.shipped else "attack")
    meta = meta_of(flows)
    table = as_table(flows, "cicids.label")
    looked = _Flows(table)
    if both_directions is None:
        both_directions = rules.truth or looked.variant == "cic2017"
    floor = _resolution(looked.times)
    report = Report(f"labelled {len(table):,} flows by {display(rules.name)}")
    codes, names, trials = _assign(looked, rules.rules, both_directions, floor, report)
    if how == "benign":
        codes[trials] = 0
    elif how == "apart":
        codes = _apart(codes, names, trials)
    labels = pandas.Categorical.from_codes(codes, categories=names).remove_unused_categories()
    table = table.copy(deep=False)
    table["Label"] = labels
    for name, count in table["Label"].value_counts().items():
        report.add(f"Label {name}", int(count))
    table = with_report(table, "label", report, meta)
    if verbose:
        print(report)
    return table


def _assign(
    flows: _Flows, rules: Iterable[Rule], both: bool, floor: int, report: Report
) -> tuple[_Array, list[str], _Array]:
    """The code of each flow's label, the names of codes, and which flows are attempts."""
    names = [BENIGN]
    codes = np.zeros(flows.rows, dtype=np.int32)
    trials = np.zeros(flows.rows, dtype=bool)
    maybe = np.zeros(flows.rows, dtype=np.int32)  # too short for one rule, unless another takes it
    conflicts = np.zeros(flows.rows, dtype=bool)
    spared = np.zeros(flows.rows, dtype=bool)
    for rule in rules:
        if rule.label not in names:
            names.append(rule.label)
        code, matched = names.index(rule.label), 0
        for swapped in (False, True) if both else (False,):
            hit, short, excepted = _match(flows, rule, swapped, floor)
            matched += int(hit.sum())
            spared |= excepted
            maybe[short & (maybe == 0)] = code
            conflicts |= hit & (codes != 0) & (codes != code)
            new = hit & (codes == 0)
            codes[new] = code
            silent = flows.attacker_silent(1 if swapped else 0)
            if silent is not None and not _is_scan(rule.label):
                trials |= new & silent
        if matched:
            report.add(rule.text, matched)
        else:
            report.notes.append(f"no flow: {rule.text}")
    late = (codes == 0) & (maybe != 0)
    codes[late] = maybe[late]
    trials |= late
    report.add("matched by rules of different labels", int(conflicts.sum()))
    report.add("excepted source ports", int((spared & (codes == 0)).sum()))
    report.add("attempted, without payload or too short", int(trials.sum()))
    report.add("matched by no rule", int((codes == 0).sum()))
    return codes, names, trials


def _apart(codes: _Array, names: list[str], trials: _Array) -> _Array:
    codes = codes.copy()
    for code in np.unique(codes[trials]).tolist():
        name = names[code]
        if name.endswith(ATTEMPTED) or code == 0:
            continue
        name += ATTEMPTED
        if name not in names:
            names.append(name)
        codes[trials & (codes == code)] = names.index(name)
    return codes
