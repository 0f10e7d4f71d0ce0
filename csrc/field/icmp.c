/* ICMP (RFC 792) and ICMPv6 (RFC 4443). */
#include "field/define.h"

/* Types, a bit each, whose messages have an identifier and a sequence number where an echo has them: those that ask and
 * answer (RFC 792, RFC 950 address masks). Of RFC 8335's extended echo only the identifier is as long. */
#define BIT(type) (UINT64_C(1) << (type))
static const uint64_t numbered = BIT(0) | BIT(8) | BIT(13) | BIT(14) | BIT(15) | BIT(16) | BIT(17) | BIT(18);
static const uint64_t identified = BIT(42) | BIT(43);

enum { ECHO_REQUEST = 128, ECHO_REPLY = 129 };

static bool get_echo(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    const uint8_t *type = pf_layer_octets(packet, packet->first[PF_ICMP], 0, 1);
    if (type == NULL || *type > 63 || ((numbered | (field->shift != 0 ? identified : 0)) >> *type & 1) == 0)
        return false;
    const uint8_t *octets = pf_layer_octets(packet, packet->first[PF_ICMP], field->offset, 2);
    if (octets != NULL)
        value->word[0] = pf_be16(octets);
    return octets != NULL;
}

static bool get_echo6(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    const uint8_t *type = pf_layer_octets(packet, packet->first[PF_ICMPV6], 0, 1);
    return type != NULL && (*type == ECHO_REQUEST || *type == ECHO_REPLY) && pf_get_number(field, packet, value);
}

#define ECHO6_AT(offset_) .get = get_echo6, .protocol = PF_ICMPV6, .offset = offset_, .size = 2, .mask = 0xffff

static const struct pf_field fields[] = {
    PF_FIELD("icmp_type", UINT8, TRANSPORT, "icmp.type", "ICMP type (IANA number).", PF_NUMBER_AT(ICMP, 0, 1, 0, 0xff)),
    PF_FIELD("icmp_code", UINT8, TRANSPORT, "icmp.code", "ICMP code, by type.", PF_NUMBER_AT(ICMP, 1, 1, 0, 0xff)),
    PF_FIELD("icmp_checksum", UINT16, TRANSPORT, "icmp.checksum", "ICMP checksum, as on the wire.",
             PF_NUMBER_AT(ICMP, 2, 2, 0, 0xffff)),
    PF_FIELD("icmp_ident", UINT16, TRANSPORT, "icmp.ident",
             "Identifier of an ICMP echo, or of another message that asks or answers.", .get = get_echo, .offset = 4,
             .shift = 1),
    PF_FIELD("icmp_seq", UINT16, TRANSPORT, "icmp.seq", "Sequence number of such a message.", .get = get_echo,
             .offset = 6),
    PF_FIELD("icmpv6_type", UINT8, TRANSPORT, "icmpv6.type", "ICMPv6 type (IANA number).",
             PF_NUMBER_AT(ICMPV6, 0, 1, 0, 0xff)),
    PF_FIELD("icmpv6_code", UINT8, TRANSPORT, "icmpv6.code", "ICMPv6 code, by type.",
             PF_NUMBER_AT(ICMPV6, 1, 1, 0, 0xff)),
    PF_FIELD("icmpv6_checksum", UINT16, TRANSPORT, "icmpv6.checksum", "ICMPv6 checksum, as on the wire.",
             PF_NUMBER_AT(ICMPV6, 2, 2, 0, 0xffff)),
    PF_FIELD("icmpv6_echo_identifier", UINT16, TRANSPORT, "icmpv6.echo.identifier",
             "Identifier of an ICMPv6 echo message.", ECHO6_AT(4)),
    PF_FIELD("icmpv6_echo_sequence_number", UINT16, TRANSPORT, "icmpv6.echo.sequence_number",
             "Sequence number of an ICMPv6 echo message.", ECHO6_AT(6)),
};

const struct pf_group pf_group_icmp = PF_GROUP("icmp", fields);
