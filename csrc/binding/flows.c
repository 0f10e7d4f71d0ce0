/* Flows: one pass to rows, or to where each packet went. */
#include "binding/core.h"

#include "flow/sink.h"

/* (cic, fork, count_padding, last_tcp_header, ghost_flows, ipv6, flush_last_active, protocols, flow_timeout_us,
 * activity_timeout_us, dedup_us, sort_us, min_packets, max_flows, print_octets, quantize, names, extra), checked by
 * Python but for their types. */
bool pf_flow_options_from(PyObject *tuple, struct pf_flow_options *options)
{
    int cic, fork, count_padding, last_tcp_header, ghost_flows, ipv6, flush_last_active, quantize;
    unsigned protocols, max_flows, names, extra;
    long long flow_timeout, activity_timeout, dedup, sort;
    unsigned long long min_packets, print_octets;
    if (!pf_parse(tuple, "pppppppILLLLKIKpII:flow options", &cic, &fork, &count_padding, &last_tcp_header, &ghost_flows,
                  &ipv6, &flush_last_active, &protocols, &flow_timeout, &activity_timeout, &dedup, &sort, &min_packets,
                  &max_flows, &print_octets, &quantize, &names, &extra))
        return false;
    if (max_flows == 0 || max_flows >= PF_NO_FLOW) {
        PyErr_SetString(PyExc_ValueError, "max_flows: 1 or more");
        return false;
    }
    *options = (struct pf_flow_options){
        .cic = cic != 0,
        .fork = fork != 0,
        .count_padding = count_padding != 0,
        .last_tcp_header = last_tcp_header != 0,
        .ghost_flows = ghost_flows != 0,
        .ipv6 = ipv6 != 0,
        .flush_last_active = flush_last_active != 0,
        .protocols = protocols,
        .flow_timeout = flow_timeout,
        .activity_timeout = activity_timeout,
        .dedup = dedup,
        .sort = sort,
        .min_packets = min_packets,
        .max_flows = max_flows,
        .print_octets = print_octets,
        .quantize = quantize != 0,
        .names = names,
        .extra = extra,
    };
    return true;
}

