/* DNS messages (RFC 1035): names with pointers, counts, records of every form. */
#include "check.h"
#include "mutate.h"

enum { HEADER = 12, SECTIONS = 4 };
enum kind { QUESTION = 1, RECORD, NAME, DATA, FLAGS, FIELD, TYPE };

static const uint16_t types[] = {1,  2,  5,  6,  12, 13, 15, 16, 24, 28, 29,  33, 35,
                                 39, 41, 43, 46, 47, 48, 50, 52, 64, 65, 250, 257};
enum { TYPES = sizeof types / sizeof types[0] };

static uint8_t *put_name(uint8_t *to, const struct form *form, uint64_t *state)
{
    static const char *const labels[] = {"\3www", "\7example", "\3org", "\1a", "\4_tcp", "\2\303\274", "\3a.b", "\1\\"};
    for (size_t count = draw_below(state, 5); count != 0; count--) {
        const char *label = labels[draw_below(state, sizeof labels / sizeof labels[0])];
        memcpy(to, label, strlen(label));
        to += strlen(label);
    }
    if (draw_below(state, 32) == 0) { /* as long as labels get */
        *to++ = 63;
        memset(to, 'x', 63);
        to += 63;
    }
    if (draw_below(state, 2) == 0 || form->size <= HEADER) {
        *to++ = 0;
        return to;
    }
    /* Mostly to a name that is there, and mostly before this one, which the reader asks for. */
    size_t at = HEADER;
    for (int tries = (int)draw_below(state, 3); tries > 0 && form->part_count > 0; tries--) {
        const struct part *part = &form->parts[draw_below(state, (size_t)form->part_count)];
        if (part->kind == NAME)
            at = part->at;
    }
    return form_put(to, 0xc000 | (at & 0x3fff), 2, false);
}

static uint8_t *put_words(uint8_t *to, size_t size, uint64_t *state)
{
    for (size_t i = 0; i < size; i++)
        *to++ = (uint8_t)(draw_below(state, 2) == 0 ? draw_below(state, 9) : draw_below(state, 256));
    return to;
}

static uint8_t *put_string(uint8_t *to, uint64_t *state)
{
    size_t size = draw_below(state, 12);
    *to++ = (uint8_t)size;
    return put_words(to, size, state);
}

/* Data in the form of the type. */
static uint8_t *put_data(uint8_t *to, uint16_t type, const struct form *form, uint64_t *state)
{
    switch (type) {
    case 1:
        return put_words(to, 4, state);
    case 28:
        return put_words(to, 16, state);
    case 2:
    case 5:
    case 12:
    case 39:
        return put_name(to, form, state);
    case 6:
        return put_words(put_name(put_name(to, form, state), form, state), 20, state);
    case 15:
        return put_name(put_words(to, 2, state), form, state);
    case 33:
        return put_name(put_words(to, 6, state), form, state);
    case 16:
    case 13:
        return put_string(put_string(to, state), state);
    case 35:
        return put_name(put_string(put_string(put_string(put_words(to, 4, state), state), state), state), form, state);
    case 41: /* an option */
        to = form_put(form_put(to, draw_below(state, 16), 2, false), 6, 2, false);
        return put_words(to, 6, state);
    case 46:
        return put_words(put_name(put_words(to, 18, state), form, state), 16, state);
    case 47:
        return put_words(put_name(to, form, state), 4, state);
    case 64:
    case 65: /* ALPN among the parameters */
        to = put_name(form_put(to, draw_below(state, 2), 2, false), form, state);
        return (uint8_t *)memcpy(to, "\0\1\0\3\2h2", 7) + 7;
    default:
        return put_words(to, draw_below(state, 40), state);
    }
}

