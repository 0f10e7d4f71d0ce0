/* _core.Recording: a recording under way; and the interfaces there are. */
#include "binding/core.h"

#include "capture/recording.h"
#include "libpcap/live.h"

struct recording_object {
    PyObject_HEAD
    struct pf_recording recording;
    bool opened;
    PyObject *texts; /* what the recording's names and filter point into */
};

static struct recording_object *cast(PyObject *self)
{
    return (struct recording_object *)self;
}

static enum pf_status open_source(const struct pf_live_how *how, int fd, struct pf_source **source,
                                  struct pf_live_source *live, struct pf_error *error)
{
    if (fd >= 0)
        return pf_source_stream(how->interface, fd, NULL, 0, source, error);
    *live = (struct pf_live_source){.finish = pf_live_finish, .statistics = pf_live_statistics};
    return pf_live_open(how, source, error);
}

/* Opens it without the GIL. */
static bool open_recording(struct recording_object *self, const struct pf_live_how *how, int fd,
                           const struct pf_record_as *as)
{
    struct pf_host host = {.tick = pf_check_signals};
    struct pf_error error = {.status = PF_OK};
    struct pf_live_source live = {NULL, NULL};
    struct pf_source *source = NULL;
    enum pf_status status;
    Py_BEGIN_ALLOW_THREADS
    status = open_source(how, fd, &source, &live, &error);
    if (status == PF_OK)
        status = pf_recording_open(&self->recording, source, &live, as, &host, &error);
    Py_END_ALLOW_THREADS
    self->opened = status == PF_OK;
    if (status != PF_OK)
        (void)pf_raise(pf_state_of_type(Py_TYPE(self)), &error);
    return status == PF_OK;
}

/* Recording((interface, filter, snap_len, buffer, promiscuous), fd, (path, suffix, folder), (file_octets, file_period,
 * keep, packets, octets)): from the interface itself, or, with a descriptor (not -1), from what another tool writes. */
