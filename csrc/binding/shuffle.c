/* Events that flows are made of, saved by who read the packets and replayed by who answers. */
#include "binding/core.h"

#include "base/alloc.h"
#include "base/crew.h"
#include "flow/sink.h"

PyObject *pf_saved_bytes(const struct pf_saved *saved)
{
    return PyBytes_FromStringAndSize((const char *)saved->octets, (Py_ssize_t)saved->size);
}

bool pf_run_alone(struct pf_state *state, pf_work work, void *context)
{
    const struct pf_host host = {.tick = pf_check_signals};
    struct pf_error error = {.status = PF_OK};
    enum pf_status status;
    Py_BEGIN_ALLOW_THREADS
    status = pf_crew_run(1, work, context, &host, &error);
    Py_END_ALLOW_THREADS
    if (status != PF_OK)
        (void)pf_raise(state, &error);
    return status == PF_OK;
}

/* ----------------------------------------------------------------------------------------------------------- flows */

/* Octets at random, the same for all of a job; None: this process's own secret. */
static bool secret_from(PyObject *object, struct pf_secret *secret, const struct pf_secret **given)
{
    if (object == Py_None)
        return true;
    if (!PyBytes_Check(object) || PyBytes_GET_SIZE(object) != (Py_ssize_t)sizeof *secret) {
        PyErr_Format(PyExc_ValueError, "secret: %zu octets are needed", sizeof *secret);
        return false;
    }
    memcpy(secret, PyBytes_AS_STRING(object), sizeof *secret);
    secret->odd1 |= 1;
    secret->odd2 |= 1;
    *given = secret;
    return true;
}

static PyObject *parts_of(const struct pf_flow_save *save, const struct pf_flow_sink *sink)
{
    PyObject *list = PyList_New((Py_ssize_t)save->count);
    for (unsigned i = 0; list != NULL && i < save->count; i++) {
        PyObject *octets = pf_saved_bytes(&save->parts[i].saved);
        if (octets != NULL)
            PyList_SET_ITEM(list, (Py_ssize_t)i, octets);
        else
            Py_CLEAR(list);
    }
    return list != NULL ? Py_BuildValue("NN", list, pf_flow_counters(sink)) : NULL;
}

PyObject *pf_flow_events(PyObject *module, PyObject *arguments)
{
    struct pf_state *state = pf_state_of(module);
    PyObject *inputs, *options, *flow_options, *drawn, *result = NULL;
    struct pf_flow_options parsed;
    struct pf_secret secret;
    struct pf_flow_save save;
    struct pf_flow_sink sink;
    struct pf_error error = {.status = PF_OK};
    struct pf_run run;
    unsigned parts;
    if (!PyArg_ParseTuple(arguments, "OO!O!OI:flow_events", &inputs, &PyTuple_Type, &options, &PyTuple_Type,
                          &flow_options, &drawn, &parts) ||
        !pf_flow_options_from(flow_options, &parsed) || !secret_from(drawn, &secret, &parsed.secret) ||
        !pf_run_begin(&run, state, inputs, options))
        return NULL;
    (void)pf_flow_sink_init(&sink, &parsed, NULL, NULL, &error); /* without a frame it cannot fail */
    sink.save = &save;
    if (pf_flow_save_init(&save, &parsed, parts, &error) != PF_OK)
        (void)pf_raise(state, &error);
    else if (pf_run_pass(&run, NULL, 0, &sink.sink))
        result = parts_of(&save, &sink);
    pf_flow_sink_clear(&sink);
    pf_flow_save_clear(&save);
    result = pf_with_faults(&run, result);
    pf_run_end(&run);
    return result;
}

struct pieces {
    struct pf_flow_sink sink;
    PyObject *tuple; /* of (octets or a tuple of them, packets before) */
    struct {
        struct pf_flow_octets *parts;
        size_t count;
        uint64_t offset;
    } *list;
    size_t count;
};

static bool octets_from(PyObject *object, struct pf_flow_octets *octets)
{
    if (!PyBytes_Check(object)) {
        PyErr_SetString(PyExc_TypeError, "flows_from: bytes are needed");
        return false;
    }
    *octets = (struct pf_flow_octets){(const uint8_t *)PyBytes_AS_STRING(object), (size_t)PyBytes_GET_SIZE(object)};
    return true;
}

