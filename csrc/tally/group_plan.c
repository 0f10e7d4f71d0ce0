#include "tally/group_plan.h"

#include "base/hash.h"
#include "base/sketch_distinct.h"
#include "base/stat.h"
#include "tally/group_set.h"

#include <string.h>

const char *const pf_ask_names[PF_ASKS] = {
    [PF_ASK_SUM] = "sum_",   [PF_ASK_MIN] = "min_", [PF_ASK_MAX] = "max_",
    [PF_ASK_MEAN] = "mean_", [PF_ASK_STD] = "std_", [PF_ASK_DISTINCT] = "distinct_",
};

static bool is_number(const struct pf_field *field)
{
    return field->kind.type <= PF_INT64 || field->kind.type == PF_TIME;
}

static bool form_of(const struct pf_field *field, struct pf_tally_field *of)
{
    *of = (struct pf_tally_field){.field = field, .size = (unsigned)pf_type_size(field->kind.type)};
    if (is_number(field))
        of->form = field->kind.type < PF_INT64 ? PF_TALLY_NUMBER : PF_TALLY_SIGNED;
    else if (field->write != NULL)
        of->form = PF_TALLY_WRITTEN;
    else if (field->kind.type != PF_TEXT)
        return false;
    else if (field->text == NULL)
        of->form = PF_TALLY_FILE;
    else
        of->form = field->text == pf_text_address || field->text == pf_text_mac ? PF_TALLY_ADDRESS : PF_TALLY_RENDERED;
    return true;
}

static enum pf_status refuse(const struct pf_field *field, const char *what, struct pf_error *error)
{
    return pf_fail(error, PF_INVALID, "%s %s", field->kind.name, what);
}

enum pf_status pf_tally_plan_field(struct pf_tally_plan *plan, const struct pf_field *field, struct pf_error *error)
{
    if (plan->field_count == PF_TALLY_MOST_FIELDS)
        return pf_fail(error, PF_INVALID, "packets are counted by at most %d fields", PF_TALLY_MOST_FIELDS);
    if (!form_of(field, &plan->fields[plan->field_count]))
        return refuse(field, "is of a type by which packets are not counted", error);
    plan->field_count++;
    return PF_OK;
}

enum pf_status pf_tally_plan_ask(struct pf_tally_plan *plan, enum pf_ask ask, const struct pf_field *field,
                                 struct pf_error *error)
{
    if (plan->output_count == PF_TALLY_MOST_OUTPUTS)
        return pf_fail(error, PF_INVALID, "at most %d aggregates can be asked for", PF_TALLY_MOST_OUTPUTS);
    size_t at = 0;
    while (at < plan->input_count && plan->inputs[at].of.field != field)
        at++;
    if (at == PF_TALLY_MOST_INPUTS)
        return pf_fail(error, PF_INVALID, "aggregates of at most %d fields can be asked for", PF_TALLY_MOST_INPUTS);
    struct pf_tally_input *input = &plan->inputs[at];
    if (at == plan->input_count && !form_of(field, &input->of))
        return refuse(field, "is of a type that has no aggregates", error);
    if (ask != PF_ASK_DISTINCT && !is_number(field))
        return refuse(field, "is text: only distinct= takes it", error);
    if (ask != PF_ASK_DISTINCT && ask != PF_ASK_MIN && ask != PF_ASK_MAX && field->kind.type == PF_TIME)
        return refuse(field, "is a time: only min=, max= and distinct= take it", error);
    plan->input_count += at == plan->input_count;
    input->has_stat |= ask != PF_ASK_DISTINCT;
    input->has_set |= ask == PF_ASK_DISTINCT;
    plan->outputs[plan->output_count++] = (struct pf_tally_output){ask, at};
    return PF_OK;
}

