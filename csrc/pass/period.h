/* The predicate that keeps packets of a period of time. One without a time is in none. */
#ifndef PF_PASS_PERIOD_H
#define PF_PASS_PERIOD_H

#include "pass/predicate.h"

struct pf_period {
    struct pf_predicate predicate;
    int64_t start; /* ns since the epoch, UTC; INT64_MIN: from the beginning on */
    int64_t last;  /* the latest that is in; INT64_MAX: to the end. Below `start`: none is */
};

void pf_period_init(struct pf_period *period, int64_t start, int64_t last);

#endif
