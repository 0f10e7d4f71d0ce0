#include "base/stat.h"

#include <math.h>
#include <stddef.h>

typedef unsigned __int128 wide;
typedef __int128 signed_wide;

enum { WORDS = 4, MANTISSA = 53, SPARE = 2 /* bits beyond a double's, of which one decides where to round */ };

static void add_number(struct pf_stat *stat, signed_wide number)
{
    wide sum = ((wide)stat->sum[1] << 64 | stat->sum[0]) + (wide)number;
    uint64_t magnitude = (uint64_t)(number < 0 ? -number : number);
    wide square = (wide)magnitude * magnitude, low = ((wide)stat->squares[1] << 64 | stat->squares[0]) + square;
    stat->sum[0] = (uint64_t)sum;
    stat->sum[1] = (uint64_t)(sum >> 64);
    stat->squares[2] += low < square;
    stat->squares[0] = (uint64_t)low;
    stat->squares[1] = (uint64_t)(low >> 64);
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
    add_number(stat, is_signed ? (signed_wide)(int64_t)word : (signed_wide)word);
}

void pf_stat_add_difference(struct pf_stat *stat, int64_t from, int64_t to)
{
    signed_wide number = (signed_wide)to - from;
    signed_wide shown = number < INT64_MIN ? INT64_MIN : number > INT64_MAX ? INT64_MAX : number;
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
    wide sum = ((wide)stat->sum[1] << 64 | stat->sum[0]) + ((wide)from->sum[1] << 64 | from->sum[0]);
    wide more = (wide)from->squares[1] << 64 | from->squares[0];
    wide low = ((wide)stat->squares[1] << 64 | stat->squares[0]) + more;
    stat->sum[0] = (uint64_t)sum;
    stat->sum[1] = (uint64_t)(sum >> 64);
    stat->squares[2] += from->squares[2] + (low < more);
    stat->squares[0] = (uint64_t)low;
    stat->squares[1] = (uint64_t)(low >> 64);
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
            wide sum = (wide)a[i] * (j < other ? b[j] : 0) + product[i + j] + carry;
            product[i + j] = (uint64_t)sum;
            carry = (uint64_t)(sum >> 64);
        }
    }
}

static void subtract(uint64_t a[WORDS], const uint64_t b[WORDS])
{
    uint64_t borrow = 0;
    for (size_t i = 0; i < WORDS; i++) {
        wide difference = (wide)a[i] - b[i] - borrow;
        a[i] = (uint64_t)difference;
        borrow = difference >> 64 != 0;
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
static wide divide(const uint64_t above[WORDS], int shift, wide under, bool *more)
{
    wide rest = 0, quotient = 0;
    int bits = bits_of(above, WORDS);
    for (int at = bits - 1; at >= -shift; at--) {
        bool carry = rest >> 127 != 0;
        rest = rest << 1 | (at >= 0 ? above[at / 64] >> (at % 64) & 1 : 0);
        quotient <<= 1;
        if (carry || rest >= under) {
            rest -= under;
            quotient |= 1;
        }
    }
    *more = rest != 0;
    for (int at = 0; at < -shift && at < bits; at++)
        *more |= (above[at / 64] >> (at % 64) & 1) != 0;
    return quotient;
}

/* floor(sqrt(square)) of a number that is not 0. */
static uint64_t root_of(wide square)
{
    uint64_t root = (uint64_t)sqrt((double)square);
    root = (uint64_t)((root + square / root) / 2); /* one step of Newton's: now off by one at most */
    while ((wide)root * root > square)
        root--;
    while ((wide)(root + 1) * (root + 1) <= square)
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

static int length_of(wide number)
{
    return bits_of((const uint64_t[]){(uint64_t)number, (uint64_t)(number >> 64)}, 2);
}

/* The absolute sum as words; whether it is below zero. */
static bool magnitude_of(const struct pf_stat *stat, uint64_t magnitude[WORDS])
{
    wide sum = (wide)stat->sum[1] << 64 | stat->sum[0];
    bool negative = stat->sum[1] >> 63 != 0 && stat->n != 0;
    if (negative)
        sum = -sum;
    magnitude[0] = (uint64_t)sum;
    magnitude[1] = (uint64_t)(sum >> 64);
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
    int shift = MANTISSA + SPARE - (bits - length_of(stat->n));
    uint64_t whole = (uint64_t)divide(sum, shift, stat->n, &more);
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
    wide under = (wide)stat->n * (stat->n - 1);
    int shift = 2 * (MANTISSA + SPARE) - (bits - length_of(under));
    shift += shift & 1; /* so that the root's exponent is whole */
    bool more;
    wide quotient = divide(above, shift, under, &more);
    uint64_t root = root_of(quotient);
    return nearest(root, more || (wide)root * root != quotient, -shift / 2);
}
