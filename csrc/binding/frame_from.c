/* A _core.Frame of arrays, as pickles and Partials hold them: nothing in them is believed. */
#include "binding/core.h"

#include "base/alloc.h"
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

const void *pf_array_octets(PyObject *object, int type, size_t *size)
{
    PyArrayObject *array = (PyArrayObject *)object;
    *size = 0;
    if (!PyArray_Check(object) || PyArray_TYPE(array) != type || PyArray_NDIM(array) != 1 ||
        !PyArray_ISCARRAY_RO(array))
        return NULL;
    *size = (size_t)PyArray_SIZE(array);
    return PyArray_DATA(array);
}

/* The same, with an exception set where it is NULL. */
static const void *array_of(PyObject *object, int type, const char *name, size_t *size)
{
    const void *octets = pf_array_octets(object, type, size);
    if (octets == NULL)
        (void)bad(name, "another array was expected");
    return octets;
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

/* ------------------------------------------------------------------------------------------------------------- text */

static bool category(struct pf_state *state, struct pf_column *column, PyObject *text, int32_t *code)
{
    struct pf_error error = {.status = PF_OK};
    Py_ssize_t size;
    const char *octets = PyUnicode_AsUTF8AndSize(text, &size);
    if (octets == NULL)
        return false;
    if (pf_dictionary_text(&column->dictionary, octets, (size_t)size, code, &error) != PF_OK)
        return pf_raise(state, &error) != NULL;
    return true;
}

/* `codes` remembers the codes of categories, and one more; there is room in the column. */
static bool put_codes(struct pf_state *state, struct pf_column *column, const struct given *given, int32_t *codes)
{
    const int32_t *entries = given->values;
    for (size_t i = 0; i < given->rows; i++) {
        int32_t entry = entries[i];
        if (given->valid != NULL && !given->valid[i]) {
            pf_column_put_null(column);
            continue;
        }
        if (entry < 0 || entry >= PyList_GET_SIZE(given->categories))
            return bad(column->kind.name, "a code without a text");
        if (codes[entry] == 0) {
            if (!category(state, column, PyList_GET_ITEM(given->categories, entry), &codes[entry]))
                return false;
            codes[entry]++;
        }
        pf_column_put_number(column, (uint32_t)(codes[entry] - 1));
    }
    return true;
}

static bool fill_text(struct pf_state *state, struct pf_column *column, const struct given *given)
{
    int32_t *codes = PyMem_Calloc((size_t)PyList_GET_SIZE(given->categories) + 1, sizeof *codes);
    struct pf_error error = {.status = PF_OK};
    bool good = codes != NULL || PyErr_NoMemory() != NULL;
    if (good && pf_column_reserve(column, given->rows, &error) != PF_OK)
        good = pf_raise(state, &error) != NULL;
    good = good && put_codes(state, column, given, codes);
    PyMem_Free(codes);
    return good;
}

/* --------------------------------------------------------------------------------------------------- other columns */

/* Offsets never go back, nor beyond the octets, and nulls have none. */
static bool check_offsets(const struct pf_kind *kind, const struct given *given)
{
    const int64_t *offsets = given->values;
    for (size_t i = 0; i < given->rows; i++) {
        if (offsets[i] < 0 || offsets[i] > offsets[i + 1])
            return bad(kind->name, "offsets that go back");
        if (given->valid != NULL && !given->valid[i] && offsets[i] != offsets[i + 1])
            return bad(kind->name, "octets of a null");
    }
    if (given->rows != 0 && (uint64_t)offsets[given->rows] > given->octets_size)
        return bad(kind->name, "offsets beyond its octets");
    return true;
}

/* Strings are UTF-8 where all of them together are, and none begins within a character. */
static bool check_strings(const struct pf_kind *kind, const struct given *given)
{
    const int64_t *offsets = given->values;
    if (kind->type != PF_STRING || given->rows == 0)
        return true;
    int64_t first = offsets[0], end = offsets[given->rows];
    PyObject *text = PyUnicode_DecodeUTF8((const char *)given->octets + first, (Py_ssize_t)(end - first), "strict");
    if (text == NULL)
        return false;
    Py_DECREF(text);
    for (size_t i = 0; i < given->rows; i++) {
        if (offsets[i] < end && (given->octets[offsets[i]] & 0xc0) == 0x80)
            return bad(kind->name, "a text that begins within a character");
    }
    return true;
}

/* Bit i is set where octet i is not 0. */
static uint8_t *bits_of(const npy_bool *valid, size_t rows)
{
    uint8_t *bits = pf_alloc_array(rows / 8 + 1, 1);
    for (size_t i = 0; bits != NULL && i < rows; i++)
        bits[i / 8] |= (uint8_t)((unsigned)(valid[i] != 0) << (i % 8));
    return bits;
}

static bool lend(struct pf_state *state, struct pf_column *column, const struct given *given)
{
    struct pf_error error = {.status = PF_OK};
    bool is_long = pf_type_is_long(column->kind.type);
    if (is_long && (!check_offsets(&column->kind, given) || !check_strings(&column->kind, given)))
        return false;
    if (given->valid != NULL && (column->valid = bits_of(given->valid, given->rows)) == NULL) {
        (void)pf_fail_memory(&error);
        return pf_raise(state, &error) != NULL;
    }
    column->borrowed = true;
    column->rows = given->rows;
    column->values = (uint8_t *)given->values; /* only read */
    column->octets = (uint8_t *)given->octets;
    return true;
}

/* ----------------------------------------------------------------------------------------------------------- frames */

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

static bool kinds_from(PyObject *schema, struct pf_kind *kinds)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(schema); i++) {
        if (!kind_from(PyTuple_GET_ITEM(schema, i), &kinds[i]))
            return false;
    }
    return true;
}

