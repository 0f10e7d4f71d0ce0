/* What the files of this room tell each other and the catalogue: how a payload is recognised by its first octets.
 *
 * All of them look at what the cursor shows and move nothing. */
#ifndef PF_PAYLOAD_PAYLOAD_H
#define PF_PAYLOAD_PAYLOAD_H

#include "packet/packet.h"

/* A record with a client's or server's hello, which no other protocol looks like; `registered`: any record. */
bool pf_is_tls(const struct pf_cursor *cursor, bool registered);
/* A request or status line of HTTP/1. */
bool pf_is_http(const struct pf_cursor *cursor);
/* A header of Modbus/TCP; it is not told from others but by the port too. */
bool pf_is_modbus(const struct pf_cursor *cursor);
/* A line of FTP's control connection; likewise. */
bool pf_is_ftp(const struct pf_cursor *cursor, bool to_server);
/* A long header of a known version. */
bool pf_is_quic(const struct pf_cursor *cursor);
/* A message of BOOTP or DHCP, one of the NetBIOS name service, one of Kerberos; likewise. */
bool pf_is_dhcp(const struct pf_cursor *cursor);
bool pf_is_nbns(const struct pf_cursor *cursor);
bool pf_is_kerberos(const struct pf_cursor *cursor, bool over_tcp);
/* Has a message of NTLM among its first octets, which begins `at` octets from the cursor. */
bool pf_is_ntlmssp(const struct pf_cursor *cursor, size_t *at);

#endif
