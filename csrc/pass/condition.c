#include "pass/condition.h"

#include "base/alloc.h"

#include <string.h>

enum { WIDE = 16 };

enum pf_status pf_clause_init(struct pf_clause *clause, size_t count, struct pf_error *error)
{
    clause->conditions = pf_alloc_array(count, sizeof *clause->conditions);
    return clause->conditions != NULL ? PF_OK : pf_fail_memory(error);
}

void pf_condition_init(struct pf_condition *condition, const struct pf_field *field)
{
    memset(condition, 0, sizeof *condition);
    condition->field = field;
    pf_keycount_init(&condition->narrow, 1);
    pf_keycount_init(&condition->wide, 2);
}

enum pf_status pf_condition_add_key(struct pf_condition *condition, const struct pf_value *key, struct pf_error *error)
{
    return pf_keycount_add(key->size == WIDE ? &condition->wide : &condition->narrow, key->word, 1, 1, error);
}

enum pf_status pf_condition_add_text(struct pf_condition *condition, const char *text, size_t length,
                                     struct pf_error *error)
{
    int32_t code;
    return pf_dictionary_text(&condition->texts, text, length, &code, error);
}

enum pf_status pf_condition_add_network(struct pf_condition *condition, const struct pf_network *network,
                                        struct pf_error *error)
{
    if (condition->network_count == condition->network_capacity) {
        size_t capacity = pf_grown(condition->network_capacity, condition->network_count + 1, sizeof *network);
        struct pf_network *networks =
            capacity != 0 ? pf_realloc(condition->networks, capacity * sizeof *network) : NULL;
        if (networks == NULL)
            return pf_fail_memory(error);
        condition->networks = networks;
        condition->network_capacity = capacity;
    }
    condition->networks[condition->network_count++] = *network;
    return PF_OK;
}

static void clause_clear(struct pf_clause *clause)
{
    for (size_t i = 0; i < clause->count; i++) {
        struct pf_condition *condition = &clause->conditions[i];
        pf_keycount_clear(&condition->narrow);
        pf_keycount_clear(&condition->wide);
        pf_dictionary_clear(&condition->texts);
        pf_free(condition->networks);
    }
    pf_free(clause->conditions);
}

void pf_conditions_clear(struct pf_conditions *conditions)
{
    clause_clear(&conditions->all);
    for (size_t i = 0; i < conditions->any_count; i++)
        clause_clear(&conditions->any[i]);
    pf_free(conditions->any);
    memset(conditions, 0, sizeof *conditions);
}

static bool is_signed(enum pf_type type)
{
    return type == PF_INT64 || type == PF_TIME;
}

static bool is_less(enum pf_type type, uint64_t one, uint64_t other)
{
    return is_signed(type) ? (int64_t)one < (int64_t)other : one < other;
}

static bool in_range(const struct pf_condition *condition, uint64_t number)
{
    enum pf_type type = condition->field->kind.type;
    if (!condition->has_low && !condition->has_high)
        return false;
    return !(condition->has_low && is_less(type, number, condition->low)) &&
           (!condition->has_high || is_less(type, number, condition->high));
}

static bool is_before(const struct pf_value *one, const struct pf_value *other)
{
    return one->word[0] != other->word[0] ? one->word[0] < other->word[0] : one->word[1] < other->word[1];
}

static bool in_networks(const struct pf_condition *condition, const struct pf_value *key)
{
    for (size_t i = 0; i < condition->network_count; i++) {
        const struct pf_network *network = &condition->networks[i];
        if (network->first.size == key->size && !is_before(key, &network->first) && !is_before(&network->last, key))
            return true;
    }
    return false;
}

static bool in_keys(const struct pf_condition *condition, const struct pf_value *key)
{
    return pf_keycount_get(key->size == WIDE ? &condition->wide : &condition->narrow, key->word) != 0 ||
           in_networks(condition, key);
}

/* A field that is text by no key of its own, or whose keys say it by a name. */
static bool is_text(const struct pf_field *field)
{
    return field->write != NULL ||
           (field->kind.type == PF_TEXT && field->text != pf_text_address && field->text != pf_text_mac);
}

static bool text_holds(const struct pf_condition *condition, const struct pf_packet *packet, const char *const *files)
{
    char room[PF_WRITER_ROOM];
    struct pf_writer writer = {.octets = room, .room = sizeof room};
    int32_t code;
    if (!pf_field_write(condition->field, packet, files, &writer))
        return condition->null;
    return pf_dictionary_find(&condition->texts, room, writer.length, &code);
}

static bool condition_holds(const struct pf_condition *condition, const struct pf_packet *packet,
                            const char *const *files)
{
    struct pf_value value = {{0, 0}, 0};
    if (is_text(condition->field))
        return text_holds(condition, packet, files);
    if (!pf_field_get(condition->field, packet, &value))
        return condition->null;
    return in_range(condition, value.word[0]) || in_keys(condition, &value);
}

static bool clause_holds(const struct pf_clause *clause, const struct pf_packet *packet, const char *const *files)
{
    for (size_t i = 0; i < clause->count; i++) {
        if (!condition_holds(&clause->conditions[i], packet, files))
            return false;
    }
    return true;
}

static bool all_hold(const struct pf_sieve *sieve, const struct pf_packet *packet)
{
    const struct pf_conditions *conditions = sieve->conditions;
    bool any = conditions->any_count == 0;
    for (size_t i = 0; i < conditions->any_count && !any; i++)
        any = clause_holds(&conditions->any[i], packet, sieve->files);
    return any && clause_holds(&conditions->all, packet, sieve->files);
}

static size_t keep(const struct pf_predicate *predicate, struct pf_packet **packets, size_t count)
{
    const struct pf_sieve *sieve = (const struct pf_sieve *)predicate;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (all_hold(sieve, packets[i]))
            packets[kept++] = packets[i];
    }
    return kept;
}

static enum pf_depth deepest(const struct pf_clause *clause, enum pf_depth depth)
{
    for (size_t i = 0; i < clause->count; i++) {
        if (clause->conditions[i].field->depth > depth)
            depth = clause->conditions[i].field->depth;
    }
    return depth;
}

static uint8_t needs_of(const struct pf_clause *clause)
{
    uint8_t needs = 0;
    for (size_t i = 0; i < clause->count; i++)
        needs |= clause->conditions[i].field->needs;
    return needs;
}

void pf_sieve_init(struct pf_sieve *sieve, const struct pf_conditions *conditions, const char *const *files)
{
    enum pf_depth depth = deepest(&conditions->all, PF_DEPTH_RECORD);
    uint8_t needs = needs_of(&conditions->all);
    for (size_t i = 0; i < conditions->any_count; i++) {
        depth = deepest(&conditions->any[i], depth);
        needs |= needs_of(&conditions->any[i]);
    }
    sieve->predicate = (struct pf_predicate){.keep = keep, .depth = depth, .needs = needs};
    sieve->conditions = conditions;
    sieve->files = files;
}
