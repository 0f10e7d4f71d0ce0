/* _core.Filter: an expression and its programs; and what narrows the passes of a capture. */
#include "binding/core.h"

#include "base/alloc.h"
#include "libpcap/bpf.h"

enum { ETHERNET = 1 };

struct filter_object {
    PyObject_HEAD
    struct pf_filter filter;
};

static const struct pf_matcher libpcap = {pf_bpf_compile, pf_bpf_matches, pf_bpf_free};

/* Filter(expression) */
static PyObject *filter_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"expression", NULL};
    const char *expression;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "s:Filter", names, &expression))
        return NULL;
    struct filter_object *self = (struct filter_object *)type->tp_alloc(type, 0);
    struct pf_error error = {.status = PF_OK};
    if (self == NULL || pf_filter_init(&self->filter, &libpcap, expression, &error) == PF_OK)
        return (PyObject *)self;
    Py_DECREF(self);
    return pf_raise(pf_state_of_type(type), &error);
}

static void filter_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    pf_filter_clear(&((struct filter_object *)object)->filter);
    type->tp_free(object);
    Py_DECREF(type);
}

/* Fails with the first refusal when the expression serves no link type that is known before the first packet. Where
 * none is, it must be good for Ethernet. */
static enum pf_status check(struct pf_filter *filter, const struct pf_input *const *inputs, size_t count,
                            struct pf_error *error)
{
    const struct pf_verdict *verdict, *first = NULL;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < inputs[i]->interfaces.count; k++) {
            const struct pf_interface *interface = inputs[i]->interfaces.list[k];
            PF_TRY(pf_filter_verdict(filter, interface->link_type, interface->big_endian, &verdict, error));
            if (verdict->program != NULL)
                return PF_OK;
            first = first != NULL ? first : verdict;
        }
    }
    if (first == NULL)
        PF_TRY(pf_filter_verdict(filter, ETHERNET, false, &first, error));
    return first->program == NULL ? pf_fail(error, PF_NOT_FILTER, "%s", first->refusal) : PF_OK;
}

static PyObject *filter_check(PyObject *object, PyObject *tuple)
{
    struct pf_state *state = pf_state_of_type(Py_TYPE(object));
    struct pf_error error = {.status = PF_OK};
    enum pf_status status;
    size_t count = PyTuple_Check(tuple) ? (size_t)PyTuple_GET_SIZE(tuple) : 0;
    const struct pf_input **inputs = pf_alloc_array(count, sizeof *inputs);
    if (inputs == NULL)
        return PyErr_NoMemory();
    for (size_t i = 0; i < count; i++) {
        PyObject *input = PyTuple_GET_ITEM(tuple, (Py_ssize_t)i);
        if (!PyObject_TypeCheck(input, state->input)) {
            pf_free(inputs);
            PyErr_SetString(PyExc_TypeError, "a tuple of Input is needed");
            return NULL;
        }
        inputs[i] = &((struct pf_input_object *)input)->input;
    }
    Py_INCREF(tuple);
    Py_BEGIN_ALLOW_THREADS
    status = check(&((struct filter_object *)object)->filter, inputs, count, &error);
    Py_END_ALLOW_THREADS
    Py_DECREF(tuple);
    pf_free(inputs);
    return status == PF_OK ? Py_NewRef(Py_None) : pf_raise(state, &error);
}

static PyObject *filter_get_expression(PyObject *self, void *closure)
{
    (void)closure;
    return PyUnicode_FromString(((struct filter_object *)self)->filter.expression);
}

