/* Any octets as a capture, narrowed by all there is at once: filters, a period, conditions with clauses one of which
 * must hold, keys of the second pass. The packets of a pass are those of a plain pass of which a loop says that all of
 * it holds; by however many threads, in whatever order the predicates are asked, and where an index lets most octets be
 * skipped.
 *
 * What is asked for is drawn by a number made of the octets, from what the packets have. libpcap is not here: a filter
 * matches by octets of the packet, and is refused for some link types. */
#include "base/alloc.h"
#include "base/digest.h"
#include "capture/input.h"
#include "hold.h"
#include "mutate.h"
#include "naive.h"
#include "pass/condition.h"
#include "pass/filter.h"
#include "pass/pass.h"
#include "pass/period.h"
#include "tally/suspects.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size);

size_t LLVMFuzzerCustomMutator(uint8_t *octets, size_t size, size_t room, unsigned seed)
{
    return mutate_unless_plain(mutate_pcapng, octets, size, room, seed);
}

enum { MOST_SEEN = 64, MOST_CONDITIONS = 8, MOST_CLAUSES = 3, MOST_FILTERS = 2, MOST_VALUES = 4, MOST_TEXT = 200 };

/* --- what is asked ------------------------------------------------------------------------------------------------ */

enum what { IS_NULL, IS_BETWEEN, IS_IN, IS_TEXT, IS_NEAR };

struct wish { /* of one field */
    const struct pf_field *field;
    enum what what;
    struct pf_value values[MOST_VALUES]; /* IS_IN; IS_BETWEEN: from the first to below the second; IS_NEAR: to it */
    char text[MOST_TEXT];
    size_t count, size;
};

struct wishes {
    struct wish all[MOST_CONDITIONS], any[MOST_CLAUSES][MOST_CONDITIONS];
    size_t all_count, any_count, clause_count[MOST_CLAUSES];
};

struct narrowing {
    unsigned filters; /* how many; the n-th looks at octet n */
    bool timed, suspect;
    int64_t start, last;
    struct wishes wishes;
    struct pf_indicator_rules rules;
    struct pf_indicators keys;
};

/* --- filters: a bit of an octet ----------------------------------------------------------------------------------- */

struct pf_bpf {
    size_t at;
};

static bool serves(uint16_t link_type)
{
    return link_type % 8 != 3;
}

static bool filter_matches(size_t at, const uint8_t *octets, uint32_t captured)
{
    return at >= captured || (octets[at] & 7) != 0;
}

static enum pf_status compile(const char *expression, uint16_t link_type, bool big_endian, struct pf_bpf **program,
                              struct pf_error *error)
{
    (void)big_endian;
    *program = NULL;
    if (!serves(link_type))
        return pf_fail(error, PF_NOT_FILTER, "%s: not for link type %u", expression, link_type);
    *program = must(malloc(sizeof **program));
    (*program)->at = (size_t)(expression[0] - '0');
    return PF_OK;
}

static bool matches(const struct pf_bpf *program, const uint8_t *octets, uint32_t len, uint32_t captured)
{
    (void)len;
    return filter_matches(program->at, octets, captured);
}

static void free_program(struct pf_bpf *program)
{
    free(program);
}

static const struct pf_matcher matcher = {compile, matches, free_program};
static const char *const files[] = {"input"};

/* --- the twin ----------------------------------------------------------------------------------------------------- */

static bool same_text(const struct wish *wish, const struct pf_packet *packet)
{
    char room[PF_WRITER_ROOM];
    struct pf_writer writer = {.octets = room, .room = sizeof room};
    return pf_field_write(wish->field, packet, files, &writer) && writer.length == wish->size &&
           memcmp(room, wish->text, wish->size) == 0;
}

static int compare_octets(const struct pf_value *a, const struct pf_value *b)
{
    for (unsigned i = 0; i < 2; i++) {
        if (a->word[i] != b->word[i])
            return a->word[i] < b->word[i] ? -1 : 1;
    }
    return 0;
}

static bool is_below(const struct pf_field *field, const struct pf_value *one, const struct pf_value *other)
{
    bool has_sign = field->kind.type == PF_INT64 || field->kind.type == PF_TIME;
    return has_sign ? (int64_t)one->word[0] < (int64_t)other->word[0] : one->word[0] < other->word[0];
}

