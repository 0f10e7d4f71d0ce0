#include "binding/core.h"

#include "base/alloc.h"

enum pf_status pf_check_signals(void *context, struct pf_error *error)
{
    (void)context;
    PyGILState_STATE gil = PyGILState_Ensure();
    bool good = !PyErr_Occurred() && PyErr_CheckSignals() == 0;
    PyGILState_Release(gil);
    return good ? PF_OK : pf_fail(error, PF_STOPPED, "stopped");
}

/* Ctrl-C ends a file that is followed, and so the pass with an answer; where there is none, or it was ended so before,
 * it ends the pass. */
static bool ends_following(struct pf_run *run)
{
    bool any = false;
    PyGILState_STATE gil = PyGILState_Ensure();
    if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
        for (size_t i = 0; i < run->pass.input_count; i++)
            any |= pf_source_follow_end(run->inputs[i]->source);
    }
    if (any)
        PyErr_Clear();
    PyGILState_Release(gil);
    return any;
}

static enum pf_status tick(void *context, struct pf_error *error)
{
    struct pf_run *run = context;
    if (pf_check_signals(NULL, error) != PF_OK && !ends_following(run))
        return error->status;
    if (run->tick == NULL)
        return PF_OK;
    PyGILState_STATE gil = PyGILState_Ensure();
    unsigned long long octets = atomic_load(&run->pass.octets), packets = atomic_load(&run->pass.packets);
    PyObject *ignored = PyObject_CallFunction(run->tick, "KK", octets, packets);
    bool good = ignored != NULL;
    Py_XDECREF(ignored);
    PyGILState_Release(gil);
    return good ? PF_OK : pf_fail(error, PF_STOPPED, "stopped");
}

/* Streams serve one pass at a time, and some only one at all. */
static bool enter(struct pf_input_object *input)
{
    const struct pf_source *source = input->input.source;
    if (pf_source_seekable(source))
        return true;
    if (atomic_flag_test_and_set(&input->in_use)) {
        PyErr_Format(PyExc_RuntimeError, "%s: is busy: another call is reading it", source->name);
        return false;
    }
    if (source->once && input->consumed) {
        atomic_flag_clear(&input->in_use);
        PyErr_Format(PyExc_RuntimeError, "%s: can be read only once, and was: open it with spool=True to ask it again",
                     source->name);
        return false;
    }
    return true;
}

static void leave(struct pf_input_object *input)
{
    if (!pf_source_seekable(input->input.source))
        atomic_flag_clear(&input->in_use);
}

bool pf_run_begin(struct pf_run *run, struct pf_state *state, PyObject *inputs, PyObject *options)
{
    memset(run, 0, sizeof *run);
    run->state = state;
    PyObject *callback, *narrowing;
    Py_ssize_t chunk;
    int strict;
    if (!pf_parse(options, "InpOO!:options", &run->pass.threads, &chunk, &strict, &callback, &PyTuple_Type, &narrowing))
        return false;
    if (!PyTuple_Check(inputs) || PyTuple_GET_SIZE(inputs) == 0 || chunk < 0) {
        PyErr_SetString(PyExc_TypeError, "a tuple of at least one Input is needed");
        return false;
    }
    Py_ssize_t count = PyTuple_GET_SIZE(inputs);
    run->inputs = pf_alloc_array((size_t)count, sizeof *run->inputs);
    if (run->inputs == NULL) {
        PyErr_NoMemory();
        return false;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *input = PyTuple_GET_ITEM(inputs, i);
        if (!PyObject_TypeCheck(input, state->input)) {
            PyErr_SetString(PyExc_TypeError, "a tuple of Input is needed");
            break;
        }
        if (!enter((struct pf_input_object *)input))
            break;
        run->inputs[run->pass.input_count++] = &((struct pf_input_object *)input)->input;
    }
    run->held = Py_NewRef(inputs);
    run->tick = callback != Py_None ? Py_NewRef(callback) : NULL;
    run->host = (struct pf_host){.tick = tick, .context = run};
    run->pass.inputs = run->inputs;
    run->pass.chunk = (size_t)chunk;
    run->pass.strict = strict != 0;
    run->pass.host = &run->host;
    if (run->pass.input_count == (size_t)count &&
        pf_narrowing_begin(&run->narrowing, state, narrowing, run->inputs, (size_t)count) &&
        pf_run_indexes(run, run->narrowing.first, run->narrowing.last))
        return true;
    pf_run_end(run);
    return false;
}

