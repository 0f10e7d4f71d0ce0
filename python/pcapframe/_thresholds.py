"""Thresholds over counts, and the keys that reach them.

A threshold is a number computed from how often each key occurred; a key is suspicious when it occurred at least that
often. Everything here takes any mapping from key to count (a dict, a `collections.Counter`, the `Counts` of a capture).
Counts are whole numbers, so sums and sums of squares are kept as exact integers and a result is rounded at its end: it
depends neither on the order of the keys nor on how the capture was read.
"""

from __future__ import annotations

import html
import math
import numbers
import operator
import warnings
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, SupportsIndex, TypeVar

import numpy as np

from . import _given
from .errors import ThresholdWarning

__all__ = ["Threshold", "eval_packets", "set_threshold", "threshold"]

_Key = TypeVar("_Key")

_FEWEST: dict[str, int] = {"sigma": 2, "loo-sigma": 3, "mad": 1, "iqr": 2, "quantile": 2}  # keys each method needs
_USUAL: dict[str, float] = {"sigma": 3, "loo-sigma": 3, "mad": 3.5, "iqr": 1.5, "quantile": 0.99}  # k, or q
_TOO_FEW = 25.0  # what the notebooks take where there is no spread to measure
_LARGEST_COUNT = 2**64 - 1  # of a native table
_ALL_EQUAL = "all counts are equal: every key reaches this threshold and none exceeds it"

# Factors that make each spread estimate the standard deviation of a normal distribution.
_PER_MAD = Fraction("1.4826")  # 1 / the upper quartile of the standard normal
_PER_IQR = Fraction("1.349")  # twice that quartile
_PER_MEAN_DEVIATION = Fraction("1.2533")  # sqrt(pi / 2)


class Threshold(float):
    """A number of occurrences, with how it came about. It is a float in every other respect.

    Attributes
    ----------
    method : str
        ``"sigma"``, ``"loo-sigma"``, ``"mad"``, ``"iqr"`` or ``"quantile"``.
    k : float
        The multiplier of the spread; for ``"quantile"`` the quantile itself.
    n : int
        How many keys there were.
    scale : float or None
        The spread, in occurrences: the sample standard deviation of the counts for the sigma methods, 1.4826 MAD for
        ``"mad"``, IQR / 1.349 for ``"iqr"``, or what stood in for these (`note` says so). None where none was measured.
    note : str
        What a reader should know about this value; empty where nothing is out of the ordinary.

    Notes
    -----
    ``str``, formatting and arithmetic are those of a float (arithmetic gives plain floats); ``repr`` tells the whole
    story. Instances can be pickled and copied.
    """

    __slots__ = ("k", "method", "n", "note", "scale")

    method: str
    k: float
    n: int
    scale: float | None
    note: str

    def __new__(
        cls, value: float, method: str = "sigma", k: float = 3, n: int = 0, scale: float | None = None, note: str = ""
    ) -> Threshold:
        self = super().__new__(cls, value)
        self.method, self.k, self.n, self.scale, self.note = method, k, n, scale, note
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (float(self), self.method, self.k, self.n, self.scale, self.note)

    def __repr__(self) -> str:
        factor = "q" if self.method == "quantile" else "k"
        text = f"Threshold({float.__repr__(self)}, method={self.method!r}, {factor}={self.k:g}, n={self.n}"
        text += "" if self.scale is None else f", scale={self.scale:.6g}"
        return text + (f", note={self.note!r})" if self.note else ")")

    def __str__(self) -> str:
        return float.__repr__(self)

    def _repr_html_(self) -> str:
        factor = "q" if self.method == "quantile" else "k"
        scale = "" if self.scale is None else f", spread {self.scale:.6g}"
        note = f"<br><small>{html.escape(self.note)}</small>" if self.note else ""
        method = html.escape(self.method)
        return f"<b>{float(self):.6g}</b> occurrences ({method}, {factor} = {self.k:g}, {self.n} keys{scale}){note}"


# ------------------------------------------------------------------------------------------------ reading counts


