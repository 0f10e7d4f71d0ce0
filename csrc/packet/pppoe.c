/* PPP over Ethernet (RFC 2516)
 *
 *    |  VER  | TYPE  |      CODE     |          SESSION_ID           |
 *    |            LENGTH             |           payload             |
 */
#include "packet/packet.h"

enum { HEADER = 6, SESSION = 0 };

enum pf_protocol pf_step_pppoe(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, HEADER);
    if (header == NULL)
        return pf_lacking(packet, PF_PPPOE, cursor, HEADER);
    (void)pf_cursor_skip(cursor, HEADER);
    pf_pull(packet, PF_PPPOE, cursor, pf_be16(header + 4));
    return header[1] == SESSION ? PF_PPP : PF_END; /* other codes are of discovery */
}
