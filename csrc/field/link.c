/* Ethernet, VLAN tags, MPLS and ARP. The first header of a kind may be within a tunnel, as deep as those go. */
#include "field/define.h"

static bool second(const struct pf_packet *packet, uint8_t protocol, uint8_t *layer)
{
    unsigned at = packet->first[protocol] + 1u; /* none is 255 */
    *layer = (uint8_t)at;
    return at < packet->layers && packet->layer[at].protocol == protocol;
}

static bool get_inner_vlan(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    uint8_t layer;
    (void)field;
    const uint8_t *tag = second(packet, PF_VLAN, &layer) ? pf_layer_octets(packet, layer, 0, 2) : NULL;
    if (tag != NULL)
        value->word[0] = pf_be16(tag) & 0x0fff;
    return tag != NULL;
}

static const struct pf_field eth[] = {
    PF_COMMON_FIELD("eth_src", TEXT, true, TRANSPORT, "eth.src", "Source address of the first Ethernet header.",
                    PF_KEY_AT(ETH, 6, 6, pf_text_mac)),
    PF_COMMON_FIELD("eth_dst", TEXT, true, TRANSPORT, "eth.dst", "Destination address of the first Ethernet header.",
                    PF_KEY_AT(ETH, 0, 6, pf_text_mac)),
    PF_FIELD("eth_type", UINT16, TRANSPORT, "eth.type|eth.len",
             "EtherType of the first Ethernet header; below 1536 a length.", PF_NUMBER_AT(ETH, 12, 2, 0, 0xffff)),
};

static const struct pf_field vlan[] = {
    PF_FIELD("vlan_id", UINT16, TRANSPORT, "vlan.id|ieee8021ad.id",
             "Identifier of the first VLAN tag (IEEE 802.1Q, 802.1ad).", PF_NUMBER_AT(VLAN, 0, 2, 0, 0x0fff)),
    PF_FIELD("vlan_priority", UINT8, TRANSPORT, "vlan.priority|ieee8021ad.priority", "Priority of the first VLAN tag.",
             PF_NUMBER_AT(VLAN, 0, 1, 5, 7)),
    PF_FIELD("vlan_dei", UINT8, TRANSPORT, "vlan.dei|ieee8021ad.dei", "Drop eligible indicator of the first VLAN tag.",
             PF_NUMBER_AT(VLAN, 0, 1, 4, 1)),
    PF_FIELD("vlan_etype", UINT16, TRANSPORT, "vlan.etype|vlan.len", "EtherType behind the first VLAN tag.",
             PF_NUMBER_AT(VLAN, 2, 2, 0, 0xffff)),
    PF_FIELD("vlan_inner_id", UINT16, TRANSPORT, "", "Identifier of the second of two VLAN tags in a row (QinQ).",
             .get = get_inner_vlan),
};

static const struct pf_field mpls[] = {
    PF_FIELD("mpls_label", UINT32, TRANSPORT, "mpls.label", "Label on top of the first MPLS stack (RFC 3032).",
             PF_NUMBER_AT(MPLS, 0, 3, 4, 0xfffff)),
    PF_FIELD("mpls_exp", UINT8, TRANSPORT, "mpls.exp", "Its traffic class.", PF_NUMBER_AT(MPLS, 2, 1, 1, 7)),
    PF_FIELD("mpls_bottom", UINT8, TRANSPORT, "mpls.bottom", "Whether it is the bottom of the stack too.",
             PF_NUMBER_AT(MPLS, 2, 1, 0, 1)),
    PF_FIELD("mpls_ttl", UINT8, TRANSPORT, "mpls.ttl", "Its time to live.", PF_NUMBER_AT(MPLS, 3, 1, 0, 0xff)),
};

/* Behind 8 octets a hardware and a protocol address of the sender, and both of the target, of the lengths that stand at
 * 4 and 5: shown where they are of Ethernet or IPv4. */
enum { ADDRESSES = 8, MAC = 6, IPV4 = 4, OF_TARGET = 1 };

static bool get_arp(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    uint8_t layer = packet->first[PF_ARP];
    const uint8_t *sizes = pf_layer_octets(packet, layer, 4, 2);
    if (sizes == NULL || sizes[field->size == MAC ? 0 : 1] != field->size)
        return false;
    uint32_t at = ADDRESSES + (field->size == IPV4 ? sizes[0] : 0u);
    if (field->offset == OF_TARGET)
        at += sizes[0] + (uint32_t)sizes[1];
    return pf_get_address(pf_layer_octets(packet, layer, at, field->size), field->size, value);
}

#define ARP_ADDRESS(whose_, size_, text_) .get = get_arp, .text = text_, .offset = whose_, .size = size_

static const struct pf_field arp[] = {
    PF_FIELD("arp_hw_type", UINT16, TRANSPORT, "arp.hw.type", "ARP: kind of hardware address (IANA number).",
             PF_NUMBER_AT(ARP, 0, 2, 0, 0xffff)),
    PF_FIELD("arp_proto_type", UINT16, TRANSPORT, "arp.proto.type", "ARP: kind of protocol address (EtherType).",
             PF_NUMBER_AT(ARP, 2, 2, 0, 0xffff)),
    PF_FIELD("arp_opcode", UINT16, TRANSPORT, "arp.opcode", "ARP operation: 1 request, 2 reply (RFC 826).",
             PF_NUMBER_AT(ARP, 6, 2, 0, 0xffff)),
    PF_FIELD("arp_src_hw_mac", TEXT, TRANSPORT, "arp.src.hw_mac", "ARP: hardware address of the sender.",
             ARP_ADDRESS(0, MAC, pf_text_mac)),
    PF_FIELD("arp_src_proto_ipv4", TEXT, TRANSPORT, "arp.src.proto_ipv4", "ARP: IPv4 address of the sender.",
             ARP_ADDRESS(0, IPV4, pf_text_address)),
    PF_FIELD("arp_dst_hw_mac", TEXT, TRANSPORT, "arp.dst.hw_mac", "ARP: hardware address of the target.",
             ARP_ADDRESS(OF_TARGET, MAC, pf_text_mac)),
    PF_FIELD("arp_dst_proto_ipv4", TEXT, TRANSPORT, "arp.dst.proto_ipv4", "ARP: IPv4 address of the target.",
             ARP_ADDRESS(OF_TARGET, IPV4, pf_text_address)),
};

const struct pf_group pf_group_eth = PF_GROUP("eth", eth);
const struct pf_group pf_group_vlan = PF_GROUP("vlan", vlan);
const struct pf_group pf_group_mpls = PF_GROUP("mpls", mpls);
const struct pf_group pf_group_arp = PF_GROUP("arp", arp);
