/* Tables in the targets: two that must say the same, one that must be sound. */
#ifndef PF_TESTS_FRAMES_H
#define PF_TESTS_FRAMES_H

#include "base/frame.h"
#include "base/saved.h"
#include "hold.h"

#include <string.h>

/* The text of a row that is not null. */
static inline const char *text_at(const struct pf_column *column, size_t row, size_t *size)
{
    const struct pf_dictionary *texts = &column->dictionary;
    int32_t code;
    memcpy(&code, column->values + row * sizeof code, sizeof code);
    must_hold(code >= 0 && (size_t)code < texts->count);
    return pf_dictionary_at(texts, (size_t)code, size);
}

static inline const void *cell_at(const struct pf_column *column, size_t row, size_t *size)
{
    if (pf_type_is_long(column->kind.type))
        return pf_column_octets(column, row, size);
    if (column->kind.type == PF_TEXT && pf_column_valid(column, row))
        return text_at(column, row, size);
    *size = pf_type_size(column->kind.type);
    return column->values + row * *size;
}

static inline bool same_cell(const struct pf_column *a, const struct pf_column *b, size_t row)
{
    size_t m, n;
    const void *p = cell_at(a, row, &m), *q = cell_at(b, row, &n);
    return pf_column_valid(a, row) == pf_column_valid(b, row) && m == n && (m == 0 || memcmp(p, q, m) == 0);
}

static inline struct pf_column *column_of(const struct pf_frame *frame, size_t number)
{
    struct pf_error error;
    struct pf_column *column;
    must_hold(pf_frame_column(frame, number, &column, &error) == PF_OK);
    must_hold(column->rows == frame->rows);
    return column;
}

static inline void same_frames(const struct pf_frame *one, const struct pf_frame *other)
{
    must_hold(one->rows == other->rows && one->columns == other->columns);
    for (size_t i = 0; i < one->columns && one->rows != 0; i++) {
        struct pf_column *a = column_of(one, i), *b = column_of(other, i);
        for (size_t row = 0; row < one->rows; row++)
            must_hold(same_cell(a, b, row));
        pf_column_drop(a);
        pf_column_drop(b);
    }
}

/* Every text is text that can be shown anywhere, every row is there. */
static inline void sound_frame(const struct pf_frame *frame)
{
    static char room[PF_WRITER_ROOM];
    for (size_t i = 0; i < frame->columns && frame->rows != 0; i++) {
        struct pf_column *column = column_of(frame, i);
        enum pf_type type = column->kind.type;
        for (size_t row = 0; row < frame->rows && (type == PF_TEXT || type == PF_STRING); row++) {
            size_t size;
            const void *text = cell_at(column, row, &size);
            must_hold(!pf_column_valid(column, row) || (size <= PF_WRITER_ROOM && pf_saved_is_text(text, size, room)));
        }
        pf_column_drop(column);
    }
}

#endif
