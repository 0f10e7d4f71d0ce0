#include "detect/text_save.h"

#include "base/alloc.h"
#include "detect/text.h"
#include "detect/text_attack.h"
#include "detect/text_secret.h"
#include "field/field.h"

#include <string.h>

enum { KIND = 3, TIMED = 4, IPV6 = 8, RESPONSE = 16, ANSWERED = 32 };
enum { MOST_OCTETS = 160 }; /* of a record but for its texts: nine numbers, two ends of 18 octets, two more */
enum { PIECE = 256 << 10 }; /* octets of events that are read before the sink gets them */
enum { ADDRESS = 16 };

/* Octets of each text at most, as those who note events cut them. */
static const uint32_t most[][2] = {
    [PF_TEXT_NAME] = {PF_TEXT_NAME_OCTETS, 0},
    [PF_TEXT_REQUEST] = {PF_TEXT_REQUEST_OCTETS, 0},
    [PF_TEXT_LINE] = {PF_TEXT_LINE_OCTETS, 0},
    [PF_TEXT_BASIC] = {PF_SECRET_OCTETS, PF_SECRET_OCTETS},
};

enum pf_status pf_text_save_init(struct pf_text_save *save, struct pf_error *error)
{
    const struct pf_saved_head head = {.kind = PF_SAVED_TEXT, .parts = 1};
    memset(save, 0, sizeof *save);
    return pf_saved_begin(&save->saved, &head, error);
}

void pf_text_save_clear(struct pf_text_save *save)
{
    pf_saved_clear(&save->saved);
}

void pf_text_save_end(struct pf_text_save *save)
{
    pf_saved_end(&save->saved, save->records);
}

/* ---------------------------------------------------------------------------------------------------------- writing */

/* The address as pf_value_octets() read it: most significant octet first, eight to a word. */
static uint8_t *put_end(uint8_t *to, const struct pf_value *address, uint16_t port)
{
    unsigned words = address->size == ADDRESS ? 2 : 1, size = (unsigned)address->size / words;
    for (unsigned i = 0; i < words * size; i++)
        *to++ = (uint8_t)(address->word[i / size] >> 8 * (size - 1 - i % size));
    return pf_put_le16(to, port);
}

static uint8_t *put_kind(uint8_t *to, const struct pf_text_event *event)
{
    if (event->kind == PF_TEXT_NAME) {
        to = pf_put_number(to, event->is.name.registered);
        to = pf_put_number(to, event->is.name.octets);
        to = pf_put_number(to, event->is.name.entropy);
        to = pf_put_number(to, event->is.name.answer);
        to = pf_put_le16(to, event->is.name.type);
        *to++ = event->is.name.rcode;
    } else if (event->kind == PF_TEXT_REQUEST) {
        to = pf_put_le16(to, event->is.request.pattern);
    } else if (event->kind == PF_TEXT_LINE) {
        to = pf_put_le32(to, event->is.line.seq);
    }
    to = pf_put_number(to, event->length[0]);
    return event->kind == PF_TEXT_BASIC ? pf_put_number(to, event->length[1]) : to;
}

enum pf_status pf_text_save_put(struct pf_text_save *save, const struct pf_text_event *event, struct pf_error *error)
{
    size_t length = (size_t)event->length[0] + event->length[1];
    uint8_t *start = pf_saved_room(&save->saved, MOST_OCTETS + length, error), *to = start;
    bool name = event->kind == PF_TEXT_NAME;
    if (to == NULL)
        return error->status;
    *to++ =
        (uint8_t)(event->kind | (event->timed ? TIMED : 0) | (event->source.size == ADDRESS ? IPV6 : 0) |
                  (name && event->is.name.response ? RESPONSE : 0) | (name && event->is.name.answered ? ANSWERED : 0));
    to = pf_put_step(to, save->time, event->time);
    to = pf_put_number(to, event->frame - save->frame);
    to = put_end(to, &event->source, event->source_port);
    to = put_end(to, &event->target, event->target_port);
    to = put_kind(to, event);
    if (length != 0)
        memcpy(to, pf_text_event_text(event, 0), length);
    save->saved.size += (size_t)(to - start) + length;
    save->time = event->time;
    save->frame = event->frame;
    save->records++;
    return PF_OK;
}

/* ---------------------------------------------------------------------------------------------------------- reading */

struct reader {
    struct pf_cursor cursor;
    int64_t time;
    uint64_t frame;
    char *room; /* PF_WRITER_ROOM */
};

static bool read_end(struct pf_cursor *cursor, unsigned size, struct pf_value *address, uint16_t *port)
{
    const uint8_t *octets = pf_take_octets(cursor, size + 2);
    if (octets == NULL)
        return false;
    *address = pf_value_octets(octets, size);
    *port = pf_le16(octets + size);
    return true;
}

static bool read_small(struct pf_cursor *cursor, uint32_t *number)
{
    uint64_t word;
    if (!pf_take_number(cursor, &word) || word > UINT32_MAX)
        return false;
    *number = (uint32_t)word;
    return true;
}

