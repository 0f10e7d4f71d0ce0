/* The sink behind info(full=True): how many packets, their last time, and how often each fault. */
#ifndef PF_TALLY_CENSUS_H
#define PF_TALLY_CENSUS_H

#include "base/keycount.h"
#include "pass/sink.h"

struct pf_census {
    struct pf_sink sink;
    struct pf_census_worker *workers;
    unsigned worker_count;
    /* The answer, after finish. */
    uint64_t packets;
    bool timed;
    int64_t first_time, last_time; /* the least and the greatest */
    struct pf_keycount faults;     /* key: pf_fault_word() */
};

void pf_census_init(struct pf_census *census);
void pf_census_clear(struct pf_census *census);

#endif
