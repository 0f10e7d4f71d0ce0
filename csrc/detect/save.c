#include "detect/save.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "detect/sink.h"

#include <string.h>

enum { SIDE = 1, ANSWER = 2, NUMBERS = 4, IPV6 = 8, SIGHTING = 16 };
enum { MOST_OCTETS = 80 }; /* of a record: two numbers, two ends of 18 octets, seven more */
enum { EVENTS = 4096 };    /* of a piece: some hundred KiB */
enum { MAC = 6 };

void pf_detect_piece_free(struct pf_detect_piece *piece)
{
    if (piece != NULL)
        pf_free(piece->events);
    pf_free(piece);
}

enum pf_status pf_detect_save_init(struct pf_detect_save *save, struct pf_error *error)
{
    const struct pf_saved_head head = {.kind = PF_SAVED_DETECT, .parts = 1};
    memset(save, 0, sizeof *save);
    return pf_saved_begin(&save->saved, &head, error);
}

void pf_detect_save_clear(struct pf_detect_save *save)
{
    pf_saved_clear(&save->saved);
}

void pf_detect_save_end(struct pf_detect_save *save)
{
    pf_saved_end(&save->saved, save->records);
}

/* ---------------------------------------------------------------------------------------------------------- writing */

static uint8_t *put_talk(const struct pf_detect_event *event, uint8_t *to)
{
    const struct pf_exchange_key *key = &event->key.talk;
    size_t size = key->version == 4 ? 4 : 16;
    to = pf_put_le16(to, key->kind);
    for (unsigned i = 0; i < 2; i++) {
        memcpy(to, key->address[i], size);
        to = pf_put_le16(to + size, key->port[i]);
    }
    to = pf_put_number(to, event->payload);
    to = pf_put_le16(to, event->window);
    *to++ = event->flags;
    *to++ = event->marks;
    *to++ = event->header;
    return to;
}

static uint8_t *put_sighting(const struct pf_sighting_key *key, uint8_t *to)
{
    *to++ = key->sighting;
    memcpy(to, key->who, MAC);
    to += MAC;
    *to++ = key->size;
    memcpy(to, key->what, key->size);
    return to + key->size;
}

static enum pf_status put_event(struct pf_detect_save *save, const struct pf_detect_event *event,
                                struct pf_error *error)
{
    uint8_t *start = pf_saved_room(&save->saved, MOST_OCTETS, error), *to = start;
    if (to == NULL)
        return error->status;
    bool sighting = event->form == PF_EVENT_SIGHTING;
    *to++ = (uint8_t)((event->side != 0 ? SIDE : 0) | (event->answer ? ANSWER : 0) | (event->numbers ? NUMBERS : 0) |
                      (!sighting && event->key.talk.version == 6 ? IPV6 : 0) | (sighting ? SIGHTING : 0));
    to = pf_put_step(to, save->time, event->time);
    to = sighting ? put_sighting(&event->key.sighting, to) : put_talk(event, to);
    save->saved.size += (size_t)(to - start);
    save->time = event->time;
    save->records++;
    return PF_OK;
}

enum pf_status pf_detect_save_put(struct pf_detect_save *save, const struct pf_detect_piece *piece,
                                  struct pf_error *error)
{
    for (size_t i = 0; i < piece->count; i++)
        PF_TRY(put_event(save, &piece->events[i], error));
    return PF_OK;
}

/* ---------------------------------------------------------------------------------------------------------- reading */

static bool read_talk(struct pf_cursor *cursor, bool six, struct pf_detect_event *event)
{
    struct pf_exchange_key *key = &event->key.talk;
    size_t size = six ? 16 : 4;
    const uint8_t *octets = pf_take_octets(cursor, 2 + 2 * (size + 2)), *rest;
    uint64_t payload;
    if (octets == NULL || !pf_take_number(cursor, &payload) || payload > UINT32_MAX)
        return false;
    rest = pf_take_octets(cursor, 5);
    if (rest == NULL)
        return false;
    key->kind = pf_le16(octets);
    key->version = six ? 6 : 4;
    for (unsigned i = 0; i < 2; i++) {
        memcpy(key->address[i], octets + 2 + i * (size + 2), size);
        key->port[i] = pf_le16(octets + 2 + i * (size + 2) + size);
    }
    event->payload = (uint32_t)payload;
    event->window = pf_le16(rest);
    event->flags = rest[2];
    event->marks = rest[3];
    event->header = rest[4];
    return true;
}

/* Of an address, the name of a network, whom a goodbye is for. */
static bool is_size(unsigned sighting, size_t size, size_t most)
{
    return sighting == PF_SIGHT_CLAIM     ? size == 4 || size == 16
           : sighting == PF_SIGHT_NETWORK ? size != 0 && size <= most
                                          : sighting == PF_SIGHT_GOODBYE && size == MAC;
}

static bool read_sighting(struct pf_cursor *cursor, struct pf_detect_event *event)
{
    struct pf_sighting_key *key = &event->key.sighting;
    const uint8_t *octets = pf_take_octets(cursor, 2 + MAC);
    if (octets == NULL || !is_size(octets[0], octets[1 + MAC], sizeof key->what))
        return false;
    const uint8_t *what = pf_take_octets(cursor, octets[1 + MAC]);
    if (what == NULL)
        return false;
    event->form = PF_EVENT_SIGHTING;
    key->sighting = octets[0];
    memcpy(key->who, octets + 1, MAC);
    key->size = octets[1 + MAC];
    memcpy(key->what, what, key->size);
    return true;
}

static bool read_event(struct pf_cursor *cursor, int64_t *time, struct pf_detect_event *event)
{
    const uint8_t *bits = pf_take_octets(cursor, 1);
    memset(event, 0, sizeof *event);
    if (bits == NULL || !pf_take_step(cursor, time))
        return false;
    event->time = *time;
    event->side = (*bits & SIDE) != 0;
    event->answer = (*bits & ANSWER) != 0;
    event->numbers = (*bits & NUMBERS) != 0;
    if (!((*bits & SIGHTING) != 0 ? read_sighting(cursor, event) : read_talk(cursor, (*bits & IPV6) != 0, event)))
        return false;
    event->hash = pf_hash_octets(pf_secret(), &event->key, PF_BOOK_KEY);
    return true;
}

enum pf_status pf_detect_replay(struct pf_detect_sink *sink, const uint8_t *octets, size_t size, struct pf_error *error)
{
    struct pf_cursor cursor = {octets, octets + size, size};
    struct pf_saved_head head;
    int64_t time = 0;
    PF_TRY(pf_saved_open(&cursor, PF_SAVED_DETECT, &head, error));
    while (head.records != 0) {
        struct pf_detect_piece *piece = pf_alloc(sizeof *piece);
        enum pf_status status = piece != NULL ? PF_OK : pf_fail_memory(error);
        if (status == PF_OK)
            status = pf_grow((void **)&piece->events, &piece->capacity, EVENTS, sizeof *piece->events, error);
        for (; status == PF_OK && head.records != 0 && piece->count < EVENTS; head.records--) {
            if (!read_event(&cursor, &time, &piece->events[piece->count++]))
                status = pf_saved_damaged(error);
        }
        if (status != PF_OK) {
            pf_detect_piece_free(piece);
            return status;
        }
        PF_TRY(sink->sink.ops->emit(&sink->sink, piece, error));
    }
    return pf_cursor_left(&cursor) == 0 ? PF_OK : pf_saved_damaged(error);
}
