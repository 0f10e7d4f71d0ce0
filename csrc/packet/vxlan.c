/* VXLAN (RFC 7348) and VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe-13), which also carries other things than Ethernet
 *
 *    |R|R|R|R|I|P|R|R|            Reserved           | (GPE: next)   |
 *    |                VXLAN Network Identifier (VNI) |   Reserved    |
 */
#include "packet/packet.h"

enum { HEADER = 8, HAS_NEXT = 0x04, GPE_PORT = 4790, IPV4 = 1, IPV6 = 2, ETHERNET = 3, MPLS = 5 };

static bool over_port(const struct pf_packet *packet, uint16_t port)
{
    const uint8_t *ports = pf_layer_octets(packet, (uint8_t)(packet->layers - 2), 0, 4); /* of the UDP header before */
    return ports != NULL && pf_be16(ports + 2) == port;
}

enum pf_protocol pf_step_vxlan(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, HEADER);
    if (header == NULL)
        return pf_lacking(packet, PF_VXLAN, cursor, HEADER);
    (void)pf_cursor_skip(cursor, HEADER);
    if ((header[0] & HAS_NEXT) == 0 || !over_port(packet, GPE_PORT)) /* elsewhere the bit means nothing */
        return PF_ETH;
    switch (header[3]) {
    case IPV4:
        return PF_IPV4;
    case IPV6:
        return PF_IPV6;
    case ETHERNET:
        return PF_ETH;
    case MPLS:
        return PF_MPLS;
    default:
        return pf_unknown(packet, PF_UNKNOWN_VXLAN, header[3]);
    }
}
