/* QUIC's long header, of any version (RFC 8999)
 *
 *    | 1 and seven bits | version (4) | destination id <1> | source id <1> | ...
 */
#ifndef PF_PAYLOAD_QUIC_H
#define PF_PAYLOAD_QUIC_H

#include "packet/packet.h"

struct pf_quic {
    uint8_t first; /* the first octet */
    uint32_t version;
    struct pf_cursor destination, source; /* connection ids, whole */
};

/* The packet's first QUIC layer. */
bool pf_quic_header(const struct pf_packet *packet, struct pf_quic *quic);

#endif
