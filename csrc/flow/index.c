#include "flow/index.h"

#include "base/alloc.h"

enum { FIRST = 1024 };

void pf_index_clear(struct pf_index *index)
{
    pf_free(index->slots);
    *index = (struct pf_index){NULL, 0, 0};
}

static void put(struct pf_index *index, struct pf_index_slot slot)
{
    size_t place = slot.tag & (index->size - 1);
    while (index->slots[place].number != 0)
        place = (place + 1) & (index->size - 1);
    index->slots[place] = slot;
}

static enum pf_status grow(struct pf_index *index, struct pf_error *error)
{
    struct pf_index larger = {.size = index->size != 0 ? 2 * index->size : FIRST, .count = index->count};
    larger.slots = pf_alloc_array(larger.size, sizeof *larger.slots);
    if (larger.slots == NULL)
        return pf_fail_memory(error);
    for (size_t i = 0; i < index->size; i++) {
        if (index->slots[i].number != 0)
            put(&larger, index->slots[i]);
    }
    pf_free(index->slots);
    *index = larger;
    return PF_OK;
}

enum pf_status pf_index_add(struct pf_index *index, uint64_t hash, uint32_t number, struct pf_error *error)
{
    if (index->count >= index->size / 2) /* half full: runs stay within a cache line */
        PF_TRY(grow(index, error));
    put(index, (struct pf_index_slot){pf_index_tag(hash), number + 1});
    index->count++;
    return PF_OK;
}

/* Closes the gap with what lies behind it and may lie in it (Knuth 6.4, algorithm R). */
static void close_gap(struct pf_index *index, size_t gap)
{
    size_t mask = index->size - 1;
    for (size_t i = (gap + 1) & mask; index->slots[i].number != 0; i = (i + 1) & mask) {
        size_t home = index->slots[i].tag & mask;
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            index->slots[gap] = index->slots[i];
            gap = i;
        }
    }
    index->slots[gap].number = 0;
}

void pf_index_remove(struct pf_index *index, uint64_t hash, uint32_t number)
{
    size_t place = pf_index_home(index, hash);
    while (index->slots[place].number != number + 1)
        place = (place + 1) & (index->size - 1);
    close_gap(index, place);
    index->count--;
}
