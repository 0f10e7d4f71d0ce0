/* What is left of flows that ended before their connection did: which way round they were and how long they had been.
 * At most so many; the oldest goes first. One thread.
 *
 * A tombstone is found by the keyed hash alone: that two of a million live keys share 64 bits happens once in 10^7
 * runs. */
#ifndef PF_FLOW_TOMB_H
#define PF_FLOW_TOMB_H

#include "flow/index.h"

/* What a flow leaves to the next one of its key. */
struct pf_flow_past {
    int64_t last;       /* us: its last packet */
    int64_t connection; /* us: how long the connection had been, all parts and gaps */
    bool side, named_side, closed;
};

struct pf_tomb {
    uint64_t hash;
    int64_t last;
    uint64_t connection; /* and in the lowest three bits side, named_side, closed */
    uint32_t older, newer;
};

_Static_assert(sizeof(struct pf_tomb) == 32, "a tombstone is 32 octets");

struct pf_tombs {
    struct pf_tomb *list;
    struct pf_index index;
    uint32_t count, used, capacity; /* laid; numbers handed out at least once; room */
    uint32_t limit;
    uint32_t oldest, newest, free;
    uint64_t forgotten; /* how many the limit cost */
};

void pf_tombs_init(struct pf_tombs *tombs, uint32_t limit);
void pf_tombs_clear(struct pf_tombs *tombs);
enum pf_status pf_tombs_lay(struct pf_tombs *tombs, uint64_t hash, const struct pf_flow_past *past,
                            struct pf_error *error);
/* Takes the one of this hash away; false where there is none. */
bool pf_tombs_take(struct pf_tombs *tombs, uint64_t hash, struct pf_flow_past *past);

#endif
