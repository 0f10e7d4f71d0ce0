#include "base/alloc.h"
#include "base/hash.h"
#include "flow/record.h"
#include "flow/save.h"
#include "flow/sink.h"

#include <string.h>

enum { EVENTS = 512 };         /* of a piece: 64 KiB, which malloc has at hand; larger ones may be the system's anew */
enum { MOST_HEADER = 15 * 4 }; /* octets, of TCP (RFC 9293 3.1) */

/* One part that is read: what its next record begins with, and the cursor behind that. */
struct part {
    struct pf_cursor cursor;
    uint64_t left, frame;
    int64_t time;
    uint8_t bits;
    bool more;
};

struct replay {
    struct pf_flow_sink *sink;
    struct pf_flow_piece *piece;
    struct part *parts;
    size_t count;
    uint64_t offset;
    char *room; /* PF_WRITER_ROOM */
};

static bool go_on(struct part *part)
{
    uint64_t step;
    part->more = part->left != 0;
    if (!part->more)
        return pf_cursor_left(&part->cursor) == 0;
    const uint8_t *bits = pf_take_octets(&part->cursor, 1);
    part->left--;
    if (bits == NULL || !pf_take_number(&part->cursor, &step) || step > UINT64_MAX - part->frame)
        return false;
    part->bits = *bits;
    part->frame += step;
    return pf_take_step(&part->cursor, &part->time);
}

static bool read_ends(struct pf_cursor *cursor, struct pf_flow_event *event)
{
    size_t size = event->key.version == 4 ? 4 : 16;
    for (unsigned i = 0; i < 2; i++) {
        const uint8_t *address = pf_take_octets(cursor, size);
        if (address == NULL)
            return false;
        memcpy(event->key.address[i], address, size);
        const uint8_t *port = pf_record_has_ports(event->key.protocol) ? pf_take_octets(cursor, 2) : NULL;
        if (port == NULL && pf_record_has_ports(event->key.protocol))
            return false;
        event->key.port[i] = port != NULL ? pf_le16(port) : 0;
    }
    return true;
}

static bool read_tcp(const struct pf_flow_options *options, struct pf_cursor *cursor, struct pf_flow_event *event)
{
    const uint8_t *octets = pf_take_octets(cursor, options->cic ? 3 : 11);
    if (octets == NULL || event->header < 0)
        return false;
    event->flags = octets[0];
    event->window = pf_le16(octets + 1);
    event->print = options->cic ? 1 : pf_le64(octets + 3);
    return event->print != 0;
}

static bool read_packet(const struct pf_flow_options *options, struct pf_cursor *cursor, struct pf_flow_event *event)
{
    const uint8_t *octets = pf_take_octets(cursor, 2);
    uint64_t payload;
    if (octets == NULL || !pf_take_number(cursor, &payload) || payload > UINT32_MAX)
        return false;
    event->key.protocol = octets[0];
    event->header = (int8_t)octets[1];
    event->payload = (uint32_t)payload;
    if (event->header < -1 || event->header > MOST_HEADER || !read_ends(cursor, event))
        return false;
    if (event->key.protocol == PF_IPPROTO_TCP && !read_tcp(options, cursor, event))
        return false;
    if (pf_record_is_icmp(event->key.protocol)) {
        octets = pf_take_octets(cursor, 2);
        if (octets == NULL)
            return false;
        event->icmp_type = octets[0];
        event->icmp_code = octets[1];
    }
    if (options->dedup != 0) {
        octets = pf_take_octets(cursor, 8);
        event->copy = octets != NULL ? pf_le64(octets) : 0;
        return octets != NULL;
    }
    return true;
}

/* --------------------------------------------------------------------------------------------------------- sayings */

static enum pf_status read_text(struct replay *replay, struct pf_cursor *cursor, struct pf_flow_said *said, unsigned i,
                                uint64_t size, struct pf_error *error)
{
    struct pf_flow_piece *piece = replay->piece;
    if (size == 0 || size > PF_WRITER_ROOM)
        return size == 0 ? PF_OK : pf_saved_damaged(error);
    const uint8_t *text = pf_take_octets(cursor, (size_t)size);
    if (text == NULL || !pf_saved_is_text((const char *)text, (size_t)size, replay->room))
        return pf_saved_damaged(error);
    PF_TRY(pf_grow((void **)&piece->text, &piece->text_capacity, piece->text_size + (size_t)size, 1, error));
    memcpy(piece->text + piece->text_size, text, (size_t)size);
    said->value[i] = (uint32_t)(piece->text_size - said->text);
    said->size[i] = (uint32_t)size;
    piece->text_size += (size_t)size;
    return PF_OK;
}

static enum pf_status read_said(struct replay *replay, struct pf_cursor *cursor, struct pf_error *error)
{
    struct pf_flow_piece *piece = replay->piece;
    struct pf_flow_heard heard = {.event = piece->count, .said = {.text = piece->text_size}};
    const uint8_t *has = pf_take_octets(cursor, 2);
    if (has == NULL || pf_le16(has) >> PF_EXTRA_SAID != 0 || replay->sink->options.extra == 0)
        return pf_saved_damaged(error);
    heard.said.has = pf_le16(has);
    for (unsigned i = 0; i < PF_EXTRA_SAID; i++) {
        uint64_t number;
        if ((heard.said.has >> i & 1) == 0)
            continue;
        if (!pf_take_number(cursor, &number) || number > UINT32_MAX)
            return pf_saved_damaged(error);
        heard.said.value[i] = pf_said_is_text(i) ? 0 : (uint32_t)number;
        if (pf_said_is_text(i))
            PF_TRY(read_text(replay, cursor, &heard.said, i, number, error));
    }
    PF_TRY(pf_grow((void **)&piece->heard, &piece->heard_capacity, piece->heard_count + 1, sizeof heard, error));
    piece->heard[piece->heard_count++] = heard;
    return PF_OK;
}