static bool holds(const struct wish *wish, const struct pf_packet *packet)
{
    struct pf_value value = {{0, 0}, 0};
    if (wish->what == IS_TEXT)
        return same_text(wish, packet);
    if (!pf_field_get(wish->field, packet, &value))
        return wish->what == IS_NULL;
    if (wish->what == IS_BETWEEN)
        return !is_below(wish->field, &value, &wish->values[0]) && is_below(wish->field, &value, &wish->values[1]);
    if (wish->what == IS_NEAR)
        return value.size == wish->values[0].size && compare_octets(&wish->values[0], &value) <= 0 &&
               compare_octets(&value, &wish->values[1]) <= 0;
    for (size_t i = 0; wish->what == IS_IN && i < wish->count; i++) {
        bool wide = value.size == 16, other_wide = wish->values[i].size == 16;
        if (wide == other_wide && value.word[0] == wish->values[i].word[0] &&
            (!wide || value.word[1] == wish->values[i].word[1]))
            return true;
    }
    return false;
}

static bool all_hold(const struct wish *wishes, size_t count, const struct pf_packet *packet)
{
    for (size_t i = 0; i < count; i++) {
        if (!holds(&wishes[i], packet))
            return false;
    }
    return true;
}

static bool same_address(const struct pf_address *a, const struct pf_address *b)
{
    return a->size != 0 && a->size == b->size && a->word[0] == b->word[0] && a->word[1] == b->word[1];
}

static bool is_suspect(const struct narrowing *narrowing, const struct pf_packet *packet)
{
    struct pf_indicators found;
    pf_indicators_of(&narrowing->rules, packet, &found);
    return same_address(&found.dns, &narrowing->keys.dns) || same_address(&found.ip, &narrowing->keys.ip) ||
           (found.has_seq && narrowing->keys.has_seq && found.seq == narrowing->keys.seq);
}

static bool is_in(const struct narrowing *narrowing, const struct pf_packet *packet)
{
    const struct pf_record *record = &packet->record;
    const struct wishes *wishes = &narrowing->wishes;
    for (unsigned i = 0; i < narrowing->filters; i++) {
        if (!serves(record->link_type) || !filter_matches(i, record->octets, record->cap_len))
            return false;
    }
    if (narrowing->timed && !(record->timed && record->time >= narrowing->start && record->time <= narrowing->last))
        return false;
    bool any = wishes->any_count == 0;
    for (size_t i = 0; i < wishes->any_count; i++)
        any |= all_hold(wishes->any[i], wishes->clause_count[i], packet);
    return any && all_hold(wishes->all, wishes->all_count, packet) &&
           (!narrowing->suspect || is_suspect(narrowing, packet));
}

struct twin {
    struct pf_predicate predicate;
    const struct narrowing *narrowing;
};

static size_t keep(const struct pf_predicate *base, struct pf_packet **packets, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_in(((const struct twin *)base)->narrowing, packets[i]))
            packets[kept++] = packets[i];
    }
    return kept;
}

/* --- what the packets have, to draw from -------------------------------------------------------------------------- */

struct look {
    struct pf_predicate predicate;
    uint64_t *state;
    struct narrowing *narrowing;
    uint64_t seen;
    int64_t times[MOST_SEEN];
    size_t time_count;
    struct wish wishes[MOST_SEEN];
    size_t wish_count;
    struct pf_indicators keys;
};

static bool is_text(const struct pf_field *field)
{
    return field->write != NULL ||
           (field->kind.type == PF_TEXT && field->text != pf_text_address && field->text != pf_text_mac);
}

static const struct pf_field *some_field(uint64_t *state)
{
    static size_t fields;
    while (pf_field_at(fields) != NULL)
        fields++;
    size_t at = draw_below(state, fields);
    while (pf_field_at(at)->kind.type == PF_BINARY || pf_field_at(at)->kind.type == PF_DOUBLE)
        at = (at + 1) % fields;
    return pf_field_at(at);
}

/* A wish that this packet fulfils, or nearly does. */
static bool wish_of(const struct pf_field *field, const struct pf_packet *packet, uint64_t *state, struct wish *wish)
{
    struct pf_value value = {{0, 0}, 0};
    *wish = (struct wish){.field = field, .what = IS_TEXT};
    if (is_text(field)) {
        char room[PF_WRITER_ROOM];
        struct pf_writer writer = {.octets = room, .room = sizeof room};
        if (!pf_field_write(field, packet, files, &writer) || writer.length > MOST_TEXT)
            return false;
        memcpy(wish->text, room, wish->size = writer.length);
        return true;
    }
    if (!pf_field_get(field, packet, &value)) {
        wish->what = IS_NULL;
        return field->kind.nullable;
    }
    wish->values[0] = wish->values[1] = value;
    wish->what = draw_below(state, 2) != 0 ? IS_IN : field->kind.type == PF_TEXT ? IS_NEAR : IS_BETWEEN;
    wish->count = 1;
    if (wish->what != IS_IN)
        wish->values[1].word[0] += (uint64_t)draw_below(state, 3);
    if (draw_below(state, 4) == 0)
        wish->values[0].word[0] ^= (uint64_t)1 << draw_below(state, 16);
    return true;
}

