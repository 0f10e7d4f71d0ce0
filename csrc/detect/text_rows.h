/* Rows found by a key of octets, numbered in order of first appearance, and never more than `most` of them: what comes
 * for a row that there is no room for is counted as dropped. And a set of which texts a row has seen. Both are filled
 * in file order by one thread at a time, so that limits too fall alike in every run. */
#ifndef PF_DETECT_TEXT_ROWS_H
#define PF_DETECT_TEXT_ROWS_H

#include "base/dictionary.h"

struct pf_text_rows {
    struct pf_dictionary keys; /* a key's number is its row's */
    uint8_t *rows;
    size_t element, capacity, most;
    uint64_t dropped;
};

/* The row of a key, valid until the next call; a new one is zeroed. NULL, with PF_OK, when there is no room. */
enum pf_status pf_text_rows_of(struct pf_text_rows *rows, const void *key, size_t length, void **row, bool *is_new,
                               struct pf_error *error);
static inline void *pf_text_row(const struct pf_text_rows *rows, size_t number)
{
    return rows->rows + number * rows->element;
}

/* The number of a row that pf_text_rows_of gave. */
static inline size_t pf_text_row_number(const struct pf_text_rows *rows, const void *row)
{
    return (size_t)((const uint8_t *)row - rows->rows) / rows->element;
}

void pf_text_rows_clear(struct pf_text_rows *rows);

/* Fingerprints of 64 bits, keyed, so that nobody can make two texts collide; by accident one of PF_TEXT_MOST_SEEN
 * collides with a chance of 10^-7. */
struct pf_text_seen {
    uint64_t *slots; /* 0: empty */
    size_t size, count;
    uint64_t dropped; /* texts that there was no room for: counts of distinct texts are then lower bounds */
};

/* 2^21 names are more than a client asks for within a day, at 32 MiB. */
enum { PF_TEXT_MOST_SEEN = 1 << 21 };

/* Whether `whose` (a number of the caller's) sees the text for the first time. */
enum pf_status pf_text_seen_first(struct pf_text_seen *seen, uint64_t whose, const char *text, size_t length,
                                  bool *first, struct pf_error *error);
void pf_text_seen_clear(struct pf_text_seen *seen);

#endif
