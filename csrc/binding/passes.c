/* The module's functions: each puts one pass together. All take (inputs, options, ...) and return (result, faults). */
#include "binding/core.h"

#include "base/alloc.h"
#include "base/os_file.h"
#include "table/copy.h"
#include "table/numbers.h"
#include "table/packets.h"
#include "tally/census.h"
#include "tally/ioc.h"

PyObject *pf_with_faults(struct pf_run *run, PyObject *result)
{
    PyObject *faults = result != NULL ? pf_run_faults(run) : NULL;
    if (faults != NULL)
        return Py_BuildValue("NN", result, faults);
    Py_XDECREF(result);
    return NULL;
}

bool pf_ioc_objects(struct pf_state *state, struct pf_counts_object *counts[])
{
    for (unsigned i = 0; i < PF_IOC_KINDS; i++) {
        counts[i] = pf_counts_object_new(state, i == PF_IOC_SEQ ? PF_KEY_NUMBER : PF_KEY_ADDRESS);
        if (counts[i] == NULL)
            return false;
    }
    return true;
}

PyObject *pf_ioc_tuple(struct pf_counts_object *const counts[])
{
    return PyTuple_Pack(PF_IOC_KINDS, counts[PF_IOC_DNS], counts[PF_IOC_IP], counts[PF_IOC_SEQ]);
}

struct ioc {
    struct pf_indicator_rules rules;
    struct pf_counts_object *counts[PF_IOC_KINDS];
    struct pf_ioc_sink sink;
};

static bool ioc_prepare(void *question, struct pf_state *state, PyObject *arguments)
{
    struct ioc *ioc = question;
    PyObject *rules;
    (void)state;
    return PyArg_ParseTuple(arguments, "O!:ioc_counts", &PyTuple_Type, &rules) && pf_rules_from(rules, &ioc->rules);
}

static bool ioc_arm(void *question, struct pf_run *run, struct pf_sinks *sinks)
{
    struct ioc *ioc = question;
    if (!pf_ioc_objects(run->state, ioc->counts))
        return false;
    pf_ioc_sink_init(&ioc->sink, &ioc->rules, &ioc->counts[PF_IOC_DNS]->counts, &ioc->counts[PF_IOC_IP]->counts,
                     &ioc->counts[PF_IOC_SEQ]->counts);
    return pf_sinks_add(sinks, &ioc->sink.sink);
}

static PyObject *ioc_result(void *question, struct pf_run *run)
{
    (void)run;
    return pf_ioc_tuple(((struct ioc *)question)->counts);
}

static void ioc_clear(void *question)
{
    struct ioc *ioc = question;
    pf_ioc_sink_clear(&ioc->sink);
    for (unsigned i = 0; i < PF_IOC_KINDS; i++)
        Py_XDECREF(ioc->counts[i]);
}

const struct pf_question pf_ask_ioc_counts = {
    .name = "ioc_counts",
    .size = sizeof(struct ioc),
    .prepare = ioc_prepare,
    .arm = ioc_arm,
    .result = ioc_result,
    .clear = ioc_clear,
};

static PyObject *ioc_counts(PyObject *module, PyObject *arguments)
{
    return pf_ask(module, arguments, &pf_ask_ioc_counts);
}

/* What narrows this pass beyond its capture: suspects (rules, dns, ip, seq) and frame numbers, each or None. */
struct narrowing {
    bool has_suspects;
    struct pf_suspects suspects;
    PyArrayObject *array;
    struct pf_numbers numbers;
    struct pf_predicate *predicates[PF_MORE_PREDICATES];
    size_t count;
};

static void narrowing_clear(struct narrowing *narrowing)
{
    if (narrowing->has_suspects)
        pf_suspects_clear(&narrowing->suspects);
    Py_XDECREF(narrowing->array);
}

static bool suspects_from(struct pf_state *state, PyObject *tuple, struct narrowing *narrowing)
{
    static const char *const names[PF_IOC_KINDS] = {"dns", "ip", "seq"};
    PyObject *rules_tuple, *keys[PF_IOC_KINDS];
    struct pf_indicator_rules rules;
    if (!pf_parse(tuple, "O!OOO:suspects", &PyTuple_Type, &rules_tuple, &keys[0], &keys[1], &keys[2]) ||
        !pf_rules_from(rules_tuple, &rules))
        return false;
    pf_suspects_init(&narrowing->suspects, &rules);
    narrowing->has_suspects = true;
    narrowing->predicates[narrowing->count++] = &narrowing->suspects.predicate;
    for (unsigned i = 0; i < PF_IOC_KINDS; i++) {
        if (!pf_keys_from(state, keys[i], names[i], &narrowing->suspects.keys[i]))
            return false;
    }
    return true;
}

