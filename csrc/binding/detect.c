/* The pass of the detectors: several sinks in one reading, and the table of what was found. */
#include "binding/core.h"

#include "detect/sink.h"
#include "detect/text.h"
#include "tally/ioc.h"

struct detection {
    struct pf_detect_options options;
    bool counts_asked, reads, read_armed;
    struct pf_indicator_rules rules;
    struct pf_frame_object *frames[PF_DETECT_TABLES];
    struct pf_counts_object *counts[PF_IOC_KINDS]; /* of indicators, or NULL */
    struct pf_detect_sink traffic;
    struct pf_ioc_sink ioc;
    struct pf_text_sink text;
    struct pf_frame read[PF_TEXT_TABLES]; /* what `text` fills */
};

static void detection_clear(void *question)
{
    struct detection *detection = question;
    pf_detect_sink_clear(&detection->traffic);
    pf_ioc_sink_clear(&detection->ioc);
    if (detection->read_armed)
        pf_text_sink_clear(&detection->text);
    for (unsigned i = 0; i < PF_TEXT_TABLES; i++)
        pf_frame_clear(&detection->read[i]);
    for (unsigned i = 0; i < PF_DETECT_TABLES; i++)
        Py_XDECREF(detection->frames[i]);
    for (unsigned i = 0; i < PF_IOC_KINDS; i++)
        Py_XDECREF(detection->counts[i]);
}

static bool add_traffic(struct detection *detection, struct pf_state *state, struct pf_sinks *sinks)
{
    struct pf_frame *frames[PF_DETECT_TABLES];
    struct pf_error error = {.status = PF_OK};
    for (unsigned i = 0; i < PF_DETECT_TABLES; i++) {
        detection->frames[i] = pf_frame_object_new(state);
        if (detection->frames[i] == NULL)
            return false;
        frames[i] = &detection->frames[i]->frame;
    }
    if (pf_detect_sink_init(&detection->traffic, &detection->options, frames, &error) == PF_OK)
        return pf_sinks_add(sinks, &detection->traffic.sink);
    (void)pf_raise(state, &error);
    return false;
}

static bool add_counts(struct detection *detection, struct pf_state *state, struct pf_sinks *sinks)
{
    struct pf_counts_object **counts = detection->counts;
    if (!pf_ioc_objects(state, counts))
        return false;
    pf_ioc_sink_init(&detection->ioc, &detection->rules, &counts[PF_IOC_DNS]->counts, &counts[PF_IOC_IP]->counts,
                     &counts[PF_IOC_SEQ]->counts);
    return pf_sinks_add(sinks, &detection->ioc.sink);
}

static bool add_text(struct detection *detection, struct pf_state *state, struct pf_sinks *sinks)
{
    struct pf_error error = {.status = PF_OK};
    detection->read_armed = true;
    if (pf_text_sink_init(&detection->text, detection->read, &error) == PF_OK)
        return pf_sinks_add(sinks, &detection->text.sink);
    (void)pf_raise(state, &error);
    return false;
}

static bool detection_prepare(void *question, struct pf_state *state, PyObject *arguments)
{
    struct detection *detection = question;
    long long window;
    Py_ssize_t most_talks, most_rows;
    PyObject *rules;
    int text;
    (void)state;
    if (!PyArg_ParseTuple(arguments, "(Lnn)Op:detect", &window, &most_talks, &most_rows, &rules, &text))
        return false;
    if (window < 0 || most_talks < 0 || most_rows < 0) {
        PyErr_SetString(PyExc_ValueError, "detect: a window and bounds from 0 on are needed");
        return false;
    }
    detection->options = (struct pf_detect_options){window, (size_t)most_talks, (size_t)most_rows};
    detection->reads = text != 0;
    detection->counts_asked = rules != Py_None;
    return rules == Py_None || pf_rules_from(rules, &detection->rules);
}

static bool detection_arm(void *question, struct pf_run *run, struct pf_sinks *sinks)
{
    struct detection *detection = question;
    return add_traffic(detection, run->state, sinks) &&
           (!detection->counts_asked || add_counts(detection, run->state, sinks)) &&
           (!detection->reads || add_text(detection, run->state, sinks));
}