static bool piece_from(struct pieces *pieces, size_t number)
{
    PyObject *given, *item = PyTuple_GET_ITEM(pieces->tuple, (Py_ssize_t)number);
    unsigned long long offset;
    if (!PyTuple_Check(item) || !PyArg_ParseTuple(item, "OK:flows_from", &given, &offset)) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "flows_from: tuples are needed");
        return false;
    }
    bool several = PyTuple_Check(given);
    size_t count = several ? (size_t)PyTuple_GET_SIZE(given) : 1;
    pieces->list[number].parts = pf_alloc_array(count, sizeof(struct pf_flow_octets));
    if (pieces->list[number].parts == NULL) {
        PyErr_NoMemory();
        return false;
    }
    pieces->list[number].count = count;
    pieces->list[number].offset = offset;
    for (size_t i = 0; i < count; i++) {
        if (!octets_from(several ? PyTuple_GET_ITEM(given, (Py_ssize_t)i) : given, &pieces->list[number].parts[i]))
            return false;
    }
    return true;
}

static bool pieces_from(struct pieces *pieces, PyObject *tuple)
{
    size_t count = (size_t)PyTuple_GET_SIZE(tuple);
    pieces->tuple = tuple;
    pieces->list = pf_alloc_array(count, sizeof *pieces->list);
    if (pieces->list == NULL) {
        PyErr_NoMemory();
        return false;
    }
    for (pieces->count = 0; pieces->count < count; pieces->count++) {
        if (!piece_from(pieces, pieces->count)) {
            pieces->count++;
            return false;
        }
    }
    return true;
}

static void pieces_clear(struct pieces *pieces)
{
    for (size_t i = 0; i < pieces->count; i++)
        pf_free(pieces->list[i].parts);
    pf_free(pieces->list);
}

static enum pf_status replay_flows(void *context, struct pf_crew *crew, unsigned worker, struct pf_error *error)
{
    struct pieces *pieces = context;
    struct pf_saved_head before = {.parts = 0};
    (void)crew;
    (void)worker;
    for (size_t i = 0; i < pieces->count; i++)
        PF_TRY(pf_flow_replay(&pieces->sink, pieces->list[i].parts, pieces->list[i].count, pieces->list[i].offset,
                              &before, error));
    return pieces->sink.sink.ops->finish(&pieces->sink.sink, error);
}

/* The counters, and how near the flows of these parts came to what bounds all flows together. */
static PyObject *replayed(struct pf_frame_object *frame, const struct pf_flow_sink *sink)
{
    PyObject *counters = pf_flow_counters(sink);
    PyObject *known = PyLong_FromUnsignedLongLong(sink->stage.most_known),
             *octets = PyLong_FromUnsignedLongLong(sink->stage.prints.asked);
    if (counters == NULL || known == NULL || octets == NULL || PyDict_SetItemString(counters, "known", known) < 0 ||
        PyDict_SetItemString(counters, "print_octets", octets) < 0)
        Py_CLEAR(counters);
    Py_XDECREF(known);
    Py_XDECREF(octets);
    return counters != NULL ? Py_BuildValue("ON", frame, counters) : NULL;
}

PyObject *pf_flows_from(PyObject *module, PyObject *arguments)
{
    struct pf_state *state = pf_state_of(module);
    PyObject *tuple, *flow_options, *result = NULL;
    struct pf_flow_options parsed;
    struct pieces pieces;
    struct pf_error error = {.status = PF_OK};
    memset(&pieces, 0, sizeof pieces);
    if (!PyArg_ParseTuple(arguments, "O!O!:flows_from", &PyTuple_Type, &tuple, &PyTuple_Type, &flow_options) ||
        !pf_flow_options_from(flow_options, &parsed))
        return NULL;
    struct pf_frame_object *frame = pf_frame_object_new(state);
    if (frame != NULL && pf_flow_sink_init(&pieces.sink, &parsed, &frame->frame, NULL, &error) != PF_OK)
        (void)pf_raise(state, &error);
    else if (frame != NULL && pieces_from(&pieces, tuple) && pf_run_alone(state, replay_flows, &pieces))
        result = replayed(frame, &pieces.sink);
    pf_flow_sink_clear(&pieces.sink);
    pieces_clear(&pieces);
    Py_XDECREF(frame);
    return result;
}
