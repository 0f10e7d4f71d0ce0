/* TLS records (RFC 8446, 5246), the handshake messages in them, the hellos in those, and their extensions. */
#include "check.h"
#include "mutate.h"

enum { CHANGE = 20, ALERT, HANDSHAKE, DATA_RECORD, CLIENT = 1, SERVER = 2 };
enum kind { RECORD = 1, MESSAGE, EXTENSION, CIPHERS, OPAQUE, FIELD, VERSION };

static const uint16_t versions[] = {0x0303, 0x0301, 0x0304, 0x0302, 0x0300, 0x7f1c, 0x0a0a};

static uint16_t version(uint64_t *state)
{
    return versions[draw_below(state, 2) == 0 ? 0 : draw_below(state, sizeof versions / sizeof versions[0])];
}

static uint8_t *put_random(uint8_t *to, size_t size, uint64_t *state)
{
    for (size_t i = 0; i < size; i++)
        *to++ = (uint8_t)draw(state);
    return to;
}

/* A list of 16-bit values behind its length of `width` octets. */
static uint8_t *put_values(uint8_t *to, unsigned width, uint64_t *state)
{
    static const uint16_t values[] = {0x1301, 0x1302, 0xc02b, 0x0a0a, 0xfafa, 0x001d,
                                      0x0017, 0x0403, 0x0804, 0x0304, 0x0303, 0};
    size_t count = draw_below(state, 8);
    to = form_put(to, 2 * count, width, false);
    for (size_t i = 0; i < count; i++)
        to = form_put(to, values[draw_below(state, sizeof values / sizeof values[0])], 2, false);
    return to;
}

/* type | length | content in the form of the type */
static uint8_t *put_extension(uint8_t *to, uint64_t *state)
{
    static const uint16_t kinds[] = {0, 16, 10, 13, 43, 51, 11, 5, 23, 65281, 0x0a0a, 17513, 35, 21, 45, 41, 57};
    uint16_t kind = kinds[draw_below(state, sizeof kinds / sizeof kinds[0])];
    uint8_t *at = to + 4;
    switch (kind) {
    case 0:
        at = (uint8_t *)memcpy(at, "\0\15\0\0\12ab.example", 15) + 15;
        break;
    case 16:
        at = draw_below(state, 2) == 0 ? (uint8_t *)memcpy(at, "\0\14\2h2\10http/1.1", 14) + 14
                                       : (uint8_t *)memcpy(at, "\0\3\2h3", 5) + 5;
        break;
    case 10:
    case 13:
        at = put_values(at, 2, state);
        break;
    case 43:
        at = draw_below(state, 2) == 0 ? put_values(at, 1, state) : form_put(at, 0x0304, 2, false);
        break;
    case 51:
        at = put_random(form_put(form_put(form_put(at, 12, 2, false), 0x1d, 2, false), 8, 2, false), 8, state);
        break;
    case 11:
        at = form_put(at, 0x0100, 2, false);
        break;
    default:
        at = put_random(at, draw_below(state, 16), state);
    }
    (void)form_put(form_put(to, kind, 2, false), (uint64_t)(at - to) - 4, 2, false);
    return at;
}

static uint8_t *put_extensions(uint8_t *to, uint64_t *state)
{
    uint8_t *at = to + 2;
    for (size_t count = draw_below(state, 5); count != 0; count--)
        at = put_extension(at, state);
    (void)form_put(to, (uint64_t)(at - to) - 2, 2, false);
    return at;
}

/* type | length (3) | body */
static uint8_t *put_message(uint8_t *to, uint64_t *state)
{
    static const uint8_t kinds[] = {CLIENT, SERVER, CLIENT, SERVER, 11, 12, 14, 16, 4, 8};
    uint8_t kind = kinds[draw_below(state, sizeof kinds)], *at = to + 4;
    if (kind == CLIENT || kind == SERVER) {
        at = put_random(form_put(at, version(state), 2, false), 32, state);
        size_t session = draw_below(state, 3) * 16;
        *at++ = (uint8_t)session;
        at = put_random(at, session, state);
        at = kind == CLIENT ? form_put(put_values(at, 2, state), 0x0100, 2, false) : form_put(at, 0x130100, 3, false);
        if (draw_below(state, 8) != 0)
            at = put_extensions(at, state);
    } else {
        at = put_random(at, draw_below(state, 40), state);
    }
    *to = kind;
    (void)form_put(to + 1, (uint64_t)(at - to) - 4, 3, false);
    return at;
}

/* type | version | length (2) | messages */
static size_t make_record(uint8_t *to, uint64_t *state)
{
    uint8_t kind = (uint8_t)(draw_below(state, 2) == 0 ? HANDSHAKE : CHANGE + draw_below(state, 4)), *at = to + 5;
    if (kind == HANDSHAKE)
        at = put_message(at, state);
    else
        at = put_random(at, kind == CHANGE ? 1 : kind == ALERT ? 2 : draw_below(state, 60), state);
    *to = kind;
    (void)form_put(form_put(to + 1, version(state), 2, false), (uint64_t)(at - to) - 5, 2, false);
    return (size_t)(at - to);
}

