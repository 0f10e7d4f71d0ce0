/* _core.Frame: a table of columns. */
#include "binding/core.h"

#include "base/alloc.h"

static struct pf_frame *frame_of(PyObject *self)
{
    return &((struct pf_frame_object *)self)->frame;
}

struct pf_frame_object *pf_frame_object_new(struct pf_state *state)
{
    return (struct pf_frame_object *)state->frame->tp_alloc(state->frame, 0);
}

PyObject *pf_part_frame(struct pf_state *state, const struct pf_frame *kinds, struct pf_part *part)
{
    struct pf_frame_object *made = pf_frame_object_new(state);
    struct pf_error error;
    if (made == NULL || pf_frame_init(&made->frame, kinds->kinds, kinds->columns, &error) != PF_OK) {
        pf_part_free(part, kinds->columns);
    } else if (pf_frame_add(&made->frame, part, &error) == PF_OK) {
        return (PyObject *)made;
    }
    if (made != NULL)
        (void)pf_raise(state, &error);
    Py_XDECREF(made);
    return NULL;
}

static void frame_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    pf_frame_clear(frame_of(self));
    type->tp_free(self);
    Py_DECREF(type);
}

static Py_ssize_t frame_length(PyObject *self)
{
    return (Py_ssize_t)frame_of(self)->rows;
}

const char *const pf_type_names[] = {
    [PF_UINT8] = "uint8",   [PF_UINT16] = "uint16",  [PF_UINT32] = "uint32", [PF_UINT64] = "uint64",
    [PF_INT64] = "int64",   [PF_DOUBLE] = "float64", [PF_TIME] = "time",     [PF_TEXT] = "text",
    [PF_STRING] = "string", [PF_BINARY] = "binary",
};

PyObject *pf_frame_schema(const struct pf_frame *frame)
{
    PyObject *schema = PyTuple_New((Py_ssize_t)frame->columns);
    for (size_t i = 0; schema != NULL && i < frame->columns; i++) {
        const struct pf_kind *kind = &frame->kinds[i];
        PyObject *item =
            Py_BuildValue("ssO", kind->name, pf_type_names[kind->type], kind->nullable ? Py_True : Py_False);
        if (item == NULL)
            Py_CLEAR(schema);
        else
            PyTuple_SET_ITEM(schema, (Py_ssize_t)i, item);
    }
    return schema;
}

static PyObject *frame_get_schema(PyObject *self, void *closure)
{
    (void)closure;
    return pf_frame_schema(frame_of(self));
}

static PyObject *frame_arrow_stream(PyObject *self, PyObject *arguments)
{
    const char *note;
    if (!PyArg_ParseTuple(arguments, "z:arrow_stream", &note))
        return NULL;
    return pf_frame_stream(pf_state_of_type(Py_TYPE(self)), frame_of(self), note);
}

static PyObject *frame_arrow_schema(PyObject *self, PyObject *arguments)
{
    const char *note;
    if (!PyArg_ParseTuple(arguments, "z:arrow_schema", &note))
        return NULL;
    return pf_schema_capsule(pf_state_of_type(Py_TYPE(self)), frame_of(self), note);
}

static void drop_capsule(PyObject *capsule)
{
    pf_column_drop(PyCapsule_GetPointer(capsule, "pf_column"));
}

/* Memory of a column, read-only, kept alive by a reference to it. */
static PyObject *lent_array(struct pf_column *column, npy_intp *size, int type, void *memory)
{
    PyObject *array = PyArray_SimpleNewFromData(1, size, type, memory);
    PyObject *capsule = array != NULL ? PyCapsule_New(column, "pf_column", drop_capsule) : NULL;
    if (capsule == NULL) {
        Py_XDECREF(array);
        return NULL;
    }
    (void)pf_column_keep(column);
    PyArray_CLEARFLAGS((PyArrayObject *)array, NPY_ARRAY_WRITEABLE);
    if (PyArray_SetBaseObject((PyArrayObject *)array, capsule) < 0) /* steals the capsule, also on failure */
        Py_CLEAR(array);
    return array;
}

