#include "tally/group.h"

#include "tally/group_apply.h"

#include <string.h>

enum { WIDE = 16 }; /* octets of a key that is counted in base/keycount */

enum {
    SURPLUS = 8,      /* counters to a key that is kept: the error is at most an eighth of the packets per key wanted */
    FEWEST = 1 << 16, /* and never fewer: what most captures hold is counted exactly */
};

static bool is_plain(const struct pf_tally_plan *plan)
{
    return plan->output_count == 0 && !plan->gaps && !plan->sketched;
}

void pf_tally_init(struct pf_tally *groups, const struct pf_tally_plan *plan)
{
    size_t most = plan->top < SIZE_MAX / SURPLUS ? plan->top * SURPLUS : SIZE_MAX;
    memset(groups, 0, sizeof *groups);
    groups->plan = plan;
    pf_keycount_init(&groups->narrow, 1);
    pf_keycount_init(&groups->wide, 2);
    pf_tally_table_init(&groups->table, plan, is_plain(plan) ? NULL : pf_tally_apply_entry);
    pf_top_init(&groups->top, most > FEWEST ? most : FEWEST);
}

void pf_tally_clear(struct pf_tally *groups)
{
    if (groups->plan == NULL)
        return;
    pf_tally_give_cells(&groups->table);
    pf_keycount_clear(&groups->narrow);
    pf_keycount_clear(&groups->wide);
    pf_tally_table_clear(&groups->table);
    pf_top_clear(&groups->top);
    groups->plan = NULL;
}

size_t pf_tally_size(const struct pf_tally *groups)
{
    return pf_keycount_size(&groups->narrow) + pf_keycount_size(&groups->wide) + pf_tally_table_size(&groups->table) +
           groups->top.count;
}

/* The first 16 octets of a key as words, filled up with zeros: no key begins another, so that makes none alike. */
static void words_of(const uint8_t *key, size_t size, uint64_t words[2])
{
    uint8_t octets[WIDE] = {0};
    memcpy(octets, key, size < WIDE ? size : WIDE);
    words[0] = pf_be(octets, 8);
    words[1] = pf_be(octets + 8, 8);
}

uint64_t pf_tally_get(const struct pf_tally *groups, const uint8_t *key, size_t size)
{
    uint64_t words[2];
    if (size > WIDE) {
        const struct pf_tally_record *record = pf_tally_table_get(&groups->table, key, size);
        return record != NULL ? record->count : 0;
    }
    if (groups->plan->narrow)
        return pf_keycount_get(&groups->narrow, &(uint64_t){pf_be(key, (unsigned)size)});
    words_of(key, size, words);
    return pf_keycount_get(&groups->wide, words);
}

enum pf_status pf_tally_add(struct pf_tally *groups, const uint8_t *key, size_t size, uint64_t by,
                            struct pf_error *error)
{
    uint64_t words[2];
    if (size > WIDE)
        return pf_tally_table_add(&groups->table, key, size, by, error);
    if (groups->plan->narrow)
        return pf_keycount_add(&groups->narrow, &(uint64_t){pf_be(key, (unsigned)size)}, 1, by, error);
    words_of(key, size, words);
    return pf_keycount_add(&groups->wide, words, 1, by, error);
}

enum pf_status pf_tally_merge(struct pf_tally *groups, const struct pf_tally *from, struct pf_error *error)
{
    struct pf_tally_table_place place = {.partition = 0};
    const struct pf_tally_record *record;
    PF_TRY(pf_keycount_merge(&groups->narrow, &from->narrow, error));
    PF_TRY(pf_keycount_merge(&groups->wide, &from->wide, error));
    while ((record = pf_tally_table_next(&from->table, &place)) != NULL)
        PF_TRY(pf_tally_table_add(&groups->table, pf_tally_record_key(&from->table, record), record->key_size,
                                  record->count, error));
    return PF_OK;
}

