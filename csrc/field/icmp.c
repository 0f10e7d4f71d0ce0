/* ICMP (RFC 792) and ICMPv6 (RFC 4443). */
#include "field/define.h"

enum { REQUEST = 8, REPLY = 0, REQUEST6 = 128, REPLY6 = 129 };

/* Identifier and sequence number stand in echo messages. */
static bool get_echo(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    const uint8_t *type = pf_layer_octets(packet, packet->first[field->protocol], 0, 1);
    if (type == NULL)
        return false;
    bool echo = field->protocol == PF_ICMP ? *type == REQUEST || *type == REPLY : *type == REQUEST6 || *type == REPLY6;
    return echo && pf_get_number(field, packet, value);
}

#define ECHO_AT(protocol_, offset_) \
    .get = get_echo, .protocol = PF_##protocol_, .offset = offset_, .size = 2, .mask = 0xffff

static const struct pf_field fields[] = {
    PF_FIELD("icmp_type", UINT8, TRANSPORT, "icmp.type", "ICMP type (IANA number).", PF_NUMBER_AT(ICMP, 0, 1, 0, 0xff)),
    PF_FIELD("icmp_code", UINT8, TRANSPORT, "icmp.code", "ICMP code, by type.", PF_NUMBER_AT(ICMP, 1, 1, 0, 0xff)),
    PF_FIELD("icmp_checksum", UINT16, TRANSPORT, "icmp.checksum", "ICMP checksum, as on the wire.",
             PF_NUMBER_AT(ICMP, 2, 2, 0, 0xffff)),
    PF_FIELD("icmp_ident", UINT16, TRANSPORT, "icmp.ident", "Identifier of an ICMP echo message.", ECHO_AT(ICMP, 4)),
    PF_FIELD("icmp_seq", UINT16, TRANSPORT, "icmp.seq", "Sequence number of an ICMP echo message.", ECHO_AT(ICMP, 6)),
    PF_FIELD("icmpv6_type", UINT8, TRANSPORT, "icmpv6.type", "ICMPv6 type (IANA number).",
             PF_NUMBER_AT(ICMPV6, 0, 1, 0, 0xff)),
    PF_FIELD("icmpv6_code", UINT8, TRANSPORT, "icmpv6.code", "ICMPv6 code, by type.",
             PF_NUMBER_AT(ICMPV6, 1, 1, 0, 0xff)),
    PF_FIELD("icmpv6_checksum", UINT16, TRANSPORT, "icmpv6.checksum", "ICMPv6 checksum, as on the wire.",
             PF_NUMBER_AT(ICMPV6, 2, 2, 0, 0xffff)),
    PF_FIELD("icmpv6_echo_identifier", UINT16, TRANSPORT, "icmpv6.echo.identifier",
             "Identifier of an ICMPv6 echo message.", ECHO_AT(ICMPV6, 4)),
    PF_FIELD("icmpv6_echo_sequence_number", UINT16, TRANSPORT, "icmpv6.echo.sequence_number",
             "Sequence number of an ICMPv6 echo message.", ECHO_AT(ICMPV6, 6)),
};

const struct pf_group pf_group_icmp = PF_GROUP("icmp", fields);