static PyMethodDef filter_methods[] = {
    {"check", filter_check, METH_O, "check(inputs): FilterError when it serves the link type of none of them."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef filter_getset[] = {
    {"expression", filter_get_expression, NULL, "What it was made from.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot filter_slots[] = {
    {Py_tp_new, filter_new},
    {Py_tp_dealloc, filter_dealloc},
    {Py_tp_methods, filter_methods},
    {Py_tp_getset, filter_getset},
    {Py_tp_doc, "Filter(expression)\n--\n\nA filter expression, compiled once for each link type it meets."},
    {0, NULL},
};

PyType_Spec pf_filter_spec = {
    .name = "pcapframe._core.Filter",
    .basicsize = sizeof(struct filter_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = filter_slots,
};

/* None, or (frame numbers ascending, flow ids, directions, only). */
static bool stamp_from(struct pf_narrowing *narrowing, PyObject *flows)
{
    static const int types[] = {NPY_UINT64, NPY_UINT64, NPY_UINT8};
    PyArrayObject *arrays[3];
    int only;
    if (flows == Py_None)
        return true;
    if (!pf_parse(flows, "O!O!O!p:flows", &PyArray_Type, &arrays[0], &PyArray_Type, &arrays[1], &PyArray_Type,
                  &arrays[2], &only))
        return false;
    for (unsigned i = 0; i < 3; i++) {
        bool good = PyArray_TYPE(arrays[i]) == types[i] && PyArray_NDIM(arrays[i]) == 1 &&
                    PyArray_ISCARRAY_RO(arrays[i]) && PyArray_SIZE(arrays[i]) == PyArray_SIZE(arrays[0]);
        if (!good) {
            PyErr_SetString(PyExc_TypeError, "flows: three arrays of one length are needed");
            return false;
        }
    }
    narrowing->flows = Py_NewRef(flows);
    pf_flow_stamp_init(&narrowing->stamp, PyArray_DATA(arrays[0]), PyArray_DATA(arrays[1]), PyArray_DATA(arrays[2]),
                       (size_t)PyArray_SIZE(arrays[0]), only != 0);
    return true;
}

static bool begin_filter(struct pf_narrowing *narrowing, struct pf_state *state, struct filter_object *filter,
                         struct pf_input *const *inputs)
{
    struct pf_filtering *filtering = &narrowing->filterings[narrowing->filtering_count];
    struct pf_error error = {.status = PF_OK};
    if (pf_filtering_init(filtering, &filter->filter, inputs, &error) != PF_OK) {
        (void)pf_raise(state, &error);
        return false;
    }
    narrowing->filtering_count++;
    narrowing->predicates[narrowing->count++] = &filtering->predicate;
    return true;
}

bool pf_narrowing_begin(struct pf_narrowing *narrowing, struct pf_state *state, PyObject *tuple,
                        struct pf_input *const *inputs, size_t input_count)
{
    PyObject *filters, *flows = Py_None;
    long long start, last;
    if (!pf_parse(tuple, "O!LL|O:narrowing", &PyTuple_Type, &filters, &start, &last, &flows) ||
        !stamp_from(narrowing, flows))
        return false;
    size_t count = (size_t)PyTuple_GET_SIZE(filters);
    narrowing->first = start;
    narrowing->last = last;
    narrowing->held = Py_NewRef(filters);
    narrowing->filterings = pf_alloc_array(count, sizeof *narrowing->filterings);
    narrowing->sieves = pf_alloc_array(count, sizeof *narrowing->sieves);
    narrowing->files = pf_alloc_array(input_count, sizeof *narrowing->files);
    narrowing->predicates = pf_alloc_array(2 + count + PF_MORE_PREDICATES, sizeof(struct pf_predicate *));
    if (narrowing->filterings == NULL || narrowing->sieves == NULL || narrowing->files == NULL ||
        narrowing->predicates == NULL) {
        PyErr_NoMemory();
        return false;
    }
    for (size_t i = 0; i < input_count; i++)
        narrowing->files[i] = inputs[i]->source->name;
    if (start != INT64_MIN || last != INT64_MAX) {
        pf_period_init(&narrowing->period, start, last);
        narrowing->predicates[narrowing->count++] = &narrowing->period.predicate;
    }
    if (narrowing->flows != NULL)
        narrowing->predicates[narrowing->count++] = &narrowing->stamp.predicate;
    for (size_t i = 0; i < count; i++) {
        PyObject *item = PyTuple_GET_ITEM(filters, (Py_ssize_t)i);
        if (PyObject_TypeCheck(item, state->filter)) {
            if (!begin_filter(narrowing, state, (struct filter_object *)item, inputs))
                return false;
        } else if (PyObject_TypeCheck(item, state->conditions)) {
            pf_sieve_init(&narrowing->sieves[i], &((struct pf_conditions_object *)item)->conditions, narrowing->files);
            narrowing->predicates[narrowing->count++] = &narrowing->sieves[i].predicate;
        } else {
            PyErr_SetString(PyExc_TypeError, "a tuple of Filter and Conditions is needed");
            return false;
        }
    }
    return true;
}

bool pf_narrowing_faults(const struct pf_narrowing *narrowing, PyObject *list)
{
    for (size_t i = 0; i < narrowing->filtering_count; i++) {
        const struct pf_filtering *filtering = &narrowing->filterings[i];
        char message[sizeof(struct pf_error)];
        if (filtering->refused == 0)
            continue;
        pf_filtering_message(filtering, message, sizeof message);
        PyObject *item = Py_BuildValue("sIKOiN", "unfiltered", (unsigned)filtering->input,
                                       (unsigned long long)filtering->frame_number, Py_None, 0, pf_line(message));
        bool good = item != NULL && PyList_Append(list, item) == 0;
        Py_XDECREF(item);
        if (!good)
            return false;
    }
    return true;
}

void pf_narrowing_end(struct pf_narrowing *narrowing)
{
    for (size_t i = 0; i < narrowing->filtering_count; i++)
        pf_filtering_clear(&narrowing->filterings[i]);
    pf_free(narrowing->filterings);
    pf_free(narrowing->sieves);
    pf_free(narrowing->files);
    pf_free(narrowing->predicates);
    Py_XDECREF(narrowing->held);
    Py_XDECREF(narrowing->flows);
}

PyObject *pf_libpcap_built_in(PyObject *module, PyObject *ignored)
{
    const char *says;
    (void)module;
    (void)ignored;
    bool built_in = pf_libpcap(&says);
    return Py_BuildValue("NN", PyBool_FromLong(built_in), pf_str(says));
}