/* ---------------------------------------------------------------------------------------------------------- replay */

static enum pf_status read_refused(struct replay *replay, struct part *part, struct pf_error *error)
{
    uint64_t link_type;
    if (!pf_take_number(&part->cursor, &link_type) || link_type > UINT16_MAX)
        return pf_saved_damaged(error);
    return pf_flow_refuse(&replay->sink->options, part->frame + replay->offset, (unsigned)link_type, error);
}

/* The rest of a part's record, as the piece's next event; then what its next record begins with. */
static enum pf_status read_record(struct replay *replay, struct part *part, struct pf_error *error)
{
    struct pf_flow_event *event = &replay->piece->events[replay->piece->count];
    memset(event, 0, sizeof *event);
    if (part->frame > UINT64_MAX - replay->offset)
        return pf_saved_damaged(error);
    if ((part->bits & PF_RECORD_CLOCK) != 0 && (part->bits & PF_RECORD_SAID) != 0)
        return read_refused(replay, part, error);
    event->time = part->time;
    event->frame_number = part->frame + replay->offset;
    event->key.version = (part->bits & PF_RECORD_IPV6) != 0 ? 6 : 4;
    event->side = (part->bits & PF_RECORD_SIDE) != 0;
    event->clock = (part->bits & PF_RECORD_CLOCK) != 0;
    event->wanted = (part->bits & PF_RECORD_WANTED) != 0 && !event->clock;
    event->one_address = (part->bits & PF_RECORD_ONE_ADDRESS) != 0;
    event->retransmission = (part->bits & PF_RECORD_RETRANSMISSION) != 0;
    event->duplicate_ack = (part->bits & PF_RECORD_DUPLICATE_ACK) != 0;
    if (!event->clock) {
        if (!read_packet(&replay->sink->options, &part->cursor, event))
            return pf_saved_damaged(error);
        event->hash = pf_hash_octets(pf_secret(), &event->key, sizeof event->key);
        if ((part->bits & PF_RECORD_SAID) != 0)
            PF_TRY(read_said(replay, &part->cursor, error));
    }
    replay->piece->count++;
    return go_on(part) ? PF_OK : pf_saved_damaged(error);
}

/* The part whose next record comes first in the capture; NULL at the end. */
static struct part *earliest(const struct replay *replay)
{
    struct part *first = NULL;
    for (size_t i = 0; i < replay->count; i++) {
        if (replay->parts[i].more && (first == NULL || replay->parts[i].frame < first->frame))
            first = &replay->parts[i];
    }
    return first;
}

/* Reads a piece of events and lets the sink have it. */
static enum pf_status put_piece(struct replay *replay, struct part **next, struct pf_error *error)
{
    struct pf_sink *sink = &replay->sink->sink;
    struct pf_flow_piece *piece = replay->piece = pf_alloc(sizeof *piece);
    enum pf_status status = piece != NULL ? PF_OK : pf_fail_memory(error);
    if (status == PF_OK)
        status = pf_grow((void **)&piece->events, &piece->capacity, EVENTS, sizeof *piece->events, error);
    while (status == PF_OK && *next != NULL && piece->count < EVENTS) {
        status = read_record(replay, *next, error);
        *next = replay->count > 1 || !(*next)->more ? earliest(replay) : *next;
    }
    if (status == PF_OK)
        return sink->ops->emit(sink, piece, error);
    sink->ops->discard(sink, piece);
    return status;
}

static enum pf_status open_part(struct replay *replay, size_t i, const struct pf_flow_octets *octets,
                                struct pf_saved_head *before, struct pf_error *error)
{
    struct pf_saved_head head;
    struct part *part = &replay->parts[i];
    bool alone = replay->count == 1, first = before->parts == 0;
    part->cursor = (struct pf_cursor){octets->octets, octets->octets + octets->size, octets->size};
    PF_TRY(pf_saved_open(&part->cursor, PF_SAVED_FLOWS, &head, error));
    if (head.shape != pf_flow_shape(&replay->sink->options))
        return pf_fail(error, PF_INVALID, "saved events: of flows with other options");
    if (!first && (head.job != before->job || head.parts != before->parts))
        return pf_fail(error, PF_INVALID, "saved events: of another job than those before");
    if (alone ? !first && head.part != before->part : head.part != i || head.parts != replay->count)
        return pf_fail(error, PF_INVALID,
                       "saved events: the same part of every piece is needed, or all parts in order");
    if (head.parts > 1 && (replay->sink->options.sort != 0 || replay->sink->options.dedup != 0))
        return pf_saved_damaged(error);
    *before = head;
    part->left = head.records;
    return go_on(part) ? PF_OK : pf_saved_damaged(error);
}

enum pf_status pf_flow_replay(struct pf_flow_sink *sink, const struct pf_flow_octets *parts, size_t count,
                              uint64_t offset, struct pf_saved_head *before, struct pf_error *error)
{
    struct replay replay = {.sink = sink, .count = count, .offset = offset};
    enum pf_status status = PF_OK;
    replay.parts = pf_alloc_array(count, sizeof *replay.parts);
    replay.room = pf_alloc(PF_WRITER_ROOM);
    if (replay.parts == NULL || replay.room == NULL)
        status = pf_fail_memory(error);
    for (size_t i = 0; status == PF_OK && i < count; i++)
        status = open_part(&replay, i, &parts[i], before, error);
    struct part *next = status == PF_OK ? earliest(&replay) : NULL;
    while (status == PF_OK && next != NULL)
        status = put_piece(&replay, &next, error);
    pf_free(replay.parts);
    pf_free(replay.room);
    return status;
}
