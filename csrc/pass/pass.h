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

#include "capture/index.h"
#include "capture/input.h"
#include "pass/predicate.h"
#include "pass/sink.h"

#include <stdatomic.h>

/* 512 KiB: with less, two threads spend too much on handing over; with more, nothing was gained (measured). */
#define PF_CHUNK ((size_t)512 << 10)

/* Of the times in `rising`: 128 KiB, and more packets than the queues of one card are out of step by. */
enum { PF_RISING = 16384 };

/* Packets that are no fault, and still odd. */
struct pf_oddities {
    uint64_t backwards;           /* earlier than one before them in the same pass */
    uint64_t untimed;             /* no time, or one that does not fit */
    uint64_t beyond_snap;         /* more captured than the interface's snap length */
    uint64_t longer_than_on_wire; /* more captured than there were on the wire */
};

/* Where the walk came to, for those who put pieces of a capture together. */
struct pf_found {
    uint64_t end;     /* of the last input: the offset of the first record behind it, */
    bool damaged;     /* or of the fault that ended it */
    uint64_t packets; /* with those before */
    bool timed;
    uint64_t first_timed;  /* number of the first packet with a time; 0 where that was before */
    uint64_t first_offset; /* of the first packet */
    int64_t first_time, time, latest, earliest;
    uint64_t *told; /* offsets of the blocks in it that say how octets are to be read */
    size_t told_count, told_capacity;
    /* With notes, the times of the first packets that are no earlier than any before them in the pass: in a piece
     * behind others some of them may be earlier than what went before. */
    int64_t *rising;
    size_t rising_count, rising_capacity;
};

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
    bool strict;      /* a damaged capture is an error, given when the packets before the damage went to the sinks */
    const struct pf_host *host;
    /* Times, ns, outside of which predicates let no packet through, and what is known of each input (NULL: nothing):
     * together they may save reading. INT64_MIN to INT64_MAX: any. */
    int64_t first, last;
    const struct pf_pfx *const *indexes; /* or NULL */
    struct pf_pfx *making;               /* begun; filled from the one input, which is a file; or NULL */
    /* How far it is: any thread may look. */
    atomic_uint_fast64_t octets, packets;
    /* What was wrong, in file order, and the interfaces met: pf_pass_clear() frees them. */
    struct pf_fault *faults;
    size_t fault_count;
    struct pf_interfaces interfaces;
    struct pf_notes *notes; /* where comments and names go, the caller's; NULL: nobody wants them */
    struct pf_oddities oddities;
    struct pf_found found; /* pf_pass_clear() frees it */
    /* Connections that gave way to others in the ordered stage: all that was known of them, a message begun. */
    uint64_t forgotten, unfinished;
};

enum pf_status pf_pass_run(struct pf_pass *pass, struct pf_error *error);
void pf_pass_clear(struct pf_pass *pass);

#endif
