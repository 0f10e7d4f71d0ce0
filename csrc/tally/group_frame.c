#include "tally/group_frame.h"

#include "base/alloc.h"
#include "base/name.h"
#include "tally/group_apply.h"
#include "tally/group_rows.h"

#include <string.h>

enum {
    PART_ROWS = 1 << 16,                                                 /* a part's columns stay in a core's cache */
    MOST_COLUMNS = PF_TALLY_MOST_FIELDS + PF_TALLY_MOST_OUTPUTS + 3 + 4, /* time, count, error; gap_... */
    KEY_ROOM = 16,
};

/* A line of the table: a group, or one of its key that no packet is in. */
struct line {
    const struct pf_tally_row *row;
    int64_t bin;
    bool empty;
};

struct builder {
    const struct pf_tally *groups;
    const struct pf_tally_plan *plan;
    struct pf_frame *frame;
    const struct pf_host *host;
    struct line *lines; /* PART_ROWS */
    size_t count;
    struct pf_kind kinds[MOST_COLUMNS];
    size_t columns;
};

static void add_kind(struct builder *builder, const char *name, enum pf_type type, bool nullable)
{
    builder->kinds[builder->columns++] = (struct pf_kind){name, type, nullable};
}

static enum pf_type type_of(const struct pf_tally_plan *plan, const struct pf_tally_output *output)
{
    const struct pf_tally_field *of = &plan->inputs[output->input].of;
    switch (output->ask) {
    case PF_ASK_SUM:
        return of->form == PF_TALLY_SIGNED ? PF_INT64 : PF_UINT64;
    case PF_ASK_MIN:
    case PF_ASK_MAX:
        return of->field->kind.type;
    case PF_ASK_DISTINCT:
        return PF_UINT64;
    default:
        return PF_DOUBLE;
    }
}

static enum pf_status name_columns(struct builder *builder, struct pf_error *error)
{
    const struct pf_tally_plan *plan = builder->plan;
    if (plan->every != 0)
        add_kind(builder, "time", PF_TIME, false);
    for (size_t i = 0; i < plan->field_count; i++) {
        const struct pf_kind *kind = &plan->fields[i].field->kind;
        add_kind(builder, kind->name, kind->type, plan->keep_nulls && kind->nullable);
    }
    add_kind(builder, "count", PF_UINT64, false);
    if (plan->top != 0)
        add_kind(builder, "error", PF_UINT64, false);
    for (size_t i = 0; i < plan->output_count; i++) {
        const struct pf_tally_output *output = &plan->outputs[i];
        const char *name = plan->inputs[output->input].of.field->kind.name;
        name = pf_name_joined(pf_ask_names[output->ask], name);
        if (name == NULL)
            return pf_fail_memory(error);
        add_kind(builder, name, type_of(plan, output), output->ask != PF_ASK_SUM && output->ask != PF_ASK_DISTINCT);
    }
    if (plan->gaps) {
        add_kind(builder, "gap_mean", PF_DOUBLE, true);
        add_kind(builder, "gap_std", PF_DOUBLE, true);
        add_kind(builder, "gap_min", PF_INT64, true);
        add_kind(builder, "gap_max", PF_INT64, true);
    }
    return PF_OK;
}

static enum pf_status put_field(struct builder *builder, struct pf_column *column, size_t number,
                                const struct line *line, struct pf_error *error)
{
    const struct pf_tally_plan *plan = builder->plan;
    const struct pf_tally_field *of = &plan->fields[number];
    uint8_t room[KEY_ROOM];
    const uint8_t *key = pf_tally_key(builder->groups, line->row, room), *octets = NULL;
    size_t size = 0;
    key += plan->every != 0 ? PF_TALLY_BIN : 0;
    for (size_t i = 0; i <= number; i++)
        key = pf_tally_key_part(plan, &plan->fields[i], key, &octets, &size);
    if (size == SIZE_MAX) {
        pf_column_put_null(column);
        return PF_OK;
    }
    struct pf_value value;
    switch (of->form) {
    case PF_TALLY_NUMBER:
        pf_column_put_number(column, pf_be(octets, of->size));
        return PF_OK;
    case PF_TALLY_SIGNED:
        pf_column_put_number(column, pf_be(octets, of->size) ^ (uint64_t)1 << 63);
        return PF_OK;
    case PF_TALLY_ADDRESS:
        value = pf_value_octets(octets, (unsigned)size);
        return pf_column_put_text(column, &value, of->field->text, error);
    default:
        return pf_column_put_octets(column, octets, size, error);
    }
}

static enum pf_status put_sum(struct pf_column *column, const struct pf_stat *stat, struct pf_error *error)
{
    uint64_t sum;
    if (!pf_stat_sum(stat, column->kind.type == PF_INT64, &sum))
        return pf_fail(error, PF_TOO_LARGE, "%s: a sum does not fit in 64 bits", column->kind.name);
    pf_column_put_number(column, sum);
    return PF_OK;
}

