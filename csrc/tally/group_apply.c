#include "tally/group_apply.h"

static bool is_number(const struct pf_tally_input *input)
{
    return input->of.form == PF_TALLY_NUMBER || input->of.form == PF_TALLY_SIGNED;
}

static enum pf_status add_exact(struct pf_tally_table *table, struct pf_tally_part *part,
                                struct pf_tally_record *record, const struct pf_tally_input *input,
                                const uint8_t *octets, uint64_t word, struct pf_error *error)
{
    struct pf_tally_set *set = pf_tally_exact(record, input);
    if (is_number(input))
        return pf_tally_set_add_word(set, &table->arena, word, error);
    return pf_tally_set_add_octets(set, &table->arena, octets + (word >> 32), (uint32_t)word, pf_tally_take, part,
                                   error);
}

/* Numbers as eight octets, lowest first, so that a sketch is the same on every machine. */
static uint64_t distinct_hash(const struct pf_tally_input *input, const uint8_t *octets, uint64_t word)
{
    uint8_t number[8];
    if (!is_number(input))
        return pf_distinct_hash(octets + (word >> 32), (uint32_t)word);
    (void)pf_put_le32(pf_put_le32(number, (uint32_t)word), (uint32_t)(word >> 32));
    return pf_distinct_hash(number, sizeof number);
}

static void add_gap(struct pf_tally_gaps *gaps, const struct pf_tally_entry *entry)
{
    if (!entry->timed)
        return;
    if (gaps->has_last)
        pf_stat_add_difference(&gaps->stat, gaps->last, entry->time);
    gaps->last = entry->time;
    gaps->has_last = 1;
}

enum pf_status pf_tally_apply_entry(struct pf_tally_table *table, struct pf_tally_part *part,
                                    struct pf_tally_record *record, struct pf_tally_entry *entry,
                                    struct pf_error *error)
{
    const struct pf_tally_plan *plan = table->plan;
    const uint8_t *octets = pf_tally_octets(plan, entry);
    for (size_t i = 0; i < plan->input_count; i++) {
        const struct pf_tally_input *input = &plan->inputs[i];
        if ((entry->valid >> i & 1) == 0)
            continue;
        if (input->has_stat)
            pf_stat_add(pf_tally_stat(record, input), entry->words[i], input->of.form == PF_TALLY_SIGNED);
        if (input->has_set && plan->approximate)
            PF_TRY(pf_distinct_add(pf_tally_sketch(record, input), &table->arena,
                                   distinct_hash(input, octets, entry->words[i]), error));
        else if (input->has_set)
            PF_TRY(add_exact(table, part, record, input, octets, entry->words[i], error));
    }
    if (plan->gaps)
        add_gap(pf_tally_gaps(record, plan), entry);
    return PF_OK;
}

void pf_tally_give_cells(struct pf_tally_table *table)
{
    const struct pf_tally_plan *plan = table->plan;
    struct pf_tally_table_place place = {.partition = 0};
    struct pf_tally_record *record;
    while ((record = pf_tally_table_next(table, &place)) != NULL) {
        for (size_t i = 0; i < plan->input_count; i++) {
            if (plan->inputs[i].has_set && !plan->approximate)
                pf_tally_set_give(pf_tally_exact(record, &plan->inputs[i]), &table->arena);
        }
    }
}
