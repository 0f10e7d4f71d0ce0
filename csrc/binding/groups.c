/* The functions of grouped counts; the others are in passes.c. */
#include "binding/core.h"

#include "base/alloc.h"
#include "tally/field_counts.h"
#include "tally/group_frame.h"

/* The catalogue's field of this name; NULL with an exception set. */
static const struct pf_field *field_from(PyObject *name)
{
    const char *text = PyUnicode_AsUTF8(name);
    const struct pf_field *field = text != NULL ? pf_field_find(text) : NULL;
    if (field == NULL && text != NULL)
        PyErr_Format(PyExc_KeyError, "no column %R", name);
    return field;
}

static bool fields_from(struct pf_state *state, PyObject *names, struct pf_tally_plan *plan)
{
    struct pf_error error = {.status = PF_OK};
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
        const struct pf_field *field = field_from(PyTuple_GET_ITEM(names, i));
        if (field == NULL)
            return false;
        if (pf_tally_plan_field(plan, field, &error) != PF_OK) {
            (void)pf_raise(state, &error);
            return false;
        }
    }
    return true;
}

/* ((ask, name), ...) */
static bool aggregates_from(struct pf_state *state, PyObject *aggregates, struct pf_tally_plan *plan)
{
    struct pf_error error = {.status = PF_OK};
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(aggregates); i++) {
        int ask;
        PyObject *name;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(aggregates, i), "iU:aggregate", &ask, &name))
            return false;
        const struct pf_field *field = field_from(name);
        if (field == NULL)
            return false;
        if (ask < 0 || ask >= PF_ASKS) {
            PyErr_SetString(PyExc_ValueError, "no such aggregate");
            return false;
        }
        if (pf_tally_plan_ask(plan, (enum pf_ask)ask, field, &error) != PF_OK) {
            (void)pf_raise(state, &error);
            return false;
        }
    }
    return true;
}

static PyObject *frame_of(struct pf_state *state, const struct pf_tally *groups)
{
    struct pf_frame_object *frame = pf_frame_object_new(state);
    if (frame == NULL)
        return NULL;
    const struct pf_host host = {.tick = pf_check_signals};
    struct pf_error error = {.status = PF_OK};
    enum pf_status status;
    Py_BEGIN_ALLOW_THREADS
    status = pf_tally_frame(&frame->frame, groups, &host, &error);
    Py_END_ALLOW_THREADS
    if (status == PF_OK)
        return (PyObject *)frame;
    Py_DECREF(frame);
    return pf_raise(state, &error);
}

/* A plan and the sums that follow it. */
struct question {
    struct pf_tally_plan *plan;
    struct pf_tally *groups;
    struct pf_tally_sink sink;
};

/* One pass for all questions, with the names of its inputs lent to their plans; false with an exception set. */
static bool run_groups(struct pf_run *run, struct question *questions, size_t count)
{
    PyObject *owner;
    struct pf_sink **sinks = pf_alloc_array(count, sizeof *sinks);
    const char **files = sinks != NULL ? pf_files_of(run, &owner) : NULL;
    bool good = false;
    if (sinks == NULL) {
        PyErr_NoMemory();
        return false;
    }
    if (files != NULL) {
        for (size_t i = 0; i < count; i++) {
            questions[i].plan->files = files;
            pf_tally_sink_init(&questions[i].sink, questions[i].groups);
            sinks[i] = &questions[i].sink.sink;
        }
        good = pf_run_sinks(run, NULL, 0, sinks, count);
        for (size_t i = 0; i < count; i++) {
            pf_tally_sink_clear(&questions[i].sink);
            questions[i].plan->files = NULL;
        }
        Py_DECREF(owner);
    }
    pf_free(files);
    pf_free(sinks);
    return good;
}

/* (fields, every, aggregates, gaps, fill, top, approximate, keep nulls) */
static bool plan_from(struct pf_state *state, PyObject *tuple, struct pf_tally_plan *plan)
{
    PyObject *names, *aggregates;
    int gaps, fill, approximate, keep_nulls;
    long long every, top;
    if (!PyTuple_Check(tuple)) {
        PyErr_SetString(PyExc_TypeError, "a question is a tuple");
        return false;
    }
    if (!PyArg_ParseTuple(tuple, "O!LO!ppLpp:groups", &PyTuple_Type, &names, &every, &PyTuple_Type, &aggregates, &gaps,
                          &fill, &top, &approximate, &keep_nulls))
        return false;
    plan->every = every > 0 ? every : 0;
    plan->top = top > 0 ? (size_t)top : 0;
    plan->gaps = gaps != 0;
    plan->fill = fill != 0 && every > 0;
    plan->approximate = approximate != 0;
    plan->keep_nulls = keep_nulls != 0;
    if (!fields_from(state, names, plan) || !aggregates_from(state, aggregates, plan))
        return false;
    pf_tally_plan_done(plan);
    return true;
}

