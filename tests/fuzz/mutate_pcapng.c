/* pcapng (draft-ietf-opsawg-pcapng): sections, blocks, their options and packets. */
#include "check.h"
#include "mutate.h"

enum { SECTION = 0x0a0d0d0a, INTERFACE = 1, OBSOLETE = 2, SIMPLE = 3, NAMES = 4, STATISTICS = 5, ENHANCED = 6 };
enum { AROUND = 12, BEFORE = 8, BEHIND = 4 };
enum kind { BLOCK = 1, OPTION, VALUE, DATA, NUMBER, BODY, FIELD };

static const uint32_t types[] = {SECTION, INTERFACE, OBSOLETE, SIMPLE, NAMES, STATISTICS, ENHANCED, 0xbad, 0x80000001};

static size_t filler(uint8_t *to, size_t size, uint64_t *state)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)draw(state);
    return size;
}

/* code | length | value, padded; the sizes that codes want, or any. */
static size_t make_option(uint8_t *to, bool little, uint64_t *state)
{
    static const struct {
        uint16_t code, size;
    } sound[] = {{1, 5}, {2, 4}, {3, 9}, {4, 8}, {5, 8}, {9, 1}, {14, 8}, {2, 0}, {0, 0}, {2988, 7}};
    size_t which = draw_below(state, sizeof sound / sizeof sound[0]);
    uint16_t code = sound[which].code, size = sound[which].size;
    if (draw_below(state, 4) == 0)
        size = (uint16_t)draw_below(state, 20);
    memset(to, 0, 4 + (size_t)(size + 3) / 4 * 4);
    (void)form_put(form_put(to, code, 2, little), size, 2, little);
    (void)filler(to + 4, size, state);
    if (code == 9)
        to[4] &= 0x8f; /* a resolution that clocks have */
    return 4 + (size_t)(size + 3) / 4 * 4;
}

static size_t make_packet(uint8_t *to, uint32_t type, uint32_t interfaces, bool little, uint64_t *state)
{
    uint32_t size = (uint32_t)draw_below(state, 60), number = (uint32_t)draw_below(state, interfaces + 1);
    uint8_t *at = to;
    if (interfaces != 0 && number == interfaces && draw_below(state, 4) != 0)
        number = 0;
    if (type == SIMPLE)
        at = form_put(at, size, 4, little);
    else if (type == ENHANCED)
        at = form_put(at, number, 4, little);
    else
        at = form_put(form_put(at, number, 2, little), draw_below(state, 3), 2, little);
    if (type != SIMPLE) {
        at = form_put(form_put(at, draw_below(state, 400000), 4, little), draw(state), 4, little);
        at = form_put(form_put(at, size, 4, little), size + draw_below(state, 2) * 100, 4, little);
    }
    at += filler(at, size, state);
    while ((size_t)(at - to) % 4 != 0)
        *at++ = 0;
    return (size_t)(at - to);
}

static size_t make_body(uint8_t *to, uint32_t type, uint32_t interfaces, bool little, uint64_t *state)
{
    static const uint8_t links[] = {1, 1, 101, 113, 0, 105, 228};
    uint8_t *at = to;
    switch (type) {
    case SECTION:
        at = form_put(form_put(form_put(at, 0x1a2b3c4d, 4, little), 1, 2, little), 0, 2, little);
        at = form_put(at, UINT64_MAX, 8, little);
        break;
    case INTERFACE:
        at = form_put(form_put(at, links[draw_below(state, sizeof links)], 2, little), 0, 2, little);
        at = form_put(at, draw_below(state, 2) * 64, 4, little);
        break;
    case NAMES:
        at = form_put(form_put(at, 1, 2, little), 7, 2, little);
        at = (uint8_t *)memcpy(at, "\300\0\2\1ab\0", 8) + 8;
        return (size_t)(form_put(at, 0, 4, little) - to);
    case STATISTICS:
        at = form_put(form_put(at, draw_below(state, interfaces + 1), 4, little), draw(state), 8, little);
        break;
    case ENHANCED:
    case SIMPLE:
    case OBSOLETE:
        at += make_packet(at, type, interfaces, little, state);
        if (type == SIMPLE)
            return (size_t)(at - to);
        break;
    default:
        return filler(to, 4 * draw_below(state, 8), state);
    }
    while (draw_below(state, 3) == 0 && at - to < 200)
        at += make_option(at, little, state);
    return (size_t)(at - to);
}

static size_t make_block(uint8_t *to, uint32_t type, uint32_t interfaces, bool little, uint64_t *state)
{
    size_t size = AROUND + make_body(to + BEFORE, type, interfaces, little, state);
    (void)form_put(form_put(to, type, 4, little), size, 4, little);
    (void)form_put(to + size - BEHIND, size, 4, little);
    return size;
}

static size_t make(const struct part *part, const struct form *form, uint8_t made[MOST_MADE], uint64_t *state)
{
    (void)form;
    switch (part->kind) {
    case BLOCK: {
        size_t which = draw_below(state, 2) == 0 ? 6 : draw_below(state, sizeof types / sizeof types[0]);
        bool little = types[which] == SECTION ? draw_below(state, 2) == 0 : part->little;
        return make_block(made, types[which], part->hint, little, state);
    }
    case OPTION:
        return make_option(made, part->little, state);
    case NUMBER:
        (void)form_put(made, draw_below(state, part->hint + 1), (unsigned)part->size, part->little);
        return part->size;
    default:
        return 0;
    }
}