static bool numbers_from(PyObject *object, struct narrowing *narrowing)
{
    narrowing->array = (PyArrayObject *)PyArray_FROMANY(object, NPY_UINT64, 1, 1, NPY_ARRAY_IN_ARRAY);
    if (narrowing->array == NULL)
        return false;
    pf_numbers_init(&narrowing->numbers, PyArray_DATA(narrowing->array), (size_t)PyArray_SIZE(narrowing->array));
    narrowing->predicates[narrowing->count++] = &narrowing->numbers.predicate;
    return true;
}

static bool narrowing_from(struct pf_state *state, PyObject *suspects, PyObject *numbers, struct narrowing *narrowing)
{
    memset(narrowing, 0, sizeof *narrowing);
    bool good = (suspects == Py_None || suspects_from(state, suspects, narrowing)) &&
                (numbers == Py_None || numbers_from(numbers, narrowing));
    if (!good)
        narrowing_clear(narrowing);
    return good;
}

const struct pf_field **pf_fields_from(PyObject *names, size_t *count)
{
    if (!PyTuple_Check(names)) {
        PyErr_SetString(PyExc_TypeError, "a tuple of column names is needed");
        return NULL;
    }
    *count = (size_t)PyTuple_GET_SIZE(names);
    const struct pf_field **fields = pf_alloc_array(*count, sizeof *fields);
    if (fields == NULL)
        PyErr_NoMemory();
    for (size_t i = 0; fields != NULL && i < *count; i++) {
        const char *name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(names, (Py_ssize_t)i));
        fields[i] = name != NULL ? pf_field_find(name) : NULL;
        if (fields[i] == NULL) {
            if (name != NULL)
                PyErr_Format(PyExc_KeyError, "no column %R", PyTuple_GET_ITEM(names, (Py_ssize_t)i));
            pf_free(fields);
            return NULL;
        }
    }
    return fields;
}

static PyObject *packets(PyObject *module, PyObject *arguments)
{
    struct pf_state *state = pf_state_of(module);
    PyObject *inputs, *options, *names, *suspects;
    struct narrowing narrowing;
    struct pf_run run;
    size_t count;
    if (!PyArg_ParseTuple(arguments, "OO!OO:packets", &inputs, &PyTuple_Type, &options, &names, &suspects))
        return NULL;
    const struct pf_field **fields = pf_fields_from(names, &count);
    if (fields == NULL)
        return NULL;
    PyObject *result = NULL;
    if (!narrowing_from(state, suspects, Py_None, &narrowing))
        goto fields_only;
    if (!pf_run_begin(&run, state, inputs, options))
        goto narrowed;
    struct pf_frame_object *frame = pf_frame_object_new(state);
    const char *const *files = frame != NULL ? pf_run_files(&run) : NULL;
    if (files != NULL) {
        struct pf_packets_sink sink;
        struct pf_error error = {.status = PF_OK};
        bool good = pf_packets_sink_init(&sink, fields, count, files, &frame->frame, &error) == PF_OK;
        if (!good)
            (void)pf_raise(state, &error);
        if (good && pf_run_pass(&run, narrowing.predicates, narrowing.count, &sink.sink))
            result = Py_NewRef(frame);
        pf_packets_sink_clear(&sink);
    }
    Py_XDECREF(frame);
    result = pf_with_faults(&run, result);
    pf_run_end(&run);
narrowed:
    narrowing_clear(&narrowing);
fields_only:
    pf_free(fields);
    return result;
}

