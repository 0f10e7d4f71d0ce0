/* Tables of what detectors read of text. */
#include "binding/core.h"

#include "detect/text.h"
#include "detect/text_attack.h"

static PyObject *run_detect_text(struct pf_run *run)
{
    struct pf_frame_object *made[PF_TEXT_TABLES] = {NULL};
    struct pf_frame frames[PF_TEXT_TABLES];
    struct pf_text_sink sink;
    struct pf_error error = {.status = PF_OK};
    memset(frames, 0, sizeof frames);
    bool good = pf_text_sink_init(&sink, frames, &error) == PF_OK;
    if (!good)
        (void)pf_raise(run->state, &error);
    good = good && pf_run_pass(run, NULL, 0, &sink.sink);
    pf_text_sink_clear(&sink);
    PyObject *result = good ? PyDict_New() : NULL;
    for (unsigned i = 0; i < PF_TEXT_TABLES; i++) {
        made[i] = result != NULL ? pf_frame_object_new(run->state) : NULL;
        if (made[i] == NULL) {
            pf_frame_clear(&frames[i]);
            Py_CLEAR(result);
            continue;
        }
        made[i]->frame = frames[i]; /* from here on the object's */
        if (PyDict_SetItemString(result, pf_text_table_names[i], (PyObject *)made[i]) < 0)
            Py_CLEAR(result);
        Py_DECREF(made[i]);
    }
    return result;
}

PyObject *pf_detect_text(PyObject *module, PyObject *arguments)
{
    PyObject *inputs, *options;
    struct pf_run run;
    if (!PyArg_ParseTuple(arguments, "OO!:detect_text", &inputs, &PyTuple_Type, &options) ||
        !pf_run_begin(&run, pf_state_of(module), inputs, options))
        return NULL;
    PyObject *result = pf_with_faults(&run, run_detect_text(&run));
    pf_run_end(&run);
    return result;
}

/* [(attack, weak, pattern), ...] */
PyObject *pf_attack_list(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    PyObject *list = PyList_New(0);
    for (unsigned i = 0; list != NULL && i < pf_attack_pattern_count; i++) {
        const struct pf_attack_pattern *pattern = &pf_attack_patterns[i];
        PyObject *item =
            Py_BuildValue("(sOs)", pf_attack_names[pattern->attack], pattern->weak ? Py_True : Py_False, pattern->text);
        if (item == NULL || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}
