#include "match/set.h"

#include "base/alloc.h"

#include <string.h>

const char *const pf_match_kind_names[PF_MATCH_KINDS] = {"ip", "domain", "url", "ja3", "ja4", "user_agent"};

static enum pf_status number_of(struct pf_indicator_set *set, const struct pf_indicator *indicator, uint32_t *number,
                                struct pf_error *error)
{
    struct pf_match_keys *keys = &set->keys[indicator->kind];
    int32_t code;
    if (indicator->kind == PF_MATCH_IP)
        return pf_prefixes_add(&set->networks, &indicator->address, indicator->prefix, number, error);
    PF_TRY(pf_dictionary_text(&keys->texts, indicator->key, indicator->key_length, &code, error));
    if (indicator->key_length > keys->longest)
        keys->longest = indicator->key_length;
    *number = (uint32_t)code;
    return PF_OK;
}

/* Room for one more; new chains are empty. */
static enum pf_status reserve(struct pf_indicator_set *set, struct pf_match_keys *keys, uint32_t number,
                              struct pf_error *error)
{
    if (set->count == set->capacity) {
        size_t capacity = pf_grown(set->capacity, set->count + 1, sizeof *set->entries);
        struct pf_match_entry *entries =
            capacity != 0 && capacity < UINT32_MAX ? pf_realloc(set->entries, capacity * sizeof *entries) : NULL;
        if (entries == NULL)
            return pf_fail_memory(error);
        set->entries = entries;
        set->capacity = capacity;
    }
    if (number >= keys->capacity) {
        size_t capacity = pf_grown(keys->capacity, (size_t)number + 1, sizeof *keys->chains);
        struct pf_match_chain *chains = capacity != 0 ? pf_realloc(keys->chains, capacity * sizeof *chains) : NULL;
        if (chains == NULL)
            return pf_fail_memory(error);
        memset(chains + keys->capacity, 0, (capacity - keys->capacity) * sizeof *chains);
        keys->chains = chains;
        keys->capacity = capacity;
    }
    return PF_OK;
}

enum pf_status pf_indicator_set_add(struct pf_indicator_set *set, const struct pf_indicator *indicator,
                                    struct pf_error *error)
{
    struct pf_match_keys *keys = &set->keys[indicator->kind];
    struct pf_match_entry entry = {
        .kind = (uint8_t)indicator->kind, .port = indicator->port, .below = indicator->below};
    uint32_t number;
    PF_TRY(pf_dictionary_text(&set->shown, indicator->shown, indicator->shown_length, &entry.shown, error));
    PF_TRY(pf_dictionary_text(&set->feeds, indicator->feed, indicator->feed_length, &entry.feed, error));
    PF_TRY(number_of(set, indicator, &number, error));
    PF_TRY(reserve(set, keys, number, error));
    struct pf_match_chain *chain = &keys->chains[number]; /* in the order in which they come */
    uint32_t *link = chain->first == 0 ? &chain->first : &set->entries[chain->last - 1].next;
    set->entries[set->count] = entry;
    *link = chain->last = (uint32_t)++set->count;
    keys->entries++;
    return PF_OK;
}

enum pf_status pf_indicator_set_allow(struct pf_indicator_set *set, const struct pf_indicator *allowed,
                                      struct pf_error *error)
{
    uint32_t number;
    int32_t code;
    if (allowed->kind == PF_MATCH_IP)
        return pf_prefixes_add(&set->allowed_networks, &allowed->address, allowed->prefix, &number, error);
    if (allowed->key_length > set->longest_allowed)
        set->longest_allowed = allowed->key_length;
    return pf_dictionary_text(allowed->below ? &set->allowed_below : &set->allowed_names, allowed->key,
                              allowed->key_length, &code, error);
}

void pf_indicator_set_clear(struct pf_indicator_set *set)
{
    pf_free(set->entries);
    pf_dictionary_clear(&set->shown);
    pf_dictionary_clear(&set->feeds);
    pf_prefixes_clear(&set->networks);
    for (size_t i = 0; i < PF_MATCH_KINDS; i++) {
        pf_dictionary_clear(&set->keys[i].texts);
        pf_free(set->keys[i].chains);
    }
    pf_prefixes_clear(&set->allowed_networks);
    pf_dictionary_clear(&set->allowed_names);
    pf_dictionary_clear(&set->allowed_below);
    memset(set, 0, sizeof *set);
}

bool pf_indicator_set_allows_address(const struct pf_indicator_set *set, const struct pf_value *address)
{
    return pf_prefixes_have(&set->allowed_networks, address);
}

bool pf_indicator_set_allows_name(const struct pf_indicator_set *set, const struct pf_name *name)
{
    struct pf_name_step step = {false, 0};
    int32_t code;
    while (pf_name_next(name, set->longest_allowed, &step)) {
        const char *text = name->text + step.at;
        size_t length = name->length - step.at;
        if (pf_dictionary_find(&set->allowed_below, text, length, &code) ||
            (step.at == 0 && pf_dictionary_find(&set->allowed_names, text, length, &code)))
            return true;
    }
    return false;
}

uint32_t pf_indicator_set_text(const struct pf_indicator_set *set, enum pf_match_kind kind, const char *text,
                               size_t length)
{
    const struct pf_match_keys *keys = &set->keys[kind];
    int32_t code;
    return length <= keys->longest && pf_dictionary_find(&keys->texts, text, length, &code) ? keys->chains[code].first
                                                                                            : 0;
}
