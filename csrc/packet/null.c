/* Loopback captures: LINKTYPE_NULL and LINKTYPE_LOOP (tcpdump.org/linktypes), and raw IP */
#include "packet/packet.h"

enum { FAMILY = 4 };

/* Address families as their systems number them: AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 24 on NetBSD and
 * OpenBSD, 28 on FreeBSD, 30 on macOS. */
static enum pf_protocol by_family(struct pf_packet *packet, struct pf_cursor *cursor, uint32_t family)
{
    (void)pf_cursor_skip(cursor, FAMILY);
    switch (family) {
    case 2:
        return PF_IPV4;
    case 10:
    case 24:
    case 28:
    case 30:
        return PF_IPV6;
    default:
        return pf_unknown(packet, PF_UNKNOWN_NULL, family);
    }
}

/* The family is in the octet order of the machine that captured: the order in which it is a small number. */
enum pf_protocol pf_step_null(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, FAMILY);
    if (header == NULL)
        return pf_lacking(packet, PF_NULL_LINK, cursor, FAMILY);
    uint32_t little = pf_le32(header);
    return by_family(packet, cursor, little < 1u << 16 ? little : pf_be32(header));
}

enum pf_protocol pf_step_loop(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, FAMILY);
    return header != NULL ? by_family(packet, cursor, pf_be32(header)) : pf_lacking(packet, PF_LOOP, cursor, FAMILY);
}

/* No header of its own: the version nibble of what follows tells. It is no layer either. */
enum pf_protocol pf_step_raw(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *first = pf_cursor_need(cursor, 1);
    if (first == NULL)
        return pf_lacking(packet, PF_RAW, cursor, 1);
    packet->layers--;
    packet->first[PF_RAW] = PF_NO_LAYER;
    unsigned version = first[0] >> 4;
    return version == 4 ? PF_IPV4 : version == 6 ? PF_IPV6 : pf_malformed(packet, PF_RAW);
}
