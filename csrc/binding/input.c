/* _core.Input: one opened capture. */
#include "binding/core.h"

#include "base/alloc.h"

/* A Python file object: read on the calling thread, which holds the GIL for it and takes Ctrl-C meanwhile. */
struct file_object_source {
    struct pf_source base;
    PyObject *file;
    PyObject *start; /* where it stood when it was opened, or NULL when it can't seek */
    bool rewind;
    bool compressed; /* a pcapframe._compressed.Reader, which says in its `fault` why it gives no more */
};

struct request {
    struct file_object_source *source;
    void *memory;
    size_t size;
    size_t *got;
};

static bool rewind_file(struct file_object_source *source)
{
    PyObject *place = PyObject_CallMethod(source->file, "seek", "O", source->start);
    Py_XDECREF(place);
    source->rewind = false;
    return place != NULL;
}

static bool read_file(const struct request *request)
{
    PyObject *octets = PyObject_CallMethod(request->source->file, "read", "n", (Py_ssize_t)request->size);
    if (octets == NULL)
        return false;
    bool good = PyBytes_Check(octets) && (size_t)PyBytes_GET_SIZE(octets) <= request->size;
    if (good) {
        *request->got = (size_t)PyBytes_GET_SIZE(octets);
        memcpy(request->memory, PyBytes_AS_STRING(octets), *request->got);
    } else if (PyBytes_Check(octets)) {
        PyErr_Format(PyExc_ValueError, "read(%zu) of %R gave %zd octets", request->size, request->source->file,
                     PyBytes_GET_SIZE(octets));
    } else {
        PyErr_Format(PyExc_TypeError, "read() of %R gave %s: a file opened in binary mode is needed",
                     request->source->file, Py_TYPE(octets)->tp_name);
    }
    Py_DECREF(octets);
    return good;
}

/* Why a decompressor gives no more: None, or (kind, text). */
static bool read_fault(struct file_object_source *source)
{
    PyObject *fault = PyObject_GetAttrString(source->file, "fault");
    const char *kind, *text;
    bool good = fault == Py_None || (fault != NULL && pf_parse(fault, "ss:fault", &kind, &text));
    if (good && fault != Py_None) {
        struct pf_fault *broken = &source->base.broken;
        for (broken->kind = PF_COMPRESSED_CUT_SHORT; broken->kind < PF_BOMB; broken->kind++) {
            if (strcmp(pf_fault_name(broken->kind), kind) == 0)
                break;
        }
        (void)snprintf(broken->text, sizeof broken->text, "%s", text);
    }
    Py_XDECREF(fault);
    return good;
}

static enum pf_status do_read(void *context, struct pf_error *error)
{
    const struct request *request = context;
    PyGILState_STATE gil = PyGILState_Ensure();
    struct file_object_source *source = request->source;
    bool good = (!source->rewind || rewind_file(source)) && read_file(request);
    if (good && *request->got == 0 && source->compressed)
        good = read_fault(source);
    PyGILState_Release(gil);
    return good ? PF_OK : pf_fail(error, PF_STOPPED, "stopped");
}

static enum pf_status source_begin(struct pf_source *base, struct pf_error *error)
{
    struct file_object_source *source = (struct file_object_source *)base;
    (void)error;
    source->rewind = source->start != NULL;
    base->broken.kind = PF_NO_FAULT;
    return PF_OK;
}

static enum pf_status source_read(struct pf_source *base, struct pf_crew *crew, void *memory, size_t size, size_t *got,
                                  struct pf_error *error)
{
    struct request request = {(struct file_object_source *)base, memory, size, got};
    return pf_crew_ask(crew, do_read, &request, error);
}

static void source_free(struct pf_source *base)
{
    struct file_object_source *source = (struct file_object_source *)base;
    PyGILState_STATE gil = PyGILState_Ensure(); /* an open that fails frees it while others run */
    Py_XDECREF(source->file);
    Py_XDECREF(source->start);
    PyGILState_Release(gil);
    pf_free(source);
}

static const struct pf_source_ops file_object_ops = {.begin = source_begin, .read = source_read, .free = source_free};

static enum pf_status file_object(PyObject *file, PyObject *start, const char *name, struct pf_source **made,
                                  struct pf_error *error)
{
    struct file_object_source *source = pf_alloc(sizeof *source);
    if (source == NULL)
        return pf_fail_memory(error);
    enum pf_status status = pf_source_init(&source->base, &file_object_ops, name, error);
    if (status != PF_OK) {
        pf_free(source);
        return status;
    }
    source->file = Py_NewRef(file);
    source->start = start != Py_None ? Py_NewRef(start) : NULL;
    source->base.once = start == Py_None;
    *made = &source->base;
    return PF_OK;
}

static enum pf_status file_called(const char *name, PyObject *path, struct pf_source **source, struct pf_error *error)
{
    if (path == Py_None)
        return pf_source_file(name, source, error);
    PyObject *octets;
    if (!PyUnicode_FSConverter(path, &octets))
        return pf_fail(error, PF_STOPPED, "stopped");
    enum pf_status status = pf_source_file(PyBytes_AS_STRING(octets), source, error);
    if (status == PF_OK && (status = pf_source_call(*source, name, error)) != PF_OK)
        pf_source_free(*source);
    Py_DECREF(octets);
    return status;
}

