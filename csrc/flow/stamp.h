/* The predicate that tells packets their flow, as a pass before found it; `only` keeps those that have one. */
#ifndef PF_FLOW_STAMP_H
#define PF_FLOW_STAMP_H

#include "pass/predicate.h"

struct pf_flow_stamp {
    struct pf_predicate predicate;
    const uint64_t *numbers, *flows; /* ascending frame numbers and their flows' ids; the caller's, as all */
    const uint8_t *directions;
    size_t count;
    bool only;
};

void pf_flow_stamp_init(struct pf_flow_stamp *stamp, const uint64_t *numbers, const uint64_t *flows,
                        const uint8_t *directions, size_t count, bool only);

#endif
