#include "field/field.h"

#include <string.h>

static bool get_frame_number(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    value->word[0] = packet->record.frame_number;
    return true;
}

static bool get_frame_file(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    *value = (struct pf_value){{packet->record.input, 0}, 4};
    return true;
}

static bool get_frame_time(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    value->word[0] = (uint64_t)packet->record.time;
    return packet->record.timed;
}

static bool get_frame_len(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    value->word[0] = packet->record.len;
    return true;
}

static bool get_frame_cap_len(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    value->word[0] = packet->record.cap_len;
    return true;
}

static bool get_fault(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    *value = (struct pf_value){{pf_fault_word(packet->malady, packet->faulty, packet->value), 0}, 8};
    return packet->malady != PF_SOUND;
}

static size_t text_fault(const struct pf_value *value, char text[PF_TEXT_ROOM])
{
    return pf_fault_text(value->word[0], text);
}

static bool get_protocol(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    if (packet->layers == 0)
        return false;
    unsigned protocol = packet->layer[packet->layers - 1].protocol;
    if (protocol == PF_LOOP) /* both are NULL to the reader */
        protocol = PF_NULL_LINK;
    *value = (struct pf_value){{protocol, 0}, 1};
    return true;
}

static size_t text_protocol(const struct pf_value *value, char text[PF_TEXT_ROOM])
{
    const char *label = pf_protocols[value->word[0]].label;
    size_t length = strlen(label);
    memcpy(text, label, length);
    return length;
}

static bool get_ip_version(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    value->word[0] = packet->ip_version;
    return packet->ip_version != 0;
}

static bool address(const struct pf_packet *packet, const uint8_t *octets, struct pf_value *value)
{
    if (octets == NULL)
        return false;
    *value = pf_value_octets(octets, packet->ip_version == 4 ? 4 : 16);
    return true;
}

static bool get_ip_src(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    return address(packet, pf_packet_ip_src(packet), value);
}

static bool get_ip_dst(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    return address(packet, pf_packet_ip_dst(packet), value);
}

static bool get_ip_ttl(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    const uint8_t *octet = pf_layer_octets(packet, packet->ip, packet->ip_version == 4 ? 8 : 7, 1);
    if (octet != NULL)
        value->word[0] = *octet;
    return octet != NULL;
}

static bool get_ip_proto(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    value->word[0] = packet->ip_proto;
    return packet->has_ip_proto;
}

static bool get_tcp_len(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    value->word[0] = packet->tcp_len;
    return packet->has_tcp_len;
}

static bool get_rcode(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    const uint8_t *flags = pf_layer_octets(packet, packet->first[PF_DNS], 2, 2);
    if (flags == NULL || flags[0] >> 7 == 0)
        return false;
    value->word[0] = flags[1] & 0x0f;
    return true;
}

static bool get_number(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    const uint8_t *octets = pf_layer_octets(packet, packet->first[field->protocol], field->offset, field->size);
    if (octets != NULL)
        value->word[0] = pf_be(octets, field->size) >> field->shift & field->mask;
    return octets != NULL;
}

static bool get_octets(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    const uint8_t *octets = pf_layer_octets(packet, packet->first[field->protocol], field->offset, field->size);
    if (octets != NULL)
        *value = pf_value_octets(octets, field->size);
    return octets != NULL;
}

