/* The predicate that keeps packets by their frame numbers. */
#ifndef PF_TABLE_NUMBERS_H
#define PF_TABLE_NUMBERS_H

#include "pass/predicate.h"

struct pf_numbers {
    struct pf_predicate predicate;
    const uint64_t *numbers; /* ascending; the caller's */
    size_t count;
};

void pf_numbers_init(struct pf_numbers *numbers, const uint64_t *ascending, size_t count);

#endif
