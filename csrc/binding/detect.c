/* The pass of the detectors: several sinks in one reading, and the table of what was found. */
#include "binding/core.h"

#include "base/alloc.h"
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
    struct pf_detect_save saved_traffic;  /* instead, where events are asked for */
    struct pf_text_save saved_text;
};

static void detection_clear(void *question)
{
    struct detection *detection = question;
    pf_detect_sink_clear(&detection->traffic);
    pf_ioc_sink_clear(&detection->ioc);
    if (detection->read_armed)
        pf_text_sink_clear(&detection->text);
    pf_detect_save_clear(&detection->saved_traffic);
    pf_text_save_clear(&detection->saved_text);
    for (unsigned i = 0; i < PF_TEXT_TABLES; i++)
        pf_frame_clear(&detection->read[i]);
    for (unsigned i = 0; i < PF_DETECT_TABLES; i++)
        Py_XDECREF(detection->frames[i]);
    for (unsigned i = 0; i < PF_IOC_KINDS; i++)
        Py_XDECREF(detection->counts[i]);
}

static bool arm_traffic(struct detection *detection, struct pf_state *state)
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
        return true;
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

static bool arm_text(struct detection *detection, struct pf_state *state)
{
    struct pf_error error = {.status = PF_OK};
    detection->read_armed = true;
    if (pf_text_sink_init(&detection->text, detection->read, &error) == PF_OK)
        return true;
    (void)pf_raise(state, &error);
    return false;
}

static bool bounds_from(long long window, Py_ssize_t most_talks, Py_ssize_t most_rows,
                        struct pf_detect_options *options)
{
    if (window < 0 || most_talks < 0 || most_rows < 0) {
        PyErr_SetString(PyExc_ValueError, "detect: a window and bounds from 0 on are needed");
        return false;
    }
    *options = (struct pf_detect_options){window, (size_t)most_talks, (size_t)most_rows};
    return true;
}

static bool asks_for(struct detection *detection, PyObject *rules, int text)
{
    detection->reads = text != 0;
    detection->counts_asked = rules != Py_None;
    return rules == Py_None || pf_rules_from(rules, &detection->rules);
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
    return bounds_from(window, most_talks, most_rows, &detection->options) && asks_for(detection, rules, text);
}

static bool detection_arm(void *question, struct pf_run *run, struct pf_sinks *sinks)
{
    struct detection *detection = question;
    return arm_traffic(detection, run->state) && pf_sinks_add(sinks, &detection->traffic.sink) &&
           (!detection->counts_asked || add_counts(detection, run->state, sinks)) &&
           (!detection->reads || (arm_text(detection, run->state) && pf_sinks_add(sinks, &detection->text.sink)));
}

static PyObject *counts_of(const struct detection *detection)
{
    return detection->counts_asked ? pf_ioc_tuple(detection->counts) : Py_NewRef(Py_None);
}

static PyObject *tables_of(struct detection *detection, struct pf_state *state)
{
    const struct pf_detect_sink *traffic = &detection->traffic;
    PyObject *frames =
        Py_BuildValue("{sOsOsO}", "talks", detection->frames[PF_DETECT_TALKS], "sightings",
                      detection->frames[PF_DETECT_SIGHTINGS], "seconds", detection->frames[PF_DETECT_SECONDS]);
    if (frames != NULL && detection->reads && !pf_text_tables_into(frames, state, detection->read))
        Py_CLEAR(frames);
    PyObject *counters = Py_BuildValue("{sKsKsK}", "closed_early", (unsigned long long)traffic->closed_early,
                                       "rows_left_out", (unsigned long long)traffic->rows_left_out, "targets_left_out",
                                       (unsigned long long)traffic->targets_left_out);
    return Py_BuildValue("NNN", frames, counters, counts_of(detection));
}

