/* Cisco HDLC (RFC 1547, 4.3.1; LINKTYPE_C_HDLC): address, control, EtherType */
#include "packet/packet.h"

enum { HEADER = 4 };

enum pf_protocol pf_step_chdlc(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, HEADER);
    if (header == NULL)
        return pf_lacking(packet, PF_CHDLC, cursor, HEADER);
    (void)pf_cursor_skip(cursor, HEADER);
    return pf_by_ethertype(packet, pf_be16(header + 2));
}