static bool read_name(struct pf_cursor *cursor, struct pf_text_event *event)
{
    if (!read_small(cursor, &event->is.name.registered) || !read_small(cursor, &event->is.name.octets) ||
        !read_small(cursor, &event->is.name.entropy) || !read_small(cursor, &event->is.name.answer))
        return false;
    const uint8_t *octets = pf_take_octets(cursor, 3);
    if (octets == NULL)
        return false;
    event->is.name.type = pf_le16(octets);
    event->is.name.rcode = octets[2];
    return true;
}

static bool read_kind(struct pf_cursor *cursor, struct pf_text_event *event)
{
    const uint8_t *octets;
    if (event->kind == PF_TEXT_NAME && !read_name(cursor, event))
        return false;
    if (event->kind == PF_TEXT_REQUEST) {
        octets = pf_take_octets(cursor, 2);
        event->is.request.pattern = octets != NULL ? pf_le16(octets) : UINT16_MAX;
        if (event->is.request.pattern >= pf_attack_pattern_count)
            return false;
    } else if (event->kind == PF_TEXT_LINE) {
        octets = pf_take_octets(cursor, 4);
        event->is.line.seq = octets != NULL ? pf_le32(octets) : 0;
        if (octets == NULL)
            return false;
    }
    return read_small(cursor, &event->length[0]) && event->length[0] <= most[event->kind][0] &&
           (event->kind != PF_TEXT_BASIC || read_small(cursor, &event->length[1])) &&
           event->length[1] <= most[event->kind][1];
}

/* What goes into a column of text as it is; of a name also from the registered domain on. */
static bool is_sound(const struct pf_text_event *event, const uint8_t *text, char *room)
{
    if (event->kind != PF_TEXT_NAME && event->kind != PF_TEXT_REQUEST)
        return true;
    size_t at = event->kind == PF_TEXT_NAME ? event->is.name.registered : 0;
    return at <= event->length[0] && (at == event->length[0] || (text[at] & 0xc0) != 0x80) &&
           pf_saved_is_text((const char *)text, event->length[0], room);
}

static bool read_event(struct reader *reader, struct pf_text_event *event, const uint8_t **text)
{
    struct pf_cursor *cursor = &reader->cursor;
    const uint8_t *bits = pf_take_octets(cursor, 1);
    uint64_t step;
    memset(event, 0, sizeof *event);
    if (bits == NULL || !pf_take_step(cursor, &reader->time) || !pf_take_number(cursor, &step) ||
        step > UINT64_MAX - reader->frame)
        return false;
    unsigned size = (*bits & IPV6) != 0 ? ADDRESS : 4;
    reader->frame += step;
    event->kind = *bits & KIND;
    event->timed = (*bits & TIMED) != 0;
    event->time = reader->time;
    event->frame = reader->frame;
    if (!read_end(cursor, size, &event->source, &event->source_port) ||
        !read_end(cursor, size, &event->target, &event->target_port) || !read_kind(cursor, event))
        return false;
    if (event->kind == PF_TEXT_NAME) {
        event->is.name.response = (*bits & RESPONSE) != 0;
        event->is.name.answered = (*bits & ANSWERED) != 0;
    }
    *text = pf_take_octets(cursor, (size_t)event->length[0] + event->length[1]);
    return *text != NULL && is_sound(event, *text, reader->room);
}

/* Reads a piece of events and lets the sink have it. */
static enum pf_status put_piece(struct pf_text_sink *sink, struct reader *reader, uint64_t *left,
                                struct pf_error *error)
{
    struct pf_text_piece *piece = pf_alloc(sizeof *piece);
    enum pf_status status = piece != NULL ? PF_OK : pf_fail_memory(error);
    for (; status == PF_OK && *left != 0 && piece->size < PIECE; --*left) {
        struct pf_text_event event;
        const uint8_t *text;
        if (read_event(reader, &event, &text))
            status = pf_text_piece_put(piece, &event, text, text + event.length[0], error);
        else
            status = pf_saved_damaged(error);
    }
    if (status == PF_OK)
        return sink->sink.ops->emit(&sink->sink, piece, error);
    pf_text_piece_free(piece);
    return status;
}

enum pf_status pf_text_replay(struct pf_text_sink *sink, const uint8_t *octets, size_t size, uint64_t offset,
                              struct pf_error *error)
{
    struct reader reader = {.cursor = {octets, octets + size, size}, .frame = offset};
    struct pf_saved_head head;
    PF_TRY(pf_saved_open(&reader.cursor, PF_SAVED_TEXT, &head, error));
    reader.room = pf_alloc(PF_WRITER_ROOM);
    enum pf_status status = reader.room != NULL ? PF_OK : pf_fail_memory(error);
    while (status == PF_OK && head.records != 0)
        status = put_piece(sink, &reader, &head.records, error);
    pf_free(reader.room);
    if (status == PF_OK && pf_cursor_left(&reader.cursor) != 0)
        return pf_saved_damaged(error);
    return status;
}