static size_t look(const struct pf_predicate *base, struct pf_packet **packets, size_t count)
{
    struct look *look = (struct look *)(uintptr_t)base;
    for (size_t i = 0; i < count; i++) {
        struct wish *wish = &look->wishes[look->wish_count];
        if (look->time_count < MOST_SEEN && packets[i]->record.timed)
            look->times[look->time_count++] = packets[i]->record.time;
        if (look->wish_count < MOST_SEEN && wish_of(some_field(look->state), packets[i], look->state, wish))
            look->wish_count++;
        if (draw_below(look->state, ++look->seen) == 0)
            pf_indicators_of(&look->narrowing->rules, packets[i], &look->keys);
    }
    return count;
}

static size_t draw_clause(uint64_t *state, const struct look *look, struct wish *wishes, size_t most)
{
    size_t count = look->wish_count != 0 ? draw_below(state, most + 1) : 0;
    for (size_t i = 0; i < count; i++) {
        const struct wish *one = &look->wishes[draw_below(state, look->wish_count)];
        wishes[i] = *one;
        for (size_t j = 0; one->what == IS_IN && j + 1 < MOST_VALUES; j++) { /* other values of the same field */
            const struct wish *other = &look->wishes[draw_below(state, look->wish_count)];
            if (other->field == one->field && other->what == IS_IN)
                wishes[i].values[wishes[i].count++] = other->values[0];
        }
    }
    return count;
}

static void draw_narrowing(uint64_t *state, const struct look *look, struct narrowing *narrowing)
{
    struct wishes *wishes = &narrowing->wishes;
    narrowing->filters = (unsigned)draw_below(state, MOST_FILTERS + 1);
    narrowing->timed = look->time_count != 0 && draw_below(state, 2) != 0;
    if (narrowing->timed) {
        int64_t one = look->times[draw_below(state, look->time_count)],
                other = look->times[draw_below(state, look->time_count)];
        narrowing->start = one < other ? one : other;
        narrowing->last = one < other ? other : one;
    }
    wishes->all_count = draw_clause(state, look, wishes->all, 1);
    wishes->any_count = draw_below(state, MOST_CLAUSES + 1);
    for (size_t i = 0; i < wishes->any_count; i++)
        wishes->clause_count[i] = draw_clause(state, look, wishes->any[i], 2);
    narrowing->suspect = draw_below(state, 3) == 0;
    narrowing->keys = look->keys;
}

/* --- the same, as the pass is asked ------------------------------------------------------------------------------- */

static void fill_clause(const struct wish *wishes, size_t count, struct pf_clause *clause)
{
    struct pf_error error;
    must_hold(pf_clause_init(clause, count, &error) == PF_OK);
    clause->count = count;
    for (size_t i = 0; i < count; i++) {
        const struct wish *wish = &wishes[i];
        struct pf_condition *condition = &clause->conditions[i];
        pf_condition_init(condition, wish->field);
        condition->null = wish->what == IS_NULL;
        condition->has_low = condition->has_high = wish->what == IS_BETWEEN;
        condition->low = wish->values[0].word[0];
        condition->high = wish->values[1].word[0];
        struct pf_network network = {wish->values[0], wish->values[1]};
        if (wish->what == IS_NEAR)
            must_hold(pf_condition_add_network(condition, &network, &error) == PF_OK);
        if (wish->what == IS_TEXT)
            must_hold(pf_condition_add_text(condition, wish->text, wish->size, &error) == PF_OK);
        for (size_t j = 0; wish->what == IS_IN && j < wish->count; j++)
            must_hold(pf_condition_add_key(condition, &wish->values[j], &error) == PF_OK);
    }
}

