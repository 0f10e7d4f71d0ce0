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

static PyObject *ioc_counts(PyObject *module, PyObject *arguments)
{
    struct pf_state *state = pf_state_of(module);
    PyObject *inputs, *options, *rules_tuple;
    struct pf_indicator_rules rules;
    struct pf_run run;
    if (!PyArg_ParseTuple(arguments, "OO!O!:ioc_counts", &inputs, &PyTuple_Type, &options, &PyTuple_Type, &rules_tuple))
        return NULL;
    if (!pf_rules_from(rules_tuple, &rules) || !pf_run_begin(&run, state, inputs, options))
        return NULL;
    struct pf_counts_object *dns = pf_counts_object_new(state, PF_KEY_ADDRESS);
    struct pf_counts_object *ip = pf_counts_object_new(state, PF_KEY_ADDRESS);
    struct pf_counts_object *seq = pf_counts_object_new(state, PF_KEY_NUMBER);
    PyObject *result = NULL;
    if (dns != NULL && ip != NULL && seq != NULL) {
        struct pf_ioc_sink sink;
        pf_ioc_sink_init(&sink, &rules, &dns->counts, &ip->counts, &seq->counts);
        if (pf_run_pass(&run, NULL, 0, &sink.sink))
            result = PyTuple_Pack(3, dns, ip, seq);
        pf_ioc_sink_clear(&sink);
    }
    Py_XDECREF(dns);
    Py_XDECREF(ip);
    Py_XDECREF(seq);
    result = pf_with_faults(&run, result);
    pf_run_end(&run);
    return result;
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
    if (!PyArg_ParseTuple(tuple, "O!OOO:suspects", &PyTuple_Type, &rules_tuple, &keys[0], &keys[1], &keys[2]) ||
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

const char **pf_files_of(const struct pf_run *run, PyObject **owner)
{
    const char **files = pf_alloc_array(run->pass.input_count, sizeof *files);
    *owner = files != NULL ? PyDict_New() : PyErr_NoMemory();
    for (size_t i = 0; *owner != NULL && i < run->pass.input_count; i++) {
        PyObject *name = pf_str(run->inputs[i]->source->name);
        PyObject *shown = name != NULL ? PyUnicode_AsEncodedString(name, "utf-8", "backslashreplace") : NULL;
        PyObject *first = shown != NULL ? PyDict_SetDefault(*owner, name, shown) : NULL;
        if (first != NULL)
            files[i] = PyBytes_AS_STRING(first);
        else
            Py_CLEAR(*owner);
        Py_XDECREF(name);
        Py_XDECREF(shown);
    }
    if (*owner == NULL) {
        pf_free(files);
        return NULL;
    }
    return files;
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
    PyObject *owner = NULL;
    const char **files = frame != NULL ? pf_files_of(&run, &owner) : NULL;
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
    pf_free(files);
    Py_XDECREF(owner);
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
    pf_copy_sink_clear(&sink);
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
    return Py_BuildValue("KNNNNNNNi", (unsigned long long)census->packets, first, last, census_faults(census), oddities,
                         pf_interfaces_list(&pass->interfaces), notes_list(pass->notes), blocks_dict(pass->notes),
                         pass->notes->cut);
}

static PyObject *take_census(PyObject *module, PyObject *arguments)
{
    PyObject *inputs, *options, *result = NULL;
    struct pf_run run;
    if (!PyArg_ParseTuple(arguments, "OO!:census", &inputs, &PyTuple_Type, &options) ||
        !pf_run_begin(&run, pf_state_of(module), inputs, options))
        return NULL;
    struct pf_census census;
    struct pf_notes notes;
    memset(&notes, 0, sizeof notes);
    pf_census_init(&census);
    run.pass.notes = &notes;
    if (pf_run_pass(&run, NULL, 0, &census.sink))
        result = census_result(&census, &run.pass);
    pf_census_clear(&census);
    pf_notes_clear(&notes);
    result = pf_with_faults(&run, result);
    pf_run_end(&run);
    return result;
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
    {"packets", packets, METH_VARARGS, "packets(inputs, options, names, suspects): (Frame, faults)."},
    {"groups", pf_tally_groups, METH_VARARGS,
     "groups(inputs, options, ((fields, every, aggregates, gaps, fill, top, approx, keep nulls), ...)): ([Frame, ...], "
     "faults)."},
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
    {"findings", pf_findings, METH_O, "findings(list of findings as tuples): a Frame with a row for each."},
    {"detect_text", pf_detect_text, METH_VARARGS, "detect_text(inputs, options): ({table: Frame}, faults)."},
    {"attack_patterns", pf_attack_list, METH_NOARGS, "[(attack, weak, pattern), ...]."},
    {"flows", pf_flows, METH_VARARGS, "flows(inputs, options, flow options): ((Frame, counters), faults)."},
    {"flow_map", pf_flow_map_of, METH_VARARGS,
     "flow_map(inputs, options, flow options, wanted ids or None, any link): ((frame numbers, ids, directions), "
     "faults)."},
    {"flow_features", pf_flow_features, METH_NOARGS,
     "[(published, v4, 2021, cic2017 type, corrected type, unit, definition, section, differs), ...]."},
    {"flow_extra", pf_flow_extra_columns, METH_NOARGS, "[(group, name, type, unit, definition), ...]."},
    {"libpcap", pf_libpcap_built_in, METH_NOARGS, "(whether libpcap is built in, its version or how to get it)."},
    {"interfaces", pf_interfaces_frame, METH_NOARGS, "A Frame of this machine's interfaces."},
    {"fields", fields, METH_NOARGS, "The catalogue: [(name, type, nullable, wireshark, doc), ...]."},
    {"processors", processors, METH_NOARGS, "How many threads a pass uses by default."},
    {NULL, NULL, 0, NULL},
};
