/* What the ordered stage wants of a packet: taken from its octets by any worker, then handed on in file order.
 *
 * The key names the two ends in an order that does not depend on who sends; `side` is the sender's place in it. */
#ifndef PF_FLOW_EVENT_H
#define PF_FLOW_EVENT_H

#include "capture/format.h"
#include "flow/options.h"

/* What IP's protocol field says (IANA), and with it pf_flow_key.protocol. */
enum {
    PF_IPPROTO_ICMP = 1,
    PF_IPPROTO_IGMP = 2,
    PF_IPPROTO_IPV4 = 4,
    PF_IPPROTO_TCP = 6,
    PF_IPPROTO_UDP = 17,
    PF_IPPROTO_ICMPV6 = 58,
    PF_IPPROTO_SCTP = 132
};

struct pf_flow_key {
    uint8_t address[2][16]; /* of IPv4 the first four octets, the rest 0 */
    uint16_t port[2];
    uint8_t protocol, version;
    uint8_t zero[2];
};

struct pf_flow_event {
    int64_t time; /* ns */
    uint64_t frame_number;
    uint64_t hash;  /* of the key */
    uint64_t print; /* what tells a retransmission; never 0 */
    uint64_t copy;  /* of the octets from the network header on, with options.dedup */
    struct pf_flow_key key;
    uint32_t payload;
    uint16_t window;
    int8_t header; /* octets; -1: UDP with options.last_tcp_header */
    uint8_t side, flags, icmp_type, icmp_code;
    bool wanted;                        /* else only its TCP header matters */
    bool one_address;                   /* sends to itself: the two directions cannot be told apart */
    bool retransmission, duplicate_ack; /* with options.extra */
    bool clock;                         /* no packet: tells how late it is (save.h) */
    uint32_t said;                      /* the same: what it says, by number from 1; 0: nothing */
};

enum pf_flow_verdict {
    PF_FLOW_TAKEN,
    PF_FLOW_UNTIMED,   /* has no time */
    PF_FLOW_NOT_IP,    /* carries nothing that the variant takes */
    PF_FLOW_DAMAGED,   /* an IP header that is cut or contradicts itself */
    PF_FLOW_FRAGMENT,  /* not the first of a datagram */
    PF_FLOW_UNLISTED,  /* of a protocol that was not asked for */
    PF_FLOW_GHOST,     /* no IP, but the tool of 2017 would have made a flow of it */
    PF_FLOW_LINK_TYPE, /* one that the variant cannot take */
    PF_FLOW_VERDICTS
};

/* Fills *event when the packet is taken. Any thread may call. */
enum pf_flow_verdict pf_flow_accept(const struct pf_flow_options *options, const struct pf_record *record,
                                    struct pf_flow_event *event);

/* us since the epoch, rounded down. */
static inline int64_t pf_flow_us(int64_t ns)
{
    return ns / 1000 - (ns % 1000 < 0);
}

#endif
