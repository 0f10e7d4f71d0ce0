#include "pass/period.h"

static size_t keep(const struct pf_predicate *predicate, struct pf_packet **packets, size_t count)
{
    const struct pf_period *period = (const struct pf_period *)predicate;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        const struct pf_record *record = &packets[i]->record;
        if (record->timed && record->time >= period->start && record->time <= period->last)
            packets[kept++] = packets[i];
    }
    return kept;
}

void pf_period_init(struct pf_period *period, int64_t start, int64_t last)
{
    period->predicate = (struct pf_predicate){.keep = keep, .depth = PF_DEPTH_RECORD};
    period->start = start;
    period->last = last;
}