static size_t room_of(const struct pf_tally_field *of)
{
    switch (of->form) {
    case PF_TALLY_NUMBER:
    case PF_TALLY_SIGNED:
        return of->size + 1;
    case PF_TALLY_ADDRESS:
        return 1 + 1 + 16;
    case PF_TALLY_RENDERED:
        return 1 + PF_TEXT_ROOM + 1;
    case PF_TALLY_WRITTEN:
        return 1 + PF_WRITER_ROOM + 1;
    default:
        break;
    }
    return 1 + PF_WRITER_ROOM + 1; /* a longer name of a file is cut */
}

static void place_cells(struct pf_tally_plan *plan)
{
    for (size_t i = 0; i < plan->input_count; i++) {
        struct pf_tally_input *input = &plan->inputs[i];
        input->stat_at = plan->cells;
        plan->cells += input->has_stat ? sizeof(struct pf_stat) : 0;
        input->set_at = plan->cells;
        if (input->has_set)
            plan->cells += plan->approximate ? sizeof(struct pf_distinct) : sizeof(struct pf_tally_set);
    }
    plan->gap_at = plan->cells;
    if (plan->gaps)
        plan->cells += sizeof(struct pf_stat) + 2 * sizeof(int64_t); /* the last time, and whether there is one */
}

static void deepen(struct pf_tally_plan *plan, const struct pf_field *field)
{
    plan->needs |= field->needs;
    if (field->depth > plan->depth)
        plan->depth = field->depth;
}

void pf_tally_plan_done(struct pf_tally_plan *plan)
{
    bool fixed = !plan->keep_nulls;
    plan->key_room = plan->every != 0 ? PF_TALLY_BIN : 0;
    size_t octets = plan->key_room;
    for (size_t i = 0; i < plan->field_count; i++) {
        const struct pf_tally_field *of = &plan->fields[i];
        plan->key_room += room_of(of);
        fixed &= of->form == PF_TALLY_NUMBER || of->form == PF_TALLY_SIGNED;
        octets += of->size;
        deepen(plan, of->field);
    }
    plan->entry_room = sizeof(struct pf_tally_entry) + plan->key_room;
    for (size_t i = 0; i < plan->input_count; i++) {
        plan->entry_room += sizeof(uint64_t) + room_of(&plan->inputs[i].of);
        deepen(plan, plan->inputs[i].of.field);
    }
    plan->entry_room += sizeof(uint64_t); /* up to the next multiple of 8 */
    plan->narrow = fixed && octets <= sizeof(uint64_t);
    plan->narrow_octets = plan->narrow ? (unsigned)octets : 0;
    plan->sketched = plan->top != 0 && plan->every == 0 && plan->output_count == 0 && !plan->gaps;
    plan->ordered = plan->gaps || plan->sketched;
    place_cells(plan);
}

static uint8_t *put_text(uint8_t *to, const char *text, size_t size)
{
    memcpy(to, text, size);
    to[size] = 0;
    return to + size + 1;
}

/* Text up to the first zero octet, which only the name of an interface or file could have smuggled in. */
static uint8_t *end_text(uint8_t *from, size_t size)
{
    uint8_t *zero = size != 0 ? memchr(from, 0, size) : NULL;
    uint8_t *end = zero != NULL ? zero : from + size;
    *end = 0;
    return end + 1;
}

static uint8_t *put_number(uint8_t *to, uint64_t number, unsigned size)
{
    for (unsigned i = size; i-- > 0; number >>= 8)
        to[i] = (uint8_t)number;
    return to + size;
}

/* Puts octets of an address as they are on the wire. */
static uint8_t *put_address(uint8_t *to, const struct pf_value *value)
{
    unsigned size = (unsigned)value->size, first = size < 8 ? size : 8;
    *to++ = (uint8_t)size;
    to = put_number(to, value->word[0], first);
    return put_number(to, value->word[1], size - first);
}

