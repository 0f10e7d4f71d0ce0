/* Questions whose answers Python takes while the pass runs: packets or flows in batches, each given to a callable on
 * the calling thread. One that raises ends the pass. */
#include "binding/core.h"

#include "base/alloc.h"
#include "base/crew.h"
#include "flow/sink.h"
#include "table/batches.h"

struct handing {
    struct pf_state *state;
    PyObject *take; /* take(Frame) */
    Py_ssize_t rows;
    const struct pf_field **fields; /* of packets */
    size_t count;
    struct pf_flow_options options; /* of flows */
    struct pf_flow_sink *flows;     /* the same; NULL for packets */
    bool armed;
    struct pf_batches batches;
};

struct handed {
    struct handing *handing;
    struct pf_part *part;
};

static bool give(struct handing *handing, struct pf_part *part)
{
    PyObject *frame = pf_part_frame(handing->state, &handing->batches.kinds, part);
    PyObject *ignored = frame != NULL ? PyObject_CallOneArg(handing->take, frame) : NULL;
    bool good = ignored != NULL;
    Py_XDECREF(ignored);
    Py_XDECREF(frame);
    return good;
}

static enum pf_status on_calling_thread(void *context, struct pf_error *error)
{
    struct handed *handed = context;
    struct pf_part *part = handed->part;
    handed->part = NULL;
    PyGILState_STATE gil = PyGILState_Ensure();
    bool good = give(handed->handing, part);
    PyGILState_Release(gil);
    return good ? PF_OK : pf_fail(error, PF_STOPPED, "stopped");
}

static enum pf_status hand(void *context, struct pf_part *part, struct pf_error *error)
{
    struct handing *handing = context;
    struct handed handed = {handing, part};
    enum pf_status status = pf_crew_ask(pf_crew_mine(), on_calling_thread, &handed, error);
    pf_part_free(handed.part, handing->batches.kinds.columns); /* the crew stopped before */
    return status;
}

static bool rows_from(struct handing *handing, struct pf_state *state, PyObject *take)
{
    handing->state = state;
    handing->take = Py_NewRef(take);
    if (handing->rows < 1)
        PyErr_SetString(PyExc_ValueError, "rows: 1 or more");
    return handing->rows >= 1;
}

static bool packets_prepare(void *question, struct pf_state *state, PyObject *arguments)
{
    struct handing *handing = question;
    PyObject *names, *take;
    if (!PyArg_ParseTuple(arguments, "OnO:batches", &names, &handing->rows, &take) || !rows_from(handing, state, take))
        return false;
    handing->fields = pf_fields_from(names, &handing->count);
    return handing->fields != NULL;
}

static bool packets_arm(void *question, struct pf_run *run, struct pf_sinks *sinks)
{
    struct handing *handing = question;
    struct pf_error error = {.status = PF_OK};
    const char *const *files = pf_run_files(run);
    if (files == NULL)
        return false;
    if (pf_batches_init(&handing->batches, handing->fields, handing->count, files, (size_t)handing->rows, &error) !=
        PF_OK) {
        (void)pf_raise(run->state, &error);
        return false;
    }
    handing->armed = true;
    handing->batches.hand = hand;
    handing->batches.context = handing;
    return pf_sinks_add(sinks, &handing->batches.sink);
}

static bool flows_prepare(void *question, struct pf_state *state, PyObject *arguments)
{
    struct handing *handing = question;
    PyObject *options, *take;
    if (!PyArg_ParseTuple(arguments, "O!nO:flow_batches", &PyTuple_Type, &options, &handing->rows, &take) ||
        !rows_from(handing, state, take) || !pf_flow_options_from(options, &handing->options))
        return false;
    handing->flows = pf_alloc(sizeof *handing->flows);
    if (handing->flows == NULL)
        PyErr_NoMemory();
    return handing->flows != NULL;
}

static bool flows_arm(void *question, struct pf_run *run, struct pf_sinks *sinks)
{
    struct handing *handing = question;
    struct pf_error error = {.status = PF_OK};
    pf_batches_init_rows(&handing->batches, &handing->flows->sink, (size_t)handing->rows);
    handing->armed = true;
    handing->batches.hand = hand;
    handing->batches.context = handing;
    enum pf_status status = pf_flow_sink_init(handing->flows, &handing->options, &handing->batches.kinds, NULL, &error);
    handing->flows->rows.ready = pf_batches_put;
    handing->flows->rows.context = &handing->batches;
    if (status == PF_OK)
        return pf_sinks_add(sinks, &handing->flows->sink);
    (void)pf_raise(run->state, &error);
    return false;
}

/* None, after the last batch, which may be short. */
static PyObject *handing_result(void *question, struct pf_run *run)
{
    struct handing *handing = question;
    struct pf_part *last = handing->batches.filled;
    (void)run;
    handing->batches.filled = NULL;
    if (last != NULL && !give(handing, last))
        return NULL;
    return Py_NewRef(Py_None);
}

static void handing_clear(void *question)
{
    struct handing *handing = question;
    if (handing->armed && handing->flows != NULL)
        pf_flow_sink_clear(handing->flows);
    if (handing->armed)
        pf_batches_clear(&handing->batches);
    pf_free(handing->flows);
    pf_free(handing->fields);
    Py_XDECREF(handing->take);
}

const struct pf_question pf_ask_batches = {
    .name = "batches",
    .size = sizeof(struct handing),
    .prepare = packets_prepare,
    .arm = packets_arm,
    .result = handing_result,
    .clear = handing_clear,
};

const struct pf_question pf_ask_flow_batches = {
    .name = "flow_batches",
    .size = sizeof(struct handing),
    .prepare = flows_prepare,
    .arm = flows_arm,
    .result = handing_result,
    .clear = handing_clear,
};
