/* IPv4 (RFC 791)
 *
 *    |version|  IHL  |Type of Service|          Total Length         |
 *    |         Identification        |Flags|      Fragment Offset    |
 *    |  Time to Live |    Protocol   |         Header Checksum       |
 *    |                       Source Address                          |
 *    |                    Destination Address                        |
 *    |                    Options                    |    Padding    |
 */
#include "packet/packet.h"

enum { HEADER = 20, MORE_FRAGMENTS = 0x2000, FRAGMENT_OFFSET = 0x1fff };

static void note_outermost(struct pf_packet *packet, const struct pf_cursor *cursor, const uint8_t *first)
{
    if (packet->ip != PF_NO_LAYER || first[0] >> 4 != 4)
        return;
    packet->ip = (uint8_t)(packet->layers - 1);
    packet->ip_version = 4;
    packet->has_ip_proto = pf_cursor_left(cursor) > 9;
    if (packet->has_ip_proto)
        packet->ip_proto = first[9];
}

enum pf_protocol pf_step_ipv4(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, 1);
    if (header == NULL)
        return pf_lacking(packet, PF_IPV4, cursor, HEADER);
    note_outermost(packet, cursor, header);
    if (pf_cursor_need(cursor, HEADER) == NULL)
        return pf_lacking(packet, PF_IPV4, cursor, HEADER);

    size_t header_length = (header[0] & 0x0fu) * 4;
    size_t total_length = pf_be16(header + 2);
    if (header[0] >> 4 != 4 || header_length < HEADER || (total_length != 0 && total_length < header_length))
        return pf_malformed(packet, PF_IPV4);
    if (total_length > cursor->wire && !packet->fragment)
        (void)pf_malformed(packet, PF_IPV4);
    if (total_length != 0)
        pf_cursor_clip(cursor, total_length);
    if (!pf_cursor_skip(cursor, header_length))
        return pf_lacking(packet, PF_IPV4, cursor, header_length);

    unsigned fragment = pf_be16(header + 6);
    if ((fragment & FRAGMENT_OFFSET) != 0)
        return PF_END;
    packet->fragment |= (fragment & MORE_FRAGMENTS) != 0;
    return pf_by_ip_protocol(packet, header[9]);
}
