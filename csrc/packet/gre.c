/* Generic Routing Encapsulation (RFC 2784, 2890) */
#include "packet/packet.h"

enum {
    FIXED = 4,
    CHECKSUM = 0x8000,
    ROUTING = 0x4000,
    KEY = 0x2000,
    SEQUENCE = 0x1000,
    VERSION = 0x0007,
    ETHERNET = 0x6558
};

enum pf_protocol pf_step_gre(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, FIXED);
    if (header == NULL)
        return pf_lacking(packet, PF_GRE, cursor, FIXED);
    unsigned flags = pf_be16(header);
    if ((flags & VERSION) != 0)
        return pf_unknown(packet, PF_UNKNOWN_GRE_VERSION, flags & VERSION);
    if ((flags & ROUTING) != 0)
        return pf_unknown(packet, PF_UNKNOWN_GRE_ROUTING, 0);
    size_t whole = FIXED + 4 * (size_t)(((flags & CHECKSUM) != 0) + ((flags & KEY) != 0) + ((flags & SEQUENCE) != 0));
    if (!pf_cursor_skip(cursor, whole))
        return pf_lacking(packet, PF_GRE, cursor, whole);
    uint16_t type = pf_be16(header + 2);
    return type == ETHERNET ? PF_ETH : pf_by_ethertype(packet, type);
}
