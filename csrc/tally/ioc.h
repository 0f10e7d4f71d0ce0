/* The sink that counts indicators: DNS replies per client, packets per source, TCP sequence numbers. */
#ifndef PF_TALLY_IOC_H
#define PF_TALLY_IOC_H

#include "pass/sink.h"
#include "tally/counts.h"

struct pf_ioc_sink {
    struct pf_sink sink;
    struct pf_indicator_rules rules;
    struct pf_counts *counts[PF_IOC_KINDS]; /* by enum pf_indicator_kind; the caller's */
    struct pf_ioc_worker *workers;
    unsigned worker_count;
};

void pf_ioc_sink_init(struct pf_ioc_sink *sink, const struct pf_indicator_rules *rules, struct pf_counts *dns,
                      struct pf_counts *ip, struct pf_counts *seq);
void pf_ioc_sink_clear(struct pf_ioc_sink *sink);

#endif
