/* An index as a file. All numbers are little-endian and have eight octets but for two:
 *
 *    magic (8) | version (4) | 0 (4) | octets of this file
 *    size | modified | SHA-256 of the head | of the tail                       of the capture
 *    grain | first packet has a time | first time | places | descriptions
 *    end (a place) | fault: kind | frame number | offset | lost | text (200)
 *    place ...: offset | packets | descriptions | timed | time | greatest | least | most
 *    description ...: offset
 *    SHA-256 of all before it
 *
 * It is read as the input of an attacker is: every number is checked against the others. That it tells the truth of the
 * packets, only a walk can check; who uses it does so where it walks. */
#include "capture/index.h"

#include "base/alloc.h"
#include "base/cursor.h"

#include <inttypes.h>
#include <string.h>

static const uint8_t magic[8] = {0x93, 'P', 'F', 'X', '\r', '\n', 0x1a, '\n'};

enum {
    VERSION = 1,
    TEXT = sizeof((struct pf_fault *)0)->text,
    PLACE = 8 * 8,
    HEAD = 8 + 8 + 8 + 2 * 8 + 2 * PF_SHA256_SIZE + 5 * 8 + PLACE + 4 * 8 + TEXT,
};

size_t pf_pfx_most_octets(void)
{
    return HEAD + (size_t)(PF_PFX_STRETCHES + 1) * PLACE + (size_t)PF_PFX_DESCRIPTIONS * 8 + PF_SHA256_SIZE;
}

static size_t octets_of(size_t places, size_t descriptions)
{
    return HEAD + places * PLACE + descriptions * 8 + PF_SHA256_SIZE;
}

