/* UDP (RFC 768) */
#include "packet/packet.h"

enum {
    HEADER = 8,
    DNS = 53,
    MDNS = 5353,
    LLMNR = 5355, /* RFC 1035, 6762, 4795 */
    GTP_U = 2152,
    TEREDO = 3544,
    GRE_IN_UDP = 4754, /* RFC 8086 */
    VXLAN = 4789,
    VXLAN_GPE = 4790,
    GENEVE = 6081,
    MPLS_IN_UDP = 6635, /* RFC 7510 */
};

static bool is_dns(uint16_t port)
{
    return port == DNS || port == MDNS || port == LLMNR;
}

/* A tunnel is told by its destination port; those that also answer from it, by either. */
static enum pf_protocol tunnel_by_port(uint16_t source, uint16_t destination)
{
    switch (destination) {
    case VXLAN:
    case VXLAN_GPE:
        return PF_VXLAN;
    case GENEVE:
        return PF_GENEVE;
    case GRE_IN_UDP:
        return PF_GRE;
    case MPLS_IN_UDP:
        return PF_MPLS;
    case GTP_U:
        return PF_GTP;
    case TEREDO:
        return PF_TEREDO;
    default:
        return source == GTP_U ? PF_GTP : source == TEREDO ? PF_TEREDO : PF_END;
    }
}

/* Any program may be given such a port by chance. What cannot be the tunnel's header is left alone. */
static bool may_begin(enum pf_protocol tunnel, uint8_t first)
{
    switch (tunnel) {
    case PF_VXLAN:
        return (first & 0x08) != 0; /* "the I flag MUST be set" */
    case PF_GENEVE:
        return first >> 6 == 0; /* version 0 */
    case PF_GTP:
        return first >> 4 == 3; /* version 1, protocol type GTP */
    case PF_TEREDO:
        return first >> 4 == 6 || first == 0; /* IPv6 or an indication */
    default:
        return true;
    }
}

static enum pf_protocol payload(const uint8_t *header, const struct pf_cursor *cursor)
{
    uint16_t source = pf_be16(header), destination = pf_be16(header + 2);
    if (cursor->wire == 0)
        return PF_END;
    if (is_dns(source) || is_dns(destination))
        return PF_DNS;
    enum pf_protocol tunnel = tunnel_by_port(source, destination);
    const uint8_t *first = pf_cursor_need(cursor, 1);
    if (tunnel == PF_END)
        return PF_DATA;
    return first == NULL || may_begin(tunnel, first[0]) ? tunnel : PF_END;
}

enum pf_protocol pf_step_udp(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, HEADER);
    if (header == NULL)
        return pf_lacking(packet, PF_UDP, cursor, HEADER);
    size_t length = pf_be16(header + 4);
    if (length != 0 && length < HEADER)
        return pf_malformed(packet, PF_UDP);
    if (length > cursor->wire && !packet->fragment)
        (void)pf_malformed(packet, PF_UDP);
    if (length != 0) /* 0: a jumbogram (RFC 2675), or a datagram the sending kernel had not finished */
        pf_cursor_clip(cursor, length);
    (void)pf_cursor_skip(cursor, HEADER);
    return payload(header, cursor);
}
