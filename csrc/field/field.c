#include "field/define.h"

#include <string.h>

const struct pf_group *const pf_groups[] = {
    &pf_group_frame,  &pf_group_eth,  &pf_group_vlan, &pf_group_mpls,     &pf_group_wlan,    &pf_group_arp,
    &pf_group_ip,     &pf_group_icmp, &pf_group_tcp,  &pf_group_udp,      &pf_group_sctp,    &pf_group_transport,
    &pf_group_tunnel, &pf_group_dns,  &pf_group_tls,  &pf_group_quic,     &pf_group_http,    &pf_group_modbus,
    &pf_group_ftp,    &pf_group_dhcp, &pf_group_nbns, &pf_group_kerberos, &pf_group_ntlmssp, &pf_group_flow,
};
const size_t pf_group_count = sizeof pf_groups / sizeof pf_groups[0];

const struct pf_field *pf_field_at(size_t place)
{
    for (size_t i = 0; i < pf_group_count; i++) {
        if (place < pf_groups[i]->count)
            return &pf_groups[i]->fields[place];
        place -= pf_groups[i]->count;
    }
    return NULL;
}

const struct pf_field *pf_field_find(const char *name)
{
    for (size_t i = 0; i < pf_group_count; i++) {
        for (size_t j = 0; j < pf_groups[i]->count; j++) {
            if (strcmp(pf_groups[i]->fields[j].kind.name, name) == 0)
                return &pf_groups[i]->fields[j];
        }
    }
    return NULL;
}

uint64_t pf_field_within(const struct pf_field *field)
{
    for (size_t i = 0; i < pf_group_count; i++) {
        for (size_t j = 0; j < pf_groups[i]->count; j++) {
            if (&pf_groups[i]->fields[j] == field)
                return pf_groups[i]->within;
        }
    }
    return 0;
}

static bool number_of(const struct pf_field *field, const uint8_t *octets, struct pf_value *value)
{
    if (octets != NULL)
        value->word[0] = pf_be(octets, field->size) >> field->shift & field->mask;
    return octets != NULL;
}

bool pf_get_number(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    uint8_t layer = packet->first[field->protocol];
    return number_of(field, pf_layer_octets(packet, layer, field->offset, field->size), value);
}

bool pf_get_ip_number(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    if (packet->ip_version != (field->protocol == PF_IPV4 ? 4 : 6))
        return false;
    return number_of(field, pf_layer_octets(packet, packet->ip, field->offset, field->size), value);
}

bool pf_get_address(const uint8_t *octets, unsigned size, struct pf_value *value)
{
    if (octets != NULL)
        *value = pf_value_octets(octets, size);
    return octets != NULL;
}

bool pf_get_key(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    uint8_t layer = packet->first[field->protocol];
    return pf_get_address(pf_layer_octets(packet, layer, field->offset, field->size), field->size, value);
}

bool pf_get_decimal(const struct pf_cursor *text, struct pf_value *value)
{
    uint64_t number = 0;
    for (const uint8_t *at = text->at; at != text->end; at++) {
        unsigned digit = *at - (unsigned)'0';
        if (digit > 9 || number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    value->word[0] = number;
    return text->at != text->end;
}

bool pf_layer_cursor(const struct pf_packet *packet, uint8_t layer, struct pf_cursor *cursor)
{
    if (layer == PF_NO_LAYER)
        return false;
    const uint8_t *octets = packet->record.octets + packet->layer[layer].offset;
    *cursor = (struct pf_cursor){octets, octets + packet->layer[layer].captured, packet->layer[layer].wire};
    return true;
}
