/* Generic Routing Encapsulation (RFC 2784, 2890), and its version 1 for PPTP (RFC 2637)
 *
 *    |C|R|K|S|     |   (1: A)  | Ver |         Protocol Type         |
 *    |   Checksum, key, sequence, (1:) acknowledgment number, each 4 octets and optional
 */
#include "packet/packet.h"

enum {
    FIXED = 4,
    CHECKSUM = 0x8000,
    ROUTING = 0x4000,
    KEY = 0x2000,
    SEQUENCE = 0x1000,
    ACKNOWLEDGMENT = 0x0080,
    VERSION = 0x0007,
    PPTP = 1,
    ERSPAN = 0x88be,
    ERSPAN_III = 0x22eb,
};

enum pf_protocol pf_step_gre(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, FIXED);
    if (header == NULL)
        return pf_lacking(packet, PF_GRE, cursor, FIXED);
    unsigned flags = pf_be16(header), version = flags & VERSION;
    if (version > PPTP)
        return pf_unknown(packet, PF_UNKNOWN_GRE_VERSION, version);
    if ((flags & ROUTING) != 0)
        return pf_unknown(packet, PF_UNKNOWN_GRE_ROUTING, 0);
    size_t words = (size_t)((flags & CHECKSUM) != 0) + ((flags & KEY) != 0) + ((flags & SEQUENCE) != 0);
    words += version == PPTP && (flags & ACKNOWLEDGMENT) != 0;
    size_t whole = FIXED + 4 * words;
    if (!pf_cursor_skip(cursor, whole))
        return pf_lacking(packet, PF_GRE, cursor, whole);
    if (version == PPTP && cursor->wire == 0)
        return PF_END; /* it only acknowledges */
    uint16_t type = pf_be16(header + 2);
    if (type == ERSPAN || type == ERSPAN_III)
        return type == ERSPAN && (flags & SEQUENCE) == 0 ? PF_ETH
                                                         : PF_ERSPAN; /* type I has neither number nor header */
    return pf_by_ethertype(packet, type);
}