static PyObject *frames_of(struct pf_state *state, const struct question *questions, size_t count)
{
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list != NULL && i < count; i++) {
        PyObject *frame = frame_of(state, questions[i].groups);
        if (frame != NULL)
            PyList_SET_ITEM(list, (Py_ssize_t)i, frame);
        else
            Py_CLEAR(list);
    }
    return list;
}

PyObject *pf_tally_groups(PyObject *module, PyObject *arguments)
{
    struct room {
        struct pf_tally_plan plan;
        struct pf_tally groups;
    };
    struct pf_state *state = pf_state_of(module);
    PyObject *inputs, *options, *asked, *result = NULL;
    struct pf_run run;
    if (!PyArg_ParseTuple(arguments, "OO!O!:groups", &inputs, &PyTuple_Type, &options, &PyTuple_Type, &asked))
        return NULL;
    size_t count = (size_t)PyTuple_GET_SIZE(asked);
    if (count == 0) {
        PyErr_SetString(PyExc_ValueError, "groups: a question is needed");
        return NULL;
    }
    struct room *rooms = pf_alloc_array(count, sizeof *rooms);
    struct question *questions = pf_alloc_array(count, sizeof *questions);
    bool good = rooms != NULL && questions != NULL;
    if (!good)
        PyErr_NoMemory();
    for (size_t i = 0; good && i < count; i++) {
        good = plan_from(state, PyTuple_GET_ITEM(asked, (Py_ssize_t)i), &rooms[i].plan);
        questions[i] = (struct question){.plan = &rooms[i].plan, .groups = &rooms[i].groups};
    }
    if (good && pf_run_begin(&run, state, inputs, options)) {
        for (size_t i = 0; i < count; i++)
            pf_tally_init(&rooms[i].groups, &rooms[i].plan);
        if (run_groups(&run, questions, count))
            result = frames_of(state, questions, count);
        for (size_t i = 0; i < count; i++)
            pf_tally_clear(&rooms[i].groups);
        result = pf_with_faults(&run, result);
        pf_run_end(&run);
    }
    pf_free(questions);
    pf_free(rooms);
    return result;
}

static PyObject *count_texts(struct pf_run *run, PyObject *name)
{
    struct pf_tally_plan plan;
    memset(&plan, 0, sizeof plan);
    if (!fields_from(run->state, name, &plan))
        return NULL;
    if (plan.fields[0].form == PF_TALLY_ADDRESS) /* of hardware: as it is written */
        plan.fields[0].form = PF_TALLY_RENDERED;
    pf_tally_plan_done(&plan);
    struct pf_text_counts_object *counts = pf_text_counts_new(run->state, &plan);
    if (counts == NULL)
        return NULL;
    struct question question = {.plan = &counts->plan, .groups = &counts->groups};
    if (!run_groups(run, &question, 1))
        Py_CLEAR(counts);
    return (PyObject *)counts;
}

static PyObject *count_keys(struct pf_run *run, const struct pf_field *field, enum pf_key_kind kind)
{
    struct pf_counts_object *counts = pf_counts_object_new(run->state, kind);
    if (counts == NULL)
        return NULL;
    struct pf_field_sink sink;
    pf_field_sink_init(&sink, field, &counts->counts);
    if (!pf_run_pass(run, NULL, 0, &sink.sink))
        Py_CLEAR(counts);
    pf_field_sink_clear(&sink);
    return (PyObject *)counts;
}

PyObject *pf_count_field(PyObject *module, PyObject *arguments)
{
    PyObject *inputs, *options, *names;
    struct pf_run run;
    enum pf_key_kind kind;
    if (!PyArg_ParseTuple(arguments, "OO!O!:count_field", &inputs, &PyTuple_Type, &options, &PyTuple_Type, &names))
        return NULL;
    if (PyTuple_GET_SIZE(names) != 1) {
        PyErr_SetString(PyExc_TypeError, "a tuple of one name is needed");
        return NULL;
    }
    const struct pf_field *field = field_from(PyTuple_GET_ITEM(names, 0));
    if (field == NULL || !pf_run_begin(&run, pf_state_of(module), inputs, options))
        return NULL;
    bool keys = pf_field_key_kind(field, &kind);
    PyObject *result = pf_with_faults(&run, keys ? count_keys(&run, field, kind) : count_texts(&run, names));
    pf_run_end(&run);
    return result;
}
