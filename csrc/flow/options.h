/* How packets become flows. Filled by the caller, never changed during a pass. */
#ifndef PF_FLOW_OPTIONS_H
#define PF_FLOW_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a packet may be taken for, as bits of `protocols`. */
enum pf_flow_class { PF_FLOW_TCP, PF_FLOW_UDP, PF_FLOW_ICMP, PF_FLOW_IGMP, PF_FLOW_SCTP, PF_FLOW_OTHER };

/* Fingerprints for retransmissions, of all open flows: as many as a flow of 100 octets a packet sends in 3 GB. */
#define PF_FLOW_PRINT_OCTETS ((uint64_t)256 << 20)

struct pf_secret;

enum pf_flow_names { PF_NAMES_PUBLISHED, PF_NAMES_V4, PF_NAMES_2021 };

struct pf_flow_options {
    bool cic;             /* as the tool of 2017, else corrected */
    bool fork;            /* corrected without our repairs, and nothing is closed early */
    bool count_padding;   /* cic: payload reaches to the end of the frame */
    bool last_tcp_header; /* cic: a UDP header is as long as the TCP header before it */
    bool ghost_flows;     /* frames that are no IP are read as IPv4 from their first octet on */
    bool ipv6;
    bool flush_last_active;
    bool quantize;                          /* doubles as a spreadsheet left them in the published files */
    unsigned names;                         /* of the columns: an enum pf_flow_names */
    unsigned protocols;                     /* 1 << enum pf_flow_class, or-ed */
    int64_t flow_timeout, activity_timeout; /* us */
    int64_t dedup, sort;                    /* us; 0: not */
    uint64_t min_packets;
    uint32_t max_flows;    /* at least 1 */
    uint64_t print_octets; /* 0: PF_FLOW_PRINT_OCTETS */
    unsigned extra;        /* groups of columns: 1 << enum pf_flow_group, or-ed */
    /* Of the hashes in events, where these go to another process; NULL: the process's own. */
    const struct pf_secret *secret;
};

#endif
