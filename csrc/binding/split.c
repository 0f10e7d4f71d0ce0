/* One pass into many captures. */
#include "binding/core.h"

#include "base/alloc.h"
#include "table/split.h"

/* What was parsed and must live as long as the pass. */
struct request {
    struct pf_split_part parts[PF_MOST_SPLIT_PARTS];
    size_t part_count;
    struct pf_dictionary renamed;
    const char **names;
};

/* Text as it is, (field,) or the length of bins. */
static bool part_from(PyObject *object, struct pf_split_part *part)
{
    memset(part, 0, sizeof *part);
    if (PyLong_Check(object)) {
        part->every = PyLong_AsLongLong(object);
        return !PyErr_Occurred();
    }
    bool is_field = PyTuple_Check(object) && PyTuple_GET_SIZE(object) == 1;
    const char *text = PyUnicode_AsUTF8(is_field ? PyTuple_GET_ITEM(object, 0) : object);
    if (text == NULL)
        return false;
    if (!is_field) {
        part->literal = text;
        return true;
    }
    part->field = pf_field_find(text);
    if (part->field == NULL)
        PyErr_Format(PyExc_KeyError, "no column %s", text);
    return part->field != NULL;
}

/* ((text, name), ...): their octets belong to the tuple. */
static bool names_from(struct pf_state *state, PyObject *pairs, struct request *request)
{
    struct pf_error error;
    request->names = pf_alloc_array((size_t)PyTuple_GET_SIZE(pairs), sizeof *request->names);
    if (request->names == NULL) {
        PyErr_NoMemory();
        return false;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(pairs); i++) {
        const char *text, *name;
        Py_ssize_t length;
        int32_t code;
        if (!pf_parse(PyTuple_GET_ITEM(pairs, i), "s#s:name", &text, &length, &name))
            return false;
        if (pf_dictionary_text(&request->renamed, text, (size_t)length, &code, &error) != PF_OK) {
            (void)pf_raise(state, &error);
            return false;
        }
        request->names[code] = name;
    }
    return true;
}

static bool request_from(struct pf_state *state, PyObject *parts, PyObject *pairs, struct request *request)
{
    if (PyTuple_GET_SIZE(parts) > PF_MOST_SPLIT_PARTS) {
        PyErr_Format(PyExc_ValueError, "split: a name of more than %d parts", PF_MOST_SPLIT_PARTS);
        return false;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(parts); i++) {
        if (!part_from(PyTuple_GET_ITEM(parts, i), &request->parts[request->part_count++]))
            return false;
    }
    return names_from(state, pairs, request);
}

/* path, packets, octets: in the order in which the files came up. */
static enum pf_status describe(const struct pf_split_sink *sink, struct pf_frame *frame, struct pf_error *error)
{
    static const struct pf_kind kinds[] = {
        {"path", PF_STRING, false}, {"packets", PF_UINT64, false}, {"octets", PF_UINT64, false}};
    size_t count = sink->paths.count;
    PF_TRY(pf_frame_init(frame, kinds, 3, error));
    struct pf_part *part = pf_part_new(kinds, 3);
    enum pf_status status = part != NULL ? PF_OK : pf_fail_memory(error);
    for (size_t i = 0; i < 3 && status == PF_OK; i++)
        status = pf_column_reserve(part->columns[i], count, error);
    for (size_t i = 0; i < count && status == PF_OK; i++) {
        size_t length;
        const char *path = pf_dictionary_at(&sink->paths, i, &length);
        status = pf_column_put_octets(part->columns[0], path, length, error);
        if (status != PF_OK)
            break;
        pf_column_put_number(part->columns[1], sink->files[i]->file.packets);
        pf_column_put_number(part->columns[2], sink->files[i]->file.octets);
        part->rows++;
    }
    if (status == PF_OK)
        return pf_frame_add(frame, part, error);
    pf_part_free(part, 3);
    return status;
}

static PyObject *split_files(struct pf_run *run, const struct request *request, enum pf_copy_format format)
{
    struct pf_split_sink sink;
    struct pf_error error = {.status = PF_OK};
    pf_split_sink_init(&sink, format, request->parts, request->part_count, run->inputs, run->pass.input_count);
    sink.renamed = request->renamed.count != 0 ? &request->renamed : NULL;
    sink.names = request->names;
    sink.input_names = run->narrowing.files;
    struct pf_frame_object *frame = pf_frame_object_new(run->state);
    PyObject *result = NULL;
    if (frame != NULL && pf_run_pass(run, NULL, 0, &sink.sink)) {
        enum pf_status status;
        Py_BEGIN_ALLOW_THREADS
        status = pf_split_sink_commit(&sink, &error);
        if (status == PF_OK)
            status = describe(&sink, &frame->frame, &error);
        Py_END_ALLOW_THREADS
        result = status == PF_OK ? Py_NewRef(frame) : pf_raise(run->state, &error);
    }
    Py_XDECREF(frame);
    pf_split_sink_clear(&sink);
    return result;
}

PyObject *pf_split(PyObject *module, PyObject *arguments)
{
    struct pf_state *state = pf_state_of(module);
    PyObject *inputs, *options, *parts, *pairs, *result = NULL;
    const char *format;
    struct request request;
    struct pf_run run;
    if (!PyArg_ParseTuple(arguments, "OO!sO!O!:split", &inputs, &PyTuple_Type, &options, &format, &PyTuple_Type, &parts,
                          &PyTuple_Type, &pairs))
        return NULL;
    memset(&request, 0, sizeof request);
    if (request_from(state, parts, pairs, &request) && pf_run_begin(&run, state, inputs, options)) {
        enum pf_copy_format as = strcmp(format, "pcapng") == 0 ? PF_COPY_PCAPNG : PF_COPY_PCAP;
        result = pf_with_faults(&run, split_files(&run, &request, as));
        pf_run_end(&run);
    }
    pf_dictionary_clear(&request.renamed);
    pf_free(request.names);
    return result;
}
