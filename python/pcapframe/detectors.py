"""Detectors: documented rules over a few tables that one pass makes. docs/detectors.md has each rule's reasons."""

from __future__ import annotations

import functools
import inspect
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import astuple
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import (
    _core,
    _detect_claims,
    _detect_floods,
    _detect_habits,
    _detect_logins,
    _detect_scans,
    _detect_text,
    _given,
    _info,
    _times,
)
from ._columns import nearest
from ._counts import Counts
from ._detect_tables import Tables, evidence, rows_of
from ._finding import Finding
from ._frame import Frame
from ._thresholds import set_threshold
from .errors import CaptureWarning, ThresholdWarning

if TYPE_CHECKING:
    from ._info import CaptureFault
    from ._live import Live
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
    prefix: str = ""
    """What stands before the names of its thresholds."""
    reads: str = "traffic"
    """What of a capture it looks at: ``traffic``, ``text`` (names, requests, logins) or ``counts`` of indicators."""

    @property
    def thresholds(self) -> dict[str, Any]:
        """Its thresholds, by the name that `detect` takes, and their defaults."""
        return {self.prefix + name: default for name, default in _keywords(self.find)}

    def findings(self, tables: Mapping[str, Frame], given: Mapping[str, Any]) -> Iterator[Finding]:
        """What it finds with these thresholds, others being its own."""
        mine = {name.removeprefix(self.prefix): given[name] for name in self.thresholds if name in given}
        return self.find(tables, **mine)


@functools.cache
def _keywords(find: Callable[..., Iterator[Finding]]) -> tuple[tuple[str, Any], ...]:
    """The thresholds of a rule and their defaults, looked up once: they are asked for each window."""
    parameters = inspect.signature(find).parameters.values()
    return tuple((each.name, each.default) for each in parameters if each.kind is each.KEYWORD_ONLY)


def _of_text(find: Callable[..., Iterator[Finding]]) -> Rule:
    kinds = {"web_attack": tuple(f"web_attack_{attack}" for attack in _attacks())}
    return Rule(find.__name__, find, kinds.get(find.__name__, (find.__name__,)), f"{find.__name__}_", "text")


def _attacks() -> list[str]:
    return sorted({attack for attack, _, _ in _core.attack_patterns()} - {"scanner"})


def counts_threshold(tables: Mapping[str, Frame], *, count_sigma: float = 3) -> Iterator[Finding]:
    """The keys of `Capture.ioc_counts` at or above mean + `count_sigma` standard deviations (``count_dns``,
    ``count_ip``, ``count_seq``): who stands out, not who attacks, so low. `count_sigma` is 3 as in the notebooks.
    """
    every = rows_of(tables)
    talks = every.talks
    if every.counts is None or not len(talks):
        return
    whole = int(talks.first_time.min()), int(talks.last_time.max())
    for kind, counts in every.counts.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ThresholdWarning)  # of too few keys: then none stands out
            limit = set_threshold(counts, count_sigma)
        many = int(np.count_nonzero(counts._native.values() >= limit))
        keys = [(key, count) for key, count in counts.top(_MOST_KEYS) if count >= limit]
        if kind == "seq":
            if keys:
                facts = evidence(keys=many, threshold=float(limit), most=keys[0][1], seq=keys[0][0])
                yield Finding("count_seq", "low", whole[0], whole[1], None, None, None, facts, "")
            continue
        for key, count in keys:
            rows = np.flatnonzero((talks.source == talks.number(key)) | (talks.target == talks.number(key)))
            times = (int(talks.first_time[rows].min()), int(talks.last_time[rows].max())) if len(rows) else whole
            facts = evidence(packets=count, threshold=float(limit), keys=many)
            ends = (key, None) if kind == "ip" else (None, key)
            yield Finding(f"count_{kind}", "low", times[0], times[1], ends[0], ends[1], None, facts, "")


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
    *map(_of_text, _detect_text.RULES),
    Rule("counts", counts_threshold, ("count_dns", "count_ip", "count_seq"), "", "counts"),
)


