/* What the files of the binding share. This room is the only one that includes Python.h and NumPy; it turns arguments
 * into passes and results into Python objects, and lets the GIL go for the whole of a pass. */
#ifndef PF_BINDING_CORE_H
#define PF_BINDING_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL pf_numpy
#ifndef PF_IMPORT_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

#include "base/arrow.h"
#include "base/frame.h"
#include "flow/stamp.h"
#include "match/set.h"
#include "pass/condition.h"
#include "pass/filter.h"
#include "pass/pass.h"
#include "pass/period.h"
#include "tally/group.h"
#include "tally/suspects.h"

struct pf_state {
    PyTypeObject *input, *counts, *text_counts, *frame, *filter, *conditions, *feed, *indicators, *recording,
        *flows_so_far;
    PyObject *capture_error, *filter_error;
};

extern struct PyModuleDef pf_module;

struct pf_run;
struct pf_state *pf_state_of(PyObject *module);
struct pf_state *pf_state_of_type(PyTypeObject *type);

/* error.c: the only raiser of the core's errors; returns NULL. */
PyObject *pf_raise(struct pf_state *state, const struct pf_error *error);
PyObject *pf_str(const char *octets);  /* a file name, however encoded, as str */
PyObject *pf_line(const char *octets); /* a message, which may have file names in it: one line whatever they are */

/* What is handed in within arguments may be anything; PyArg_ParseTuple takes it for a fault of ours if it is no tuple.
 */
static inline bool pf_is_tuple(PyObject *object)
{
    if (!PyTuple_Check(object))
        PyErr_Format(PyExc_TypeError, "a tuple is needed, not %.100s", Py_TYPE(object)->tp_name);
    return PyTuple_Check(object);
}
#define pf_parse(object, ...) (pf_is_tuple(object) && PyArg_ParseTuple(object, __VA_ARGS__))

/* input.c */
extern PyType_Spec pf_input_spec;
/* [(link type, name, description, snap length, binary, exponent, offset, received, dropped), ...] */
PyObject *pf_interfaces_list(const struct pf_interfaces *interfaces);

/* A new Input of a source, which is its own from then on also when this fails: NULL with an exception set. */
PyObject *pf_input_object_of(struct pf_state *state, struct pf_source *source, const struct pf_before *before);

struct pf_input_object {
    PyObject_HEAD
    struct pf_input input;
    Py_buffer buffer;     /* held while the input reads from memory */
    atomic_flag in_use;   /* streams serve one pass at a time */
    struct pf_pfx *index; /* owned; set once, or NULL */
    bool consumed;
    PyObject *found; /* of a piece: what the last pass came to, or NULL */
};

/* index.c */
PyObject *pf_index_make(PyObject *module, PyObject *arguments);
PyObject *pf_input_set_index(PyObject *input, PyObject *octets);
PyObject *pf_input_index(PyObject *input, void *closure);
PyObject *pf_input_entry_method(PyObject *input, PyObject *offset);
void pf_input_drop_index(struct pf_input_object *input);
/* What the pass may know of its inputs; false with an exception set. */
bool pf_run_indexes(struct pf_run *run, int64_t first, int64_t last);

/* pieces.c: Input.cut, .guess and .found, and a source whose ranges a Python object reads. */
PyObject *pf_input_cut_method(PyObject *self, PyObject *arguments);
PyObject *pf_input_guess_method(PyObject *self, PyObject *argument);
PyObject *pf_needs(PyObject *module, PyObject *arguments);
bool pf_input_keep_found(struct pf_input_object *input, const struct pf_pass *pass); /* false with an exception set */
enum pf_status pf_source_ranges(PyObject *object, uint64_t size, const char *name, struct pf_source **source,
                                struct pf_error *error);
PyObject *pf_source_ranges_object(const struct pf_source *source); /* borrowed; NULL where it is none */

