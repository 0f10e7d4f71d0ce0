"""128 bits, those of the compiler and our own, against Python's integers; and the moments that are made of them."""

import ctypes
import shutil
import statistics
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

CSRC = Path(__file__).parent.parent / "csrc"
UINT64, INT64, WIDE = (1 << 64) - 1, (1 << 63) - 1, 1 << 128

WRAPPED = """
#include "base/wide.h"
#include "base/stat.h"
typedef uint64_t word;
static void tell(pf_wide a, word *to) { to[0] = pf_wide_low(a); to[1] = pf_wide_high(a); }
#define A pf_wide_of(a[1], a[0])
#define B pf_wide_of(b[1], b[0])
void sum(const word *a, const word *b, word *to) { tell(pf_wide_sum(A, B), to); }
void difference(const word *a, const word *b, word *to) { tell(pf_wide_difference(A, B), to); }
void product(const word *a, const word *b, word *to) { tell(pf_wide_product(a[0], b[0]), to); }
void twice(const word *a, const word *b, word *to) { tell(pf_wide_twice(A, b[0] & 1), to); }
void halved(const word *a, const word *b, word *to) { tell(pf_wide_halved(A, b[0] & 63), to); }
void negative(const word *a, const word *b, word *to) { (void)b; tell(pf_wide_negative(A), to); }
void below(const word *a, const word *b, word *to) { to[0] = pf_wide_below(A, B); to[1] = pf_wide_same(A, B); }
"""

TWINS: dict[str, Callable[[int, int], int]] = {
    "sum": lambda a, b: a + b,
    "difference": lambda a, b: a - b,
    "product": lambda a, b: (a & UINT64) * (b & UINT64),
    "twice": lambda a, b: 2 * a + (b & 1),
    "halved": lambda a, b: a >> (b & 63),
    "negative": lambda a, b: -a,
    "below": lambda a, b: (a < b) | (a == b) << 64,
}


class Stat(ctypes.Structure):
    _fields_ = [
        ("n", ctypes.c_uint64),
        ("sum", ctypes.c_uint64 * 2),
        ("squares", ctypes.c_uint64 * 3),
        ("min", ctypes.c_uint64),
        ("max", ctypes.c_uint64),
    ]


@pytest.fixture(scope="module", params=["the compiler's", "our own"])
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler here")
    folder = tmp_path_factory.mktemp("wide")
    (folder / "wide.c").write_text(WRAPPED)
    plain = ["-DPF_WIDE_PLAIN"] if request.param == "our own" else []
    made = folder / "wide.so"
    sources = [str(folder / "wide.c"), str(CSRC / "base" / "stat.c")]
    flags = ["-std=c11", "-O1", "-shared", "-fPIC", f"-I{CSRC}", *plain]
    subprocess.run([compiler, *flags, *sources, "-o", str(made), "-lm"], check=True)
    loaded = ctypes.CDLL(str(made))
    loaded.pf_stat_mean.restype = loaded.pf_stat_deviation.restype = ctypes.c_double
    return loaded


words = st.one_of(st.integers(0, UINT64), st.sampled_from([0, 1, 2, INT64, INT64 + 1, UINT64 - 1, UINT64]))
wides = st.builds(lambda high, low: high << 64 | low, words, words)


@pytest.mark.parametrize("operation", list(TWINS))
@given(a=wides, b=wides)
@settings(max_examples=300)
@example(a=WIDE - 1, b=WIDE - 1)
@example(a=1 << 64, b=UINT64)
@example(a=0, b=64)
def test_it_counts_as_python_does(library: ctypes.CDLL, operation: str, a: int, b: int) -> None:
    pair = ctypes.c_uint64 * 2
    got = pair()
    getattr(library, operation)(pair(a & UINT64, a >> 64), pair(b & UINT64, b >> 64), got)
    assert got[0] | got[1] << 64 == TWINS[operation](a, b) % WIDE


def stat_of(library: ctypes.CDLL, numbers: list[int], signed: bool) -> Stat:
    stat = Stat()
    for number in numbers:
        library.pf_stat_add(ctypes.byref(stat), ctypes.c_uint64(number & UINT64), ctypes.c_bool(signed))
    return stat


signed_numbers = st.one_of(st.integers(-INT64 - 1, INT64), st.sampled_from([-INT64 - 1, -1, 0, 1, INT64]))


@given(numbers=st.lists(words, min_size=2) | st.lists(signed_numbers, min_size=2))
@settings(max_examples=300)
@example(numbers=[UINT64] * 40 + [0] * 2)
@example(numbers=[-INT64 - 1, INT64] * 20)
def test_moments_are_the_exact_ones_rounded_once(library: ctypes.CDLL, numbers: list[int]) -> None:
    signed = min(numbers) < 0
    assume(not signed or max(numbers) <= INT64)
    stat = stat_of(library, numbers, signed)
    squares = stat.squares[0] | stat.squares[1] << 64 | stat.squares[2] << 128
    assert (stat.sum[0] | stat.sum[1] << 64) == sum(numbers) % WIDE
    assert squares == sum(number * number for number in numbers)
    assert library.pf_stat_mean(ctypes.byref(stat)) == float(statistics.mean(numbers))
    assert library.pf_stat_deviation(ctypes.byref(stat)) == statistics.stdev(numbers)


@given(ends=st.lists(st.tuples(signed_numbers, signed_numbers), min_size=2))
@settings(max_examples=200)
@example(ends=[(-INT64 - 1, INT64), (INT64, -INT64 - 1), (0, 0)])
def test_differences_of_65_bits(library: ctypes.CDLL, ends: list[tuple[int, int]]) -> None:
    stat = Stat()
    for begin, end in ends:
        library.pf_stat_add_difference(ctypes.byref(stat), ctypes.c_int64(begin), ctypes.c_int64(end))
    numbers = [end - begin for begin, end in ends]
    least, most = (max(-INT64 - 1, min(number, INT64)) & UINT64 for number in (min(numbers), max(numbers)))
    assert (stat.min, stat.max) == (least, most)
    assert (stat.sum[0] | stat.sum[1] << 64) == sum(numbers) % WIDE
    assert library.pf_stat_deviation(ctypes.byref(stat)) == statistics.stdev(numbers)


@given(numbers=st.lists(words) | st.lists(signed_numbers), cut=st.integers(0, 20))
@settings(max_examples=200)
@example(numbers=[UINT64] * 40, cut=20)
@example(numbers=[-INT64 - 1] * 9 + [INT64], cut=9)
def test_two_put_together_are_one(library: ctypes.CDLL, numbers: list[int], cut: int) -> None:
    signed = min(numbers, default=0) < 0
    assume(not signed or max(numbers) <= INT64)
    stat, more = (stat_of(library, part, signed) for part in (numbers[:cut], numbers[cut:]))
    library.pf_stat_merge(ctypes.byref(stat), ctypes.byref(more), ctypes.c_bool(signed))
    assert bytes(stat) == bytes(stat_of(library, numbers, signed))
