/* _core.Counts: a table of keys and how often each occurred. */
#include "binding/core.h"

#include "base/alloc.h"

static struct pf_counts *counts_of(PyObject *self)
{
    return &((struct pf_counts_object *)self)->counts;
}

struct pf_counts_object *pf_counts_object_new(struct pf_state *state, enum pf_key_kind kind)
{
    struct pf_counts_object *self = (struct pf_counts_object *)state->counts->tp_alloc(state->counts, 0);
    if (self != NULL)
        pf_counts_init(&self->counts, kind);
    return self;
}

static void counts_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    pf_counts_clear(counts_of(self));
    type->tp_free(self);
    Py_DECREF(type);
}

static Py_ssize_t counts_length(PyObject *self)
{
    return (Py_ssize_t)pf_counts_size(counts_of(self));
}

/* The count of a key, 0 when it is not there or can't be a key; false with an exception set. */
static bool look_up(PyObject *self, PyObject *object, uint64_t *count)
{
    struct pf_counts *counts = counts_of(self);
    struct pf_address key;
    bool possible = false;
    *count = 0;
    if (!pf_key_from(object, counts->kind, &key, &possible)) {
        if (!PyErr_ExceptionMatches(PyExc_TypeError))
            return false;
        PyErr_Clear(); /* as in a dict: a key of another type is just not there */
    }
    if (possible)
        *count = pf_counts_get(counts, &key);
    /* A dict knows one writing of an address only. */
    if (*count != 0 && counts->kind == PF_KEY_ADDRESS) {
        PyObject *written = pf_key_to(&key, counts->kind);
        if (written == NULL)
            return false;
        if (PyUnicode_Compare(written, object) != 0)
            *count = 0;
        Py_DECREF(written);
    }
    return true;
}

static PyObject *counts_subscript(PyObject *self, PyObject *object)
{
    uint64_t count;
    if (!look_up(self, object, &count))
        return NULL;
    if (count != 0)
        return PyLong_FromUnsignedLongLong(count);
    PyErr_SetObject(PyExc_KeyError, object);
    return NULL;
}

static int counts_contains(PyObject *self, PyObject *object)
{
    uint64_t count;
    return look_up(self, object, &count) ? count != 0 : -1;
}

static PyObject *wide(const uint64_t halves[2])
{
    PyObject *high = PyLong_FromUnsignedLongLong(halves[0]), *low = PyLong_FromUnsignedLongLong(halves[1]);
    PyObject *shift = PyLong_FromLong(64), *shifted = NULL, *whole = NULL;
    if (high != NULL && low != NULL && shift != NULL)
        shifted = PyNumber_Lshift(high, shift);
    if (shifted != NULL)
        whole = PyNumber_Or(shifted, low);
    Py_XDECREF(high);
    Py_XDECREF(low);
    Py_XDECREF(shift);
    Py_XDECREF(shifted);
    return whole;
}

PyObject *pf_moments_tuple(const struct pf_moments *moments)
{
    return Py_BuildValue("KNN", (unsigned long long)moments->n, wide(moments->sum), wide(moments->squares));
}

static PyObject *counts_moments(PyObject *self, PyObject *ignored)
{
    struct pf_moments moments;
    (void)ignored;
    Py_BEGIN_ALLOW_THREADS
    pf_counts_moments(counts_of(self), &moments);
    Py_END_ALLOW_THREADS
    return pf_moments_tuple(&moments);
}

static PyObject *counts_values(PyObject *self, PyObject *ignored)
{
    (void)ignored;
    npy_intp size = (npy_intp)counts_length(self);
    PyObject *array = PyArray_SimpleNew(1, &size, NPY_UINT64);
    if (array == NULL)
        return NULL;
    uint64_t *to = PyArray_DATA((PyArrayObject *)array);
    struct pf_counts_place place = {.in_wide = false};
    struct pf_counted counted;
    while (pf_counts_next(counts_of(self), &place, &counted))
        *to++ = counted.count;
    return array;
}

static bool sorted(PyObject *self, uint64_t least, size_t most, struct pf_counted **list, size_t *size)
{
    struct pf_error error = {.status = PF_OK};
    enum pf_status status;
    Py_BEGIN_ALLOW_THREADS
    status = pf_counts_sorted(counts_of(self), least, most, list, size, &error);
    Py_END_ALLOW_THREADS
    if (status != PF_OK)
        (void)pf_raise(pf_state_of_type(Py_TYPE(self)), &error);
    return status == PF_OK;
}