static PyObject *recording_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    PyObject *path = NULL, *folder = NULL;
    struct pf_live_how how = {.interface = NULL};
    struct pf_record_as as = {.path = NULL};
    const char *suffix;
    int fd, promiscuous;
    unsigned long long file_octets, packets, octets;
    long long file_period;
    if (keywords != NULL && PyDict_GET_SIZE(keywords) != 0) {
        PyErr_SetString(PyExc_TypeError, "Recording takes no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(arguments, "(szIIp)i(OzO&)(KLIKK):Recording", &how.interface, &how.filter, &how.snap_len,
                          &how.buffer, &promiscuous, &fd, &path, &suffix, PyUnicode_FSConverter, &folder, &file_octets,
                          &file_period, &as.keep, &packets, &octets))
        return NULL;
    struct recording_object *self = (struct recording_object *)type->tp_alloc(type, 0);
    PyObject *encoded = NULL;
    bool good = self != NULL && (path == Py_None || PyUnicode_FSConverter(path, &encoded));
    if (good) {
        self->texts = PyTuple_Pack(3, arguments, folder, encoded != NULL ? encoded : Py_None);
        good = self->texts != NULL;
    }
    if (good) {
        how.promiscuous = promiscuous != 0;
        as.path = encoded != NULL ? PyBytes_AS_STRING(encoded) : NULL;
        as.suffix = suffix;
        as.folder = PyBytes_AS_STRING(folder);
        as.interface_name = how.interface;
        as.filter = how.filter;
        as.file_octets = file_octets;
        as.file_period = file_period;
        as.packets = packets;
        as.octets = octets;
        good = open_recording(self, &how, fd, &as);
    }
    Py_XDECREF(encoded);
    Py_DECREF(folder);
    if (!good)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static void recording_dealloc(PyObject *object)
{
    struct recording_object *self = cast(object);
    PyTypeObject *type = Py_TYPE(object);
    if (self->opened) { /* its thread never asks for the GIL */
        Py_BEGIN_ALLOW_THREADS
        pf_recording_clear(&self->recording);
        Py_END_ALLOW_THREADS
    }
    Py_XDECREF(self->texts);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *raised(PyObject *self, const struct pf_error *error)
{
    return pf_raise(pf_state_of_type(Py_TYPE(self)), error);
}

static PyObject *recording_start(PyObject *self, PyObject *ignored)
{
    struct pf_error error = {.status = PF_OK};
    (void)ignored;
    if (pf_recording_start(&cast(self)->recording, &error) != PF_OK)
        return raised(self, &error);
    Py_RETURN_NONE;
}

static PyObject *recording_wait(PyObject *self, PyObject *argument)
{
    unsigned long milliseconds = PyLong_AsUnsignedLong(argument);
    bool ended;
    if (PyErr_Occurred())
        return NULL;
    if (milliseconds > 1000) {
        PyErr_SetString(PyExc_ValueError, "wait: at most a second at once, for Ctrl-C's sake");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    ended = pf_recording_wait(&cast(self)->recording, (unsigned)milliseconds);
    Py_END_ALLOW_THREADS
    return PyBool_FromLong(ended);
}

static PyObject *recording_finish(PyObject *self, PyObject *ignored)
{
    (void)ignored;
    pf_recording_finish(&cast(self)->recording);
    Py_RETURN_NONE;
}

static PyObject *recording_stop(PyObject *self, PyObject *ignored)
{
    (void)ignored;
    pf_recording_stop(&cast(self)->recording);
    Py_RETURN_NONE;
}

static PyObject *recording_check(PyObject *self, PyObject *ignored)
{
    struct pf_error error = {.status = PF_OK};
    (void)ignored;
    if (pf_recording_error(&cast(self)->recording, &error) != PF_OK)
        return raised(self, &error);
    Py_RETURN_NONE;
}

static PyObject *count_or_none(bool known, uint64_t count)
{
    return known ? PyLong_FromUnsignedLongLong(count) : Py_NewRef(Py_None);
}

static PyObject *recording_state(PyObject *self, PyObject *ignored)
{
    static const char *const endings[] = {
        [PF_RUNNING] = "running", [PF_ASKED] = "asked",        [PF_ENOUGH] = "enough",
        [PF_SPOOL_FULL] = "full", [PF_SOURCE_ENDED] = "ended", [PF_FAILED] = "failed",
    };
    struct pf_recording_state state = pf_recording_look(&cast(self)->recording);
    (void)ignored;
    return Py_BuildValue("sKKKNNNN", endings[state.ending], (unsigned long long)state.packets,
                         (unsigned long long)state.captured, (unsigned long long)state.file_octets,
                         count_or_none(state.counted, state.received), count_or_none(state.counted, state.dropped),
                         count_or_none(state.counted, state.missed), pf_line(state.why));
}

static PyObject *recording_files(PyObject *self, PyObject *ignored)
{
    struct pf_recorder *recorder = &cast(self)->recording.recorder;
    (void)ignored;
    PyObject *list = PyList_New(0);
    pf_mutex_lock(&recorder->lock); /* held for moments only by the other side, which never asks for the GIL */
    for (size_t i = 0; list != NULL && i < recorder->file_count; i++) {
        PyObject *name = pf_str(recorder->files[i]);
        if (name == NULL || PyList_Append(list, name) < 0)
            Py_CLEAR(list);
        Py_XDECREF(name);
    }
    pf_mutex_unlock(&recorder->lock);
    return list;
}

static PyObject *mark_tuple(const struct pf_mark *mark)
{
    return Py_BuildValue("KKiLL", (unsigned long long)mark->offset, (unsigned long long)mark->before.packets,
                         mark->before.timed, (long long)mark->before.first_time, (long long)mark->before.time);
}

static PyObject *recording_mark(PyObject *self, PyObject *argument)
{
    struct pf_recorder *recorder = &cast(self)->recording.recorder;
    struct pf_mark mark;
    if (argument == Py_None) {
        mark = pf_recorder_mark(recorder);
    } else {
        unsigned long long packets = PyLong_AsUnsignedLongLong(argument);
        if (PyErr_Occurred())
            return NULL;
        mark = pf_recorder_mark_before(recorder, packets);
    }
    return mark_tuple(&mark);
}

/* input(name, from, to): the packets between two marks. */
static PyObject *recording_input(PyObject *self, PyObject *arguments)
{
    struct pf_recorder *recorder = &cast(self)->recording.recorder;
    PyObject *path;
    unsigned long long from, packets, end, more;
    int timed, ignored;
    long long first_time, time, ignored_first, ignored_time;
    if (!PyArg_ParseTuple(arguments, "O&(KKiLL)(KKiLL):input", PyUnicode_FSConverter, &path, &from, &packets, &timed,
                          &first_time, &time, &end, &more, &ignored, &ignored_first, &ignored_time))
        return NULL;
    struct pf_error error = {.status = PF_OK};
    struct pf_source *source = NULL;
    enum pf_status status = recorder->shared >= 0
                                ? pf_source_snapshot(PyBytes_AS_STRING(path), recorder->shared, recorder->first_record,
                                                     from, end, &source, &error)
                                : pf_fail(&error, PF_INVALID, "a series of files is read when it is finished");
    Py_DECREF(path);
    if (status != PF_OK)
        return raised(self, &error);
    struct pf_before before = {packets, timed != 0, first_time, time, time};
    return pf_input_object_of(pf_state_of_type(Py_TYPE(self)), source, &before);
}

static PyMethodDef recording_methods[] = {
    {"start", recording_start, METH_NOARGS, "start(): begins to take packets, on a thread of its own."},
    {"wait", recording_wait, METH_O, "wait(milliseconds): whether it has ended."},
    {"finish", recording_finish, METH_NOARGS, "finish(): asks for the end, with all that has arrived."},
    {"stop", recording_stop, METH_NOARGS, "stop(): asks for the end at once."},
    {"check", recording_check, METH_NOARGS, "check(): raises what it failed with, if it did."},
    {"state", recording_state, METH_NOARGS,
     "state(): (ending, packets, octets of packets, octets of files, received, dropped, missed, why)."},
    {"files", recording_files, METH_NOARGS, "files(): names of those that are finished."},
    {"mark", recording_mark, METH_O, "mark(None): how far it is; mark(packets): one at which no more were there."},
    {"input", recording_input, METH_VARARGS, "input(name, from, to): an Input of the packets between two marks."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot recording_slots[] = {
    {Py_tp_new, recording_new},
    {Py_tp_dealloc, recording_dealloc},
    {Py_tp_methods, recording_methods},
    {Py_tp_doc, "A recording under way."},
    {0, NULL},
};

PyType_Spec pf_recording_spec = {
    .name = "pcapframe._core.Recording",
    .basicsize = sizeof(struct recording_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = recording_slots,
};

/* --- interfaces -------------------------------------------------------------------------------------------------- */

static const struct pf_kind kinds[] = {
    {"name", PF_STRING, false},    {"description", PF_STRING, true}, {"addresses", PF_STRING, false},
    {"up", PF_UINT8, false},       {"running", PF_UINT8, false},     {"loopback", PF_UINT8, false},
    {"wireless", PF_UINT8, false},
};
enum { COLUMNS = sizeof kinds / sizeof kinds[0] };

static enum pf_status put_text(struct pf_column *column, const char *text, struct pf_error *error)
{
    PF_TRY(pf_column_reserve(column, 1, error));
    if (text != NULL)
        return pf_column_put_octets(column, text, strlen(text), error);
    pf_column_put_null(column);
    return PF_OK;
}

static enum pf_status tell(void *context, const struct pf_live_interface *interface, struct pf_error *error)
{
    struct pf_part *part = context;
    const char *texts[] = {interface->name, interface->description, interface->addresses};
    const bool flags[] = {interface->up, interface->running, interface->loopback, interface->wireless};
    for (size_t i = 0; i < 3; i++)
        PF_TRY(put_text(part->columns[i], texts[i], error));
    for (size_t i = 0; i < COLUMNS - 3; i++) {
        PF_TRY(pf_column_reserve(part->columns[3 + i], 1, error));
        pf_column_put_number(part->columns[3 + i], flags[i]);
    }
    part->rows++;
    return PF_OK;
}

PyObject *pf_interfaces_frame(PyObject *module, PyObject *ignored)
{
    struct pf_state *state = pf_state_of(module);
    (void)ignored;
    struct pf_frame_object *made = pf_frame_object_new(state);
    if (made == NULL)
        return NULL;
    struct pf_error error = {.status = PF_OK};
    struct pf_part *part = pf_part_new(kinds, COLUMNS);
    enum pf_status status;
    Py_BEGIN_ALLOW_THREADS
    status = part != NULL ? pf_frame_init(&made->frame, kinds, COLUMNS, &error) : pf_fail_memory(&error);
    if (status == PF_OK)
        status = pf_live_interfaces(tell, part, &error);
    if (status == PF_OK)
        status = pf_frame_add(&made->frame, part, &error);
    else if (part != NULL)
        pf_part_free(part, COLUMNS);
    Py_END_ALLOW_THREADS
    if (status == PF_OK)
        return (PyObject *)made;
    Py_DECREF(made);
    return pf_raise(state, &error);
}
