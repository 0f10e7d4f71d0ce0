/* Geneve (RFC 8926)
 *
 *    |Ver|  Opt Len  |O|C|    Rsvd.  |          Protocol Type        |
 *    |        Virtual Network Identifier (VNI)       |    Reserved   |
 *    |                    Variable-Length Options                    |
 */
#include "packet/packet.h"

enum { FIXED = 8, OPTIONS = 0x3f };

enum pf_protocol pf_step_geneve(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, FIXED);
    if (header == NULL)
        return pf_lacking(packet, PF_GENEVE, cursor, FIXED);
    size_t size = FIXED + 4 * ((size_t)header[0] & OPTIONS);
    if (!pf_cursor_skip(cursor, size))
        return pf_lacking(packet, PF_GENEVE, cursor, size);
    return pf_by_ethertype(packet, pf_be16(header + 2));
}