static PyObject *detection_result(void *question, struct pf_run *run)
{
    return tables_of(question, run->state);
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

/* ------------------------------------------------------------------------------------------------- saved, replayed */

static bool events_prepare(void *question, struct pf_state *state, PyObject *arguments)
{
    PyObject *rules;
    int text;
    (void)state;
    return PyArg_ParseTuple(arguments, "Op:detect_events", &rules, &text) && asks_for(question, rules, text);
}

static bool events_arm(void *question, struct pf_run *run, struct pf_sinks *sinks)
{
    struct detection *detection = question;
    struct pf_error error = {.status = PF_OK};
    if (!detection_arm(question, run, sinks))
        return false;
    detection->traffic.save = &detection->saved_traffic;
    detection->text.save = &detection->saved_text;
    if (pf_detect_save_init(&detection->saved_traffic, &error) == PF_OK &&
        pf_text_save_init(&detection->saved_text, &error) == PF_OK)
        return true;
    (void)pf_raise(run->state, &error);
    return false;
}

static PyObject *events_result(void *question, struct pf_run *run)
{
    const struct detection *detection = question;
    (void)run;
    return Py_BuildValue("NNN", pf_saved_bytes(&detection->saved_traffic.saved),
                         detection->reads ? pf_saved_bytes(&detection->saved_text.saved) : Py_NewRef(Py_None),
                         counts_of(detection));
}

PyObject *pf_detect_events_of(PyObject *module, PyObject *arguments)
{
    static const struct pf_question events = {
        .name = "detect_events",
        .size = sizeof(struct detection),
        .prepare = events_prepare,
        .arm = events_arm,
        .result = events_result,
        .clear = detection_clear,
    };
    return pf_ask(module, arguments, &events);
}

struct replay {
    struct detection *detection;
    struct {
        PyObject *traffic, *text; /* bytes; text may be None */
        unsigned long long offset;
    } *pieces;
    size_t count;
};

static enum pf_status replay_all(void *context, struct pf_crew *crew, unsigned worker, struct pf_error *error)
{
    const struct replay *replay = context;
    struct detection *detection = replay->detection;
    (void)crew;
    (void)worker;
    for (size_t i = 0; i < replay->count; i++) {
        PyObject *traffic = replay->pieces[i].traffic, *text = replay->pieces[i].text;
        PF_TRY(pf_detect_replay(&detection->traffic, (const uint8_t *)PyBytes_AS_STRING(traffic),
                                (size_t)PyBytes_GET_SIZE(traffic), error));
        if (detection->reads)
            PF_TRY(pf_text_replay(&detection->text, (const uint8_t *)PyBytes_AS_STRING(text),
                                  (size_t)PyBytes_GET_SIZE(text), replay->pieces[i].offset, error));
    }
    PF_TRY(detection->traffic.sink.ops->finish(&detection->traffic.sink, error));
    return detection->reads ? detection->text.sink.ops->finish(&detection->text.sink, error) : PF_OK;
}

/* Neither the tuples nor the bytes can change meanwhile. */
static bool pieces_from(struct replay *replay, PyObject *tuple, bool text)
{
    replay->count = (size_t)PyTuple_GET_SIZE(tuple);
    replay->pieces = pf_alloc_array(replay->count, sizeof *replay->pieces);
    if (replay->pieces == NULL) {
        PyErr_NoMemory();
        return false;
    }
    for (size_t i = 0; i < replay->count; i++) {
        PyObject *item = PyTuple_GET_ITEM(tuple, (Py_ssize_t)i);
        if (!PyTuple_Check(item) || !PyArg_ParseTuple(item, "SOK:detect_from", &replay->pieces[i].traffic,
                                                      &replay->pieces[i].text, &replay->pieces[i].offset)) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_TypeError, "detect_from: tuples are needed");
            return false;
        }
        if (text != (PyBytes_Check(replay->pieces[i].text) != 0)) {
            PyErr_SetString(PyExc_TypeError, "detect_from: of every piece text is needed, or of none");
            return false;
        }
    }
    return true;
}

PyObject *pf_detect_from(PyObject *module, PyObject *arguments)
{
    struct pf_state *state = pf_state_of(module);
    PyObject *tuple, *result = NULL;
    long long window;
    Py_ssize_t most_talks, most_rows;
    int text;
    struct detection detection;
    memset(&detection, 0, sizeof detection);
    if (!PyArg_ParseTuple(arguments, "O!(Lnn)p:detect_from", &PyTuple_Type, &tuple, &window, &most_talks, &most_rows,
                          &text) ||
        !bounds_from(window, most_talks, most_rows, &detection.options))
        return NULL;
    detection.reads = text != 0;
    struct replay replay = {.detection = &detection};
    if (pieces_from(&replay, tuple, text != 0) && arm_traffic(&detection, state) &&
        (!detection.reads || arm_text(&detection, state)) && pf_run_alone(state, replay_all, &replay))
        result = tables_of(&detection, state);
    detection_clear(&detection);
    pf_free(replay.pieces);
    return result;
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
