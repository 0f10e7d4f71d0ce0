#include "binding/core.h"

#include "base/writer.h"

#include <errno.h>

PyObject *pf_str(const char *octets)
{
    return PyUnicode_DecodeUTF8(octets, (Py_ssize_t)strlen(octets), "surrogateescape");
}

PyObject *pf_line(const char *octets)
{
    char room[4 * sizeof(struct pf_error)];
    struct pf_writer writer = {.octets = room, .room = sizeof room};
    for (;;) { /* backslashes stay as they are: parts of it may be escaped already */
        size_t run = strcspn(octets, "\\");
        pf_write_text(&writer, (const uint8_t *)octets, run, NULL);
        octets += run;
        if (*octets == '\0')
            return PyUnicode_DecodeUTF8(room, (Py_ssize_t)writer.length, NULL);
        pf_write_char(&writer, *octets++);
    }
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