def _mapping(counts: object, called: str) -> Mapping[Any, SupportsIndex]:
    """Return `counts` if it is a mapping; otherwise raise a TypeError that says what was given instead."""
    if isinstance(counts, Mapping):
        return counts
    got = type(counts).__name__
    if isinstance(counts, tuple) and hasattr(counts, "_fields"):  # IocCounts as a whole
        raise TypeError(f"{called} takes one mapping of counts, not {got} as a whole: give its .dns, .ip or .seq")
    raise TypeError(f"{called} takes a mapping from key to number of occurrences, not {got}")


def _whole(counts: Mapping[Any, SupportsIndex]) -> list[int]:
    """Return the counts as Python ints in the mapping's order; each must be a whole number, not below zero."""
    try:
        values = list(map(operator.index, counts.values()))
    except TypeError:
        for key, count in counts.items():
            if not hasattr(count, "__index__"):
                raise TypeError(f"counts must be whole numbers; {key!r} has {count!r}") from None
        raise
    if values and min(values) < 0:
        key, count = next((key, count) for key, count in counts.items() if operator.index(count) < 0)
        raise ValueError(f"a count cannot be below zero; {key!r} has {count!r}")
    return values


def _moments(counts: Mapping[Any, SupportsIndex]) -> tuple[int, int, int]:
    """Return how many counts there are, their sum and the sum of their squares, all exact."""
    native = getattr(counts, "_moments", None)
    if native is not None:
        n, total, squares = native()
        return n, total, squares
    values = _whole(counts)
    return len(values), sum(values), sum(map(operator.mul, values, values))


def _array(counts: Mapping[Any, SupportsIndex]) -> np.ndarray[Any, Any]:
    """Return a new 1-D array of the counts, in no order: int64 where doubling cannot overflow, else Python ints."""
    native = getattr(counts, "_values", None)
    values: Any = native() if native is not None else _whole(counts)
    largest = int(max(values, default=0)) if native is None else int(values.max(initial=0))
    if largest < 2**62:
        return np.array(values, dtype=np.int64)
    return np.array(values if native is None else values.tolist(), dtype=object)


# ------------------------------------------------------------------------------------------------ exact arithmetic


