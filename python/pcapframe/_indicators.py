"""Indicators: what threat feeds and analyses say to look for."""

from __future__ import annotations

import ipaddress
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from . import _core, _export, _given
from ._feeds import Collector, Indicator, Options, Skipped, confidence_of, read_into
from ._feeds_text import KINDS, url_host, url_key
from ._frame_column import import_pandas
from ._text import legible

if TYPE_CHECKING:
    import pandas as pd

_NAMES = ("kind", "value", "subdomains", "port", "feed", "line", "description", "confidence")
_WRITTEN = (".csv", ".stix.json", ".json")

_Key = tuple[str, str, bool, int | None, str]


def _key(each: Indicator) -> _Key:
    return each.kind, each.value, each.subdomains, each.port, each.feed


class _Allowed:
    """What an allow list takes in."""

    def __init__(self, entries: Iterable[Indicator]) -> None:
        self.networks: dict[tuple[int, int], set[int]] = {}
        self.names: set[str] = set()
        self.below: set[str] = set()
        self.others: set[tuple[str, str]] = set()
        for each in entries:
            if each.kind == "ip":
                network = ipaddress.ip_network(each.value)
                held = self.networks.setdefault((network.version, network.prefixlen), set())
                held.add(int(network.network_address))
            elif each.kind == "domain":
                (self.below if each.subdomains else self.names).add(each.value)
            else:
                self.others.add((each.kind, url_key(each.value) if each.kind == "url" else each.value))

    def _has_network(self, value: str) -> bool:
        network = ipaddress.ip_network(value)
        number, most = int(network.network_address), network.max_prefixlen
        return any(
            version == network.version
            and length <= network.prefixlen
            and number >> (most - length) << (most - length) in held
            for (version, length), held in self.networks.items()
        )

    def _has_below(self, name: str) -> bool:
        labels = name.split(".")
        return any(".".join(labels[place:]) in self.below for place in range(len(labels)))

    def _has_host(self, host: str) -> bool:
        try:
            return self._has_network(host.strip("[]"))
        except ValueError:
            return host in self.names or self._has_below(host)

    def __contains__(self, each: Indicator) -> bool:
        if each.kind == "ip":
            return self._has_network(each.value)
        if each.kind == "domain":
            return self._has_below(each.value) or (not each.subdomains and each.value in self.names)
        if each.kind == "url":
            host = url_host(each.value)
            return ("url", url_key(each.value)) in self.others or (bool(host) and self._has_host(host))
        return (each.kind, each.value) in self.others


