/* What a worker found in a chunk, or what was read of saved events: one thread's at a time. */
#ifndef PF_FLOW_PIECE_H
#define PF_FLOW_PIECE_H

#include "flow/event.h"
#include "flow/extra.h"

/* What a packet says, and which event of the piece it is. */
struct pf_flow_heard {
    size_t event;
    struct pf_flow_said said;
};

struct pf_flow_piece {
    struct pf_flow_event *events;
    size_t count, capacity;
    struct pf_flow_heard *heard; /* in the order of their events */
    size_t heard_count, heard_capacity;
    char *text;
    size_t text_size, text_capacity;
    uint64_t verdicts[PF_FLOW_VERDICTS];
    uint64_t refused; /* the first packet of a link type that can't be taken, */
    uint16_t link_type;
};

void pf_flow_piece_free(struct pf_flow_piece *piece); /* NULL is fine */

#endif
