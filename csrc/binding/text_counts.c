/* _core.TextCounts: a table of texts and how often each occurred; the same methods as _core.Counts. */
#include "binding/core.h"

#include "base/alloc.h"
#include "tally/group_rows.h"

static struct pf_tally *groups_of(PyObject *self)
{
    return &((struct pf_text_counts_object *)self)->groups;
}

struct pf_text_counts_object *pf_text_counts_new(struct pf_state *state, const struct pf_tally_plan *plan)
{
    struct pf_text_counts_object *self =
        (struct pf_text_counts_object *)state->text_counts->tp_alloc(state->text_counts, 0);
    if (self != NULL) {
        self->plan = *plan;
        pf_tally_init(&self->groups, &self->plan);
    }
    return self;
}

static void dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    pf_tally_clear(groups_of(self));
    type->tp_free(self);
    Py_DECREF(type);
}

static Py_ssize_t length(PyObject *self)
{
    return (Py_ssize_t)pf_tally_size(groups_of(self));
}

/* 0 for what is not there or no text; a key is the text and a zero octet. */
static uint64_t count_of(PyObject *self, PyObject *object)
{
    Py_ssize_t size;
    const char *text = PyUnicode_Check(object) ? PyUnicode_AsUTF8AndSize(object, &size) : NULL;
    if (text == NULL) {
        PyErr_Clear(); /* as in a dict: a key of another type, or a lone surrogate, is just not there */
        return 0;
    }
    if (strlen(text) != (size_t)size)
        return 0;
    return pf_tally_get(groups_of(self), (const uint8_t *)text, (size_t)size + 1);
}

static PyObject *subscript(PyObject *self, PyObject *object)
{
    uint64_t count = count_of(self, object);
    if (count != 0)
        return PyLong_FromUnsignedLongLong(count);
    PyErr_SetObject(PyExc_KeyError, object);
    return NULL;
}

static int contains(PyObject *self, PyObject *object)
{
    return count_of(self, object) != 0;
}

static PyObject *moments(PyObject *self, PyObject *ignored)
{
    struct pf_moments found;
    (void)ignored;
    Py_BEGIN_ALLOW_THREADS
    pf_tally_moments(groups_of(self), &found);
    Py_END_ALLOW_THREADS
    return pf_moments_tuple(&found);
}

static PyObject *values(PyObject *self, PyObject *ignored)
{
    (void)ignored;
    npy_intp size = (npy_intp)length(self);
    PyObject *array = PyArray_SimpleNew(1, &size, NPY_UINT64);
    if (array == NULL)
        return NULL;
    uint64_t *to = PyArray_DATA((PyArrayObject *)array);
    struct pf_tally_place place = {.table = 0};
    struct pf_tally_row row;
    while (pf_tally_next(groups_of(self), &place, &row))
        *to++ = row.count;
    return array;
}

static bool best(PyObject *self, uint64_t least, size_t most, struct pf_tally_rows *rows)
{
    struct pf_error error = {.status = PF_OK};
    enum pf_status status;
    Py_BEGIN_ALLOW_THREADS
    status = pf_tally_rows_best(rows, groups_of(self), least, most, &error);
    Py_END_ALLOW_THREADS
    if (status != PF_OK)
        (void)pf_raise(pf_state_of_type(Py_TYPE(self)), &error);
    return status == PF_OK;
}

static PyObject *text_of(PyObject *self, const struct pf_tally_row *row)
{
    uint8_t room[16];
    const char *key = (const char *)pf_tally_key(groups_of(self), row, room);
    return PyUnicode_FromStringAndSize(key, (Py_ssize_t)strlen(key));
}

static PyObject *sorted(PyObject *self, PyObject *arguments)
{
    unsigned long long least, most;
    struct pf_tally_rows rows;
    if (!PyArg_ParseTuple(arguments, "KK:sorted", &least, &most) || !best(self, least, (size_t)most, &rows))
        return NULL;
    npy_intp size = (npy_intp)rows.size;
    PyObject *keys = PyList_New((Py_ssize_t)rows.size), *counts = PyArray_SimpleNew(1, &size, NPY_UINT64);
    for (size_t i = 0; keys != NULL && counts != NULL && i < rows.size; i++) {
        PyObject *key = text_of(self, &rows.list[i]);
        if (key == NULL) {
            Py_CLEAR(keys);
            break;
        }
        PyList_SET_ITEM(keys, (Py_ssize_t)i, key);
        ((uint64_t *)PyArray_DATA((PyArrayObject *)counts))[i] = rows.list[i].count;
    }
    pf_tally_rows_clear(&rows);
    if (keys != NULL && counts != NULL)
        return Py_BuildValue("NN", keys, counts);
    Py_XDECREF(keys);
    Py_XDECREF(counts);
    return NULL;
}

