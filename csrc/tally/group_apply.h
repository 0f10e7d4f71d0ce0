/* What an entry does to the cells of its group's record. */
#ifndef PF_TALLY_GROUP_APPLY_H
#define PF_TALLY_GROUP_APPLY_H

#include "base/sketch_distinct.h"
#include "base/stat.h"
#include "tally/group_set.h"
#include "tally/group_table.h"

struct pf_tally_gaps {
    struct pf_stat stat;
    int64_t last; /* the time of the packet before, */
    int64_t has_last;
};

static inline struct pf_stat *pf_tally_stat(const struct pf_tally_record *record, const struct pf_tally_input *input)
{
    return (struct pf_stat *)(uintptr_t)((const uint8_t *)record->cells + input->stat_at);
}

static inline struct pf_tally_set *pf_tally_exact(const struct pf_tally_record *record,
                                                  const struct pf_tally_input *input)
{
    return (struct pf_tally_set *)(uintptr_t)((const uint8_t *)record->cells + input->set_at);
}

static inline struct pf_distinct *pf_tally_sketch(const struct pf_tally_record *record,
                                                  const struct pf_tally_input *input)
{
    return (struct pf_distinct *)(uintptr_t)((const uint8_t *)record->cells + input->set_at);
}

static inline struct pf_tally_gaps *pf_tally_gaps(const struct pf_tally_record *record,
                                                  const struct pf_tally_plan *plan)
{
    return (struct pf_tally_gaps *)(uintptr_t)((const uint8_t *)record->cells + plan->gap_at);
}

/* A pf_tally_apply. */
enum pf_status pf_tally_apply_entry(struct pf_tally_table *table, struct pf_tally_part *part,
                                    struct pf_tally_record *record, struct pf_tally_entry *entry,
                                    struct pf_error *error);
/* Gives back what cells hold of the arena, before the table is cleared. */
void pf_tally_give_cells(struct pf_tally_table *table);

#endif
