/* _core.Feed: batches of a pass that runs beside whoever takes them, from Python or through an Arrow stream.
 *
 * Arrow's functions may be called by any thread, with the GIL or without. They need it only where the pass itself does:
 * for sources that are Python objects, and to begin with a source that serves one pass at a time. A thread that holds
 * it lets it go while it waits, because the pass may need it. What holds Python objects is dropped with the GIL: at
 * once, or, released by a thread without it, when Python next can. */
#include "binding/core.h"

#include "base/alloc.h"
#include "flow/sink.h"
#include "table/batches.h"

enum {
    LOOK_MS = 20,   /* as everywhere between signal and exception */
    PATIENCE = 100, /* a pass that is stopped ends within 20 ms, unless a Python object is reading for it: */
    LAST = 1000,    /* its reader was told to give way; a file object that still blocks is left to itself */
};

/* What ends streams that others wait in: told by one thread, seen by those. */
struct stop {
    atomic_size_t references;
    atomic_bool told;
};

struct feed {
    struct pf_state *state;
    struct stop *stop; /* may be NULL */
    struct pf_batches batches;
    const struct pf_field **fields;
    struct pf_flow_sink *flows; /* where rows are flows; or NULL */
    PyObject *prepare;          /* prepare() -> (inputs, options, end) */
    PyObject *end;              /* end(faults, an exception or None), once */
    struct pf_run run;
    const char **files;
    PyObject *files_owner;
    bool begun;    /* run is there */
    bool attached; /* the pass's thread has a Python thread state, because a source is a Python object */
    PyGILState_STATE gil;
    PyThreadState *saved;
    PyObject *raised; /* what a Python object raised there */
    char *note;
    struct pf_error error;
    struct feed *next; /* among those that wait to be dropped */
};

static _Atomic(struct feed *) dropped;

static bool holds_gil(void)
{
    return Py_IsInitialized() && PyGILState_GetThisThreadState() != NULL && PyGILState_Check();
}

static void stop_drop(struct stop *stop)
{
    if (stop != NULL && atomic_fetch_sub(&stop->references, 1) == 1)
        pf_free(stop);
}

/* --- life ------------------------------------------------------------------------------------------------------- */

static void feed_free(struct feed *feed);

/* Batches of flows as the options say. */
static struct feed *flow_feed_new(struct pf_state *state, PyObject *prepare, PyObject *options, size_t rows)
{
    struct pf_flow_options parsed;
    struct pf_error error;
    if (!pf_flow_options_from(options, &parsed))
        return NULL;
    struct feed *feed = pf_alloc(sizeof *feed);
    struct pf_flow_sink *flows = feed != NULL ? pf_alloc(sizeof *flows) : NULL;
    if (flows == NULL) {
        pf_free(feed);
        PyErr_NoMemory();
        return NULL;
    }
    pf_batches_init_rows(&feed->batches, &flows->sink, rows);
    feed->flows = flows;
    feed->state = state;
    feed->prepare = Py_NewRef(prepare);
    enum pf_status status = pf_flow_sink_init(flows, &parsed, &feed->batches.kinds, NULL, &error);
    flows->rows.ready = pf_batches_put;
    flows->rows.context = &feed->batches;
    if (status == PF_OK)
        return feed;
    (void)pf_raise(state, &error);
    feed_free(feed);
    return NULL;
}

/* Takes the fields over. */
static struct feed *feed_new(struct pf_state *state, PyObject *prepare, const struct pf_field **fields, size_t count,
                             size_t rows)
{
    struct feed *feed = pf_alloc(sizeof *feed);
    struct pf_error error;
    if (feed == NULL) {
        pf_free(fields);
        PyErr_NoMemory();
        return NULL;
    }
    if (pf_batches_init(&feed->batches, fields, count, NULL, rows, &error) != PF_OK) {
        pf_free(fields);
        pf_free(feed);
        (void)pf_raise(state, &error);
        return NULL;
    }
    feed->state = state;
    feed->fields = fields;
    feed->prepare = Py_NewRef(prepare);
    return feed;
}