static void put_double_if(struct pf_column *column, bool there, double (*of)(const struct pf_stat *stat),
                          const struct pf_stat *stat)
{
    if (there)
        pf_column_put_double(column, of(stat));
    else
        pf_column_put_null(column);
}

static void put_word_if(struct pf_column *column, bool there, uint64_t word)
{
    if (there)
        pf_column_put_number(column, word);
    else
        pf_column_put_null(column);
}

static enum pf_status put_output(struct builder *builder, struct pf_column *column,
                                 const struct pf_tally_output *output, const struct line *line, struct pf_error *error)
{
    static const struct pf_stat none;
    static const struct pf_tally_set no_set;
    static const struct pf_distinct no_sketch;
    const struct pf_tally_input *input = &builder->plan->inputs[output->input];
    const struct pf_tally_record *record = line->empty ? NULL : line->row->record;
    const struct pf_stat *stat = record != NULL ? pf_tally_stat(record, input) : &none;
    switch (output->ask) {
    case PF_ASK_SUM:
        return put_sum(column, stat, error);
    case PF_ASK_MIN:
        put_word_if(column, stat->n >= 1, stat->min);
        break;
    case PF_ASK_MAX:
        put_word_if(column, stat->n >= 1, stat->max);
        break;
    case PF_ASK_MEAN:
        put_double_if(column, stat->n >= 1, pf_stat_mean, stat);
        break;
    case PF_ASK_STD:
        put_double_if(column, stat->n >= 2, pf_stat_deviation, stat);
        break;
    default:
        if (builder->plan->approximate)
            pf_column_put_number(column,
                                 pf_distinct_estimate(record != NULL ? pf_tally_sketch(record, input) : &no_sketch));
        else
            pf_column_put_number(column, pf_tally_set_size(record != NULL ? pf_tally_exact(record, input) : &no_set));
    }
    return PF_OK;
}

static void put_gap(struct builder *builder, struct pf_column *column, unsigned which, const struct line *line)
{
    static const struct pf_stat none;
    const struct pf_stat *stat = line->empty ? &none : &pf_tally_gaps(line->row->record, builder->plan)->stat;
    if (which < 2)
        put_double_if(column, stat->n >= 1 + which, which == 0 ? pf_stat_mean : pf_stat_deviation, stat);
    else
        put_word_if(column, stat->n >= 1, which == 2 ? stat->min : stat->max);
}

/* The first nanosecond of a bin, or of all time: the bin in which that lies may begin before. */
static uint64_t start_of(const struct pf_tally_plan *plan, int64_t bin)
{
    int64_t start;
    return (uint64_t)(__builtin_mul_overflow(bin, plan->every, &start) ? INT64_MIN : start);
}

static enum pf_status put_cell(struct builder *builder, struct pf_column *column, size_t number,
                               const struct line *line, struct pf_error *error)
{
    const struct pf_tally_plan *plan = builder->plan;
    if (plan->every != 0 && number-- == 0) {
        pf_column_put_number(column, start_of(plan, line->bin));
        return PF_OK;
    }
    if (number < plan->field_count)
        return put_field(builder, column, number, line, error);
    number -= plan->field_count;
    if (number-- == 0) {
        pf_column_put_number(column, line->empty ? 0 : line->row->count);
        return PF_OK;
    }
    if (plan->top != 0 && number-- == 0) {
        pf_column_put_number(column, !line->empty && line->row->counter != NULL ? line->row->counter->error : 0);
        return PF_OK;
    }
    if (number < plan->output_count)
        return put_output(builder, column, &plan->outputs[number], line, error);
    put_gap(builder, column, (unsigned)(number - plan->output_count), line);
    return PF_OK;
}

static enum pf_status fill_part(struct builder *builder, struct pf_part *part, struct pf_error *error)
{
    for (size_t i = 0; i < builder->columns; i++) {
        PF_TRY(pf_column_reserve(part->columns[i], builder->count, error));
        for (size_t j = 0; j < builder->count; j++)
            PF_TRY(put_cell(builder, part->columns[i], i, &builder->lines[j], error));
    }
    part->rows = builder->count;
    return PF_OK;
}

static enum pf_status flush(struct builder *builder, struct pf_error *error)
{
    if (builder->count == 0)
        return PF_OK;
    if (builder->host != NULL && builder->host->tick != NULL)
        PF_TRY(builder->host->tick(builder->host->context, error));
    struct pf_part *part = pf_part_new(builder->kinds, builder->columns);
    if (part == NULL)
        return pf_fail_memory(error);
    enum pf_status status = fill_part(builder, part, error);
    builder->count = 0;
    if (status == PF_OK)
        return pf_frame_add(builder->frame, part, error);
    pf_part_free(part, builder->columns);
    return status;
}

static enum pf_status add_line(struct builder *builder, const struct pf_tally_row *row, int64_t bin, bool empty,
                               struct pf_error *error)
{
    if (builder->count == PART_ROWS)
        PF_TRY(flush(builder, error));
    builder->lines[builder->count++] = (struct line){row, bin, empty};
    return PF_OK;
}

