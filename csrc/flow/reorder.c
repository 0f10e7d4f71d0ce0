#include "flow/reorder.h"

#include "base/alloc.h"

void pf_flow_reorder_clear(struct pf_flow_reorder *reorder)
{
    pf_free(reorder->heap);
    reorder->heap = NULL;
    reorder->count = reorder->capacity = 0;
}

static bool before(const struct pf_flow_event *a, const struct pf_flow_event *b)
{
    return a->time != b->time ? a->time < b->time : a->frame_number < b->frame_number;
}

enum pf_status pf_flow_reorder_put(struct pf_flow_reorder *reorder, const struct pf_flow_event *event,
                                   struct pf_error *error)
{
    int64_t us = pf_flow_us(event->time);
    if (reorder->count == reorder->capacity) {
        size_t capacity = pf_grown(reorder->capacity, reorder->count + 1, sizeof *reorder->heap);
        struct pf_flow_event *heap = capacity != 0 ? pf_realloc(reorder->heap, capacity * sizeof *heap) : NULL;
        if (heap == NULL)
            return pf_fail_memory(error);
        reorder->heap = heap;
        reorder->capacity = capacity;
    }
    size_t place = reorder->count++;
    for (; place != 0 && before(event, &reorder->heap[(place - 1) / 2]); place = (place - 1) / 2)
        reorder->heap[place] = reorder->heap[(place - 1) / 2];
    reorder->heap[place] = *event;
    if (!reorder->timed || us > reorder->greatest)
        reorder->greatest = us;
    reorder->timed = true;
    return PF_OK;
}

bool pf_flow_reorder_get(struct pf_flow_reorder *reorder, bool all, struct pf_flow_event *event)
{
    if (reorder->count == 0)
        return false;
    bool due = reorder->greatest - pf_flow_us(reorder->heap[0].time) > reorder->window;
    if (!all && !due && reorder->count <= PF_MOST_WAITING)
        return false;
    *event = reorder->heap[0];
    struct pf_flow_event last = reorder->heap[--reorder->count];
    size_t place = 0;
    for (size_t child = 1; child < reorder->count; child = 2 * place + 1) {
        if (child + 1 < reorder->count && before(&reorder->heap[child + 1], &reorder->heap[child]))
            child++;
        if (!before(&reorder->heap[child], &last))
            break;
        reorder->heap[place] = reorder->heap[child];
        place = child;
    }
    reorder->heap[place] = last;
    return true;
}