static PyObject *take_exception(void)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyErr_GetRaisedException();
#else
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (value != NULL && traceback != NULL)
        (void)PyException_SetTraceback(value, traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return value;
#endif
}

static void give_exception(PyObject *exception)
{
#if PY_VERSION_HEX >= 0x030C0000
    PyErr_SetRaisedException(exception);
#else
    PyErr_Restore(Py_NewRef(Py_TYPE(exception)), exception, PyException_GetTraceback(exception));
#endif
}

static void enter(void *context)
{
    struct feed *feed = context;
    if (!feed->attached)
        return;
    feed->gil = PyGILState_Ensure();
    feed->saved = PyEval_SaveThread();
}

static void leave(void *context)
{
    struct feed *feed = context;
    if (!feed->attached)
        return;
    PyEval_RestoreThread(feed->saved);
    if (PyErr_Occurred())
        feed->raised = take_exception();
    PyGILState_Release(feed->gil);
}

/* With the GIL: tells Python that it is over, at most once. */
static void tell_end(struct feed *feed, PyObject *outcome)
{
    PyObject *end = feed->end;
    feed->end = NULL;
    if (end == NULL)
        return;
    PyObject *ignored = PyObject_CallOneArg(end, outcome != NULL ? outcome : Py_None);
    if (ignored == NULL)
        PyErr_WriteUnraisable(end);
    Py_XDECREF(ignored);
    Py_DECREF(end);
}

static bool feed_set_up(struct feed *feed)
{
    feed->files = pf_files_of(&feed->run, &feed->files_owner);
    if (feed->files == NULL)
        return false;
    feed->batches.packets.files = feed->files;
    for (size_t i = 0; i < feed->run.pass.input_count; i++)
        feed->attached |= pf_input_is_python(PyTuple_GET_ITEM(feed->run.held, (Py_ssize_t)i));
    pf_run_arm(&feed->run, NULL, 0);
    pf_batches_set(&feed->batches, &feed->run.pass, enter, leave, feed);
    return true;
}

/* With the GIL: makes the pass, which does not run yet; false with an exception set. */
static bool feed_begin(struct feed *feed)
{
    PyObject *inputs, *options, *end;
    PyObject *made = PyObject_CallNoArgs(feed->prepare);
    if (made == NULL || !PyArg_ParseTuple(made, "OOO:prepare", &inputs, &options, &end)) {
        Py_XDECREF(made);
        return false;
    }
    feed->end = Py_NewRef(end);
    feed->begun = pf_run_begin(&feed->run, feed->state, inputs, options);
    Py_DECREF(made);
    if (feed->begun && feed_set_up(feed))
        return true;
    PyObject *why = take_exception();
    if (feed->begun)
        pf_run_end(&feed->run);
    feed->begun = false;
    tell_end(feed, NULL);
    give_exception(why);
    return false;
}

static bool stopped_without_gil(struct feed *feed, unsigned milliseconds)
{
    bool ended;
    Py_BEGIN_ALLOW_THREADS
    ended = pf_batches_stop(&feed->batches, milliseconds);
    Py_END_ALLOW_THREADS
    return ended;
}

/* With the GIL: false when the pass does not end. */
static bool feed_stop(struct feed *feed)
{
    if (stopped_without_gil(feed, PATIENCE))
        return true;
    tell_end(feed, NULL); /* closes what it reads from */
    return stopped_without_gil(feed, LAST);
}

/* With the GIL, the pass having ended: what was wrong with the captures (a list), an exception, or NULL when it was
 * stopped. */