/* --- the parser -------------------------------------------------------------------------------------------------- */

struct place {
    size_t at, end; /* of a body */
    int block;      /* its length */
    bool little;
    uint32_t interfaces;
};

static struct part *fixed(struct form *form, const struct place *place, size_t at, size_t size, int kind)
{
    struct part *part = form_part(form, place->at + at, size, place->block, kind);
    part->fixed = true;
    part->little = place->little;
    part->hint = place->interfaces;
    return part;
}

static void options(struct form *form, const struct place *place, size_t skip)
{
    size_t at = place->at + skip;
    while (at <= place->end && place->end - at >= 4) {
        size_t size = form_number(form->octets + at + 2, 2, place->little);
        if (size > place->end - at - 4)
            break;
        struct part *whole = form_part(form, at, 4 + size, place->block, OPTION);
        whole->whole = true;
        whole->little = place->little;
        int length = form_length(form, at + 2, 2, place->block, EXACT);
        form->lengths[length].little = place->little;
        (void)form_part(form, at + 4, size, length, VALUE);
        at += 4 + (size + 3) / 4 * 4;
    }
    struct part *none = form_part(form, at < place->end ? at : place->end, 0, place->block, OPTION);
    none->whole = true;
    none->little = place->little;
}

static void packet(struct form *form, const struct place *place, uint32_t type)
{
    size_t fields = type == SIMPLE ? 4 : 20, at = type == SIMPLE ? 0 : 12;
    if (place->end - place->at < fields)
        return;
    if (type != SIMPLE) {
        (void)fixed(form, place, 0, type == ENHANCED ? 4 : 2, NUMBER);
        (void)fixed(form, place, 4, 8, FIELD);
    }
    int length = form_length(form, place->at + at, 4, place->block, EXACT);
    form->lengths[length].little = place->little;
    size_t size = form_number(form->octets + place->at + at, 4, place->little);
    if (size > place->end - place->at - fields)
        size = place->end - place->at - fields;
    (void)form_part(form, place->at + fields, size, length, DATA);
    if (type != SIMPLE)
        options(form, place, fields + (size + 3) / 4 * 4);
}

static void body(struct form *form, const struct place *place, uint32_t type)
{
    size_t skip = type == SECTION ? 16 : type == INTERFACE ? 8 : type == STATISTICS ? 12 : 0;
    if (place->end - place->at < skip)
        return;
    if (type == INTERFACE)
        (void)fixed(form, place, 0, 2, FIELD);
    if (type == STATISTICS)
        (void)fixed(form, place, 0, 4, NUMBER);
    if (skip != 0 || type == NAMES)
        options(form, place, skip);
    else if (type == ENHANCED || type == SIMPLE || type == OBSOLETE)
        packet(form, place, type);
    else
        (void)form_part(form, place->at, place->end - place->at, place->block, BODY);
}

static void parse(struct form *form)
{
    struct place place = {.little = false};
    for (size_t at = 0; form->size - at >= AROUND;) {
        const uint8_t *head = form->octets + at;
        if (form_number(head, 4, false) == SECTION) {
            place.little = head[BEFORE] == 0x4d;
            place.interfaces = 0;
        }
        uint32_t type = (uint32_t)form_number(head, 4, place.little);
        size_t size = form_number(head + 4, 4, place.little);
        if (size < AROUND || size % 4 != 0 || size > form->size - at)
            return;
        /* The first section stays: what is there is the place behind it. */
        struct part *whole = form_part(form, at != 0 ? at : size, at != 0 ? size : 0, NOWHERE, BLOCK);
        place.interfaces += type == INTERFACE;
        whole->whole = true;
        whole->little = place.little;
        whole->hint = place.interfaces;
        place.block = form_length(form, at + 4, 4, NOWHERE, PADDED);
        form->lengths[place.block].little = place.little;
        form->lengths[place.block].twin = at + size - BEHIND;
        place.at = at + BEFORE;
        place.end = at + size - BEHIND;
        body(form, &place, type);
        at += size;
    }
}

size_t mutate_pcapng(uint8_t *octets, size_t size, size_t room, unsigned seed)
{
    static struct form form;
    uint64_t state = seed;
    bool is_one = size >= AROUND && form_number(octets, 4, false) == SECTION;
    if (!is_one && (room < 4 * (size_t)MOST_MADE || draw_below(&state, 4) != 0))
        return LLVMFuzzerMutate(octets, size, room);
    if (!is_one) {
        bool little = draw_below(&state, 2) == 0;
        size = make_block(octets, SECTION, 0, little, &state);
        size += make_block(octets + size, INTERFACE, 0, little, &state);
        return size + make_block(octets + size, ENHANCED, 1, little, &state);
    }
    form = (struct form){.octets = octets, .size = size, .pad = 4, .make = make};
    parse(&form);
    return form_mutate(&form, octets, room, &state);
}
