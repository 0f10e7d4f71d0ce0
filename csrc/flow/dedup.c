#include "flow/dedup.h"

#include "base/alloc.h"

void pf_flow_dedup_clear(struct pf_flow_dedup *dedup)
{
    pf_free(dedup->ring);
    dedup->ring = NULL;
    dedup->count = dedup->next = 0;
    pf_index_clear(&dedup->index);
}

static uint32_t find(const struct pf_flow_dedup *dedup, uint64_t print)
{
    size_t place = pf_index_home(&dedup->index, print);
    uint32_t number = pf_index_next(&dedup->index, print, &place);
    while (number != PF_INDEX_NONE && dedup->ring[number].print != print)
        number = pf_index_next(&dedup->index, print, &place);
    return number;
}

enum pf_status pf_flow_dedup_ask(struct pf_flow_dedup *dedup, const struct pf_flow_event *event, bool *copy,
                                 struct pf_error *error)
{
    int64_t us = pf_flow_us(event->time);
    if (dedup->ring == NULL) {
        dedup->ring = pf_alloc_array(PF_MOST_COPIES, sizeof *dedup->ring);
        if (dedup->ring == NULL)
            return pf_fail_memory(error);
    }
    uint32_t before = find(dedup, event->copy);
    if (before != PF_INDEX_NONE) { /* the same place serves it again: it has not come later in the ring */
        *copy = us >= dedup->ring[before].us && us - dedup->ring[before].us <= dedup->window;
        dedup->ring[before].us = us;
        return PF_OK;
    }
    *copy = false;
    if (dedup->count == PF_MOST_COPIES)
        pf_index_remove(&dedup->index, dedup->ring[dedup->next].print, dedup->next);
    else
        dedup->count++;
    dedup->ring[dedup->next] = (struct pf_flow_seen){event->copy, us};
    enum pf_status status = pf_index_add(&dedup->index, event->copy, dedup->next, error);
    dedup->next = (dedup->next + 1) % PF_MOST_COPIES;
    return status;
}