static void fill_conditions(const struct wishes *wishes, struct pf_conditions *conditions)
{
    fill_clause(wishes->all, wishes->all_count, &conditions->all);
    conditions->any = must(calloc(MOST_CLAUSES, sizeof *conditions->any));
    conditions->any_count = wishes->any_count;
    for (size_t i = 0; i < wishes->any_count; i++)
        fill_clause(wishes->any[i], wishes->clause_count[i], &conditions->any[i]);
}

static void fill_suspects(const struct narrowing *narrowing, struct pf_suspects *suspects)
{
    struct pf_error error;
    const struct pf_address *addresses[] = {&narrowing->keys.dns, &narrowing->keys.ip};
    pf_suspects_init(suspects, &narrowing->rules);
    for (unsigned kind = PF_IOC_DNS; kind <= PF_IOC_IP; kind++) {
        struct pf_counts *keys = &suspects->keys[kind];
        if (addresses[kind]->size != 0)
            must_hold(pf_keycount_add(addresses[kind]->size == 16 ? &keys->wide : &keys->narrow, addresses[kind]->word,
                                      1, 1, &error) == PF_OK);
    }
    uint64_t seq = narrowing->keys.seq;
    if (narrowing->keys.has_seq)
        must_hold(pf_keycount_add(&suspects->keys[PF_IOC_SEQ].narrow, &seq, 1, 1, &error) == PF_OK);
}

/* --- passes ------------------------------------------------------------------------------------------------------- */

static enum pf_status run(struct pf_input *input, struct pf_pass *pass, unsigned threads, size_t chunk,
                          struct gather *gather)
{
    struct pf_error error = {.status = PF_OK};
    struct pf_input *inputs[] = {input};
    struct pf_sink *sinks[] = {&gather->sink};
    gather_init(gather);
    pass->inputs = inputs;
    pass->input_count = 1;
    pass->sinks = sinks;
    pass->sink_count = 1;
    pass->threads = threads;
    pass->chunk = chunk;
    enum pf_status status = pf_pass_run(pass, &error);
    must_hold(status == PF_OK || (status == error.status && error.text[0] != '\0'));
    return status;
}

static void run_plain(struct pf_input *input, struct pf_predicate *predicate, struct gather *gather)
{
    struct pf_predicate *predicates[] = {predicate};
    struct pf_pass pass = {.predicates = predicates, .predicate_count = 1, .first = INT64_MIN, .last = INT64_MAX};
    must_hold(run(input, &pass, 1, 0, gather) == PF_OK);
    pf_pass_clear(&pass);
}

static void make_index(struct pf_input *input, uint64_t size, struct pf_pfx *index)
{
    struct gather ignored;
    struct pf_pass pass = {.making = index, .first = INT64_MIN, .last = INT64_MAX};
    pf_pfx_begin(index, size);
    index->of.size = size;
    index->grain = 100;
    must_hold(run(input, &pass, 1, 0, &ignored) == PF_OK);
    gather_clear(&ignored);
    pf_pass_clear(&pass);
}

/* An index that lies, and knows its own digest. False where it is refused at once. */
static bool make_lying_index(const struct pf_pfx *honest, uint64_t *state, struct pf_pfx *index)
{
    enum { FIRST = 16 }; /* octets: before them nothing but name and version */
    struct pf_error error = {.status = PF_OK};
    struct pf_digest digest;
    uint8_t made[PF_DIGEST_ROOM], *octets;
    size_t size;
    must_hold(pf_pfx_encode(honest, &octets, &size, &error) == PF_OK);
    size_t sealed = size - PF_SHA256_SIZE;
    for (size_t n = 1 + draw_below(state, 3); n != 0; n--)
        octets[FIRST + draw_below(state, sealed - FIRST)] ^= (uint8_t)(1u << draw_below(state, 8));
    pf_digest_init(&digest, PF_SHA256);
    pf_digest_add(&digest, octets, sealed);
    (void)pf_digest_finish(&digest, made);
    memcpy(octets + sealed, made, PF_SHA256_SIZE);
    bool good = pf_pfx_decode(index, octets, size, &error) == PF_OK;
    must_hold(good || (error.status == PF_INVALID && error.text[0] != '\0'));
    pf_free(octets);
    return good;
}

