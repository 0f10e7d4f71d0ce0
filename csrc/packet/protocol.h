/* The protocols a packet is walked through, in one list: number, name in faults, name in the column `protocol`, how
 * deep it lies, its step. Adding a protocol is a line here and a file with its step (docs/architecture.md). */
#ifndef PF_PACKET_PROTOCOL_H
#define PF_PACKET_PROTOCOL_H

#include "base/cursor.h"

/* How far a packet is decoded; each includes those before it. Of payloads DNS is told by its port alone; what is told
 * by looking at octets comes last. */
enum pf_depth {
    PF_DEPTH_RECORD,
    PF_DEPTH_LINK,
    PF_DEPTH_NETWORK,
    PF_DEPTH_TRANSPORT,
    PF_DEPTH_PAYLOAD,
    PF_DEPTH_APPLICATION
};

#define PF_PROTOCOLS(X) \
    X(ETH, "eth", "ETH", LINK, pf_step_eth) \
    X(LLC, "llc", "LLC", LINK, pf_step_llc) \
    X(VLAN, "vlan", "VLAN", LINK, pf_step_vlan) \
    X(SLL, "sll", "SLL", LINK, pf_step_sll) \
    X(SLL2, "sll2", "SLL2", LINK, pf_step_sll2) \
    X(NULL_LINK, "null", "NULL", LINK, pf_step_null) \
    X(LOOP, "null", "NULL", LINK, pf_step_loop) \
    X(RAW, "raw", "", LINK, pf_step_raw) \
    X(PPP, "ppp", "PPP", LINK, pf_step_ppp) \
    X(CHDLC, "chdlc", "CHDLC", LINK, pf_step_chdlc) \
    X(FDDI, "fddi", "FDDI", LINK, pf_step_fddi) \
    X(PPPOE, "pppoe", "PPPOE", LINK, pf_step_pppoe) \
    X(MPLS, "mpls", "MPLS", LINK, pf_step_mpls) \
    X(PBB, "pbb", "PBB", LINK, pf_step_pbb) \
    X(WLAN, "wlan", "WLAN", LINK, pf_step_wlan) \
    X(RADIOTAP, "radiotap", "RADIOTAP", LINK, pf_step_radiotap) \
    X(PPI, "ppi", "PPI", LINK, pf_step_ppi) \
    X(ARP, "arp", "ARP", NETWORK, pf_step_arp) \
    X(IPV4, "ipv4", "IPV4", NETWORK, pf_step_ipv4) \
    X(IPV6, "ipv6", "IPV6", NETWORK, pf_step_ipv6) \
    X(GRE, "gre", "GRE", TRANSPORT, pf_step_gre) \
    X(ERSPAN, "erspan", "ERSPAN", TRANSPORT, pf_step_erspan) \
    X(ETHERIP, "etherip", "ETHERIP", TRANSPORT, pf_step_etherip) \
    X(AH, "ah", "AH", TRANSPORT, pf_step_ah) \
    X(ESP, "esp", "ESP", TRANSPORT, pf_step_esp) \
    X(ICMP, "icmp", "ICMP", TRANSPORT, pf_step_icmp) \
    X(ICMPV6, "icmpv6", "ICMPV6", TRANSPORT, pf_step_icmpv6) \
    X(TCP, "tcp", "TCP", TRANSPORT, pf_step_tcp) \
    X(UDP, "udp", "UDP", TRANSPORT, pf_step_udp) \
    X(SCTP, "sctp", "SCTP", TRANSPORT, pf_step_sctp) \
    X(VXLAN, "vxlan", "VXLAN", TRANSPORT, pf_step_vxlan) \
    X(GENEVE, "geneve", "GENEVE", TRANSPORT, pf_step_geneve) \
    X(GTP, "gtp", "GTP", TRANSPORT, pf_step_gtp) \
    X(TEREDO, "teredo", "TEREDO", TRANSPORT, pf_step_teredo) \
    X(DNS, "dns", "DNS", PAYLOAD, pf_step_dns) \
    X(DATA, "data", NULL, APPLICATION, pf_step_data) \
    X(TLS, "tls", "TLS", APPLICATION, pf_step_tls) \
    X(QUIC, "quic", "QUIC", APPLICATION, pf_step_quic) \
    X(HTTP, "http", "HTTP", APPLICATION, pf_step_http) \
    X(SSDP, "ssdp", "SSDP", APPLICATION, pf_step_http) \
    X(MODBUS, "modbus", "MODBUS", APPLICATION, pf_step_modbus) \
    X(FTP, "ftp", "FTP", APPLICATION, pf_step_ftp) \
    X(DHCP, "dhcp", "DHCP", APPLICATION, pf_step_dhcp) \
    X(NBNS, "nbns", "NBNS", APPLICATION, pf_step_nbns) \
    X(KERBEROS, "kerberos", "KERBEROS", APPLICATION, pf_step_kerberos) \
    X(NTLMSSP, "ntlmssp", "NTLMSSP", APPLICATION, pf_step_ntlmssp)

enum pf_protocol {
    PF_END = 0, /* the walk ends: nothing follows, or nothing here knows what */
#define X(id, name, label, depth, step) PF_##id,
    PF_PROTOCOLS(X)
#undef X
        PF_PROTOCOL_COUNT
};

struct pf_packet;

/* Reads one header at the cursor, moves the cursor to what it carries and pulls its ends to the header's lengths;
 * returns what comes next. Notes what it finds, faults included, in the packet. */
typedef enum pf_protocol (*pf_step_function)(struct pf_packet *packet, struct pf_cursor *cursor);

struct pf_protocol_info {
    const char *name, *label; /* without a label it is no layer: a step that finds out what follows */
    enum pf_depth depth;
    pf_step_function step;
};
extern const struct pf_protocol_info pf_protocols[PF_PROTOCOL_COUNT];

#endif
