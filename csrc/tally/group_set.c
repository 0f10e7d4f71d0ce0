#include "tally/group_set.h"

#include "base/hash.h"

#include <string.h>

enum { FIRST_SLOTS = 8 }; /* 64 octets, the smallest piece of an arena */

struct kept {
    uint64_t hash;
    size_t size;
    uint8_t octets[];
};

static const struct kept *kept_of(uint64_t slot)
{
    return (const struct kept *)(uintptr_t)slot;
}

static size_t home_of(const struct pf_tally_set *set, uint64_t hash)
{
    return (size_t)(hash >> 20) & (set->size - 1);
}

/* The first empty slot from where this hash begins. */
static uint64_t *empty_slot(const struct pf_tally_set *set, uint64_t hash)
{
    size_t at = home_of(set, hash);
    while (set->slots[at] != 0)
        at = (at + 1) & (set->size - 1);
    return &set->slots[at];
}

static uint64_t hash_of(uint64_t slot, bool octets)
{
    return octets ? kept_of(slot)->hash : pf_hash_word(pf_secret(), slot);
}

/* Room for one more: at most 3/4 are taken. */
static enum pf_status reserve(struct pf_tally_set *set, struct pf_arena *arena, bool octets, struct pf_error *error)
{
    if (set->used < set->size / 4 * 3)
        return PF_OK;
    struct pf_tally_set grown = *set;
    grown.size = set->size != 0 ? set->size * 2 : FIRST_SLOTS;
    grown.slots =
        grown.size <= SIZE_MAX / sizeof *grown.slots ? pf_arena_take(arena, grown.size * sizeof *grown.slots) : NULL;
    if (grown.slots == NULL)
        return pf_fail_memory(error);
    for (size_t i = 0; i < set->size; i++) {
        if (set->slots[i] != 0)
            *empty_slot(&grown, hash_of(set->slots[i], octets)) = set->slots[i];
    }
    pf_tally_set_give(set, arena);
    *set = grown;
    return PF_OK;
}

enum pf_status pf_tally_set_add_word(struct pf_tally_set *set, struct pf_arena *arena, uint64_t word,
                                     struct pf_error *error)
{
    if (word == 0) {
        set->has_zero = true;
        return PF_OK;
    }
    uint64_t hash = pf_hash_word(pf_secret(), word);
    size_t at = set->size != 0 ? home_of(set, hash) : 0;
    for (; set->size != 0 && set->slots[at] != 0; at = (at + 1) & (set->size - 1)) {
        if (set->slots[at] == word)
            return PF_OK;
    }
    PF_TRY(reserve(set, arena, false, error));
    *empty_slot(set, hash) = word;
    set->used++;
    return PF_OK;
}

enum pf_status pf_tally_set_add_octets(struct pf_tally_set *set, struct pf_arena *arena, const void *octets,
                                       size_t size, pf_tally_room room, void *context, struct pf_error *error)
{
    uint64_t hash = pf_hash_octets(pf_secret(), octets, size);
    size_t at = set->size != 0 ? home_of(set, hash) : 0;
    for (; set->size != 0 && set->slots[at] != 0; at = (at + 1) & (set->size - 1)) {
        const struct kept *kept = kept_of(set->slots[at]);
        if (kept->hash == hash && kept->size == size && memcmp(kept->octets, octets, size) == 0)
            return PF_OK;
    }
    PF_TRY(reserve(set, arena, true, error));
    struct kept *kept = room(context, sizeof *kept + size);
    if (kept == NULL)
        return pf_fail_memory(error);
    kept->hash = hash;
    kept->size = size;
    memcpy(kept->octets, octets, size);
    *empty_slot(set, hash) = (uint64_t)(uintptr_t)kept;
    set->used++;
    return PF_OK;
}

void pf_tally_set_give(struct pf_tally_set *set, struct pf_arena *arena)
{
    pf_arena_give(arena, set->slots, set->size * sizeof *set->slots);
    set->slots = NULL;
}
