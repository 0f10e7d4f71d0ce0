/* DNS (RFC 1035), mDNS (RFC 6762) and LLMNR (RFC 4795): the header
 *
 *    |                      ID                       |
 *    |QR|   Opcode  |AA|TC|RD|RA|   Z    |   RCODE   |
 *    |                    QDCOUNT                    |
 *    |                    ANCOUNT                    |
 *    |                    NSCOUNT                    |
 *    |                    ARCOUNT                    |
 */
#include "packet/packet.h"

enum { HEADER = 12 };

enum pf_protocol pf_step_dns(struct pf_packet *packet, struct pf_cursor *cursor)
{
    return pf_cursor_need(cursor, HEADER) != NULL ? PF_END : pf_lacking(packet, PF_DNS, cursor, HEADER);
}
