/* What one process noted of packets, as octets that another process goes on with.
 *
 *   head      "pcapevts" | version | kind | part | parts | shape | job | records
 *   records   one behind the other
 *
 * The head has PF_SAVED_HEAD octets. Fixed numbers are little-endian; others have seven bits an octet, the lowest
 * first, the highest bit: more follow.
 *
 * Field by field, so that no byte order, size of a struct or padding gets in. Octets that are read may come from
 * anyone: every length is compared with what is left, and a reader checks what a number may be before it is used. */
#ifndef PF_BASE_SAVED_H
#define PF_BASE_SAVED_H

#include "base/cursor.h"
#include "base/error.h"
#include "base/writer.h"

enum {
    PF_SAVED_VERSION = 1,
    PF_SAVED_HEAD = 40,
    PF_SAVED_NUMBER = 10, /* octets of the longest number: 64 bits by seven */
};
enum pf_saved_kind { PF_SAVED_FLOWS = 1, PF_SAVED_DETECT, PF_SAVED_TEXT };

struct pf_saved_head {
    enum pf_saved_kind kind;
    unsigned part, parts; /* which of how many that the packets were dealt to by their key */
    uint32_t shape;       /* what the records are like: equal where they can be read together */
    uint64_t job;         /* of the secret of the hashes in them, which tells nothing of it */
    uint64_t records;
};

struct pf_saved {
    uint8_t *octets; /* from pf_realloc */
    size_t size, capacity;
};

/* Puts a head, whose number of records comes with pf_saved_end(). */
enum pf_status pf_saved_begin(struct pf_saved *saved, const struct pf_saved_head *head, struct pf_error *error);
void pf_saved_end(struct pf_saved *saved, uint64_t records);
/* Room for `size` more octets: where they go, or NULL with *error filled. Whoever wrote them sets saved->size. */
uint8_t *pf_saved_room(struct pf_saved *saved, size_t size, struct pf_error *error);
void pf_saved_clear(struct pf_saved *saved);

/* Reads a head; the cursor then stands at the records. */
enum pf_status pf_saved_open(struct pf_cursor *cursor, enum pf_saved_kind kind, struct pf_saved_head *head,
                             struct pf_error *error);
/* Whether octets are text as pf_write_text() makes it: made so again, backslashes left alone, they stay what they are.
 * `room`: PF_WRITER_ROOM octets. */
bool pf_saved_is_text(const char *text, size_t size, char *room);
enum pf_status pf_saved_damaged(struct pf_error *error);

/* These write and return the place behind. */
static inline uint8_t *pf_put_le64(uint8_t *to, uint64_t value)
{
    return pf_put_le32(pf_put_le32(to, (uint32_t)value), (uint32_t)(value >> 32));
}

static inline uint8_t *pf_put_number(uint8_t *to, uint64_t number)
{
    for (; number > 0x7f; number >>= 7)
        *to++ = (uint8_t)(number | 0x80);
    *to++ = (uint8_t)number;
    return to;
}

/* From one number to the next, of either sign: small ones in few octets. */
static inline uint8_t *pf_put_step(uint8_t *to, int64_t from, int64_t number)
{
    uint64_t step = (uint64_t)number - (uint64_t)from;
    return pf_put_number(to, step << 1 ^ (step >> 63 != 0 ? UINT64_MAX : 0));
}

/* These read and step on; false where octets are missing or the number is longer than 64 bits. */
bool pf_take_number(struct pf_cursor *cursor, uint64_t *number);

static inline bool pf_take_step(struct pf_cursor *cursor, int64_t *number)
{
    uint64_t step;
    if (!pf_take_number(cursor, &step))
        return false;
    step = step >> 1 ^ ((step & 1) != 0 ? UINT64_MAX : 0);
    *number = (int64_t)((uint64_t)*number + step);
    return true;
}

/* The next `size` octets, stepped over, or NULL. */
static inline const uint8_t *pf_take_octets(struct pf_cursor *cursor, size_t size)
{
    const uint8_t *octets = pf_cursor_need(cursor, size);
    return octets != NULL && pf_cursor_skip(cursor, size) ? octets : NULL;
}

static inline uint64_t pf_le64(const uint8_t *p)
{
    return (uint64_t)pf_le32(p + 4) << 32 | pf_le32(p);
}

#endif
