/* ICMP (RFC 792) and ICMPv6 (RFC 4443). What an error message quotes was not sent by this packet: it is not walked. */
#include "packet/packet.h"

enum { FIXED = 4 };

static enum pf_protocol either(struct pf_packet *packet, struct pf_cursor *cursor, enum pf_protocol which)
{
    return pf_cursor_need(cursor, FIXED) != NULL ? PF_END : pf_lacking(packet, which, cursor, FIXED);
}

enum pf_protocol pf_step_icmp(struct pf_packet *packet, struct pf_cursor *cursor)
{
    return either(packet, cursor, PF_ICMP);
}

enum pf_protocol pf_step_icmpv6(struct pf_packet *packet, struct pf_cursor *cursor)
{
    return either(packet, cursor, PF_ICMPV6);
}
