#include "flow/stamp.h"

#include "base/search.h"

/* A batch is in file order, so that after one search both lists are walked side by side. */
static size_t keep(const struct pf_predicate *predicate, struct pf_packet **packets, size_t count)
{
    const struct pf_flow_stamp *stamp = (const struct pf_flow_stamp *)predicate;
    size_t kept = 0,
           at = count != 0 ? pf_lower_bound(stamp->numbers, stamp->count, packets[0]->record.frame_number) : 0;
    for (size_t i = 0; i < count; i++) {
        struct pf_packet *packet = packets[i];
        while (at < stamp->count && stamp->numbers[at] < packet->record.frame_number)
            at++;
        bool found = at < stamp->count && stamp->numbers[at] == packet->record.frame_number;
        packet->flow_id = found ? stamp->flows[at] : 0;
        packet->flow_direction = found ? stamp->directions[at] : 0;
        if (found || !stamp->only)
            packets[kept++] = packet;
    }
    return kept;
}

void pf_flow_stamp_init(struct pf_flow_stamp *stamp, const uint64_t *numbers, const uint64_t *flows,
                        const uint8_t *directions, size_t count, bool only)
{
    *stamp = (struct pf_flow_stamp){
        .predicate = {.keep = keep, .depth = PF_DEPTH_RECORD},
        .numbers = numbers,
        .flows = flows,
        .directions = directions,
        .count = count,
        .only = only,
    };
}
