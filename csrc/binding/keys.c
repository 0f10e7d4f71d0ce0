/* Keys between Python and the tables: addresses are text, sequence numbers integers. */
#include "binding/core.h"

#include "field/field.h"

#include <arpa/inet.h>

/* The address that a text writes, in any accepted form; false when it is none. */
static bool parse_address(const char *text, struct pf_address *key)
{
    uint8_t octets[16];
    if (inet_pton(AF_INET, text, octets) == 1) {
        *key = (struct pf_address){{pf_be32(octets), 0}, 4};
        return true;
    }
    if (inet_pton(AF_INET6, text, octets) == 1) {
        *key = (struct pf_address){{pf_be(octets, 8), pf_be(octets + 8, 8)}, 16};
        return true;
    }
    return false;
}

static bool address_from(PyObject *object, struct pf_address *key, bool *possible)
{
    if (!PyUnicode_Check(object)) {
        PyErr_Format(PyExc_TypeError, "an address is text such as '192.0.2.1', not %s", Py_TYPE(object)->tp_name);
        return false;
    }
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(object, &size);
    if (text == NULL)
        PyErr_Clear(); /* a lone surrogate: text, but no address */
    *possible = text != NULL && strlen(text) == (size_t)size && parse_address(text, key);
    return true;
}

/* The integer of any kind that has a key of this one; false where it lies outside. */
static bool number_fits(PyObject *integer, enum pf_key_kind kind, uint64_t *word)
{
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(integer, &overflow);
    if (kind == PF_KEY_INT64) {
        *word = pf_key_turned((uint64_t)value);
        return overflow == 0;
    }
    *word = (uint64_t)value;
    if (overflow > 0 && kind == PF_KEY_UINT64) {
        *word = PyLong_AsUnsignedLongLong(integer);
        overflow = PyErr_Occurred() != NULL;
        value = 0;
        PyErr_Clear();
    }
    return overflow == 0 && value >= 0 && (kind == PF_KEY_UINT64 || value <= UINT32_MAX);
}

static bool number_from(PyObject *object, enum pf_key_kind kind, struct pf_address *key, bool *possible)
{
    if (!PyIndex_Check(object)) {
        PyErr_Format(PyExc_TypeError, "a sequence number is an integer, not %s", Py_TYPE(object)->tp_name);
        return false;
    }
    PyObject *integer = PyNumber_Index(object);
    if (integer == NULL)
        return false;
    uint64_t word;
    *possible = number_fits(integer, kind, &word);
    Py_DECREF(integer);
    if (*possible)
        *key = (struct pf_address){{word, 0}, 4};
    return true;
}

bool pf_key_from(PyObject *object, enum pf_key_kind kind, struct pf_address *key, bool *possible)
{
    return kind == PF_KEY_ADDRESS ? address_from(object, key, possible) : number_from(object, kind, key, possible);
}

PyObject *pf_key_to(const struct pf_address *key, enum pf_key_kind kind)
{
    if (kind == PF_KEY_INT64)
        return PyLong_FromLongLong((long long)pf_key_turned(key->word[0]));
    if (kind != PF_KEY_ADDRESS)
        return PyLong_FromUnsignedLongLong(key->word[0]);
    char text[PF_TEXT_ROOM];
    struct pf_value value = {{key->word[0], key->word[1]}, key->size};
    size_t length = pf_text_address(&value, text);
    return PyUnicode_FromStringAndSize(text, (Py_ssize_t)length);
}

bool pf_rules_from(PyObject *tuple, struct pf_indicator_rules *rules)
{
    int scapy, nxdomain, data;
    if (!pf_parse(tuple, "ppp:rules", &scapy, &nxdomain, &data))
        return false;
    *rules = (struct pf_indicator_rules){
        .scapy = scapy != 0,
        .dns = nxdomain != 0 ? PF_DNS_NXDOMAIN : PF_DNS_EMPTY,
        .seq = data != 0 ? PF_SEQ_DATA : PF_SEQ_ALL,
    };
    return true;
}

/* Keys go through stages, as those that are counted: a million of them cost a fraction of a million look-ups. */
struct staged {
    struct pf_keystage narrow, wide;
};

static bool add_key(struct pf_state *state, PyObject *object, const char *name, struct pf_counts *keys,
                    struct staged *staged)
{
    struct pf_address key;
    struct pf_error error;
    bool possible;
    if (!pf_key_from(object, keys->kind, &key, &possible)) {
        if (PyErr_ExceptionMatches(PyExc_TypeError)) /* the caller's parameter is told as well */
            PyErr_Format(PyExc_TypeError,
                         keys->kind == PF_KEY_ADDRESS ? "%s: an address is text such as '192.0.2.1', not %s"
                                                      : "%s: a sequence number is an integer, not %s",
                         name, Py_TYPE(object)->tp_name);
        return false;
    }
    if (!possible) {
        PyErr_Format(PyExc_ValueError,
                     keys->kind == PF_KEY_ADDRESS ? "%s: %R is no IP address" : "%s: %R is no 32-bit sequence number",
                     name, object);
        return false;
    }
    if (pf_keystage_push(key.size == 16 ? &staged->wide : &staged->narrow, key.word, &error) != PF_OK) {
        (void)pf_raise(state, &error);
        return false;
    }
    return true;
}

bool pf_keys_from(struct pf_state *state, PyObject *iterable, const char *name, struct pf_counts *keys)
{
    PyObject *iterator = PyUnicode_Check(iterable) || PyBytes_Check(iterable) ? NULL : PyObject_GetIter(iterable);
    if (iterator == NULL) {
        if (!PyErr_Occurred() || PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Clear();
            PyErr_Format(PyExc_TypeError, "%s: a set, list or other iterable of keys is needed, not %s", name,
                         Py_TYPE(iterable)->tp_name);
        }
        return false;
    }
    struct staged staged;
    struct pf_error error = {.status = PF_OK};
    memset(&staged, 0, sizeof staged);
    enum pf_status status = pf_keystage_init(&staged.narrow, &keys->narrow, &error);
    if (status == PF_OK)
        status = pf_keystage_init(&staged.wide, &keys->wide, &error);
    PyObject *object;
    while (status == PF_OK && (object = PyIter_Next(iterator)) != NULL) {
        bool good = add_key(state, object, name, keys, &staged);
        Py_DECREF(object);
        if (!good)
            break;
    }
    Py_DECREF(iterator);
    if (status == PF_OK && !PyErr_Occurred())
        status = pf_keystage_flush(&staged.narrow, &error);
    if (status == PF_OK && !PyErr_Occurred())
        status = pf_keystage_flush(&staged.wide, &error);
    pf_keystage_clear(&staged.narrow);
    pf_keystage_clear(&staged.wide);
    if (status != PF_OK)
        (void)pf_raise(state, &error);
    return !PyErr_Occurred();
}
