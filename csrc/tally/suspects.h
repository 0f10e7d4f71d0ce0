/* The predicate that keeps packets counted under one of the given keys, of any kind: the second pass of the analysis.
 */
#ifndef PF_TALLY_SUSPECTS_H
#define PF_TALLY_SUSPECTS_H

#include "pass/predicate.h"
#include "tally/counts.h"

struct pf_suspects {
    struct pf_predicate predicate;
    struct pf_indicator_rules rules;
    struct pf_counts keys[PF_IOC_KINDS]; /* sets: a key is in when it was counted */
};

void pf_suspects_init(struct pf_suspects *suspects, const struct pf_indicator_rules *rules);
void pf_suspects_clear(struct pf_suspects *suspects);

#endif
