"""Detectors: documented rules over a few tables of sums that one pass makes. docs/detectors.md has each rule's reasons."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import astuple
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import _core, _detect_claims, _detect_floods, _detect_habits, _detect_logins, _detect_scans, _times
from ._columns import nearest
from ._counts import Counts
from ._detect_tables import Tables, evidence, rows_of
from ._finding import Finding
from ._frame import Frame
from ._thresholds import eval_packets, set_threshold
from .errors import CaptureWarning, ThresholdWarning

if TYPE_CHECKING:
    from ._info import CaptureFault
    from ._reader import Capture

__all__ = ["SEVERITIES", "Finding", "Findings", "detect", "rules"]

SEVERITIES = ("low", "medium", "high")
_NEEDED = ("kind", "first_time", "last_time", "source", "target", "port", "evidence")
_RULES = (False, False, False)  # of the indicator counts: our own reading
_MOST_KEYS = 100  # findings of the count thresholds, which have no end on a large capture


class Rule(NamedTuple):
    """A detector."""

    name: str
    find: Callable[..., Iterator[Finding]]
    kinds: tuple[str, ...]
    """The kinds of its findings."""

    @property
    def thresholds(self) -> dict[str, Any]:
        """Its arguments and their defaults."""
        parameters = inspect.signature(self.find).parameters.values()
        return {each.name: each.default for each in parameters if each.kind is each.KEYWORD_ONLY}


def counts_threshold(tables: Mapping[str, Frame], *, count_sigma: float = 3) -> Iterator[Finding]:
    """The keys of `Capture.ioc_counts` at or above mean + `count_sigma` standard deviations (``count_dns``, ``count_ip``,
    ``count_seq``): who stands out, not who attacks, so low. `count_sigma` is 3 as in the notebooks.
    """
    every = rows_of(tables)
    talks = every.talks
    if every.counts is None or not len(talks):
        return
    numbers = {host: number for number, host in enumerate(talks.hosts)}
    whole = int(talks.first_time.min()), int(talks.last_time.max())
    for kind, counts in every.counts.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ThresholdWarning)  # of too few keys: then none stands out
            limit = set_threshold(counts, count_sigma)
        keys = sorted(eval_packets(limit, counts), key=lambda key: (-counts[key], str(key)))
        if kind == "seq":
            if keys:
                facts = evidence(keys=len(keys), threshold=float(limit), most=counts[keys[0]], seq=keys[0])
                yield Finding("count_seq", "low", *whole, None, None, None, facts, "")
            continue
        for key in keys[:_MOST_KEYS]:
            rows = np.flatnonzero((talks.source == numbers.get(key, -1)) | (talks.target == numbers.get(key, -1)))
            times = (int(talks.first_time[rows].min()), int(talks.last_time[rows].max())) if len(rows) else whole
            facts = evidence(packets=counts[key], threshold=float(limit), keys=len(keys))
            ends = (key, None) if kind == "ip" else (None, key)
            yield Finding(f"count_{kind}", "low", *times, *ends, None, facts, "")


_STEALTH = ("scan_syn", "scan_connect", "scan_fin", "scan_null", "scan_xmas", "scan_ack", "scan_udp", "scan_slow")

RULES: tuple[Rule, ...] = (
    Rule("vertical", _detect_scans.vertical, _STEALTH),
    Rule("horizontal", _detect_scans.horizontal, ("scan_sweep", "scan_block")),
    Rule("block", _detect_scans.block, ("scan_block",)),
    Rule("ping_sweep", _detect_scans.ping_sweep, ("icmp_sweep",)),
    Rule("arp_sweep", _detect_scans.arp_sweep, ("arp_sweep",)),
    Rule("version", _detect_scans.version, ("scan_version",)),
    Rule("syn_flood", _detect_floods.syn_flood, ("syn_flood",)),
    Rule("udp_flood", _detect_floods.udp_flood, ("udp_flood",)),
    Rule("icmp_flood", _detect_floods.icmp_flood, ("icmp_flood",)),
    Rule("http_flood", _detect_floods.http_flood, ("http_flood",)),
    Rule("slow_http", _detect_floods.slow_http, ("slow_http",)),
    Rule("ssh_brute", _detect_logins.ssh_brute, ("ssh_brute",)),
    Rule("ftp_brute", _detect_logins.ftp_brute, ("ftp_brute",)),
    Rule("rdp_brute", _detect_logins.rdp_brute, ("rdp_brute",)),
    Rule("http_brute", _detect_logins.http_brute, ("http_brute",)),
    Rule("beacon", _detect_habits.beacon, ("beacon",)),
    Rule("upload", _detect_habits.upload, ("exfil",)),
    Rule("icmp_tunnel", _detect_habits.icmp_tunnel, ("icmp_tunnel",)),
    Rule("heartbleed", _detect_habits.heartbleed, ("heartbleed",)),
    Rule("arp_spoof", _detect_claims.arp_spoof, ("arp_spoof",)),
    Rule("deauth_flood", _detect_claims.deauth_flood, ("deauth_flood",)),
    Rule("access_points", _detect_claims.many_access_points, ("ssid_many_bssids", "bssid_many_ssids")),
    Rule("counts", counts_threshold, ("count_dns", "count_ip", "count_seq")),
)


def rules() -> tuple[Rule, ...]:
    """Return all rules, with their names, the kinds of their findings and their thresholds."""
    return RULES


class Findings(Frame):
    """A `Frame` of findings, a row each: the most severe first, then by time.

    Its columns: ``kind``; ``severity`` (``low``, ``medium``, ``high``); ``first_time`` and ``last_time`` of the packets
    that made it; ``source``, who did it (an address, or a hardware address where none is known) and ``target``, to whom,
    null where it is many; ``port`` of the target; ``evidence``, the numbers that made it a finding
    (``name=value, ...``); ``technique`` of MITRE ATT&CK, empty where there is none. ``cap.packets_of(findings[0])``
    gives its packets.
    """

    __slots__ = ("_counters",)

    def __init__(
        self,
        native: _core.Frame,
        capture: Capture,
        faults: tuple[CaptureFault, ...] | None,
        asked: dict[str, Any],
        counters: dict[str, int],
    ) -> None:
        super().__init__(native, capture, faults, asked)
        self._counters = counters

    def _with(self, native: _core.Frame) -> Frame:
        assert self._capture is not None and self._asked is not None
        if {name for name, _, _ in native.schema} >= set(_NEEDED):
            return Findings(native, self._capture, self._faults, self._asked, self._counters)
        return Frame(native, self._capture, self._faults, self._asked)

    def _provenance(self, sha256: bool = False) -> dict[str, Any]:
        return {**super()._provenance(sha256), "detect_bounds": dict(self._counters)}


def _chosen(only: Iterable[str] | str | None) -> tuple[Rule, ...]:
    if only is None:
        return RULES
    wanted = [only] if isinstance(only, str) else list(only)
    for name in wanted:
        known = [*(rule.name for rule in RULES), *(kind for rule in RULES for kind in rule.kinds)]
        if name not in known:
            raise ValueError(f"only: no rule or kind {name!r}{nearest(name, known)}")
    return tuple(rule for rule in RULES if rule.name in wanted or not set(rule.kinds).isdisjoint(wanted))


def _arguments(chosen: Iterable[Rule], given: Mapping[str, Any]) -> list[tuple[Rule, dict[str, Any]]]:
    """The thresholds of each rule; one that no rule has, or that is no number, is an error before the pass."""
    known = {name for rule in RULES for name in rule.thresholds}
    for name, value in given.items():
        if name not in known:
            raise TypeError(f"detect: no threshold {name!r}{nearest(name, known)}")
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not value >= 0:
            raise ValueError(f"{name}: a number from 0 on, not {value!r}")
    return [(rule, {name: given[name] for name in rule.thresholds if name in given}) for rule in chosen]


def _windows(frames: Mapping[str, Frame]) -> Iterator[Tables]:
    """The tables of each window, in order."""
    starts = np.unique(np.concatenate([np.unique(frame["window"].values) for frame in frames.values()] or [[]]))
    if len(starts) < 2:
        yield Tables(frames)
        return
    for start in starts:
        yield Tables({name: frame[frame["window"].values == start] for name, frame in frames.items()})


def _find(
    frames: Mapping[str, Frame], counts: dict[str, Counts] | None, asked: list[tuple[Rule, dict[str, Any]]]
) -> Iterator[Finding]:
    for tables in _windows(frames):
        for rule, arguments in asked:
            if rule.find is not counts_threshold:
                yield from rule.find(tables, **arguments)
    whole = Tables(frames)
    whole.counts = counts
    for rule, arguments in asked:
        if rule.find is counts_threshold:
            yield from rule.find(whole, **arguments)


def _order(finding: Finding) -> tuple[Any, ...]:
    texts = (finding.kind, finding.source or "", finding.target or "", finding.port or 0, finding.evidence)
    return -SEVERITIES.index(finding.severity), finding.first_time, *texts


def detect(
    capture: Capture, *, only: Iterable[str] | str | None = None, window: Any = None, **thresholds: float
) -> Findings:
    """Look for scans, floods, guessed passwords, beacons, uploads, tunnels and spoofing, in one pass.

    Parameters
    ----------
    capture : Capture
        Narrowed or not.
    only : name or names, optional
        Rules (`rules` lists them) or kinds of findings to look for.
    window : str, timedelta, numpy.timedelta64 or int, optional
        Look at stretches of this length by themselves (``"10min"``; int are nanoseconds), counted from the epoch: what
        lasts comes as a finding per window, and what is slow across windows is not seen. Memory then holds the
        connections of one window at a time, besides a row for each.
    **thresholds
        Those of the rules by name, such as ``scan_ports=30``; docs/detectors.md has all, with their reasons.

    Returns
    -------
    Findings
        A row each, the most severe first.

    Raises
    ------
    TypeError, ValueError
        A rule, kind or threshold that does not exist, a threshold that is no number from 0 on, a window that is no length.

    Notes
    -----
    Memory is bounded whatever a capture holds: 1,048,576 connections at once and 2,097,152 in all are looked at one by
    one, besides busy seconds of every target. What lies beyond is counted, told by a `CaptureWarning`, and in
    ``findings.provenance["detect_bounds"]``. No answer depends on `threads` or on how the capture is read.

    Examples
    --------
    >>> findings = pcapframe.detect(cap)                                        # doctest: +SKIP
    >>> cap.packets_of(findings[0]).write("first.pcap")                         # doctest: +SKIP
    """
    return _detect(capture, only, window, thresholds, (0, 0))


def _detect(
    capture: Capture, only: Iterable[str] | str | None, window: Any, thresholds: Mapping[str, Any],
    bounds: tuple[int, int],
) -> Findings:
    """`detect` with bounds of the tests' own."""
    chosen = _chosen(only)
    asked = _arguments(chosen, thresholds)
    length = 0 if window is None else _times.duration("window", window)
    counting = any(rule.find is counts_threshold for rule in chosen)
    native, faults = capture._run(_core.detect, (length, *bounds), _RULES if counting else None, stacklevel=5)
    natives, counters, kinds = native
    frames = {name: Frame(frame) for name, frame in natives.items()}
    names = ("ip_dst", "ip_src", "tcp_seq")
    counts = None
    if kinds is not None:
        counts = {kind: Counts(each, name) for kind, each, name in zip(("dns", "ip", "seq"), kinds, names, strict=True)}
    found = sorted(_find(frames, counts, asked), key=_order)
    if only is not None:
        wanted = {only} if isinstance(only, str) else set(only)
        whole = {kind for rule in RULES if rule.name in wanted for kind in rule.kinds}
        found = [finding for finding in found if finding.kind in wanted | whole]
    if counters["rows_left_out"] or counters["targets_left_out"]:
        warnings.warn(CaptureWarning(_bounded(counters)), stacklevel=3)
    options = {"detect": {"only": None if only is None else sorted(wanted), "window_ns": length, **thresholds}}
    rows = [astuple(finding) for finding in found]
    return Findings(_core.findings(rows), capture, capture._faults + faults, options, counters)