/* Input(kind, name, object=None, start=None): kind "path" (object: the path, where it is another than the name),
 * "follow" (a path), "memory" (object: a buffer), "stream"
 * (start: a descriptor, object: octets that were taken from it) or "file" (object: a binary file, start: where it
 * stands, None when it can't seek); "ranges" (object: has read_at(offset, size), start: its size); "reader" is a file
 * that is a pcapframe._compressed.Reader. */
static PyObject *input_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"kind", "name", "object", "start", NULL};
    const char *kind;
    PyObject *path = NULL, *object = Py_None, *start = Py_None;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "sO&|OO:Input", names, &kind, PyUnicode_FSConverter, &path,
                                     &object, &start))
        return NULL;
    struct pf_state *state = pf_state_of_type(type);
    struct pf_input_object *self = (struct pf_input_object *)type->tp_alloc(type, 0);
    struct pf_source *source = NULL;
    struct pf_error error = {.status = PF_OK};
    enum pf_status status = PF_OK;
    const char *name = PyBytes_AS_STRING(path);
    PyObject *result = NULL;
    if (self == NULL)
        goto done;
    atomic_flag_clear(&self->in_use);
    if (strcmp(kind, "path") == 0) {
        status = file_called(name, object, &source, &error);
    } else if (strcmp(kind, "memory") == 0) {
        if (PyObject_GetBuffer(object, &self->buffer, PyBUF_SIMPLE) < 0)
            goto done;
        status = pf_source_memory(name, self->buffer.buf, (size_t)self->buffer.len, &source, &error);
    } else if (strcmp(kind, "follow") == 0) {
        status = pf_source_follow(name, &source, &error);
    } else if (strcmp(kind, "ranges") == 0) {
        unsigned long long size = PyLong_AsUnsignedLongLong(start);
        if (PyErr_Occurred())
            goto done;
        status = pf_source_ranges(object, size, name, &source, &error);
    } else if (strcmp(kind, "stream") == 0) {
        long fd = PyLong_AsLong(start);
        if (PyErr_Occurred() || !PyBytes_Check(object))
            goto done;
        status = pf_source_stream(name, (int)fd, PyBytes_AS_STRING(object), (size_t)PyBytes_GET_SIZE(object), &source,
                                  &error);
    } else {
        status = file_object(object, start, name, &source, &error);
        if (status == PF_OK)
            ((struct file_object_source *)source)->compressed = strcmp(kind, "reader") == 0;
    }
    if (status == PF_OK) {
        struct pf_host host = {.tick = pf_check_signals};
        struct pf_input opened; /* not self's while others run: the collector may look at it */
        Py_BEGIN_ALLOW_THREADS
        status = pf_input_open(&opened, source, &host, &error);
        Py_END_ALLOW_THREADS
        if (status == PF_OK)
            self->input = opened;
    }
    result = status == PF_OK ? Py_NewRef(self) : pf_raise(state, &error);
done:
    Py_XDECREF(self);
    Py_DECREF(path);
    return result;
}

PyObject *pf_input_object_of(struct pf_state *state, struct pf_source *source, const struct pf_before *before)
{
    struct pf_input_object *self = (struct pf_input_object *)state->input->tp_alloc(state->input, 0);
    if (self == NULL) {
        pf_source_free(source);
        return NULL;
    }
    atomic_flag_clear(&self->in_use);
    struct pf_host host = {.tick = pf_check_signals};
    struct pf_error error = {.status = PF_OK};
    struct pf_input opened;
    enum pf_status status;
    Py_BEGIN_ALLOW_THREADS
    status = pf_input_open(&opened, source, &host, &error);
    Py_END_ALLOW_THREADS
    if (status != PF_OK) {
        Py_DECREF(self);
        return pf_raise(state, &error);
    }
    opened.before = *before;
    self->input = opened;
    return (PyObject *)self;
}

static void input_dealloc(PyObject *object)
{
    struct pf_input_object *self = (struct pf_input_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    pf_input_close(&self->input);
    pf_input_drop_index(self);
    Py_XDECREF(self->found);
    if (self->buffer.obj != NULL)
        PyBuffer_Release(&self->buffer);
    type->tp_free(object);
    Py_DECREF(type);
}

static int input_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct pf_input_object *self = (struct pf_input_object *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->buffer.obj);
    if (self->input.source != NULL)
        Py_VISIT(pf_source_ranges_object(self->input.source));
    if (self->input.source != NULL && self->input.source->ops == &file_object_ops) {
        Py_VISIT(((struct file_object_source *)self->input.source)->file);
        Py_VISIT(((struct file_object_source *)self->input.source)->start);
    }
    return 0;
}

static PyObject *get_name(PyObject *self, void *closure)
{
    (void)closure;
    return pf_str(((struct pf_input_object *)self)->input.source->name);
}

static PyObject *get_format(PyObject *self, void *closure)
{
    (void)closure;
    return PyUnicode_FromString(((struct pf_input_object *)self)->input.walk.format->name);
}