/* A field that is computed. */
#define FIELD(name, type, nullable, depth, wireshark, get, text, doc) \
    {{name, type, nullable}, PF_DEPTH_##depth, wireshark, doc, get, text, 0, 0, 0, 0, 0}
/* A number: `size` octets at `offset` of the first header of a protocol, shifted right, masked. */
#define NUMBER(name, type, depth, wireshark, protocol, offset, size, shift, mask, doc) \
    {{name, type, true}, PF_DEPTH_##depth, wireshark, doc, get_number, NULL, protocol, offset, size, shift, mask}
/* Octets at such a place, shown as text. */
#define OCTETS(name, depth, wireshark, protocol, offset, size, text, doc) \
    {{name, PF_TEXT, true}, PF_DEPTH_##depth, wireshark, doc, get_octets, text, protocol, offset, size, 0, 0}

const struct pf_field pf_fields[] = {
    FIELD("frame_number", PF_UINT64, false, RECORD, "frame.number", get_frame_number, NULL,
          "Number of the packet, from 1, over all files and before any filter."),
    FIELD("frame_file", PF_TEXT, false, RECORD, "", get_frame_file, NULL, "The file the packet is in."),
    FIELD("frame_time", PF_TIME, true, RECORD, "frame.time_epoch", get_frame_time, NULL,
          "Time of capture, nanoseconds since the epoch, UTC."),
    FIELD("frame_len", PF_UINT32, false, RECORD, "frame.len", get_frame_len, NULL, "Octets on the wire."),
    FIELD("frame_cap_len", PF_UINT32, false, RECORD, "frame.cap_len", get_frame_cap_len, NULL, "Octets captured."),
    FIELD("frame_fault", PF_TEXT, true, PAYLOAD, "", get_fault, text_fault,
          "What kept the packet from being decoded whole, such as `truncated tcp`; null for a sound packet."),
    FIELD("protocol", PF_TEXT, true, PAYLOAD, "", get_protocol, text_protocol,
          "Highest protocol decoded, in capitals."),
    /* the first may be within a tunnel, as deep as those go */
    OCTETS("eth_src", TRANSPORT, "eth.src", PF_ETH, 6, 6, pf_text_mac, "Source address of the first Ethernet header."),
    OCTETS("eth_dst", TRANSPORT, "eth.dst", PF_ETH, 0, 6, pf_text_mac,
           "Destination address of the first Ethernet header."),
    FIELD("ip_version", PF_UINT8, true, NETWORK, "ip.version", get_ip_version, NULL,
          "Version of the outermost IP header, 4 or 6."),
    FIELD("ip_src", PF_TEXT, true, NETWORK, "ip.src|ipv6.src", get_ip_src, pf_text_address,
          "Source address of the outermost IP header."),
    FIELD("ip_dst", PF_TEXT, true, NETWORK, "ip.dst|ipv6.dst", get_ip_dst, pf_text_address,
          "Destination address of the outermost IP header."),
    FIELD("ip_ttl", PF_UINT8, true, NETWORK, "ip.ttl|ipv6.hlim", get_ip_ttl, NULL,
          "Time to live or hop limit of the outermost IP header."),
    FIELD("ip_proto", PF_UINT8, true, NETWORK, "ip.proto", get_ip_proto, NULL,
          "Protocol the outermost IP header carries, after IPv6 extension headers (IANA number)."),
    NUMBER("tcp_srcport", PF_UINT16, TRANSPORT, "tcp.srcport", PF_TCP, 0, 2, 0, 0xffff, "TCP source port."),
    NUMBER("tcp_dstport", PF_UINT16, TRANSPORT, "tcp.dstport", PF_TCP, 2, 2, 0, 0xffff, "TCP destination port."),
    NUMBER("udp_srcport", PF_UINT16, TRANSPORT, "udp.srcport", PF_UDP, 0, 2, 0, 0xffff, "UDP source port."),
    NUMBER("udp_dstport", PF_UINT16, TRANSPORT, "udp.dstport", PF_UDP, 2, 2, 0, 0xffff, "UDP destination port."),
    NUMBER("sctp_srcport", PF_UINT16, TRANSPORT, "sctp.srcport", PF_SCTP, 0, 2, 0, 0xffff, "SCTP source port."),
    NUMBER("sctp_dstport", PF_UINT16, TRANSPORT, "sctp.dstport", PF_SCTP, 2, 2, 0, 0xffff, "SCTP destination port."),
    NUMBER("tcp_seq_raw", PF_UINT32, TRANSPORT, "tcp.seq_raw", PF_TCP, 4, 4, 0, UINT32_MAX,
           "TCP sequence number as on the wire."),
    NUMBER("tcp_ack_raw", PF_UINT32, TRANSPORT, "tcp.ack_raw", PF_TCP, 8, 4, 0, UINT32_MAX,
           "TCP acknowledgment number as on the wire."),
    NUMBER("tcp_flags", PF_UINT16, TRANSPORT, "tcp.flags", PF_TCP, 12, 2, 0, 0x0fff, "TCP flags, 12 bits, FIN lowest."),
    FIELD("tcp_len", PF_UINT32, true, TRANSPORT, "tcp.len", get_tcp_len, NULL, "Octets of TCP payload on the wire."),
    NUMBER("dns_flags_response", PF_UINT8, PAYLOAD, "dns.flags.response", PF_DNS, 2, 1, 7, 1,
           "DNS: 0 query, 1 response."),
    FIELD("dns_flags_rcode", PF_UINT8, true, PAYLOAD, "dns.flags.rcode", get_rcode, NULL,
          "DNS response code (IANA number); null in queries."),
    NUMBER("dns_count_answers", PF_UINT16, PAYLOAD, "dns.count.answers", PF_DNS, 6, 2, 0, 0xffff,
           "DNS answers said to follow."),
};

const size_t pf_field_count = sizeof pf_fields / sizeof pf_fields[0];

const struct pf_field *pf_field_find(const char *name)
{
    for (size_t i = 0; i < pf_field_count; i++) {
        if (strcmp(pf_fields[i].kind.name, name) == 0)
            return &pf_fields[i];
    }
    return NULL;
}
