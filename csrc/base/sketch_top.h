/* The most frequent of ever so many keys within bounded memory: the space-saving sketch (Metwally, Agrawal and El
 * Abbadi 2005).
 *
 *   counters   | key, count, error |  ...  at most `most`; a new key that finds none free takes over that of the
 *                                          smallest count (of several, the one taken longest ago) with count + 1
 *
 * count - error <= how often the key came <= count, and error <= keys added / most. A key that came more often than
 * that is there. While there are no more than `most` different keys, all is exact and every error is 0. The result
 * depends on the order of keys and on nothing else. One thread at a time. */
#ifndef PF_BASE_SKETCH_TOP_H
#define PF_BASE_SKETCH_TOP_H

#include "base/error.h"

struct pf_top_counter {
    uint64_t count, error;
    uint64_t taken; /* when its key took it: a running number */
    uint64_t hash;
    uint8_t *key;
    size_t size, room;
    size_t place; /* in the heap */
};

struct pf_top {
    size_t most;
    uint64_t taken;
    struct pf_top_counter *counters;
    size_t *heap; /* counters, the next to be taken over first */
    size_t count, capacity;
    size_t *slots; /* counter + 1 by hash, 0 where empty; twice as many as the capacity or more */
    size_t size;
};

void pf_top_init(struct pf_top *top, size_t most);
void pf_top_clear(struct pf_top *top);
enum pf_status pf_top_add(struct pf_top *top, const void *key, size_t size, struct pf_error *error);

#endif
