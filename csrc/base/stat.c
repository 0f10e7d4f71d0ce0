#include "base/stat.h"

#include "base/wide.h"

#include <math.h>
#include <stddef.h>

enum { WORDS = 4, MANTISSA = 53, SPARE = 2 /* bits beyond a double's, of which one decides where to round */ };

/* A number with a sign, of 65 bits at most. */
static void add_number(struct pf_stat *stat, pf_wide number)
{
    pf_wide sum = pf_wide_sum(pf_wide_of(stat->sum[1], stat->sum[0]), number);
    uint64_t word = pf_wide_low(number), magnitude = pf_wide_high(number) != 0 ? 0 - word : word;
    pf_wide square = pf_wide_product(magnitude, magnitude);
    pf_wide low = pf_wide_sum(pf_wide_of(stat->squares[1], stat->squares[0]), square);
    stat->sum[0] = pf_wide_low(sum);
    stat->sum[1] = pf_wide_high(sum);
    stat->squares[2] += pf_wide_below(low, square);
    stat->squares[0] = pf_wide_low(low);
    stat->squares[1] = pf_wide_high(low);
    stat->n++;
}

static bool below(uint64_t a, uint64_t b, bool is_signed)
{
    return is_signed ? (int64_t)a < (int64_t)b : a < b;
}

static void widen(struct pf_stat *stat, uint64_t word, bool is_signed)
{
    if (stat->n == 0 || below(word, stat->min, is_signed))
        stat->min = word;
    if (stat->n == 0 || below(stat->max, word, is_signed))
        stat->max = word;
}

void pf_stat_add(struct pf_stat *stat, uint64_t word, bool is_signed)
{
    widen(stat, word, is_signed);
    add_number(stat, is_signed ? pf_wide_signed((int64_t)word) : pf_wide_of(0, word));
}

void pf_stat_add_difference(struct pf_stat *stat, int64_t from, int64_t to)
{
    pf_wide number = pf_wide_difference(pf_wide_signed(to), pf_wide_signed(from));
    int64_t shown = (int64_t)pf_wide_low(number);
    if (!pf_wide_same(number, pf_wide_signed(shown)))
        shown = to < from ? INT64_MIN : INT64_MAX;
    widen(stat, (uint64_t)shown, true);
    add_number(stat, number);
}

void pf_stat_merge(struct pf_stat *stat, const struct pf_stat *from, bool is_signed)
{
    if (from->n == 0)
        return;
    widen(stat, from->min, is_signed);
    if (stat->n == 0 || below(stat->max, from->max, is_signed))
        stat->max = from->max;
    pf_wide sum = pf_wide_sum(pf_wide_of(stat->sum[1], stat->sum[0]), pf_wide_of(from->sum[1], from->sum[0]));
    pf_wide more = pf_wide_of(from->squares[1], from->squares[0]);
    pf_wide low = pf_wide_sum(pf_wide_of(stat->squares[1], stat->squares[0]), more);
    stat->sum[0] = pf_wide_low(sum);
    stat->sum[1] = pf_wide_high(sum);
    stat->squares[2] += from->squares[2] + pf_wide_below(low, more);
    stat->squares[0] = pf_wide_low(low);
    stat->squares[1] = pf_wide_high(low);
    stat->n += from->n;
}

bool pf_stat_sum(const struct pf_stat *stat, bool is_signed, uint64_t *sum)
{
    *sum = stat->sum[0];
    return stat->sum[1] == (is_signed && stat->sum[0] >> 63 != 0 ? UINT64_MAX : 0);
}

/* a (of `size` words) times b (of `other` words), at most WORDS words in all. */
static void multiply(uint64_t product[WORDS], const uint64_t *a, size_t size, const uint64_t *b, size_t other)
{
    for (size_t i = 0; i < WORDS; i++)
        product[i] = 0;
    for (size_t i = 0; i < size; i++) {
        uint64_t carry = 0;
        for (size_t j = 0; i + j < WORDS; j++) {
            pf_wide sum = pf_wide_product(a[i], j < other ? b[j] : 0);
            sum = pf_wide_sum(sum, pf_wide_of(0, product[i + j]));
            sum = pf_wide_sum(sum, pf_wide_of(0, carry));
            product[i + j] = pf_wide_low(sum);
            carry = pf_wide_high(sum);
        }
    }
}

static void subtract(uint64_t a[WORDS], const uint64_t b[WORDS])
{
    bool borrow = false;
    for (size_t i = 0; i < WORDS; i++) {
        bool less = a[i] < b[i] || (borrow && a[i] == b[i]);
        a[i] -= b[i] + borrow;
        borrow = less;
    }
}

