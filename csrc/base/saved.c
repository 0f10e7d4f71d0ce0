#include "base/saved.h"

#include "base/alloc.h"

#include <string.h>

static const char magic[8] = {'p', 'c', 'a', 'p', 'e', 'v', 't', 's'};
enum { RECORDS = 32 }; /* where their number stands in the head */

uint8_t *pf_saved_room(struct pf_saved *saved, size_t size, struct pf_error *error)
{
    if (size > SIZE_MAX - saved->size) {
        (void)pf_fail_memory(error);
        return NULL;
    }
    if (pf_grow((void **)&saved->octets, &saved->capacity, saved->size + size, 1, error) != PF_OK)
        return NULL;
    return saved->octets + saved->size;
}

enum pf_status pf_saved_begin(struct pf_saved *saved, const struct pf_saved_head *head, struct pf_error *error)
{
    uint8_t *to = pf_saved_room(saved, PF_SAVED_HEAD, error);
    if (to == NULL)
        return error->status;
    memcpy(to, magic, sizeof magic);
    to = pf_put_le16(to + sizeof magic, PF_SAVED_VERSION);
    to = pf_put_le16(to, (unsigned)head->kind);
    to = pf_put_le16(to, head->part);
    to = pf_put_le16(to, head->parts);
    to = pf_put_le64(to, head->shape);
    to = pf_put_le64(to, head->job);
    (void)pf_put_le64(to, head->records);
    saved->size += PF_SAVED_HEAD;
    return PF_OK;
}

void pf_saved_end(struct pf_saved *saved, uint64_t records)
{
    (void)pf_put_le64(saved->octets + RECORDS, records);
}

void pf_saved_clear(struct pf_saved *saved)
{
    pf_free(saved->octets);
    memset(saved, 0, sizeof *saved);
}

enum pf_status pf_saved_damaged(struct pf_error *error)
{
    return pf_fail(error, PF_INVALID, "saved events: cut or damaged");
}

enum pf_status pf_saved_open(struct pf_cursor *cursor, enum pf_saved_kind kind, struct pf_saved_head *head,
                             struct pf_error *error)
{
    const uint8_t *octets = pf_take_octets(cursor, PF_SAVED_HEAD);
    if (octets == NULL || memcmp(octets, magic, sizeof magic) != 0)
        return pf_fail(error, PF_INVALID, "saved events: these octets are none");
    unsigned version = pf_le16(octets + 8), found = pf_le16(octets + 10);
    if (version != PF_SAVED_VERSION)
        return pf_fail(error, PF_INVALID, "saved events: of version %u, where version %d is read", version,
                       PF_SAVED_VERSION);
    if (found != (unsigned)kind)
        return pf_fail(error, PF_INVALID, "saved events: of another question");
    *head = (struct pf_saved_head){
        .kind = kind,
        .part = pf_le16(octets + 12),
        .parts = pf_le16(octets + 14),
        .shape = pf_le32(octets + 16),
        .job = pf_le64(octets + 24),
        .records = pf_le64(octets + RECORDS),
    };
    return head->part < head->parts ? PF_OK : pf_saved_damaged(error);
}

bool pf_take_number(struct pf_cursor *cursor, uint64_t *number)
{
    *number = 0;
    for (unsigned bit = 0; bit < 64; bit += 7) {
        const uint8_t *octet = pf_take_octets(cursor, 1);
        if (octet == NULL || (bit == 63 && *octet > 1))
            return false;
        *number |= (uint64_t)(*octet & 0x7f) << bit;
        if (*octet < 0x80)
            return true;
    }
    return false;
}

bool pf_saved_is_text(const char *text, size_t size, char *room)
{
    struct pf_writer writer = {.octets = room, .room = PF_WRITER_ROOM};
    for (size_t at = 0; at < size;) {
        const char *slash = memchr(text + at, '\\', size - at);
        size_t run = slash != NULL ? (size_t)(slash - text) - at : size - at;
        pf_write_text(&writer, (const uint8_t *)text + at, run, NULL);
        at += run;
        if (at < size)
            pf_write_char(&writer, text[at++]);
    }
    return writer.length == size && memcmp(room, text, size) == 0;
}
