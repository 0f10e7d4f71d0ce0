#include "tally/indicator.h"

#include "tally/scapy.h"

#include <string.h>

enum { FIN = 0x001, SYN = 0x002, NXDOMAIN = 3 };

enum pf_depth pf_indicator_depth(const struct pf_indicator_rules *rules)
{
    return rules->scapy ? PF_DEPTH_RECORD : PF_DEPTH_PAYLOAD;
}

static inline struct pf_address address_of(const struct pf_packet *packet, const uint8_t *octets)
{
    struct pf_address address = {{0, 0}, 0};
    if (octets == NULL)
        return address;
    if (packet->ip_version == 4) {
        address.word[0] = pf_be32(octets);
        address.size = 4;
    } else {
        address.word[0] = pf_be(octets, 8);
        address.word[1] = pf_be(octets + 8, 8);
        address.size = 16;
    }
    return address;
}

static bool dns_counts(enum pf_dns_rule rule, const struct pf_packet *packet)
{
    uint8_t layer = packet->first[PF_DNS];
    const uint8_t *flags = pf_layer_octets(packet, layer, 2, 1);
    if (flags == NULL || flags[0] >> 7 != 1)
        return false;
    if (rule == PF_DNS_NXDOMAIN) {
        const uint8_t *rcode = pf_layer_octets(packet, layer, 3, 1);
        return rcode != NULL && (rcode[0] & 0x0f) == NXDOMAIN;
    }
    const uint8_t *answers = pf_layer_octets(packet, layer, 6, 2);
    return answers != NULL && pf_be16(answers) == 0;
}

static bool seq_counts(enum pf_seq_rule rule, const struct pf_packet *packet)
{
    if (rule == PF_SEQ_ALL)
        return true;
    const uint8_t *flags = pf_layer_octets(packet, packet->first[PF_TCP], 12, 2);
    return (packet->has_tcp_len && packet->tcp_len != 0) || (flags != NULL && (pf_be16(flags) & (SYN | FIN)) != 0);
}

void pf_indicators_of(const struct pf_indicator_rules *rules, const struct pf_packet *packet,
                      struct pf_indicators *found)
{
    memset(found, 0, sizeof *found);
    if (rules->scapy) {
        pf_scapy_indicators(rules, &packet->record, found);
        return;
    }
    found->ip = address_of(packet, pf_packet_ip_src(packet));
    if (packet->first[PF_DNS] != PF_NO_LAYER && dns_counts(rules->dns, packet))
        found->dns = address_of(packet, pf_packet_ip_dst(packet));
    const uint8_t *seq = pf_layer_octets(packet, packet->first[PF_TCP], 4, 4);
    if (seq != NULL && seq_counts(rules->seq, packet)) {
        found->seq = pf_be32(seq);
        found->has_seq = true;
    }
}
