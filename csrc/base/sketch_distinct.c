#include "base/sketch_distinct.h"

#include "base/hash.h"

#include <math.h>
#include <string.h>

enum {
    FIRST_SLOTS = 16,                /* 64 octets, the smallest piece of an arena: most keys see few values */
    MOST_SLOTS = 2048,               /* 8 KiB, half of what all registers take */
    HIGHEST = 64 - PF_DISTINCT_BITS, /* bits behind a register's number */
    PLACES = HIGHEST + 2,            /* 0 ... HIGHEST + 1 */
};

uint64_t pf_distinct_hash(const void *octets, size_t size)
{
    /* The first digits of pi behind the point, as good as any: it must only never change. */
    static const struct pf_secret fixed = {.sip = {0x243f6a8885a308d3u, 0x13198a2e03707344u}};
    return pf_hash_octets(&fixed, octets, size);
}

static bool is_full(const struct pf_distinct *sketch)
{
    return sketch->size == PF_DISTINCT_REGISTERS;
}

/* Slots are register << 8 | place, 0 where empty. Registers may be chosen by an attacker, so where they lie is not. */
static uint32_t *find(const struct pf_distinct *sketch, uint32_t number)
{
    uint32_t *slots = sketch->memory, at = (uint32_t)(pf_hash_word(pf_secret(), number) >> 40) & (sketch->size - 1);
    while (slots[at] != 0 && slots[at] >> 8 != number)
        at = (at + 1) & (sketch->size - 1);
    return &slots[at];
}

static void raise_to(struct pf_distinct *sketch, uint32_t number, uint32_t place)
{
    if (is_full(sketch)) {
        uint8_t *reg = (uint8_t *)sketch->memory + number;
        if (place > *reg)
            *reg = (uint8_t)place;
        return;
    }
    uint32_t *slot = find(sketch, number);
    sketch->used += *slot == 0;
    if (*slot == 0 || place > (*slot & 0xff))
        *slot = number << 8 | place;
}

static size_t octets_of(const struct pf_distinct *sketch)
{
    return is_full(sketch) ? PF_DISTINCT_REGISTERS : sketch->size * sizeof(uint32_t);
}

static enum pf_status grow(struct pf_distinct *sketch, struct pf_arena *arena, struct pf_error *error)
{
    struct pf_distinct grown = {.size = sketch->size * 2};
    if (sketch->size == 0)
        grown.size = FIRST_SLOTS;
    else if (sketch->size == MOST_SLOTS)
        grown.size = PF_DISTINCT_REGISTERS;
    grown.memory = pf_arena_take(arena, octets_of(&grown));
    if (grown.memory == NULL)
        return pf_fail_memory(error);
    const uint32_t *slots = sketch->memory;
    for (uint32_t i = 0; i < sketch->size; i++) {
        if (slots[i] != 0)
            raise_to(&grown, slots[i] >> 8, slots[i] & 0xff);
    }
    pf_arena_give(arena, sketch->memory, octets_of(sketch));
    *sketch = grown;
    return PF_OK;
}

/* Room for one register more: at most 3/4 of the slots are taken. */
static enum pf_status reserve(struct pf_distinct *sketch, struct pf_arena *arena, struct pf_error *error)
{
    if (is_full(sketch) || sketch->used < sketch->size / 4 * 3)
        return PF_OK;
    return grow(sketch, arena, error);
}

enum pf_status pf_distinct_add(struct pf_distinct *sketch, struct pf_arena *arena, uint64_t hash,
                               struct pf_error *error)
{
    uint64_t behind = hash << PF_DISTINCT_BITS;
    uint32_t place = behind != 0 ? (uint32_t)__builtin_clzll(behind) + 1 : HIGHEST + 1;
    PF_TRY(reserve(sketch, arena, error));
    raise_to(sketch, (uint32_t)(hash >> HIGHEST), place);
    return PF_OK;
}

enum pf_status pf_distinct_merge(struct pf_distinct *sketch, struct pf_arena *arena, const struct pf_distinct *from,
                                 struct pf_error *error)
{
    for (uint32_t i = 0; i < from->size; i++) {
        uint32_t slot =
            is_full(from) ? i << 8 | ((const uint8_t *)from->memory)[i] : ((const uint32_t *)from->memory)[i];
        if ((slot & 0xff) == 0)
            continue;
        PF_TRY(reserve(sketch, arena, error));
        raise_to(sketch, slot >> 8, slot & 0xff);
    }
    return PF_OK;
}

/* x + x^2 + 2 x^4 + 4 x^8 + ..., without end at 1. */
static double sigma(double x)
{
    double factor = 1, sum = x, before;
    if (x == 1)
        return INFINITY;
    do {
        x *= x;
        before = sum;
        sum += x * factor;
        factor += factor;
    } while (sum != before);
    return sum;
}

/* (1 - x - sum over k of (1 - x^(2^-k))^2 2^-k) / 3 */
static double tau(double x)
{
    double factor = 1, sum = 1 - x, before;
    if (x == 0 || x == 1)
        return 0;
    do {
        x = sqrt(x);
        before = sum;
        factor /= 2;
        sum -= (1 - x) * (1 - x) * factor;
    } while (sum != before);
    return sum / 3;
}

uint64_t pf_distinct_estimate(const struct pf_distinct *sketch)
{
    uint32_t having[PLACES] = {0}; /* registers by what they hold */
    uint32_t set = 0;
    for (uint32_t i = 0; i < sketch->size; i++) {
        uint32_t place =
            is_full(sketch) ? ((const uint8_t *)sketch->memory)[i] : ((const uint32_t *)sketch->memory)[i] & 0xff;
        having[place]++;
        set += place != 0;
    }
    having[0] = PF_DISTINCT_REGISTERS - set;
    if (set == 0)
        return 0;
    const double m = PF_DISTINCT_REGISTERS, alpha = 0.72134752044448170368; /* 1 / (2 ln 2) */
    double z = m * tau(1 - having[HIGHEST + 1] / m);
    for (int place = HIGHEST; place >= 1; place--)
        z = (z + having[place]) / 2;
    z += m * sigma(having[0] / m);
    return (uint64_t)(alpha * m * m / z + 0.5);
}
