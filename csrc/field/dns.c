/* DNS (RFC 1035), mDNS (RFC 6762) and LLMNR (RFC 4795): the first message at any depth. */
#include "field/define.h"

static bool get_rcode(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    const uint8_t *flags = pf_layer_octets(packet, packet->first[PF_DNS], 2, 2);
    if (flags == NULL || flags[0] >> 7 == 0)
        return false;
    value->word[0] = flags[1] & 0x0f;
    return true;
}

static const struct pf_field fields[] = {
    PF_COMMON_FIELD("dns_flags_response", UINT8, true, PAYLOAD, "dns.flags.response", "DNS: 0 query, 1 response.",
                    PF_NUMBER_AT(DNS, 2, 1, 7, 1)),
    PF_COMMON_FIELD("dns_flags_rcode", UINT8, true, PAYLOAD, "dns.flags.rcode",
                    "DNS response code (IANA number); null in queries.", .get = get_rcode),
    PF_COMMON_FIELD("dns_count_answers", UINT16, true, PAYLOAD, "dns.count.answers", "DNS answers said to follow.",
                    PF_NUMBER_AT(DNS, 6, 2, 0, 0xffff)),
};

const struct pf_group pf_group_dns = PF_GROUP("dns", fields);
