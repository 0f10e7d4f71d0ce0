/* IP Authentication Header (RFC 4302) as an IP protocol; among IPv6 extension headers ipv6.c steps over it.
 *
 *    | Next Header   |  Payload Len  |          RESERVED             |
 *    |                 Security Parameters Index (SPI)               |
 *    |                    Sequence Number Field                      |
 *    |                Integrity Check Value (variable)               |
 */
#include "packet/packet.h"

enum { FIXED = 8 };

enum pf_protocol pf_step_ah(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, FIXED);
    if (header == NULL)
        return pf_lacking(packet, PF_AH, cursor, FIXED);
    if (packet->ah == 0)
        packet->ah = (uint32_t)(header - packet->record.octets);
    size_t size = 4 * ((size_t)header[1] + 2);
    if (!pf_cursor_skip(cursor, size))
        return pf_lacking(packet, PF_AH, cursor, size);
    return pf_by_ip_protocol(packet, header[0]);
}