static size_t make(const struct part *part, const struct form *form, uint8_t made[MOST_MADE], uint64_t *state)
{
    uint8_t values[2 + 16];
    (void)form;
    switch (part->kind) {
    case RECORD:
        return make_record(made, state);
    case MESSAGE:
        return (size_t)(put_message(made, state) - made);
    case EXTENSION:
        return (size_t)(put_extension(made, state) - made);
    case VERSION:
        (void)form_put(made, version(state), 2, false);
        return 2;
    case CIPHERS: { /* the length before them is there */
        size_t size = (size_t)(put_values(values, 2, state) - values) - 2;
        memcpy(made, values + 2, size);
        return size;
    }
    default:
        return 0;
    }
}

/* --- the parser -------------------------------------------------------------------------------------------------- */

/* Where parts are looked for, and the length that holds them. */
struct place {
    size_t at, end;
    int within;
};

static bool fixed(struct form *form, struct place *place, size_t size, int kind)
{
    if (size > place->end - place->at)
        return false;
    form_part(form, place->at, size, place->within, kind)->fixed = true;
    place->at += size;
    return true;
}

/* Takes what stands behind a length, as far as it is there; false where the length is not. */
static bool take(struct form *form, struct place *place, unsigned width, struct place *content)
{
    if (width > place->end - place->at)
        return false;
    size_t size = form_number(form->octets + place->at, width, false);
    content->within = form_length(form, place->at, width, place->within, EXACT);
    content->at = place->at + width;
    if (size > place->end - content->at)
        size = place->end - content->at;
    content->end = place->at = content->at + size;
    return true;
}

static bool listed(struct form *form, struct place *place, unsigned width, int kind)
{
    struct place content;
    if (!take(form, place, width, &content))
        return false;
    (void)form_part(form, content.at, content.end - content.at, content.within, kind);
    return true;
}

/* A list that fills what it stands in, as most extensions hold. */
static void nested(struct form *form, struct place place)
{
    size_t size = place.end - place.at;
    for (unsigned width = 2; width >= 1; width--) {
        if (size >= width && form_number(form->octets + place.at, width, false) == size - width) {
            (void)listed(form, &place, width, OPAQUE);
            return;
        }
    }
    (void)form_part(form, place.at, size, place.within, OPAQUE);
}

static void extensions(struct form *form, struct place *place)
{
    struct place list, content;
    if (!take(form, place, 2, &list))
        return;
    while (list.end - list.at >= 4) {
        size_t begin = list.at;
        list.at += 2;
        (void)take(form, &list, 2, &content);
        form_part(form, begin, list.at - begin, list.within, EXTENSION)->whole = true;
        nested(form, content);
    }
    form_part(form, list.end, 0, list.within, EXTENSION)->whole = true;
}

static void hello(struct form *form, struct place place, bool client)
{
    if (!fixed(form, &place, 2, VERSION) || !fixed(form, &place, 32, OPAQUE) || !listed(form, &place, 1, OPAQUE))
        return;
    bool more =
        client ? listed(form, &place, 2, CIPHERS) && listed(form, &place, 1, OPAQUE) : fixed(form, &place, 3, FIELD);
    if (more)
        extensions(form, &place);
}

static void messages(struct form *form, struct place place)
{
    struct place content;
    while (place.end - place.at >= 4) {
        size_t begin = place.at;
        uint8_t type = form->octets[place.at++];
        (void)take(form, &place, 3, &content);
        form_part(form, begin, place.at - begin, place.within, MESSAGE)->whole = true;
        if (type == CLIENT || type == SERVER)
            hello(form, content, type == CLIENT);
        else
            (void)form_part(form, content.at, content.end - content.at, content.within, OPAQUE);
    }
    form_part(form, place.end, 0, place.within, MESSAGE)->whole = true;
}

static void parse(struct form *form)
{
    struct place place = {0, form->size, NOWHERE}, content;
    while (place.end - place.at >= 5) {
        size_t begin = place.at;
        uint8_t type = form->octets[place.at++];
        (void)fixed(form, &place, 2, VERSION);
        (void)take(form, &place, 2, &content);
        form_part(form, begin, place.at - begin, NOWHERE, RECORD)->whole = true;
        if (type == HANDSHAKE)
            messages(form, content);
        else
            (void)form_part(form, content.at, content.end - content.at, content.within, OPAQUE);
    }
    form_part(form, form->size, 0, NOWHERE, RECORD)->whole = true;
}

size_t mutate_tls(uint8_t *octets, size_t size, size_t room, unsigned seed)
{
    static struct form form;
    uint64_t state = seed;
    if (size < 5 && room >= MOST_MADE && draw_below(&state, 4) == 0)
        return make_record(octets, &state);
    form = (struct form){.octets = octets, .size = size, .pad = 1, .make = make};
    parse(&form);
    return form_mutate(&form, octets, room, &state);
}
