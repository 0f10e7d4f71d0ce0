/* A record decoded into layers: what docs/decoding.md says, in a struct that is filled anew for every packet.
 *
 *   octets   | eth | ipv4 | udp | dns ...            layers are (protocol, offset, captured octets from there on)
 *   layer[]     0      1     2     3
 *   first[PF_UDP] == 2, ip == 1                      0xff: none
 *
 * Nothing is copied: octets belong to the record and are read through pf_layer_octets(). Decoding never fails and never
 * allocates. */
#ifndef PF_PACKET_PACKET_H
#define PF_PACKET_PACKET_H

#include "capture/format.h"
#include "packet/protocol.h"

enum {
    PF_MOST_LAYERS = 16, /* real traffic has at most nine or so; a crafted chain of tunnels must end */
    PF_NO_LAYER = 0xff,
};

enum pf_malady { PF_SOUND = 0, PF_TRUNCATED, PF_MALFORMED, PF_UNKNOWN };

/* What an unknown value is a value of. */
enum pf_unknown {
    PF_UNKNOWN_LINK_TYPE,
    PF_UNKNOWN_ETHERTYPE,
    PF_UNKNOWN_LLC,
    PF_UNKNOWN_SNAP,
    PF_UNKNOWN_NULL,
    PF_UNKNOWN_IP_PROTOCOL,
    PF_UNKNOWN_GRE_VERSION,
    PF_UNKNOWN_GRE_ROUTING,
    PF_UNKNOWN_PPP,
    PF_UNKNOWN_MPLS, /* what follows the stack, by its first nibble */
    PF_UNKNOWN_ERSPAN_VERSION,
    PF_UNKNOWN_ERSPAN_FRAME,
    PF_UNKNOWN_WLAN_VERSION,
    PF_UNKNOWN_VXLAN,
    PF_UNKNOWN_FDDI, /* frame control */
};

struct pf_layer {
    uint32_t offset;   /* of its first octet in the record */
    uint32_t captured; /* octets from there that may be read and belong to it */
    uint32_t wire;     /* the same, had nothing been cut */
    uint8_t protocol;
};

/* What the segments before it tell of a TCP segment (stream/analysis). */
struct pf_tcp_found {
    int64_t ack_rtt; /* ns */
    uint32_t stream; /* the number of its connection, from 0 */
    bool known, retransmission, duplicate_ack, has_ack_rtt;
};

/* What a field may want to know of packets before this one, so that they are looked at in file order. */
enum pf_need { PF_NEED_TCP = 1, PF_NEED_DNS = 2, PF_NEED_TLS = 4 };

struct pf_packet {
    struct pf_record record;
    struct pf_tcp_found tcp; /* stamped by the ordered stage, where columns ask for it */
    const struct pf_packet
        *message;     /* the same: what this one completes of what several said; its own is itself; or NULL */
    uint64_t flow_id; /* with its direction: stamped by a predicate, where columns ask for it; 0: in no flow */
    uint8_t flow_direction;
    uint8_t layers;
    uint8_t first[PF_PROTOCOL_COUNT]; /* the first layer of each protocol */
    uint64_t protocols;               /* those of its layers, a bit each */
    uint8_t ip;                       /* the outermost IP header with the right version nibble */
    uint8_t ip_version, ip_proto;
    bool has_ip_proto;
    bool fragment;    /* one of the headers so far is that of a first fragment: what it carries goes on elsewhere */
    bool wlan_padded; /* the 802.11 header that follows is padded to a multiple of 4 octets */
    bool has_tcp_len; /* of the first TCP header */
    uint32_t tcp_len;
    uint32_t ah;    /* where in the record the first authentication header with 8 octets is, over either IP; 0: none */
    uint8_t malady; /* the first fault: an enum pf_malady, */
    uint8_t faulty; /* a protocol, or an enum pf_unknown with */
    uint32_t value; /* its value */
    struct pf_layer layer[PF_MOST_LAYERS];
};

/* Decodes packet->record as deep as asked. */
void pf_packet_decode(struct pf_packet *packet, enum pf_depth depth);
/* The same of a record that is a TCP header and what follows. */
void pf_packet_decode_tcp(struct pf_packet *packet, enum pf_depth depth);

/* `size` octets at `offset` within a layer, or NULL when there is no such layer or they are not all there. */
static inline const uint8_t *pf_layer_octets(const struct pf_packet *packet, uint8_t layer, uint32_t offset,
                                             uint32_t size)
{
    if (layer == PF_NO_LAYER)
        return NULL;
    const struct pf_layer *found = &packet->layer[layer];
    if (offset > found->captured || size > found->captured - offset)
        return NULL;
    return packet->record.octets + found->offset + offset;
}

/* Source and destination of the outermost IP header: 4 or 16 octets by ip_version, or NULL. */
static inline const uint8_t *pf_packet_ip_src(const struct pf_packet *packet)
{
    return packet->ip_version == 4 ? pf_layer_octets(packet, packet->ip, 12, 4)
                                   : pf_layer_octets(packet, packet->ip, 8, 16);
}

static inline const uint8_t *pf_packet_ip_dst(const struct pf_packet *packet)
{
    return packet->ip_version == 4 ? pf_layer_octets(packet, packet->ip, 16, 4)
                                   : pf_layer_octets(packet, packet->ip, 24, 16);
}

/* For steps. The first fault is the one that is kept. */
enum pf_protocol pf_malformed(struct pf_packet *packet, enum pf_protocol protocol);
enum pf_protocol pf_unknown(struct pf_packet *packet, enum pf_unknown what, uint32_t value);
/* `size` octets were needed and are not all captured: truncated when they were on the wire, else malformed. */
enum pf_protocol pf_lacking(struct pf_packet *packet, enum pf_protocol protocol, const struct pf_cursor *cursor,
                            size_t size);
/* Pulls the ends to what a header's length says, which is malformed beyond the wire end, but not in a fragment. */
void pf_pull(struct pf_packet *packet, enum pf_protocol protocol, struct pf_cursor *cursor, size_t length);

/* What follows by number; unknown values are noted. */
enum pf_protocol pf_by_ethertype(struct pf_packet *packet, uint16_t type);
enum pf_protocol pf_by_ip_protocol(struct pf_packet *packet, uint8_t protocol);
enum pf_protocol pf_by_link_type(struct pf_packet *packet, uint32_t link_type);
bool pf_knows_ethertype(uint16_t type);
/* What follows two octets that are an EtherType from 1536 on, a length below. */
enum pf_protocol pf_by_type_or_length(struct pf_packet *packet, struct pf_cursor *cursor, uint16_t value);

/* "truncated tcp", "unknown ethertype 0x88cc": at most PF_TEXT_ROOM octets; returns the length, 0 for a sound packet.
 */
size_t pf_fault_text(uint64_t fault, char *text);
/* A packet's fault in one word, as a key and for pf_fault_text(). */
static inline uint64_t pf_fault_word(uint8_t malady, uint8_t faulty, uint32_t value)
{
    return (uint64_t)malady << 40 | (uint64_t)faulty << 32 | value;
}

#define X(id, name, label, depth, step) enum pf_protocol step(struct pf_packet *packet, struct pf_cursor *cursor);
PF_PROTOCOLS(X)
#undef X

#endif
