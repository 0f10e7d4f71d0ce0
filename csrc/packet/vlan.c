/* VLAN tags (IEEE 802.1Q), one or several */
#include "packet/packet.h"

enum { TAG = 4 };

enum pf_protocol pf_step_vlan(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *tag = pf_cursor_need(cursor, TAG);
    if (tag == NULL)
        return pf_lacking(packet, PF_VLAN, cursor, TAG);
    (void)pf_cursor_skip(cursor, TAG);
    return pf_by_type_or_length(packet, cursor, pf_be16(tag + 2));
}