static enum pf_status add_rows(struct builder *builder, const struct pf_tally_rows *rows, struct pf_error *error)
{
    for (size_t i = 0; i < rows->size; i++)
        PF_TRY(add_line(builder, &rows->list[i], pf_tally_row_bin(&rows->list[i]), false, error));
    return PF_OK;
}

static enum pf_status check_filled(uint64_t keys, uint64_t bins, struct pf_error *error)
{
    if (bins != 0 && keys <= PF_TALLY_MOST_FILLED / bins) /* 0: 2^64 of them */
        return PF_OK;
    return pf_fail(error, PF_INVALID,
                   "fill: %llu keys in each of %llu bins are more than %d rows: take longer bins or fewer keys",
                   (unsigned long long)keys, (unsigned long long)bins, PF_TALLY_MOST_FILLED);
}

/* Every key in every bin from the first to the last. `shown` is in the order of the table, `by_key` by bin and key,
 * `keys` has each key once. */
static enum pf_status add_filled(struct builder *builder, const struct pf_tally_rows *shown,
                                 const struct pf_tally_rows *by_key, const struct pf_tally_rows *keys,
                                 struct pf_error *error)
{
    int64_t first = pf_tally_row_bin(&shown->list[0]), last = pf_tally_row_bin(&shown->list[shown->size - 1]);
    uint64_t bins = (uint64_t)last - (uint64_t)first + 1;
    PF_TRY(check_filled(keys->size, bins, error));
    size_t at = 0, next = 0;
    for (uint64_t i = 0; i < bins; i++) {
        int64_t bin = (int64_t)((uint64_t)first + i);
        for (; at < shown->size && pf_tally_row_bin(&shown->list[at]) == bin; at++)
            PF_TRY(add_line(builder, &shown->list[at], bin, false, error));
        for (size_t j = 0; j < keys->size; j++) {
            const struct pf_tally_row *there = next < by_key->size ? &by_key->list[next] : NULL;
            if (there != NULL && pf_tally_row_bin(there) == bin &&
                pf_tally_rows_compare(builder->groups, there, &keys->list[j]) == 0)
                next++;
            else
                PF_TRY(add_line(builder, &keys->list[j], bin, true, error));
        }
    }
    return flush(builder, error);
}

static enum pf_status fill(struct builder *builder, const struct pf_tally_rows *shown, struct pf_error *error)
{
    struct pf_tally_rows by_key = {.size = 0}, keys = {.size = 0};
    enum pf_status status = pf_tally_rows_copy(&by_key, shown, error);
    if (status == PF_OK)
        status = pf_tally_rows_sort(&by_key, PF_TALLY_BY_BIN, error);
    if (status == PF_OK)
        status = pf_tally_rows_copy(&keys, shown, error);
    if (status == PF_OK)
        status = pf_tally_rows_sort(&keys, 0, error);
    if (status == PF_OK) {
        pf_tally_rows_unique(&keys);
        status = add_filled(builder, shown, &by_key, &keys, error); /* whose lines point into `keys` */
    }
    pf_tally_rows_clear(&by_key);
    pf_tally_rows_clear(&keys);
    return status;
}

static enum pf_status build(struct builder *builder, struct pf_tally_rows *rows, struct pf_error *error)
{
    const struct pf_tally_plan *plan = builder->plan;
    PF_TRY(pf_tally_rows_collect(rows, builder->groups, 0, error));
    PF_TRY(pf_tally_rows_sort(rows, PF_TALLY_BY_BIN | PF_TALLY_BY_COUNT, error));
    if (plan->top != 0)
        pf_tally_rows_cut(rows, plan->top);
    if (plan->fill && rows->size != 0)
        return fill(builder, rows, error);
    PF_TRY(add_rows(builder, rows, error));
    if (rows->size == 0 && plan->every == 0 && plan->field_count == 0) /* totals are there even of nothing */
        PF_TRY(add_line(builder, NULL, 0, true, error));
    return flush(builder, error);
}

enum pf_status pf_tally_frame(struct pf_frame *frame, const struct pf_tally *groups, const struct pf_host *host,
                              struct pf_error *error)
{
    struct builder builder = {.groups = groups, .plan = groups->plan, .frame = frame, .host = host};
    struct pf_tally_rows rows = {.size = 0};
    PF_TRY(name_columns(&builder, error));
    PF_TRY(pf_frame_init(frame, builder.kinds, builder.columns, error));
    builder.lines = pf_alloc_array(PART_ROWS, sizeof *builder.lines);
    enum pf_status status = builder.lines != NULL ? build(&builder, &rows, error) : pf_fail_memory(error);
    pf_tally_rows_clear(&rows);
    pf_free(builder.lines);
    if (status != PF_OK)
        pf_frame_clear(frame);
    return status;
}
