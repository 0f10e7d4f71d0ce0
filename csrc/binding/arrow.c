/* Arrow's structs as PyCapsules, which free them when nobody took them over. */
#include "binding/core.h"

#include "base/alloc.h"

#define STREAM "arrow_array_stream"
#define SCHEMA "arrow_schema"

static void drop_stream(PyObject *capsule)
{
    struct pf_arrow_stream *stream = PyCapsule_GetPointer(capsule, STREAM);
    if (stream->release != NULL)
        stream->release(stream);
    pf_free(stream);
}

static void drop_schema(PyObject *capsule)
{
    struct pf_arrow_schema *schema = PyCapsule_GetPointer(capsule, SCHEMA);
    if (schema->release != NULL)
        schema->release(schema);
    pf_free(schema);
}

PyObject *pf_stream_capsule(struct pf_arrow_stream *stream)
{
    struct pf_arrow_stream *moved = pf_alloc(sizeof *moved);
    PyObject *capsule = moved != NULL ? PyCapsule_New(moved, STREAM, drop_stream) : PyErr_NoMemory();
    if (capsule != NULL) {
        *moved = *stream;
        return capsule;
    }
    stream->release(stream);
    pf_free(moved);
    return NULL;
}

PyObject *pf_schema_capsule(struct pf_state *state, const struct pf_frame *frame, const char *note)
{
    struct pf_error error;
    struct pf_arrow_schema *schema = pf_alloc(sizeof *schema);
    if (schema == NULL)
        return PyErr_NoMemory();
    if (pf_arrow_schema_make(schema, frame->kinds, frame->columns, note, &error) != PF_OK) {
        pf_free(schema);
        return pf_raise(state, &error);
    }
    PyObject *capsule = PyCapsule_New(schema, SCHEMA, drop_schema);
    if (capsule == NULL) {
        schema->release(schema);
        pf_free(schema);
    }
    return capsule;
}

PyObject *pf_frame_stream(struct pf_state *state, const struct pf_frame *frame, const char *note)
{
    struct pf_arrow_stream stream;
    struct pf_error error;
    if (pf_arrow_stream_make(&stream, frame, note, &error) != PF_OK)
        return pf_raise(state, &error);
    return pf_stream_capsule(&stream);
}