static PyObject *number_keys(enum pf_key_kind kind, const struct pf_counted *list, size_t size)
{
    npy_intp length = (npy_intp)size;
    int type = kind == PF_KEY_NUMBER ? NPY_UINT32 : kind == PF_KEY_UINT64 ? NPY_UINT64 : NPY_INT64;
    PyObject *array = PyArray_SimpleNew(1, &length, type);
    void *to = array != NULL ? PyArray_DATA((PyArrayObject *)array) : NULL;
    for (size_t i = 0; array != NULL && i < size; i++) {
        uint64_t word = list[i].key.word[0];
        if (kind == PF_KEY_NUMBER)
            ((uint32_t *)to)[i] = (uint32_t)word;
        else
            ((uint64_t *)to)[i] = kind == PF_KEY_INT64 ? pf_key_turned(word) : word;
    }
    return array;
}

static PyObject *text_keys(const struct pf_counted *list, size_t size)
{
    PyObject *keys = PyList_New((Py_ssize_t)size);
    for (size_t i = 0; keys != NULL && i < size; i++) {
        PyObject *key = pf_key_to(&list[i].key, PF_KEY_ADDRESS);
        if (key == NULL)
            Py_CLEAR(keys);
        else
            PyList_SET_ITEM(keys, (Py_ssize_t)i, key);
    }
    return keys;
}

static PyObject *counts_sorted(PyObject *self, PyObject *arguments)
{
    unsigned long long least, most;
    struct pf_counted *list;
    size_t size;
    if (!PyArg_ParseTuple(arguments, "KK:sorted", &least, &most) || !sorted(self, least, (size_t)most, &list, &size))
        return NULL;
    npy_intp length = (npy_intp)size;
    enum pf_key_kind kind = counts_of(self)->kind;
    PyObject *keys = kind == PF_KEY_ADDRESS ? text_keys(list, size) : number_keys(kind, list, size);
    PyObject *values = PyArray_SimpleNew(1, &length, NPY_UINT64);
    for (size_t i = 0; values != NULL && i < size; i++)
        ((uint64_t *)PyArray_DATA((PyArrayObject *)values))[i] = list[i].count;
    pf_free(list);
    if (keys != NULL && values != NULL)
        return Py_BuildValue("NN", keys, values);
    Py_XDECREF(keys);
    Py_XDECREF(values);
    return NULL;
}

static PyObject *counts_at_least(PyObject *self, PyObject *argument)
{
    unsigned long long least = PyLong_AsUnsignedLongLong(argument);
    struct pf_counted *list;
    size_t size;
    if (PyErr_Occurred() || !sorted(self, least, SIZE_MAX, &list, &size))
        return NULL;
    PyObject *set = PySet_New(NULL);
    for (size_t i = 0; set != NULL && i < size; i++) {
        PyObject *key = pf_key_to(&list[i].key, counts_of(self)->kind);
        if (key == NULL || PySet_Add(set, key) < 0)
            Py_CLEAR(set);
        Py_XDECREF(key);
    }
    pf_free(list);
    return set;
}

