/* _core.Indicators and what packets are matched against them. */
#include "binding/core.h"

#include "match/hits.h"
#include "match/summary.h"

static void indicators_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    pf_indicator_set_clear(&((struct pf_indicators_object *)self)->set);
    type->tp_free(self);
    Py_DECREF(type);
}

/* (kind, key, prefix, below, port, shown, feed): of an address the key is its octets. */
static bool indicator_from(PyObject *tuple, struct pf_indicator *indicator)
{
    const char *kind, *key;
    Py_ssize_t key_length, shown_length, feed_length;
    int below, number = 0;
    memset(indicator, 0, sizeof *indicator);
    if (!pf_parse(tuple, "ss#IpHs#s#:indicator", &kind, &key, &key_length, &indicator->prefix, &below, &indicator->port,
                  &indicator->shown, &shown_length, &indicator->feed, &feed_length))
        return false;
    while (number < PF_MATCH_KINDS && strcmp(kind, pf_match_kind_names[number]) != 0)
        number++;
    bool is_address = number == PF_MATCH_IP;
    if (number == PF_MATCH_KINDS || key_length == 0 ||
        (is_address && ((key_length != 4 && key_length != 16) || indicator->prefix > 8 * (size_t)key_length))) {
        PyErr_Format(PyExc_ValueError, "%R is no indicator", tuple);
        return false;
    }
    indicator->kind = (enum pf_match_kind)number;
    if (is_address)
        indicator->address = pf_value_octets((const uint8_t *)key, (unsigned)key_length);
    indicator->key = key;
    indicator->key_length = (size_t)key_length;
    indicator->below = below != 0;
    indicator->shown_length = (size_t)shown_length;
    indicator->feed_length = (size_t)feed_length;
    return true;
}

typedef enum pf_status (*adder)(struct pf_indicator_set *set, const struct pf_indicator *indicator,
                                struct pf_error *error);

static bool add_all(struct pf_state *state, struct pf_indicator_set *set, PyObject *list, adder add)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        struct pf_indicator indicator;
        struct pf_error error;
        if (!indicator_from(PyList_GET_ITEM(list, i), &indicator))
            return false;
        if (add(set, &indicator, &error) != PF_OK) {
            (void)pf_raise(state, &error);
            return false;
        }
    }
    return true;
}

static PyObject *indicators_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    struct pf_state *state = pf_state_of_type(type);
    PyObject *sought, *allowed;
    (void)keywords;
    if (!PyArg_ParseTuple(arguments, "O!O!:Indicators", &PyList_Type, &sought, &PyList_Type, &allowed))
        return NULL;
    struct pf_indicators_object *self = (struct pf_indicators_object *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    if (add_all(state, &self->set, sought, pf_indicator_set_add) &&
        add_all(state, &self->set, allowed, pf_indicator_set_allow))
        return (PyObject *)self;
    Py_DECREF(self);
    return NULL;
}

static Py_ssize_t indicators_length(PyObject *self)
{
    return (Py_ssize_t)((struct pf_indicators_object *)self)->set.count;
}

static PyType_Slot indicators_slots[] = {
    {Py_tp_new, indicators_new},
    {Py_tp_dealloc, indicators_dealloc},
    {Py_mp_length, indicators_length},
    {Py_tp_doc, "Indicators(sought, allowed)\n--\n\nWhat packets are matched against."},
    {0, NULL},
};

PyType_Spec pf_indicators_spec = {
    .name = "pcapframe._core.Indicators",
    .basicsize = sizeof(struct pf_indicators_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = indicators_slots,
};

struct match {
    struct pf_indicators_object *indicators;
    struct pf_frame_object *frame;
    struct pf_hits_sink sink;
};

static bool match_prepare(void *question, struct pf_state *state, PyObject *arguments)
{
    struct match *match = question;
    PyObject *indicators;
    if (!PyArg_ParseTuple(arguments, "O!:match", state->indicators, &indicators))
        return false;
    match->indicators = (struct pf_indicators_object *)Py_NewRef(indicators);
    return true;
}

static bool match_arm(void *question, struct pf_run *run, struct pf_sinks *sinks)
{
    struct match *match = question;
    struct pf_error error = {.status = PF_OK};
    match->frame = pf_frame_object_new(run->state);
    if (match->frame == NULL)
        return false;
    if (pf_hits_sink_init(&match->sink, &match->indicators->set, &match->frame->frame, &error) == PF_OK)
        return pf_sinks_add(sinks, &match->sink.sink);
    (void)pf_raise(run->state, &error);
    return false;
}

static PyObject *match_result(void *question, struct pf_run *run)
{
    (void)run;
    return Py_NewRef(((struct match *)question)->frame);
}

static void match_clear(void *question)
{
    struct match *match = question;
    pf_hits_sink_clear(&match->sink);
    Py_XDECREF(match->frame);
    Py_XDECREF(match->indicators);
}

const struct pf_question pf_ask_match = {
    .name = "match",
    .size = sizeof(struct match),
    .prepare = match_prepare,
    .arm = match_arm,
    .result = match_result,
    .clear = match_clear,
};

PyObject *pf_match(PyObject *module, PyObject *arguments)
{
    return pf_ask(module, arguments, &pf_ask_match);
}

/* {kind: [column, ...]} */
PyObject *pf_match_places(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    PyObject *dict = PyDict_New();
    for (unsigned kind = 0; dict != NULL && kind < PF_MATCH_KINDS; kind++) {
        PyObject *list = PyList_New(0);
        const char *name;
        for (size_t i = 0; list != NULL && (name = pf_match_place((enum pf_match_kind)kind, i)) != NULL; i++) {
            PyObject *text = PyUnicode_FromString(name);
            if (text == NULL || PyList_Append(list, text) < 0)
                Py_CLEAR(list);
            Py_XDECREF(text);
        }
        if (list == NULL || PyDict_SetItemString(dict, pf_match_kind_names[kind], list) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(list);
    }
    return dict;
}

PyObject *pf_match_summary(PyObject *module, PyObject *argument)
{
    struct pf_state *state = pf_state_of(module);
    if (!PyObject_TypeCheck(argument, state->frame)) {
        PyErr_SetString(PyExc_TypeError, "a Frame of hits is needed");
        return NULL;
    }
    struct pf_frame_object *summary = pf_frame_object_new(state);
    struct pf_error error = {.status = PF_OK};
    if (summary == NULL)
        return NULL;
    enum pf_status status;
    Py_BEGIN_ALLOW_THREADS
    status = pf_match_summarise(&((struct pf_frame_object *)argument)->frame, &summary->frame, &error);
    Py_END_ALLOW_THREADS
    if (status == PF_OK)
        return (PyObject *)summary;
    Py_DECREF(summary);
    return pf_raise(state, &error);
}
