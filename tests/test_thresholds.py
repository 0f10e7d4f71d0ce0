"""Thresholds: equal to `statistics` to the last bit, to the rules they stand for, and clear about what cannot be."""

from __future__ import annotations

import copy
import math
import pickle
import statistics
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pcapframe._thresholds import Threshold, eval_packets, set_threshold, threshold
from pcapframe.errors import ThresholdWarning

METHODS = ("sigma", "loo-sigma", "mad", "iqr", "quantile")
# Few distinct values give equal counts and exact ties; large ones leave the range in which floats are exact.
counts_lists = st.one_of(
    st.lists(st.integers(0, 5), max_size=40),
    st.lists(st.integers(1, 2000), max_size=40),
    st.lists(st.one_of(st.just(1), st.integers(0, 2**60), st.just(2**64 - 1)), max_size=40),
)
factors = st.one_of(st.sampled_from([0, 1, 1.5, 2, 3, 3.5, 4, 6]), st.floats(0, 20))


class NativeCounts(Mapping[Any, int]):
    """The attributes by which a native table answers, so that no key becomes a Python object before it must."""

    def __init__(self, counts: Mapping[Any, int]) -> None:
        self._counts = dict(counts)

    def __getitem__(self, key: Any) -> int:
        raise AssertionError("the native table was read key by key")

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("the native table was iterated, which sorts it")

    def __len__(self) -> int:
        return len(self._counts)

    def _moments(self) -> tuple[int, int, int]:
        values = self._counts.values()
        return len(values), sum(values), sum(value * value for value in values)

    def _values(self) -> np.ndarray[Any, Any]:
        values = np.array(list(self._counts.values()), dtype=np.uint64)
        values.flags.writeable = False
        return values

    def _at_least(self, limit: int) -> set[Any]:
        assert type(limit) is int
        assert 0 <= limit < 2**64
        return {key for key, count in self._counts.items() if count >= limit}


def keyed(values: list[int]) -> dict[str, int]:
    return {f"10.0.{i // 256}.{i % 256}": value for i, value in enumerate(values)}


def quietly(function: Any, *arguments: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ThresholdWarning)
        return function(*arguments, **options)


# -------------------------------------------------------------------------------------------------- set_threshold


@given(counts_lists.filter(lambda values: len(values) >= 2), st.one_of(factors, st.floats(-1e6, 1e6)))
@example([1, 1], 3)
@example([2**60] * 7, 3)
@example([2**60, 2**60 + 1], 3)
@example([2**53 + 1, 2**53 + 3, 2**53 + 5], 1)
@example([0, 0, 0], 3)
@settings(max_examples=300, deadline=None)
def test_set_threshold_is_mean_and_stdev_to_the_last_bit(values: list[int], k: float) -> None:
    expected = statistics.mean(values) + k * statistics.stdev(values)
    got = quietly(set_threshold, keyed(values), k)
    assert got == expected
    assert got.scale == statistics.stdev(values)
    assert (got.method, got.k, got.n) == ("sigma", k, len(values))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("largest", [3, 10**6, 2**60])
def test_set_threshold_of_a_hundred_thousand_keys(seed: int, largest: int) -> None:
    values = np.random.default_rng(seed).integers(0, largest, 100_000 if seed == 0 else 3_000).tolist()
    assert set_threshold(dict(enumerate(values))) == statistics.mean(values) + 3 * statistics.stdev(values)


@pytest.mark.parametrize("values", [[], [7]])
def test_set_threshold_is_25_below_two_keys_without_a_warning(values: list[int]) -> None:
    got = set_threshold(keyed(values))
    assert got == 25
    assert got.n == len(values)
    assert "25" in got.note


@pytest.mark.parametrize(("k", "enough"), [(3, 11), (4, 18), (2, 6), (1, 3), (2.5, 9), (6, 38), (0, 2)])
def test_too_few_keys_for_any_to_exceed_k_sigma(k: float, enough: int) -> None:
    # One count above equal others lies as far out as any can.
    for n in range(2, enough + 3):
        counts = keyed([10**9] + [1] * (n - 1))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            got = set_threshold(counts, k)
            also = threshold(counts, k=k)
        assert got == also
        assert got.note == also.note
        assert len(caught) == (2 if n < enough else 0)
        assert bool(got.note) == (n < enough)
        if n < enough:
            assert str(enough) in got.note
            assert {warning.category for warning in caught} == {ThresholdWarning}
            assert {warning.filename for warning in caught} == {__file__}
            assert math.isfinite(got)
        else:
            assert eval_packets(got, counts) == {"10.0.0.0"}


