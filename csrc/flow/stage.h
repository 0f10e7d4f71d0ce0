/* The ordered stage: packets in file order, one at a time, each to the flow it belongs to.
 *
 *   event -> greatest time -> sweep what is closed early -> look up -> split | end | add | open -> flow, row
 *
 * Open flows stand in a list by when a packet last came to them. All of it is one thread's at a time. */
#ifndef PF_FLOW_STAGE_H
#define PF_FLOW_STAGE_H

#include "flow/index.h"
#include "flow/pool.h"
#include "flow/prints.h"
#include "flow/tomb.h"

enum pf_flow_reason { PF_FLOW_END, PF_FLOW_FIN, PF_FLOW_RST, PF_FLOW_TIMEOUT, PF_FLOW_EVICTED };

struct pf_flow_stage {
    struct pf_flow_options options; /* print_octets is never 0 here */
    struct pf_flow_pool pool;
    struct pf_index index;
    struct pf_tombs tombs;
    struct pf_flow_prints prints;
    struct pf_flow_sayings *sayings; /* with options.extra: what events mean by theirs; the caller's */
    uint32_t oldest, newest;         /* of the open flows */
    uint32_t open;
    bool timed;
    int64_t greatest; /* us: the latest packet so far */
    int32_t last_tcp_header;
    /* Told of every flow that ends with enough packets. */
    enum pf_status (*ended)(void *context, const struct pf_flow *flow, enum pf_flow_reason reason,
                            struct pf_error *error);
    void *context;
    /* Where the last event went: the flow's first packet, 0: nowhere; and whether against that one's direction. */
    uint64_t flow_id;
    bool backward;
    uint64_t seen, evicted; /* flows ever opened, and evicted */
    uint64_t most_known;    /* flows and tombstones at once, at most: up to max_flows nothing was given up */
};

void pf_flow_stage_init(struct pf_flow_stage *stage, const struct pf_flow_options *options);
void pf_flow_stage_clear(struct pf_flow_stage *stage); /* its counters stay */
enum pf_status pf_flow_stage_take(struct pf_flow_stage *stage, const struct pf_flow_event *event,
                                  struct pf_error *error);
/* Brings near what events to come will touch: first where they are found, later the flows. */
void pf_flow_stage_prefetch_slot(const struct pf_flow_stage *stage, const struct pf_flow_event *event);
void pf_flow_stage_prefetch_flow(const struct pf_flow_stage *stage, const struct pf_flow_event *event);
/* Tells of the open flows as if the capture had ended, and leaves them as they are. */
enum pf_status pf_flow_stage_tell_open(const struct pf_flow_stage *stage, struct pf_error *error);
/* The capture has ended: so do all flows, the one touched longest ago first. */
enum pf_status pf_flow_stage_finish(struct pf_flow_stage *stage, struct pf_error *error);

#endif
