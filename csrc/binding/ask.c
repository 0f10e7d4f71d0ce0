/* Questions: one alone, or several in one reading. */
#include "binding/core.h"

#include "base/alloc.h"

enum { MOST_QUESTIONS = 64 }; /* a report has 16; each adds work to every packet, so that more is a mistake */

struct pf_sinks {
    struct pf_sink **list;
    size_t count, capacity;
};

struct asked {
    const struct pf_question *question;
    void *memory;
};

static const struct pf_question *const questions[] = {
    &pf_ask_ioc_counts, &pf_ask_census, &pf_ask_group,   &pf_ask_detect,       &pf_ask_detect_text,
    &pf_ask_match,      &pf_ask_flows,  &pf_ask_batches, &pf_ask_flow_batches,
};

bool pf_sinks_add(struct pf_sinks *sinks, struct pf_sink *sink)
{
    struct pf_error error;
    if (pf_grow((void **)&sinks->list, &sinks->capacity, sinks->count + 1, sizeof *sinks->list, &error) != PF_OK) {
        PyErr_NoMemory();
        return false;
    }
    sinks->list[sinks->count++] = sink;
    return true;
}

static bool prepare(struct asked *asked, struct pf_state *state, const struct pf_question *question,
                    PyObject *arguments)
{
    asked->question = question;
    asked->memory = pf_alloc(question->size);
    if (asked->memory == NULL) {
        PyErr_NoMemory();
        return false;
    }
    return question->prepare(asked->memory, state, arguments);
}

static void clear(struct asked *asked)
{
    if (asked->memory != NULL)
        asked->question->clear(asked->memory);
    pf_free(asked->memory);
}

static bool run_all(struct pf_run *run, const struct asked *asked, size_t count)
{
    struct pf_sinks sinks = {.list = NULL};
    bool good = true;
    for (size_t i = 0; good && i < count; i++)
        good = asked[i].question->arm(asked[i].memory, run, &sinks);
    good = good && pf_run_sinks(run, NULL, 0, sinks.list, sinks.count);
    pf_free(sinks.list);
    return good;
}

static PyObject *results_of(struct pf_run *run, const struct asked *asked, size_t count)
{
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list != NULL && i < count; i++) {
        PyObject *result = asked[i].question->result(asked[i].memory, run);
        if (result != NULL)
            PyList_SET_ITEM(list, (Py_ssize_t)i, result);
        else
            Py_CLEAR(list);
    }
    return list;
}

PyObject *pf_ask(PyObject *module, PyObject *arguments, const struct pf_question *question)
{
    struct pf_state *state = pf_state_of(module);
    struct asked asked = {.memory = NULL};
    struct pf_run run;
    PyObject *result = NULL;
    if (PyTuple_GET_SIZE(arguments) < 2 || !PyTuple_Check(PyTuple_GET_ITEM(arguments, 1))) {
        PyErr_Format(PyExc_TypeError, "%s: inputs and options are needed", question->name);
        return NULL;
    }
    PyObject *inputs = PyTuple_GET_ITEM(arguments, 0), *options = PyTuple_GET_ITEM(arguments, 1);
    PyObject *rest = PyTuple_GetSlice(arguments, 2, PyTuple_GET_SIZE(arguments));
    if (rest != NULL && prepare(&asked, state, question, rest) && pf_run_begin(&run, state, inputs, options)) {
        if (run_all(&run, &asked, 1))
            result = question->result(asked.memory, &run);
        result = pf_with_faults(&run, result);
        pf_run_end(&run);
    }
    clear(&asked);
    Py_XDECREF(rest);
    return result;
}

/* (name, (argument, ...)) */
static bool prepare_named(struct asked *asked, struct pf_state *state, PyObject *pair)
{
    const char *name;
    PyObject *arguments;
    if (!PyTuple_Check(pair)) {
        PyErr_SetString(PyExc_TypeError, "together: a question is a name and its arguments");
        return false;
    }
    if (!pf_parse(pair, "sO!:together", &name, &PyTuple_Type, &arguments))
        return false;
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        if (strcmp(questions[i]->name, name) == 0)
            return prepare(asked, state, questions[i], arguments);
    }
    PyErr_Format(PyExc_ValueError, "together: no question %s", name);
    return false;
}

PyObject *pf_together(PyObject *module, PyObject *arguments)
{
    struct pf_state *state = pf_state_of(module);
    struct asked asked[MOST_QUESTIONS] = {{.memory = NULL}};
    struct pf_run run;
    PyObject *inputs, *options, *pairs, *result = NULL;
    if (!PyArg_ParseTuple(arguments, "OO!O!:together", &inputs, &PyTuple_Type, &options, &PyTuple_Type, &pairs))
        return NULL;
    size_t count = (size_t)PyTuple_GET_SIZE(pairs);
    bool good = count != 0 && count <= MOST_QUESTIONS;
    if (!good)
        PyErr_Format(PyExc_ValueError, "together: 1 to %d questions", (int)MOST_QUESTIONS);
    for (size_t i = 0; good && i < count; i++)
        good = prepare_named(&asked[i], state, PyTuple_GET_ITEM(pairs, (Py_ssize_t)i));
    if (good && pf_run_begin(&run, state, inputs, options)) {
        if (run_all(&run, asked, count))
            result = results_of(&run, asked, count);
        result = pf_with_faults(&run, result);
        pf_run_end(&run);
    }
    for (size_t i = 0; i < count && i < MOST_QUESTIONS; i++)
        clear(&asked[i]);
    return result;
}
