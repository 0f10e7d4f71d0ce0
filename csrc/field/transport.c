/* UDP, SCTP, and what is common to all transports. */
#include "field/define.h"

enum { TCP_HEADER = 20, UDP_HEADER = 8, SCTP_HEADER = 12, DATA_OFFSET_AT = 12 };

uint8_t pf_transport_layer(const struct pf_packet *packet)
{
    uint8_t first = packet->first[PF_TCP];
    first = packet->first[PF_UDP] < first ? packet->first[PF_UDP] : first;
    return packet->first[PF_SCTP] < first ? packet->first[PF_SCTP] : first;
}

/* Octets of the header of a TCP, UDP or SCTP layer, and those on the wire from there to the end of what it says it
 * carries; false where the header is not whole. */
static bool extent(const struct pf_packet *packet, uint8_t number, uint32_t *header, uint32_t *end)
{
    if (number == PF_NO_LAYER)
        return false;
    const struct pf_layer *layer = &packet->layer[number];
    *end = layer->wire;
    *header = layer->protocol == PF_TCP ? TCP_HEADER : layer->protocol == PF_UDP ? UDP_HEADER : SCTP_HEADER;
    const uint8_t *octets = pf_layer_octets(packet, number, 0, *header);
    if (octets == NULL)
        return false;
    if (layer->protocol == PF_TCP) {
        uint32_t told = (octets[DATA_OFFSET_AT] >> 4) * 4u;
        bool holds = told >= *header && told <= layer->wire;
        *header = told;
        return holds;
    }
    uint32_t length = layer->protocol == PF_UDP ? pf_be16(octets + 4) : 0;
    if (length != 0 && length < UDP_HEADER)
        return false;
    if (length != 0 && length < *end)
        *end = length;
    return true;
}

bool pf_transport_payload(const struct pf_packet *packet, uint8_t number, struct pf_value *span)
{
    uint32_t header, end;
    if (!extent(packet, number, &header, &end))
        return false;
    const struct pf_layer *layer = &packet->layer[number];
    uint32_t captured = layer->captured < end ? layer->captured : end;
    if (header > captured)
        return false;
    *span = pf_value_span(packet->record.octets + layer->offset + header, captured - header);
    return true;
}

static bool get_port(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    const uint8_t *port = pf_layer_octets(packet, pf_transport_layer(packet), field->offset, 2);
    if (port != NULL)
        value->word[0] = pf_be16(port);
    return port != NULL;
}

static bool get_len(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    uint32_t header, end;
    (void)field;
    if (packet->fragment || !extent(packet, pf_transport_layer(packet), &header, &end))
        return false;
    value->word[0] = end - header;
    return true;
}

static bool get_payload(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    return pf_transport_payload(packet, pf_transport_layer(packet), value);
}

static bool get_udp_payload(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    return pf_transport_payload(packet, packet->first[PF_UDP], value);
}

static const struct pf_field udp[] = {
    PF_COMMON_FIELD("udp_srcport", UINT16, true, TRANSPORT, "udp.srcport", "UDP source port.",
                    PF_NUMBER_AT(UDP, 0, 2, 0, 0xffff)),
    PF_COMMON_FIELD("udp_dstport", UINT16, true, TRANSPORT, "udp.dstport", "UDP destination port.",
                    PF_NUMBER_AT(UDP, 2, 2, 0, 0xffff)),
    PF_FIELD("udp_length", UINT16, TRANSPORT, "udp.length", "Octets of the UDP datagram, header included.",
             PF_NUMBER_AT(UDP, 4, 2, 0, 0xffff)),
    PF_FIELD("udp_checksum", UINT16, TRANSPORT, "udp.checksum", "UDP checksum, as on the wire; 0: none.",
             PF_NUMBER_AT(UDP, 6, 2, 0, 0xffff)),
    PF_OCTETS_FIELD("udp_payload", TRANSPORT, "udp.payload", "The captured octets that the UDP datagram carries.",
                    get_udp_payload),
};

static const struct pf_field sctp[] = {
    PF_COMMON_FIELD("sctp_srcport", UINT16, true, TRANSPORT, "sctp.srcport", "SCTP source port.",
                    PF_NUMBER_AT(SCTP, 0, 2, 0, 0xffff)),
    PF_COMMON_FIELD("sctp_dstport", UINT16, true, TRANSPORT, "sctp.dstport", "SCTP destination port.",
                    PF_NUMBER_AT(SCTP, 2, 2, 0, 0xffff)),
    PF_FIELD("sctp_verification_tag", UINT32, TRANSPORT, "sctp.verification_tag", "SCTP verification tag (RFC 9260).",
             PF_NUMBER_AT(SCTP, 4, 4, 0, UINT32_MAX)),
    PF_FIELD("sctp_chunk_type", UINT8, TRANSPORT, "sctp.chunk_type", "Type of the first SCTP chunk.",
             PF_NUMBER_AT(SCTP, 12, 1, 0, 0xff)),
};

static const struct pf_field any[] = {
    PF_FIELD("srcport", UINT16, TRANSPORT, "tcp.srcport|udp.srcport|sctp.srcport",
             "Source port of the first TCP, UDP or SCTP header.", .get = get_port, .offset = 0),
    PF_FIELD("dstport", UINT16, TRANSPORT, "tcp.dstport|udp.dstport|sctp.dstport",
             "Destination port of the first TCP, UDP or SCTP header.", .get = get_port, .offset = 2),
    PF_FIELD("payload_len", UINT32, TRANSPORT, "",
             "Octets that the first TCP, UDP or SCTP header carries on the wire; null in fragments.", .get = get_len),
    PF_OCTETS_FIELD("payload", TRANSPORT, "", "The captured octets that the first TCP, UDP or SCTP header carries.",
                    get_payload),
};

const struct pf_group pf_group_udp = PF_GROUP("udp", udp);
const struct pf_group pf_group_sctp = PF_GROUP("sctp", sctp);
const struct pf_group pf_group_transport = PF_GROUP("transport", any);
