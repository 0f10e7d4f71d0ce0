#include "tally/ioc.h"

#include "base/alloc.h"

#include <string.h>

/* What one worker has collected and not yet added to the shared tables. */
struct pf_ioc_worker {
    struct pf_keystage narrow[PF_IOC_KINDS], wide[PF_IOC_KINDS];
};

static enum pf_status begin(struct pf_sink *base, unsigned workers, struct pf_error *error)
{
    struct pf_ioc_sink *sink = (struct pf_ioc_sink *)base;
    sink->workers = pf_alloc_array(workers, sizeof *sink->workers);
    if (sink->workers == NULL)
        return pf_fail_memory(error);
    sink->worker_count = workers;
    for (unsigned i = 0; i < workers; i++) {
        for (unsigned kind = 0; kind < PF_IOC_KINDS; kind++) {
            PF_TRY(pf_keystage_init(&sink->workers[i].narrow[kind], &sink->counts[kind]->narrow, error));
            if (kind != PF_IOC_SEQ)
                PF_TRY(pf_keystage_init(&sink->workers[i].wide[kind], &sink->counts[kind]->wide, error));
        }
    }
    return PF_OK;
}

static inline enum pf_status push_address(struct pf_ioc_worker *worker, enum pf_indicator_kind kind,
                                          const struct pf_address *address, struct pf_error *error)
{
    if (address->size == 0)
        return PF_OK;
    return pf_keystage_push(address->size == 4 ? &worker->narrow[kind] : &worker->wide[kind], address->word, error);
}

static enum pf_status accept(struct pf_sink *base, unsigned number, struct pf_packet *const *packets, size_t count,
                             struct pf_error *error)
{
    struct pf_ioc_sink *sink = (struct pf_ioc_sink *)base;
    struct pf_ioc_worker *worker = &sink->workers[number];
    for (size_t i = 0; i < count; i++) {
        struct pf_indicators found;
        pf_indicators_of(&sink->rules, packets[i], &found);
        PF_TRY(push_address(worker, PF_IOC_IP, &found.ip, error));
        PF_TRY(push_address(worker, PF_IOC_DNS, &found.dns, error));
        if (found.has_seq)
            PF_TRY(pf_keystage_push(&worker->narrow[PF_IOC_SEQ], &(uint64_t){found.seq}, error));
    }
    return PF_OK;
}

static enum pf_status finish(struct pf_sink *base, struct pf_error *error)
{
    struct pf_ioc_sink *sink = (struct pf_ioc_sink *)base;
    for (unsigned i = 0; i < sink->worker_count; i++) {
        for (unsigned kind = 0; kind < PF_IOC_KINDS; kind++) {
            PF_TRY(pf_keystage_flush(&sink->workers[i].narrow[kind], error));
            PF_TRY(pf_keystage_flush(&sink->workers[i].wide[kind], error));
        }
    }
    return PF_OK;
}

static const struct pf_sink_ops ops = {.order = PF_ORDER_ANY, .begin = begin, .accept = accept, .finish = finish};

void pf_ioc_sink_init(struct pf_ioc_sink *sink, const struct pf_indicator_rules *rules, struct pf_counts *dns,
                      struct pf_counts *ip, struct pf_counts *seq)
{
    memset(sink, 0, sizeof *sink);
    sink->sink.ops = &ops;
    sink->sink.depth = pf_indicator_depth(rules);
    sink->rules = *rules;
    sink->counts[PF_IOC_DNS] = dns;
    sink->counts[PF_IOC_IP] = ip;
    sink->counts[PF_IOC_SEQ] = seq;
}

void pf_ioc_sink_clear(struct pf_ioc_sink *sink)
{
    for (unsigned i = 0; i < sink->worker_count; i++) {
        for (unsigned kind = 0; kind < PF_IOC_KINDS; kind++) {
            pf_keystage_clear(&sink->workers[i].narrow[kind]);
            pf_keystage_clear(&sink->workers[i].wide[kind]);
        }
    }
    pf_free(sink->workers);
    sink->workers = NULL;
    sink->worker_count = 0;
}
