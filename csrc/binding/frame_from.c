/* A _core.Frame of arrays, as pickles and Partials hold them: nothing in them is believed. */
#include "binding/core.h"

#include "base/name.h"

static const int numpy_types[] = {
    [PF_UINT8] = NPY_UINT8,  [PF_UINT16] = NPY_UINT16, [PF_UINT32] = NPY_UINT32, [PF_UINT64] = NPY_UINT64,
    [PF_INT64] = NPY_INT64,  [PF_DOUBLE] = NPY_DOUBLE, [PF_TIME] = NPY_INT64,    [PF_TEXT] = NPY_INT32,
    [PF_STRING] = NPY_INT64, [PF_BINARY] = NPY_INT64,
};

struct given {
    const void *values;
    const npy_bool *valid; /* NULL: all are */
    size_t rows;
    PyObject *categories;  /* of text, a list */
    const uint8_t *octets; /* of strings and octets */
    size_t octets_size;
};

static bool bad(const char *name, const char *what)
{
    PyErr_Format(PyExc_ValueError, "column %s: %s", name, what);
    return false;
}

/* A contiguous array of this type; NULL, and *size 0, with an exception set. */
static const void *array_of(PyObject *object, int type, const char *name, size_t *size)
{
    PyArrayObject *array = (PyArrayObject *)object;
    *size = 0;
    bool good =
        PyArray_Check(object) && PyArray_TYPE(array) == type && PyArray_NDIM(array) == 1 && PyArray_ISCARRAY_RO(array);
    if (!good) {
        (void)bad(name, "another array was expected");
        return NULL;
    }
    *size = (size_t)PyArray_SIZE(array);
    return PyArray_DATA(array);
}

static bool given_from(PyObject *tuple, const struct pf_kind *kind, struct given *given)
{
    PyObject *values, *valid, *more;
    size_t size;
    memset(given, 0, sizeof *given);
    if (!pf_parse(tuple, "OOO:column", &values, &valid, &more))
        return false;
    given->values = array_of(values, numpy_types[kind->type], kind->name, &given->rows);
    if (given->values == NULL)
        return false;
    if (pf_type_is_long(kind->type)) {
        given->rows -= given->rows != 0;
        given->octets = array_of(more, NPY_UINT8, kind->name, &given->octets_size);
        if (given->octets == NULL)
            return false;
    }
    if (kind->type == PF_TEXT && !PyList_Check(more))
        return bad(kind->name, "text needs a list of categories");
    given->categories = more;
    if (kind->nullable != (valid != Py_None))
        return bad(kind->name, "what may be null says which are, and nothing else does");
    if (kind->nullable) {
        given->valid = array_of(valid, NPY_BOOL, kind->name, &size);
        if (given->valid == NULL || size != given->rows)
            return PyErr_Occurred() ? false : bad(kind->name, "columns of different length");
    }
    return true;
}

static uint64_t number_at(const struct given *given, size_t row, size_t size)
{
    switch (size) {
    case 1:
        return ((const uint8_t *)given->values)[row];
    case 2:
        return ((const uint16_t *)given->values)[row];
    case 4:
        return ((const uint32_t *)given->values)[row];
    default:
        return ((const uint64_t *)given->values)[row];
    }
}

static bool put_text(struct pf_state *state, struct pf_column *column, const struct given *given, size_t row)
{
    struct pf_error error = {.status = PF_OK};
    int32_t code = ((const int32_t *)given->values)[row];
    Py_ssize_t size;
    if (code < 0 || code >= PyList_GET_SIZE(given->categories))
        return bad(column->kind.name, "a code without a text");
    const char *text = PyUnicode_AsUTF8AndSize(PyList_GET_ITEM(given->categories, code), &size);
    if (text == NULL)
        return false;
    if (pf_column_put_octets(column, text, (size_t)size, &error) != PF_OK)
        return pf_raise(state, &error) != NULL;
    return true;
}

static bool put_octets(struct pf_state *state, struct pf_column *column, const struct given *given, size_t row)
{
    struct pf_error error = {.status = PF_OK};
    const int64_t *offsets = given->values;
    bool within =
        offsets[row] >= 0 && offsets[row] <= offsets[row + 1] && (uint64_t)offsets[row + 1] <= given->octets_size;
    if (!within)
        return bad(column->kind.name, "offsets beyond its octets");
    const uint8_t *octets = given->octets + offsets[row];
    size_t size = (size_t)(offsets[row + 1] - offsets[row]);
    if (column->kind.type == PF_STRING) {
        PyObject *text = PyUnicode_DecodeUTF8((const char *)octets, (Py_ssize_t)size, "strict");
        if (text == NULL)
            return false;
        Py_DECREF(text);
    }
    if (pf_column_put_octets(column, octets, size, &error) != PF_OK)
        return pf_raise(state, &error) != NULL;
    return true;
}