def rules() -> tuple[Rule, ...]:
    """Return all rules, with their names, the kinds of their findings and their thresholds."""
    return RULES


class Findings(Frame):
    """A `Frame` of findings, a row each: the most severe first, then by time.

    Its columns: ``kind``; ``severity`` (``low``, ``medium``, ``high``); ``first_time`` and ``last_time`` of the
    packets that made it; ``source``, who did it (an address, or a hardware address where none is known) and
    ``target``, to whom, null where it is many; ``port`` of the target; ``evidence``, the numbers that made it a
    finding (``name=value, ...``); ``technique`` of MITRE ATT&CK, empty where there is none.
    ``cap.packets_of(findings[0])`` gives its packets.
    """

    __slots__ = ("_counters",)

    def __init__(
        self,
        native: _core.Frame,
        capture: Capture | None,
        faults: tuple[CaptureFault, ...] | None,
        asked: dict[str, Any],
        counters: dict[str, int],
    ) -> None:
        super().__init__(native, capture, faults, asked)
        self._counters = counters

    def _more(self) -> tuple[Any, ...]:
        return self._asked, self._counters

    def _with(self, native: _core.Frame) -> Frame:
        if {name for name, _, _ in native.schema} >= set(_NEEDED):
            return Findings(native, self._capture, self._faults, *self._more())
        return Frame(native, self._capture, self._faults, self._asked)

    def _provenance(self, sha256: bool = False) -> dict[str, Any]:
        return {**super()._provenance(sha256), "detect_bounds": dict(self._counters)}


def _chosen(only: Iterable[str] | str | None) -> tuple[Rule, ...]:
    if only is None:
        return RULES
    wanted = [only] if isinstance(only, str) else _given.items("only", only, "rules and kinds of findings")
    for name in wanted:
        _given.text("only", name, "beacon")
        known = [*(rule.name for rule in RULES), *(kind for rule in RULES for kind in rule.kinds)]
        if name not in known:
            raise ValueError(f"only: no rule or kind {name!r}{nearest(name, known)}")
    return tuple(rule for rule in RULES if rule.name in wanted or not set(rule.kinds).isdisjoint(wanted))


def _check(given: Mapping[str, Any]) -> None:
    """Raise for a threshold that no rule has, or that is no number where its default is one, before the pass."""
    known = {name: default for rule in RULES for name, default in rule.thresholds.items()}
    for name, value in given.items():
        if name not in known:
            raise TypeError(f"detect: no threshold {name!r}{nearest(name, known)}")
        if isinstance(known[name], bool):
            good = isinstance(value, bool)
        elif isinstance(known[name], tuple):
            good = not isinstance(value, str) and isinstance(value, Iterable)
        else:
            good = not isinstance(value, bool) and isinstance(value, int | float | np.number) and bool(value >= 0)
        if not good:
            kinds = {bool: "True or False", tuple: "a list of texts"}
            raise ValueError(f"{name}: {kinds.get(type(known[name]), 'a number from 0 on')}, not {value!r}")


def _windows(frames: Mapping[str, Frame]) -> Iterator[Tables]:
    """The tables of traffic by window, in order."""
    traffic, windows = {}, {}
    for name in ("talks", "sightings", "seconds"):
        order = np.argsort(frames[name]["window"].values, kind="stable")
        traffic[name] = frames[name][order]
        windows[name] = traffic[name]["window"].values
    # Slices: a comparison with all rows for each window would take the square of a long capture.
    for start in np.unique(np.concatenate(list(windows.values()))):
        ends = {name: np.searchsorted(values, start, side="right") for name, values in windows.items()}
        begins = {name: np.searchsorted(values, start) for name, values in windows.items()}
        yield Tables({name: frame[int(begins[name]) : int(ends[name])] for name, frame in traffic.items()})


