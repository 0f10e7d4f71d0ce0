/* What TCP packets of a flow were seen: fingerprints of 8 octets, in a table of the flow's own. One thread. */
#ifndef PF_FLOW_PRINTS_H
#define PF_FLOW_PRINTS_H

#include "flow/flow.h"

/* As many segments as fill a window of 4 MiB: what comes again comes soon. */
enum { PF_MOST_PRINTS = 4096 };

struct pf_flow_prints {
    uint64_t octets, limit; /* of all tables, and how many there may be */
    uint64_t asked;         /* for ever: up to the limit none was refused */
};

/* *again: whether it was there. Where it can't be remembered, the flow's `inexact` is set. */
enum pf_status pf_flow_print(struct pf_flow_prints *prints, struct pf_flow *flow, uint64_t print, bool *again,
                             struct pf_error *error);
void pf_flow_prints_free(struct pf_flow_prints *prints, struct pf_flow *flow);
/* A flow that goes on where another was split takes over what that had seen. */
void pf_flow_prints_move(struct pf_flow *to, struct pf_flow *from);

#endif
