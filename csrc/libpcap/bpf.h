/* Filter expressions as in tcpdump (Berkeley Packet Filters), compiled and run by libpcap.
 *
 * One header, two faces: libpcap.c is built where libpcap is, none.c where it is not, which answers every call with how
 * to get it. Any thread may call. */
#ifndef PF_LIBPCAP_BPF_H
#define PF_LIBPCAP_BPF_H

#include "base/error.h"

struct pf_bpf; /* a compiled program; it never changes */

/* Whether libpcap is built in; *says is its version then, else how to get it. */
bool pf_libpcap(const char **says);

/* Compiles for packets of a link type from a file of this byte order, which tells how the few link types with headers
 * in host order are read. PF_NOT_FILTER with one line that names the expression when libpcap refuses it. As in
 * tcpdump, names of hosts are looked up. */
enum pf_status pf_bpf_compile(const char *expression, uint16_t link_type, bool big_endian, struct pf_bpf **program,
                              struct pf_error *error);
/* Of a packet of `len` octets the first `captured` are there. */
bool pf_bpf_matches(const struct pf_bpf *program, const uint8_t *octets, uint32_t len, uint32_t captured);
void pf_bpf_free(struct pf_bpf *program); /* NULL is fine */

/* For this room: what libpcap has just said of an expression, as PF_NOT_FILTER in one line. */
struct pcap;
enum pf_status pf_bpf_refused(const char *expression, uint16_t link_type, struct pcap *pcap, struct pf_error *error);

#endif
