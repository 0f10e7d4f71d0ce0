/* Whether a packet was there shortly before, octet by octet from the network header on: mirror ports give some twice.
 *
 * Fingerprints of the last packets in a ring, found by an index. One thread. */
#ifndef PF_FLOW_DEDUP_H
#define PF_FLOW_DEDUP_H

#include "flow/event.h"
#include "flow/index.h"

/* Packets looked back at, at most: a copy comes within a few. */
enum { PF_MOST_COPIES = 1 << 16 };

struct pf_flow_seen {
    uint64_t print;
    int64_t us;
};

struct pf_flow_dedup {
    int64_t window; /* us; 0: nothing is a copy */
    struct pf_flow_seen *ring;
    uint32_t count, next;
    struct pf_index index;
};

void pf_flow_dedup_clear(struct pf_flow_dedup *dedup);
enum pf_status pf_flow_dedup_ask(struct pf_flow_dedup *dedup, const struct pf_flow_event *event, bool *copy,
                                 struct pf_error *error);

#endif