static PyObject *feed_outcome(struct feed *feed)
{
    if (!feed->begun || !feed->batches.ended)
        return NULL;
    if (feed->raised != NULL)
        return Py_NewRef(feed->raised);
    if (feed->batches.error.status == PF_STOPPED)
        return NULL;
    PyObject *faults = NULL;
    if (feed->batches.error.status == PF_OK)
        faults = pf_run_faults(&feed->run);
    else
        (void)pf_raise(feed->state, &feed->batches.error);
    return faults != NULL ? faults : take_exception();
}

static void feed_free(struct feed *feed)
{
    if (feed->begun)
        pf_run_end(&feed->run);
    if (feed->flows != NULL)
        pf_flow_sink_clear(feed->flows);
    pf_free(feed->flows);
    pf_batches_clear(&feed->batches);
    pf_free(feed->files);
    pf_free(feed->fields);
    pf_free(feed->note);
    stop_drop(feed->stop);
    Py_XDECREF(feed->files_owner);
    Py_XDECREF(feed->prepare);
    Py_XDECREF(feed->end);
    Py_XDECREF(feed->raised);
    pf_free(feed);
}

static void put_among_dropped(struct feed *feed)
{
    feed->next = atomic_load(&dropped);
    while (!atomic_compare_exchange_weak(&dropped, &feed->next, feed)) {
    }
}

/* With the GIL. */
static void drop_now(struct feed *feed)
{
    PyObject *before = PyErr_Occurred() ? take_exception() : NULL;
    if (feed_stop(feed)) {
        PyObject *outcome = feed->end != NULL ? feed_outcome(feed) : NULL;
        tell_end(feed, outcome);
        Py_XDECREF(outcome);
        feed_free(feed);
    } else {
        put_among_dropped(feed);
    }
    if (before != NULL)
        give_exception(before);
}

/* With the GIL: drops those that others could not, as far as their passes have ended. */
static int drop_others(void *ignored)
{
    (void)ignored;
    struct feed *feed = atomic_exchange(&dropped, NULL);
    while (feed != NULL) {
        struct feed *next = feed->next;
        if (pf_batches_stop(&feed->batches, 0)) {
            drop_now(feed);
        } else {
            tell_end(feed, NULL);
            put_among_dropped(feed);
        }
        feed = next;
    }
    return 0;
}

/* --- from Python ------------------------------------------------------------------------------------------------ */

struct feed_object {
    PyObject_HEAD
    struct feed *feed; /* NULL when an Arrow stream has it, or it was closed */
};

static struct feed *feed_of(PyObject *self)
{
    struct feed *feed = ((struct feed_object *)self)->feed;
    if (feed == NULL)
        PyErr_SetString(PyExc_RuntimeError, "these batches were taken");
    return feed;
}

/* Feed(prepare, names, rows, flow_options=None) */
static PyObject *feed_object_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *words[] = {"prepare", "names", "rows", "flow_options", NULL};
    PyObject *prepare, *names, *flow_options = Py_None;
    Py_ssize_t rows;
    size_t count;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OOn|O:Feed", words, &prepare, &names, &rows, &flow_options))
        return NULL;
    if (rows < 1) {
        PyErr_SetString(PyExc_ValueError, "rows: 1 or more");
        return NULL;
    }
    (void)drop_others(NULL);
    struct pf_state *state = pf_state_of_type(type);
    struct feed *feed = NULL;
    if (flow_options != Py_None) {
        feed = flow_feed_new(state, prepare, flow_options, (size_t)rows);
    } else {
        const struct pf_field **fields = pf_fields_from(names, &count);
        feed = fields != NULL ? feed_new(state, prepare, fields, count, (size_t)rows) : NULL;
    }
    struct feed_object *self = feed != NULL ? (struct feed_object *)type->tp_alloc(type, 0) : NULL;
    if (self != NULL)
        self->feed = feed;
    else if (feed != NULL)
        feed_free(feed);
    return (PyObject *)self;
}

static void feed_object_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    if (((struct feed_object *)object)->feed != NULL)
        drop_now(((struct feed_object *)object)->feed);
    type->tp_free(object);
    Py_DECREF(type);
}

