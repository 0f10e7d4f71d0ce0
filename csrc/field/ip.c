/* IP, either family: the outermost header. */
#include "field/define.h"

enum { IPV4_HEADER = 20, IPV6_HEADER = 40, IPV6_FRAGMENT = 44 };

static bool get_version(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    value->word[0] = packet->ip_version;
    return packet->ip_version != 0;
}

static bool get_src(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    return pf_get_address(pf_packet_ip_src(packet), packet->ip_version == 4 ? 4 : 16, value);
}

static bool get_dst(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    return pf_get_address(pf_packet_ip_dst(packet), packet->ip_version == 4 ? 4 : 16, value);
}

static bool get_ttl(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    const uint8_t *octet = pf_layer_octets(packet, packet->ip, packet->ip_version == 4 ? 8 : 7, 1);
    if (octet != NULL)
        value->word[0] = *octet;
    return octet != NULL;
}

static bool get_proto(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    value->word[0] = packet->ip_proto;
    return packet->has_ip_proto;
}

/* Traffic class: the second octet of IPv4, four bits further left in IPv6. */
static bool get_class(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    const uint8_t *octets = pf_layer_octets(packet, packet->ip, 0, 2);
    if (octets == NULL)
        return false;
    unsigned octet = packet->ip_version == 4 ? octets[1] : pf_be16(octets) >> 4 & 0xffu;
    value->word[0] = octet >> field->shift & field->mask;
    return true;
}

static bool get_hdr_len(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    if (!pf_get_ip_number(field, packet, value))
        return false;
    value->word[0] *= 4;
    return true;
}

static bool write_option_kinds(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    (void)field;
    const uint8_t *first = packet->ip_version == 4 ? pf_layer_octets(packet, packet->ip, 0, IPV4_HEADER) : NULL;
    unsigned header = first != NULL ? (first[0] & 15u) * 4 : 0;
    if (header <= IPV4_HEADER)
        return false;
    const uint8_t *octets = pf_layer_octets(packet, packet->ip, 0, header);
    if (octets == NULL)
        return false;
    return pf_write_option_kinds(octets + IPV4_HEADER, header - IPV4_HEADER, writer);
}

static bool get_raw(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    if (packet->ip == PF_NO_LAYER)
        return false;
    const struct pf_layer *layer = &packet->layer[packet->ip];
    const uint8_t *length = pf_layer_octets(packet, packet->ip, packet->ip_version == 4 ? 2 : 4, 2);
    size_t whole = layer->captured, told = length != NULL ? pf_be16(length) : 0;
    if (told != 0 && packet->ip_version == 6)
        told += IPV6_HEADER;
    *value = pf_value_span(packet->record.octets + layer->offset, told != 0 && told < whole ? told : whole);
    return true;
}

static const struct pf_field fields[] = {
    PF_COMMON_FIELD("ip_version", UINT8, true, NETWORK, "ip.version|ipv6.version",
                    "Version of the outermost IP header, 4 or 6.", .get = get_version),
    PF_COMMON_FIELD("ip_src", TEXT, true, NETWORK, "ip.src|ipv6.src", "Source address of the outermost IP header.",
                    .get = get_src, .text = pf_text_address),
    PF_COMMON_FIELD("ip_dst", TEXT, true, NETWORK, "ip.dst|ipv6.dst", "Destination address of the outermost IP header.",
                    .get = get_dst, .text = pf_text_address),
    PF_COMMON_FIELD("ip_ttl", UINT8, true, NETWORK, "ip.ttl|ipv6.hlim",
                    "Time to live or hop limit of the outermost IP header.", .get = get_ttl),
    PF_COMMON_FIELD("ip_proto", UINT8, true, NETWORK, "ip.proto|ipv6.nxt",
                    "Protocol the outermost IP header carries, after IPv6 extension headers (IANA number).",
                    .get = get_proto),
    PF_FIELD("ip_hdr_len", UINT8, NETWORK, "ip.hdr_len", "Octets of the IPv4 header.", .get = get_hdr_len,
             .protocol = PF_IPV4, .offset = 0, .size = 1, .mask = 15),
    PF_FIELD("ip_len", UINT16, NETWORK, "ip.len", "Octets of the IPv4 packet, as its header says.",
             PF_IP_NUMBER_AT(IPV4, 2, 2, 0, 0xffff)),
    PF_FIELD("ip_dsfield", UINT8, NETWORK, "ip.dsfield|ipv6.tclass", "Differentiated services field (RFC 2474).",
             .get = get_class, .mask = 0xff),
    PF_FIELD("ip_dsfield_dscp", UINT8, NETWORK, "ip.dsfield.dscp|ipv6.tclass.dscp", "Its code point, six bits.",
             .get = get_class, .shift = 2, .mask = 0x3f),
    PF_FIELD("ip_dsfield_ecn", UINT8, NETWORK, "ip.dsfield.ecn|ipv6.tclass.ecn",
             "Explicit congestion notification, two bits (RFC 3168).", .get = get_class, .mask = 3),
    PF_FIELD("ip_id", UINT16, NETWORK, "ip.id", "Identification of the IPv4 packet.",
             PF_IP_NUMBER_AT(IPV4, 4, 2, 0, 0xffff)),
    PF_FIELD("ip_flags", UINT8, NETWORK, "ip.flags", "Flags of the IPv4 header, three bits: reserved, DF, MF.",
             PF_IP_NUMBER_AT(IPV4, 6, 1, 5, 7)),
    PF_FIELD("ip_flags_df", UINT8, NETWORK, "ip.flags.df", "Do not fragment (IPv4).",
             PF_IP_NUMBER_AT(IPV4, 6, 1, 6, 1)),
    PF_FIELD("ip_flags_mf", UINT8, NETWORK, "ip.flags.mf", "More fragments follow (IPv4).",
             PF_IP_NUMBER_AT(IPV4, 6, 1, 5, 1)),
    PF_FIELD("ip_frag_offset", UINT16, NETWORK, "ip.frag_offset",
             "Where this IPv4 fragment belongs in the whole, in units of eight octets.",
             PF_IP_NUMBER_AT(IPV4, 6, 2, 0, 0x1fff)),
    PF_FIELD("ip_checksum", UINT16, NETWORK, "ip.checksum", "Checksum of the IPv4 header, as on the wire.",
             PF_IP_NUMBER_AT(IPV4, 10, 2, 0, 0xffff)),
    PF_FIELD("ip_option_kinds", TEXT, NETWORK, "", "Kinds of the IPv4 options in their order, such as `148` or `7,0`.",
             .write = write_option_kinds),
    PF_FIELD("ipv6_flow", UINT32, NETWORK, "ipv6.flow", "Flow label (RFC 6437).",
             PF_IP_NUMBER_AT(IPV6, 0, 4, 0, 0xfffff)),
    PF_FIELD("ipv6_plen", UINT16, NETWORK, "ipv6.plen", "Octets that follow the IPv6 header.",
             PF_IP_NUMBER_AT(IPV6, 4, 2, 0, 0xffff)),
    PF_FIELD("ipv6_nxt", UINT8, NETWORK, "ipv6.nxt",
             "What follows the IPv6 header, which may be an extension header (IANA number).",
             PF_IP_NUMBER_AT(IPV6, 6, 1, 0, 0xff)),
    PF_OCTETS_FIELD("ip_raw", NETWORK, "", "The captured octets of the outermost IP packet, without what pads it.",
                    get_raw),
};

const struct pf_group pf_group_ip = PF_GROUP("ip", fields);