static PyObject *at_least(PyObject *self, PyObject *argument)
{
    unsigned long long least = PyLong_AsUnsignedLongLong(argument);
    PyObject *set = PyErr_Occurred() ? NULL : PySet_New(NULL);
    struct pf_tally_place place = {.table = 0};
    struct pf_tally_row row;
    while (set != NULL && pf_tally_next(groups_of(self), &place, &row)) {
        PyObject *key = row.count >= least ? text_of(self, &row) : Py_NewRef(Py_None);
        if (key == NULL || (key != Py_None && PySet_Add(set, key) < 0))
            Py_CLEAR(set);
        Py_XDECREF(key);
    }
    return set;
}

static PyObject *to_dict(PyObject *self, PyObject *ignored)
{
    struct pf_tally_rows rows;
    (void)ignored;
    if (!best(self, 0, SIZE_MAX, &rows))
        return NULL;
    PyObject *dict = PyDict_New();
    for (size_t i = 0; dict != NULL && i < rows.size; i++) {
        PyObject *key = text_of(self, &rows.list[i]);
        PyObject *count = PyLong_FromUnsignedLongLong(rows.list[i].count);
        if (key == NULL || count == NULL || PyDict_SetItem(dict, key, count) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(key);
        Py_XDECREF(count);
    }
    pf_tally_rows_clear(&rows);
    return dict;
}

static PyObject *merged(PyObject *self, PyObject *other)
{
    struct pf_state *state = pf_state_of_type(Py_TYPE(self));
    if (!PyObject_TypeCheck(other, state->text_counts)) {
        PyErr_SetString(PyExc_TypeError, "only counts of the same kind of keys can be added");
        return NULL;
    }
    struct pf_text_counts_object *sum = pf_text_counts_new(state, &((struct pf_text_counts_object *)self)->plan);
    if (sum == NULL)
        return NULL;
    struct pf_error error = {.status = PF_OK};
    enum pf_status status;
    Py_BEGIN_ALLOW_THREADS
    status = pf_tally_merge(&sum->groups, groups_of(self), &error);
    if (status == PF_OK)
        status = pf_tally_merge(&sum->groups, groups_of(other), &error);
    Py_END_ALLOW_THREADS
    if (status == PF_OK)
        return (PyObject *)sum;
    Py_DECREF(sum);
    return pf_raise(state, &error);
}

static PyObject *arrays(PyObject *self, PyObject *ignored)
{
    (void)ignored;
    return pf_tally_arrays(pf_state_of_type(Py_TYPE(self)), groups_of(self));
}

/* For counts that nobody else has yet. */
static PyObject *put(PyObject *self, PyObject *tuple)
{
    if (!pf_tally_put_arrays(pf_state_of_type(Py_TYPE(self)), groups_of(self), tuple))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *get_kind(PyObject *self, void *closure)
{
    (void)self;
    (void)closure;
    return PyUnicode_FromString("text");
}

static PyMethodDef methods[] = {
    {"moments", moments, METH_NOARGS, "(n, sum, sum of squares) of the counts, exact integers."},
    {"values", values, METH_NOARGS, "The counts, uint64, in no order."},
    {"sorted", sorted, METH_VARARGS, "sorted(least, most): (keys, counts) by count descending, then key."},
    {"at_least", at_least, METH_O, "The set of keys with at least this count."},
    {"to_dict", to_dict, METH_NOARGS, "A plain dict, by count descending, then key."},
    {"merged", merged, METH_O, "New counts: the sum of both."},
    {"arrays", arrays, METH_NOARGS, "Keys and counts, as put() takes them."},
    {"put", put, METH_O, "put(arrays): add these to counts that nobody else has yet."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getset[] = {
    {"kind", get_kind, NULL, "'text'.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, dealloc},
    {Py_mp_length, length},
    {Py_mp_subscript, subscript},
    {Py_sq_contains, contains},
    {Py_tp_methods, methods},
    {Py_tp_getset, getset},
    {Py_tp_doc, "A table of texts and how often each occurred."},
    {0, NULL},
};

PyType_Spec pf_text_counts_spec = {
    .name = "pcapframe._core.TextCounts",
    .basicsize = sizeof(struct pf_text_counts_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};
