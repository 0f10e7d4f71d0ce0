/* Inside _core.Feed: a pass that runs beside whoever takes its batches, from Python or through an Arrow stream. */
#ifndef PF_BINDING_FEED_H
#define PF_BINDING_FEED_H

#include "binding/core.h"
#include "table/batches.h"

enum {
    PF_LOOK_MS = 20,   /* as everywhere between signal and exception */
    PF_PATIENCE = 100, /* a pass that is stopped ends within 20 ms, unless a Python object is reading for it: */
    PF_LAST = 1000,    /* its reader was told to give way; a file object that still blocks is left to itself */
};

/* What ends streams that others wait in: told by one thread, seen by those. */
struct pf_stop {
    atomic_size_t references;
    atomic_bool told;
};

struct pf_feed {
    struct pf_state *state;
    struct pf_stop *stop; /* may be NULL */
    struct pf_batches batches;
    const struct pf_field **fields;
    struct pf_flow_sink *flows; /* where rows are flows; or NULL */
    PyObject *prepare;          /* prepare() -> (inputs, options, end) */
    PyObject *end;              /* end(faults, an exception or None), once */
    struct pf_run run;
    unsigned process; /* pf_feed_process() when it was made */
    bool begun;       /* run is there */
    bool attached;    /* the pass's thread has a Python thread state, because a source is a Python object */
    PyGILState_STATE gil;
    PyThreadState *saved;
    PyObject *raised; /* what a Python object raised there */
    char *note;
    struct pf_error error;
    struct pf_feed *next; /* among those that wait to be dropped */
};

struct pf_feed_object {
    PyObject_HEAD
    struct pf_feed *feed; /* NULL when an Arrow stream has it, or it was closed */
    bool busy, closing;   /* a thread waits for its next batch, without the GIL; it was closed meanwhile */
};

/* feed.c; with the GIL */
struct pf_feed *pf_feed_of(PyObject *self);   /* NULL with an exception set when it was taken */
struct pf_feed *pf_feed_idle(PyObject *self); /* the same where another call uses it */
bool pf_feed_begin(struct pf_feed *feed);     /* makes the pass, which does not run yet; false with an exception set */
void pf_feed_drop(struct pf_feed *feed);      /* stops it */
int pf_feed_drop_others(void *ignored);       /* drops those that others could not, as far as their passes have ended */
PyObject *pf_take_exception(void);            /* the exception set, which no longer is */
/* Any thread: a number that another process has, after a fork. A child has no thread of its parent's passes: it leaves
 * their feeds alone. */
unsigned pf_feed_process(void);
/* Any thread, the pass being told to stop. */
void pf_feed_drop_later(struct pf_feed *feed);

/* stream.c */
PyObject *pf_feed_stream(PyObject *self, PyObject *arguments);
PyObject *pf_make_stop(PyObject *ignored, PyObject *also);
PyObject *pf_tell_stop(PyObject *ignored, PyObject *capsule);
void pf_stop_drop(struct pf_stop *stop); /* NULL is fine */

#endif
