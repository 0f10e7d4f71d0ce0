/* Groups as arrays, and groups of arrays, as Partials hold them: nothing in them is believed.
 *
 *   counts uint64 | ends of keys int64, 0 before them | octets of the keys | stats uint64
 *
 * The stats are a struct pf_stat for each input of each group.
 *
 * In the order of their keys, so that equal groups are equal arrays. */
#include "binding/core.h"

#include "base/alloc.h"
#include "tally/group_apply.h"
#include "tally/group_rows.h"

enum { STAT_WORDS = sizeof(struct pf_stat) / 8, MAC = 6, IPV4 = 4, IPV6 = 16 };

/* --------------------------------------------------------------------------------------------------------- to them */

static size_t size_of(const struct pf_tally_plan *plan, const uint8_t *key)
{
    const uint8_t *at = key + (plan->every != 0 ? PF_TALLY_BIN : 0), *octets;
    size_t size;
    for (size_t i = 0; i < plan->field_count; i++)
        at = pf_tally_key_part(plan, &plan->fields[i], at, &octets, &size);
    return (size_t)(at - key);
}

static PyObject *array_of(int type, size_t size)
{
    npy_intp length = (npy_intp)size;
    return PyArray_SimpleNew(1, &length, type);
}

static void *data_of(PyObject *array)
{
    return PyArray_DATA((PyArrayObject *)array);
}

static void write_stats(const struct pf_tally *groups, const struct pf_tally_row *row, uint64_t **to)
{
    for (size_t i = 0; row->record != NULL && i < groups->plan->input_count; i++) {
        memcpy(*to, pf_tally_stat(row->record, &groups->plan->inputs[i]), sizeof(struct pf_stat));
        *to += STAT_WORDS;
    }
}

static PyObject *written(const struct pf_tally *groups, const struct pf_tally_rows *rows)
{
    uint8_t room[16];
    size_t octets = 0,
           stats = pf_tally_is_counted(groups->plan) ? 0 : rows->size * groups->plan->input_count * STAT_WORDS;
    PyObject *arrays[] = {array_of(NPY_UINT64, rows->size), array_of(NPY_INT64, rows->size + 1), NULL,
                          array_of(NPY_UINT64, stats)};
    bool good = arrays[0] != NULL && arrays[1] != NULL && arrays[3] != NULL;
    uint64_t *counts = good ? data_of(arrays[0]) : NULL, *words = good ? data_of(arrays[3]) : NULL;
    int64_t *ends = good ? data_of(arrays[1]) : NULL;
    if (good)
        ends[0] = 0;
    for (size_t i = 0; good && i < rows->size; i++) {
        octets += size_of(groups->plan, pf_tally_key(groups, &rows->list[i], room));
        ends[i + 1] = (int64_t)octets;
        counts[i] = rows->list[i].count;
        write_stats(groups, &rows->list[i], &words);
    }
    if (good)
        good = (arrays[2] = array_of(NPY_UINT8, octets)) != NULL;
    for (size_t i = 0; good && i < rows->size; i++)
        memcpy((uint8_t *)data_of(arrays[2]) + ends[i], pf_tally_key(groups, &rows->list[i], room),
               (size_t)(ends[i + 1] - ends[i]));
    PyObject *result = good ? PyTuple_Pack(4, arrays[0], arrays[1], arrays[2], arrays[3]) : NULL;
    for (size_t i = 0; i < 4; i++)
        Py_XDECREF(arrays[i]);
    return result;
}

PyObject *pf_tally_arrays(struct pf_state *state, const struct pf_tally *groups)
{
    struct pf_error error = {.status = PF_OK};
    struct pf_tally_rows rows;
    enum pf_status status;
    Py_BEGIN_ALLOW_THREADS
    status = pf_tally_rows_collect(&rows, groups, 0, &error);
    if (status == PF_OK)
        status = pf_tally_rows_sort(&rows, PF_TALLY_BY_BIN, &error);
    Py_END_ALLOW_THREADS
    PyObject *result = status == PF_OK ? written(groups, &rows) : pf_raise(state, &error);
    pf_tally_rows_clear(&rows);
    return result;
}

/* ------------------------------------------------------------------------------------------------------- from them */

static bool is_text(const uint8_t *octets, size_t size)
{
    PyObject *text = PyUnicode_DecodeUTF8((const char *)octets, (Py_ssize_t)size, "strict");
    Py_XDECREF(text);
    return text != NULL;
}

/* The octets of a field's value at `key`, of `left` octets; 0 where there is none. */
static size_t part_fits(const struct pf_tally_field *of, const uint8_t *key, size_t left)
{
    switch (of->form) {
    case PF_TALLY_NUMBER:
    case PF_TALLY_SIGNED:
        return of->size <= left ? of->size : 0;
    case PF_TALLY_ADDRESS: {
        bool mac = of->field->text == pf_text_mac;
        bool known = left != 0 && (mac ? key[0] == MAC : key[0] == IPV4 || key[0] == IPV6);
        return known && key[0] < left ? 1u + key[0] : 0;
    }
    default: {
        const uint8_t *end = memchr(key, 0, left);
        return end != NULL && is_text(key, (size_t)(end - key)) ? (size_t)(end - key) + 1 : 0;
    }
    }
}