bool pf_tally_adds_up(const struct pf_tally_plan *plan)
{
    for (size_t i = 0; i < plan->input_count; i++) {
        if (plan->inputs[i].has_set)
            return false;
    }
    return !plan->gaps;
}

bool pf_tally_is_counted(const struct pf_tally_plan *plan)
{
    return plan->input_count == 0;
}

enum pf_status pf_tally_put(struct pf_tally *groups, const uint8_t *key, size_t size, uint64_t by,
                            const struct pf_stat *stats, struct pf_error *error)
{
    const struct pf_tally_plan *plan = groups->plan;
    if (pf_tally_is_counted(plan))
        return pf_tally_add(groups, key, size, by, error);
    struct pf_tally_record *record = pf_tally_table_put(&groups->table, key, size, by);
    for (size_t i = 0; record != NULL && i < plan->input_count; i++) {
        const struct pf_tally_input *input = &plan->inputs[i];
        pf_stat_merge(pf_tally_stat(record, input), &stats[i], input->of.form == PF_TALLY_SIGNED);
    }
    return record != NULL ? PF_OK : pf_fail_memory(error);
}

void pf_tally_moments(const struct pf_tally *groups, struct pf_moments *moments)
{
    struct pf_tally_table_place place = {.partition = 0};
    const struct pf_tally_record *record;
    memset(moments, 0, sizeof *moments);
    pf_keycount_moments(&groups->narrow, moments);
    pf_keycount_moments(&groups->wide, moments);
    while ((record = pf_tally_table_next(&groups->table, &place)) != NULL)
        pf_moments_add(moments, record->count);
}

static bool next_counted(const struct pf_keycount *table, struct pf_tally_place *place, struct pf_tally_row *row,
                         unsigned octets)
{
    const uint64_t *key;
    if (!pf_keycount_next(table, &place->counted, &key, &row->count))
        return false;
    row->word[0] = key[0];
    row->word[1] = table->words == 2 ? key[1] : 0;
    /* A narrow key is a number of `octets`; like all keys it begins at the left. */
    if (table->words == 1 && octets < 8)
        row->word[0] = octets != 0 ? key[0] << (64 - 8 * octets) : 0;
    return true;
}

static bool next_grouped(const struct pf_tally *groups, struct pf_tally_place *place, struct pf_tally_row *row)
{
    const struct pf_tally_record *record = pf_tally_table_next(&groups->table, &place->grouped);
    if (record == NULL)
        return false;
    row->count = record->count;
    row->record = record;
    words_of(pf_tally_record_key(&groups->table, record), record->key_size, row->word);
    return true;
}

static bool next_sketched(const struct pf_top *top, struct pf_tally_place *place, struct pf_tally_row *row)
{
    if (place->counter == top->count)
        return false;
    const struct pf_top_counter *counter = &top->counters[place->counter++];
    row->count = counter->count;
    row->counter = counter;
    words_of(counter->key, counter->size, row->word);
    return true;
}

bool pf_tally_next(const struct pf_tally *groups, struct pf_tally_place *place, struct pf_tally_row *row)
{
    *row = (struct pf_tally_row){.record = NULL};
    for (; place->table < 4; place->table++, place->counted = (struct pf_keycount_place){.partition = 0}) {
        bool there;
        if (place->table < 2)
            there = next_counted(place->table == 0 ? &groups->narrow : &groups->wide, place, row,
                                 groups->plan->narrow_octets);
        else
            there = place->table == 2 ? next_grouped(groups, place, row) : next_sketched(&groups->top, place, row);
        if (there)
            return true;
    }
    return false;
}

const uint8_t *pf_tally_key(const struct pf_tally *groups, const struct pf_tally_row *row, uint8_t room[16])
{
    if (row->record != NULL)
        return pf_tally_record_key(&groups->table, row->record);
    if (row->counter != NULL)
        return row->counter->key;
    for (unsigned i = 0; i < WIDE; i++)
        room[i] = (uint8_t)(row->word[i / 8] >> (56 - 8 * (i % 8)));
    return room;
}