def test_a_negative_sigma_is_the_arithmetic_it_says() -> None:
    values = [1, 2, 3, 10]
    assert set_threshold(keyed(values), -1.5) == statistics.mean(values) - 1.5 * statistics.stdev(values)


def test_sigma_value_takes_any_real_number() -> None:
    counts = keyed(list(range(20)))
    for k in (3, 3.0, np.float32(3), np.int64(3), Fraction(3), Decimal(3)):
        assert set_threshold(counts, k) == set_threshold(counts)  # type: ignore[arg-type]
    assert type(set_threshold(counts, np.float64(3))) is Threshold


# ------------------------------------------------------------------------------------------------------ threshold


@given(counts_lists.filter(lambda values: len(values) >= 2), factors)
@settings(deadline=None)
def test_sigma_is_set_threshold(values: list[int], k: float) -> None:
    assert quietly(threshold, keyed(values), "sigma", k=k) == quietly(set_threshold, keyed(values), k)


@given(counts_lists.filter(lambda values: len(values) >= 3), factors)
@settings(deadline=None)
def test_loo_sigma_is_each_key_against_the_others(values: list[int], k: float) -> None:
    got = threshold(keyed(values), "loo-sigma", k=k)
    for i, value in enumerate(values):
        others = [Fraction(other) for other in values[:i] + values[i + 1 :]]
        mean = sum(others) / len(others)
        variance = sum((other - mean) ** 2 for other in others) / (len(others) - 1)
        above = value - mean
        reached = above >= 0 and above**2 >= Fraction(k) ** 2 * variance
        if reached != (value >= got):  # only where both sides are equal but for the rounding of a float
            assert value == pytest.approx(float(got), rel=1e-12)


def test_loo_sigma_finds_what_hides_behind_itself() -> None:
    counts = keyed([1000, 10, 12, 9, 11])
    assert quietly(eval_packets, quietly(threshold, counts, "sigma"), counts) == set()
    assert eval_packets(threshold(counts, "loo-sigma"), counts) == {"10.0.0.0"}


def plain_mad(values: list[int], k: float) -> float:
    median = statistics.median(values)
    deviations = [abs(value - median) for value in values]
    spread = 1.4826 * statistics.median(deviations) or 1.2533 * statistics.fmean(deviations)
    return median + k * spread if spread else math.inf


def plain_iqr(values: list[int], k: float) -> float:
    lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
    spread = (upper - lower) / 1.349 or 1.2533 * statistics.fmean(abs(value - median) for value in values)
    return upper + k * 1.349 * spread if spread else math.inf


@given(counts_lists.filter(lambda values: len(values) >= 2), factors)
@settings(deadline=None)
def test_mad_and_iqr_are_what_they_say(values: list[int], k: float) -> None:
    for method, plain in (("mad", plain_mad), ("iqr", plain_iqr)):
        # Floats cannot tell the quartiles of very large counts apart: the plain formula is told them exactly.
        exact = [Fraction(value) for value in values]
        got = quietly(threshold, keyed(values), method, k=k)
        assert float(got) == pytest.approx(plain(exact, k), rel=1e-9)  # type: ignore[arg-type]
        assert (got.method, got.k, got.n) == (method, k, len(values))
        assert ("mean absolute deviation" in got.note) == (got.scale == 0 or "spread is 1.2533" in got.note)
        if math.isinf(got):
            assert len(set(values)) == 1


@given(counts_lists.filter(lambda values: len(values) >= 2))
@settings(deadline=None)
def test_quartiles_are_those_of_statistics(values: list[int]) -> None:
    quartiles = statistics.quantiles(values, n=4, method="inclusive")
    for q, expected in zip((0.25, 0.5, 0.75), quartiles, strict=True):
        assert threshold(keyed(values), "quantile", q=q) == expected


@given(counts_lists.filter(lambda values: len(values) >= 2), st.floats(0, 1))
@settings(deadline=None)
def test_quantile_lies_between_its_neighbours(values: list[int], q: float) -> None:
    got = threshold(keyed(values), "quantile", q=q)
    ordered = sorted(values)
    place = math.floor(Fraction(repr(q)) * (len(values) - 1))
    assert float(ordered[place]) <= got <= float(ordered[min(place + 1, len(values) - 1)])
    assert float(got) == pytest.approx(np.quantile(np.array(values, dtype=np.float64), q), rel=1e-6, abs=1e-6)


def test_quantile_reads_099_as_a_decimal() -> None:
    values = list(range(0, 10_100, 100))  # 101 keys: the quantile 99/100 is the last but one
    assert threshold(keyed(values), "quantile") == 9_900
    assert threshold(keyed(values), "quantile", q=1) == 10_000
    assert threshold(keyed(values), "quantile", q=0) == 0


