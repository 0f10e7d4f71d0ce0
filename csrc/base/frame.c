#include "base/frame.h"

#include "base/alloc.h"
#include "base/crew.h"

#include <string.h>

/* Parts below this many rows are put together: a table of a few rows per megabyte of capture must not become a thousand
 * parts, and 64 Ki rows keep a part's columns within a core's cache. */
enum { FEW_ROWS = 65536 };

enum pf_status pf_frame_init(struct pf_frame *frame, const struct pf_kind *kinds, size_t columns,
                             struct pf_error *error)
{
    memset(frame, 0, sizeof *frame);
    frame->kinds = pf_alloc_array(columns, sizeof *kinds);
    if (frame->kinds == NULL)
        return pf_fail_memory(error);
    if (columns != 0)
        memcpy(frame->kinds, kinds, columns * sizeof *kinds);
    frame->columns = columns;
    return PF_OK;
}

static void clear_part(struct pf_part *part, size_t columns)
{
    for (size_t i = 0; part->columns != NULL && i < columns; i++)
        pf_column_drop(part->columns[i]);
    pf_free(part->columns);
}

void pf_frame_clear(struct pf_frame *frame)
{
    for (size_t i = 0; i < frame->count; i++)
        clear_part(&frame->parts[i], frame->columns);
    pf_free(frame->parts);
    pf_free(frame->kinds);
    memset(frame, 0, sizeof *frame);
}

struct pf_part *pf_part_new(const struct pf_kind *kinds, size_t columns)
{
    struct pf_part *part = pf_alloc(sizeof *part);
    if (part == NULL)
        return NULL;
    part->columns = pf_alloc_array(columns, sizeof *part->columns);
    for (size_t i = 0; part->columns != NULL && i < columns; i++) {
        part->columns[i] = pf_column_new(&kinds[i]);
        if (part->columns[i] == NULL) {
            pf_part_free(part, columns);
            return NULL;
        }
    }
    if (part->columns == NULL) {
        pf_free(part);
        return NULL;
    }
    return part;
}

void pf_part_free(struct pf_part *part, size_t columns)
{
    if (part != NULL)
        clear_part(part, columns);
    pf_free(part);
}

static bool only_ours(const struct pf_frame *frame, const struct pf_part *part)
{
    for (size_t i = 0; i < frame->columns; i++) {
        const struct pf_column *column = part->columns[i];
        bool shared = column->borrowed || atomic_load(&column->references) != 1;
        if (part->first != 0 || part->rows != column->rows || shared)
            return false;
    }
    return true;
}

static enum pf_status join(struct pf_frame *frame, struct pf_part *to, const struct pf_part *part,
                           struct pf_error *error)
{
    for (size_t i = 0; i < frame->columns; i++)
        PF_TRY(pf_column_append(to->columns[i], part->columns[i], part->first, part->rows, error));
    to->rows += part->rows;
    frame->rows += part->rows;
    return PF_OK;
}

static enum pf_status attach(struct pf_frame *frame, struct pf_part *part, struct pf_error *error)
{
    if (frame->count == frame->capacity) {
        size_t capacity = pf_grown(frame->capacity, frame->count + 1, sizeof *frame->parts);
        struct pf_part *parts = capacity != 0 ? pf_realloc(frame->parts, capacity * sizeof *parts) : NULL;
        if (parts == NULL)
            return pf_fail_memory(error);
        frame->parts = parts;
        frame->capacity = capacity;
    }
    frame->parts[frame->count++] = *part;
    frame->rows += part->rows;
    part->columns = NULL;
    return PF_OK;
}

static void empty_part(struct pf_part *part, size_t columns)
{
    for (size_t i = 0; i < columns; i++)
        pf_column_empty(part->columns[i]);
    part->first = part->rows = 0;
}

enum pf_status pf_frame_pour(struct pf_frame *frame, struct pf_part *part, struct pf_part **spare,
                             struct pf_error *error)
{
    enum pf_status status = PF_OK;
    struct pf_part *last = frame->count != 0 ? &frame->parts[frame->count - 1] : NULL;
    *spare = NULL;
    if (part->rows != 0 && last != NULL && last->rows + part->rows <= FEW_ROWS && only_ours(frame, last)) {
        status = join(frame, last, part, error);
        if (status == PF_OK && only_ours(frame, part)) {
            empty_part(part, frame->columns);
            *spare = part;
            return PF_OK;
        }
    } else if (part->rows != 0) {
        status = attach(frame, part, error);
    }
    pf_part_free(part, frame->columns);
    return status;
}

enum pf_status pf_frame_add(struct pf_frame *frame, struct pf_part *part, struct pf_error *error)
{
    struct pf_part *spare;
    enum pf_status status = pf_frame_pour(frame, part, &spare, error);
    pf_part_free(spare, frame->columns);
    return status;
}

/* A part showing `rows` rows of another from `first` on, its columns chosen by `which` (NULL: all). */
static enum pf_status share(struct pf_frame *frame, const struct pf_part *from, const size_t *which, size_t first,
                            size_t rows, struct pf_error *error)
{
    struct pf_part part = {
        .columns = pf_alloc_array(frame->columns, sizeof *part.columns), .first = first, .rows = rows};
    if (part.columns == NULL)
        return pf_fail_memory(error);
    for (size_t i = 0; i < frame->columns; i++)
        part.columns[i] = pf_column_keep(from->columns[which != NULL ? which[i] : i]);
    enum pf_status status = attach(frame, &part, error);
    clear_part(&part, frame->columns);
    return status;
}

