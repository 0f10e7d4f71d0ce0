/* Batches as an Arrow stream.
 *
 * Arrow's functions may be called by any thread, with the GIL or without. They need it only where the pass itself does:
 * for sources that are Python objects, and to begin with a source that serves one pass at a time. A thread that holds
 * it lets it go while it waits, because the pass may need it. What holds Python objects is dropped with the GIL: at
 * once, or, released by a thread without it, when Python next can. */
#include "binding/feed.h"

#include "base/alloc.h"

static bool holds_gil(void)
{
    return Py_IsInitialized() && PyGILState_GetThisThreadState() != NULL && PyGILState_Check();
}

void pf_stop_drop(struct pf_stop *stop)
{
    if (stop != NULL && atomic_fetch_sub(&stop->references, 1) == 1)
        pf_free(stop);
}

static int stream_schema(struct pf_arrow_stream *stream, struct pf_arrow_schema *schema)
{
    struct pf_feed *feed = stream->private_data;
    const struct pf_frame *kinds = &feed->batches.kinds;
    enum pf_status status = pf_arrow_schema_make(schema, kinds->kinds, kinds->columns, feed->note, &feed->error);
    return status == PF_OK ? 0 : pf_arrow_errno(&feed->error);
}

static const char *stream_last_error(struct pf_arrow_stream *stream)
{
    struct pf_feed *feed = stream->private_data;
    return feed->error.status != PF_OK ? feed->error.text : NULL;
}

/* With the GIL: an exception as the stream's error; takes it over. */
static void note_exception(struct pf_feed *feed, PyObject *exception)
{
    PyObject *text = exception != NULL ? PyObject_Str(exception) : NULL;
    const char *octets = text != NULL ? PyUnicode_AsUTF8(text) : NULL;
    (void)pf_fail(&feed->error, PF_STOPPED, "%s: %s", exception != NULL ? Py_TYPE(exception)->tp_name : "error",
                  octets != NULL ? octets : "could not be shown");
    PyErr_Clear();
    Py_XDECREF(text);
    Py_XDECREF(exception);
}

static bool stream_begin(struct pf_feed *feed)
{
    if (feed->begun)
        return true;
    if (!Py_IsInitialized()) {
        (void)pf_fail(&feed->error, PF_STOPPED, "Python has ended");
        return false;
    }
    PyGILState_STATE gil = PyGILState_Ensure();
    bool good = pf_feed_begin(feed);
    if (!good)
        note_exception(feed, pf_take_exception());
    PyGILState_Release(gil);
    return good;
}

/* Runs handlers of signals where this is Python's first thread. What they raise becomes the stream's error: those who
 * called would put theirs over it, and an exception that waits until they return strikes anywhere. */
static bool interrupted(struct pf_feed *feed)
{
    if (!Py_IsInitialized() || PyGILState_GetThisThreadState() == NULL)
        return false;
    PyGILState_STATE gil = PyGILState_Ensure();
    bool hit = PyErr_CheckSignals() != 0;
    if (hit)
        note_exception(feed, pf_take_exception());
    PyGILState_Release(gil);
    return hit;
}

static enum pf_batch wait_for_batch(struct pf_feed *feed, struct pf_part **part)
{
    for (;;) {
        PyThreadState *saved = holds_gil() ? PyEval_SaveThread() : NULL;
        enum pf_batch found = pf_batches_next(&feed->batches, PF_LOOK_MS, part, &feed->error);
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
    struct pf_feed *feed = stream->private_data;
    struct pf_part *part;
    memset(array, 0, sizeof *array);
    if (feed->process != pf_feed_process())
        return pf_arrow_errno(&(struct pf_error){.status = PF_STOPPED});
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
    struct pf_feed *feed = stream->private_data;
    stream->release = NULL;
    if (feed->process != pf_feed_process())
        return;
    if (holds_gil()) {
        pf_feed_drop(feed);
        return;
    }
    (void)pf_batches_stop(&feed->batches, PF_PATIENCE);
    if (!Py_IsInitialized()) /* what Python objects it holds are gone, and the process soon is */
        return;
    pf_feed_drop_later(feed);
    (void)Py_AddPendingCall(pf_feed_drop_others, NULL); /* where there is no room, the next feed does it */
}

#define STOP "pf_stop"

static void drop_stop_capsule(PyObject *capsule)
{
    pf_stop_drop(PyCapsule_GetPointer(capsule, STOP));
}

PyObject *pf_make_stop(PyObject *ignored, PyObject *also)
{
    (void)ignored;
    (void)also;
    struct pf_stop *stop = pf_alloc(sizeof *stop);
    if (stop == NULL)
        return PyErr_NoMemory();
    atomic_init(&stop->references, 1);
    PyObject *capsule = PyCapsule_New(stop, STOP, drop_stop_capsule);
    if (capsule == NULL)
        pf_free(stop);
    return capsule;
}

PyObject *pf_tell_stop(PyObject *ignored, PyObject *capsule)
{
    (void)ignored;
    struct pf_stop *stop = PyCapsule_GetPointer(capsule, STOP);
    if (stop == NULL)
        return NULL;
    atomic_store(&stop->told, true);
    return Py_NewRef(Py_None);
}

/* arrow_stream(note, begin, stop): the feed is the stream's from then on. */
PyObject *pf_feed_stream(PyObject *self, PyObject *arguments)
{
    struct pf_feed *feed = pf_feed_idle(self);
    const char *note;
    int begin;
    PyObject *capsule;
    if (feed == NULL || !PyArg_ParseTuple(arguments, "zpO:arrow_stream", &note, &begin, &capsule))
        return NULL;
    struct pf_stop *stop = capsule != Py_None ? PyCapsule_GetPointer(capsule, STOP) : NULL;
    if (stop == NULL && capsule != Py_None)
        return NULL;
    if (begin && !feed->begun && !pf_feed_begin(feed))
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
    ((struct pf_feed_object *)self)->feed = NULL;
    struct pf_arrow_stream stream = {stream_schema, stream_next, stream_last_error, stream_release, feed};
    return pf_stream_capsule(&stream);
}
