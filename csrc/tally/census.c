#include "tally/census.h"

#include "base/alloc.h"

#include <string.h>

struct pf_census_worker {
    uint64_t packets;
    bool timed;
    int64_t first_time, last_time;
};

static enum pf_status begin(struct pf_sink *base, unsigned workers, struct pf_error *error)
{
    struct pf_census *census = (struct pf_census *)base;
    census->workers = pf_alloc_array(workers, sizeof *census->workers);
    census->worker_count = workers;
    return census->workers != NULL ? PF_OK : pf_fail_memory(error);
}

static void widen(bool *timed, int64_t *first, int64_t *last, int64_t low, int64_t high)
{
    if (!*timed || low < *first)
        *first = low;
    if (!*timed || high > *last)
        *last = high;
    *timed = true;
}

static enum pf_status accept(struct pf_sink *base, unsigned number, struct pf_packet *const *packets, size_t count,
                             struct pf_error *error)
{
    struct pf_census *census = (struct pf_census *)base;
    struct pf_census_worker *worker = &census->workers[number];
    worker->packets += count;
    for (size_t i = 0; i < count; i++) {
        const struct pf_packet *packet = packets[i];
        if (packet->record.timed)
            widen(&worker->timed, &worker->first_time, &worker->last_time, packet->record.time, packet->record.time);
        if (packet->malady != PF_SOUND) {
            uint64_t key = pf_fault_word(packet->malady, packet->faulty, packet->value);
            PF_TRY(pf_keycount_add(&census->faults, &key, 1, 1, error));
        }
    }
    return PF_OK;
}

static enum pf_status finish(struct pf_sink *base, struct pf_error *error)
{
    struct pf_census *census = (struct pf_census *)base;
    (void)error;
    for (unsigned i = 0; i < census->worker_count; i++) {
        const struct pf_census_worker *worker = &census->workers[i];
        census->packets += worker->packets;
        if (worker->timed)
            widen(&census->timed, &census->first_time, &census->last_time, worker->first_time, worker->last_time);
    }
    return PF_OK;
}

static const struct pf_sink_ops ops = {.order = PF_ORDER_ANY, .begin = begin, .accept = accept, .finish = finish};

void pf_census_init(struct pf_census *census)
{
    memset(census, 0, sizeof *census);
    census->sink.ops = &ops;
    census->sink.depth = PF_DEPTH_PAYLOAD;
    pf_keycount_init(&census->faults, 1);
}

void pf_census_clear(struct pf_census *census)
{
    pf_keycount_clear(&census->faults);
    pf_free(census->workers);
    census->workers = NULL;
}
