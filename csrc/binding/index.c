/* Indexes: made by a pass, given to inputs, shown. Where they lie is Python's business. */
#include "binding/core.h"

#include "base/alloc.h"

static PyObject *encoded(struct pf_state *state, const struct pf_pfx *index)
{
    struct pf_error error = {.status = PF_OK};
    uint8_t *octets;
    size_t size;
    if (pf_pfx_encode(index, &octets, &size, &error) != PF_OK)
        return pf_raise(state, &error);
    PyObject *result = PyBytes_FromStringAndSize((const char *)octets, (Py_ssize_t)size);
    pf_free(octets);
    return result;
}

/* A file that changed while it was walked has no index. */
static bool same_file(struct pf_state *state, const char *name, struct pf_identity *identity, bool first)
{
    struct pf_error error = {.status = PF_OK};
    struct pf_identity now;
    enum pf_status status;
    memset(&now, 0, sizeof now);
    Py_BEGIN_ALLOW_THREADS
    status = pf_identity_of(name, &now, &error);
    Py_END_ALLOW_THREADS
    if (status == PF_OK && !first && !pf_identity_equal(identity, &now))
        status = pf_fail(&error, PF_NOT_CAPTURE, "%s: changed while it was read: no index is made of it", name);
    if (status != PF_OK)
        (void)pf_raise(state, &error);
    *identity = now;
    return status == PF_OK;
}

static PyObject *walked(struct pf_run *run, uint64_t grain)
{
    const struct pf_source *source = run->inputs[0]->source;
    struct pf_pfx index;
    PyObject *result = NULL;
    pf_pfx_begin(&index, source->size);
    if (grain != 0)
        index.grain = grain;
    run->pass.making = &index;
    run->pass.strict = false;
    if (same_file(run->state, source->name, &index.of, true) && pf_run_sinks(run, NULL, 0, NULL, 0) &&
        same_file(run->state, source->name, &index.of, false)) {
        if (index.fault.kind == PF_NO_FAULT)
            pf_pfx_end(&index, source->size, NULL);
        result = index.of.size == source->size ? encoded(run->state, &index) : NULL;
        if (result == NULL && !PyErr_Occurred())
            PyErr_Format(run->state->capture_error, "%s: changed since it was opened: open it anew", source->name);
    }
    pf_pfx_clear(&index);
    return result;
}

PyObject *pf_index_make(PyObject *module, PyObject *arguments)
{
    PyObject *inputs, *options, *result = NULL;
    unsigned long long grain = 0;
    struct pf_run run;
    if (!PyArg_ParseTuple(arguments, "OO!|K:index_make", &inputs, &PyTuple_Type, &options, &grain) ||
        !pf_run_begin(&run, pf_state_of(module), inputs, options))
        return NULL;
    if (run.pass.input_count == 1 && pf_source_is_file(run.inputs[0]->source))
        result = walked(&run, grain);
    else
        PyErr_SetString(PyExc_ValueError, "an index is made of one uncompressed file");
    result = pf_with_faults(&run, result);
    pf_run_end(&run);
    return result;
}

/* --- inputs that have one ----------------------------------------------------------------------------------------- */

/* None, or (kind, text). */
static PyObject *refusal(const char *kind, const char *text)
{
    return Py_BuildValue("ss", kind, text);
}

static PyObject *take_index(struct pf_input_object *self, const Py_buffer *octets)
{
    struct pf_error error = {.status = PF_OK};
    struct pf_identity now;
    const char *name = self->input.source->name;
    struct pf_pfx *index = pf_alloc(sizeof *index);
    if (index == NULL)
        return PyErr_NoMemory();
    enum pf_status status = pf_pfx_decode(index, octets->buf, (size_t)octets->len, &error);
    bool decoded = status == PF_OK;
    bool same = decoded && pf_identity_of(name, &now, &error) == PF_OK && pf_identity_equal(&index->of, &now) &&
                index->of.size == self->input.source->size;
    if (same && self->index == NULL) {
        self->index = index;
        return Py_NewRef(Py_None);
    }
    pf_pfx_clear(index);
    pf_free(index);
    if (status == PF_NO_MEMORY)
        return PyErr_NoMemory();
    if (same)
        return Py_NewRef(Py_None);
    return decoded ? refusal("stale", "the capture is another than when it was made") : refusal("invalid", error.text);
}