static PyObject *get_size(PyObject *self, void *closure)
{
    (void)closure;
    uint64_t size = ((struct pf_input_object *)self)->input.source->size;
    return size != PF_SIZE_UNKNOWN ? PyLong_FromUnsignedLongLong(size) : Py_NewRef(Py_None);
}

static PyObject *get_once(PyObject *self, void *closure)
{
    (void)closure;
    return PyBool_FromLong(((struct pf_input_object *)self)->input.source->once);
}

bool pf_input_is_python(PyObject *input)
{
    return ((struct pf_input_object *)input)->input.source->ops == &file_object_ops;
}

static PyObject *get_file(PyObject *self, void *closure)
{
    (void)closure;
    struct pf_source *source = ((struct pf_input_object *)self)->input.source;
    return Py_NewRef(source->ops == &file_object_ops ? ((struct file_object_source *)source)->file : Py_None);
}

static PyObject *text_or_none(const char *text)
{
    return text != NULL ? PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace") : Py_NewRef(Py_None);
}

static PyObject *number_or_none(bool there, uint64_t number)
{
    return there ? PyLong_FromUnsignedLongLong(number) : Py_NewRef(Py_None);
}

PyObject *pf_interfaces_list(const struct pf_interfaces *interfaces)
{
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < interfaces->count; i++) {
        const struct pf_interface *interface = interfaces->list[i];
        PyObject *item = Py_BuildValue("iNNIiiLNN", interface->link_type, text_or_none(interface->name),
                                       text_or_none(interface->description), (unsigned)interface->snap_len,
                                       interface->binary, interface->exponent, (long long)interface->offset,
                                       number_or_none(interface->has_received, interface->received),
                                       number_or_none(interface->has_dropped, interface->dropped));
        if (item == NULL || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *get_interfaces(PyObject *self, void *closure)
{
    (void)closure;
    return pf_interfaces_list(&((struct pf_input_object *)self)->input.interfaces);
}

static PyObject *get_first_time(PyObject *self, void *closure)
{
    (void)closure;
    const struct pf_input *input = &((struct pf_input_object *)self)->input;
    return input->timed ? PyLong_FromLongLong(input->first_time) : Py_NewRef(Py_None);
}

static PyObject *input_end(PyObject *self, PyObject *ignored)
{
    (void)ignored;
    return PyBool_FromLong(pf_source_follow_end(((struct pf_input_object *)self)->input.source));
}

static PyObject *get_first(PyObject *self, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLongLong(((struct pf_input_object *)self)->input.walk.offset);
}

static PyObject *get_found(PyObject *self, void *closure)
{
    PyObject *found = ((struct pf_input_object *)self)->found;
    (void)closure;
    return Py_NewRef(found != NULL ? found : Py_None);
}

static PyMethodDef input_methods[] = {
    {"cut", pf_input_cut_method, METH_VARARGS,
     "cut(start, end, told, before): becomes a piece of itself; for inputs that nobody else has."},
    {"entry", pf_input_entry_method, METH_O,
     "entry(offset): (of the last record before it that its index knows, of what was told before that), or None."},
    {"guess", pf_input_guess_method, METH_O, "guess(offset): where records may go on from there, or None."},
    {"end", input_end, METH_NOARGS, "end(): a file that is followed ends with what it has; whether it does so now."},
    {"set_index", pf_input_set_index, METH_O,
     "set_index(octets): use this index from now on; None, or why not: (\"stale\" or \"invalid\", text)."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef input_getset[] = {
    {"name", get_name, NULL, "What it was opened from.", NULL},
    {"format", get_format, NULL, "The capture format.", NULL},
    {"size", get_size, NULL, "Octets, or None for a stream.", NULL},
    {"once", get_once, NULL, "Whether it serves one pass only.", NULL},
    {"interfaces", get_interfaces, NULL, "Those described before the first packet, as tuples.", NULL},
    {"file", get_file, NULL, "The Python object it reads from, or None.", NULL},
    {"index", pf_input_index, NULL,
     "What its index says, or None: (packets, first time, last time, fault, [(offset, packets before it, least time, "
     "greatest time), ...]).",
     NULL},
    {"first", get_first, NULL, "The offset at which its records begin.", NULL},
    {"found", get_found, NULL,
     "What the last pass came to that had no other input: (end, damaged, packets, number of the first with a time, "
     "offset of the "
     "first, (first time, last, latest, earliest) or None, told, interfaces); or None.",
     NULL},
    {"first_time", get_first_time, NULL, "Time of the first packet in ns since the epoch, or None.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot input_slots[] = {
    {Py_tp_new, input_new},
    {Py_tp_dealloc, input_dealloc},
    {Py_tp_traverse, input_traverse},
    {Py_tp_methods, input_methods},
    {Py_tp_getset, input_getset},
    {Py_tp_doc, "Input(kind, name, object=None, start=None)\n--\n\nOne opened capture."},
    {0, NULL},
};

PyType_Spec pf_input_spec = {
    .name = "pcapframe._core.Input",
    .basicsize = sizeof(struct pf_input_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = input_slots,
};
