#include "match/prefixes.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <string.h>

enum { NEAR_BITS = 20, IPV4_BITS = 32, IPV4_SIZE = 4, FIRST_SLOTS = 64 };

static unsigned family_of(const struct pf_value *address)
{
    return address->size == IPV4_SIZE ? 0 : 1;
}

/* The highest `length` bits of a word of `bits` bits. */
static uint64_t cut_word(uint64_t word, unsigned length, unsigned bits)
{
    return length == 0 ? 0 : length >= bits ? word : word >> (bits - length) << (bits - length);
}

static struct pf_prefix cut(const struct pf_value *address, unsigned length)
{
    struct pf_prefix prefix = {.size = (uint8_t)address->size, .length = (uint8_t)length};
    if (address->size == IPV4_SIZE) {
        prefix.word[0] = cut_word(address->word[0], length, IPV4_BITS);
        return prefix;
    }
    prefix.word[0] = cut_word(address->word[0], length, 64);
    prefix.word[1] = cut_word(address->word[1], length > 64 ? length - 64 : 0, 64);
    return prefix;
}

/* The slot of a prefix, or the empty one where it belongs: at most half of the slots are taken. */
static struct pf_prefix *find(const struct pf_prefixes *prefixes, const struct pf_prefix *prefix)
{
    const struct pf_secret *secret = pf_secret();
    uint64_t rest = prefix->word[1] ^ (uint64_t)prefix->length << 8 ^ prefix->size;
    size_t at = (size_t)(pf_hash_word(secret, prefix->word[0] ^ pf_hash_word(secret, rest)) >> 20);
    for (;; at++) {
        struct pf_prefix *slot = &prefixes->slots[at & (prefixes->size - 1)];
        if (slot->number == 0 || (slot->word[0] == prefix->word[0] && slot->word[1] == prefix->word[1] &&
                                  slot->length == prefix->length && slot->size == prefix->size))
            return slot;
    }
}

static bool grow(struct pf_prefixes *prefixes)
{
    struct pf_prefixes wider = {.size = prefixes->size != 0 ? prefixes->size * 2 : FIRST_SLOTS};
    wider.slots = pf_alloc_array(wider.size, sizeof *wider.slots);
    if (wider.slots == NULL)
        return false;
    for (size_t i = 0; i < prefixes->size; i++) {
        if (prefixes->slots[i].number != 0)
            *find(&wider, &prefixes->slots[i]) = prefixes->slots[i];
    }
    pf_free(prefixes->slots);
    prefixes->slots = wider.slots;
    prefixes->size = wider.size;
    return true;
}

static void note_length(struct pf_lengths *lengths, uint8_t length)
{
    unsigned at = 0;
    while (at < lengths->count && lengths->list[at] > length)
        at++;
    if (at < lengths->count && lengths->list[at] == length)
        return;
    memmove(lengths->list + at + 1, lengths->list + at, lengths->count - at);
    lengths->list[at] = length;
    lengths->count++;
}

static bool note_near(struct pf_prefixes *prefixes, const struct pf_prefix *prefix)
{
    if (prefix->size != IPV4_SIZE)
        return true;
    if (prefixes->near == NULL)
        prefixes->near = pf_alloc((1u << NEAR_BITS) / 8);
    if (prefixes->near == NULL)
        return false;
    uint32_t first = (uint32_t)prefix->word[0] >> (IPV4_BITS - NEAR_BITS);
    uint32_t many = prefix->length < NEAR_BITS ? 1u << (NEAR_BITS - prefix->length) : 1;
    for (uint32_t i = first; i < first + many; i++)
        prefixes->near[i / 8] |= (uint8_t)(1u << i % 8);
    return true;
}

enum pf_status pf_prefixes_add(struct pf_prefixes *prefixes, const struct pf_value *address, unsigned length,
                               uint32_t *number, struct pf_error *error)
{
    struct pf_prefix prefix = cut(address, length);
    if ((prefixes->count + (size_t)1) * 2 > prefixes->size && !grow(prefixes))
        return pf_fail_memory(error);
    struct pf_prefix *slot = find(prefixes, &prefix);
    if (slot->number == 0) {
        if (!note_near(prefixes, &prefix))
            return pf_fail_memory(error);
        note_length(&prefixes->lengths[family_of(address)], (uint8_t)length);
        *slot = prefix;
        slot->number = ++prefixes->count;
    }
    *number = slot->number - 1;
    return PF_OK;
}

void pf_prefixes_clear(struct pf_prefixes *prefixes)
{
    pf_free(prefixes->slots);
    pf_free(prefixes->near);
    memset(prefixes, 0, sizeof *prefixes);
}

static bool is_near(const struct pf_prefixes *prefixes, const struct pf_value *address)
{
    if (address->size != IPV4_SIZE)
        return true;
    uint32_t place = (uint32_t)address->word[0] >> (IPV4_BITS - NEAR_BITS);
    return prefixes->near != NULL && (prefixes->near[place / 8] >> place % 8 & 1) != 0;
}

bool pf_prefixes_next(const struct pf_prefixes *prefixes, const struct pf_value *address, unsigned *place,
                      uint32_t *number)
{
    const struct pf_lengths *lengths = &prefixes->lengths[family_of(address)];
    if (*place == 0 && !is_near(prefixes, address))
        return false;
    while (*place < lengths->count) {
        struct pf_prefix prefix = cut(address, lengths->list[(*place)++]);
        const struct pf_prefix *slot = find(prefixes, &prefix);
        if (slot->number != 0) {
            *number = slot->number - 1;
            return true;
        }
    }
    return false;
}
