#include "tally/suspects.h"

static const struct pf_keycount *table_of(const struct pf_counts *keys, const struct pf_address *key)
{
    return key->size == 16 ? &keys->wide : &keys->narrow;
}

static inline void prefetch(const struct pf_counts *keys, const struct pf_address *key)
{
    if (key->size != 0)
        pf_keycount_prefetch(table_of(keys, key), key->word);
}

static inline bool is_in(const struct pf_counts *keys, const struct pf_address *key)
{
    return key->size != 0 && pf_keycount_get(table_of(keys, key), key->word) != 0;
}

static size_t keep(const struct pf_predicate *predicate, struct pf_packet **packets, size_t count)
{
    const struct pf_suspects *suspects = (const struct pf_suspects *)predicate;
    struct pf_address keys[PF_BATCH][PF_IOC_KINDS];
    for (size_t i = 0; i < count; i++) {
        struct pf_indicators found;
        pf_indicators_of(&suspects->rules, packets[i], &found);
        keys[i][PF_IOC_DNS] = found.dns;
        keys[i][PF_IOC_IP] = found.ip;
        keys[i][PF_IOC_SEQ] = (struct pf_address){{found.seq, 0}, found.has_seq ? 4 : 0};
        for (unsigned kind = 0; kind < PF_IOC_KINDS; kind++)
            prefetch(&suspects->keys[kind], &keys[i][kind]);
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool in = false;
        for (unsigned kind = 0; kind < PF_IOC_KINDS && !in; kind++)
            in = is_in(&suspects->keys[kind], &keys[i][kind]);
        if (in)
            packets[kept++] = packets[i];
    }
    return kept;
}

void pf_suspects_init(struct pf_suspects *suspects, const struct pf_indicator_rules *rules)
{
    suspects->predicate = (struct pf_predicate){.keep = keep, .depth = pf_indicator_depth(rules)};
    suspects->rules = *rules;
    pf_counts_init(&suspects->keys[PF_IOC_DNS], PF_KEY_ADDRESS);
    pf_counts_init(&suspects->keys[PF_IOC_IP], PF_KEY_ADDRESS);
    pf_counts_init(&suspects->keys[PF_IOC_SEQ], PF_KEY_NUMBER);
}

void pf_suspects_clear(struct pf_suspects *suspects)
{
    for (unsigned kind = 0; kind < PF_IOC_KINDS; kind++)
        pf_counts_clear(&suspects->keys[kind]);
}