def _bounded(counters: Mapping[str, int]) -> str:
    return (
        f"detect: {counters['rows_left_out']:,} connections and claims beyond the bounds, and packets to "
        f"{counters['targets_left_out']:,} targets beyond those of a second, were not looked at; window='10min', or a "
        "filter, makes room"
    )


# ------------------------------------------------------------------------------------------------------ packets


def is_findings(of: Any) -> bool:
    """Whether these are findings, as a Frame, a DataFrame or a row of one."""
    names = of.columns if hasattr(of, "columns") else getattr(of, "index", ())
    return not isinstance(of, np.ndarray) and set(_NEEDED) <= {str(name) for name in names}


def _rows(findings: Any) -> Iterator[tuple[Any, ...]]:
    if isinstance(findings, Frame):
        yield from findings.rows(*_NEEDED)
        return
    table = findings.to_frame().T if not hasattr(findings, "columns") else findings
    for row in table[list(_NEEDED)].itertuples(index=False):
        yield tuple(None if value != value or value is None else value for value in row)


def _alternatives(kind: str, when: slice, source: str | None, target: str | None, port: int | None) -> Iterator[dict[str, Any]]:
    if kind in ("arp_spoof", "arp_sweep"):
        yield from _claims(kind, when, source, target)
        return
    if kind in ("deauth_flood", "ssid_many_bssids", "bssid_many_ssids"):
        ends = {"wlan_ta": source, "wlan_ra": target}
        yield {"frame_time": when, **{name: value for name, value in ends.items() if value is not None}}
        return
    for ours, theirs in (("src", "dst"), ("dst", "src")):
        asked = {f"inner_ip_{ours}": source, f"inner_ip_{theirs}": target, f"inner_{theirs}port": port}
        yield {"frame_time": when, **{name: value for name, value in asked.items() if value is not None}}


