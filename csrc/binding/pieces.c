/* Pieces of captures, and sources that Python reads range by range. */
#include "binding/core.h"

#include "base/alloc.h"

/* (packets, timed, first time, time, latest) */
static bool before_from(PyObject *tuple, struct pf_before *before)
{
    unsigned long long packets;
    long long first_time, time, latest;
    int timed;
    if (tuple == Py_None)
        return true;
    if (!pf_parse(tuple, "KpLLL:before", &packets, &timed, &first_time, &time, &latest))
        return false;
    *before = (struct pf_before){packets, timed != 0, first_time, time, latest};
    return true;
}

PyObject *pf_input_cut_method(PyObject *self, PyObject *arguments)
{
    unsigned long long start, end;
    PyObject *told, *tuple;
    struct pf_before before = {.packets = 0};
    if (!PyArg_ParseTuple(arguments, "KKO!O:cut", &start, &end, &PyTuple_Type, &told, &tuple) ||
        !before_from(tuple, &before))
        return NULL;
    size_t count = (size_t)PyTuple_GET_SIZE(told);
    uint64_t *offsets = pf_alloc_array(count, sizeof *offsets);
    if (offsets == NULL)
        return PyErr_NoMemory();
    for (size_t i = 0; i < count && !PyErr_Occurred(); i++)
        offsets[i] = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(told, (Py_ssize_t)i));
    struct pf_input *input = &((struct pf_input_object *)self)->input;
    struct pf_error error = {.status = PF_OK};
    enum pf_status status = PyErr_Occurred() ? PF_STOPPED : pf_input_cut(input, start, end, offsets, count, &error);
    pf_free(offsets);
    if (status != PF_OK)
        return pf_raise(pf_state_of_type(Py_TYPE(self)), &error);
    input->before = before;
    Py_RETURN_NONE;
}

PyObject *pf_input_guess_method(PyObject *self, PyObject *argument)
{
    unsigned long long from = PyLong_AsUnsignedLongLong(argument);
    const struct pf_input *input = &((struct pf_input_object *)self)->input;
    struct pf_error error = {.status = PF_OK};
    enum pf_status status;
    uint64_t start;
    if (PyErr_Occurred())
        return NULL;
    if (!pf_source_seekable(input->source))
        Py_RETURN_NONE;
    Py_BEGIN_ALLOW_THREADS
    status = pf_input_guess(input, from, &start, &error);
    Py_END_ALLOW_THREADS
    if (status != PF_OK)
        return pf_raise(pf_state_of_type(Py_TYPE(self)), &error);
    return start != PF_SIZE_UNKNOWN ? PyLong_FromUnsignedLongLong(start) : Py_NewRef(Py_None);
}

bool pf_input_keep_found(struct pf_input_object *input, const struct pf_pass *pass)
{
    const struct pf_found *found = &pass->found;
    if (pass->input_count != 1)
        return true;
    PyObject *told = PyTuple_New((Py_ssize_t)found->told_count);
    for (size_t i = 0; told != NULL && i < found->told_count; i++) {
        PyObject *offset = PyLong_FromUnsignedLongLong(found->told[i]);
        if (offset == NULL)
            Py_CLEAR(told);
        else
            PyTuple_SET_ITEM(told, (Py_ssize_t)i, offset);
    }
    PyObject *times = !found->timed ? Py_NewRef(Py_None)
                                    : Py_BuildValue("LLLL", (long long)found->first_time, (long long)found->time,
                                                    (long long)found->latest, (long long)found->earliest);
    PyObject *made = NULL;
    if (told != NULL && times != NULL)
        made = Py_BuildValue("KOKKKOOn", (unsigned long long)found->end, found->damaged ? Py_True : Py_False,
                             (unsigned long long)found->packets, (unsigned long long)found->first_timed,
                             (unsigned long long)found->first_offset, times, told, (Py_ssize_t)pass->interfaces.count);
    Py_XDECREF(told);
    Py_XDECREF(times);
    Py_XSETREF(input->found, made);
    return made != NULL;
}

PyObject *pf_needs(PyObject *module, PyObject *arguments)
{
    PyObject *names;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!:needs", &PyTuple_Type, &names))
        return NULL;
    size_t count;
    const struct pf_field **fields = pf_fields_from(names, &count);
    if (fields == NULL)
        return NULL;
    unsigned needs = 0;
    for (size_t i = 0; i < count; i++)
        needs |= fields[i]->needs;
    pf_free(fields);
    return PyLong_FromUnsignedLong(needs);
}

/* --- a source that Python reads ---------------------------------------------------------------------------------- */

struct ranges {
    struct pf_source base;
    PyObject *object;
};

/* Any thread may want octets: what is raised there is told, because it can't be raised in another. */
static enum pf_status refused(const struct pf_source *source, struct pf_error *error)
{
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    PyObject *text = value != NULL ? PyObject_Str(value) : NULL;
    const char *why = text != NULL ? PyUnicode_AsUTF8(text) : NULL;
    (void)pf_fail(error, PF_FAULT, "%s: could not be read: %s", source->name, why != NULL ? why : "no reason is given");
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    PyErr_Clear();
    return error->status;
}

static enum pf_status read_at(struct pf_source *source, void *memory, size_t size, uint64_t offset, size_t *got,
                              struct pf_error *error)
{
    uint64_t left = offset < source->size ? source->size - offset : 0;
    size = size < left ? size : (size_t)left;
    *got = 0;
    if (size == 0)
        return PF_OK;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *octets = PyObject_CallMethod(((struct ranges *)source)->object, "read_at", "Kn",
                                           (unsigned long long)offset, (Py_ssize_t)size);
    if (octets != NULL && (!PyBytes_Check(octets) || (size_t)PyBytes_GET_SIZE(octets) > size))
        PyErr_SetString(PyExc_TypeError, "no bytes, or more than were asked for");
    enum pf_status status = PyErr_Occurred() ? refused(source, error) : PF_OK;
    if (status == PF_OK) {
        *got = (size_t)PyBytes_GET_SIZE(octets);
        memcpy(memory, PyBytes_AS_STRING(octets), *got);
    }
    Py_XDECREF(octets);
    PyGILState_Release(gil);
    return status;
}

static void free_ranges(struct pf_source *source)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    Py_XDECREF(((struct ranges *)source)->object);
    PyGILState_Release(gil);
    pf_free(source);
}

static const struct pf_source_ops ranges_ops = {.read_at = read_at, .free = free_ranges};

enum pf_status pf_source_ranges(PyObject *object, uint64_t size, const char *name, struct pf_source **source,
                                struct pf_error *error)
{
    struct ranges *ranges = pf_alloc(sizeof *ranges);
    if (ranges == NULL)
        return pf_fail_memory(error);
    enum pf_status status = pf_source_init(&ranges->base, &ranges_ops, name, error);
    if (status != PF_OK) {
        pf_free(ranges);
        return status;
    }
    ranges->object = Py_NewRef(object);
    ranges->base.size = size;
    *source = &ranges->base;
    return PF_OK;
}

PyObject *pf_source_ranges_object(const struct pf_source *source)
{
    return source->ops == &ranges_ops ? ((const struct ranges *)source)->object : NULL;
}
