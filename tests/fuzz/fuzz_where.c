/* Any octets as a capture, and a condition on one of its columns that depends on the octets: the rows that a pass with
 * the condition gives are those that a plain pass gives and that meet it. In whatever pieces and by however many
 * threads. */
#include "capture/input.h"
#include "hold.h"
#include "mutate.h"
#include "naive.h"
#include "pass/condition.h"
#include "pass/pass.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size);

size_t LLVMFuzzerCustomMutator(uint8_t *octets, size_t size, size_t room, unsigned seed)
{
    return mutate_unless_plain(mutate_pcapng, octets, size, room, seed);
}

enum what { IS_NULL, IS_BETWEEN, IS_IN, WHATS };

/* The slow twin: asks the field of each packet of the plain pass. */
struct twin {
    struct pf_predicate predicate;
    const struct pf_field *field;
    enum what what;
    uint64_t low, high;
};

static bool meets(const struct twin *twin, const struct pf_packet *packet)
{
    struct pf_value value = {{0, 0}, 0};
    if (!pf_field_get(twin->field, packet, &value))
        return twin->what == IS_NULL;
    switch (twin->what) {
    case IS_BETWEEN:
        return value.word[0] >= twin->low && value.word[0] < twin->high;
    case IS_IN:
        return value.word[0] == twin->low || value.word[0] == twin->high;
    default:
        return false;
    }
}

static size_t keep(const struct pf_predicate *base, struct pf_packet **packets, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (meets((const struct twin *)base, packets[i]))
            packets[kept++] = packets[i];
    }
    return kept;
}

static bool run(const uint8_t *octets, size_t size, const struct pf_predicate *predicate, unsigned threads,
                size_t chunk, struct gather *gather)
{
    struct pf_error error;
    struct pf_source *source;
    struct pf_input input;
    struct pf_input *inputs[] = {&input};
    struct pf_sink *sinks[] = {&gather->sink};
    struct pf_predicate *predicates[] = {(struct pf_predicate *)(uintptr_t)predicate};
    struct pf_pass pass = {.inputs = inputs,
                           .input_count = 1,
                           .predicates = predicates,
                           .predicate_count = 1,
                           .sinks = sinks,
                           .sink_count = 1,
                           .threads = threads,
                           .chunk = chunk};
    gather_init(gather);
    must_hold(pf_source_memory("input", octets, size, &source, &error) == PF_OK);
    bool opened = pf_input_open(&input, source, NULL, &error) == PF_OK;
    if (opened)
        must_hold(pf_pass_run(&pass, &error) == PF_OK);
    pf_pass_clear(&pass);
    pf_input_close(&input);
    return opened;
}

static bool is_number(const struct pf_field *field)
{
    enum pf_type type = field->kind.type;
    return field->get != NULL && field->write == NULL && field->text == NULL && type != PF_TEXT && type != PF_TIME &&
           !pf_type_is_long(type) && type != PF_DOUBLE;
}

static const struct pf_field *some_field(uint64_t *state)
{
    size_t count = 0;
    while (pf_field_at(count) != NULL)
        count++;
    size_t at = draw_below(state, count);
    while (!is_number(pf_field_at(at)))
        at = (at + 1) % count;
    return pf_field_at(at);
}

static void add(struct pf_condition *condition, uint64_t number)
{
    struct pf_error error;
    struct pf_value key = {{number, 0}, 8};
    must_hold(pf_condition_add_key(condition, &key, &error) == PF_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size)
{
    static struct gather plain, narrowed;
    static const char *const files[] = {"input"};
    uint64_t state = hash_of(octets, size);
    struct pf_error error;
    struct twin twin = {.field = some_field(&state), .what = (enum what)draw_below(&state, WHATS)};
    if (twin.what == IS_NULL && !twin.field->kind.nullable)
        twin.what = IS_BETWEEN;
    twin.predicate = (struct pf_predicate){.keep = keep, .depth = twin.field->depth, .needs = twin.field->needs};
    twin.low = draw_below(&state, (size_t)1 << draw_below(&state, 17));
    twin.high = twin.low + draw_below(&state, (size_t)1 << draw_below(&state, 17));

    struct pf_conditions conditions = {.any = NULL};
    struct pf_sieve sieve;
    must_hold(pf_clause_init(&conditions.all, 1, &error) == PF_OK);
    conditions.all.count = 1;
    struct pf_condition *condition = &conditions.all.conditions[0];
    pf_condition_init(condition, twin.field);
    condition->null = twin.what == IS_NULL;
    condition->has_low = condition->has_high = twin.what == IS_BETWEEN;
    condition->low = twin.low;
    condition->high = twin.high;
    if (twin.what == IS_IN) {
        add(condition, twin.low);
        add(condition, twin.high);
    }
    pf_sieve_init(&sieve, &conditions, files);
    bool opened = run(octets, size, &twin.predicate, 1, 0, &plain);
    must_hold(run(octets, size, &sieve.predicate, 1 + (unsigned)draw_below(&state, 3), 1 + size / 50, &narrowed) ==
              opened);
    must_hold(seen_equal(&plain.gathered, &narrowed.gathered));
    gather_clear(&plain);
    gather_clear(&narrowed);
    pf_conditions_clear(&conditions);
    return 0;
}
