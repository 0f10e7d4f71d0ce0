/* ASN.1's distinguished encoding rules (ITU-T X.690), as much as a message's fields take: tags of one octet, definite
 * lengths.
 *
 *    | tag | length: below 128, or 0x80 + n and n octets | content |
 *
 * A content that is cut is given as far as it is there: its `wire` is the length that is told, and it is whole where
 * all of that is there. Nothing here recurses; who looks deeper opens one value after the other. Any thread may call.
 */
#ifndef PF_PAYLOAD_DER_H
#define PF_PAYLOAD_DER_H

#include "base/cursor.h"

enum { PF_DER_INTEGER = 0x02, PF_DER_GENERAL_STRING = 0x1b, PF_DER_SEQUENCE = 0x30, PF_DER_CONTEXT = 0xa0 };

/* Takes the next value off the cursor; false where its tag and length are not all there, or of another form. */
bool pf_der_next(struct pf_cursor *cursor, uint8_t *tag, struct pf_cursor *content);
/* The content of the value at the cursor, which must have the tag. */
bool pf_der_open(const struct pf_cursor *cursor, unsigned tag, struct pf_cursor *content);
/* The content of the first value with the tag. */
bool pf_der_find(const struct pf_cursor *values, unsigned tag, struct pf_cursor *content);
/* A whole integer of at most eight octets. */
bool pf_der_integer(const struct pf_cursor *cursor, int64_t *number);

static inline bool pf_der_is_whole(const struct pf_cursor *content)
{
    return pf_cursor_left(content) == content->wire;
}

#endif