def _square_root(square: Fraction) -> float:
    """Return the float nearest to the square root of a fraction >= 0, ties to the even one."""
    above, below = square.numerator, square.denominator
    if not above:
        return 0.0
    # Look for the shift s at which root = floor(2^s sqrt(square)) has exactly the 53 bits of a float's mantissa.
    shift = 53 - (above.bit_length() - below.bit_length() + 1) // 2
    while True:
        scaled, unit = (above << 2 * shift, below) if shift >= 0 else (above, below << -2 * shift)
        root = math.isqrt(scaled // unit)
        if root.bit_length() == 53:
            break
        shift += 53 - root.bit_length()
    # The true value lies in [root, root + 1): on which side of the middle decides between the two.
    beyond = 4 * scaled - (2 * root + 1) ** 2 * unit
    root += beyond > 0 or (beyond == 0 and root & 1)
    return math.ldexp(root, -shift)


def _sum(values: np.ndarray[Any, Any]) -> int:
    """Return the exact sum of an int64 or object array of numbers >= 0."""
    if values.dtype == object or (len(values) and int(values.max()) * len(values) >= 2**63):
        return sum(values.tolist())
    return int(values.sum())


def _middle(values: np.ndarray[Any, Any]) -> tuple[int, np.ndarray[Any, Any]]:
    """Return twice the median of an array of whole numbers, and the array with its lower half in front (unsorted)."""
    low, high = (len(values) - 1) // 2, len(values) // 2
    parted = np.partition(values, (low, high))
    return int(parted[low]) + int(parted[high]), parted


def _mean_deviation(values: np.ndarray[Any, Any]) -> Fraction:
    """Return the mean absolute deviation of whole numbers about their median."""
    n = len(values)
    parted = _middle(values)[1]
    return Fraction(_sum(parted[(n + 1) // 2 :]) - _sum(parted[: n // 2]), n)


def _quantiles(values: np.ndarray[Any, Any], points: Iterable[Fraction]) -> list[Fraction]:
    """Return quantiles with linear interpolation between order statistics, the smallest being 0 and the largest 1.

    This is type 7 of Hyndman and Fan (1996), as ``statistics.quantiles(method="inclusive")`` and `numpy.quantile` do.
    """
    last = len(values) - 1
    places = [divmod(point * last, 1) for point in points]
    wanted = {at for place, _ in places for at in (place, min(place + 1, last))}
    parted = np.partition(values, sorted(wanted))
    found = {at: int(parted[at]) for at in wanted}
    return [found[place] + rest * (found[min(place + 1, last)] - found[place]) for place, rest in places]


def _decimal(number: float) -> Fraction:
    """Return a float as the decimal fraction it is written as: 0.99 is 99/100."""
    return Fraction(repr(float(number)))


# ------------------------------------------------------------------------------------------------ the thresholds


def _number(value: object, name: str) -> float:
    """Return `value` as a finite float."""
    return _given.number(name, float(value) if isinstance(value, Decimal) else value)


def _too_few(method: str, n: int, k: float) -> str:
    """Return why no key among `n` can exceed the threshold, whatever the counts are; empty if one can."""
    if n < _FEWEST[method]:
        return f"too few keys ({n}): {method} needs {_FEWEST[method]} or more"
    if method == "sigma" and k > 0:
        # One of n counts lies at most (n - 1) / sqrt(n) sample standard deviations above their mean.
        if (n - 1) ** 2 <= Fraction(k) ** 2 * n:
            return f"too few keys ({n}): among fewer than {_keys_for_sigma(k)} none can exceed mean + {k:g} sigma"
    elif method == "mad":
        # A single count is the median; of two the larger lies exactly one MAD above it.
        if n == 1 or (n == 2 and _PER_MAD * _decimal(k) >= 1):
            return f"too few keys ({n}): none can exceed median + {k:g} x 1.4826 MAD"
    elif method == "iqr" and k >= {2: 0.5, 3: 1.0, 4: 3.0}.get(n, math.inf):
        # The largest of 2, 3 or 4 counts pulls Q3 along. It stands out most in 0, ..., 0, x: below these k.
        return f"too few keys ({n}): none can exceed Q3 + {k:g} IQR"
    return ""


def _keys_for_sigma(k: float) -> int:
    """Return the fewest keys among which one can exceed mean + k sigma: the smallest n > 1 with (n - 1)^2 > k^2 n."""
    square = Fraction(k) ** 2
    n = math.floor((2 + square + math.isqrt(math.floor(square * (square + 4)))) / 2)  # at or just below the larger root
    while (n - 1) ** 2 <= square * n:
        n += 1
    return n


def _sigma(moments: tuple[int, int, int], k: float, note: str) -> Threshold:
    """Return mean + k * sample standard deviation; n >= 2."""
    n, total, squares = moments
    # A quotient of ints is rounded correctly, and so is the root: these are statistics.mean and .stdev to the last bit.
    mean, deviation = total / n, _square_root(Fraction(n * squares - total * total, n * (n - 1)))
    return Threshold(mean + k * deviation, "sigma", k, n, deviation, note or ("" if deviation else _ALL_EQUAL))


def _loo_sigma(moments: tuple[int, int, int], k: float) -> Threshold:
    """Return the count k standard deviations above the mean of the others; n >= 3."""
    n, total, squares = moments
    variance = Fraction(n * squares - total * total, n * (n - 1))
    times = Fraction(k) ** 2
    reach = times * (n - 1) ** 3 / (n * (n * (n - 2) + times * (n - 1)))  # d^2
    value = total / n + _square_root(variance * reach)
    return Threshold(value, "loo-sigma", k, n, _square_root(variance), "" if variance else _ALL_EQUAL)


def _mad(values: np.ndarray[Any, Any], k: float, note: str) -> Threshold:
    """Return median + k * 1.4826 MAD; n >= 1."""
    doubled, parted = _middle(values)
    deviation = Fraction(_middle(np.abs(2 * parted - doubled))[0], 4)  # each of the two medians comes doubled
    return _robust(values, "mad", k, Fraction(doubled, 2), _PER_MAD * deviation, _decimal(k), note)


def _iqr(values: np.ndarray[Any, Any], k: float, note: str) -> Threshold:
    """Return Q3 + k * 1.349 * (IQR / 1.349); n >= 2."""
    lower, upper = _quantiles(values, (Fraction(1, 4), Fraction(3, 4)))
    return _robust(values, "iqr", k, upper, (upper - lower) / _PER_IQR, _PER_IQR * _decimal(k), note)


def _robust(
    values: np.ndarray[Any, Any], method: str, k: float, start: Fraction, spread: Fraction, times: Fraction, note: str
) -> Threshold:
    """Return start + times * spread, with the mean absolute deviation instead where the spread is 0."""
    notes = [note] if note else []
    if not spread:
        notes.append(f"the {method.upper()} is 0: the spread is 1.2533 x the mean absolute deviation about the median")
        spread = _PER_MEAN_DEVIATION * _mean_deviation(values)
        if not spread:  # never without the first note
            notes.append("which is 0 too: all counts are equal and none stands out")
    value = float(start + times * spread) if spread else math.inf
    return Threshold(value, method, k, len(values), float(spread), ", ".join(notes))


def threshold(
    counts: Mapping[Any, SupportsIndex], method: str = "sigma", k: float | None = None, q: float | None = None
) -> Threshold:
    """Return the number of occurrences from which on a key stands out.

    Parameters
    ----------
    counts : mapping of key to int
        How often each key occurred; n keys.
    method : {"sigma", "loo-sigma", "mad", "iqr", "quantile"}
        ============= ================================================================== ======== ====
        method        threshold                                                          usual    n
        ============= ================================================================== ======== ====
        ``sigma``     mean + k s, s the sample standard deviation                        k = 3    >= 2
        ``loo-sigma`` the count k standard deviations above the mean of all *other* keys k = 3    >= 3
        ``mad``       median + k s, s = 1.4826 x the median absolute deviation about it  k = 3.5  >= 1
        ``iqr``       Q3 + k 1.349 s, s = (Q3 - Q1) / 1.349, inclusive quartiles         k = 1.5  >= 2
        ``quantile``  the quantile q, interpolated linearly between neighbours           q = 0.99 >= 2
        ============= ================================================================== ======== ====
    k : float, optional
        The multiplier, finite and not below 0. Not for ``"quantile"``.
    q : float, optional
        The quantile, from 0 to 1. For ``"quantile"`` only.

    Returns
    -------
    Threshold
        In occurrences. ``inf`` for fewer keys than the method needs, and for ``mad`` and ``iqr`` where nothing spreads.

    Warns
    -----
    ThresholdWarning
        There are fewer keys than the method needs, or so few that none can exceed the threshold whatever the counts
        are: 3 sigma needs 11 keys and 4 sigma 18, because one of n counts lies at most (n - 1) / sqrt(n) standard
        deviations above the mean; 1.5 IQR needs 4, 3.5 x 1.4826 MAD 3.

    Raises
    ------
    TypeError
        `counts` is no mapping to whole numbers, or `k` or `q` no number or not one that `method` takes.
    ValueError
        A count is below zero, the method is unknown, or `k` or `q` is out of its range.

    Notes
    -----
    Where the spread of ``mad`` or ``iqr`` is 0 (most sequence numbers occur once) both take s = 1.2533 x the mean
    absolute deviation about the median instead, and say so in ``.note``.

    ``loo-sigma`` needs no comparison of every key with all others. With mean m and sample standard deviation s of all n
    counts, a count x is at least k standard deviations above the mean of the others exactly where x >= m + s d, with
    d^2 = k^2 (n - 1)^3 / (n (n (n - 2) + k^2 (n - 1))).

    The factors 1.4826, 1.349 and 1.2533 make each spread that of a normal distribution. Sources: k = 3.5 and the
    stand-in for a MAD of 0, Iglewicz and Hoaglin, *How to Detect and Handle Outliers* (1993); k = 1.5, Tukey,
    *Exploratory Data Analysis* (1977); the bound (n - 1) / sqrt(n), Samuelson, *How Deviant Can You Be?* (1968).
    """
    found = _mapping(counts, "threshold(counts, method)")
    _given.one_of("method", method, tuple(_FEWEST))
    name, unwanted = ("q", k) if method == "quantile" else ("k", q)
    if unwanted is not None:
        other = "k" if name == "q" else "q"
        raise TypeError(f"{other}: method {method!r} takes {name} and nothing else")
    given = q if method == "quantile" else k
    factor = _number(_USUAL[method] if given is None else given, name)
    if factor < 0 or (name == "q" and factor > 1):
        raise ValueError(f"{name}: a number {'from 0 to 1' if name == 'q' else 'from 0 on'}, not {factor:g}")
    note = _too_few(method, len(found), factor)
    result = _compute(found, method, factor, note)
    if note:
        warnings.warn(note, ThresholdWarning, stacklevel=2)
    return result


def _compute(counts: Mapping[Any, SupportsIndex], method: str, factor: float, note: str) -> Threshold:
    if len(counts) < _FEWEST[method]:
        return Threshold(math.inf, method, factor, len(counts), None, note)
    if method == "sigma":
        return _sigma(_moments(counts), factor, note)
    if method == "loo-sigma":
        return _loo_sigma(_moments(counts), factor)
    values = _array(counts)
    if method == "mad":
        return _mad(values, factor, note)
    if method == "iqr":
        return _iqr(values, factor, note)
    return Threshold(float(_quantiles(values, [_decimal(factor)])[0]), method, factor, len(values))


def set_threshold(counts: Mapping[Any, SupportsIndex], sigma_value: float = 3) -> Threshold:
    """Return mean + `sigma_value` x standard deviation of the counts, or 25 where there are fewer than two keys.

    Parameters
    ----------
    counts : mapping of key to int
        How often each key occurred.
    sigma_value : float
        How many sample standard deviations above the mean; finite.

    Returns
    -------
    Threshold
        In occurrences, to the last bit what ``statistics.mean(values) + sigma_value * statistics.stdev(values)`` gives.

    Warns
    -----
    ThresholdWarning
        So few keys that none can exceed the threshold, whatever the counts are (3 sigma needs 11). The 25 comes without
        a warning.

    Raises
    ------
    TypeError
        `counts` is no mapping to whole numbers, or `sigma_value` no number.
    ValueError
        A count is below zero, or `sigma_value` is not finite.

    See Also
    --------
    threshold : other methods, which are not misled by the very counts they look for.
    """
    moments = _moments(_mapping(counts, "set_threshold(counts, sigma_value)"))
    k, n = _number(sigma_value, "sigma_value"), moments[0]
    if n < 2:
        return Threshold(_TOO_FEW, "sigma", k, n, None, "fewer than 2 keys: 25, as there is no spread to measure")
    note = _too_few("sigma", n, k)
    result = _sigma(moments, k, note)
    if note:
        warnings.warn(note, ThresholdWarning, stacklevel=2)
    return result


def eval_packets(threshold: float, counts: Mapping[_Key, SupportsIndex]) -> set[_Key]:
    """Return the keys that occurred at least `threshold` times.

    Parameters
    ----------
    threshold : float
        Any real number, infinite ones included; usually what `set_threshold` or `threshold` returned.
    counts : mapping of key to int
        How often each key occurred.

    Returns
    -------
    set
        The keys with occurrences >= `threshold`, compared exactly. A new plain set.

    Raises
    ------
    TypeError
        `threshold` is no number (the two arguments were swapped, say) or `counts` no mapping to whole numbers.
    ValueError
        `threshold` is not a number (NaN), or a count is below zero.
    """
    if isinstance(threshold, Mapping):
        raise TypeError("eval_packets(threshold, counts) takes the threshold first and the counts second")
    if not isinstance(threshold, numbers.Real | Decimal):
        raise TypeError(f"eval_packets(threshold, counts) takes a number as threshold, not {type(threshold).__name__}")
    found = _mapping(counts, "eval_packets(threshold, counts)")
    if math.isnan(threshold):
        raise ValueError("the threshold is not a number (NaN)")
    native = getattr(found, "_at_least", None)
    values = _whole(found) if native is None else ()
    if threshold == math.inf:
        return set()
    limit = 0 if threshold <= 0 else math.ceil(threshold)  # no count is below 0
    if native is None:
        return {key for key, count in zip(found, values, strict=True) if count >= limit}
    keys: set[_Key] = native(limit) if limit <= _LARGEST_COUNT else set()
    return keys