def test_where_most_counts_are_equal_the_mean_deviation_stands_in() -> None:
    counts = keyed([1] * 99 + [101])  # like sequence numbers: nearly all occur once; mean absolute deviation 1
    mad, iqr = threshold(counts, "mad"), threshold(counts, "iqr")
    assert mad == pytest.approx(1 + 3.5 * 1.2533)
    assert iqr == pytest.approx(1 + 1.5 * 1.349 * 1.2533)
    for got in (mad, iqr):
        assert got.scale == pytest.approx(1.2533)
        assert "mean absolute deviation" in got.note
        assert eval_packets(got, counts) == {"10.0.0.99"}


@pytest.mark.parametrize("method", ["mad", "iqr"])
def test_nothing_stands_out_where_all_counts_are_equal(method: Any) -> None:
    got = threshold(keyed([4] * 50), method)
    assert got == math.inf
    assert got.scale == 0
    assert "all counts are equal" in got.note
    assert eval_packets(got, keyed([4] * 50)) == set()


@pytest.mark.parametrize(("method", "fewest"), list(zip(METHODS, (2, 3, 1, 2, 2), strict=True)))
def test_fewer_keys_than_the_method_needs(method: Any, fewest: int) -> None:
    for n in range(fewest):
        with pytest.warns(ThresholdWarning, match=f"{method} needs {fewest} or more"):
            got = threshold(keyed([5] * n), method)
        assert (got, got.n, got.scale) == (math.inf, n, None)
        assert got.note


@pytest.mark.parametrize(
    ("method", "k", "enough"),
    [("mad", 3.5, 3), ("mad", 0.5, 2), ("iqr", 1.5, 4), ("iqr", 0.5, 3), ("iqr", 1, 4), ("iqr", 3, 5), ("iqr", 0.4, 2)],
)
def test_too_few_keys_for_any_to_exceed_mad_or_iqr(method: Any, k: float, enough: int) -> None:
    for n in range(1 if method == "mad" else 2, 8):
        # Zeros but for the largest, or with a small step before it: one of the two is the best case of either method.
        cases = [[0] * (n - 1) + [10**9], [0] * (n - 2) + [1, 10**9]] if n > 1 else [[10**9]]
        exceeded = False
        for values in cases:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                got = threshold(keyed(values), method, k=k)
            assert len(caught) == (n < enough)
            exceeded = exceeded or max(values) > got
        assert exceeded == (n >= enough)


def test_arguments_that_cannot_be_meant() -> None:
    counts = keyed([1, 2, 3])
    with pytest.raises(
        ValueError, match="method: 'sigma' or 'loo-sigma' or 'mad' or 'iqr' or 'quantile', not 'median'"
    ):
        threshold(counts, "median")
    with pytest.raises(TypeError, match="'mad' takes k"):
        threshold(counts, "mad", q=0.5)
    with pytest.raises(TypeError, match="'quantile' takes q"):
        threshold(counts, "quantile", k=3)
    for q in (-0.1, 1.1):
        with pytest.raises(ValueError, match="q: a number from 0 to 1"):
            threshold(counts, "quantile", q=q)
    with pytest.raises(ValueError, match="k: a number from 0 on"):
        threshold(counts, "mad", k=-1)
    for k in (math.nan, math.inf):
        with pytest.raises(ValueError, match="k: a finite number"):
            threshold(counts, k=k)
        with pytest.raises(ValueError, match="sigma_value: a finite number"):
            set_threshold(counts, k)
    with pytest.raises(TypeError, match="sigma_value: a number, not '3'"):
        set_threshold(counts, "3")  # type: ignore[arg-type]


# --------------------------------------------------------------------------------------------------- eval_packets


@given(counts_lists, st.one_of(st.integers(-3, 2**64), st.floats(allow_nan=False)))
@example([2**53 + 1, 2**53], 2.0**53 + 2)
@example([2**64 - 1], 2.0**64)
@settings(deadline=None)
def test_eval_packets_is_at_least(values: list[int], limit: float) -> None:
    counts = keyed(values)
    expected = {key for key, count in counts.items() if count >= limit}
    got = eval_packets(limit, counts)
    assert type(got) is set
    assert got == expected
    assert eval_packets(limit, NativeCounts(counts)) == expected


def test_eval_packets_takes_any_real_number() -> None:
    counts = {"a": 2, "b": 3}
    for limit in (2.5, 3, Fraction(5, 2), Decimal("2.5"), np.float32(2.5), np.int64(3), Threshold(2.5)):
        assert eval_packets(limit, counts) == {"b"}  # type: ignore[arg-type]
    assert eval_packets(math.inf, counts) == eval_packets(Decimal("inf"), counts) == set()  # type: ignore[arg-type]
    assert eval_packets(-math.inf, counts) == {"a", "b"}
    assert eval_packets(25, {}) == set()


