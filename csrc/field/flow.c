/* What names the flow that a packet belongs to: flow_id, as a pass before this one found it, and Community ID,
 * version 1, seed 0, of the outermost IP header and what it carries:
 *
 *    "1:" base64(SHA-1(seed (2) | source | destination | protocol | 0 | source port (2) | destination port (2)))
 *
 * with the lesser address and port first, so that both directions have one name. */
#include "field/define.h"

#include "base/digest.h"
#include "field/community.h"

#include <string.h>

enum { ICMP = 1, TCP = 6, UDP = 17, ICMPV6 = 58, SCTP = 132, MOST_MESSAGE = 2 + 16 + 16 + 2 + PF_COMMUNITY_ENDS };

/* The type that answers another, or that another answers; -1: none does. */
static int counter_type(uint8_t protocol, uint8_t type)
{
    static const struct {
        uint8_t protocol, type, counter;
    } pairs[] = {
        {ICMP, 0, 8},       /* echo */
        {ICMP, 9, 10},      /* router advertisement, solicitation */
        {ICMP, 13, 14},     /* timestamp */
        {ICMP, 15, 16},     /* information */
        {ICMP, 17, 18},     /* address mask */
        {ICMPV6, 128, 129}, /* echo */
        {ICMPV6, 130, 131}, /* listener query, report */
        {ICMPV6, 133, 134}, /* router */
        {ICMPV6, 135, 136}, /* neighbour */
        {ICMPV6, 139, 140}, /* node information */
        {ICMPV6, 144, 145}, /* home agent address discovery */
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (pairs[i].protocol == protocol && pairs[i].type == type)
            return pairs[i].counter;
        if (pairs[i].protocol == protocol && pairs[i].counter == type)
            return pairs[i].type;
    }
    return -1;
}

void pf_community_icmp(struct pf_community *community, uint8_t type, uint8_t code)
{
    int counter = counter_type(community->protocol, type);
    community->ends_size = PF_COMMUNITY_ENDS;
    community->one_way = counter < 0;
    community->ends[1] = type;
    community->ends[3] = community->one_way ? code : (uint8_t)counter;
}

/* False where the protocol has ports and they are not there, as in fragments other than the first. */
static bool find_ends(const struct pf_packet *packet, struct pf_community *community)
{
    static const uint8_t numbers[] = {ICMP, TCP, UDP, ICMPV6, SCTP};
    static const uint8_t protocols[] = {PF_ICMP, PF_TCP, PF_UDP, PF_ICMPV6, PF_SCTP};
    const uint8_t *which = memchr(numbers, packet->ip_proto, sizeof numbers);
    if (which == NULL)
        return true;
    uint8_t number = (uint8_t)(packet->ip + 1);
    if (number >= packet->layers || packet->layer[number].protocol != protocols[which - numbers])
        return false;
    bool has_type = *which == ICMP || *which == ICMPV6;
    const uint8_t *octets = pf_layer_octets(packet, number, 0, has_type ? 2 : PF_COMMUNITY_ENDS);
    if (octets == NULL)
        return false;
    if (has_type) {
        pf_community_icmp(community, octets[0], octets[1]);
        return true;
    }
    community->ends_size = PF_COMMUNITY_ENDS;
    memcpy(community->ends, octets, PF_COMMUNITY_ENDS);
    return true;
}

static size_t put(uint8_t *message, size_t length, const uint8_t *octets, size_t size)
{
    memcpy(message + length, octets, size);
    return length + size;
}

static void write_base64(struct pf_writer *writer, const uint8_t *octets, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t at = 0; at < size; at += 3) {
        size_t some = size - at < 3 ? size - at : 3;
        uint32_t bits = (uint32_t)pf_be(octets + at, (unsigned)some) << (8 * (3 - some));
        for (size_t i = 0; i < 4; i++)
            pf_write_char(writer, i <= some ? digits[bits >> (18 - 6 * i) & 63] : '=');
    }
}

void pf_write_community_id(struct pf_writer *writer, const struct pf_community *community)
{
    const uint8_t *source = community->source, *destination = community->destination, *ends = community->ends;
    size_t size = community->size, half = community->ends_size / 2;
    int order = memcmp(source, destination, size);
    if (order == 0)
        order = memcmp(ends, ends + 2, 2);
    bool swap = order > 0 && !community->one_way;
    const uint8_t protocol[2] = {community->protocol, 0};
    uint8_t message[MOST_MESSAGE] = {0, 0}, octets[PF_DIGEST_ROOM];
    size_t length = put(message, 2, swap ? destination : source, size);
    length = put(message, length, swap ? source : destination, size);
    length = put(message, length, protocol, sizeof protocol);
    length = put(message, length, ends + (swap ? 2 : 0), half);
    length = put(message, length, ends + (swap ? 0 : 2), half);
    struct pf_digest digest;
    pf_digest_init(&digest, PF_SHA1);
    pf_digest_add(&digest, message, length);
    pf_write_string(writer, "1:");
    write_base64(writer, octets, pf_digest_finish(&digest, octets));
}

static bool write_community_id(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_community community = {
        .source = pf_packet_ip_src(packet),
        .destination = pf_packet_ip_dst(packet),
        .size = packet->ip_version == 4 ? 4 : 16,
        .protocol = packet->ip_proto,
    };
    (void)field;
    if (community.source == NULL || community.destination == NULL || !packet->has_ip_proto ||
        !find_ends(packet, &community))
        return false;
    pf_write_community_id(writer, &community);
    return true;
}

static bool get_flow_id(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    value->word[0] = packet->flow_id;
    return packet->flow_id != 0;
}

static bool get_flow_direction(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    value->word[0] = packet->flow_direction;
    return packet->flow_id != 0;
}

/* What a pass before this one found: only there under its whole name. */
#define STAMPED(name, type, doc_, get_) \
    {.kind = {name, PF_##type, true}, .asked = PF_ASKED_BY_NAME, .wireshark = "", .doc = doc_, .get = get_}

static const struct pf_field fields[] = {
    PF_FIELD("community_id", TEXT, TRANSPORT, "communityid",
             "Community ID (version 1, seed 0) of the outermost IP header and what it carries: the same for both "
             "directions, as Zeek, Suricata and Arkime write it.",
             .write = write_community_id),
    STAMPED("flow_id", UINT64, "frame_number of the first packet of the flow it is in; see docs/flow-features.md.",
            get_flow_id),
    STAMPED("flow_direction", UINT8, "0 in the direction of its flow's first packet, 1 against it.",
            get_flow_direction),
};

const struct pf_group pf_group_flow = PF_GROUP("flow", fields);
