/* A table: columns of equal length, in parts that came one after the other.
 *
 *            column 0   column 1   ...
 *   part 0   |......|   |......|          each part shares its columns (references are counted) and
 *   part 1   |......|   |......|          shows `rows` of them from `first` on
 *
 * While it is built a frame belongs to one thread; afterwards it is never changed and any thread may read it. */
#ifndef PF_BASE_FRAME_H
#define PF_BASE_FRAME_H

#include "base/column.h"

struct pf_part {
    struct pf_column **columns;
    size_t first, rows;
};

struct pf_frame {
    struct pf_kind *kinds;
    size_t columns;
    size_t rows;
    struct pf_part *parts;
    size_t count, capacity;
};

enum pf_status pf_frame_init(struct pf_frame *frame, const struct pf_kind *kinds, size_t columns,
                             struct pf_error *error);
void pf_frame_clear(struct pf_frame *frame);

/* An unattached part with empty columns, to be filled by one worker; NULL when memory is refused. */
struct pf_part *pf_part_new(const struct pf_kind *kinds, size_t columns);
void pf_part_free(struct pf_part *part, size_t columns);

/* Appends a part's rows; the part is the frame's from then on, also when this fails. Small parts are put together. */
enum pf_status pf_frame_add(struct pf_frame *frame, struct pf_part *part, struct pf_error *error);
/* The same, but a part whose rows were copied comes back, empty and with its memory, to be filled again: `spare`, else
 * NULL. */
enum pf_status pf_frame_pour(struct pf_frame *frame, struct pf_part *part, struct pf_part **spare,
                             struct pf_error *error);

/* New frames (init them not): rows from `first` on; the rows named, in that order; the columns named. */
enum pf_status pf_frame_slice(struct pf_frame *frame, const struct pf_frame *from, size_t first, size_t rows,
                              struct pf_error *error);
enum pf_status pf_frame_take(struct pf_frame *frame, const struct pf_frame *from, const size_t *which, size_t rows,
                             struct pf_error *error);
enum pf_status pf_frame_project(struct pf_frame *frame, const struct pf_frame *from, const size_t *which,
                                size_t columns, struct pf_error *error);

/* All rows of one column as one new column (one reference). */
enum pf_status pf_frame_column(const struct pf_frame *frame, size_t column, struct pf_column **whole,
                               struct pf_error *error);

#endif
