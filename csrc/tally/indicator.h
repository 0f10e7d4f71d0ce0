/* A packet's indicators of compromise: the keys it is counted under, and by which it is selected.
 *
 * One piece of code serves both, so that a packet is selected exactly when it was counted. Any thread may call. */
#ifndef PF_TALLY_INDICATOR_H
#define PF_TALLY_INDICATOR_H

#include "packet/packet.h"

enum pf_dns_rule { PF_DNS_EMPTY, PF_DNS_NXDOMAIN };
enum pf_seq_rule { PF_SEQ_ALL, PF_SEQ_DATA };

struct pf_indicator_rules {
    bool scapy; /* what scapy 2.8 would see (tally/scapy.h) instead of our own reading */
    enum pf_dns_rule dns;
    enum pf_seq_rule seq;
};

enum pf_indicator_kind { PF_IOC_DNS, PF_IOC_IP, PF_IOC_SEQ, PF_IOC_KINDS };

/* An address is four or sixteen octets as big-endian words. */
struct pf_address {
    uint64_t word[2];
    uint8_t size; /* 4 or 16; 0: none */
};

struct pf_indicators {
    struct pf_address dns, ip; /* who got a DNS reply of the wanted kind; who sent the packet */
    uint32_t seq;
    bool has_seq;
};

enum pf_depth pf_indicator_depth(const struct pf_indicator_rules *rules);
void pf_indicators_of(const struct pf_indicator_rules *rules, const struct pf_packet *packet,
                      struct pf_indicators *found);

#endif