static size_t make_record(uint8_t *to, const struct form *form, uint64_t *state)
{
    uint16_t type = types[draw_below(state, TYPES)];
    uint8_t *at = put_name(to, form, state);
    at = form_put(form_put(at, type, 2, false), type == 41 ? 1232 : 1, 2, false);
    at = form_put(at, draw_below(state, 100000), 4, false);
    uint8_t *end = put_data(at + 2, type, form, state);
    (void)form_put(at, (uint64_t)(end - at) - 2, 2, false);
    return (size_t)(end - to);
}

static size_t make(const struct part *part, const struct form *form, uint8_t made[MOST_MADE], uint64_t *state)
{
    static const uint16_t flags[] = {0x0100, 0x8180, 0x8183, 0x8400, 0x2800, 0x0000, 0x8182, 0x8580};
    uint8_t *end = made;
    switch (part->kind) {
    case QUESTION:
        end = form_put(put_name(made, form, state), types[draw_below(state, TYPES)], 2, false);
        end = form_put(end, draw_below(state, 4) == 0 ? 0x8001 : 1, 2, false);
        break;
    case RECORD:
        return make_record(made, form, state);
    case NAME:
        end = put_name(made, form, state);
        break;
    case DATA:
        end = put_data(made, (uint16_t)part->hint, form, state);
        break;
    case TYPE:
        end = form_put(made, types[draw_below(state, TYPES)], 2, false);
        break;
    case FLAGS:
        end = form_put(made, flags[draw_below(state, sizeof flags / sizeof flags[0])], 2, false);
        break;
    }
    return (size_t)(end - made);
}

/* --- the parser -------------------------------------------------------------------------------------------------- */

static bool skip_name(const struct form *form, size_t *at)
{
    while (*at < form->size) {
        uint8_t size = form->octets[*at];
        if (size >= 0xc0) {
            *at += 2;
            return *at <= form->size;
        }
        *at += 1 + (size_t)size;
        if (size == 0)
            return true;
    }
    return false;
}

static void field(struct form *form, size_t at, size_t size, int kind)
{
    form_part(form, at, size, NOWHERE, kind)->fixed = true;
}

/* One question or record; false where it is not whole. */
static bool entry(struct form *form, size_t *at, bool question, int count)
{
    size_t begin = *at, name = *at;
    if (!skip_name(form, &name) || form->size - name < (question ? 4 : 10))
        return false;
    size_t size = question ? 0 : form_number(form->octets + name + 8, 2, false);
    size_t end = name + (question ? 4 : 10);
    if (size > form->size - end)
        return false;
    form_part(form, begin, end + size - begin, count, question ? QUESTION : RECORD)->whole = true;
    (void)form_part(form, begin, name - begin, NOWHERE, NAME);
    field(form, name, 2, TYPE);
    field(form, name + 2, 2, FIELD);
    if (!question) {
        int length = form_length(form, name + 8, 2, NOWHERE, EXACT);
        form_part(form, end, size, length, DATA)->hint = (uint32_t)form_number(form->octets + name, 2, false);
    }
    *at = end + size;
    return true;
}

static void parse(struct form *form)
{
    size_t at = HEADER;
    field(form, 0, 2, FIELD);
    field(form, 2, 2, FLAGS);
    for (unsigned section = 0; section < SECTIONS; section++) {
        size_t said = form_number(form->octets + 4 + 2 * section, 2, false);
        int count = form_length(form, 4 + 2 * section, 2, NOWHERE, COUNT);
        while (said != 0 && entry(form, &at, section == 0, count))
            said--;
        form_part(form, at, 0, count, section == 0 ? QUESTION : RECORD)->whole = true;
        if (said != 0)
            return;
    }
}

size_t mutate_dns(uint8_t *octets, size_t size, size_t room, unsigned seed)
{
    static struct form form;
    uint64_t state = seed;
    if (size < HEADER && room >= HEADER) {
        memset(octets + size, 0, HEADER - size);
        size = HEADER;
    }
    if (size < HEADER)
        return LLVMFuzzerMutate(octets, size, room);
    form = (struct form){.octets = octets, .size = size, .pad = 1, .make = make};
    parse(&form);
    return form_mutate(&form, octets, room, &state);
}
