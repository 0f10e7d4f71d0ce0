/* Groups as a list in the order in which they are shown. */
#ifndef PF_TALLY_GROUP_ROWS_H
#define PF_TALLY_GROUP_ROWS_H

#include "tally/group.h"

/* What comes first in the order; the key less its bin always comes last. */
enum pf_tally_order {
    PF_TALLY_BY_COUNT = 1, /* descending, behind the bin */
    PF_TALLY_BY_BIN = 2,   /* of groups that have bins: their bins are left out of account otherwise */
};

struct pf_tally_rows {
    const struct pf_tally *groups;
    struct pf_tally_row *list;
    size_t size;
};

/* The groups with count >= least, at most `most` of them, by count descending, then key: a few of many cost little more
 * than stepping through them. Of groups without bins. */
enum pf_status pf_tally_rows_best(struct pf_tally_rows *rows, const struct pf_tally *groups, uint64_t least,
                                  size_t most, struct pf_error *error);
/* All groups with count >= least, in no order. */
enum pf_status pf_tally_rows_collect(struct pf_tally_rows *rows, const struct pf_tally *groups, uint64_t least,
                                     struct pf_error *error);
enum pf_status pf_tally_rows_copy(struct pf_tally_rows *rows, const struct pf_tally_rows *from, struct pf_error *error);
void pf_tally_rows_clear(struct pf_tally_rows *rows);
enum pf_status pf_tally_rows_sort(struct pf_tally_rows *rows, unsigned order, struct pf_error *error);

/* Keys less their bins. */
int pf_tally_rows_compare(const struct pf_tally *groups, const struct pf_tally_row *a, const struct pf_tally_row *b);
/* Keeps the first of each run of equal keys, bins left out of account. */
void pf_tally_rows_unique(struct pf_tally_rows *rows);
/* Keeps at most `most` rows, of each bin where there are bins. */
void pf_tally_rows_cut(struct pf_tally_rows *rows, size_t most);

static inline int64_t pf_tally_row_bin(const struct pf_tally_row *row)
{
    return (int64_t)(row->word[0] ^ (uint64_t)1 << 63);
}

#endif
