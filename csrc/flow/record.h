/* What a saved event is made of: shared by the file that writes such records and the one that reads them.
 *
 *   bits | step of frame number | step of time | protocol | header | payload | address, port | address, port | ...
 *
 * A clock ends after the time; one that says something is a packet that flows cannot take, and its link type follows.
 * Behind the addresses comes what the protocol has (docs of the fields: event.h), then
 * with options.dedup the copy, then what the packet says: a bit for each field, its numbers, its texts with their
 * lengths. */
#ifndef PF_FLOW_RECORD_H
#define PF_FLOW_RECORD_H

#include "flow/event.h"
#include "flow/extra.h"

enum pf_record_bit {
    PF_RECORD_SIDE = 1,
    PF_RECORD_WANTED = 2,
    PF_RECORD_ONE_ADDRESS = 4,
    PF_RECORD_IPV6 = 8,
    PF_RECORD_CLOCK = 16,
    PF_RECORD_RETRANSMISSION = 32,
    PF_RECORD_DUPLICATE_ACK = 64,
    PF_RECORD_SAID = 128,
};

static inline bool pf_record_has_ports(uint8_t protocol)
{
    return protocol == PF_IPPROTO_TCP || protocol == PF_IPPROTO_UDP || protocol == PF_IPPROTO_SCTP;
}

static inline bool pf_record_is_icmp(uint8_t protocol)
{
    return protocol == PF_IPPROTO_ICMP || protocol == PF_IPPROTO_ICMPV6;
}

static inline bool pf_said_is_text(unsigned column)
{
    return pf_flow_extras[column].kind.type == PF_TEXT;
}

/* Of the options those that events depend on. */
uint32_t pf_flow_shape(const struct pf_flow_options *options);

#endif