/* Writes a value that the packet has and returns where it ends; NULL where it has none. */
static uint8_t *put_value(const struct pf_tally_plan *plan, const struct pf_tally_field *of,
                          const struct pf_packet *packet, uint8_t *to)
{
    const struct pf_field *field = of->field;
    if (of->form == PF_TALLY_WRITTEN) {
        struct pf_writer writer = {.octets = (char *)to, .room = PF_WRITER_ROOM};
        return field->write(field, pf_field_packet(field, packet), &writer) ? end_text(to, writer.length) : NULL;
    }
    struct pf_value value;
    if (!pf_field_get(field, packet, &value))
        return NULL;
    switch (of->form) {
    case PF_TALLY_NUMBER:
        return put_number(to, value.word[0], of->size);
    case PF_TALLY_SIGNED:
        return put_number(to, value.word[0] ^ (uint64_t)1 << 63, of->size);
    case PF_TALLY_ADDRESS:
        return put_address(to, &value);
    case PF_TALLY_RENDERED:
        return end_text(to, field->text(&value, (char *)to));
    default:
        break;
    }
    const char *name = plan->files[value.word[0]];
    size_t size = strlen(name);
    return put_text(to, name, size < PF_WRITER_ROOM ? size : PF_WRITER_ROOM);
}

static bool put_key(const struct pf_tally_plan *plan, const struct pf_packet *packet, uint8_t *key, uint32_t *size)
{
    uint8_t *to = key;
    if (plan->every != 0) {
        int64_t time = packet->record.time, bin = time / plan->every;
        if (!packet->record.timed)
            return false;
        pf_tally_put_bin(to, bin - (time % plan->every < 0));
        to += PF_TALLY_BIN;
    }
    for (size_t i = 0; i < plan->field_count; i++) {
        const struct pf_tally_field *of = &plan->fields[i];
        uint8_t *end = put_value(plan, of, packet, to + plan->keep_nulls);
        if (end == NULL && !plan->keep_nulls)
            return false;
        if (plan->keep_nulls)
            *to = end == NULL;
        to = end != NULL ? end : to + 1;
    }
    *size = (uint32_t)(to - key);
    return true;
}

bool pf_tally_entry_of(const struct pf_tally_plan *plan, const struct pf_packet *packet, struct pf_tally_entry *entry)
{
    uint8_t *octets = pf_tally_octets(plan, entry), *to = octets;
    if (!put_key(plan, packet, octets, &entry->key_size))
        return false;
    to += entry->key_size;
    entry->valid = 0;
    entry->timed = packet->record.timed;
    entry->time = packet->record.time;
    for (size_t i = 0; i < plan->input_count; i++) {
        const struct pf_tally_field *of = &plan->inputs[i].of;
        if (of->form == PF_TALLY_NUMBER || of->form == PF_TALLY_SIGNED) {
            struct pf_value value;
            if (!pf_field_get(of->field, packet, &value))
                continue;
            entry->words[i] = value.word[0];
        } else {
            uint8_t *end = put_value(plan, of, packet, to);
            if (end == NULL)
                continue;
            entry->words[i] = (uint64_t)(to - octets) << 32 | (uint64_t)(end - to);
            to = end;
        }
        entry->valid |= (uint32_t)1 << i;
    }
    size_t size = (size_t)(to - (uint8_t *)entry);
    entry->size = (uint32_t)((size + 7) / 8 * 8);
    memset(to, 0, entry->size - size);
    return true;
}

const uint8_t *pf_tally_key_part(const struct pf_tally_plan *plan, const struct pf_tally_field *field,
                                 const uint8_t *key, const uint8_t **octets, size_t *size)
{
    if (plan->keep_nulls && *key++ != 0) {
        *octets = key;
        *size = SIZE_MAX;
        return key;
    }
    switch (field->form) {
    case PF_TALLY_NUMBER:
    case PF_TALLY_SIGNED:
        *size = field->size;
        break;
    case PF_TALLY_ADDRESS:
        *size = *key++;
        break;
    default:
        *octets = key;
        *size = strlen((const char *)key);
        return key + *size + 1;
    }
    *octets = key;
    return key + *size;
}