static PyObject *values_array(struct pf_column *column)
{
    static const int numpy_types[] = {
        [PF_UINT8] = NPY_UINT8,  [PF_UINT16] = NPY_UINT16, [PF_UINT32] = NPY_UINT32, [PF_UINT64] = NPY_UINT64,
        [PF_INT64] = NPY_INT64,  [PF_DOUBLE] = NPY_DOUBLE, [PF_TIME] = NPY_INT64,    [PF_TEXT] = NPY_INT32,
        [PF_STRING] = NPY_INT64, [PF_BINARY] = NPY_INT64,
    };
    npy_intp rows = (npy_intp)(column->rows + (column->rows != 0 && pf_type_is_long(column->kind.type)));
    if (rows == 0)
        return PyArray_SimpleNew(1, &rows, numpy_types[column->kind.type]);
    return lent_array(column, &rows, numpy_types[column->kind.type], column->values);
}

static PyObject *valid_array(const struct pf_column *column)
{
    if (!column->kind.nullable)
        return Py_NewRef(Py_None);
    npy_intp rows = (npy_intp)column->rows;
    PyObject *array = PyArray_SimpleNew(1, &rows, NPY_BOOL);
    npy_bool *to = array != NULL ? PyArray_DATA((PyArrayObject *)array) : NULL;
    for (size_t i = 0; array != NULL && i < column->rows; i++)
        to[i] = pf_column_valid(column, i);
    return array;
}

/* What values are offsets into, as an array of uint8 that keeps its column alive. */
static PyObject *octets_array(struct pf_column *column)
{
    const int64_t *offsets = (const int64_t *)(const void *)column->values;
    npy_intp size = column->rows != 0 ? (npy_intp)offsets[column->rows] : 0;
    if (size == 0)
        return PyArray_SimpleNew(1, &size, NPY_UINT8);
    return lent_array(column, &size, NPY_UINT8, column->octets);
}

static PyObject *categories_list(struct pf_column *column)
{
    const struct pf_dictionary *dictionary = &column->dictionary;
    if (pf_type_is_long(column->kind.type))
        return octets_array(column);
    if (column->kind.type != PF_TEXT)
        return Py_NewRef(Py_None);
    PyObject *list = PyList_New((Py_ssize_t)dictionary->count);
    for (size_t i = 0; list != NULL && i < dictionary->count; i++) {
        size_t length;
        const char *octets = pf_dictionary_at(dictionary, i, &length);
        PyObject *text = PyUnicode_FromStringAndSize(octets, (Py_ssize_t)length);
        if (text == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, text);
    }
    return list;
}

static PyObject *frame_column(PyObject *self, PyObject *argument)
{
    struct pf_frame *frame = frame_of(self);
    size_t number = PyLong_AsSize_t(argument);
    if (PyErr_Occurred())
        return NULL;
    if (number >= frame->columns) {
        PyErr_SetString(PyExc_IndexError, "no such column");
        return NULL;
    }
    struct pf_column *column;
    struct pf_error error = {.status = PF_OK};
    enum pf_status status;
    Py_BEGIN_ALLOW_THREADS
    status = pf_frame_column(frame, number, &column, &error);
    Py_END_ALLOW_THREADS
    if (status != PF_OK)
        return pf_raise(pf_state_of_type(Py_TYPE(self)), &error);
    PyObject *values = values_array(column), *valid = NULL, *categories = NULL, *result = NULL;
    if (values != NULL)
        valid = valid_array(column);
    if (valid != NULL)
        categories = categories_list(column);
    if (categories != NULL)
        result = PyTuple_Pack(3, values, valid, categories);
    Py_XDECREF(values);
    Py_XDECREF(valid);
    Py_XDECREF(categories);
    pf_column_drop(column);
    return result;
}

static PyObject *finished(struct pf_state *state, struct pf_frame_object *made, enum pf_status status,
                          const struct pf_error *error)
{
    if (status == PF_OK)
        return (PyObject *)made;
    Py_DECREF(made);
    return pf_raise(state, error);
}