/* live.c */
extern PyType_Spec pf_recording_spec;
PyObject *pf_interfaces_frame(PyObject *module, PyObject *ignored);

/* conditions.c */
extern PyType_Spec pf_conditions_spec;

struct pf_conditions_object {
    PyObject_HEAD
    struct pf_conditions conditions;
    PyObject *given; /* (all, any), as they were given */
};

bool pf_input_is_python(PyObject *input); /* its octets come from a Python object */

/* filter.c: what narrows every question of a Capture: ((Filter or Conditions, ...), start, last, flows), where flows
 * are None or (frame numbers, flow ids, directions, only those). */
extern PyType_Spec pf_filter_spec;

struct pf_narrowing {
    PyObject *held; /* the tuple of filters and conditions */
    struct pf_filtering *filterings;
    struct pf_sieve *sieves;
    const char **files;  /* the names of the inputs */
    int64_t first, last; /* the times that are in */
    struct pf_period period;
    PyObject *flows; /* the arrays that the stamp reads */
    struct pf_flow_stamp stamp;
    struct pf_predicate **predicates; /* with room for PF_MORE_PREDICATES of the pass's own */
    size_t filtering_count, count;
};

enum { PF_MORE_PREDICATES = 2 };

/* False with an exception set. */
bool pf_narrowing_begin(struct pf_narrowing *narrowing, struct pf_state *state, PyObject *tuple,
                        struct pf_input *const *inputs, size_t input_count);
/* Appends what filters could say nothing about to a list of faults; false with an exception set. */
bool pf_narrowing_faults(const struct pf_narrowing *narrowing, PyObject *list);
void pf_narrowing_end(struct pf_narrowing *narrowing); /* zeroed is fine */
PyObject *pf_libpcap_built_in(PyObject *module, PyObject *ignored);

struct pf_sinks; /* what one pass hands packets to */
struct pf_counts_object;

/* run.c: a pass and how the calling thread watches over it. */
struct pf_run {
    struct pf_state *state;
    struct pf_pass pass;
    struct pf_host host;
    PyObject *held; /* the tuple of inputs */
    struct pf_input **inputs;
    const struct pf_pfx **indexes; /* or NULL */
    struct pf_narrowing narrowing;
    PyObject *tick; /* called with (octets, packets), or NULL */
    const char **files;
    PyObject *files_owner;
};

/* Takes (inputs, (threads, chunk, strict, tick, narrowing)); false with an exception set. */
bool pf_run_begin(struct pf_run *run, struct pf_state *state, PyObject *inputs, PyObject *options);
/* Sets what packets must pass, at most PF_MORE_PREDICATES of its own; from then on inputs are used up. */
void pf_run_arm(struct pf_run *run, struct pf_predicate *const *predicates, size_t predicate_count);
/* Runs it without the GIL, with at most PF_MORE_PREDICATES of its own; false with an exception set. */
bool pf_run_pass(struct pf_run *run, struct pf_predicate *const *predicates, size_t predicate_count,
                 struct pf_sink *sink);
/* The same with several sinks, which all see the same packets in one reading. */
bool pf_run_sinks(struct pf_run *run, struct pf_predicate *const *predicates, size_t predicate_count,
                  struct pf_sink *const *sinks, size_t sink_count);
/* The names of the inputs as UTF-8, the run's; those of one name share a pointer. NULL with an exception set. */
const char *const *pf_run_files(struct pf_run *run);
/* The faults as a list of (kind, input, frame_number, offset, lost, message). */
PyObject *pf_run_faults(const struct pf_run *run);
void pf_run_end(struct pf_run *run);
/* The part of a host that everybody needs: Ctrl-C. */
enum pf_status pf_check_signals(void *context, struct pf_error *error);

