/* _core.Conditions: what fields of a packet must be. */
#include "binding/core.h"

#include "base/alloc.h"

#include <ctype.h>
#include <stdlib.h>

static void conditions_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    pf_conditions_clear(&((struct pf_conditions_object *)self)->conditions);
    Py_XDECREF(((struct pf_conditions_object *)self)->given);
    type->tp_free(self);
    Py_DECREF(type);
}

static bool wrong(const struct pf_field *field, PyObject *value, const char *wanted)
{
    PyErr_Format(PyExc_ValueError, "%s: %R is no %s", field->kind.name, value, wanted);
    return false;
}

static bool failed(struct pf_state *state, const struct pf_error *error)
{
    (void)pf_raise(state, error);
    return false;
}

/* A number as the column holds it. Python has left out what it cannot hold. */
static bool number_from(const struct pf_field *field, PyObject *object, uint64_t *number)
{
    bool is_signed = field->kind.type == PF_INT64 || field->kind.type == PF_TIME;
    *number = is_signed ? (uint64_t)PyLong_AsLongLong(object) : PyLong_AsUnsignedLongLong(object);
    return !PyErr_Occurred();
}

/* "02:00:00:00:00:01" as a key. */
static bool mac_from(const char *text, struct pf_value *key)
{
    uint8_t octets[6];
    for (unsigned i = 0; i < 6; i++, text += 3) {
        char pair[3] = {text[0], text[0] != '\0' ? text[1] : '\0', '\0'}, *end;
        octets[i] = (uint8_t)strtoul(pair, &end, 16);
        if (end != pair + 2 || !isxdigit((unsigned char)pair[0]) || text[2] != (i < 5 ? ':' : '\0'))
            return false;
    }
    *key = pf_value_octets(octets, 6);
    return true;
}

static bool add_text(struct pf_state *state, struct pf_condition *condition, PyObject *object)
{
    const struct pf_field *field = condition->field;
    struct pf_error error;
    struct pf_value key;
    struct pf_address address;
    bool possible;
    if (field->text == pf_text_address) {
        if (!pf_key_from(object, PF_KEY_ADDRESS, &address, &possible))
            return false;
        if (!possible)
            return wrong(field, object, "IP address or network");
        key = (struct pf_value){{address.word[0], address.word[1]}, address.size};
        return pf_condition_add_key(condition, &key, &error) == PF_OK || failed(state, &error);
    }
    PyObject *encoded = field->write == NULL && field->text == NULL ? PyUnicode_EncodeFSDefault(object)
                                                                    : PyUnicode_AsUTF8String(object);
    if (encoded == NULL)
        return false;
    const char *text = PyBytes_AS_STRING(encoded);
    enum pf_status status = PF_OK;
    bool good = true;
    if (field->text != pf_text_mac)
        status = pf_condition_add_text(condition, text, (size_t)PyBytes_GET_SIZE(encoded), &error);
    else if (mac_from(text, &key))
        status = pf_condition_add_key(condition, &key, &error);
    else
        good = wrong(field, object, "hardware address such as '02:00:00:00:00:01'");
    Py_DECREF(encoded);
    return good && (status == PF_OK || failed(state, &error));
}

/* The first and last address of a network, as octets. */
static bool add_network(struct pf_state *state, struct pf_condition *condition, PyObject *object)
{
    const char *first, *last;
    Py_ssize_t first_size, last_size;
    struct pf_error error;
    if (!pf_parse(object, "y#y#:network", &first, &first_size, &last, &last_size))
        return false;
    if (condition->field->text != pf_text_address || first_size != last_size || (first_size != 4 && first_size != 16))
        return wrong(condition->field, object, "network");
    struct pf_network network = {pf_value_octets((const uint8_t *)first, (unsigned)first_size),
                                 pf_value_octets((const uint8_t *)last, (unsigned)last_size)};
    return pf_condition_add_network(condition, &network, &error) == PF_OK || failed(state, &error);
}