static bool lend_columns(struct pf_state *state, struct pf_part *part, const struct pf_kind *kinds, PyObject *columns)
{
    struct given given;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(columns); i++) {
        if (!given_from(PyTuple_GET_ITEM(columns, i), &kinds[i], &given))
            return false;
        if (i != 0 && given.rows != part->rows)
            return bad(kinds[i].name, "columns of different length");
        part->rows = given.rows;
        if (kinds[i].type == PF_TEXT ? !fill_text(state, part->columns[i], &given)
                                     : !lend(state, part->columns[i], &given))
            return false;
    }
    return true;
}

static bool lend_part(struct pf_state *state, struct pf_frame *frame, PyObject *columns)
{
    struct pf_error error = {.status = PF_OK};
    if (!PyTuple_Check(columns) || (size_t)PyTuple_GET_SIZE(columns) != frame->columns)
        return bad("?", "a part with the columns of the schema was expected");
    struct pf_part *part = pf_part_new(frame->kinds, frame->columns);
    if (part == NULL)
        return PyErr_NoMemory() != NULL;
    if (!lend_columns(state, part, frame->kinds, columns)) {
        pf_part_free(part, frame->columns);
        return false;
    }
    if (pf_frame_add(frame, part, &error) != PF_OK) /* the part is the frame's */
        return pf_raise(state, &error) != NULL;
    return true;
}

/* A frame whose columns borrow the arrays of the arguments behind the first two. */
static bool lend_frame(struct pf_state *state, struct pf_frame *frame, PyObject *arguments)
{
    PyObject *schema = PyTuple_GET_ITEM(arguments, 0);
    size_t count = (size_t)PyTuple_GET_SIZE(schema);
    struct pf_error error = {.status = PF_OK};
    struct pf_kind *kinds = PyMem_Calloc(count, sizeof *kinds);
    if (kinds == NULL)
        return PyErr_NoMemory() != NULL;
    bool good = kinds_from(schema, kinds);
    if (good && pf_frame_init(frame, kinds, count, &error) != PF_OK)
        good = pf_raise(state, &error) != NULL;
    PyMem_Free(kinds);
    for (Py_ssize_t i = 2; good && i < PyTuple_GET_SIZE(arguments); i++)
        good = lend_part(state, frame, PyTuple_GET_ITEM(arguments, i));
    return good;
}

