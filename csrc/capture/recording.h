/* A recording under way: a thread of its own takes what a source gives and hands it to a recorder.
 *
 *   source --> walk over its records --> recorder --> file         the owner looks, waits, asks for the end
 *
 * It ends when the source does, when the recorder is full, when the owner says so (finish: with what has arrived;
 * clear: at once) or when the file can't be written. Functions may be called by any thread but where they say
 * otherwise. */
#ifndef PF_CAPTURE_RECORDING_H
#define PF_CAPTURE_RECORDING_H

#include "capture/recorder.h"

#include <stdatomic.h>

/* What a source can do that a file can't; any of them NULL where it can't either. */
struct pf_live_source {
    void (*finish)(struct pf_source *source);
    bool (*statistics)(struct pf_source *source, uint64_t *received, uint64_t *dropped, uint64_t *missed);
};

enum pf_ending {
    PF_RUNNING,
    PF_ASKED,        /* the owner said so */
    PF_ENOUGH,       /* so many packets are there */
    PF_SPOOL_FULL,   /* so many octets are there */
    PF_SOURCE_ENDED, /* by itself; `why` may tell more */
    PF_FAILED,       /* `error` says why */
};

struct pf_recording_state {
    enum pf_ending ending;
    uint64_t packets, captured; /* flushed; octets of packets */
    uint64_t file_octets;       /* of all files */
    bool counted;               /* whether these are known: */
    uint64_t received, dropped, missed;
    char why[sizeof((struct pf_error *)0)->text];
};

struct pf_recording {
    struct pf_recorder recorder;
    struct pf_input input;
    struct pf_live_source live;
    struct pf_interfaces interfaces; /* all of the recording; the thread's */
    struct pf_thread thread;
    bool started;
    atomic_bool stop, asked;
    struct pf_mutex lock; /* guards what follows */
    struct pf_cond ended;
    struct pf_recording_state state;
    struct pf_error error;
};

/* Opens the source, which is the recording's from then on also when this fails, and the file. The host ticks while a
 * source is waited for. */
enum pf_status pf_recording_open(struct pf_recording *recording, struct pf_source *source,
                                 const struct pf_live_source *live, const struct pf_record_as *as,
                                 const struct pf_host *host, struct pf_error *error);
enum pf_status pf_recording_start(struct pf_recording *recording, struct pf_error *error); /* once */
/* Waits so long, or until it has ended: then true. */
bool pf_recording_wait(struct pf_recording *recording, unsigned milliseconds);
void pf_recording_finish(struct pf_recording *recording); /* asks for the end; does not wait for it */
void pf_recording_stop(struct pf_recording *recording);   /* asks for it at once: what has not been read is left */
struct pf_recording_state pf_recording_look(struct pf_recording *recording);
/* How it failed, PF_OK where it did not. */
enum pf_status pf_recording_error(struct pf_recording *recording, struct pf_error *error);
void pf_recording_clear(struct pf_recording *recording); /* stops it first; zeroed is fine */

#endif
