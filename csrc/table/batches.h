/* Packets, or what another sink makes of them, as frames of equally many rows, made by a pass that runs beside whoever
 * takes them.
 *
 *   a thread of its own: pf_pass_run                              the consumer, on any thread
 *     workers ──► pieces in file order ──► part being filled ──► one that waits ──► pf_batches_next
 *
 * The pass sleeps while a batch waits, so that memory holds three of them: one being filled, one waiting, one taken.
 * Each is one part with a dictionary of its own, and has the same rows however the pass is run. The pass starts with
 * the first pf_batches_next; its thread is gone when pf_batches_stop has said so. One consumer at a time. */
#ifndef PF_TABLE_BATCHES_H
#define PF_TABLE_BATCHES_H

#include "base/os_thread.h"
#include "pass/pass.h"
#include "table/packets.h"

enum pf_batch {
    PF_BATCH_READY,
    PF_BATCH_LATER, /* nothing yet */
    PF_BATCH_END,
    PF_BATCH_FAILED,
};

struct pf_batches {
    struct pf_sink sink;
    struct pf_sink *sinks[1];
    struct pf_packets_sink packets;
    struct pf_frame kinds; /* no rows: what the columns are */
    size_t rows;
    /* Where batches go instead of waiting for whoever takes them; the part is the receiver's, also on failure. Or NULL.
     * The last one, which is not full, stays in `filled`. */
    enum pf_status (*hand)(void *context, struct pf_part *part, struct pf_error *error);
    struct pf_part *filled; /* who emits has it, or the pass's thread when all have ended */
    struct pf_pass *pass;
    struct pf_host host;
    void (*enter)(void *context), (*leave)(void *context); /* on the pass's thread, first and last; may be NULL */
    void *context;                                         /* of all three */
    struct pf_thread thread;
    bool started, joined;
    struct pf_mutex lock; /* guards what follows */
    struct pf_cond moved;
    struct pf_part *waiting;
    bool stopped, ended;
    struct pf_error error;
};

enum pf_status pf_batches_init(struct pf_batches *batches, const struct pf_field *const *fields, size_t count,
                               const char *const *files, size_t rows, struct pf_error *error);
/* Of rows that `sink` makes, which is the caller's: it says by `kinds` what they are and gives them to
 * pf_batches_put(). */
void pf_batches_init_rows(struct pf_batches *batches, struct pf_sink *sink, size_t rows);
/* While the pass runs, one thread at a time: rows in their order; the part is the batches' from then on. */
enum pf_status pf_batches_put(void *batches, struct pf_part *part, struct pf_error *error);
/* Only when pf_batches_stop was true, or nothing was started. */
void pf_batches_clear(struct pf_batches *batches);

/* The pass, the caller's, is all set but for its sinks and host. Whoever enters the thread may leave it. */
void pf_batches_set(struct pf_batches *batches, struct pf_pass *pass, void (*enter)(void *), void (*leave)(void *),
                    void *context);
/* The next batch, which is the caller's; waits no longer than that. After PF_BATCH_END or _FAILED comes the same. */
enum pf_batch pf_batches_next(struct pf_batches *batches, unsigned milliseconds, struct pf_part **part,
                              struct pf_error *error);
/* Tells the pass to stop, while another thread may be in pf_batches_next. */
void pf_batches_tell(struct pf_batches *batches);
/* Has the pass stop and waits for its thread: false when it has not ended by then, which is when a source does not give
 * way. */
bool pf_batches_stop(struct pf_batches *batches, unsigned milliseconds);

#endif
