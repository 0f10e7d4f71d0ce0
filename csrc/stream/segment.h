/* What the ordered stage wants of a TCP segment, taken from its packet by any worker; and what it finds out. */
#ifndef PF_STREAM_SEGMENT_H
#define PF_STREAM_SEGMENT_H

#include "packet/packet.h"
#include "stream/connection.h"

enum { PF_FIN = 0x01, PF_SYN = 0x02, PF_RST = 0x04, PF_ACK = 0x10 };

struct pf_segment {
    struct pf_ends ends;
    uint64_t hash; /* of the ends */
    int64_t time;  /* ns */
    uint32_t seq, ack;
    uint32_t length;   /* octets of payload on the wire, */
    uint32_t captured; /* of them captured, */
    const uint8_t *payload;
    uint16_t window;
    uint8_t side;  /* which of the ends sends it */
    uint8_t flags; /* the low eight */
    bool timed;
    /* what was found */
    struct pf_tcp_found found;
    const uint8_t *message; /* what it completes: a TCP header of 20 octets, and `message_size` octets behind that */
    uint32_t message_size;
};

/* Sequence numbers, which go round (RFC 9293 3.4). */
static inline bool pf_seq_after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

/* False where the packet has no TCP header that is whole, or its addresses are not captured, or it is a fragment. */
bool pf_segment_of(const struct pf_packet *packet, struct pf_segment *segment);

#endif