static PyObject *frame_slice(PyObject *self, PyObject *arguments)
{
    struct pf_state *state = pf_state_of_type(Py_TYPE(self));
    struct pf_frame *frame = frame_of(self);
    Py_ssize_t first, rows;
    if (!PyArg_ParseTuple(arguments, "nn:slice", &first, &rows))
        return NULL;
    if (first < 0 || rows < 0 || (size_t)first > frame->rows || (size_t)rows > frame->rows - (size_t)first) {
        PyErr_SetString(PyExc_IndexError, "rows out of range");
        return NULL;
    }
    struct pf_frame_object *made = pf_frame_object_new(state);
    struct pf_error error = {.status = PF_OK};
    if (made == NULL)
        return NULL;
    return finished(state, made, pf_frame_slice(&made->frame, frame, (size_t)first, (size_t)rows, &error), &error);
}

bool pf_rows_from(PyObject *object, size_t limit, PyArrayObject **array)
{
    *array = (PyArrayObject *)PyArray_FROMANY(object, NPY_INTP, 1, 1, NPY_ARRAY_IN_ARRAY);
    if (*array == NULL)
        return false;
    const npy_intp *rows = PyArray_DATA(*array);
    for (npy_intp i = 0; i < PyArray_SIZE(*array); i++) {
        if (rows[i] < 0 || (size_t)rows[i] >= limit) {
            PyErr_SetString(PyExc_IndexError, "rows out of range");
            Py_CLEAR(*array);
            return false;
        }
    }
    return true;
}

static PyObject *frame_take(PyObject *self, PyObject *argument)
{
    struct pf_state *state = pf_state_of_type(Py_TYPE(self));
    struct pf_frame *frame = frame_of(self);
    PyArrayObject *rows;
    if (!pf_rows_from(argument, frame->rows, &rows))
        return NULL;
    struct pf_frame_object *made = pf_frame_object_new(state);
    struct pf_error error = {.status = PF_OK};
    enum pf_status status = PF_OK;
    if (made != NULL) {
        /* npy_intp is as wide as size_t, and none is negative. */
        Py_BEGIN_ALLOW_THREADS
        status = pf_frame_take(&made->frame, frame, PyArray_DATA(rows), (size_t)PyArray_SIZE(rows), &error);
        Py_END_ALLOW_THREADS
    }
    Py_DECREF(rows);
    return made != NULL ? finished(state, made, status, &error) : NULL;
}

static PyObject *frame_project(PyObject *self, PyObject *argument)
{
    struct pf_state *state = pf_state_of_type(Py_TYPE(self));
    struct pf_frame *frame = frame_of(self);
    PyArrayObject *which;
    if (!pf_rows_from(argument, frame->columns, &which))
        return NULL;
    struct pf_frame_object *made = pf_frame_object_new(state);
    struct pf_error error = {.status = PF_OK};
    enum pf_status status = PF_OK;
    if (made != NULL)
        status = pf_frame_project(&made->frame, frame, PyArray_DATA(which), (size_t)PyArray_SIZE(which), &error);
    Py_DECREF(which);
    return made != NULL ? finished(state, made, status, &error) : NULL;
}

static PyMethodDef frame_methods[] = {
    {"column", frame_column, METH_O, "column(number): (values, valid or None, categories, octets or None)."},
    {"slice", frame_slice, METH_VARARGS, "slice(first, rows): a new frame."},
    {"take", frame_take, METH_O, "take(row numbers): a new frame."},
    {"project", frame_project, METH_O, "project(column numbers): a new frame."},
    {"arrow_stream", frame_arrow_stream, METH_VARARGS, "arrow_stream(note or None): a capsule."},
    {"arrow_schema", frame_arrow_schema, METH_VARARGS, "arrow_schema(note or None): a capsule."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef frame_getset[] = {
    {"schema", frame_get_schema, NULL, "((name, type, nullable), ...)", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot frame_slots[] = {
    {Py_tp_dealloc, frame_dealloc}, {Py_mp_length, frame_length},       {Py_tp_methods, frame_methods},
    {Py_tp_getset, frame_getset},   {Py_tp_doc, "A table of columns."}, {0, NULL},
};

PyType_Spec pf_frame_spec = {
    .name = "pcapframe._core.Frame",
    .basicsize = sizeof(struct pf_frame_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = frame_slots,
};