enum pf_status pf_frame_slice(struct pf_frame *frame, const struct pf_frame *from, size_t first, size_t rows,
                              struct pf_error *error)
{
    PF_TRY(pf_frame_init(frame, from->kinds, from->columns, error));
    enum pf_status status = PF_OK;
    for (size_t i = 0; i < from->count && rows != 0 && status == PF_OK; i++) {
        const struct pf_part *part = &from->parts[i];
        if (first >= part->rows) {
            first -= part->rows;
            continue;
        }
        size_t here = part->rows - first < rows ? part->rows - first : rows;
        status = share(frame, part, NULL, part->first + first, here, error);
        first = 0;
        rows -= here;
    }
    if (status != PF_OK)
        pf_frame_clear(frame);
    return status;
}

enum pf_status pf_frame_project(struct pf_frame *frame, const struct pf_frame *from, const size_t *which,
                                size_t columns, struct pf_error *error)
{
    struct pf_kind *kinds = pf_alloc_array(columns, sizeof *kinds);
    if (kinds == NULL)
        return pf_fail_memory(error);
    for (size_t i = 0; i < columns; i++)
        kinds[i] = from->kinds[which[i]];
    enum pf_status status = pf_frame_init(frame, kinds, columns, error);
    pf_free(kinds);
    for (size_t i = 0; i < from->count && status == PF_OK; i++)
        status = share(frame, &from->parts[i], which, from->parts[i].first, from->parts[i].rows, error);
    if (status != PF_OK)
        pf_frame_clear(frame);
    return status;
}

enum pf_status pf_frame_column(const struct pf_frame *frame, size_t column, struct pf_column **whole,
                               struct pf_error *error)
{
    const struct pf_part *only = frame->count == 1 ? &frame->parts[0] : NULL;
    if (only != NULL && only->first == 0 && only->rows == only->columns[column]->rows) {
        *whole = pf_column_keep(only->columns[column]);
        return PF_OK;
    }
    *whole = pf_column_new(&frame->kinds[column]);
    enum pf_status status = *whole != NULL ? pf_column_reserve(*whole, frame->rows, error) : pf_fail_memory(error);
    for (size_t i = 0; i < frame->count && status == PF_OK; i++) {
        const struct pf_part *part = &frame->parts[i];
        status = pf_column_append(*whole, part->columns[column], part->first, part->rows, error);
    }
    if (status != PF_OK) {
        pf_column_drop(*whole);
        *whole = NULL;
    }
    return status;
}

/* Where row `row` of all is. */
static struct pf_row place_of(const struct pf_frame *frame, const size_t *ends, size_t row)
{
    size_t low = 0, high = frame->count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ends[middle] <= row)
            low = middle + 1;
        else
            high = middle;
    }
    return (struct pf_row){low, row - (ends[low] - frame->parts[low].rows) + frame->parts[low].first};
}

static bool find_places(const struct pf_frame *frame, const size_t *which, size_t rows, struct pf_row *places)
{
    size_t *ends = pf_alloc_array(frame->count, sizeof *ends), end = 0;
    for (size_t i = 0; ends != NULL && i < frame->count; i++)
        ends[i] = end += frame->parts[i].rows;
    for (size_t i = 0; ends != NULL && i < rows; i++)
        places[i] = place_of(frame, ends, which[i]);
    pf_free(ends);
    return ends != NULL;
}

static enum pf_status take_columns(struct pf_part *part, const struct pf_frame *from, const struct pf_column **columns,
                                   const struct pf_row *places, size_t rows, struct pf_error *error)
{
    for (size_t i = 0; i < from->columns; i++) {
        for (size_t j = 0; j < from->count; j++)
            columns[j] = from->parts[j].columns[i];
        PF_TRY(pf_crew_check(error));
        PF_TRY(pf_column_take(part->columns[i], columns, from->count, places, rows, error));
    }
    part->rows = rows;
    return PF_OK;
}

enum pf_status pf_frame_take(struct pf_frame *frame, const struct pf_frame *from, const size_t *which, size_t rows,
                             struct pf_error *error)
{
    PF_TRY(pf_frame_init(frame, from->kinds, from->columns, error));
    struct pf_part *part = pf_part_new(from->kinds, from->columns);
    struct pf_row *places = pf_alloc_array(rows, sizeof *places);
    const struct pf_column **columns = pf_alloc_array(from->count, sizeof *columns);
    bool good = part != NULL && places != NULL && columns != NULL && find_places(from, which, rows, places);
    enum pf_status status = good ? take_columns(part, from, columns, places, rows, error) : pf_fail_memory(error);
    pf_free(places);
    pf_free(columns);
    if (status == PF_OK)
        status = pf_frame_add(frame, part, error); /* which frees it */
    else
        pf_part_free(part, from->columns);
    if (status != PF_OK)
        pf_frame_clear(frame);
    return status;
}