static enum pf_status run_narrowed(struct pf_input *input, const struct narrowing *narrowing,
                                   const struct pf_pfx *index, uint64_t *state, struct gather *gather)
{
    static const char *const expressions[] = {"0", "1"};
    struct pf_predicate *predicates[MOST_FILTERS + 3];
    struct pf_error error;
    struct pf_filter filters[MOST_FILTERS];
    struct pf_filtering filterings[MOST_FILTERS];
    struct pf_conditions conditions = {.any = NULL};
    struct pf_period period;
    struct pf_sieve sieve;
    struct pf_suspects suspects;
    struct pf_input *inputs[] = {input};
    size_t count = 0;
    for (unsigned i = 0; i < narrowing->filters; i++) {
        must_hold(pf_filter_init(&filters[i], &matcher, expressions[i], &error) == PF_OK);
        must_hold(pf_filtering_init(&filterings[i], &filters[i], inputs, &error) == PF_OK);
        predicates[count++] = &filterings[i].predicate;
    }
    pf_period_init(&period, narrowing->timed ? narrowing->start : INT64_MIN,
                   narrowing->timed ? narrowing->last : INT64_MAX);
    if (narrowing->timed)
        predicates[count++] = &period.predicate;
    fill_conditions(&narrowing->wishes, &conditions);
    pf_sieve_init(&sieve, &conditions, files);
    predicates[count++] = &sieve.predicate;
    fill_suspects(narrowing, &suspects);
    if (narrowing->suspect)
        predicates[count++] = &suspects.predicate;
    for (size_t i = count; i > 1; i--) {
        size_t other = draw_below(state, i);
        struct pf_predicate *swapped = predicates[i - 1];
        predicates[i - 1] = predicates[other];
        predicates[other] = swapped;
    }
    struct pf_pass pass = {.predicates = predicates,
                           .predicate_count = count,
                           .first = period.start,
                           .last = period.last,
                           .indexes = index != NULL ? &index : NULL};
    enum pf_status status = run(input, &pass, 1 + (unsigned)draw_below(state, 3), 1 + draw_below(state, 1000), gather);
    pf_pass_clear(&pass);
    for (unsigned i = 0; i < narrowing->filters; i++) {
        pf_filtering_clear(&filterings[i]);
        pf_filter_clear(&filters[i]);
    }
    pf_suspects_clear(&suspects);
    pf_conditions_clear(&conditions);
    return status;
}

/* As deep, and with as much of what came before, as any of it may need. */
static void ask_for_all(struct pf_predicate *predicate)
{
    for (size_t i = 0; pf_field_at(i) != NULL; i++)
        predicate->needs |= pf_field_at(i)->needs;
    predicate->depth = PF_DEPTH_APPLICATION;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size)
{
    static struct gather all, plain, narrowed, misled;
    static struct narrowing narrowing;
    static struct look looked;
    struct pf_error error;
    struct pf_source *source;
    struct pf_input input;
    struct pf_pfx index, lying;
    uint64_t state = hash_of(octets, size);
    struct twin twin = {.predicate = {.keep = keep}, .narrowing = &narrowing};
    must_hold(pf_source_memory("input", octets, size, &source, &error) == PF_OK);
    if (pf_input_open(&input, source, NULL, &error) == PF_OK) {
        memset(&narrowing, 0, sizeof narrowing);
        narrowing.rules =
            (struct pf_indicator_rules){draw_below(&state, 3) == 0, (enum pf_dns_rule)draw_below(&state, 2),
                                        (enum pf_seq_rule)draw_below(&state, 2)};
        memset(&looked, 0, sizeof looked);
        looked.predicate.keep = look;
        looked.state = &state;
        looked.narrowing = &narrowing;
        ask_for_all(&looked.predicate);
        ask_for_all(&twin.predicate);
        run_plain(&input, &looked.predicate, &all);
        draw_narrowing(&state, &looked, &narrowing);
        run_plain(&input, &twin.predicate, &plain);
        must_hold(run_narrowed(&input, &narrowing, NULL, &state, &narrowed) == PF_OK);
        must_hold(seen_equal(&plain.gathered, &narrowed.gathered));
        gather_clear(&narrowed);
        make_index(&input, size, &index);
        must_hold(run_narrowed(&input, &narrowing, &index, &state, &narrowed) == PF_OK);
        must_hold(seen_equal(&plain.gathered, &narrowed.gathered));
        if (make_lying_index(&index, &state, &lying)) {
            (void)run_narrowed(&input, &narrowing, &lying, &state, &misled); /* whatever it is told */
            gather_clear(&misled);
            pf_pfx_clear(&lying);
        }
        pf_pfx_clear(&index);
        gather_clear(&all);
        gather_clear(&plain);
        gather_clear(&narrowed);
    }
    pf_input_close(&input);
    return 0;
}
