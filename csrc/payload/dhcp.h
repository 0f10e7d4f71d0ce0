/* DHCP (RFC 2131) and BOOTP (RFC 951):
 *
 *    | op | hardware type | its length | hops | ... 236 octets ... | cookie | option: code, length, content | ...
 *
 * The cursor is at the first octet and stays. Any thread may call. */
#ifndef PF_PAYLOAD_DHCP_H
#define PF_PAYLOAD_DHCP_H

#include "base/writer.h"
#include "packet/packet.h"

/* Where things stand in the fixed part. */
enum { PF_DHCP_CLIENT = 12, PF_DHCP_YOUR = 16, PF_DHCP_SERVER = 20, PF_DHCP_RELAY = 24, PF_DHCP_HARDWARE = 28 };

/* RFC 2132, 4702. */
enum pf_dhcp_code {
    PF_DHCP_ROUTER = 3,
    PF_DHCP_NAME_SERVER = 6,
    PF_DHCP_HOST_NAME = 12,
    PF_DHCP_DOMAIN_NAME = 15,
    PF_DHCP_REQUESTED = 50,
    PF_DHCP_TYPE = 53,
    PF_DHCP_SERVER_ID = 54,
    PF_DHCP_VENDOR_CLASS = 60,
    PF_DHCP_FQDN = 81,
};

/* The content of the first option of a code, all of which is there; an option that is cut ends the options. */
bool pf_dhcp_option(const struct pf_cursor *message, unsigned code, struct pf_cursor *content);
/* The name in option 81; false, and nothing is written, where it holds none that can be read. */
bool pf_dhcp_write_fqdn(const struct pf_cursor *content, struct pf_writer *writer);

#endif
