/* IPv6 and its extension headers (RFC 8200; 4302 authentication, 6275 mobility, 7401 HIP, 5533 Shim6)
 *
 *    |Version| Traffic Class |           Flow Label                  |
 *    |         Payload Length        |  Next Header  |   Hop Limit   |
 *    |                 Source Address (16 octets)                    |
 *    |              Destination Address (16 octets)                  |
 */
#include "packet/packet.h"

enum {
    HEADER = 40,
    MOST_EXTENSIONS = 16, /* RFC 8504 lets a host refuse more than a handful; a crafted chain must end */
    HOP_BY_HOP = 0,
    ROUTING = 43,
    FRAGMENT = 44,
    AUTHENTICATION = 51,
    NO_NEXT_HEADER = 59,
    DESTINATION = 60,
    MOBILITY = 135,
    HIP = 139,
    SHIM6 = 140,
};

/* The octets an extension header takes by its second octet; 0 when `next` is none. */
static size_t extension_size(uint8_t next, uint8_t length)
{
    switch (next) {
    case HOP_BY_HOP:
    case ROUTING:
    case DESTINATION:
    case MOBILITY:
    case HIP:
    case SHIM6:
        return 8 * ((size_t)length + 1);
    case FRAGMENT:
        return 8;
    case AUTHENTICATION:
        return 4 * ((size_t)length + 2);
    default:
        return 0;
    }
}

/* Steps over the extension headers. *next becomes what is after them, as far as that was read: a kind of extension
 * header when it was not. False when the walk ends there; noting a fault gives PF_END, which ends it. */
static bool over_extensions(struct pf_packet *packet, struct pf_cursor *cursor, uint8_t *next)
{
    for (int count = 0; extension_size(*next, 0) != 0; count++) {
        if (count == MOST_EXTENSIONS)
            return pf_malformed(packet, PF_IPV6) != PF_END;
        uint8_t kind = *next;
        const uint8_t *first = pf_cursor_need(cursor, 1), *header = pf_cursor_need(cursor, 8);
        if (first != NULL)
            *next = first[0];
        if (header == NULL)
            return pf_lacking(packet, PF_IPV6, cursor, 8) != PF_END;
        if (kind == AUTHENTICATION && packet->ah == 0)
            packet->ah = (uint32_t)(header - packet->record.octets);
        size_t size = extension_size(kind, header[1]);
        if (pf_cursor_need(cursor, size) == NULL)
            return pf_lacking(packet, PF_IPV6, cursor, size) != PF_END;
        if (kind == FRAGMENT) {
            unsigned field = pf_be16(header + 2); /* offset in the high 13 bits, more fragments in the lowest */
            if (field >> 3 != 0)
                return false;
            packet->fragment |= (field & 1) != 0;
        }
        (void)pf_cursor_skip(cursor, size);
    }
    return true;
}

enum pf_protocol pf_step_ipv6(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, 1);
    if (header == NULL)
        return pf_lacking(packet, PF_IPV6, cursor, HEADER);
    bool outermost = packet->ip == PF_NO_LAYER && header[0] >> 4 == 6;
    if (outermost) {
        packet->ip = (uint8_t)(packet->layers - 1);
        packet->ip_version = 6;
    }
    if (pf_cursor_need(cursor, HEADER) == NULL) {
        if (outermost && pf_cursor_left(cursor) > 6 && extension_size(header[6], 0) == 0) {
            packet->has_ip_proto = true;
            packet->ip_proto = header[6];
        }
        return pf_lacking(packet, PF_IPV6, cursor, HEADER);
    }
    if (header[0] >> 4 != 6)
        return pf_malformed(packet, PF_IPV6);
    size_t payload = pf_be16(header + 4);
    uint8_t next = header[6];
    if (HEADER + payload > cursor->wire && !packet->fragment)
        (void)pf_malformed(packet, PF_IPV6);
    (void)pf_cursor_skip(cursor, HEADER);
    if (payload != 0) /* 0: a jumbogram (RFC 2675), or a segment the sending kernel had not cut up yet */
        pf_cursor_clip(cursor, payload);
    bool on = over_extensions(packet, cursor, &next);
    if (outermost && extension_size(next, 0) == 0) {
        packet->has_ip_proto = true;
        packet->ip_proto = next;
    }
    return on && next != NO_NEXT_HEADER ? pf_by_ip_protocol(packet, next) : PF_END;
}
