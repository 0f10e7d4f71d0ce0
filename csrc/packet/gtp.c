/* GTP-U (3GPP TS 29.281, 5.1 and 5.2)
 *
 *    | Version |PT|*|E|S|PN|   Message Type  |            Length             |
 *    |                      Tunnel Endpoint Identifier                       |
 *    |     Sequence Number (if any of E, S, PN)   | N-PDU Number | Next Type |
 */
#include "packet/packet.h"

enum {
    FIXED = 8,
    OPTIONAL = 4,
    ANY_OPTIONAL = 0x07,
    EXTENDED = 0x04,
    G_PDU = 255,
    MOST_EXTENSIONS = 16, /* TS 29.281 has a handful of types, each of which makes sense once */
};

/* Over the extension headers: length in units of 4 octets, content, type of the next. */
static bool over_extensions(struct pf_packet *packet, struct pf_cursor *cursor, uint8_t next)
{
    for (int count = 0; next != 0; count++) {
        const uint8_t *header = pf_cursor_need(cursor, 1);
        if (header == NULL)
            return pf_lacking(packet, PF_GTP, cursor, 1) != PF_END;
        size_t size = 4 * (size_t)header[0];
        if (size == 0 || count == MOST_EXTENSIONS)
            return pf_malformed(packet, PF_GTP) != PF_END;
        if (!pf_cursor_skip(cursor, size))
            return pf_lacking(packet, PF_GTP, cursor, size) != PF_END;
        next = header[size - 1];
    }
    return true;
}

enum pf_protocol pf_step_gtp(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, FIXED);
    if (header == NULL)
        return pf_lacking(packet, PF_GTP, cursor, FIXED);
    (void)pf_cursor_skip(cursor, FIXED);
    pf_pull(packet, PF_GTP, cursor, pf_be16(header + 2));
    if (header[1] != G_PDU)
        return PF_END;
    if ((header[0] & ANY_OPTIONAL) != 0) {
        const uint8_t *optional = pf_cursor_need(cursor, OPTIONAL);
        if (optional == NULL)
            return pf_lacking(packet, PF_GTP, cursor, OPTIONAL);
        (void)pf_cursor_skip(cursor, OPTIONAL);
        if ((header[0] & EXTENDED) != 0 && !over_extensions(packet, cursor, optional[3]))
            return PF_END;
    }
    if (cursor->wire == 0)
        return PF_END;
    const uint8_t *first = pf_cursor_need(cursor, 1); /* what it is was agreed on when the tunnel was made */
    if (first == NULL)
        return pf_lacking(packet, PF_GTP, cursor, 1);
    return first[0] >> 4 == 4 ? PF_IPV4 : first[0] >> 4 == 6 ? PF_IPV6 : PF_END;
}
