/* Ethernet within IP (RFC 3378): a version and zeros, then the frame */
#include "packet/packet.h"

enum { HEADER = 2 };

enum pf_protocol pf_step_etherip(struct pf_packet *packet, struct pf_cursor *cursor)
{
    return pf_cursor_skip(cursor, HEADER) ? PF_ETH : pf_lacking(packet, PF_ETHERIP, cursor, HEADER);
}