static void digest(const uint8_t *octets, size_t size, uint8_t made[PF_DIGEST_ROOM])
{
    struct pf_digest state;
    pf_digest_init(&state, PF_SHA256);
    pf_digest_add(&state, octets, size);
    (void)pf_digest_finish(&state, made);
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static uint8_t *put(uint8_t *to, uint64_t value)
{
    return pf_put_le32(pf_put_le32(to, (uint32_t)value), (uint32_t)(value >> 32));
}

static uint8_t *put_octets(uint8_t *to, const void *octets, size_t size)
{
    memcpy(to, octets, size);
    return to + size;
}

static uint8_t *put_place(uint8_t *to, const struct pf_pfx_place *place)
{
    to = put(put(put(to, place->offset), place->packets), place->descriptions);
    to = put(put(put(to, place->timed), (uint64_t)place->time), (uint64_t)place->greatest);
    return put(put(to, (uint64_t)place->least), (uint64_t)place->most);
}

static uint8_t *put_head(uint8_t *to, const struct pf_pfx *index, size_t size)
{
    to = put(put(put_octets(to, magic, sizeof magic), VERSION), size);
    to = put(put(to, index->of.size), (uint64_t)index->of.modified);
    to = put_octets(put_octets(to, index->of.head, PF_SHA256_SIZE), index->of.tail, PF_SHA256_SIZE);
    to = put(put(put(to, index->grain), index->first_timed), (uint64_t)index->first_time);
    to = put(put(to, index->count), index->end.descriptions);
    to = put_place(to, &index->end);
    to = put(put(to, index->fault.kind), index->fault.frame_number);
    to = put(put(to, index->fault.offset), index->fault.lost);
    return put_octets(to, index->fault.text, TEXT);
}

enum pf_status pf_pfx_encode(const struct pf_pfx *index, uint8_t **octets, size_t *size, struct pf_error *error)
{
    uint8_t made[PF_DIGEST_ROOM];
    *size = octets_of(index->count, index->end.descriptions);
    *octets = pf_alloc(*size);
    if (*octets == NULL)
        return pf_fail_memory(error);
    uint8_t *to = put_head(*octets, index, *size);
    for (size_t i = 0; i < index->count; i++)
        to = put_place(to, &index->places[i]);
    for (size_t i = 0; i < index->end.descriptions; i++)
        to = put(to, index->descriptions[i]);
    digest(*octets, *size - PF_SHA256_SIZE, made);
    (void)put_octets(to, made, PF_SHA256_SIZE);
    return PF_OK;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static uint64_t take(struct pf_cursor *from)
{
    const uint8_t *p = pf_cursor_need(from, 8);
    if (p == NULL) /* sizes are checked before */
        return 0;
    (void)pf_cursor_skip(from, 8);
    return (uint64_t)pf_le32(p + 4) << 32 | pf_le32(p);
}

static void take_octets(struct pf_cursor *from, void *to, size_t size)
{
    const uint8_t *p = pf_cursor_need(from, size);
    if (p == NULL)
        return;
    memcpy(to, p, size);
    (void)pf_cursor_skip(from, size);
}

/* False where a number is none of its kind. */
static bool take_place(struct pf_cursor *from, struct pf_pfx_place *place)
{
    place->offset = take(from);
    place->packets = take(from);
    uint64_t descriptions = take(from), timed = take(from);
    place->descriptions = (size_t)descriptions;
    place->timed = timed == 1;
    place->time = (int64_t)take(from);
    place->greatest = (int64_t)take(from);
    place->least = (int64_t)take(from);
    place->most = (int64_t)take(from);
    return descriptions <= PF_PFX_DESCRIPTIONS && timed <= 1 && (!place->timed || place->time <= place->greatest);
}

static bool take_head(struct pf_cursor *from, struct pf_pfx *index, uint64_t *places, uint64_t *descriptions)
{
    index->of.size = take(from);
    index->of.modified = (int64_t)take(from);
    take_octets(from, index->of.head, PF_SHA256_SIZE);
    take_octets(from, index->of.tail, PF_SHA256_SIZE);
    index->grain = take(from);
    uint64_t first_timed = take(from);
    index->first_timed = first_timed == 1;
    index->first_time = (int64_t)take(from);
    *places = take(from);
    *descriptions = take(from);
    bool good = take_place(from, &index->end) && first_timed <= 1 && index->grain != 0 &&
                *places <= PF_PFX_STRETCHES + 1 && *descriptions == index->end.descriptions;
    uint64_t kind = take(from);
    index->fault.kind = kind <= PF_ZERO_RUN ? (enum pf_fault_kind)kind : PF_NO_FAULT;
    index->fault.frame_number = take(from);
    index->fault.offset = take(from);
    index->fault.lost = take(from);
    take_octets(from, index->fault.text, TEXT);
    return good && kind <= PF_ZERO_RUN && index->fault.text[TEXT - 1] == '\0';
}

/* Whether the walk that it tells of can have ended so. */
static bool ends_well(const struct pf_pfx *index)
{
    const struct pf_pfx_place *end = &index->end;
    const struct pf_fault *fault = &index->fault;
    if ((index->count == 0) != (end->packets == 0) || end->offset > index->of.size || (end->timed && end->packets == 0))
        return false;
    if (fault->kind == PF_NO_FAULT)
        return end->offset == index->of.size;
    return fault->offset == end->offset && fault->lost == index->of.size - end->offset;
}

/* Whether places follow one another, and descriptions do. */
static bool in_order(const struct pf_pfx *index)
{
    const struct pf_pfx_place *end = &index->end;
    for (size_t i = 0; i < index->count; i++) {
        const struct pf_pfx_place *place = &index->places[i], *next = i + 1 < index->count ? place + 1 : end;
        if (place->offset >= next->offset || place->packets >= next->packets ||
            place->descriptions > next->descriptions || (place->timed && !next->timed) ||
            (place->timed && place->greatest > next->greatest))
            return false;
    }
    for (size_t i = 0; i < end->descriptions; i++) {
        uint64_t before = i != 0 ? index->descriptions[i - 1] : 0;
        if (index->descriptions[i] >= end->offset || (i != 0 && index->descriptions[i] <= before))
            return false;
    }
    return index->count == 0 || (index->places[0].packets == 0 && !index->places[0].timed);
}

static enum pf_status no_index(struct pf_error *error, const char *why)
{
    return pf_fail(error, PF_INVALID, "%s", why);
}

static enum pf_status take_rest(struct pf_cursor *from, struct pf_pfx *index, size_t places, size_t descriptions,
                                struct pf_error *error)
{
    bool good = true;
    index->places = pf_alloc_array(places, sizeof *index->places);
    index->descriptions = pf_alloc_array(descriptions, sizeof *index->descriptions);
    if ((places != 0 && index->places == NULL) || (descriptions != 0 && index->descriptions == NULL))
        return pf_fail_memory(error);
    index->count = index->capacity = places;
    index->description_capacity = descriptions;
    for (size_t i = 0; i < places; i++)
        good = take_place(from, &index->places[i]) && good;
    for (size_t i = 0; i < descriptions; i++)
        index->descriptions[i] = take(from);
    return good && ends_well(index) && in_order(index) ? PF_OK : no_index(error, "its numbers contradict each other");
}

enum pf_status pf_pfx_decode(struct pf_pfx *index, const uint8_t *octets, size_t size, struct pf_error *error)
{
    memset(index, 0, sizeof *index);
    struct pf_cursor from = {octets, octets + size, size};
    uint8_t made[PF_DIGEST_ROOM];
    uint64_t places, descriptions;
    if (size < HEAD + PF_SHA256_SIZE || memcmp(octets, magic, sizeof magic) != 0)
        return no_index(error, "it is no index");
    (void)pf_cursor_skip(&from, sizeof magic);
    uint64_t version = take(&from);
    if (version != VERSION)
        return pf_fail(error, PF_INVALID, "it has version %" PRIu64 " where %d can be read", version, VERSION);
    if (take(&from) != size || size > pf_pfx_most_octets())
        return no_index(error, "it has not as many octets as it says");
    digest(octets, size - PF_SHA256_SIZE, made);
    if (memcmp(made, octets + size - PF_SHA256_SIZE, PF_SHA256_SIZE) != 0)
        return no_index(error, "it is damaged: its digest is another");
    if (!take_head(&from, index, &places, &descriptions) || octets_of((size_t)places, (size_t)descriptions) != size)
        return no_index(error, "its numbers contradict each other");
    enum pf_status status = take_rest(&from, index, (size_t)places, (size_t)descriptions, error);
    if (status != PF_OK)
        pf_pfx_clear(index);
    return status;
}
