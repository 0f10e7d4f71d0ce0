"""How often each key occurred, kept in the native table that the pass filled."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import _core, _given
from ._group import check_name

if TYPE_CHECKING:
    import pandas as pd

    from ._thresholds import Threshold

_MOST = 2**64 - 1  # a count is 64 bits


class Counts(Mapping[Any, int]):
    """A mapping from keys to how often they occurred.

    Keys are addresses and other texts (`str`), or numbers and times (`int`). ``len``, ``[]``, ``in``, `top`,
    `set_threshold` and `eval_packets` never sort; iteration, `to_numpy`, `to_pandas` and `to_dict` order by count,
    descending, then by key: numbers by value, IPv4 before IPv6, each by octets, text by its octets. Counts of the same
    column can be added. They can be pickled, for other processes.

    A missing key is a `KeyError`.
    """

    __slots__ = ("_name", "_native")

    def __init__(self, native: _core.Counts | _core.TextCounts, name: str) -> None:
        self._native = native
        self._name = name

    @property
    def name(self) -> str:
        """The column that the keys are values of, such as ``ip_src``."""
        return self._name

    def __len__(self) -> int:
        return len(self._native)

    def __getitem__(self, key: Any) -> int:
        return self._native[key]

    def __contains__(self, key: object) -> bool:
        return key in self._native

    def __iter__(self) -> Iterator[Any]:
        keys, _ = self._native.sorted(0, _MOST)
        return iter(keys.tolist() if isinstance(keys, np.ndarray) else keys)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Counts):
            return self is other or (len(self) == len(other) and self.to_dict() == other.to_dict())
        return self.to_dict() == dict(other) if isinstance(other, Mapping) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a mapping, as dict

    def __add__(self, other: object) -> Counts:
        if not isinstance(other, Counts):
            return NotImplemented
        if other._name != self._name:
            raise TypeError(f"counts of {self._name} and of {other._name} do not add up")
        native: Any = self._native  # of one column, and so of one type
        return Counts(native.merged(other._native), self._name)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._name, *self._native.arrays())

    def __copy__(self) -> Counts:
        return self  # never changed

    def __deepcopy__(self, memo: object) -> Counts:
        return self

    def top(self, n: int = 10) -> list[tuple[Any, int]]:
        """Return the `n` most frequent keys with their counts, in the order of iteration."""
        keys, counts = self._native.sorted(0, min(_given.whole("n", n, 0), _MOST))
        return list(zip(keys.tolist() if isinstance(keys, np.ndarray) else keys, counts.tolist(), strict=True))

    def to_numpy(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return ``(keys, counts)``, one-dimensional, in the order of iteration.

        Keys are uint32 (uint64 or int64 of fields that have so many bits), or `numpy.dtypes.StringDType` for addresses
        and text; counts are uint64.
        """
        keys, counts = self._native.sorted(0, _MOST)
        return keys if isinstance(keys, np.ndarray) else np.array(keys, dtype=np.dtypes.StringDType()), counts

    def to_pandas(self) -> pd.Series[int]:
        """Return a `pandas.Series` named ``count``, its index the keys, in the order of iteration."""
        from ._frame_column import import_pandas

        pandas = import_pandas("Counts.to_pandas")
        keys, counts = self._native.sorted(0, _MOST)
        series: pd.Series[int] = pandas.Series(counts, index=pandas.Index(keys, name=self._name), name="count")
        return series

    def to_dict(self) -> dict[Any, int]:
        """Return a plain dict in the order of iteration."""
        return self._native.to_dict()

    def threshold(self, method: str = "sigma", *, k: float | None = None, q: float | None = None) -> Threshold:
        """Return `pcapframe.threshold` of these counts."""
        from ._thresholds import threshold

        return threshold(self, method, k=k, q=q)

    def plot(self, kind: str = "talkers", **options: Any) -> Any:
        """Draw these counts and return the matplotlib Axes.

        Parameters
        ----------
        kind : "talkers" or "histogram"
            Bars of the largest, or how many keys occur how often.
        **options
            Those of `pcapframe.plot.talkers` or `pcapframe.plot.histogram`.
        """
        from . import plot

        _given.one_of("kind", kind, ("talkers", "histogram"))
        return getattr(plot, kind)(self, **options)

    # What the threshold functions and the notebook helpers use instead of iterating.

    def _moments(self) -> tuple[int, int, int]:
        return self._native.moments()

    def _values(self) -> np.ndarray[Any, Any]:
        return self._native.values()

    def _at_least(self, limit: int) -> set[Any]:
        return self._native.at_least(max(0, limit)) if limit <= _MOST else set()

    def _dict(self) -> dict[Any, int]:
        return self._native.to_dict()

    def __repr__(self) -> str:
        shown = ", ".join(f"{key!r}: {count}" for key, count in self.top(3))
        more = ", ..." if len(self) > 3 else ""
        return f"<Counts of {self._name}: {len(self)} keys, {self._moments()[1]} packets {{{shown}{more}}}>"

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><td>{html.escape(str(key))}</td><td>{count:,}</td></tr>" for key, count in self.top(10))
        more = "; the 10 largest" if len(self) > 10 else ""
        return (
            f"<table><caption>{len(self):,} keys, {self._moments()[1]:,} packets{more}</caption>"
            f"<thead><tr><th>{html.escape(self._name)}</th><th>count</th></tr></thead><tbody>{rows}</tbody></table>"
        )


def _restored(name: str, *arrays: np.ndarray[Any, Any]) -> Counts:
    """Counts as they were pickled."""
    from ._state import CountsState

    return Counts(CountsState.of([check_name(name, "Counts")], list(arrays)).natives[0], name)


class IocCounts(NamedTuple):
    """The three indicator counts of a capture; adding two adds kind by kind."""

    dns: Counts
    """DNS replies without an answer (or with NXDOMAIN, by ``dns_rule``) per client, the destination address."""
    ip: Counts
    """Packets per source address."""
    seq: Counts
    """Packets per TCP sequence number."""

    def __add__(self, other: object) -> IocCounts:  # a tuple's would join them end to end
        if not isinstance(other, IocCounts):
            return NotImplemented
        return IocCounts(self.dns + other.dns, self.ip + other.ip, self.seq + other.seq)

    def _repr_html_(self) -> str:
        return "".join(f"<h4>{name}</h4>{counts._repr_html_()}" for name, counts in self._asdict().items())
