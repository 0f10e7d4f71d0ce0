/* For the files of the groups: how a line of the catalogue is written. */
#ifndef PF_FIELD_DEFINE_H
#define PF_FIELD_DEFINE_H

#include "field/field.h"

/* The rest is where it comes from: .get, .write or one of the places below; and .asked where it is not by default. */
#define PF_FIELD(name, type, depth_, wireshark_, doc_, ...) \
    {.kind = {name, PF_##type, true}, \
     .depth = PF_DEPTH_##depth_, \
     .asked = PF_ASKED_ANYHOW, \
     .wireshark = wireshark_, \
     .doc = doc_, \
     __VA_ARGS__}
/* One that is in every table where nobody says which. */
#define PF_COMMON_FIELD(name, type, nullable_, depth_, wireshark_, doc_, ...) \
    {.kind = {name, PF_##type, nullable_}, \
     .depth = PF_DEPTH_##depth_, \
     .asked = PF_ASKED_NEVER, \
     .wireshark = wireshark_, \
     .doc = doc_, \
     __VA_ARGS__}
/* Octets, which are only there under their whole name. */
#define PF_OCTETS_FIELD(name, depth_, wireshark_, doc_, get_) \
    {.kind = {name, PF_BINARY, true}, \
     .depth = PF_DEPTH_##depth_, \
     .asked = PF_ASKED_BY_NAME, \
     .wireshark = wireshark_, \
     .doc = doc_, \
     .get = get_}

/* A number: `size` octets at `offset` of the first header of a protocol, shifted right, masked. */
#define PF_NUMBER_AT(protocol_, offset_, size_, shift_, mask_) \
    .get = pf_get_number, .protocol = PF_##protocol_, .offset = offset_, .size = size_, .shift = shift_, .mask = mask_
/* The same where that protocol is the outermost IP header. */
#define PF_IP_NUMBER_AT(protocol_, offset_, size_, shift_, mask_) \
    .get = pf_get_ip_number, .protocol = PF_##protocol_, .offset = offset_, .size = size_, .shift = shift_, \
    .mask = mask_
/* Octets at such a place, shown as text. */
#define PF_KEY_AT(protocol_, offset_, size_, text_) \
    .get = pf_get_key, .text = text_, .protocol = PF_##protocol_, .offset = offset_, .size = size_

#define PF_GROUP_WITHIN(name, fields, within) {name, fields, sizeof(fields) / sizeof(fields)[0], within}
#define PF_GROUP(name, fields) PF_GROUP_WITHIN(name, fields, 0)
#define PF_BIT(protocol) (UINT64_C(1) << PF_##protocol)

bool pf_get_ip_number(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value);
bool pf_get_key(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value);

/* The first TCP, UDP or SCTP header, or PF_NO_LAYER. */
uint8_t pf_transport_layer(const struct pf_packet *packet);
/* The captured octets that a TCP or UDP header carries; false where the header is not whole. */
bool pf_transport_payload(const struct pf_packet *packet, uint8_t layer, struct pf_value *span);
/* "2,4,8,1,3": the kinds of TCP or IPv4 options; false where there are none. */
bool pf_write_option_kinds(const uint8_t *octets, size_t size, struct pf_writer *writer);
/* All DNS answers of a packet as one text. */
bool pf_write_dns_answers(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer);
/* What is written of an address: 4 or 16 octets, or NULL. */
bool pf_get_address(const uint8_t *octets, unsigned size, struct pf_value *value);
/* A number of decimal digits and nothing else that fits 64 bits. */
bool pf_get_decimal(const struct pf_cursor *text, struct pf_value *value);
/* A cursor over the captured octets of a layer; false where there is none. */
bool pf_layer_cursor(const struct pf_packet *packet, uint8_t layer, struct pf_cursor *cursor);

extern const struct pf_group pf_group_frame, pf_group_eth, pf_group_vlan, pf_group_mpls, pf_group_wlan, pf_group_arp,
    pf_group_ip, pf_group_icmp, pf_group_tcp, pf_group_udp, pf_group_sctp, pf_group_transport, pf_group_tunnel,
    pf_group_dns, pf_group_tls, pf_group_quic, pf_group_http, pf_group_modbus, pf_group_ftp, pf_group_dhcp,
    pf_group_nbns, pf_group_kerberos, pf_group_ntlmssp, pf_group_flow;

#endif
