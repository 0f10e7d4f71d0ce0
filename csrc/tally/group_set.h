/* The distinct values of one field within one group, exactly.
 *
 *   numbers   | word | word | 0 | ...      open addressing; whether 0 itself is among them is told apart
 *   octets    | -> hash, size, octets |    the octets lie in the memory of the group's partition
 *
 * A set belongs to a record of a group table and is changed while the lock of its partition is held. A zeroed struct is
 * empty; its slots must be given back before the arena is cleared, because large ones are mapped alone. */
#ifndef PF_TALLY_GROUP_SET_H
#define PF_TALLY_GROUP_SET_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>

struct pf_tally_set {
    uint64_t *slots;
    size_t size, used;
    bool has_zero;
};

/* Where octets are kept that are new. */
typedef void *(*pf_tally_room)(void *context, size_t size);

enum pf_status pf_tally_set_add_word(struct pf_tally_set *set, struct pf_arena *arena, uint64_t word,
                                     struct pf_error *error);
enum pf_status pf_tally_set_add_octets(struct pf_tally_set *set, struct pf_arena *arena, const void *octets,
                                       size_t size, pf_tally_room room, void *context, struct pf_error *error);
void pf_tally_set_give(struct pf_tally_set *set, struct pf_arena *arena);

static inline uint64_t pf_tally_set_size(const struct pf_tally_set *set)
{
    return set->used + set->has_zero;
}

#endif
