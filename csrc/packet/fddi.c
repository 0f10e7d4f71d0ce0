/* FDDI (ANSI X3.139; LINKTYPE_FDDI): frame control, destination, source; LLC goes on
 *
 *   frame control  C L F F Z Z Z Z      L: addresses of 48 bits; FF 01: LLC; C: either class
 */
#include "packet/packet.h"

enum { HEADER = 13, KIND = 0x70, OF_LLC = 0x50 };

enum pf_protocol pf_step_fddi(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, HEADER);
    if (header == NULL)
        return pf_lacking(packet, PF_FDDI, cursor, HEADER);
    (void)pf_cursor_skip(cursor, HEADER);
    return (header[0] & KIND) == OF_LLC ? PF_LLC : pf_unknown(packet, PF_UNKNOWN_FDDI, header[0]);
}
