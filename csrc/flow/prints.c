#include "flow/prints.h"

#include "base/alloc.h"

enum { FIRST = 8 }; /* a cache line: most flows send fewer */

static uint64_t *place_of(uint64_t *table, uint32_t room, uint64_t print)
{
    uint32_t place = (uint32_t)(print >> 32) & (room - 1);
    while (table[place] != 0 && table[place] != print)
        place = (place + 1) & (room - 1);
    return &table[place];
}

/* Makes room for one more; false where the limit forbids it. */
static enum pf_status grow(struct pf_flow_prints *prints, struct pf_flow *flow, bool *grown, struct pf_error *error)
{
    uint32_t room = flow->print_room != 0 ? 2 * flow->print_room : FIRST;
    uint64_t more = (uint64_t)(room - flow->print_room) * sizeof *flow->prints;
    prints->asked += more;
    *grown = more <= prints->limit && prints->octets <= prints->limit - more;
    if (!*grown)
        return PF_OK;
    uint64_t *table = pf_alloc_array(room, sizeof *table);
    if (table == NULL)
        return pf_fail_memory(error);
    for (uint32_t i = 0; i < flow->print_room; i++) {
        if (flow->prints[i] != 0)
            *place_of(table, room, flow->prints[i]) = flow->prints[i];
    }
    pf_free(flow->prints);
    flow->prints = table;
    flow->print_room = room;
    prints->octets += more;
    return PF_OK;
}

enum pf_status pf_flow_print(struct pf_flow_prints *prints, struct pf_flow *flow, uint64_t print, bool *again,
                             struct pf_error *error)
{
    *again = flow->print_room != 0 && *place_of(flow->prints, flow->print_room, print) == print;
    if (*again)
        return PF_OK;
    bool room = flow->print_count < PF_MOST_PRINTS;
    if (room && flow->print_count >= flow->print_room / 4 * 3)
        PF_TRY(grow(prints, flow, &room, error));
    if (!room) {
        flow->inexact = true;
        return PF_OK;
    }
    *place_of(flow->prints, flow->print_room, print) = print;
    flow->print_count++;
    return PF_OK;
}

void pf_flow_prints_free(struct pf_flow_prints *prints, struct pf_flow *flow)
{
    prints->octets -= flow->print_room * sizeof *flow->prints;
    pf_free(flow->prints);
    flow->prints = NULL;
    flow->print_count = flow->print_room = 0;
}

void pf_flow_prints_move(struct pf_flow *to, struct pf_flow *from)
{
    to->prints = from->prints;
    to->print_count = from->print_count;
    to->print_room = from->print_room;
    to->inexact = from->inexact;
    from->prints = NULL;
    from->print_count = from->print_room = 0;
}
