/* ERSPAN types II and III (draft-foschiano-erspan-03); type I has no header and is not seen here
 *
 *    |  Ver  |          VLAN         | COS | En|T|    Session ID     |
 *    |      Reserved         |                  Index                |    type III: its timestamp,
 *    |             SGT               |P|    FT   |   Hw ID   |D|Gra|O|    and this
 */
#include "packet/packet.h"

enum { TYPE_II = 1, TYPE_III = 2, SIZE_II = 8, SIZE_III = 12, SUBHEADER = 8, FRAME_TYPE = 0x7c, HAS_SUBHEADER = 1 };

enum pf_protocol pf_step_erspan(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, SIZE_II);
    if (header == NULL)
        return pf_lacking(packet, PF_ERSPAN, cursor, SIZE_II);
    unsigned version = header[0] >> 4;
    if (version != TYPE_II && version != TYPE_III)
        return pf_unknown(packet, PF_UNKNOWN_ERSPAN_VERSION, version);
    size_t size = SIZE_II;
    if (version == TYPE_III) {
        if (pf_cursor_need(cursor, SIZE_III) == NULL)
            return pf_lacking(packet, PF_ERSPAN, cursor, SIZE_III);
        if ((header[10] & FRAME_TYPE) != 0)
            return pf_unknown(packet, PF_UNKNOWN_ERSPAN_FRAME, (header[10] & FRAME_TYPE) >> 2);
        size = SIZE_III + ((header[11] & HAS_SUBHEADER) != 0 ? SUBHEADER : 0);
    }
    return pf_cursor_skip(cursor, size) ? PF_ETH : pf_lacking(packet, PF_ERSPAN, cursor, size);
}