def test_eval_packets_says_what_is_wrong() -> None:
    with pytest.raises(TypeError, match="takes the threshold first and the counts second"):
        eval_packets({"a": 1}, 25)  # type: ignore[arg-type, type-var]
    with pytest.raises(TypeError, match="takes a number as threshold, not str"):
        eval_packets("25", {"a": 1})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="NaN"):
        eval_packets(math.nan, {"a": 1})


# ------------------------------------------------------------------------------------------- what counts may be


@given(counts_lists, factors)
@settings(deadline=None)
def test_native_and_plain_counts_agree(values: list[int], k: float) -> None:
    counts = keyed(values)
    for method in METHODS:
        options = {"q": min(k, 1.0)} if method == "quantile" else {"k": k}
        plain = quietly(threshold, counts, method, **options)
        native = quietly(threshold, NativeCounts(counts), method, **options)
        assert repr(native) == repr(plain)
    assert repr(quietly(set_threshold, NativeCounts(counts), k)) == repr(quietly(set_threshold, counts, k))


@given(counts_lists.filter(lambda values: len(values) >= 3), st.randoms())
@settings(deadline=None)
def test_the_order_of_the_keys_changes_nothing(values: list[int], random: Any) -> None:
    shuffled = values[:]
    random.shuffle(shuffled)
    for method in METHODS:
        assert repr(quietly(threshold, keyed(shuffled), method)) == repr(quietly(threshold, keyed(values), method))


@pytest.mark.parametrize("kind", [dict, Counter, MappingProxyType])
def test_any_mapping_of_whole_numbers(kind: Any) -> None:
    counts = kind({"a": np.int64(1), "b": np.uint16(40_000), "c": True, "d": 2**70})
    got = quietly(set_threshold, counts)
    assert got == statistics.mean([1, 40_000, 1, 2**70]) + 3 * statistics.stdev([1, 40_000, 1, 2**70])
    assert eval_packets(40_000, counts) == {"b", "d"}
    for method in METHODS:
        assert quietly(threshold, counts, method) > 1


class Kinds(NamedTuple):
    dns: dict[str, int]
    ip: dict[str, int]
    seq: dict[int, int]


@pytest.mark.parametrize("call", [set_threshold, threshold, lambda counts: eval_packets(3, counts)])
def test_what_counts_cannot_be(call: Any) -> None:
    with pytest.raises(TypeError, match="mapping from key to number of occurrences, not list"):
        call([1, 2, 3])
    with pytest.raises(TypeError, match=r"not Kinds as a whole: give its \.dns, \.ip or \.seq"):
        call(Kinds({}, {}, {}))
    with pytest.raises(TypeError, match=r"counts must be whole numbers; 'b' has 2\.0"):
        call({"a": 1, "b": 2.0})
    with pytest.raises(ValueError, match="a count cannot be below zero; 'b' has -1"):
        call({"a": 1, "b": -1})


# ------------------------------------------------------------------------------------------ the threshold as a value


def test_a_threshold_is_a_float_that_remembers() -> None:
    got = threshold(keyed(list(range(20))), "mad", k=6)
    assert isinstance(got, float)
    assert (got.method, got.k, got.n, got.note) == ("mad", 6, 20, "")
    assert repr(got).startswith("Threshold(53.978, method='mad', k=6, n=20, scale=7.413")
    assert str(got) == f"{got}" == "53.978"
    assert f"{got:.1f}" == "54.0"
    assert type(got + 1) is float
    assert {got: 1}[53.978] == 1


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_threshold_survives_pickling_and_copying(protocol: int) -> None:
    got = threshold(keyed([1] * 99 + [101]), "iqr")
    for other in (pickle.loads(pickle.dumps(got, protocol)), copy.copy(got), copy.deepcopy(got)):
        assert type(other) is Threshold
        assert repr(other) == repr(got)
        assert other.scale == got.scale


def test_a_threshold_shows_itself_in_a_notebook() -> None:
    shown = Threshold(61.25, "sigma", 3, 30, 12.5, "<b>5 & 6</b>")._repr_html_()
    assert "61.25" in shown
    assert "30 keys" in shown
    assert "&lt;b&gt;5 &amp; 6&lt;/b&gt;" in shown
    assert "q = 0.99" in threshold(keyed([1, 2, 3]), "quantile")._repr_html_()
    assert "q=0.99" in repr(threshold(keyed([1, 2, 3]), "quantile"))
