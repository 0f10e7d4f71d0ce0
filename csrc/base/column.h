/* A typed, growable column with validity, in Arrow's layout: the only output of the sinks.
 *
 * Values of PF_TEXT are int32 codes into the column's own dictionary. Those of PF_STRING and PF_BINARY are rows + 1
 * offsets (int64) into `octets`, where row i lies from offset i to offset i + 1. A null has the value (or code) 0 and a
 * cleared bit in `valid`; whether a column may hold nulls is fixed by its kind, never by the data. While it is built a
 * column belongs to one thread; afterwards it is never changed and shared by counting references, from any thread. */
#ifndef PF_BASE_COLUMN_H
#define PF_BASE_COLUMN_H

#include "base/dictionary.h"

#include <stdatomic.h>
#include <string.h>

struct pf_kind {
    const char *name; /* lives as long as the program */
    enum pf_type type;
    bool nullable;
};

struct pf_column {
    atomic_size_t references;
    struct pf_kind kind;
    size_t rows, capacity;
    uint8_t *values;
    uint8_t *valid; /* a bit per row, least significant first; NULL where the kind is not nullable */
    struct pf_dictionary dictionary;
    uint8_t *octets;
    size_t octets_capacity;
    bool borrowed; /* values and octets are another's, who outlives it: it is only read */
};

size_t pf_type_size(enum pf_type type); /* octets per value: of text, of its code; of octets, of an offset */

static inline bool pf_type_is_long(enum pf_type type) /* lies in `octets` */
{
    return type == PF_STRING || type == PF_BINARY;
}

struct pf_column *pf_column_new(const struct pf_kind *kind); /* one reference; NULL when memory is refused */
struct pf_column *pf_column_keep(struct pf_column *column);
void pf_column_drop(struct pf_column *column); /* NULL is fine */
void pf_column_empty(
    struct pf_column *column); /* no rows, but the memory for as many; for who has the only reference */

/* Room for `more` rows; after it that many put calls can't fail but for a new text or octets. */
enum pf_status pf_column_reserve(struct pf_column *column, size_t more, struct pf_error *error);
void pf_column_put_null(struct pf_column *column);
void pf_column_put_nulls(struct pf_column *column, size_t count);
/* `count`, at most 64, numbers or codes at once: row i has one where bit i of `present` is set, else its number is 0.
 */
void pf_column_put_numbers(struct pf_column *column, const uint64_t *numbers, uint64_t present, size_t count);
void pf_column_put_number(struct pf_column *column, uint64_t number);
enum pf_status pf_column_put_text(struct pf_column *column, const struct pf_value *key, pf_text text,
                                  struct pf_error *error);
/* Text that is told apart by its octets, or octets: PF_TEXT (all of a column this way or none), PF_STRING, PF_BINARY.
 */
enum pf_status pf_column_put_octets(struct pf_column *column, const void *octets, size_t size, struct pf_error *error);
static inline void pf_column_put_double(struct pf_column *column, double number)
{
    uint64_t word;
    memcpy(&word, &number, sizeof word);
    pf_column_put_number(column, word);
}

/* Appends a range of rows of another column of the same kind. */
enum pf_status pf_column_append(struct pf_column *column, const struct pf_column *from, size_t first, size_t rows,
                                struct pf_error *error);

struct pf_row {
    size_t part, row;
};

/* Appends the rows named, of `count` columns of the same kind. */
enum pf_status pf_column_take(struct pf_column *column, const struct pf_column *const *from, size_t count,
                              const struct pf_row *which, size_t rows, struct pf_error *error);

static inline bool pf_column_valid(const struct pf_column *column, size_t row)
{
    return column->valid == NULL || (column->valid[row / 8] >> (row % 8) & 1) != 0;
}

/* Of PF_STRING and PF_BINARY. */
static inline const uint8_t *pf_column_octets(const struct pf_column *column, size_t row, size_t *size)
{
    const int64_t *offsets = (const int64_t *)(const void *)column->values;
    *size = (size_t)(offsets[row + 1] - offsets[row]);
    return *size != 0 ? column->octets + offsets[row] : (const uint8_t *)""; /* there may be none at all */
}

#endif
