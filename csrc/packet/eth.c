/* Ethernet II and IEEE 802.3 */
#include "packet/packet.h"

enum { HEADER = 14, LEAST_TYPE = 1536 }; /* IEEE 802.3-2022, 3.2.6: below 1536 it is a length */

enum pf_protocol pf_by_type_or_length(struct pf_packet *packet, struct pf_cursor *cursor, uint16_t value)
{
    if (value >= LEAST_TYPE)
        return pf_by_ethertype(packet, value);
    if (value != 0)
        pf_cursor_clip(cursor, value);
    return PF_LLC;
}

enum pf_protocol pf_step_eth(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, HEADER);
    if (header == NULL)
        return pf_lacking(packet, PF_ETH, cursor, HEADER);
    (void)pf_cursor_skip(cursor, HEADER);
    return pf_by_type_or_length(packet, cursor, pf_be16(header + 12));
}
