/* NTLM ([MS-NLMP] 2.2.1), wherever a TCP segment carries it: SMB, DCE/RPC and LDAP have its messages as octets, HTTP
 * has them in base64 in the fields of authentication (RFC 4559, 4).
 *
 *    | NTLMSSP 0 | type (4) | where each text lies: length (2), room (2), offset (4) | ... | flags (4) | ... texts |
 */
#ifndef PF_PAYLOAD_NTLM_H
#define PF_PAYLOAD_NTLM_H

#include "base/writer.h"
#include "packet/packet.h"

enum pf_ntlm_part {
    PF_NTLM_DOMAIN, /* of type 3: who wants in */
    PF_NTLM_USER,
    PF_NTLM_WORKSTATION,
    PF_NTLM_TARGET, /* of type 2: what the server is */
    PF_NTLM_COMPUTER,
    PF_NTLM_DOMAIN_OF_SERVER,
    PF_NTLM_DNS_COMPUTER,
    PF_NTLM_DNS_DOMAIN,
};

/* Octets that are made of base64: names of the length that directories allow, and no ticket in the same field. */
enum { PF_NTLM_ROOM = 2048 };

struct pf_ntlm {
    const uint8_t *octets; /* of the message, in the packet or in `room` */
    size_t size;
    uint8_t room[PF_NTLM_ROOM];
};

/* The packet's message with its type all there; one thread per struct. */
bool pf_ntlm_of(const struct pf_packet *packet, struct pf_ntlm *message);
uint32_t pf_ntlm_type(const struct pf_ntlm *message);
/* False, and nothing is written, where the message has none, an empty one, or one that is not all there. */
bool pf_ntlm_write(const struct pf_ntlm *message, enum pf_ntlm_part part, struct pf_writer *writer);

#endif
