/* SCTP (RFC 9260): the common header; its chunks are not read.
 *
 *    |      Source Port Number       |    Destination Port Number    |
 *    |                      Verification Tag                         |
 *    |                           Checksum                            |
 */
#include "packet/packet.h"

enum { HEADER = 12 };

enum pf_protocol pf_step_sctp(struct pf_packet *packet, struct pf_cursor *cursor)
{
    return pf_cursor_need(cursor, HEADER) != NULL ? PF_END : pf_lacking(packet, PF_SCTP, cursor, HEADER);
}