static PyObject *counts_to_dict(PyObject *self, PyObject *ignored)
{
    struct pf_counted *list;
    size_t size;
    (void)ignored;
    if (!sorted(self, 0, SIZE_MAX, &list, &size))
        return NULL;
    PyObject *dict = PyDict_New();
    for (size_t i = 0; dict != NULL && i < size; i++) {
        PyObject *key = pf_key_to(&list[i].key, counts_of(self)->kind);
        PyObject *count = PyLong_FromUnsignedLongLong(list[i].count);
        if (key == NULL || count == NULL || PyDict_SetItem(dict, key, count) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(key);
        Py_XDECREF(count);
    }
    pf_free(list);
    return dict;
}

static PyObject *counts_merged(PyObject *self, PyObject *other)
{
    struct pf_state *state = pf_state_of_type(Py_TYPE(self));
    if (!PyObject_TypeCheck(other, state->counts) || counts_of(other)->kind != counts_of(self)->kind) {
        PyErr_SetString(PyExc_TypeError, "only counts of the same kind of keys can be added");
        return NULL;
    }
    struct pf_counts_object *sum = pf_counts_object_new(state, counts_of(self)->kind);
    if (sum == NULL)
        return NULL;
    struct pf_error error = {.status = PF_OK};
    enum pf_status status;
    Py_BEGIN_ALLOW_THREADS
    status = pf_counts_merge(&sum->counts, counts_of(self), &error);
    if (status == PF_OK)
        status = pf_counts_merge(&sum->counts, counts_of(other), &error);
    Py_END_ALLOW_THREADS
    if (status == PF_OK)
        return (PyObject *)sum;
    Py_DECREF(sum);
    return pf_raise(state, &error);
}

/* (counts, words of the keys, their octets): a word and 4, or two and 16. By count, so that equal counts are equal. */
static PyObject *counts_arrays(PyObject *self, PyObject *ignored)
{
    struct pf_counted *list;
    size_t size, wide_keys = 0;
    (void)ignored;
    if (!sorted(self, 0, SIZE_MAX, &list, &size))
        return NULL;
    for (size_t i = 0; i < size; i++)
        wide_keys += list[i].key.size == 16;
    npy_intp rows = (npy_intp)size, words = (npy_intp)(size + wide_keys);
    PyObject *counts = PyArray_SimpleNew(1, &rows, NPY_UINT64), *keys = PyArray_SimpleNew(1, &words, NPY_UINT64),
             *sizes = PyArray_SimpleNew(1, &rows, NPY_UINT8), *result = NULL;
    if (counts != NULL && keys != NULL && sizes != NULL) {
        uint64_t *count = PyArray_DATA((PyArrayObject *)counts), *key = PyArray_DATA((PyArrayObject *)keys);
        uint8_t *octets = PyArray_DATA((PyArrayObject *)sizes);
        for (size_t i = 0; i < size; i++) {
            count[i] = list[i].count;
            octets[i] = (uint8_t)list[i].key.size;
            *key++ = list[i].key.word[0];
            if (list[i].key.size == 16)
                *key++ = list[i].key.word[1];
        }
        result = PyTuple_Pack(3, counts, keys, sizes);
    }
    pf_free(list);
    Py_XDECREF(counts);
    Py_XDECREF(keys);
    Py_XDECREF(sizes);
    return result;
}

static bool key_fits(enum pf_key_kind kind, const struct pf_address *key)
{
    if (kind == PF_KEY_ADDRESS)
        return key->size == 16 || (key->size == 4 && key->word[0] <= UINT32_MAX);
    return key->size == 4 && (kind != PF_KEY_NUMBER || key->word[0] <= UINT32_MAX);
}

static PyObject *no_counts(void)
{
    return PyErr_Format(PyExc_ValueError, "these are no counts of keys of this kind");
}

/* For counts that nobody else has yet; nothing in the arrays is believed. */
static PyObject *counts_put(PyObject *self, PyObject *tuple)
{
    PyObject *counts, *keys, *sizes;
    struct pf_error error = {.status = PF_OK};
    size_t rows = 0, words = 0, again = 0;
    if (!pf_parse(tuple, "OOO:put", &counts, &keys, &sizes))
        return PyErr_Occurred() ? NULL : no_counts();
    const uint64_t *count = pf_array_octets(counts, NPY_UINT64, &rows),
                   *word = pf_array_octets(keys, NPY_UINT64, &words);
    const uint8_t *size = pf_array_octets(sizes, NPY_UINT8, &again);
    if (count == NULL || word == NULL || size == NULL || rows != again)
        return no_counts();
    for (size_t i = 0; i < rows; i++) {
        struct pf_address key = {.size = size[i]};
        size_t needed = size[i] == 16 ? 2 : 1;
        if (needed > words)
            return no_counts();
        memcpy(key.word, word, needed * sizeof *word);
        word += needed;
        words -= needed;
        if (!key_fits(counts_of(self)->kind, &key))
            return no_counts();
        if (pf_counts_add(counts_of(self), &key, count[i], &error) != PF_OK)
            return pf_raise(pf_state_of_type(Py_TYPE(self)), &error);
    }
    return words == 0 ? Py_NewRef(Py_None) : no_counts();
}

static PyObject *counts_get_kind(PyObject *self, void *closure)
{
    static const char *const names[] = {
        [PF_KEY_NUMBER] = "number", [PF_KEY_ADDRESS] = "address", [PF_KEY_UINT64] = "uint64", [PF_KEY_INT64] = "int64"};
    (void)closure;
    return PyUnicode_FromString(names[counts_of(self)->kind]);
}

static PyMethodDef counts_methods[] = {
    {"moments", counts_moments, METH_NOARGS, "(n, sum, sum of squares) of the counts, exact integers."},
    {"values", counts_values, METH_NOARGS, "The counts, uint64, in no order."},
    {"sorted", counts_sorted, METH_VARARGS, "sorted(least, most): (keys, counts) by count descending, then key."},
    {"at_least", counts_at_least, METH_O, "The set of keys with at least this count."},
    {"to_dict", counts_to_dict, METH_NOARGS, "A plain dict, by count descending, then key."},
    {"merged", counts_merged, METH_O, "New counts: the sum of both."},
    {"arrays", counts_arrays, METH_NOARGS, "Keys and counts, as put() takes them."},
    {"put", counts_put, METH_O, "put(arrays): add these to counts that nobody else has yet."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef counts_getset[] = {
    {"kind", counts_get_kind, NULL, "'number', 'address', 'uint64' or 'int64'.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot counts_slots[] = {
    {Py_tp_dealloc, counts_dealloc},
    {Py_mp_length, counts_length},
    {Py_mp_subscript, counts_subscript},
    {Py_sq_contains, counts_contains},
    {Py_tp_methods, counts_methods},
    {Py_tp_getset, counts_getset},
    {Py_tp_doc, "A table of keys and how often each occurred."},
    {0, NULL},
};

PyType_Spec pf_counts_spec = {
    .name = "pcapframe._core.Counts",
    .basicsize = sizeof(struct pf_counts_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = counts_slots,
};