/* ask.c: a question, in the three steps that one alone and several together in one reading share:
 *
 *   prepare    arguments -> what is asked                                  before inputs are taken
 *   arm        makes sinks, and tells the pass what else it is to give
 *   result     what the sinks found, as a Python object
 *
 * Each returns false or NULL with an exception set. The memory of a question is zeroed before, and `clear` follows on
 * whatever was reached. */
struct pf_question {
    const char *name;
    size_t size;
    bool (*prepare)(void *question, struct pf_state *state, PyObject *arguments);
    bool (*arm)(void *question, struct pf_run *run, struct pf_sinks *sinks);
    PyObject *(*result)(void *question, struct pf_run *run);
    void (*clear)(void *question);
};

/* One question: arguments are (inputs, options, those of the question ...); (result, faults). */
PyObject *pf_ask(PyObject *module, PyObject *arguments, const struct pf_question *question);
/* (inputs, options, ((name, (argument, ...)), ...)): ([result, ...], faults), in one reading. */
PyObject *pf_together(PyObject *module, PyObject *arguments);
/* A sink for the pass; false with an exception set. */
bool pf_sinks_add(struct pf_sinks *sinks, struct pf_sink *sink);

extern const struct pf_question pf_ask_ioc_counts, pf_ask_census, pf_ask_group, pf_ask_detect, pf_ask_detect_text,
    pf_ask_match, pf_ask_flows, pf_ask_batches, pf_ask_flow_batches;

/* flows.c */
struct pf_flow_options;
bool pf_flow_options_from(PyObject *tuple, struct pf_flow_options *options);
struct pf_flow_sink;
PyObject *pf_flow_counters(const struct pf_flow_sink *sink); /* {name: how many} */
PyObject *pf_flows(PyObject *module, PyObject *arguments);
PyObject *pf_flow_map_of(PyObject *module, PyObject *arguments);
PyObject *pf_flow_features(PyObject *module, PyObject *ignored);
PyObject *pf_flow_extra_columns(PyObject *module, PyObject *ignored);

/* following.c */
extern PyType_Spec pf_flows_so_far_spec;

/* shuffle.c */
struct pf_saved;
PyObject *pf_saved_bytes(const struct pf_saved *saved);
/* Runs work(context) without the GIL on a thread of its own, so that Ctrl-C ends it; false with an exception set. */
bool pf_run_alone(struct pf_state *state, pf_work work, void *context);
PyObject *pf_flow_events(PyObject *module, PyObject *arguments);
PyObject *pf_flows_from(PyObject *module, PyObject *arguments);

/* passes.c */
extern PyMethodDef pf_pass_methods[];
/* The catalogue's fields of these names, from pf_alloc; NULL with an exception set. */
const struct pf_field **pf_fields_from(PyObject *names, size_t *count);
/* (result, faults); takes the result over, which is NULL when something failed. */
PyObject *pf_with_faults(struct pf_run *run, PyObject *result);

/* split.c */
PyObject *pf_split(PyObject *module, PyObject *arguments);

/* groups.c */
PyObject *pf_tally_group(PyObject *module, PyObject *arguments);
PyObject *pf_group_saved(PyObject *module, PyObject *arguments);
PyObject *pf_count_field(PyObject *module, PyObject *arguments);
struct pf_tally;
struct pf_tally_plan;
/* (fields, every, aggregates, gaps, fill, top, approximate, keep nulls) */
bool pf_tally_plan_from(struct pf_state *state, PyObject *tuple, struct pf_tally_plan *plan);
PyObject *pf_tally_frame_of(struct pf_state *state, const struct pf_tally *groups);

/* group_saved.c */
PyObject *pf_tally_arrays(struct pf_state *state, const struct pf_tally *groups);
bool pf_tally_put_arrays(struct pf_state *state, struct pf_tally *groups, PyObject *tuple);
PyObject *pf_group_joined(PyObject *module, PyObject *arguments);
PyObject *pf_group_from(PyObject *module, PyObject *arguments);