static bool key_fits(const struct pf_tally_plan *plan, const uint8_t *key, size_t left)
{
    size_t bin = plan->every != 0 ? PF_TALLY_BIN : 0;
    if (bin > left)
        return false;
    key += bin;
    left -= bin;
    for (size_t i = 0; i < plan->field_count; i++) {
        if (plan->keep_nulls) {
            if (left == 0 || *key > 1)
                return false;
            left--;
            if (*key++ == 1)
                continue;
        }
        size_t size = part_fits(&plan->fields[i], key, left);
        if (size == 0)
            return false;
        key += size;
        left -= size;
    }
    return left == 0;
}

struct arrays {
    const uint64_t *counts, *stats;
    const int64_t *ends;
    const uint8_t *octets;
    size_t rows, octets_size;
};

static bool arrays_from(const struct pf_tally_plan *plan, PyObject *tuple, struct arrays *arrays)
{
    PyObject *counts, *ends, *octets, *stats;
    size_t end_count, stat_count, needed = pf_tally_is_counted(plan) ? 0 : plan->input_count * STAT_WORDS;
    if (!PyTuple_Check(tuple) || !PyArg_ParseTuple(tuple, "OOOO:groups", &counts, &ends, &octets, &stats))
        return false;
    arrays->counts = pf_array_octets(counts, NPY_UINT64, &arrays->rows);
    arrays->ends = pf_array_octets(ends, NPY_INT64, &end_count);
    arrays->octets = pf_array_octets(octets, NPY_UINT8, &arrays->octets_size);
    arrays->stats = pf_array_octets(stats, NPY_UINT64, &stat_count);
    return arrays->counts != NULL && arrays->ends != NULL && arrays->octets != NULL && arrays->stats != NULL &&
           end_count == arrays->rows + 1 && (needed == 0 ? stat_count == 0 : stat_count / needed == arrays->rows) &&
           stat_count == needed * arrays->rows;
}

static bool refuse(void)
{
    if (!PyErr_Occurred() || PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        PyErr_Clear();
        PyErr_SetString(PyExc_ValueError, "these are no groups of this question");
    }
    return false;
}

bool pf_tally_put_arrays(struct pf_state *state, struct pf_tally *groups, PyObject *tuple)
{
    struct pf_error error = {.status = PF_OK};
    struct arrays from;
    struct pf_stat stats[PF_TALLY_MOST_INPUTS];
    size_t inputs = pf_tally_is_counted(groups->plan) ? 0 : groups->plan->input_count;
    if (!arrays_from(groups->plan, tuple, &from))
        return refuse();
    for (size_t i = 0; i < from.rows; i++) {
        int64_t first = from.ends[i], end = from.ends[i + 1];
        if (first < 0 || first > end || (uint64_t)end > from.octets_size ||
            !key_fits(groups->plan, from.octets + first, (size_t)(end - first)))
            return refuse();
        if (inputs != 0)
            memcpy(stats, from.stats + i * inputs * STAT_WORDS, inputs * sizeof *stats);
        if (pf_tally_put(groups, from.octets + first, (size_t)(end - first), from.counts[i], stats, &error) != PF_OK)
            return pf_raise(state, &error) != NULL;
    }
    return true;
}

/* ------------------------------------------------------------------------------------------------------- questions */

/* (question, arrays, ...): what they make together, by `make`. */
static PyObject *together(PyObject *module, PyObject *arguments,
                          PyObject *(*make)(struct pf_state *, const struct pf_tally *))
{
    struct pf_state *state = pf_state_of(module);
    struct pf_tally_plan plan;
    struct pf_tally groups;
    PyObject *question = PyTuple_GET_SIZE(arguments) != 0 ? PyTuple_GET_ITEM(arguments, 0) : NULL, *result = NULL;
    memset(&plan, 0, sizeof plan);
    if (question == NULL || !PyTuple_Check(question))
        return PyErr_Format(PyExc_TypeError, "a question is needed");
    if (!pf_tally_plan_from(state, question, &plan))
        return NULL;
    if (!pf_tally_adds_up(&plan))
        return PyErr_Format(PyExc_ValueError, "groups with sets or gaps are not put together");
    pf_tally_init(&groups, &plan);
    bool good = true;
    for (Py_ssize_t i = 1; good && i < PyTuple_GET_SIZE(arguments); i++)
        good = pf_tally_put_arrays(state, &groups, PyTuple_GET_ITEM(arguments, i));
    if (good)
        result = make(state, &groups);
    pf_tally_clear(&groups);
    return result;
}

PyObject *pf_group_joined(PyObject *module, PyObject *arguments)
{
    return together(module, arguments, pf_tally_arrays);
}

PyObject *pf_group_from(PyObject *module, PyObject *arguments)
{
    return together(module, arguments, pf_tally_frame_of);
}