static bool fill(struct pf_state *state, struct pf_column *column, const struct given *given)
{
    struct pf_error error = {.status = PF_OK};
    size_t size = pf_type_size(column->kind.type);
    if (pf_column_reserve(column, given->rows, &error) != PF_OK)
        return pf_raise(state, &error) != NULL;
    for (size_t i = 0; i < given->rows; i++) {
        if (given->valid != NULL && !given->valid[i])
            pf_column_put_null(column);
        else if (column->kind.type == PF_TEXT
                     ? !put_text(state, column, given, i)
                     : pf_type_is_long(column->kind.type) && !put_octets(state, column, given, i))
            return false;
        else if (column->kind.type != PF_TEXT && !pf_type_is_long(column->kind.type))
            pf_column_put_number(column, number_at(given, i, size));
    }
    return true;
}

/* (name, type, nullable) */
static bool kind_from(PyObject *tuple, struct pf_kind *kind)
{
    const char *name, *type;
    int nullable;
    if (!PyTuple_Check(tuple) || !pf_parse(tuple, "ssp:kind", &name, &type, &nullable))
        return PyErr_Occurred() ? false : bad("?", "(name, type, nullable) was expected");
    for (size_t i = 0; i < sizeof numpy_types / sizeof numpy_types[0]; i++) {
        if (strcmp(pf_type_names[i], type) != 0)
            continue;
        *kind = (struct pf_kind){pf_name_joined("", name), (enum pf_type)i, nullable != 0};
        return kind->name != NULL || PyErr_NoMemory() != NULL;
    }
    return bad(name, "no type there is");
}

static bool fill_part(struct pf_state *state, struct pf_part *part, const struct pf_kind *kinds, PyObject *columns)
{
    struct given given;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(columns); i++) {
        PyObject *tuple = PyTuple_GET_ITEM(columns, i);
        if (!PyTuple_Check(tuple) || !given_from(tuple, &kinds[i], &given))
            return PyErr_Occurred() ? false : bad(kinds[i].name, "three arrays were expected");
        if (i != 0 && given.rows != part->rows)
            return bad(kinds[i].name, "columns of different length");
        part->rows = given.rows;
        if (!fill(state, part->columns[i], &given))
            return false;
    }
    return true;
}

/* frame_from(((name, type, nullable), ...), ((values, valid, categories or octets), ...)) */
PyObject *pf_frame_from(PyObject *module, PyObject *arguments)
{
    enum { MOST_COLUMNS = 4096 }; /* many times the catalogue */
    struct pf_state *state = pf_state_of(module);
    struct pf_error error = {.status = PF_OK};
    PyObject *schema, *columns;
    if (!PyArg_ParseTuple(arguments, "O!O!:frame_from", &PyTuple_Type, &schema, &PyTuple_Type, &columns))
        return NULL;
    size_t count = (size_t)PyTuple_GET_SIZE(schema);
    if (count == 0 || count > MOST_COLUMNS || count != (size_t)PyTuple_GET_SIZE(columns))
        return PyErr_Format(PyExc_ValueError, "a frame of no or too many columns");
    struct pf_kind *kinds = PyMem_Calloc(count, sizeof *kinds);
    struct pf_frame_object *frame = kinds != NULL ? pf_frame_object_new(state) : NULL;
    struct pf_part *part = NULL;
    bool good = frame != NULL || PyErr_NoMemory() != NULL;
    for (size_t i = 0; good && i < count; i++)
        good = kind_from(PyTuple_GET_ITEM(schema, (Py_ssize_t)i), &kinds[i]);
    if (good && (part = pf_part_new(kinds, count)) == NULL)
        good = PyErr_NoMemory() != NULL;
    good = good && fill_part(state, part, kinds, columns);
    if (good && pf_frame_init(&frame->frame, kinds, count, &error) != PF_OK)
        good = pf_raise(state, &error) != NULL;
    if (!good && part != NULL)
        pf_part_free(part, count);
    if (good && pf_frame_add(&frame->frame, part, &error) != PF_OK) /* the part is the frame's */
        good = pf_raise(state, &error) != NULL;
    PyMem_Free(kinds);
    if (!good)
        Py_CLEAR(frame);
    return (PyObject *)frame;
}