/* Ctrl-C and progress. */
static bool look_around(const struct feed *feed)
{
    if (PyErr_CheckSignals() != 0)
        return false;
    if (feed->run.tick == NULL)
        return true;
    unsigned long long octets = atomic_load(&feed->run.pass.octets), packets = atomic_load(&feed->run.pass.packets);
    PyObject *ignored = PyObject_CallFunction(feed->run.tick, "KK", octets, packets);
    Py_XDECREF(ignored);
    return ignored != NULL;
}

static PyObject *frame_of(struct feed *feed, struct pf_part *part)
{
    struct pf_error error;
    struct pf_frame_object *made = pf_frame_object_new(feed->state);
    enum pf_status status = PF_NO_MEMORY;
    if (made == NULL)
        pf_part_free(part, feed->batches.kinds.columns);
    else if ((status = pf_frame_init(&made->frame, feed->batches.kinds.kinds, feed->batches.kinds.columns, &error)) !=
             PF_OK)
        pf_part_free(part, feed->batches.kinds.columns);
    else
        status = pf_frame_add(&made->frame, part, &error);
    if (status == PF_OK)
        return (PyObject *)made;
    if (made != NULL)
        (void)pf_raise(feed->state, &error);
    Py_XDECREF(made);
    return NULL;
}

static PyObject *feed_next(PyObject *self, PyObject *ignored)
{
    (void)ignored;
    struct feed *feed = feed_of(self);
    if (feed == NULL || (!feed->begun && !feed_begin(feed)))
        return NULL;
    for (;;) {
        struct pf_part *part = NULL;
        struct pf_error error = {.status = PF_OK};
        enum pf_batch found;
        Py_BEGIN_ALLOW_THREADS
        found = pf_batches_next(&feed->batches, LOOK_MS, &part, &error);
        Py_END_ALLOW_THREADS
        if (found == PF_BATCH_FAILED && feed->raised != NULL) {
            give_exception(Py_NewRef(feed->raised));
            return NULL;
        }
        if (found == PF_BATCH_FAILED)
            return pf_raise(feed->state, &error);
        if (!look_around(feed)) {
            pf_part_free(part, feed->batches.kinds.columns);
            return NULL;
        }
        if (found == PF_BATCH_READY)
            return frame_of(feed, part);
        if (found == PF_BATCH_END)
            return Py_NewRef(Py_None);
    }
}

static PyObject *feed_close(PyObject *self, PyObject *ignored)
{
    struct feed *feed = ((struct feed_object *)self)->feed;
    (void)ignored;
    if (feed == NULL)
        return Py_NewRef(Py_None);
    ((struct feed_object *)self)->feed = NULL;
    drop_now(feed);
    return Py_NewRef(Py_None);
}

static PyObject *feed_drop_others(PyObject *ignored, PyObject *also)
{
    (void)ignored;
    (void)also;
    (void)drop_others(NULL);
    return Py_NewRef(Py_None);
}

/* --- as an Arrow stream ----------------------------------------------------------------------------------------- */

static int stream_schema(struct pf_arrow_stream *stream, struct pf_arrow_schema *schema)
{
    struct feed *feed = stream->private_data;
    const struct pf_frame *kinds = &feed->batches.kinds;
    enum pf_status status = pf_arrow_schema_make(schema, kinds->kinds, kinds->columns, feed->note, &feed->error);
    return status == PF_OK ? 0 : pf_arrow_errno(&feed->error);
}

static const char *stream_last_error(struct pf_arrow_stream *stream)
{
    struct feed *feed = stream->private_data;
    return feed->error.status != PF_OK ? feed->error.text : NULL;
}