static int bits_of(const uint64_t *number, int words)
{
    int bits = 64 * words;
    while (bits > 0 && (number[(bits - 1) / 64] >> ((bits - 1) % 64) & 1) == 0)
        bits--;
    return bits;
}

/* floor(above * 2^shift / under), which the caller knows to fit; *more: there is a rest. Bit by bit, so some 300 steps
 * at most: one code for numbers of any size, and a rounding that can be trusted. */
static pf_wide divide(const uint64_t above[WORDS], int shift, pf_wide under, bool *more)
{
    pf_wide rest = pf_wide_of(0, 0), quotient = rest;
    int bits = bits_of(above, WORDS);
    for (int at = bits - 1; at >= -shift; at--) {
        bool carry = pf_wide_high(rest) >> 63 != 0;
        rest = pf_wide_twice(rest, at >= 0 ? above[at / 64] >> (at % 64) & 1 : 0);
        bool fits = carry || !pf_wide_below(rest, under);
        if (fits)
            rest = pf_wide_difference(rest, under);
        quotient = pf_wide_twice(quotient, fits);
    }
    *more = (pf_wide_low(rest) | pf_wide_high(rest)) != 0;
    for (int at = 0; at < -shift && at < bits; at++)
        *more |= (above[at / 64] >> (at % 64) & 1) != 0;
    return quotient;
}

/* floor(sqrt(square)) of a number below 2^112. The double is off by at most some 2^3 of its 2^56, and then corrected.
 */
static uint64_t root_of(pf_wide square)
{
    uint64_t root = (uint64_t)sqrt(ldexp((double)pf_wide_high(square), 64) + (double)pf_wide_low(square));
    while (pf_wide_below(square, pf_wide_product(root, root)))
        root--;
    while (!pf_wide_below(square, pf_wide_product(root + 1, root + 1)))
        root++;
    return root;
}

/* The double nearest to (whole, and a bit more) * 2^exponent; `whole` has more than MANTISSA bits. */
static double nearest(uint64_t whole, bool more, int exponent)
{
    int excess = bits_of(&whole, 1) - MANTISSA;
    uint64_t kept = whole >> excess, half = (uint64_t)1 << (excess - 1), rest = whole & (2 * half - 1);
    if (rest > half || (rest == half && (more || (kept & 1) != 0)))
        kept++;
    return ldexp((double)kept, exponent + excess);
}

static int length_of(pf_wide number)
{
    return bits_of((const uint64_t[]){pf_wide_low(number), pf_wide_high(number)}, 2);
}

/* The absolute sum as words; whether it is below zero. */
static bool magnitude_of(const struct pf_stat *stat, uint64_t magnitude[WORDS])
{
    pf_wide sum = pf_wide_of(stat->sum[1], stat->sum[0]);
    bool negative = stat->sum[1] >> 63 != 0 && stat->n != 0;
    if (negative)
        sum = pf_wide_negative(sum);
    magnitude[0] = pf_wide_low(sum);
    magnitude[1] = pf_wide_high(sum);
    magnitude[2] = magnitude[3] = 0;
    return negative;
}

double pf_stat_mean(const struct pf_stat *stat)
{
    uint64_t sum[WORDS];
    bool more, negative = magnitude_of(stat, sum);
    int bits = bits_of(sum, WORDS);
    if (bits == 0)
        return 0;
    pf_wide under = pf_wide_of(0, stat->n);
    int shift = MANTISSA + SPARE - (bits - length_of(under));
    uint64_t whole = pf_wide_low(divide(sum, shift, under, &more));
    double mean = nearest(whole, more, -shift);
    return negative ? -mean : mean;
}

/* sqrt((n squares - sum^2) / (n (n - 1))) */
double pf_stat_deviation(const struct pf_stat *stat)
{
    uint64_t sum[WORDS], square[WORDS], above[WORDS];
    (void)magnitude_of(stat, sum);
    multiply(square, sum, 2, sum, 2);
    multiply(above, stat->squares, 3, &stat->n, 1);
    subtract(above, square);
    int bits = bits_of(above, WORDS);
    if (bits == 0)
        return 0;
    pf_wide under = pf_wide_product(stat->n, stat->n - 1);
    int shift = 2 * (MANTISSA + SPARE) - (bits - length_of(under));
    shift += shift & 1; /* so that the root's exponent is whole */
    bool more;
    pf_wide quotient = divide(above, shift, under, &more);
    uint64_t root = root_of(quotient);
    return nearest(root, more || !pf_wide_same(pf_wide_product(root, root), quotient), -shift / 2);
}
