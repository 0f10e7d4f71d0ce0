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
        if (!pf_parse(PyTuple_GET_ITEM(aggregates, i), "iU:aggregate", &ask, &name))
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

PyObject *pf_tally_frame_of(struct pf_state *state, const struct pf_tally *groups)
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

bool pf_tally_plan_from(struct pf_state *state, PyObject *tuple, struct pf_tally_plan *plan)
{
    PyObject *names, *aggregates;
    int gaps, fill, approximate, keep_nulls;
    long long every, top;
    if (!pf_parse(tuple, "O!LO!ppLpp:groups", &PyTuple_Type, &names, &every, &PyTuple_Type, &aggregates, &gaps, &fill,
                  &top, &approximate, &keep_nulls))
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

/* A plan and the sums that follow it. */
struct group {
    struct pf_tally_plan plan;
    struct pf_tally groups;
    struct pf_tally_sink sink;
};

static bool group_prepare(void *question, struct pf_state *state, PyObject *arguments)
{
    return pf_tally_plan_from(state, arguments, &((struct group *)question)->plan);
}

static bool group_arm(void *question, struct pf_run *run, struct pf_sinks *sinks)
{
    struct group *group = question;
    group->plan.files = pf_run_files(run);
    if (group->plan.files == NULL)
        return false;
    pf_tally_init(&group->groups, &group->plan);
    pf_tally_sink_init(&group->sink, &group->groups);
    return pf_sinks_add(sinks, &group->sink.sink);
}

static PyObject *group_result(void *question, struct pf_run *run)
{
    return pf_tally_frame_of(run->state, &((struct group *)question)->groups);
}

static void group_clear(void *question)
{
    struct group *group = question;
    pf_tally_sink_clear(&group->sink);
    if (group->groups.plan != NULL)
        pf_tally_clear(&group->groups);
}

const struct pf_question pf_ask_group = {
    .name = "group",
    .size = sizeof(struct group),
    .prepare = group_prepare,
    .arm = group_arm,
    .result = group_result,
    .clear = group_clear,
};

static PyObject *group_arrays(void *question, struct pf_run *run)
{
    return pf_tally_arrays(run->state, &((struct group *)question)->groups);
}

static const struct pf_question group_saved = {
    .name = "group_saved",
    .size = sizeof(struct group),
    .prepare = group_prepare,
    .arm = group_arm,
    .result = group_arrays,
    .clear = group_clear,
};

PyObject *pf_group_saved(PyObject *module, PyObject *arguments)
{
    return pf_ask(module, arguments, &group_saved);
}

PyObject *pf_tally_group(PyObject *module, PyObject *arguments)
{
    return pf_ask(module, arguments, &pf_ask_group);
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
    struct pf_tally_sink sink;
    counts->plan.files = pf_run_files(run);
    pf_tally_sink_init(&sink, &counts->groups);
    if (counts->plan.files == NULL || !pf_run_pass(run, NULL, 0, &sink.sink))
        Py_CLEAR(counts);
    else
        counts->plan.files = NULL; /* they are the run's */
    pf_tally_sink_clear(&sink);
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