/* With the GIL: an exception as the stream's error; takes it over. */
static void note_exception(struct feed *feed, PyObject *exception)
{
    PyObject *text = exception != NULL ? PyObject_Str(exception) : NULL;
    const char *octets = text != NULL ? PyUnicode_AsUTF8(text) : NULL;
    (void)pf_fail(&feed->error, PF_STOPPED, "%s: %s", exception != NULL ? Py_TYPE(exception)->tp_name : "error",
                  octets != NULL ? octets : "could not be shown");
    PyErr_Clear();
    Py_XDECREF(text);
    Py_XDECREF(exception);
}

static bool stream_begin(struct feed *feed)
{
    if (feed->begun)
        return true;
    if (!Py_IsInitialized()) {
        (void)pf_fail(&feed->error, PF_STOPPED, "Python has ended");
        return false;
    }
    PyGILState_STATE gil = PyGILState_Ensure();
    bool good = feed_begin(feed);
    if (!good)
        note_exception(feed, take_exception());
    PyGILState_Release(gil);
    return good;
}

/* Runs handlers of signals where this is Python's first thread. What they raise becomes the stream's error: those who
 * called would put theirs over it, and an exception that waits until they return strikes anywhere. */
static bool interrupted(struct feed *feed)
{
    if (!Py_IsInitialized() || PyGILState_GetThisThreadState() == NULL)
        return false;
    PyGILState_STATE gil = PyGILState_Ensure();
    bool hit = PyErr_CheckSignals() != 0;
    if (hit)
        note_exception(feed, take_exception());
    PyGILState_Release(gil);
    return hit;
}

static enum pf_batch wait_for_batch(struct feed *feed, struct pf_part **part)
{
    for (;;) {
        PyThreadState *saved = holds_gil() ? PyEval_SaveThread() : NULL;
        enum pf_batch found = pf_batches_next(&feed->batches, LOOK_MS, part, &feed->error);
        if (saved != NULL)
            PyEval_RestoreThread(saved);
        if (found != PF_BATCH_LATER)
            return found;
        if (interrupted(feed))
            return PF_BATCH_FAILED;
        if (feed->stop != NULL && atomic_load(&feed->stop->told)) {
            (void)pf_fail(&feed->error, PF_STOPPED, "stopped");
            return PF_BATCH_FAILED;
        }
    }
}

static int stream_next(struct pf_arrow_stream *stream, struct pf_arrow_array *array)
{
    struct feed *feed = stream->private_data;
    struct pf_part *part;
    memset(array, 0, sizeof *array);
    if (!stream_begin(feed))
        return pf_arrow_errno(&feed->error);
    switch (wait_for_batch(feed, &part)) {
    case PF_BATCH_READY: {
        size_t columns = feed->batches.kinds.columns;
        enum pf_status status = pf_arrow_array_make(array, part, columns, &feed->error);
        pf_part_free(part, columns);
        return status == PF_OK ? 0 : pf_arrow_errno(&feed->error);
    }
    case PF_BATCH_END:
        return 0;
    default:
        if (feed->raised != NULL && Py_IsInitialized()) {
            PyGILState_STATE gil = PyGILState_Ensure();
            note_exception(feed, Py_NewRef(feed->raised));
            PyGILState_Release(gil);
        }
        return pf_arrow_errno(&feed->error);
    }
}

static void stream_release(struct pf_arrow_stream *stream)
{
    struct feed *feed = stream->private_data;
    stream->release = NULL;
    if (holds_gil()) {
        drop_now(feed);
        return;
    }
    (void)pf_batches_stop(&feed->batches, PATIENCE);
    if (!Py_IsInitialized()) /* what Python objects it holds are gone, and the process soon is */
        return;
    put_among_dropped(feed);
    (void)Py_AddPendingCall(drop_others, NULL); /* where there is no room, the next feed does it */
}

#define STOP "pf_stop"

static void drop_stop_capsule(PyObject *capsule)
{
    stop_drop(PyCapsule_GetPointer(capsule, STOP));
}

