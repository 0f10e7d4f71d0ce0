/* UDP (RFC 768) */
#include "packet/packet.h"

enum { HEADER = 8, DNS = 53, MDNS = 5353, LLMNR = 5355 }; /* RFC 1035, 6762, 4795 */

static bool is_dns(uint16_t port)
{
    return port == DNS || port == MDNS || port == LLMNR;
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
    bool dns = is_dns(pf_be16(header)) || is_dns(pf_be16(header + 2));
    return dns && cursor->wire != 0 ? PF_DNS : PF_END;
}
