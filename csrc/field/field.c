#include "field/define.h"

#include <string.h>

const struct pf_group *const pf_groups[] = {
    &pf_group_frame,  &pf_group_eth,  &pf_group_vlan, &pf_group_mpls, &pf_group_wlan, &pf_group_arp,
    &pf_group_ip,     &pf_group_icmp, &pf_group_tcp,  &pf_group_udp,  &pf_group_sctp, &pf_group_transport,
    &pf_group_tunnel, &pf_group_dns,  &pf_group_tls,  &pf_group_quic, &pf_group_flow,
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
