/* Grouped counts: the tables that hold them, and the sink that fills these.
 *
 *   nothing but counts   keys of up to 16 octets in base/keycount (one word, where all keys have one size and fit), the
 *                        others in a group table
 *   aggregates           a group table, filled in any order: sums of whole numbers, extremes and sets know none
 *   gaps                 the same, but in file order: each worker gathers the entries of a chunk, which are emitted in
 * turn `top` of counts      a space-saving sketch, in file order, because its answer depends on it
 *
 * So no answer depends on the number of threads or the size of chunks. Groups belong to the caller of the pass; the
 * plan must outlive them. */
#ifndef PF_TALLY_GROUP_H
#define PF_TALLY_GROUP_H

#include "base/sketch_top.h"
#include "base/stat.h"
#include "pass/sink.h"
#include "tally/group_table.h"

struct pf_tally {
    const struct pf_tally_plan *plan;
    struct pf_keycount narrow, wide;
    struct pf_tally_table table;
    struct pf_top top;
};

void pf_tally_init(struct pf_tally *groups, const struct pf_tally_plan *plan);
void pf_tally_clear(struct pf_tally *groups);
size_t pf_tally_size(const struct pf_tally *groups);
/* Of groups that are nothing but counts. */
uint64_t pf_tally_get(const struct pf_tally *groups, const uint8_t *key, size_t size); /* 0: never seen */
enum pf_status pf_tally_add(struct pf_tally *groups, const uint8_t *key, size_t size, uint64_t by,
                            struct pf_error *error);
enum pf_status pf_tally_merge(struct pf_tally *groups, const struct pf_tally *from, struct pf_error *error);
/* Groups that are of no order and hold no sets: those of pieces put together are those of the whole. */
bool pf_tally_adds_up(const struct pf_tally_plan *plan);
/* Of these, whether there is nothing to a group but its count. */
bool pf_tally_is_counted(const struct pf_tally_plan *plan);
/* Adds a group of another table of such a plan, with the stat of each input. The key is whole. */
enum pf_status pf_tally_put(struct pf_tally *groups, const uint8_t *key, size_t size, uint64_t by,
                            const struct pf_stat *stats, struct pf_error *error);
void pf_tally_moments(const struct pf_tally *groups, struct pf_moments *moments);

/* One group. The first 16 octets of its key as two words (zeros behind a shorter one) put most in order. */
struct pf_tally_row {
    uint64_t count;
    uint64_t word[2];
    const struct pf_tally_record *record; /* NULL: there is no more to it */
    const struct pf_top_counter *counter; /* of a sketch */
};

/* Steps through all groups in no order; start with a zeroed place. */
struct pf_tally_place {
    unsigned table;
    struct pf_keycount_place counted;
    struct pf_tally_table_place grouped;
    size_t counter;
};
bool pf_tally_next(const struct pf_tally *groups, struct pf_tally_place *place, struct pf_tally_row *row);
/* The key of a row: in its record, or in `room`. Its own octets end it; in `room` zeros follow. */
const uint8_t *pf_tally_key(const struct pf_tally *groups, const struct pf_tally_row *row, uint8_t room[16]);

struct pf_tally_sink {
    struct pf_sink sink;
    struct pf_tally *groups;
    struct pf_tally_worker *workers;
    unsigned worker_count;
};

void pf_tally_sink_init(struct pf_tally_sink *sink, struct pf_tally *groups);
void pf_tally_sink_clear(struct pf_tally_sink *sink);

#endif
