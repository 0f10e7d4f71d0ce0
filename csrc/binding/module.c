#define PF_IMPORT_NUMPY
#include "binding/core.h"

struct pf_state *pf_state_of(PyObject *module)
{
    return PyModule_GetState(module);
}

struct pf_state *pf_state_of_type(PyTypeObject *type)
{
    return PyType_GetModuleState(type);
}

static bool add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **type)
{
    *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    return *type != NULL && PyModule_AddType(module, *type) == 0;
}

static int execute(PyObject *module)
{
    struct pf_state *state = pf_state_of(module);
    if (PyArray_ImportNumPyAPI() < 0)
        return -1;
    PyObject *errors = PyImport_ImportModule("pcapframe.errors");
    if (errors == NULL)
        return -1;
    state->capture_error = PyObject_GetAttrString(errors, "CaptureError");
    state->filter_error = PyObject_GetAttrString(errors, "FilterError");
    Py_DECREF(errors);
    if (state->capture_error == NULL || state->filter_error == NULL)
        return -1;
    bool good = add_type(module, &pf_input_spec, &state->input) && add_type(module, &pf_counts_spec, &state->counts) &&
                add_type(module, &pf_text_counts_spec, &state->text_counts) &&
                add_type(module, &pf_frame_spec, &state->frame) && add_type(module, &pf_filter_spec, &state->filter) &&
                add_type(module, &pf_conditions_spec, &state->conditions) &&
                add_type(module, &pf_feed_spec, &state->feed) &&
                add_type(module, &pf_indicators_spec, &state->indicators) &&
                add_type(module, &pf_recording_spec, &state->recording) &&
                add_type(module, &pf_flows_so_far_spec, &state->flows_so_far);
    return good ? 0 : -1;
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    struct pf_state *state = pf_state_of(module);
    Py_VISIT(state->input);
    Py_VISIT(state->counts);
    Py_VISIT(state->text_counts);
    Py_VISIT(state->frame);
    Py_VISIT(state->filter);
    Py_VISIT(state->conditions);
    Py_VISIT(state->recording);
    Py_VISIT(state->flows_so_far);
    Py_VISIT(state->indicators);
    Py_VISIT(state->feed);
    Py_VISIT(state->capture_error);
    Py_VISIT(state->filter_error);
    return 0;
}

static int clear(PyObject *module)
{
    struct pf_state *state = pf_state_of(module);
    Py_CLEAR(state->input);
    Py_CLEAR(state->counts);
    Py_CLEAR(state->text_counts);
    Py_CLEAR(state->frame);
    Py_CLEAR(state->filter);
    Py_CLEAR(state->conditions);
    Py_CLEAR(state->recording);
    Py_CLEAR(state->flows_so_far);
    Py_CLEAR(state->indicators);
    Py_CLEAR(state->feed);
    Py_CLEAR(state->capture_error);
    Py_CLEAR(state->filter_error);
    return 0;
}

static void release(void *module)
{
    (void)clear(module);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED}, /* as NumPy */
#endif
    {0, NULL},
};

struct PyModuleDef pf_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pcapframe._core",
    .m_doc = "The native core: captures in, counts and columns out.",
    .m_size = sizeof(struct pf_state),
    .m_methods = pf_pass_methods,
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = release,
};

PyMODINIT_FUNC PyInit__core(void);

PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&pf_module);
}
