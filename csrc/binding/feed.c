/* _core.Feed: batches of a pass that runs beside whoever takes them. */
#include "binding/feed.h"

#include "base/alloc.h"
#include "flow/sink.h"

static _Atomic(struct pf_feed *) dropped;
static atomic_uint forks;

unsigned pf_feed_process(void)
{
    return atomic_load(&forks);
}

static PyObject *feed_forked(PyObject *ignored, PyObject *also)
{
    (void)ignored;
    (void)also;
    atomic_fetch_add(&forks, 1);
    atomic_store(&dropped, NULL);
    return Py_NewRef(Py_None);
}

/* --- life ------------------------------------------------------------------------------------------------------- */

/* Takes the fields over. */
static struct pf_feed *feed_new(struct pf_state *state, PyObject *prepare, const struct pf_field **fields, size_t count,
                                size_t rows)
{
    struct pf_feed *feed = pf_alloc(sizeof *feed);
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
    feed->process = pf_feed_process();
    feed->fields = fields;
    feed->prepare = Py_NewRef(prepare);
    return feed;
}

PyObject *pf_take_exception(void)
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
    struct pf_feed *feed = context;
    if (!feed->attached)
        return;
    feed->gil = PyGILState_Ensure();
    feed->saved = PyEval_SaveThread();
}

static void leave(void *context)
{
    struct pf_feed *feed = context;
    if (!feed->attached)
        return;
    PyEval_RestoreThread(feed->saved);
    if (PyErr_Occurred())
        feed->raised = pf_take_exception();
    PyGILState_Release(feed->gil);
}

/* With the GIL: tells Python that it is over, at most once. */
static void tell_end(struct pf_feed *feed, PyObject *outcome)
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

static bool feed_set_up(struct pf_feed *feed)
{
    feed->batches.packets.files = pf_run_files(&feed->run);
    if (feed->batches.packets.files == NULL)
        return false;
    for (size_t i = 0; i < feed->run.pass.input_count; i++)
        feed->attached |= pf_input_is_python(PyTuple_GET_ITEM(feed->run.held, (Py_ssize_t)i));
    pf_run_arm(&feed->run, NULL, 0);
    pf_batches_set(&feed->batches, &feed->run.pass, enter, leave, feed);
    return true;
}

/* With the GIL: makes the pass, which does not run yet; false with an exception set. */
bool pf_feed_begin(struct pf_feed *feed)
{
    PyObject *inputs, *options, *end;
    PyObject *made = PyObject_CallNoArgs(feed->prepare);
    if (made == NULL || !pf_parse(made, "OOO:prepare", &inputs, &options, &end)) {
        Py_XDECREF(made);
        return false;
    }
    feed->end = Py_NewRef(end);
    feed->begun = pf_run_begin(&feed->run, feed->state, inputs, options);
    Py_DECREF(made);
    if (feed->begun && feed_set_up(feed))
        return true;
    PyObject *why = pf_take_exception();
    if (feed->begun)
        pf_run_end(&feed->run);
    feed->begun = false;
    tell_end(feed, NULL);
    give_exception(why);
    return false;
}

static bool stopped_without_gil(struct pf_feed *feed, unsigned milliseconds)
{
    bool ended;
    Py_BEGIN_ALLOW_THREADS
    ended = pf_batches_stop(&feed->batches, milliseconds);
    Py_END_ALLOW_THREADS
    return ended;
}

/* With the GIL: false when the pass does not end. */
static bool feed_stop(struct pf_feed *feed)
{
    if (stopped_without_gil(feed, PF_PATIENCE))
        return true;
    tell_end(feed, NULL); /* closes what it reads from */
    return stopped_without_gil(feed, PF_LAST);
}

/* With the GIL, the pass having ended: what was wrong with the captures (a list), an exception, or NULL when it was
 * stopped. */
static PyObject *feed_outcome(struct pf_feed *feed)
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
    return faults != NULL ? faults : pf_take_exception();
}

