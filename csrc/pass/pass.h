/* One pass over captures: every record, on every core, through predicates to sinks.
 *
 *   worker 1   read chunk 0 | walk 0 |--- decode, accept ---| read 2 ... | walk 2 |
 *   worker 2      read chunk 1  ...  | walk 1 |--- decode, accept ---| read 3 ...
 *                                 ^ the baton: where the walk over chunk 0 ended, the walk over chunk 1 begins
 *
 * Only the walk over record headers is serial. Streams are read while the baton is held. Nothing is guessed, so answers
 * are the same for every number of threads and every chunk size. */
#ifndef PF_PASS_PASS_H
#define PF_PASS_PASS_H

#include "capture/input.h"
#include "pass/predicate.h"
#include "pass/sink.h"

#include <stdatomic.h>

/* 256 KiB: what the kernel copies is still in the second-level cache when it is decoded. */
#define PF_CHUNK ((size_t)256 << 10)

struct pf_pass {
    /* What to do, set by the caller. */
    struct pf_input *const *inputs; /* in the order of their packets */
    size_t input_count;
    struct pf_predicate *const *predicates;
    size_t predicate_count;
    struct pf_sink *const *sinks;
    size_t sink_count;
    unsigned threads; /* 0: as many as this process may use */
    size_t chunk;     /* octets; 0: PF_CHUNK */
    bool strict;      /* a damaged capture is an error */
    const struct pf_host *host;
    /* How far it is: any thread may look. */
    atomic_uint_fast64_t octets, packets;
    /* What was wrong, in file order; pf_pass_clear() frees it. */
    struct pf_fault *faults;
    size_t fault_count;
};

enum pf_status pf_pass_run(struct pf_pass *pass, struct pf_error *error);
void pf_pass_clear(struct pf_pass *pass);

#endif