def _find(
    frames: Mapping[str, Frame], windows: bool, counts: dict[str, Counts] | None, chosen: Iterable[Rule],
    given: Mapping[str, Any],
) -> Iterator[Finding]:  # fmt: skip
    whole = Tables(frames)
    whole.counts = counts
    for tables in _windows(frames) if windows else (whole,):
        for rule in chosen:
            if rule.reads == "traffic":
                yield from rule.findings(tables, given)
    for rule in chosen:
        if rule.reads != "traffic":
            yield from rule.findings(whole, given)


def _order(finding: Finding) -> tuple[Any, ...]:
    texts = (finding.kind, finding.source or "", finding.target or "", finding.port or 0, finding.evidence)
    return -SEVERITIES.index(finding.severity), finding.first_time, *texts


def detect(
    capture: Capture | Live, *, only: Iterable[str] | str | None = None, window: Any = None, **thresholds: Any
) -> Findings:
    """Look for scans, floods, guessed passwords, beacons, uploads, tunnels, spoofing and attacks on the web, in one
    pass.

    Parameters
    ----------
    capture : Capture or Live
        Narrowed or not; of a live capture the packets so far.
    only : name or names, optional
        Rules (`rules` lists them) or kinds of findings to look for.
    window : str, timedelta, numpy.timedelta64 or int, optional
        Look at stretches of this length by themselves (``"10min"``; int are nanoseconds), counted from the epoch: what
        lasts comes as a finding per window, and what is slow across windows is not seen. Memory then holds the
        connections of one window at a time, besides a row for each. Rules of text and of counts look at all of it.
    **thresholds
        Those of the rules by name, such as ``scan_ports=30``; docs/detectors.md has all, with their reasons.

    Returns
    -------
    Findings
        A row each, the most severe first.

    Raises
    ------
    TypeError, ValueError
        A rule, kind or threshold that does not exist, a threshold that is no number from 0 on, a window that is no
        length.

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
    so_far: Any = capture.capture() if hasattr(capture, "capture") else capture
    if not hasattr(so_far, "_run"):
        raise _given.wrong("capture", "what open() or live() returns", capture)
    return _detect(so_far, only, window, thresholds, (0, 0))


def _detect(
    capture: Capture,
    only: Iterable[str] | str | None,
    window: Any,
    thresholds: Mapping[str, Any],
    bounds: tuple[int, int],
) -> Findings:
    """`detect` with bounds of the tests' own."""
    search = Search(only, window, thresholds, bounds)
    native, faults = capture._run(_core.detect, *search.question[1], stacklevel=5)
    return search.findings(capture, native, capture._faults + faults, stacklevel=5)


class Search:
    """What `detect` is asked, checked: the question to the core, and what becomes of its answer."""

    def __init__(
        self,
        only: Iterable[str] | str | None = None,
        window: Any = None,
        thresholds: Mapping[str, Any] | None = None,
        bounds: tuple[int, int] = (0, 0),
    ) -> None:
        self._only, self._thresholds = only, thresholds or {}
        self._length, self._chosen = _asked(only, window, self._thresholds)
        self._windows = window is not None
        reads = {rule.reads for rule in self._chosen}
        counts = _RULES if "counts" in reads else None
        self.question = ("detect", ((self._length, *bounds), counts, "text" in reads))

    def findings(
        self, capture: Capture | None, native: Any, faults: tuple[CaptureFault, ...], stacklevel: int = 4
    ) -> Findings:
        """What the rules find in the core's tables."""
        return self.told(*self.judged(native), capture, faults, stacklevel)

    def judged(self, native: Any) -> tuple[list[tuple[Any, ...]], dict[str, int]]:
        """Rows of findings in the core's tables, and what was beyond the bounds."""
        natives, counters, kinds = native
        counts = None
        if kinds is not None:
            named = zip(("dns", "ip", "seq"), kinds, COUNTED, strict=True)
            counts = {kind: Counts(each, name) for kind, each, name in named}
        return _judged(natives, counters, counts, self._chosen, self._only, self._windows, self._thresholds)

    def told(
        self, rows: list[tuple[Any, ...]], counters: dict[str, int], capture: Capture | None,
        faults: tuple[CaptureFault, ...], stacklevel: int = 4,
    ) -> Findings:  # fmt: skip
        """The table of findings, after a warning of what was beyond the bounds."""
        if any(count for name, count in counters.items() if name != "closed_early"):
            warnings.warn(CaptureWarning(_bounded(counters)), stacklevel=_info._outside(stacklevel))
        only = self._only
        wanted = None if only is None else sorted({only} if isinstance(only, str) else set(only))
        options = {"detect": {"only": wanted, "window_ns": self._length, **self._thresholds}}
        return Findings(_core.findings(rows), capture, faults, options, counters)


