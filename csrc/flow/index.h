/* Numbers found by the hash of what they stand for: open addressing, the hash's high half kept in the slot.
 *
 *   slot   | tag | number + 1 |        a look-up runs from the tag's home to the first empty slot; whoever asks
 * compares what the candidates stand for
 *
 * One thread at a time. */
#ifndef PF_FLOW_INDEX_H
#define PF_FLOW_INDEX_H

#include "base/error.h"

struct pf_index_slot {
    uint32_t tag;
    uint32_t number; /* + 1; 0: empty */
};

struct pf_index {
    struct pf_index_slot *slots;
    size_t size, count; /* size: 0 or a power of two */
};

void pf_index_clear(struct pf_index *index);
enum pf_status pf_index_add(struct pf_index *index, uint64_t hash, uint32_t number, struct pf_error *error);
/* The number must be there. */
void pf_index_remove(struct pf_index *index, uint64_t hash, uint32_t number);

enum { PF_INDEX_NONE = UINT32_MAX };

static inline uint32_t pf_index_tag(uint64_t hash)
{
    return (uint32_t)(hash >> 32);
}

/* The next candidate from *place on, which begins as pf_index_home(), or PF_INDEX_NONE. */
static inline size_t pf_index_home(const struct pf_index *index, uint64_t hash)
{
    return index->size != 0 ? pf_index_tag(hash) & (index->size - 1) : 0;
}

static inline uint32_t pf_index_next(const struct pf_index *index, uint64_t hash, size_t *place)
{
    while (index->size != 0 && index->slots[*place].number != 0) {
        struct pf_index_slot slot = index->slots[*place];
        *place = (*place + 1) & (index->size - 1);
        if (slot.tag == pf_index_tag(hash))
            return slot.number - 1;
    }
    return (uint32_t)PF_INDEX_NONE;
}

#endif
