/* TCP (RFC 9293)
 *
 *    |          Source Port          |       Destination Port        |
 *    |                        Sequence Number                        |
 *    |                    Acknowledgment Number                      |
 *    |Offset |Reservd|     Flags     |            Window             |
 *    |           Checksum            |         Urgent Pointer        |
 */
#include "packet/packet.h"

enum { HEADER = 20, DNS_PORT = 53, DNS_LENGTH = 2, DNS_HEADER = 12 };

/* RFC 1035 4.2.2: over TCP a message comes after its length. A segment in the middle of one is not taken for a
 * beginning unless it looks like one. */
static enum pf_protocol payload(const struct pf_packet *packet, const uint8_t *header, struct pf_cursor *cursor)
{
    if (packet->fragment)
        return PF_END;
    if (pf_be16(header) != DNS_PORT && pf_be16(header + 2) != DNS_PORT)
        return PF_DATA;
    const uint8_t *length = pf_cursor_need(cursor, DNS_LENGTH);
    if (length == NULL || pf_be16(length) < DNS_HEADER || cursor->wire < DNS_LENGTH + DNS_HEADER)
        return PF_END;
    (void)pf_cursor_skip(cursor, DNS_LENGTH);
    pf_cursor_clip(cursor, pf_be16(length));
    return PF_DNS;
}

enum pf_protocol pf_step_tcp(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, 13);
    size_t header_length = header != NULL ? (size_t)(header[12] >> 4) * 4 : HEADER;
    bool first = packet->first[PF_TCP] == packet->layers - 1;
    if (first && !packet->fragment && header != NULL && header_length >= HEADER && header_length <= cursor->wire) {
        packet->has_tcp_len = true;
        packet->tcp_len = (uint32_t)(cursor->wire - header_length);
    }
    if (pf_cursor_need(cursor, HEADER) == NULL)
        return pf_lacking(packet, PF_TCP, cursor, HEADER);
    if (header_length < HEADER)
        return pf_malformed(packet, PF_TCP);
    if (!pf_cursor_skip(cursor, header_length))
        return pf_lacking(packet, PF_TCP, cursor, header_length);
    return payload(packet, header, cursor);
}
