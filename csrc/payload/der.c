#include "payload/der.h"

enum {
    LONG_TAG = 0x1f,
    LONG_LENGTH = 0x80,
    MOST_LENGTH_OCTETS = 4, /* no packet holds more; with what stands before it a length may pass 2^32 */
    MOST_VALUES = 64,       /* that are looked at: no sequence read here has more than twenty */
};

/* The length at the cursor, which moves behind it. */
static bool take_length(struct pf_cursor *cursor, size_t *length)
{
    const uint8_t *first = pf_cursor_need(cursor, 1);
    if (first == NULL)
        return false;
    (void)pf_cursor_skip(cursor, 1);
    *length = *first;
    if (*first < LONG_LENGTH)
        return true;
    unsigned size = *first - (unsigned)LONG_LENGTH;
    const uint8_t *octets = pf_cursor_need(cursor, size);
    if (size == 0 || size > MOST_LENGTH_OCTETS ||
        octets == NULL) /* 0: it ends where a mark says so, which DER forbids */
        return false;
    *length = (size_t)pf_be(octets, size);
    return pf_cursor_skip(cursor, size);
}

bool pf_der_next(struct pf_cursor *cursor, uint8_t *tag, struct pf_cursor *content)
{
    const uint8_t *first = pf_cursor_need(cursor, 1);
    size_t length;
    if (first == NULL || (*first & LONG_TAG) == LONG_TAG)
        return false;
    *tag = *first;
    (void)pf_cursor_skip(cursor, 1);
    if (!take_length(cursor, &length))
        return false;
    *content = *cursor;
    pf_cursor_clip(content, length);
    content->wire = length;
    if (!pf_cursor_skip(cursor, length))
        cursor->at = cursor->end;
    return true;
}

bool pf_der_open(const struct pf_cursor *cursor, unsigned tag, struct pf_cursor *content)
{
    struct pf_cursor rest = *cursor;
    uint8_t found;
    return pf_der_next(&rest, &found, content) && found == tag;
}

bool pf_der_find(const struct pf_cursor *values, unsigned tag, struct pf_cursor *content)
{
    struct pf_cursor rest = *values;
    uint8_t found;
    for (unsigned i = 0; i < MOST_VALUES && pf_der_next(&rest, &found, content); i++) {
        if (found == tag)
            return true;
    }
    return false;
}

bool pf_der_integer(const struct pf_cursor *cursor, int64_t *number)
{
    struct pf_cursor content;
    if (!pf_der_open(cursor, PF_DER_INTEGER, &content) || !pf_der_is_whole(&content) || content.wire == 0 ||
        content.wire > sizeof *number)
        return false;
    uint64_t word = (content.at[0] & 0x80) != 0 ? UINT64_MAX : 0; /* two's complement (X.690, 8.3.3) */
    for (const uint8_t *at = content.at; at != content.end; at++)
        word = word << 8 | *at;
    *number = (int64_t)word;
    return true;
}
