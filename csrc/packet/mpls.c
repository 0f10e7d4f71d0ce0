/* MPLS (RFC 3032), one label stack entry a layer
 *
 *    |                Label                  | TC  |S|      TTL      |
 *
 * Nothing says what follows the bottom of the stack. By its first nibble it is IP, or a pseudowire (RFC 4385, 4928). */
#include "packet/packet.h"

enum { ENTRY = 4, BOTTOM = 1, CONTROL_WORD = 4, TYPE_AT = 12 };

/* An Ethernet pseudowire (RFC 4448) has a control word or not; a destination address that begins with a nibble of 0
 * looks like one. It is an address where a known EtherType then is in its place. */
static enum pf_protocol pseudowire(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *frame = pf_cursor_need(cursor, TYPE_AT + 2);
    if (frame != NULL && pf_knows_ethertype(pf_be16(frame + TYPE_AT)))
        return PF_ETH;
    return pf_cursor_skip(cursor, CONTROL_WORD) ? PF_ETH : pf_lacking(packet, PF_MPLS, cursor, CONTROL_WORD);
}

enum pf_protocol pf_step_mpls(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *entry = pf_cursor_need(cursor, ENTRY);
    if (entry == NULL)
        return pf_lacking(packet, PF_MPLS, cursor, ENTRY);
    (void)pf_cursor_skip(cursor, ENTRY);
    if ((entry[2] & BOTTOM) == 0)
        return PF_MPLS;
    const uint8_t *first = pf_cursor_need(cursor, 1);
    if (first == NULL)
        return pf_lacking(packet, PF_MPLS, cursor, 1);
    switch (first[0] >> 4) {
    case 0:
        return pseudowire(packet, cursor);
    case 4:
        return PF_IPV4;
    case 6:
        return PF_IPV6;
    default:
        return pf_unknown(packet, PF_UNKNOWN_MPLS, first[0] >> 4);
    }
}
