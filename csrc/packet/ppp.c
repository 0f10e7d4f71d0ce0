/* PPP (RFC 1661), by itself or in HDLC-like framing (RFC 1662): address and control, then the protocol in two octets,
 * or in one when it is odd. A serial line may speak Cisco HDLC instead (LINKTYPE_PPP, tcpdump.org/linktypes). */
#include "packet/packet.h"

enum {
    ALL_STATIONS = 0xff,
    ADDRESS_AND_CONTROL = 2,
    CISCO_UNICAST = 0x0f,
    CISCO_BROADCAST = 0x8f,
    IPV4 = 0x0021,
    IPV6 = 0x0057,           /* RFC 5072 */
    MPLS_UNICAST = 0x0281,   /* RFC 3032 */
    MPLS_MULTICAST = 0x0283, /* RFC 3032 */
};

static enum pf_protocol by_ppp(struct pf_packet *packet, uint16_t protocol)
{
    switch (protocol) {
    case IPV4:
        return PF_IPV4;
    case IPV6:
        return PF_IPV6;
    case MPLS_UNICAST:
    case MPLS_MULTICAST:
        return PF_MPLS;
    default:
        return pf_unknown(packet, PF_UNKNOWN_PPP, protocol);
    }
}

enum pf_protocol pf_step_ppp(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *first = pf_cursor_need(cursor, 1);
    if (first != NULL && (first[0] == CISCO_UNICAST || first[0] == CISCO_BROADCAST))
        return PF_CHDLC;
    if (first != NULL && first[0] == ALL_STATIONS && !pf_cursor_skip(cursor, ADDRESS_AND_CONTROL))
        return pf_lacking(packet, PF_PPP, cursor, ADDRESS_AND_CONTROL);
    first = pf_cursor_need(cursor, 1);
    size_t size = first != NULL && (first[0] & 1) != 0 ? 1 : 2;
    const uint8_t *protocol = pf_cursor_need(cursor, size);
    if (protocol == NULL)
        return pf_lacking(packet, PF_PPP, cursor, size);
    (void)pf_cursor_skip(cursor, size);
    return by_ppp(packet, (uint16_t)pf_be(protocol, (unsigned)size));
}