PyObject *pf_flow_counters(const struct pf_flow_sink *sink)
{
    static const char *const names[PF_FLOW_VERDICTS] = {
        [PF_FLOW_TAKEN] = "packets",      [PF_FLOW_UNTIMED] = "no_time",
        [PF_FLOW_NOT_IP] = "not_ip",      [PF_FLOW_DAMAGED] = "damaged",
        [PF_FLOW_FRAGMENT] = "fragments", [PF_FLOW_UNLISTED] = "other_protocols",
        [PF_FLOW_GHOST] = "ghosts",       [PF_FLOW_LINK_TYPE] = "other_link_types",
    };
    unsigned long long values[] = {sink->copies, sink->stage.seen, sink->stage.evicted, sink->stage.tombs.forgotten};
    static const char *const more[] = {"copies", "flows", "evicted", "forgotten"};
    PyObject *dict = PyDict_New();
    for (size_t i = 0; dict != NULL && i < PF_FLOW_VERDICTS + sizeof more / sizeof more[0]; i++) {
        bool verdict = i < PF_FLOW_VERDICTS;
        PyObject *value = PyLong_FromUnsignedLongLong(verdict ? sink->verdicts[i] : values[i - PF_FLOW_VERDICTS]);
        if (value == NULL || PyDict_SetItemString(dict, verdict ? names[i] : more[i - PF_FLOW_VERDICTS], value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(value);
    }
    return dict;
}

struct flows {
    bool armed;
    struct pf_flow_options options;
    struct pf_frame_object *frame;
    struct pf_flow_sink sink;
};

static bool flows_prepare(void *question, struct pf_state *state, PyObject *arguments)
{
    PyObject *options;
    (void)state;
    return PyArg_ParseTuple(arguments, "O!:flows", &PyTuple_Type, &options) &&
           pf_flow_options_from(options, &((struct flows *)question)->options);
}

static bool flows_arm(void *question, struct pf_run *run, struct pf_sinks *sinks)
{
    struct flows *flows = question;
    struct pf_error error = {.status = PF_OK};
    flows->frame = pf_frame_object_new(run->state);
    if (flows->frame == NULL)
        return false;
    flows->armed = true;
    if (pf_flow_sink_init(&flows->sink, &flows->options, &flows->frame->frame, NULL, &error) == PF_OK)
        return pf_sinks_add(sinks, &flows->sink.sink);
    (void)pf_raise(run->state, &error);
    return false;
}

static PyObject *flows_result(void *question, struct pf_run *run)
{
    struct flows *flows = question;
    (void)run;
    return Py_BuildValue("ON", flows->frame, pf_flow_counters(&flows->sink));
}

static void flows_clear(void *question)
{
    struct flows *flows = question;
    if (flows->armed)
        pf_flow_sink_clear(&flows->sink);
    Py_XDECREF(flows->frame);
}

const struct pf_question pf_ask_flows = {
    .name = "flows",
    .size = sizeof(struct flows),
    .prepare = flows_prepare,
    .arm = flows_arm,
    .result = flows_result,
    .clear = flows_clear,
};

PyObject *pf_flows(PyObject *module, PyObject *arguments)
{
    return pf_ask(module, arguments, &pf_ask_flows);
}

static PyObject *copied(int type, const void *from, size_t count, size_t size)
{
    npy_intp length = (npy_intp)count;
    PyObject *array = PyArray_SimpleNew(1, &length, type);
    if (array != NULL && count != 0)
        memcpy(PyArray_DATA((PyArrayObject *)array), from, count * size);
    return array;
}

/* None: every flow is wanted. */
static bool wanted_from(PyObject *object, PyArrayObject **array, struct pf_flow_map *map)
{
    *array = NULL;
    map->all = object == Py_None;
    if (map->all)
        return true;
    *array = (PyArrayObject *)PyArray_FROMANY(object, NPY_UINT64, 1, 1, NPY_ARRAY_IN_ARRAY);
    if (*array == NULL)
        return false;
    map->wanted = PyArray_DATA(*array);
    map->wanted_count = (size_t)PyArray_SIZE(*array);
    return true;
}

PyObject *pf_flow_map_of(PyObject *module, PyObject *arguments)
{
    PyObject *inputs, *options, *flow_options, *wanted, *result = NULL;
    struct pf_flow_options parsed;
    struct pf_flow_map map;
    struct pf_flow_sink sink;
    struct pf_error error = {.status = PF_OK};
    struct pf_run run;
    PyArrayObject *array;
    int any_link;
    memset(&map, 0, sizeof map);
    if (!PyArg_ParseTuple(arguments, "OO!O!Op:flow_map", &inputs, &PyTuple_Type, &options, &PyTuple_Type, &flow_options,
                          &wanted, &any_link) ||
        !pf_flow_options_from(flow_options, &parsed) || !wanted_from(wanted, &array, &map))
        return NULL;
    if (pf_run_begin(&run, pf_state_of(module), inputs, options)) {
        bool good = pf_flow_sink_init(&sink, &parsed, NULL, &map, &error) == PF_OK; /* without a frame it cannot fail */
        sink.any_link = any_link != 0;
        if (good && pf_run_pass(&run, NULL, 0, &sink.sink))
            result = Py_BuildValue("NNN", copied(NPY_UINT64, map.numbers, map.count, sizeof *map.numbers),
                                   copied(NPY_UINT64, map.flows, map.count, sizeof *map.flows),
                                   copied(NPY_UINT8, map.directions, map.count, sizeof *map.directions));
        pf_flow_sink_clear(&sink);
        pf_flow_map_clear(&map);
        result = pf_with_faults(&run, result);
        pf_run_end(&run);
    }
    Py_XDECREF(array);
    return result;
}

PyObject *pf_flow_features(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < PF_FEATURE_COUNT; i++) {
        const struct pf_feature_info *info = &pf_features[i];
        const char *types[2];
        for (unsigned j = 0; j < 2; j++)
            types[j] = info->type[j] != PF_ABSENT ? pf_type_names[info->type[j]] : NULL;
        PyObject *item = Py_BuildValue("ssszzssss", info->published, info->v4, info->y2021, types[0], types[1],
                                       info->unit, info->definition, info->section, info->differs);
        if (item == NULL || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

PyObject *pf_flow_extra_columns(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < PF_EXTRA_COUNT; i++) {
        const struct pf_flow_extra_info *info = &pf_flow_extras[i];
        PyObject *item = Py_BuildValue("sssss", pf_flow_groups[info->group], info->kind.name,
                                       pf_type_names[info->kind.type], info->unit, info->definition);
        if (item == NULL || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}