class Indicators(Collection[Indicator]):
    """A set of `Indicator`, in the order in which they came, with what was skipped and what is allowed.

    It is never changed; ``a + b`` has the indicators and the allow lists of both.

    Parameters
    ----------
    indicators : iterable of Indicator
    allow : Indicators, optional
        What is no indicator, wherever it is seen.
    """

    __slots__ = ("_allowed", "_found", "_native_set", "_skipped")

    def __init__(self, indicators: Iterable[Indicator] = (), allow: Indicators | None = None) -> None:
        found = {_key(each): each for each in indicators}
        self._set(found, tuple(allow) if allow is not None else (), Skipped())

    def __getstate__(self) -> Any:
        """All but the core's table, which is made anew where it is wanted."""
        return None, {name: None if name == "_native_set" else getattr(self, name) for name in self.__slots__}

    def _set(self, found: dict[_Key, Indicator], allowed: tuple[Indicator, ...], skipped: Skipped) -> None:
        self._allowed = allowed
        self._native_set: _core.Indicators | None = None
        self._found = found
        self._skipped = skipped
        if allowed:
            rule = _Allowed(allowed)
            collector = Collector(Options())
            for key, each in list(found.items()):
                if each in rule:
                    collector.feed = each.feed
                    collector.skip("allowed", each.line, each.text)
                    del found[key]
            self._skipped = skipped + collector.skipped()

    # ------------------------------------------------------------------------------------------------------- making

    @classmethod
    def read(
        cls,
        *sources: Any,
        allow: Any = None,
        subdomains: bool | None = None,
        ports: bool = True,
        context: bool = False,
    ) -> Indicators:
        """Read threat feeds: plain lists, CSV and other tables, MISP and STIX 2 in JSON, Zeek's, other JSON.

        The format is told by the content. Defanged writing (``hxxp``, ``1[.]2[.]3[.]4``) is understood. What cannot be
        used is counted with its reason in `skipped`; docs/indicators.md has the formats and limits.

        Parameters
        ----------
        *sources : path, folder, glob pattern, bytes, file object, or list of these
            Several are read in this order, the files of a folder sorted by name.
        allow : Indicators, or sources as above, optional
            What is no indicator, wherever it is seen: MISP warning lists, your own addresses and names.
        subdomains : bool, optional
            Whether a domain stands for all names below it too. By default as the format has it: yes in lists, tables
            and MISP's ``domain``; no in STIX (without ``LIKE '%.``), Zeek and MISP's ``hostname``.
        ports : bool
            Whether an address or URL with a port is meant with that port alone.
        context : bool
            Whether to take attributes of MISP that are not meant for detection (``to_ids`` false).

        Returns
        -------
        Indicators

        Raises
        ------
        OSError
            A file cannot be opened.
        TypeError
            A source of another type.
        """
        if subdomains is not None:
            _given.truth("subdomains", subdomains)
        collector = Collector(Options(subdomains, _given.truth("ports", ports), _given.truth("context", context)))
        for source in sources:
            read_into(collector, source)
        skipped = collector.skipped()
        if allow is not None and not isinstance(allow, Indicators):
            allowing = Collector(Options(ports=False, context=True, allowing=True))
            read_into(allowing, allow, "allow")
            allow = cls._of(allowing.found, (), Skipped())
            skipped += Skipped(
                {f"allow list: {reason}": count for reason, count in allowing.counts.items()},
                tuple(skip._replace(reason=f"allow list: {skip.reason}") for skip in allowing.listed),
            )
        return cls._of(collector.found, tuple(allow) if allow is not None else (), skipped)

    @classmethod
    def _of(cls, found: dict[_Key, Indicator], allowed: tuple[Indicator, ...], skipped: Skipped) -> Indicators:
        made = cls.__new__(cls)
        made._set(found, allowed, skipped)
        return made

    @classmethod
    def from_values(
        cls,
        values: Iterable[str],
        kind: str | None = None,
        *,
        feed: str = "analysis",
        description: str | None = None,
        confidence: int | None = None,
        subdomains: bool = False,
    ) -> Indicators:
        """Make indicators of what an analysis found: keys of counts, values of a column.

        Parameters
        ----------
        values : iterable of str
            A set, list, Series or `Column`; nulls are left out.
        kind : str, optional
            ``ip``, ``domain``, ``url``, ``ja3``, ``ja4`` or ``user_agent``; by default each is recognised by its form.
        feed, description, confidence
            What each says of itself.
        subdomains : bool
            Whether domains stand for all names below them too.

        Raises
        ------
        ValueError
            No such kind. A value that is no indicator is counted in `skipped`.
        """
        if kind is not None:
            _given.one_of("kind", kind, KINDS)
        listed = _given.iterable("values", values.tolist() if hasattr(values, "tolist") else values, "texts")
        _given.text("feed", feed, "analysis")
        if description is not None:
            _given.text("description", description, "asked for 90 names that do not exist")
        if confidence is not None:
            _given.whole("confidence", confidence, 0, 100)
        _given.truth("subdomains", subdomains)
        collector = Collector(Options())
        collector.feed = feed
        for value in listed:
            if isinstance(value, str):
                collector.take(
                    value, kind, None, description, confidence_of(confidence), subdomains=subdomains, fingerprints=True
                )
        return cls._of(collector.found, (), collector.skipped())

    def __add__(self, other: Indicators) -> Indicators:
        if not isinstance(other, Indicators):
            return NotImplemented
        allowed = tuple({_key(each): each for each in (*self._allowed, *other._allowed)}.values())
        return self._of(
            {**self._found, **{k: v for k, v in other._found.items() if k not in self._found}},
            allowed,
            self._skipped + other._skipped,
        )

    # ------------------------------------------------------------------------------------------------------ looking

    @property
    def skipped(self) -> Skipped:
        """How many pieces of the feeds were not taken, by reason; print it."""
        return self._skipped

    @property
    def allowed(self) -> tuple[Indicator, ...]:
        """The allow list."""
        return self._allowed

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Indicator]:
        return iter(self._found.values())

    def __contains__(self, each: object) -> bool:
        return isinstance(each, Indicator) and self._found.get(_key(each)) == each

    def __repr__(self) -> str:
        kinds = Counter(each.kind for each in self)
        told = ", ".join(f"{kind} {kinds[kind]:,}" for kind in KINDS if kinds[kind])
        more = [f"{self._skipped.total:,} skipped"] if self._skipped else []
        more += [f"{len(self._allowed):,} allowed"] if self._allowed else []
        return f"<Indicators: {len(self):,}" + (f" ({told})" if told else "") + "".join(f", {e}" for e in more) + ">"

    def to_pandas(self) -> pd.DataFrame:
        """Return a `pandas.DataFrame`: ``kind``, ``value``, ``subdomains``, ``port``, ``feed``, ``line``,
        ``description``, ``confidence``, a row per indicator.
        """
        pandas = import_pandas("Indicators.to_pandas")
        table = pandas.DataFrame([[getattr(each, name) for name in _NAMES] for each in self], columns=list(_NAMES))
        kinds = {"port": "UInt16", "line": "UInt32", "confidence": "UInt8", "subdomains": bool, "kind": "category"}
        return table.astype({**kinds, "feed": "category"})

    # ------------------------------------------------------------------------------------------------------ writing

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the indicators to a file that `read` takes back as they are: ``.csv``, or STIX 2.1 as ``.json``.

        Raises
        ------
        ValueError
            Another suffix.
        OSError
            The file could not be written; then nothing is left of it.
        """
        from . import _feeds_stix

        text = _given.path("path", path)
        if not text.lower().endswith(_WRITTEN):
            raise ValueError(f"{text}: indicators can be written to {', '.join(_WRITTEN)}")
        if text.lower().endswith(".csv"):
            _export.write_csv(text, _NAMES, (self._row(each) for each in self))
            return
        with _export.atomically(text) as file:
            file.write(_feeds_stix.bundle(self))

    @staticmethod
    def _row(each: Indicator) -> list[object]:
        values = [getattr(each, name) for name in _NAMES]
        return ["" if value is None else int(value) if isinstance(value, bool) else value for value in values]

    # ----------------------------------------------------------------------------------------------------- the core

    def _plain(self) -> tuple[list[Any], list[Any]]:
        """What is sought and what is allowed, as the core takes it. One indicator of several feeds is one there."""
        feeds: dict[tuple[str, str, bool, int | None], list[str]] = {}
        shown: dict[tuple[str, str, bool, int | None], str] = {}
        for each in self:
            key = each.kind, each.value, each.subdomains, each.port
            feeds.setdefault(key, []).append(legible(each.feed))
            shown[key] = each.text
        sought = [(*_sought(*key), shown[key], ", ".join(names)) for key, names in feeds.items()]
        allowed = [
            (*_sought(each.kind, each.value, each.subdomains, None), each.value, legible(each.feed))
            for each in self._allowed
            if each.kind in ("ip", "domain")
        ]
        return sought, allowed

    def _native(self) -> _core.Indicators:
        """The sets in which packets are looked up, made once."""
        if self._native_set is None:
            self._native_set = _core.Indicators(*self._plain())
        return self._native_set


def _sought(kind: str, value: str, subdomains: bool, port: int | None) -> tuple[str, bytes, int, bool, int]:
    if kind == "ip":
        network = ipaddress.ip_network(value)
        return kind, network.network_address.packed, network.prefixlen, False, port or 0
    key = url_key(value) if kind == "url" else value
    return kind, key.encode("utf-8", "surrogatepass"), 0, subdomains, port or 0
