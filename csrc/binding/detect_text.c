/* Tables of what detectors read of text. */
#include "binding/core.h"

#include "detect/text.h"
#include "detect/text_attack.h"

struct reading {
    bool armed;
    struct pf_text_sink sink;
    struct pf_frame frames[PF_TEXT_TABLES];
};

static bool reading_prepare(void *question, struct pf_state *state, PyObject *arguments)
{
    (void)question;
    (void)state;
    return PyArg_ParseTuple(arguments, ":detect_text");
}

static bool reading_arm(void *question, struct pf_run *run, struct pf_sinks *sinks)
{
    struct reading *reading = question;
    struct pf_error error = {.status = PF_OK};
    reading->armed = true;
    if (pf_text_sink_init(&reading->sink, reading->frames, &error) == PF_OK)
        return pf_sinks_add(sinks, &reading->sink.sink);
    (void)pf_raise(run->state, &error);
    return false;
}

bool pf_text_tables_into(PyObject *dict, struct pf_state *state, struct pf_frame frames[])
{
    for (unsigned i = 0; i < PF_TEXT_TABLES; i++) {
        struct pf_frame_object *made = pf_frame_object_new(state);
        if (made == NULL)
            return false;
        made->frame = frames[i]; /* from here on the object's */
        memset(&frames[i], 0, sizeof frames[i]);
        int failed = PyDict_SetItemString(dict, pf_text_table_names[i], (PyObject *)made);
        Py_DECREF(made);
        if (failed < 0)
            return false;
    }
    return true;
}

static PyObject *reading_result(void *question, struct pf_run *run)
{
    PyObject *dict = PyDict_New();
    if (dict != NULL && !pf_text_tables_into(dict, run->state, ((struct reading *)question)->frames))
        Py_CLEAR(dict);
    return dict;
}

static void reading_clear(void *question)
{
    struct reading *reading = question;
    if (reading->armed)
        pf_text_sink_clear(&reading->sink);
    for (unsigned i = 0; i < PF_TEXT_TABLES; i++)
        pf_frame_clear(&reading->frames[i]);
}

const struct pf_question pf_ask_detect_text = {
    .name = "detect_text",
    .size = sizeof(struct reading),
    .prepare = reading_prepare,
    .arm = reading_arm,
    .result = reading_result,
    .clear = reading_clear,
};

PyObject *pf_detect_text(PyObject *module, PyObject *arguments)
{
    return pf_ask(module, arguments, &pf_ask_detect_text);
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