COUNTED = ("ip_dst", "ip_src", "tcp_seq")  # what the keys of the indicator counts are


def _asked(
    only: Iterable[str] | str | None, window: Any, thresholds: Mapping[str, Any]
) -> tuple[int, tuple[Rule, ...]]:
    """The length of a window in ns and the rules that are to look; raises for what does not exist."""
    chosen = _chosen(only)
    _check(thresholds)
    return 0 if window is None else _times.duration("window", window), chosen


def _judged(
    natives: Mapping[str, Any], counters: dict[str, int], counts: dict[str, Counts] | None, chosen: tuple[Rule, ...],
    only: Iterable[str] | str | None, windows: bool, thresholds: Mapping[str, Any],
) -> tuple[list[tuple[Any, ...]], dict[str, int]]:  # fmt: skip
    """Rows of findings in these tables, and what was beyond the bounds."""
    frames = {name: Frame(frame) for name, frame in natives.items()}
    found = sorted(_find(frames, windows, counts, chosen, thresholds), key=_order)
    if only is not None:
        wanted = {only} if isinstance(only, str) else set(only)
        whole = {kind for rule in RULES if rule.name in wanted for kind in rule.kinds}
        found = [finding for finding in found if finding.kind in wanted | whole]
    if "text_dropped" in frames:
        counters |= {what: count for what, count in frames["text_dropped"].rows("what", "count") if count}
    return [astuple(finding) for finding in found], counters


def _bounded(counters: Mapping[str, int]) -> str:
    names = {"rows_left_out": "connections and claims", "targets_left_out": "packets to further targets of a second"}
    left = [
        f"{count:,} {names.get(name, name)}" for name, count in counters.items() if count and name != "closed_early"
    ]
    return f"detect: beyond the bounds, and not looked at: {'; '.join(left)}; a filter makes room"


# ------------------------------------------------------------------------------------------------------ packets


def is_findings(of: Any) -> bool:
    """Whether these are findings, as a Frame, a DataFrame or a row of one."""
    names = of.columns if hasattr(of, "columns") else getattr(of, "index", None)
    if names is None or callable(names):  # a list or tuple of flow ids has a method of that name
        return False
    return set(_NEEDED) <= {str(name) for name in names}


def _rows(findings: Any) -> Iterator[tuple[Any, ...]]:
    if isinstance(findings, Frame):
        yield from findings.rows(*_NEEDED)
        return
    table = findings.to_frame().T if not hasattr(findings, "columns") else findings
    for row in table[list(_NEEDED)].itertuples(index=False):
        yield tuple(None if _is_null(value) else value for value in row)


def _is_null(value: Any) -> bool:
    return (
        value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)
    )


def _alternatives(
    kind: str, when: slice, source: str | None, target: str | None, port: int | None
) -> Iterator[dict[str, Any]]:
    if kind in ("arp_spoof", "arp_sweep"):
        yield from _claims(kind, when, source, target)
        return
    if kind in ("deauth_flood", "ssid_many_bssids", "bssid_many_ssids"):
        ends = {"wlan_ta": source, "wlan_ra": target}
        yield {"frame_time": when, **{name: value for name, value in ends.items() if value is not None}}
        return
    for inner in ("", "inner_"):  # which are null outside of tunnels
        for ours, theirs in (("src", "dst"), ("dst", "src")):
            asked = {f"{inner}ip_{ours}": source, f"{inner}ip_{theirs}": target, f"{inner}{theirs}port": port}
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
