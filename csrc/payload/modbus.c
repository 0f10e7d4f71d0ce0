/* Modbus/TCP (Modbus Messaging on TCP/IP Implementation Guide 1.0b, 3.1.3)
 *
 *    |  Transaction  | Protocol: 0   |    Length     | Unit  | Function | ...
 */
#include "payload/payload.h"

/* The length counts from the unit on: unit and function at least, and 253 octets after the unit at most. */
enum { HEADER = 8, LEAST = 2, MOST = 254 };

bool pf_is_modbus(const struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, HEADER);
    return header != NULL && pf_be16(header + 2) == 0 && pf_be16(header + 4) >= LEAST && pf_be16(header + 4) <= MOST;
}

enum pf_protocol pf_step_modbus(struct pf_packet *packet, struct pf_cursor *cursor)
{
    (void)packet;
    (void)cursor;
    return PF_END;
}