static void feed_free(struct pf_feed *feed)
{
    if (feed->begun)
        pf_run_end(&feed->run);
    if (feed->flows != NULL)
        pf_flow_sink_clear(feed->flows);
    pf_free(feed->flows);
    pf_batches_clear(&feed->batches);
    pf_free(feed->fields);
    pf_free(feed->note);
    pf_stop_drop(feed->stop);
    Py_XDECREF(feed->prepare);
    Py_XDECREF(feed->end);
    Py_XDECREF(feed->raised);
    pf_free(feed);
}

void pf_feed_drop_later(struct pf_feed *feed)
{
    feed->next = atomic_load(&dropped);
    while (!atomic_compare_exchange_weak(&dropped, &feed->next, feed)) {
    }
}

/* With the GIL. */
void pf_feed_drop(struct pf_feed *feed)
{
    if (feed->process != pf_feed_process())
        return;
    PyObject *before = PyErr_Occurred() ? pf_take_exception() : NULL;
    if (feed_stop(feed)) {
        PyObject *outcome = feed->end != NULL ? feed_outcome(feed) : NULL;
        tell_end(feed, outcome);
        Py_XDECREF(outcome);
        feed_free(feed);
    } else {
        pf_feed_drop_later(feed);
    }
    if (before != NULL)
        give_exception(before);
}

/* With the GIL: drops those that others could not, as far as their passes have ended. */
int pf_feed_drop_others(void *ignored)
{
    (void)ignored;
    struct pf_feed *feed = atomic_exchange(&dropped, NULL);
    while (feed != NULL) {
        struct pf_feed *next = feed->next;
        if (pf_batches_stop(&feed->batches, 0)) {
            pf_feed_drop(feed);
        } else {
            tell_end(feed, NULL);
            pf_feed_drop_later(feed);
        }
        feed = next;
    }
    return 0;
}

/* --- from Python ------------------------------------------------------------------------------------------------ */

struct pf_feed *pf_feed_of(PyObject *self)
{
    struct pf_feed *feed = ((struct pf_feed_object *)self)->feed;
    if (feed == NULL)
        PyErr_SetString(PyExc_RuntimeError, "these batches were taken");
    return feed;
}

struct pf_feed *pf_feed_idle(PyObject *self)
{
    struct pf_feed *feed = pf_feed_of(self);
    if (feed == NULL || !((struct pf_feed_object *)self)->busy)
        return feed;
    PyErr_SetString(PyExc_RuntimeError, "these batches are busy: another call waits for the next one");
    return NULL;
}

/* Batches of flows as the options say. */
static struct pf_feed *flow_feed_new(struct pf_state *state, PyObject *prepare, PyObject *options, size_t rows)
{
    struct pf_flow_options parsed;
    struct pf_error error;
    if (!pf_flow_options_from(options, &parsed))
        return NULL;
    struct pf_feed *feed = pf_alloc(sizeof *feed);
    struct pf_flow_sink *flows = feed != NULL ? pf_alloc(sizeof *flows) : NULL;
    if (flows == NULL) {
        pf_free(feed);
        PyErr_NoMemory();
        return NULL;
    }
    pf_batches_init_rows(&feed->batches, &flows->sink, rows);
    feed->flows = flows;
    feed->state = state;
    feed->process = pf_feed_process();
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
    (void)pf_feed_drop_others(NULL);
    struct pf_state *state = pf_state_of_type(type);
    struct pf_feed *feed = NULL;
    if (flow_options != Py_None) {
        feed = flow_feed_new(state, prepare, flow_options, (size_t)rows);
    } else {
        const struct pf_field **fields = pf_fields_from(names, &count);
        feed = fields != NULL ? feed_new(state, prepare, fields, count, (size_t)rows) : NULL;
    }
    struct pf_feed_object *self = feed != NULL ? (struct pf_feed_object *)type->tp_alloc(type, 0) : NULL;
    if (self != NULL)
        self->feed = feed;
    else if (feed != NULL)
        feed_free(feed);
    return (PyObject *)self;
}

static void feed_object_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    if (((struct pf_feed_object *)object)->feed != NULL)
        pf_feed_drop(((struct pf_feed_object *)object)->feed);
    type->tp_free(object);
    Py_DECREF(type);
}

