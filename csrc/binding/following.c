/* _core.FlowsSoFar: flows of a capture that goes on, of which each step takes the packets since the one before.
 *
 *   take(events, packets before) -> flows that ended | flows that are open, as if the capture ended now
 *
 * Those that ended, of all steps, and those that are open after the last one are the flows of the whole capture. */
#include "binding/core.h"

#include "base/crew.h"
#include "flow/sink.h"

struct so_far {
    PyObject_HEAD
    bool made, broken, busy;
    struct pf_flow_sink sink;
    struct pf_saved_head before;
};

static PyObject *so_far_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    struct pf_flow_options options;
    struct pf_error error = {.status = PF_OK};
    PyObject *given;
    (void)keywords;
    if (!PyArg_ParseTuple(arguments, "O!:FlowsSoFar", &PyTuple_Type, &given) || !pf_flow_options_from(given, &options))
        return NULL;
    if (options.sort != 0 || options.extra != 0) {
        PyErr_SetString(PyExc_ValueError, "FlowsSoFar: sort and extra look at more than the packets of a step");
        return NULL;
    }
    struct so_far *self = (struct so_far *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    (void)pf_flow_sink_init(&self->sink, &options, NULL, NULL, &error); /* without a frame it cannot fail */
    self->made = true;
    return (PyObject *)self;
}

static void so_far_dealloc(PyObject *object)
{
    struct so_far *self = (struct so_far *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (self->made)
        pf_flow_sink_clear(&self->sink);
    type->tp_free(object);
    Py_DECREF(type);
}

struct step {
    struct so_far *self;
    struct pf_flow_octets events;
    uint64_t offset; /* packets before this step, where the events do not count them */
    struct pf_frame_object *ended, *open;
};

static enum pf_status begin_rows(struct pf_flow_sink *sink, struct pf_frame_object *frame, struct pf_error *error)
{
    PF_TRY(pf_flow_rows_init(&sink->rows, &sink->options, &frame->frame, error));
    sink->rows.texts = &sink->sayings.texts;
    return PF_OK;
}

static enum pf_status end_rows(struct pf_flow_sink *sink, struct pf_error *error)
{
    PF_TRY(pf_flow_rows_flush(&sink->rows, error));
    return pf_flow_rows_sort(&sink->rows, error);
}

static enum pf_status work(void *context, struct pf_crew *crew, unsigned worker, struct pf_error *error)
{
    struct step *step = context;
    struct pf_flow_sink *sink = &step->self->sink;
    (void)crew;
    (void)worker;
    PF_TRY(begin_rows(sink, step->ended, error));
    PF_TRY(pf_flow_replay(sink, &step->events, 1, step->offset, &step->self->before, error));
    PF_TRY(end_rows(sink, error));
    PF_TRY(begin_rows(sink, step->open, error));
    PF_TRY(pf_flow_stage_tell_open(&sink->stage, error));
    return end_rows(sink, error);
}

/* Who was interrupted in the middle of a step does not know which packets had their turn. */
static bool take_step(struct pf_state *state, struct step *step)
{
    struct so_far *self = step->self;
    self->busy = true;
    bool good = pf_run_alone(state, work, step);
    self->busy = false;
    self->broken = !good;
    pf_flow_rows_clear(&self->sink.rows);
    self->sink.rows.frame = NULL;
    return good;
}

static PyObject *so_far_take(PyObject *object, PyObject *arguments)
{
    struct pf_state *state = pf_state_of_type(Py_TYPE(object));
    struct so_far *self = (struct so_far *)object;
    PyObject *events, *result = NULL;
    unsigned long long offset;
    if (!PyArg_ParseTuple(arguments, "SK:take", &events, &offset))
        return NULL;
    if (self->busy || self->broken)
        return PyErr_Format(PyExc_ValueError, "FlowsSoFar: %s",
                            self->busy ? "takes a step already" : "was interrupted");
    struct step step = {
        .self = self,
        .events = {(const uint8_t *)PyBytes_AS_STRING(events), (size_t)PyBytes_GET_SIZE(events)},
        .offset = offset,
        .ended = pf_frame_object_new(state),
        .open = pf_frame_object_new(state),
    };
    if (step.ended != NULL && step.open != NULL && take_step(state, &step))
        result = Py_BuildValue("OO", step.ended, step.open);
    Py_XDECREF(step.ended);
    Py_XDECREF(step.open);
    return result;
}

static PyMethodDef so_far_methods[] = {
    {"take", so_far_take, METH_VARARGS,
     "take(events of flow_events, of one part, packets before): (flows that ended, those that are open)."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot so_far_slots[] = {
    {Py_tp_new, so_far_new},
    {Py_tp_dealloc, so_far_dealloc},
    {Py_tp_methods, so_far_methods},
    {Py_tp_doc, "FlowsSoFar(flow_options)\n--\n\nFlows of a capture that goes on, step by step."},
    {0, NULL},
};

PyType_Spec pf_flows_so_far_spec = {
    .name = "pcapframe._core.FlowsSoFar",
    .basicsize = sizeof(struct so_far),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = so_far_slots,
};
