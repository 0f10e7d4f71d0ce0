/* The NetBIOS name service (RFC 1002, 4.2): a header and records as in DNS, and names of sixteen octets, each of them
 * written as two letters from A to P (first-level encoding, RFC 1001, 14.1). Any thread may call. */
#ifndef PF_PAYLOAD_NBNS_H
#define PF_PAYLOAD_NBNS_H

#include "payload/dns.h"

enum { PF_NBNS_NB = 0x20, PF_NBNS_NBSTAT = 0x21 };

/* The packet's first message; false where its header is not whole. */
bool pf_nbns_of(const struct pf_packet *packet, struct pf_dns *message);
/* "FILESERVER<20>": the name at a place without the spaces at its end, and its sixteenth octet, which says what it is
 * the name of. False, and nothing is written, where there is none. */
bool pf_nbns_write_name(const struct pf_dns *message, uint32_t at, struct pf_writer *writer);
/* What the first record of type NB says first: two octets of flags, the highest for a group, and an IPv4 address. NULL:
 * there is none. */
const uint8_t *pf_nbns_address(const struct pf_dns *message);

#endif
