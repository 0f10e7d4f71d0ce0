/* ARP (RFC 826) */
#include "packet/packet.h"

enum { FIXED = 8 };

enum pf_protocol pf_step_arp(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, FIXED);
    if (header == NULL)
        return pf_lacking(packet, PF_ARP, cursor, FIXED);
    size_t whole = FIXED + 2 * ((size_t)header[4] + header[5]);
    return pf_cursor_need(cursor, whole) != NULL ? PF_END : pf_lacking(packet, PF_ARP, cursor, whole);
}
