/* What carries other packets, and the innermost of those. */
#include "field/define.h"

#include <string.h>

enum { GRE_CHECKSUM = 0x80, GRE_KEY = 0x20 };

static bool is_ip(const struct pf_packet *packet, unsigned layer)
{
    unsigned protocol = packet->layer[layer].protocol;
    return protocol == PF_IPV4 || protocol == PF_IPV6;
}

/* The first layer that carries packets of other hosts: a tunnel's header, or IP right within IP. */
static uint8_t tunnel_layer(const struct pf_packet *packet)
{
    for (unsigned i = 0; i < packet->layers; i++) {
        switch (packet->layer[i].protocol) {
        case PF_GRE:
        case PF_ETHERIP:
        case PF_VXLAN:
        case PF_GENEVE:
        case PF_GTP:
        case PF_TEREDO:
            return (uint8_t)i;
        default:
            if (i != 0 && is_ip(packet, i) && is_ip(packet, i - 1))
                return (uint8_t)i;
        }
    }
    return PF_NO_LAYER;
}

static bool get_kind(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    uint8_t layer = tunnel_layer(packet);
    (void)field;
    if (layer == PF_NO_LAYER)
        return false;
    *value = (struct pf_value){{packet->layer[layer].protocol, 0}, 1};
    return true;
}

static size_t text_kind(const struct pf_value *value, char text[PF_TEXT_ROOM])
{
    unsigned protocol = (unsigned)value->word[0];
    const char *name = protocol == PF_IPV4 ? "ipip" : protocol == PF_IPV6 ? "sit" : pf_protocols[protocol].name;
    memcpy(text, name, strlen(name));
    return strlen(name);
}

static const uint8_t *gre_key(const struct pf_packet *packet, uint8_t layer)
{
    const uint8_t *flags = pf_layer_octets(packet, layer, 0, 1);
    if (flags == NULL || (*flags & GRE_KEY) == 0)
        return NULL;
    return pf_layer_octets(packet, layer, (*flags & GRE_CHECKSUM) != 0 ? 8 : 4, 4);
}

static bool get_id(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    uint8_t layer = tunnel_layer(packet);
    const uint8_t *octets = NULL;
    unsigned shift = 0;
    (void)field;
    switch (layer != PF_NO_LAYER ? packet->layer[layer].protocol : PF_END) {
    case PF_VXLAN:
    case PF_GENEVE:
        octets = pf_layer_octets(packet, layer, 4, 4);
        shift = 8;
        break;
    case PF_GTP:
        octets = pf_layer_octets(packet, layer, 4, 4);
        break;
    case PF_GRE:
        octets = gre_key(packet, layer);
        break;
    default:
        break;
    }
    if (octets != NULL)
        value->word[0] = pf_be32(octets) >> shift;
    return octets != NULL;
}

/* The last IP header of several, or PF_NO_LAYER. */
static uint8_t innermost(const struct pf_packet *packet)
{
    uint8_t last = PF_NO_LAYER;
    unsigned count = 0;
    for (unsigned i = 0; i < packet->layers; i++) {
        if (is_ip(packet, i)) {
            last = (uint8_t)i;
            count++;
        }
    }
    return count > 1 ? last : PF_NO_LAYER;
}

static bool get_address(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    uint8_t layer = innermost(packet);
    if (layer == PF_NO_LAYER)
        return false;
    bool four = packet->layer[layer].protocol == PF_IPV4;
    uint32_t size = four ? 4 : 16, at = (four ? 12 : 8) + field->offset * size;
    return pf_get_address(pf_layer_octets(packet, layer, at, size), size, value);
}

static bool get_port(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    uint8_t layer = innermost(packet);
    for (unsigned i = layer; layer != PF_NO_LAYER && i < packet->layers; i++) {
        unsigned protocol = packet->layer[i].protocol;
        if (protocol != PF_TCP && protocol != PF_UDP && protocol != PF_SCTP)
            continue;
        const uint8_t *port = pf_layer_octets(packet, (uint8_t)i, field->offset, 2);
        if (port != NULL)
            value->word[0] = pf_be16(port);
        return port != NULL;
    }
    return false;
}

static bool get_ah_spi(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    if (packet->ah != 0)
        value->word[0] = pf_be32(packet->record.octets + packet->ah + 4);
    return packet->ah != 0;
}

static const struct pf_field fields[] = {
    PF_FIELD("tunnel_kind", TEXT, TRANSPORT, "",
             "The first tunnel: `gre`, `etherip`, `vxlan`, `geneve`, `gtp`, `teredo`, `ipip` or `sit` (IPv6 in IP).",
             .get = get_kind, .text = text_kind),
    PF_FIELD("tunnel_id", UINT32, TRANSPORT, "vxlan.vni|geneve.vni|gtp.teid|gre.key",
             "Its network identifier, tunnel endpoint identifier or key.", .get = get_id),
    PF_FIELD("pppoe_session_id", UINT16, TRANSPORT, "pppoe.session_id", "Session of the first PPPoE header (RFC 2516).",
             PF_NUMBER_AT(PPPOE, 2, 2, 0, 0xffff)),
    PF_FIELD("esp_spi", UINT32, TRANSPORT, "esp.spi", "Security parameters index of ESP (RFC 4303).",
             PF_NUMBER_AT(ESP, 0, 4, 0, UINT32_MAX)),
    PF_FIELD("ah_spi", UINT32, TRANSPORT, "ah.spi", "Security parameters index of AH (RFC 4302).", .get = get_ah_spi),
    PF_FIELD("inner_ip_src", TEXT, TRANSPORT, "", "Source address of the innermost of several IP headers.",
             .get = get_address, .text = pf_text_address, .offset = 0),
    PF_FIELD("inner_ip_dst", TEXT, TRANSPORT, "", "Destination address of the innermost of several IP headers.",
             .get = get_address, .text = pf_text_address, .offset = 1),
    PF_FIELD("inner_srcport", UINT16, TRANSPORT, "", "Source port behind the innermost of several IP headers.",
             .get = get_port, .offset = 0),
    PF_FIELD("inner_dstport", UINT16, TRANSPORT, "", "Destination port behind the innermost of several IP headers.",
             .get = get_port, .offset = 2),
};

const struct pf_group pf_group_tunnel = PF_GROUP("tunnel", fields);
