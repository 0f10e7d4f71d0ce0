/* Teredo (RFC 4380, 5.1.1): IPv6 in UDP, perhaps after an authentication and an origin indication, in this order
 *
 *    |      0x00     |      0x01     | ID-len | AU-len | ID | AU | nonce (8 octets) | confirmation |
 *    |      0x00     |      0x00     | obscured port (2 octets)     | obscured address (4 octets) |
 */
#include "packet/packet.h"

enum { INDICATOR = 2, AUTHENTICATION = 1, ORIGIN = 0, LENGTHS = 4, NONCE_AND_CONFIRMATION = 9, ORIGIN_SIZE = 8 };

static bool is(const uint8_t *octets, uint8_t indicator)
{
    return octets != NULL && octets[0] == 0 && octets[1] == indicator;
}

enum pf_protocol pf_step_teredo(struct pf_packet *packet, struct pf_cursor *cursor)
{
    if (is(pf_cursor_need(cursor, INDICATOR), AUTHENTICATION)) {
        const uint8_t *header = pf_cursor_need(cursor, LENGTHS);
        if (header == NULL)
            return pf_lacking(packet, PF_TEREDO, cursor, LENGTHS);
        size_t size = LENGTHS + (size_t)header[2] + header[3] + NONCE_AND_CONFIRMATION;
        if (!pf_cursor_skip(cursor, size))
            return pf_lacking(packet, PF_TEREDO, cursor, size);
    }
    if (is(pf_cursor_need(cursor, INDICATOR), ORIGIN) && !pf_cursor_skip(cursor, ORIGIN_SIZE))
        return pf_lacking(packet, PF_TEREDO, cursor, ORIGIN_SIZE);
    const uint8_t *first = pf_cursor_need(cursor, 1);
    if (first == NULL)
        return pf_lacking(packet, PF_TEREDO, cursor, 1);
    return first[0] >> 4 == 6 ? PF_IPV6 : pf_malformed(packet, PF_TEREDO);
}
