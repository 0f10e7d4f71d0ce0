/* Whole numbers of 128 bits, for what must be exact and has no room in 64. They wrap; two's complement where a sign is
 * meant. Compilers for 64-bit processors have such a type of their own and PF_WIDE_PLAIN leaves it aside: the same
 * numbers either way. */
#ifndef PF_BASE_WIDE_H
#define PF_BASE_WIDE_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__SIZEOF_INT128__) && !defined(PF_WIDE_PLAIN)

typedef unsigned __int128 pf_wide;

static inline pf_wide pf_wide_of(uint64_t high, uint64_t low)
{
    return (pf_wide)high << 64 | low;
}

static inline uint64_t pf_wide_high(pf_wide a)
{
    return (uint64_t)(a >> 64);
}

static inline uint64_t pf_wide_low(pf_wide a)
{
    return (uint64_t)a;
}

static inline pf_wide pf_wide_sum(pf_wide a, pf_wide b)
{
    return a + b;
}

static inline pf_wide pf_wide_difference(pf_wide a, pf_wide b)
{
    return a - b;
}

static inline pf_wide pf_wide_product(uint64_t a, uint64_t b)
{
    return (pf_wide)a * b;
}

static inline bool pf_wide_below(pf_wide a, pf_wide b)
{
    return a < b;
}

#else

typedef struct pf_wide {
    uint64_t high, low;
} pf_wide;

static inline pf_wide pf_wide_of(uint64_t high, uint64_t low)
{
    return (pf_wide){.high = high, .low = low};
}

static inline uint64_t pf_wide_high(pf_wide a)
{
    return a.high;
}

static inline uint64_t pf_wide_low(pf_wide a)
{
    return a.low;
}

static inline pf_wide pf_wide_sum(pf_wide a, pf_wide b)
{
    uint64_t low = a.low + b.low;
    return pf_wide_of(a.high + b.high + (low < a.low), low);
}

static inline pf_wide pf_wide_difference(pf_wide a, pf_wide b)
{
    return pf_wide_of(a.high - b.high - (a.low < b.low), a.low - b.low);
}

/*   a1 a0 x b1 b0, in halves of 32 bits       a0 b0
 *                                          a1 b0
 *                                          a0 b1        the middle: below 2^64, since (2^32-1)^2 + 2 (2^32-1) is
 *                                       a1 b1                                                                      */
static inline pf_wide pf_wide_product(uint64_t a, uint64_t b)
{
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t lowest = a0 * b0;
    uint64_t first = a1 * b0 + (lowest >> 32);
    uint64_t second = a0 * b1 + (uint32_t)first;
    return pf_wide_of(a1 * b1 + (first >> 32) + (second >> 32), second << 32 | (uint32_t)lowest);
}

static inline bool pf_wide_below(pf_wide a, pf_wide b)
{
    return a.high != b.high ? a.high < b.high : a.low < b.low;
}

#endif

static inline bool pf_wide_same(pf_wide a, pf_wide b)
{
    return pf_wide_low(a) == pf_wide_low(b) && pf_wide_high(a) == pf_wide_high(b);
}

/* The same number with a sign. */
static inline pf_wide pf_wide_signed(int64_t a)
{
    return pf_wide_of(a < 0 ? UINT64_MAX : 0, (uint64_t)a);
}

static inline pf_wide pf_wide_negative(pf_wide a)
{
    return pf_wide_difference(pf_wide_of(0, 0), a);
}

/* 2 a + bit, where bit is 0 or 1. */
static inline pf_wide pf_wide_twice(pf_wide a, uint64_t bit)
{
    uint64_t low = pf_wide_low(a);
    return pf_wide_of(pf_wide_high(a) << 1 | low >> 63, low << 1 | bit);
}

/* a / 2^bits, rounded down; bits below 64. */
static inline pf_wide pf_wide_halved(pf_wide a, unsigned bits)
{
    uint64_t high = pf_wide_high(a), low = pf_wide_low(a) >> bits;
    return pf_wide_of(high >> bits, bits != 0 ? low | high << (64 - bits) : low);
}

#endif
