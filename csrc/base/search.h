/* Finding one's place in what is in order. */
#ifndef PF_BASE_SEARCH_H
#define PF_BASE_SEARCH_H

#include <stddef.h>
#include <stdint.h>

/* The first place in `ascending` whose number is not below `number`; `count` where all are. */
static inline size_t pf_lower_bound(const uint64_t *ascending, size_t count, uint64_t number)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ascending[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

#endif
