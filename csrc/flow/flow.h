/* A flow while it is open: who it is, where it stands, and the sums its row is made of. */
#ifndef PF_FLOW_FLOW_H
#define PF_FLOW_FLOW_H

#include "flow/event.h"
#include "flow/extra.h"
#include "flow/running.h"

enum pf_flow_state { PF_FLOW_OPEN, PF_FLOW_FIN1, PF_FLOW_FIN2, PF_FLOW_CLOSED };

/* One direction. Times in us. */
struct pf_flow_way {
    uint64_t packets, octets;
    uint32_t least, most; /* payload */
    struct pf_running length;
    int64_t last;                         /* the packet before */
    int64_t gap_sum, gap_least, gap_most; /* time differences */
    struct pf_running gap;
    int64_t headers;
    int32_t least_header, window;              /* window: -1 before there is one */
    uint64_t data, push, urgent, reset, again; /* packets with payload, PSH, URG, RST; retransmissions */
    int64_t bulk_start, bulk_last, bulk_duration;
    uint64_t bulk_count, bulk_size; /* of the bulk under way */
    uint64_t bulks, bulk_packets, bulk_octets;
};

/* Active or idle times. */
struct pf_flow_spans {
    uint64_t count;
    int64_t least, most;
    struct pf_running moments;
};

struct pf_flow {
    struct pf_flow_key key;
    uint64_t hash;
    uint32_t older, newer; /* by when a packet last came: numbers of flows */
    uint8_t side;          /* of the key, which is the source */
    uint8_t named_side;    /* which its Flow ID begins with */
    uint8_t first_side;    /* which sent the first packet */
    uint8_t state, fins;   /* fins: bit 0 forward, bit 1 backward */
    bool reset_closed, inexact, first_forward;

    int64_t start, last; /* us */
    int64_t start_ns, last_ns;
    uint64_t first_number;
    int64_t before;   /* us: connection time of the parts before */
    uint64_t *prints; /* fingerprints: print_room of them, 0 where empty */
    uint32_t print_count, print_room;

    struct pf_running length, gap; /* of both directions */
    int64_t gap_least, gap_most;
    uint64_t long_gaps; /* above a second */
    int64_t active_since, active_last;
    uint32_t first_payload;
    uint8_t first_flags, icmp_type, icmp_code;
    bool one_address;

    struct pf_flow_extra *extra; /* with options.extra */
    struct pf_flow_way way[2];   /* forward, backward */
    uint64_t flags[8];           /* packets with each TCP flag, FIN first */
    struct pf_flow_spans active, idle;
};

/* What an open flow may cost (docs/flow-features.md): a million of them fit a gigabyte with all that finds them. */
_Static_assert(sizeof(struct pf_flow) <= 896, "an open flow costs too much");

/* Sums of differences of hostile times may wrap; that is a number too. */
static inline int64_t pf_flow_sum(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static inline bool pf_flow_is_forward(const struct pf_flow *flow, const struct pf_flow_event *event)
{
    return event->side == flow->side || flow->one_address;
}

/* Adds a packet to the statistics. `forward` is 0 or 1; `opens`: it is the flow's first; `quiet`: it ends a cic flow,
 * so that no active or idle time does. */
void pf_flow_count(const struct pf_flow_options *options, struct pf_flow *flow, const struct pf_flow_event *event,
                   bool forward, bool opens, bool quiet);
/* One more span of time. */
void pf_flow_span(struct pf_flow_spans *spans, int64_t us);

#endif