PyObject *pf_input_set_index(PyObject *object, PyObject *octets)
{
    struct pf_input_object *self = (struct pf_input_object *)object;
    Py_buffer buffer;
    if (!pf_source_is_file(self->input.source))
        return refusal("invalid", "only an uncompressed file has one");
    if (PyObject_GetBuffer(octets, &buffer, PyBUF_SIMPLE) < 0)
        return NULL;
    PyObject *result = take_index(self, &buffer);
    PyBuffer_Release(&buffer);
    return result;
}

void pf_input_drop_index(struct pf_input_object *input)
{
    if (input->index != NULL)
        pf_pfx_clear(input->index);
    pf_free(input->index);
    input->index = NULL;
}

static PyObject *time_or_none(bool there, int64_t time)
{
    return there ? PyLong_FromLongLong(time) : Py_NewRef(Py_None);
}

static PyObject *place_tuple(const struct pf_pfx_place *place)
{
    bool timed = place->least <= place->most;
    return Py_BuildValue("KKNN", (unsigned long long)place->offset, (unsigned long long)place->packets,
                         time_or_none(timed, place->least), time_or_none(timed, place->most));
}

/* The last place at or before `offset`; NULL where there is none. */
static const struct pf_pfx_place *place_before(const struct pf_pfx *index, uint64_t offset)
{
    size_t low = 0, high = index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index->places[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low != 0 ? &index->places[low - 1] : NULL;
}

PyObject *pf_input_entry_method(PyObject *object, PyObject *argument)
{
    const struct pf_input_object *input = (struct pf_input_object *)object;
    const struct pf_pfx *index = input->index;
    unsigned long long offset = PyLong_AsUnsignedLongLong(argument);
    if (PyErr_Occurred())
        return NULL;
    if (index == NULL)
        Py_RETURN_NONE;
    const struct pf_pfx_place *place = place_before(index, offset);
    PyObject *told = PyTuple_New(place != NULL ? (Py_ssize_t)place->descriptions : 0);
    for (size_t i = 0; told != NULL && place != NULL && i < place->descriptions; i++) {
        PyObject *described = PyLong_FromUnsignedLongLong(index->descriptions[i]);
        if (described == NULL)
            Py_CLEAR(told);
        else
            PyTuple_SET_ITEM(told, (Py_ssize_t)i, described);
    }
    uint64_t first = place != NULL ? place->offset : input->input.walk.offset;
    return told != NULL ? Py_BuildValue("KN", (unsigned long long)first, told) : NULL;
}

PyObject *pf_input_index(PyObject *object, void *closure)
{
    const struct pf_pfx *index = ((struct pf_input_object *)object)->index;
    (void)closure;
    if (index == NULL)
        return Py_NewRef(Py_None);
    PyObject *places = PyList_New((Py_ssize_t)index->count);
    for (size_t i = 0; places != NULL && i < index->count; i++) {
        PyObject *place = place_tuple(&index->places[i]);
        if (place == NULL)
            Py_CLEAR(places);
        else
            PyList_SET_ITEM(places, (Py_ssize_t)i, place);
    }
    if (places == NULL)
        return NULL;
    const struct pf_fault *fault = &index->fault;
    PyObject *text = fault->kind != PF_NO_FAULT ? pf_line(fault->text) : Py_NewRef(Py_None);
    return Py_BuildValue("KNNNN", (unsigned long long)index->end.packets,
                         time_or_none(index->end.timed, index->first_time),
                         time_or_none(index->end.timed, index->end.greatest), text, places);
}

bool pf_run_indexes(struct pf_run *run, int64_t first, int64_t last)
{
    size_t count = run->pass.input_count;
    bool any = false;
    run->pass.first = first;
    run->pass.last = last;
    for (size_t i = 0; i < count; i++)
        any = any || ((struct pf_input_object *)PyTuple_GET_ITEM(run->held, (Py_ssize_t)i))->index != NULL;
    if (!any || (first == INT64_MIN && last == INT64_MAX))
        return true;
    run->indexes = pf_alloc_array(count, sizeof *run->indexes);
    if (run->indexes == NULL) {
        PyErr_NoMemory();
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct pf_pfx *index = ((struct pf_input_object *)PyTuple_GET_ITEM(run->held, (Py_ssize_t)i))->index;
        if (index != NULL && pf_identity_likely(&index->of, run->inputs[i]->source->name))
            run->indexes[i] = index;
    }
    run->pass.indexes = run->indexes;
    return true;
}
