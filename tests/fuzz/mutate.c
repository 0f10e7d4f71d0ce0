#include "mutate.h"

#include "check.h"

struct part *form_part(struct form *form, size_t at, size_t size, int within, int kind)
{
    int number = form->part_count < MOST_PARTS ? form->part_count++ : MOST_PARTS - 1;
    form->parts[number] = (struct part){.at = at, .size = size, .within = within, .kind = kind};
    return &form->parts[number];
}

int form_length(struct form *form, size_t at, unsigned width, int within, enum measure measure)
{
    int number = form->length_count < MOST_PARTS ? form->length_count++ : MOST_PARTS - 1;
    form->lengths[number] =
        (struct length){.at = at, .width = (uint8_t)width, .within = within, .measure = (uint8_t)measure};
    return number;
}

uint64_t form_number(const uint8_t *octets, unsigned width, bool little)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < width; i++)
        number = number << 8 | octets[little ? width - 1 - i : i];
    return number;
}

uint8_t *form_put(uint8_t *to, uint64_t number, unsigned width, bool little)
{
    for (unsigned i = 0; i < width; i++)
        to[little ? i : width - 1 - i] = (uint8_t)(number >> 8 * i);
    return to + width;
}

static size_t padding(const struct form *form, size_t size)
{
    return (form->pad - size % form->pad) % form->pad;
}

static void add(const struct length *length, uint8_t *at, uint64_t change)
{
    (void)form_put(at, form_number(at, length->width, length->little) + change, length->width, length->little);
}

/* What an edit does to the lengths around it. */
struct change {
    uint64_t exact, area, count;
};

static void follow(const struct form *form, uint8_t *octets, const struct part *part, const struct change *change)
{
    int depth = 0;
    for (int i = part->within; i != NOWHERE && depth < MOST_DEPTH; i = form->lengths[i].within, depth++) {
        const struct length *length = &form->lengths[i];
        bool innermost = i == part->within;
        uint64_t by = length->measure == COUNT                ? (innermost ? change->count : 0)
                      : length->measure == EXACT && innermost ? change->exact
                                                              : change->area;
        add(length, octets + length->at, by);
        if (length->twin != 0)
            add(length, octets + (size_t)(length->twin + change->area), by);
    }
}

/* Puts octets in a part's place, or, `behind`, after it. Nothing happens where there is no room. */
static size_t put_part(const struct form *form, uint8_t *octets, size_t room, const struct part *old, bool behind,
                       const uint8_t *made, size_t size)
{
    struct part part = *old;
    if (behind) {
        part.at += part.size + padding(form, part.size);
        part.size = 0;
    }
    if (part.at > form->size)
        return form->size;
    size_t before = part.size + padding(form, part.size), after = size + padding(form, size);
    if (before > form->size - part.at)
        before = form->size - part.at;
    if (after > room - (form->size - before))
        return form->size;
    struct change change = {
        .exact = (uint64_t)size - part.size,
        .area = (uint64_t)after - before,
        .count = (uint64_t)(size != 0) - (uint64_t)(part.size != 0),
    };
    memmove(octets + part.at + after, octets + part.at + before, form->size - part.at - before);
    memset(octets + part.at, 0, after);
    if (size != 0)
        memcpy(octets + part.at, made, size);
    follow(form, octets, &part, &change);
    return form->size + change.area;
}

static size_t change_content(const struct form *form, uint8_t *octets, size_t room, const struct part *part)
{
    uint8_t *copy = must(calloc(1, part->size + MOST_MADE));
    if (part->size != 0)
        memcpy(copy, octets + part->at, part->size);
    size_t size = LLVMFuzzerMutate(copy, part->size, part->size + MOST_MADE);
    size = put_part(form, octets, room, part, false, copy, part->fixed ? part->size : size);
    free(copy);
    return size;
}

/* A part of the same kind, which may be the same. */
static const struct part *alike(const struct form *form, const struct part *part, uint64_t *state)
{
    const struct part *found = part;
    unsigned met = 0;
    for (int i = 0; i < form->part_count; i++) {
        const struct part *other = &form->parts[i];
        if (other->kind == part->kind && other->size != 0 && draw_below(state, ++met) == 0)
            found = other;
    }
    return found;
}

static size_t put_copy(const struct form *form, uint8_t *octets, size_t room, const struct part *part, uint64_t *state)
{
    const struct part *other = alike(form, part, state);
    if (part->fixed && part->size != other->size)
        return form->size;
    uint8_t *copy = must(malloc(other->size + 1));
    memcpy(copy, octets + other->at, other->size);
    size_t size = put_part(form, octets, room, part, part->whole, copy, other->size);
    free(copy);
    return size;
}

static size_t put_new(const struct form *form, uint8_t *octets, size_t room, const struct part *part, uint64_t *state)
{
    uint8_t made[MOST_MADE];
    size_t size = form->make(part, form, made, state);
    if (size == 0)
        return change_content(form, octets, room, part);
    return put_part(form, octets, room, part, part->whole, made, size);
}

static void be_off(const struct form *form, uint8_t *octets, uint64_t *state)
{
    static const int by[] = {-4, -2, -1, 1, 2, 4};
    if (form->length_count == 0)
        return;
    const struct length *length = &form->lengths[draw_below(state, (size_t)form->length_count)];
    uint64_t change = (uint64_t)(int64_t)by[draw_below(state, sizeof by / sizeof by[0])];
    add(length, octets + length->at, change);
    if (length->twin != 0 && draw_below(state, 2) == 0)
        add(length, octets + length->twin, change);
}

size_t form_mutate(struct form *form, uint8_t *octets, size_t room, uint64_t *state)
{
    enum { SELDOM = 16, WAYS = 8 };
    if (form->part_count == 0 || draw_below(state, SELDOM) == 0)
        return LLVMFuzzerMutate(octets, form->size, room);
    if (draw_below(state, SELDOM) == 0) {
        be_off(form, octets, state);
        return form->size;
    }
    const struct part *part = &form->parts[draw_below(state, (size_t)form->part_count)];
    switch (draw_below(state, WAYS)) {
    case 0:
    case 1:
        return put_copy(form, octets, room, part, state);
    case 2:
        return part->whole ? put_part(form, octets, room, part, false, NULL, 0)
                           : change_content(form, octets, room, part);
    case 3:
    case 4:
        return put_new(form, octets, room, part, state);
    default:
        return part->whole ? put_new(form, octets, room, part, state) : change_content(form, octets, room, part);
    }
}

size_t mutate_unless_plain(mutator mutate, uint8_t *octets, size_t size, size_t room, unsigned seed)
{
    return getenv("FUZZ_PLAIN") != NULL ? LLVMFuzzerMutate(octets, size, room) : mutate(octets, size, room, seed);
}