/* detect_text.c */
PyObject *pf_detect_text(PyObject *module, PyObject *arguments);
/* Puts the frames that a sink of text has filled into a dict, by their names. */
bool pf_text_tables_into(PyObject *dict, struct pf_state *state, struct pf_frame frames[]);
PyObject *pf_attack_list(PyObject *module, PyObject *ignored);

/* match.c */
extern PyType_Spec pf_indicators_spec;
PyObject *pf_match(PyObject *module, PyObject *arguments);
PyObject *pf_match_places(PyObject *module, PyObject *ignored);
PyObject *pf_match_summary(PyObject *module, PyObject *argument);

struct pf_indicators_object {
    PyObject_HEAD
    struct pf_indicator_set set;
};

/* detect.c */
PyObject *pf_detect(PyObject *module, PyObject *arguments);
PyObject *pf_detect_events_of(PyObject *module, PyObject *arguments);
PyObject *pf_detect_from(PyObject *module, PyObject *arguments);
PyObject *pf_findings(PyObject *module, PyObject *argument);

/* passes.c: indicator counts, which several questions have in them */
bool pf_ioc_objects(struct pf_state *state, struct pf_counts_object *counts[]);
PyObject *pf_ioc_tuple(struct pf_counts_object *const counts[]); /* (dns, ip, seq) */

/* keys.c */
bool pf_key_from(PyObject *object, enum pf_key_kind kind, struct pf_address *key, bool *possible);
PyObject *pf_key_to(const struct pf_address *key, enum pf_key_kind kind);
/* (scapy, dns_rule, seq_rule) */
bool pf_rules_from(PyObject *tuple, struct pf_indicator_rules *rules);
bool pf_keys_from(struct pf_state *state, PyObject *iterable, const char *name, struct pf_counts *keys);

/* counts.c */
extern PyType_Spec pf_counts_spec;

struct pf_counts_object {
    PyObject_HEAD
    struct pf_counts counts;
};

struct pf_counts_object *pf_counts_object_new(struct pf_state *state, enum pf_key_kind kind);

PyObject *pf_moments_tuple(const struct pf_moments *moments); /* (n, sum, sum of squares) */

/* text_counts.c */
extern PyType_Spec pf_text_counts_spec;

struct pf_text_counts_object {
    PyObject_HEAD
    struct pf_tally_plan plan; /* of one field */
    struct pf_tally groups;
};

struct pf_text_counts_object *pf_text_counts_new(struct pf_state *state, const struct pf_tally_plan *plan);

/* frame.c */
extern const char *const pf_type_names[]; /* by enum pf_type */
extern PyType_Spec pf_frame_spec;

struct pf_frame_object {
    PyObject_HEAD
    struct pf_frame frame;
};

struct pf_frame_object *pf_frame_object_new(struct pf_state *state);
/* A Frame of one part, which it takes over, also on failure. */
PyObject *pf_part_frame(struct pf_state *state, const struct pf_frame *kinds, struct pf_part *part);
/* An array of row numbers, all below `limit`: a new reference. */
bool pf_rows_from(PyObject *object, size_t limit, PyArrayObject **array);
/* frame_from.c: what a contiguous array of one dimension and this type holds; NULL, and *size 0, where it is none. */
const void *pf_array_octets(PyObject *object, int type, size_t *size);
PyObject *pf_frame_from(PyObject *module, PyObject *arguments);
PyObject *pf_frame_schema(const struct pf_frame *frame); /* ((name, type, nullable), ...) */

/* arrow.c: capsules; a note may be NULL. */
PyObject *pf_stream_capsule(struct pf_arrow_stream *stream); /* takes it over, also on failure */
PyObject *pf_frame_stream(struct pf_state *state, const struct pf_frame *frame, const char *note);
PyObject *pf_schema_capsule(struct pf_state *state, const struct pf_frame *frame, const char *note);

/* feed.c */
extern PyType_Spec pf_feed_spec;

#endif
