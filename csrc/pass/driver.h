/* Inside a pass: what its files share. */
#ifndef PF_PASS_DRIVER_H
#define PF_PASS_DRIVER_H

#include "base/os_thread.h"
#include "pass/jump.h"
#include "pass/pass.h"
#include "stream/stage.h"

/* A piece of an input for one worker. Tickets are numbered over all inputs. */
struct pf_ticket {
    uint64_t number;
    size_t input;
    uint64_t start; /* seekable inputs: the chunk is [start, start + chunk) */
};

/* Octets [base, base + size) of an input. */
struct pf_window {
    uint8_t *octets;
    uint64_t base;
    size_t size, capacity;
};

struct pf_worker {
    unsigned number;
    struct pf_window window;
    struct pf_record *records;
    size_t record_count, record_capacity;
    struct pf_packet *packets; /* PF_BATCH */
    struct pf_stage_chunk chunk;
};

/* Pieces of a chunk, one per sink, waiting for their turn. */
struct pf_pieces {
    bool ready;
    void **pieces;
};

struct pf_driver {
    struct pf_pass *pass;
    struct pf_crew *crew;
    enum pf_depth depth;
    size_t chunk;
    unsigned threads;

    struct pf_mutex lock; /* guards all below but what belongs to the baton's holder */
    struct pf_cond moved;

    /* Claims: what the next ticket is, and how far the walk had come when it last let go of the baton. */
    struct pf_ticket next;
    size_t reached_input;
    uint64_t reached;
    unsigned *under_way; /* tickets of each input claimed and not done; the source is begun while there are any */
    bool *begun;

    /* The baton: its holder is the worker whose ticket number equals `turn`. */
    atomic_uint_fast64_t turn;
    size_t walked;       /* the input that is walked, SIZE_MAX before the first */
    atomic_size_t ended; /* inputs below this one have no more records */
    struct pf_walk walk;
    uint64_t frames;
    bool timed;        /* a packet with a time was walked; */
    int64_t last_time; /* the latest was at, */
    int64_t earliest;
    int64_t first_time; /* the first, */
    int64_t time;       /* and the one before the next at */
    bool stream_begun, stream_ended;
    uint8_t carry[128]; /* a stream's octets that its last chunk had too few of to tell what they begin */
    size_t carried;
    uint64_t thrown; /* octets of the block being skipped that a stream gave and nobody kept */
    bool fresh;      /* no packet of this input yet */
    size_t fault_capacity;
    struct pf_jump jump;
    struct pf_error refused; /* strict: the fault that ended it all; PF_OK when there was none */

    /* The ordered stage, where something asks for it: whose turn it is, like the baton. */
    struct pf_stage stage;
    atomic_uint_fast64_t stage_turn;

    /* Pieces in chunk order. */
    bool ordered;
    struct pf_pieces *ring;
    size_t ring_size;
    uint64_t emitted; /* tickets whose pieces are gone */
    bool emitting;
};

/* walk.c: walks the records that begin in the ticket's chunk; the caller holds the baton. Afterwards the worker's
 * records point into its window, which holds all their octets. */
enum pf_status pf_driver_walk(struct pf_driver *driver, struct pf_worker *worker, const struct pf_ticket *ticket,
                              struct pf_error *error);
/* Notes that the input ends at walk.offset with this fault. A seekable one needs no window. */
enum pf_status pf_driver_note_fault(struct pf_driver *driver, const struct pf_window *window, size_t input,
                                    struct pf_fault *fault, struct pf_error *error);
/* Notes where the first packet of an input is earlier than the latest of those ahead of it. */
enum pf_status pf_driver_note_overlap(struct pf_driver *driver, size_t input, const struct pf_record *record,
                                      struct pf_error *error);
void pf_driver_found(struct pf_driver *driver); /* fills pass->found when the walk is over */
/* Reads a seekable input's chunk ahead of the walk. */
enum pf_status pf_driver_read(struct pf_driver *driver, struct pf_worker *worker, const struct pf_ticket *ticket,
                              struct pf_error *error);

/* order.c: hands on the pieces of a ticket. */
enum pf_status pf_driver_order(struct pf_driver *driver, struct pf_worker *worker, const struct pf_ticket *ticket,
                               struct pf_error *error);
enum pf_status pf_driver_order_init(struct pf_driver *driver, struct pf_error *error);
void pf_driver_order_clear(struct pf_driver *driver);

#endif
