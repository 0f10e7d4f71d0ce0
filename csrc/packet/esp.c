/* IP Encapsulating Security Payload (RFC 4303): SPI and sequence number. What follows is taken to be encrypted. */
#include "packet/packet.h"

enum { HEADER = 8 };

enum pf_protocol pf_step_esp(struct pf_packet *packet, struct pf_cursor *cursor)
{
    return pf_cursor_need(cursor, HEADER) != NULL ? PF_END : pf_lacking(packet, PF_ESP, cursor, HEADER);
}