static PyObject *detection_result(void *question, struct pf_run *run)
{
    struct detection *detection = question;
    const struct pf_detect_sink *traffic = &detection->traffic;
    PyObject *frames =
        Py_BuildValue("{sOsOsO}", "talks", detection->frames[PF_DETECT_TALKS], "sightings",
                      detection->frames[PF_DETECT_SIGHTINGS], "seconds", detection->frames[PF_DETECT_SECONDS]);
    if (frames != NULL && detection->reads && !pf_text_tables_into(frames, run->state, detection->read))
        Py_CLEAR(frames);
    PyObject *counters = Py_BuildValue("{sKsKsK}", "closed_early", (unsigned long long)traffic->closed_early,
                                       "rows_left_out", (unsigned long long)traffic->rows_left_out, "targets_left_out",
                                       (unsigned long long)traffic->targets_left_out);
    PyObject *counts = detection->counts_asked ? pf_ioc_tuple(detection->counts) : Py_NewRef(Py_None);
    return Py_BuildValue("NNN", frames, counters, counts);
}

const struct pf_question pf_ask_detect = {
    .name = "detect",
    .size = sizeof(struct detection),
    .prepare = detection_prepare,
    .arm = detection_arm,
    .result = detection_result,
    .clear = detection_clear,
};

PyObject *pf_detect(PyObject *module, PyObject *arguments)
{
    return pf_ask(module, arguments, &pf_ask_detect);
}

/* ------------------------------------------------------------------------------------------------------- findings */

static const struct pf_kind kinds[] = {
    {"kind", PF_TEXT, false},      {"severity", PF_TEXT, false},   {"first_time", PF_TIME, false},
    {"last_time", PF_TIME, false}, {"source", PF_TEXT, true},      {"target", PF_TEXT, true},
    {"port", PF_UINT16, true},     {"evidence", PF_STRING, false}, {"technique", PF_TEXT, false},
};
enum { COLUMNS = sizeof kinds / sizeof kinds[0] };

static bool put(struct pf_state *state, struct pf_column *column, PyObject *value)
{
    struct pf_error error = {.status = PF_OK};
    if (pf_column_reserve(column, 1, &error) != PF_OK) {
        (void)pf_raise(state, &error);
        return false;
    }
    if (value == Py_None && column->kind.nullable) {
        pf_column_put_null(column);
        return true;
    }
    if (column->kind.type == PF_TIME || column->kind.type == PF_UINT16) {
        long long number = PyLong_AsLongLong(value);
        if (number == -1 && PyErr_Occurred())
            return false;
        pf_column_put_number(column, (uint64_t)number);
        return true;
    }
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(value, &size);
    if (text == NULL)
        return false;
    if (pf_column_put_octets(column, text, (size_t)size, &error) == PF_OK)
        return true;
    (void)pf_raise(state, &error);
    return false;
}

static bool put_all(struct pf_state *state, struct pf_part *part, PyObject *list)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        PyObject *row = PyList_GET_ITEM(list, i);
        if (!PyTuple_Check(row) || PyTuple_GET_SIZE(row) != COLUMNS) {
            PyErr_Format(PyExc_TypeError, "findings: tuples of %d are needed", (int)COLUMNS);
            return false;
        }
        for (size_t j = 0; j < COLUMNS; j++) {
            if (!put(state, part->columns[j], PyTuple_GET_ITEM(row, (Py_ssize_t)j)))
                return false;
        }
        part->rows++;
    }
    return true;
}

PyObject *pf_findings(PyObject *module, PyObject *argument)
{
    struct pf_state *state = pf_state_of(module);
    struct pf_error error = {.status = PF_OK};
    if (!PyList_Check(argument)) {
        PyErr_SetString(PyExc_TypeError, "findings: a list is needed");
        return NULL;
    }
    struct pf_part *part = pf_part_new(kinds, COLUMNS);
    if (part == NULL)
        return PyErr_NoMemory();
    struct pf_frame_object *frame = NULL;
    if (put_all(state, part, argument))
        frame = pf_frame_object_new(state);
    if (frame == NULL) {
        pf_part_free(part, COLUMNS);
        return NULL;
    }
    bool made = pf_frame_init(&frame->frame, kinds, COLUMNS, &error) == PF_OK;
    if (!made)
        pf_part_free(part, COLUMNS);
    if (made && pf_frame_add(&frame->frame, part, &error) == PF_OK)
        return (PyObject *)frame;
    Py_DECREF(frame);
    return pf_raise(state, &error);
}