def _claims(kind: str, when: slice, source: str | None, target: str | None) -> Iterator[dict[str, Any]]:
    if kind == "arp_sweep" and source is not None:
        yield {"frame_time": when, "arp_src_proto_ipv4": source}
        yield {"frame_time": when, "arp_dst_proto_ipv4": source}
        yield {"frame_time": when, "ip_src": source, "icmpv6_type": {135, 136}}
    elif target is not None and ":" not in target:
        yield {"frame_time": when, "arp_src_hw_mac": source, "arp_src_proto_ipv4": target}
    else:
        yield {"frame_time": when, "eth_src": source, "icmpv6_type": {135, 136}}


def _forger(why: str) -> str | None:
    found = re.search(r"\bforger=([0-9a-f:]{17})", why)
    return found[1] if found else None


def _nanoseconds(value: Any) -> int:
    return value if isinstance(value, int) else _times.nanoseconds("first_time", value)


def narrowed(capture: Capture, findings: Any) -> Capture:
    """The capture with the packets of these findings alone: between source and target, both ways, while it went on."""
    alternatives: list[dict[str, Any]] = []
    for kind, first, last, source, target, port, why in _rows(findings):
        when = slice(_nanoseconds(first), _nanoseconds(last) + 1)
        whole = None if port is None else int(port)
        alternatives += _alternatives(kind, when, _forger(why) or source, target, whole)
    return capture.filter(any_of=alternatives) if alternatives else capture.between(0, 0)