void pf_run_arm(struct pf_run *run, struct pf_predicate *const *predicates, size_t predicate_count)
{
    struct pf_narrowing *narrowing = &run->narrowing;
    for (size_t i = 0; i < predicate_count; i++)
        narrowing->predicates[narrowing->count + i] = predicates[i];
    run->pass.predicates = narrowing->predicates;
    run->pass.predicate_count = narrowing->count + predicate_count;
    for (size_t i = 0; i < run->pass.input_count; i++) /* from here on octets are taken */
        ((struct pf_input_object *)PyTuple_GET_ITEM(run->held, (Py_ssize_t)i))->consumed = true;
}

bool pf_run_pass(struct pf_run *run, struct pf_predicate *const *predicates, size_t predicate_count,
                 struct pf_sink *sink)
{
    return pf_run_sinks(run, predicates, predicate_count, &sink, 1);
}

bool pf_run_sinks(struct pf_run *run, struct pf_predicate *const *predicates, size_t predicate_count,
                  struct pf_sink *const *sinks, size_t sink_count)
{
    struct pf_error error = {.status = PF_OK};
    enum pf_status status;
    pf_run_arm(run, predicates, predicate_count);
    run->pass.sinks = sinks;
    run->pass.sink_count = sink_count;
    Py_BEGIN_ALLOW_THREADS
    status = pf_pass_run(&run->pass, &error);
    Py_END_ALLOW_THREADS
    if (status != PF_OK)
        (void)pf_raise(run->state, &error);
    return status == PF_OK && pf_input_keep_found((struct pf_input_object *)PyTuple_GET_ITEM(run->held, 0), &run->pass);
}

/* What the ordered stage had to give up; false with an exception set. */
static bool append_forgotten(PyObject *list, uint64_t count, const char *message)
{
    char text[256];
    if (count == 0)
        return true;
    (void)snprintf(text, sizeof text, "%llu %s", (unsigned long long)count, message);
    PyObject *item = Py_BuildValue("siOOiN", "forgotten", 0, Py_None, Py_None, 0, pf_line(text));
    bool good = item != NULL && PyList_Append(list, item) == 0;
    Py_XDECREF(item);
    return good;
}

PyObject *pf_run_faults(const struct pf_run *run)
{
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < run->pass.fault_count; i++) {
        const struct pf_fault *fault = &run->pass.faults[i];
        char message[sizeof(struct pf_error)];
        pf_fault_message(fault, run->inputs[fault->input]->source->name, message, sizeof message);
        PyObject *item = Py_BuildValue("sNKKKN", pf_fault_name(fault->kind), PyLong_FromSize_t(fault->input),
                                       (unsigned long long)fault->frame_number, (unsigned long long)fault->offset,
                                       (unsigned long long)fault->lost, pf_line(message));
        if (item == NULL || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    if (list != NULL &&
        (!pf_narrowing_faults(&run->narrowing, list) ||
         !append_forgotten(list, run->pass.forgotten,
                           "TCP connections were open beyond the limit and given up: their tcp_stream begins anew, and "
                           "tcp_analysis_* with it") ||
         !append_forgotten(list, run->pass.unfinished,
                           "TCP connections were given up, beyond the limit, before a message in them was whole")))
        Py_CLEAR(list);
    return list;
}

const char *const *pf_run_files(struct pf_run *run)
{
    if (run->files != NULL)
        return run->files;
    const char **files = pf_alloc_array(run->pass.input_count, sizeof *files);
    PyObject *owner = files != NULL ? PyDict_New() : PyErr_NoMemory();
    for (size_t i = 0; owner != NULL && i < run->pass.input_count; i++) {
        PyObject *name = pf_str(run->inputs[i]->source->name);
        PyObject *shown = name != NULL ? PyUnicode_AsEncodedString(name, "utf-8", "backslashreplace") : NULL;
        PyObject *first = shown != NULL ? PyDict_SetDefault(owner, name, shown) : NULL;
        if (first != NULL)
            files[i] = PyBytes_AS_STRING(first);
        else
            Py_CLEAR(owner);
        Py_XDECREF(name);
        Py_XDECREF(shown);
    }
    if (owner == NULL) {
        pf_free(files);
        return NULL;
    }
    run->files = files;
    run->files_owner = owner;
    return files;
}

void pf_run_end(struct pf_run *run)
{
    for (size_t i = 0; i < run->pass.input_count; i++)
        leave((struct pf_input_object *)PyTuple_GET_ITEM(run->held, (Py_ssize_t)i));
    pf_pass_clear(&run->pass);
    pf_narrowing_end(&run->narrowing);
    pf_free(run->inputs);
    pf_free(run->indexes);
    pf_free(run->files);
    Py_XDECREF(run->files_owner);
    Py_XDECREF(run->held);
    Py_XDECREF(run->tick);
}