static enum pf_status copy_columns(struct pf_part *part, const struct pf_frame *from, struct pf_error *error)
{
    for (size_t i = 0; i < from->columns; i++) {
        PF_TRY(pf_column_reserve(part->columns[i], from->rows, error));
        for (size_t j = 0; j < from->count; j++)
            PF_TRY(pf_column_append(part->columns[i], from->parts[j].columns[i], 0, from->parts[j].rows, error));
    }
    part->rows = from->rows;
    return PF_OK;
}

static enum pf_status copy_frame(struct pf_frame *frame, const struct pf_frame *from, struct pf_error *error)
{
    PF_TRY(pf_frame_init(frame, from->kinds, from->columns, error));
    struct pf_part *part = pf_part_new(from->kinds, from->columns);
    enum pf_status status = part != NULL ? copy_columns(part, from, error) : pf_fail_memory(error);
    if (status == PF_OK)
        return pf_frame_add(frame, part, error); /* which frees it */
    pf_part_free(part, from->columns);
    return status;
}

/* A null has the value 0, whatever was given. */
static void clear_nulls(struct pf_column *column)
{
    size_t size = pf_type_size(column->kind.type);
    for (size_t i = 0; column->valid != NULL && !pf_type_is_long(column->kind.type) && i < column->rows; i++) {
        if (!pf_column_valid(column, i))
            memset(column->values + i * size, 0, size);
    }
}

static PyObject *frame_of(struct pf_state *state, const struct pf_frame *lent, PyObject *order)
{
    PyArrayObject *rows = NULL;
    struct pf_error error = {.status = PF_OK};
    if (order != Py_None && !pf_rows_from(order, lent->rows, &rows))
        return NULL;
    struct pf_frame_object *made = pf_frame_object_new(state);
    if (made != NULL) {
        enum pf_status status =
            rows == NULL ? copy_frame(&made->frame, lent, &error)
                         : pf_frame_take(&made->frame, lent, PyArray_DATA(rows), (size_t)PyArray_SIZE(rows), &error);
        for (size_t i = 0; status == PF_OK && made->frame.count != 0 && i < made->frame.columns; i++)
            clear_nulls(made->frame.parts[0].columns[i]);
        if (status != PF_OK) {
            Py_CLEAR(made);
            (void)pf_raise(state, &error);
        }
    }
    Py_XDECREF(rows);
    return (PyObject *)made;
}

/* frame_from(((name, type, nullable), ...), order, ((values, valid, categories or octets), ...), ...): of parts, one
 * behind the other where `order` is None, else their rows in this order. */
PyObject *pf_frame_from(PyObject *module, PyObject *arguments)
{
    enum { MOST_COLUMNS = 4096 }; /* many times the catalogue */
    struct pf_state *state = pf_state_of(module);
    PyObject *schema = PyTuple_GET_SIZE(arguments) > 1 ? PyTuple_GET_ITEM(arguments, 0) : NULL, *made = NULL;
    if (schema == NULL || !PyTuple_Check(schema))
        return PyErr_Format(PyExc_TypeError, "frame_from: a schema and an order are needed");
    if (PyTuple_GET_SIZE(schema) == 0 || PyTuple_GET_SIZE(schema) > MOST_COLUMNS)
        return PyErr_Format(PyExc_ValueError, "a frame of no or too many columns");
    struct pf_frame lent;
    memset(&lent, 0, sizeof lent);
    if (lend_frame(state, &lent, arguments))
        made = frame_of(state, &lent, PyTuple_GET_ITEM(arguments, 1));
    pf_frame_clear(&lent);
    return made;
}