static bool add_value(struct pf_state *state, struct pf_condition *condition, PyObject *object)
{
    struct pf_value key = {{0, 0}, 8};
    struct pf_error error;
    if (condition->field->kind.type == PF_TEXT || condition->field->kind.type == PF_STRING)
        return PyTuple_Check(object) ? add_network(state, condition, object) : add_text(state, condition, object);
    if (!number_from(condition->field, object, &key.word[0]))
        return false;
    return pf_condition_add_key(condition, &key, &error) == PF_OK || failed(state, &error);
}

/* (name, null, values, low or None, high or None) */
static bool condition_from(struct pf_state *state, PyObject *tuple, struct pf_clause *clause)
{
    const char *name;
    PyObject *values, *low, *high;
    int null;
    if (!pf_parse(tuple, "spO!OO:condition", &name, &null, &PyTuple_Type, &values, &low, &high))
        return false;
    const struct pf_field *field = pf_field_find(name);
    if (field == NULL || field->kind.type == PF_BINARY) {
        PyErr_Format(PyExc_KeyError, "no column %s to ask for", name);
        return false;
    }
    struct pf_condition *condition = &clause->conditions[clause->count++];
    pf_condition_init(condition, field);
    condition->null = null != 0;
    condition->has_low = low != Py_None;
    condition->has_high = high != Py_None;
    if ((condition->has_low && !number_from(field, low, &condition->low)) ||
        (condition->has_high && !number_from(field, high, &condition->high)))
        return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(values); i++) {
        if (!add_value(state, condition, PyTuple_GET_ITEM(values, i)))
            return false;
    }
    return true;
}

static bool clause_from(struct pf_state *state, PyObject *tuple, struct pf_clause *clause)
{
    struct pf_error error;
    if (!PyTuple_Check(tuple)) {
        PyErr_SetString(PyExc_TypeError, "a tuple of conditions is needed");
        return false;
    }
    if (pf_clause_init(clause, (size_t)PyTuple_GET_SIZE(tuple), &error) != PF_OK)
        return failed(state, &error);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        if (!condition_from(state, PyTuple_GET_ITEM(tuple, i), clause))
            return false;
    }
    return true;
}

static PyObject *conditions_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    struct pf_state *state = pf_state_of_type(type);
    PyObject *all, *any;
    (void)keywords;
    if (!PyArg_ParseTuple(arguments, "O!O!:Conditions", &PyTuple_Type, &all, &PyTuple_Type, &any))
        return NULL;
    struct pf_conditions_object *self = (struct pf_conditions_object *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    struct pf_conditions *conditions = &self->conditions;
    self->given = PyTuple_Pack(2, all, any);
    bool good = self->given != NULL && clause_from(state, all, &conditions->all);
    if (good) {
        conditions->any = pf_alloc_array((size_t)PyTuple_GET_SIZE(any), sizeof *conditions->any);
        good = conditions->any != NULL;
        if (!good)
            PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; good && i < PyTuple_GET_SIZE(any); i++)
        good = clause_from(state, PyTuple_GET_ITEM(any, i), &conditions->any[conditions->any_count++]);
    if (good)
        return (PyObject *)self;
    Py_DECREF(self);
    return NULL;
}

static PyObject *conditions_get_given(PyObject *self, void *closure)
{
    (void)closure;
    return Py_NewRef(((struct pf_conditions_object *)self)->given);
}

static PyGetSetDef conditions_getset[] = {
    {"given", conditions_get_given, NULL, "(all, any), as they were given.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot conditions_slots[] = {
    {Py_tp_new, conditions_new},
    {Py_tp_dealloc, conditions_dealloc},
    {Py_tp_getset, conditions_getset},
    {Py_tp_doc, "Conditions(all, any)\n--\n\nWhat fields of a packet must be."},
    {0, NULL},
};

PyType_Spec pf_conditions_spec = {
    .name = "pcapframe._core.Conditions",
    .basicsize = sizeof(struct pf_conditions_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = conditions_slots,
};
