/* What names the flow that a packet belongs to. Community ID, version 1, seed 0, of the outermost IP header and what it
 * carries:
 *
 *    "1:" base64(SHA-1(seed (2) | source | destination | protocol | 0 | source port (2) | destination port (2)))
 *
 * with the lesser address and port first, so that both directions have one name. */
#include "field/define.h"

#include "base/digest.h"

#include <string.h>

enum { ICMP = 1, TCP = 6, UDP = 17, ICMPV6 = 58, SCTP = 132, PORTS = 4, MOST_MESSAGE = 2 + 16 + 16 + 2 + PORTS };

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

struct ends {
    uint8_t ports[PORTS]; /* source, destination */
    size_t size;          /* octets of them that count: 0 without ports */
    bool one_way;         /* the order tells the direction and is kept */
};

/* False where the protocol has ports and they are not there, as in fragments other than the first. */
static bool ends_of(const struct pf_packet *packet, struct ends *ends)
{
    static const uint8_t numbers[] = {ICMP, TCP, UDP, ICMPV6, SCTP};
    static const uint8_t protocols[] = {PF_ICMP, PF_TCP, PF_UDP, PF_ICMPV6, PF_SCTP};
    const uint8_t *which = memchr(numbers, packet->ip_proto, sizeof numbers);
    *ends = (struct ends){.size = 0};
    if (which == NULL)
        return true;
    uint8_t number = (uint8_t)(packet->ip + 1);
    if (number >= packet->layers || packet->layer[number].protocol != protocols[which - numbers])
        return false;
    bool has_type = *which == ICMP || *which == ICMPV6;
    const uint8_t *octets = pf_layer_octets(packet, number, 0, has_type ? 2 : PORTS);
    if (octets == NULL)
        return false;
    ends->size = PORTS;
    if (!has_type) {
        memcpy(ends->ports, octets, PORTS);
        return true;
    }
    int counter = counter_type(*which, octets[0]);
    ends->one_way = counter < 0;
    ends->ports[1] = octets[0];
    ends->ports[3] = ends->one_way ? octets[1] : (uint8_t)counter;
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

static bool write_community_id(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    const uint8_t *source = pf_packet_ip_src(packet), *destination = pf_packet_ip_dst(packet);
    size_t size = packet->ip_version == 4 ? 4 : 16;
    struct ends ends;
    (void)field;
    if (source == NULL || destination == NULL || !packet->has_ip_proto || !ends_of(packet, &ends))
        return false;
    int order = memcmp(source, destination, size);
    if (order == 0)
        order = memcmp(ends.ports, ends.ports + 2, 2);
    bool swap = order > 0 && !ends.one_way;
    const uint8_t protocol[2] = {packet->ip_proto, 0};
    uint8_t message[MOST_MESSAGE] = {0, 0}, octets[PF_DIGEST_ROOM];
    size_t length = put(message, 2, swap ? destination : source, size);
    length = put(message, length, swap ? source : destination, size);
    length = put(message, length, protocol, sizeof protocol);
    length = put(message, length, ends.ports + (swap ? 2 : 0), ends.size / 2);
    length = put(message, length, ends.ports + (swap ? 0 : 2), ends.size / 2);
    struct pf_digest digest;
    pf_digest_init(&digest, PF_SHA1);
    pf_digest_add(&digest, message, length);
    pf_write_string(writer, "1:");
    write_base64(writer, octets, pf_digest_finish(&digest, octets));
    return true;
}

static const struct pf_field fields[] = {
    PF_FIELD("community_id", TEXT, TRANSPORT, "communityid",
             "Community ID (version 1, seed 0) of the outermost IP header and what it carries: the same for both "
             "directions, as Zeek, Suricata and Arkime write it.",
             .write = write_community_id),
};

const struct pf_group pf_group_flow = PF_GROUP("flow", fields);