static PyObject *make_stop(PyObject *ignored, PyObject *also)
{
    (void)ignored;
    (void)also;
    struct stop *stop = pf_alloc(sizeof *stop);
    if (stop == NULL)
        return PyErr_NoMemory();
    atomic_init(&stop->references, 1);
    PyObject *capsule = PyCapsule_New(stop, STOP, drop_stop_capsule);
    if (capsule == NULL)
        pf_free(stop);
    return capsule;
}

static PyObject *tell_stop(PyObject *ignored, PyObject *capsule)
{
    (void)ignored;
    struct stop *stop = PyCapsule_GetPointer(capsule, STOP);
    if (stop == NULL)
        return NULL;
    atomic_store(&stop->told, true);
    return Py_NewRef(Py_None);
}

/* arrow_stream(note, begin, stop): the feed is the stream's from then on. */
static PyObject *feed_stream(PyObject *self, PyObject *arguments)
{
    struct feed *feed = feed_of(self);
    const char *note;
    int begin;
    PyObject *capsule;
    if (feed == NULL || !PyArg_ParseTuple(arguments, "zpO:arrow_stream", &note, &begin, &capsule))
        return NULL;
    struct stop *stop = capsule != Py_None ? PyCapsule_GetPointer(capsule, STOP) : NULL;
    if (stop == NULL && capsule != Py_None)
        return NULL;
    if (begin && !feed->begun && !feed_begin(feed))
        return NULL;
    if (note != NULL) {
        size_t size = strlen(note) + 1;
        feed->note = pf_alloc(size);
        if (feed->note == NULL)
            return PyErr_NoMemory();
        memcpy(feed->note, note, size);
    }
    if (stop != NULL)
        atomic_fetch_add(&stop->references, 1);
    feed->stop = stop;
    ((struct feed_object *)self)->feed = NULL;
    struct pf_arrow_stream stream = {stream_schema, stream_next, stream_last_error, stream_release, feed};
    return pf_stream_capsule(&stream);
}

static PyObject *feed_schema_capsule(PyObject *self, PyObject *arguments)
{
    struct feed *feed = feed_of(self);
    const char *note;
    if (feed == NULL || !PyArg_ParseTuple(arguments, "z:arrow_schema", &note))
        return NULL;
    return pf_schema_capsule(feed->state, &feed->batches.kinds, note);
}

static PyObject *feed_get_schema(PyObject *self, void *closure)
{
    struct feed *feed = feed_of(self);
    (void)closure;
    return feed != NULL ? pf_frame_schema(&feed->batches.kinds) : NULL;
}

static PyMethodDef feed_methods[] = {
    {"next", feed_next, METH_NOARGS, "The next batch as a Frame, or None at the end."},
    {"close", feed_close, METH_NOARGS, "Stops the pass, and has end() called before it returns."},
    {"drop_others", feed_drop_others, METH_NOARGS | METH_STATIC, "Has end() called of streams released elsewhere."},
    {"arrow_stream", feed_stream, METH_VARARGS,
     "arrow_stream(note or None, begin, stop or None): a capsule, which takes the batches over."},
    {"make_stop", make_stop, METH_NOARGS | METH_STATIC, "What ends streams made with it."},
    {"tell_stop", tell_stop, METH_O | METH_STATIC, "tell_stop(stop): ends them."},
    {"arrow_schema", feed_schema_capsule, METH_VARARGS, "arrow_schema(note or None): a capsule."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef feed_getset[] = {
    {"schema", feed_get_schema, NULL, "((name, type, nullable), ...)", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot feed_slots[] = {
    {Py_tp_new, feed_object_new},
    {Py_tp_dealloc, feed_object_dealloc},
    {Py_tp_methods, feed_methods},
    {Py_tp_getset, feed_getset},
    {Py_tp_doc, "Feed(prepare, names, rows)\n--\n\nBatches of rows of a pass that runs meanwhile."},
    {0, NULL},
};

PyType_Spec pf_feed_spec = {
    .name = "pcapframe._core.Feed",
    .basicsize = sizeof(struct feed_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = feed_slots,
};
