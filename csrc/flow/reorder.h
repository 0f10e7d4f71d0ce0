/* Packets by time, within a window: each waits until one came that is so much later. One thread. */
#ifndef PF_FLOW_REORDER_H
#define PF_FLOW_REORDER_H

#include "base/error.h"
#include "flow/event.h"

/* Packets that wait at most: a second at line rate on 1 Gbit/s; beyond, the earliest goes on. */
enum { PF_MOST_WAITING = 1 << 20 };

struct pf_flow_reorder {
    int64_t window;             /* us; 0: nothing waits */
    struct pf_flow_event *heap; /* the earliest first */
    size_t count, capacity;
    bool timed;
    int64_t greatest; /* us */
};

void pf_flow_reorder_clear(struct pf_flow_reorder *reorder);
enum pf_status pf_flow_reorder_put(struct pf_flow_reorder *reorder, const struct pf_flow_event *event,
                                   struct pf_error *error);
/* The next one that waits no longer, or with `all` the next one; false where there is none. */
bool pf_flow_reorder_get(struct pf_flow_reorder *reorder, bool all, struct pf_flow_event *event);

#endif
