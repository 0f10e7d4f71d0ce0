/* Linux "cooked" captures, LINKTYPE_LINUX_SLL and LINKTYPE_LINUX_SLL2 (tcpdump.org/linktypes) */
#include "packet/packet.h"

enum { SLL = 16, SLL2 = 20, LLC_FOLLOWS = 0x0004 };

static enum pf_protocol by_protocol(struct pf_packet *packet, uint16_t protocol)
{
    return protocol == LLC_FOLLOWS ? PF_LLC : pf_by_ethertype(packet, protocol);
}

enum pf_protocol pf_step_sll(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, SLL);
    if (header == NULL)
        return pf_lacking(packet, PF_SLL, cursor, SLL);
    (void)pf_cursor_skip(cursor, SLL);
    return by_protocol(packet, pf_be16(header + 14));
}

enum pf_protocol pf_step_sll2(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, SLL2);
    if (header == NULL)
        return pf_lacking(packet, PF_SLL2, cursor, SLL2);
    (void)pf_cursor_skip(cursor, SLL2);
    return by_protocol(packet, pf_be16(header));
}