/* Ctrl-C and progress. */
static bool look_around(const struct pf_feed *feed)
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

static PyObject *take_next(struct pf_feed *feed)
{
    if (feed->process != pf_feed_process()) {
        PyErr_SetString(PyExc_RuntimeError, "these batches are made in the process that this one was forked from");
        return NULL;
    }
    if (!feed->begun && !pf_feed_begin(feed))
        return NULL;
    for (;;) {
        struct pf_part *part = NULL;
        struct pf_error error = {.status = PF_OK};
        enum pf_batch found;
        Py_BEGIN_ALLOW_THREADS
        found = pf_batches_next(&feed->batches, PF_LOOK_MS, &part, &error);
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
            return pf_part_frame(feed->state, &feed->batches.kinds, part);
        if (found == PF_BATCH_END)
            return Py_NewRef(Py_None);
    }
}

static void close_feed(struct pf_feed_object *object)
{
    struct pf_feed *feed = object->feed;
    object->feed = NULL;
    if (feed != NULL)
        pf_feed_drop(feed);
}

static PyObject *feed_next(PyObject *self, PyObject *ignored)
{
    struct pf_feed_object *object = (struct pf_feed_object *)self;
    struct pf_feed *feed = pf_feed_idle(self);
    (void)ignored;
    if (feed == NULL)
        return NULL;
    object->busy = true;
    PyObject *taken = take_next(feed);
    object->busy = false;
    if (object->closing)
        close_feed(object);
    return taken;
}

/* One that another call waits for is told to stop, and that call drops it. */
static PyObject *feed_close(PyObject *self, PyObject *ignored)
{
    struct pf_feed_object *object = (struct pf_feed_object *)self;
    (void)ignored;
    object->closing = object->busy;
    if (object->busy)
        pf_batches_tell(&object->feed->batches);
    else
        close_feed(object);
    return Py_NewRef(Py_None);
}

static PyObject *feed_drop_others(PyObject *ignored, PyObject *also)
{
    (void)ignored;
    (void)also;
    (void)pf_feed_drop_others(NULL);
    return Py_NewRef(Py_None);
}

static PyObject *feed_schema_capsule(PyObject *self, PyObject *arguments)
{
    struct pf_feed *feed = pf_feed_of(self);
    const char *note;
    if (feed == NULL || !PyArg_ParseTuple(arguments, "z:arrow_schema", &note))
        return NULL;
    return pf_schema_capsule(feed->state, &feed->batches.kinds, note);
}

static PyObject *feed_get_schema(PyObject *self, void *closure)
{
    struct pf_feed *feed = pf_feed_of(self);
    (void)closure;
    return feed != NULL ? pf_frame_schema(&feed->batches.kinds) : NULL;
}

static PyMethodDef feed_methods[] = {
    {"next", feed_next, METH_NOARGS, "The next batch as a Frame, or None at the end."},
    {"close", feed_close, METH_NOARGS, "Stops the pass, and has end() called before it returns."},
    {"drop_others", feed_drop_others, METH_NOARGS | METH_STATIC, "Has end() called of streams released elsewhere."},
    {"arrow_stream", pf_feed_stream, METH_VARARGS,
     "arrow_stream(note or None, begin, stop or None): a capsule, which takes the batches over."},
    {"forked", feed_forked, METH_NOARGS | METH_STATIC, "To be called in a child after a fork."},
    {"make_stop", pf_make_stop, METH_NOARGS | METH_STATIC, "What ends streams made with it."},
    {"tell_stop", pf_tell_stop, METH_O | METH_STATIC, "tell_stop(stop): ends them."},
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
    {Py_tp_doc, "Feed(prepare, names, rows, flow_options=None)\n--\n\nBatches of rows of a pass that runs meanwhile."},
    {0, NULL},
};

PyType_Spec pf_feed_spec = {
    .name = "pcapframe._core.Feed",
    .basicsize = sizeof(struct pf_feed_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = feed_slots,
};