/* Runs the pass into a draft of the new file and makes it appear; the packets written, or NULL. */
static PyObject *write_draft(struct pf_run *run, struct narrowing *narrowing, enum pf_copy_format format,
                             const char *path)
{
    struct pf_draft draft;
    struct pf_copy_sink sink;
    struct pf_error error = {.status = PF_OK};
    int failed = pf_draft_begin(&draft, path);
    if (failed != 0) {
        (void)pf_fail_sys(&error, failed, path, "could not be created");
        return pf_raise(run->state, &error);
    }
    bool good = pf_copy_sink_init(&sink, format, &draft, run->inputs, run->pass.input_count, &error) == PF_OK;
    if (!good)
        (void)pf_raise(run->state, &error);
    good = good && pf_run_pass(run, narrowing->predicates, narrowing->count, &sink.sink);
    unsigned long long written = sink.file.packets;
    if (!good) {
        pf_draft_abandon(&draft);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    failed = pf_draft_commit(&draft);
    Py_END_ALLOW_THREADS
    if (failed == 0)
        return PyLong_FromUnsignedLongLong(written);
    (void)pf_fail_sys(&error, failed, path, "could not be written");
    return pf_raise(run->state, &error);
}

static PyObject *write_capture(PyObject *module, PyObject *arguments)
{
    struct pf_state *state = pf_state_of(module);
    PyObject *inputs, *options, *path = NULL, *suspects, *numbers;
    const char *format;
    struct narrowing narrowing;
    struct pf_run run;
    if (!PyArg_ParseTuple(arguments, "OO!sO&OO:write_capture", &inputs, &PyTuple_Type, &options, &format,
                          PyUnicode_FSConverter, &path, &suspects, &numbers))
        return NULL;
    enum pf_copy_format as = strcmp(format, "pcapng") == 0 ? PF_COPY_PCAPNG : PF_COPY_PCAP;
    PyObject *result = NULL;
    if (narrowing_from(state, suspects, numbers, &narrowing)) {
        if (pf_run_begin(&run, state, inputs, options)) {
            result = pf_with_faults(&run, write_draft(&run, &narrowing, as, PyBytes_AS_STRING(path)));
            pf_run_end(&run);
        }
        narrowing_clear(&narrowing);
    }
    Py_DECREF(path);
    return result;
}

/* {"truncated tcp": 3, ...} */
static PyObject *census_faults(const struct pf_census *census)
{
    PyObject *faults = PyDict_New();
    struct pf_keycount_place place = {.partition = 0};
    const uint64_t *key;
    uint64_t count;
    while (faults != NULL && pf_keycount_next(&census->faults, &place, &key, &count)) {
        char text[PF_TEXT_ROOM];
        size_t length = pf_fault_text(*key, text);
        PyObject *name = PyUnicode_FromStringAndSize(text, (Py_ssize_t)length),
                 *number = PyLong_FromUnsignedLongLong(count);
        PyObject *before = name != NULL ? PyDict_GetItemWithError(faults, name) : NULL;
        if (before != NULL) /* two protocols of one name */
            Py_SETREF(number, PyNumber_Add(before, number));
        if (name == NULL || number == NULL || PyErr_Occurred() || PyDict_SetItem(faults, name, number) < 0)
            Py_CLEAR(faults);
        Py_XDECREF(name);
        Py_XDECREF(number);
    }
    return faults;
}

/* [(kind, frame number or 0, text), ...] */
static PyObject *notes_list(const struct pf_notes *notes)
{
    static const char *const kinds[] = {
        [PF_NOTE_COMMENT] = "comment",         [PF_NOTE_HARDWARE] = "hardware", [PF_NOTE_SYSTEM] = "system",
        [PF_NOTE_APPLICATION] = "application", [PF_NOTE_NAME] = "name",
    };
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < notes->count; i++) {
        const struct pf_note *note = &notes->list[i];
        PyObject *item = Py_BuildValue("sKy#", kinds[note->kind], (unsigned long long)note->frame_number,
                                       notes->text + note->at, (Py_ssize_t)note->size);
        if (item == NULL || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

/* {block type: how many} */
static PyObject *blocks_dict(const struct pf_notes *notes)
{
    PyObject *dict = PyDict_New();
    for (size_t i = 0; dict != NULL && i < notes->block_count; i++) {
        PyObject *type = PyLong_FromUnsignedLong(notes->blocks[i].type);
        PyObject *count = PyLong_FromUnsignedLongLong(notes->blocks[i].count);
        if (type == NULL || count == NULL || PyDict_SetItem(dict, type, count) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(type);
        Py_XDECREF(count);
    }
    return dict;
}

static PyObject *census_result(const struct pf_census *census, const struct pf_pass *pass)
{
    const struct pf_oddities *odd = &pass->oddities;
    PyObject *first = census->timed ? PyLong_FromLongLong(census->first_time) : Py_NewRef(Py_None);
    PyObject *last = census->timed ? PyLong_FromLongLong(census->last_time) : Py_NewRef(Py_None);
    PyObject *oddities =
        Py_BuildValue("{sKsKsKsK}", "time_backwards", (unsigned long long)odd->backwards, "no_time",
                      (unsigned long long)odd->untimed, "beyond_snap_len", (unsigned long long)odd->beyond_snap,
                      "longer_than_on_wire", (unsigned long long)odd->longer_than_on_wire);
    const struct pf_found *found = &pass->found;
    npy_intp count = (npy_intp)found->rising_count;
    PyObject *rising = PyArray_SimpleNew(1, &count, NPY_INT64);
    if (rising != NULL && count != 0)
        memcpy(PyArray_DATA((PyArrayObject *)rising), found->rising, found->rising_count * sizeof *found->rising);
    return Py_BuildValue("KNNNNNNNNNN", (unsigned long long)census->packets, first, last, census_faults(census),
                         oddities, pf_interfaces_list(&pass->interfaces), notes_list(pass->notes),
                         blocks_dict(pass->notes), PyBool_FromLong(pass->notes->cut),
                         PyBool_FromLong(pass->notes->more_types), rising);
}

struct census {
    struct pf_census census;
    struct pf_notes notes;
};

static bool census_prepare(void *question, struct pf_state *state, PyObject *arguments)
{
    (void)question;
    (void)state;
    return PyArg_ParseTuple(arguments, ":census");
}

static bool census_arm(void *question, struct pf_run *run, struct pf_sinks *sinks)
{
    struct census *census = question;
    if (run->pass.notes != NULL) {
        PyErr_SetString(PyExc_ValueError, "census: once is enough");
        return false;
    }
    pf_census_init(&census->census);
    run->pass.notes = &census->notes;
    return pf_sinks_add(sinks, &census->census.sink);
}

static PyObject *census_give(void *question, struct pf_run *run)
{
    return census_result(&((struct census *)question)->census, &run->pass);
}

static void census_clear(void *question)
{
    struct census *census = question;
    pf_census_clear(&census->census);
    pf_notes_clear(&census->notes);
}

const struct pf_question pf_ask_census = {
    .name = "census",
    .size = sizeof(struct census),
    .prepare = census_prepare,
    .arm = census_arm,
    .result = census_give,
    .clear = census_clear,
};

static PyObject *take_census(PyObject *module, PyObject *arguments)
{
    return pf_ask(module, arguments, &pf_ask_census);
}

/* The list, or NULL where that failed. */
static PyObject *append_field(PyObject *list, const struct pf_group *group, const struct pf_field *field)
{
    static const char *const asked[] = {"never", "anyhow", "by name"};
    const char *form = field->text == pf_text_address ? "address" : field->text == pf_text_mac ? "hardware" : "";
    PyObject *item = Py_BuildValue("ssOsssss", field->kind.name, pf_type_names[field->kind.type],
                                   field->kind.nullable ? Py_True : Py_False, field->wireshark, field->doc, group->name,
                                   asked[field->asked], form);
    if (item == NULL || PyList_Append(list, item) < 0)
        Py_CLEAR(list);
    Py_XDECREF(item);
    return list;
}

static PyObject *fields(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < pf_group_count; i++) {
        for (size_t j = 0; list != NULL && j < pf_groups[i]->count; j++)
            list = append_field(list, pf_groups[i], &pf_groups[i]->fields[j]);
    }
    return list;
}

static PyObject *processors(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    return PyLong_FromUnsignedLong(pf_os_processors());
}

PyMethodDef pf_pass_methods[] = {
    {"ioc_counts", ioc_counts, METH_VARARGS, "ioc_counts(inputs, options, rules): ((dns, ip, seq), faults)."},
    {"together", pf_together, METH_VARARGS,
     "together(inputs, options, ((question, (argument, ...)), ...)): ([result, ...], faults), in one reading."},
    {"packets", packets, METH_VARARGS, "packets(inputs, options, names, suspects): (Frame, faults)."},
    {"group", pf_tally_group, METH_VARARGS,
     "group(inputs, options, fields, every, aggregates, gaps, fill, top, approx, keep nulls): (Frame, faults)."},
    {"group_saved", pf_group_saved, METH_VARARGS, "group_saved, of the arguments of group: (arrays, faults)."},
    {"group_joined", pf_group_joined, METH_VARARGS, "group_joined(question, arrays, ...): arrays."},
    {"group_from", pf_group_from, METH_VARARGS, "group_from(question, arrays, ...): a Frame."},
    {"count_field", pf_count_field, METH_VARARGS,
     "count_field(inputs, options, (name,)): (Counts or TextCounts, faults)."},
    {"write_capture", write_capture, METH_VARARGS,
     "write_capture(inputs, options, format, path, suspects, numbers): (packets written, faults)."},
    {"split", pf_split, METH_VARARGS, "split(inputs, options, format, parts, names): (Frame, faults)."},
    {"census", take_census, METH_VARARGS,
     "census(inputs, options): ((packets, first time, last time, packet faults, oddities, interfaces, notes, blocks, "
     "notes "
     "cut), faults)."},
    {"index_make", pf_index_make, METH_VARARGS,
     "index_make((input,), options, octets of a stretch=0): (the octets of its index, faults)."},
    {"match", pf_match, METH_VARARGS, "match(inputs, options, indicators): (Frame, faults)."},
    {"match_places", pf_match_places, METH_NOARGS, "{kind: [columns that its indicators are looked for in]}."},
    {"match_summary", pf_match_summary, METH_O, "match_summary(hits): a Frame with a row per indicator."},
    {"detect", pf_detect, METH_VARARGS,
     "detect(inputs, options, (window, most talks, most rows), rules or None, text): (({name: Frame}, counters, (dns, "
     "ip, seq) or None), faults)."},
    {"detect_events", pf_detect_events_of, METH_VARARGS,
     "detect_events(inputs, options, rules or None, text): ((octets, octets of text or None, (dns, ip, seq) or None), "
     "faults)."},
    {"detect_from", pf_detect_from, METH_VARARGS,
     "detect_from(((octets, octets of text or None, packets before), ...), (window, most talks, most rows), text): "
     "({name: Frame}, counters, None)."},
    {"findings", pf_findings, METH_O, "findings(list of findings as tuples): a Frame with a row for each."},
    {"detect_text", pf_detect_text, METH_VARARGS, "detect_text(inputs, options): ({table: Frame}, faults)."},
    {"attack_patterns", pf_attack_list, METH_NOARGS, "[(attack, weak, pattern), ...]."},
    {"flows", pf_flows, METH_VARARGS, "flows(inputs, options, flow options): ((Frame, counters), faults)."},
    {"flow_map", pf_flow_map_of, METH_VARARGS,
     "flow_map(inputs, options, flow options, wanted ids or None, any link): ((frame numbers, ids, directions), "
     "faults)."},
    {"flow_events", pf_flow_events, METH_VARARGS,
     "flow_events(inputs, options, flow options, secret or None, parts): (([octets of each part], counters), faults)."},
    {"flows_from", pf_flows_from, METH_VARARGS,
     "flows_from(((octets or (octets of each part, ...), packets before), ...), flow options): (Frame, counters)."},
    {"flow_features", pf_flow_features, METH_NOARGS,
     "[(published, v4, 2021, cic2017 type, corrected type, unit, definition, section, differs), ...]."},
    {"flow_extra", pf_flow_extra_columns, METH_NOARGS, "[(group, name, type, unit, definition), ...]."},
    {"libpcap", pf_libpcap_built_in, METH_NOARGS, "(whether libpcap is built in, its version or how to get it)."},
    {"interfaces", pf_interfaces_frame, METH_NOARGS, "A Frame of this machine's interfaces."},
    {"fields", fields, METH_NOARGS, "The catalogue: [(name, type, nullable, wireshark, doc), ...]."},
    {"frame_from", pf_frame_from, METH_VARARGS, "frame_from(schema, order, *parts): a Frame of arrays."},
    {"needs", pf_needs, METH_VARARGS, "needs(names): 0 where these fields ask nothing of packets before."},
    {"processors", processors, METH_NOARGS, "How many threads a pass uses by default."},
    {NULL, NULL, 0, NULL},
};
