#include "binding/core.h"

#include <errno.h>

PyObject *pf_str(const char *octets)
{
    return PyUnicode_DecodeUTF8(octets, (Py_ssize_t)strlen(octets), "surrogateescape");
}

PyObject *pf_line(const char *octets)
{
    char room[4 * sizeof(struct pf_error)], *to = room;
    for (; *octets != '\0' && to < room + sizeof room - 4; octets++) {
        uint8_t octet = (uint8_t)*octets;
        if (octet >= 0x20 && octet != 0x7f)
            *to++ = *octets;
        else
            to += PyOS_snprintf(to, 5, "\\%03d", octet);
    }
    *to = '\0';
    return pf_str(room);
}

static PyObject *raise_text(PyObject *type, const char *octets)
{
    PyObject *text = pf_line(octets);
    if (text != NULL)
        PyErr_SetObject(type, text);
    Py_XDECREF(text);
    return NULL;
}

static PyObject *raise_os(const struct pf_error *error)
{
    if (error->file[0] == '\0') {
        errno = error->sys;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    PyObject *file = pf_str(error->file);
    if (file == NULL)
        return NULL;
    errno = error->sys;
    PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, file);
    Py_DECREF(file);
    return NULL;
}

PyObject *pf_raise(struct pf_state *state, const struct pf_error *error)
{
    if (PyErr_Occurred()) /* what stopped the pass: Ctrl-C, a progress function, a file object */
        return NULL;
    switch (error->status) {
    case PF_NO_MEMORY:
        return PyErr_NoMemory();
    case PF_OS_ERROR:
        return raise_os(error);
    case PF_NOT_CAPTURE:
    case PF_FAULT:
        return raise_text(state->capture_error, error->text);
    case PF_NOT_FILTER:
        return raise_text(state->filter_error, error->text);
    case PF_NOT_BUILT_IN:
        return raise_text(PyExc_ImportError, error->text);
    case PF_TOO_LARGE:
        return raise_text(PyExc_OverflowError, error->text);
    case PF_INVALID:
        return raise_text(PyExc_ValueError, error->text);
    default:
        return raise_text(PyExc_RuntimeError, error->text);
    }
}
