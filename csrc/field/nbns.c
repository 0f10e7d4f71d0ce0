/* The NetBIOS name service (RFC 1002): the first message at any depth. */
#include "payload/nbns.h"

#include "field/define.h"

/* Of the first question, or where there is none of the first record. */
static bool write_name(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_dns message;
    (void)field;
    return pf_nbns_of(packet, &message) && pf_nbns_write_name(&message, PF_DNS_HEADER, writer);
}

static bool get_type(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    struct pf_dns message;
    uint32_t at = PF_DNS_HEADER;
    (void)field;
    if (!pf_nbns_of(packet, &message) || !pf_dns_skip_name(&message, &at))
        return false;
    const uint8_t *type = pf_dns_octets(&message, at, 2);
    if (type != NULL)
        value->word[0] = pf_be16(type);
    return type != NULL;
}

static const uint8_t *address_of(const struct pf_packet *packet)
{
    struct pf_dns message;
    return pf_nbns_of(packet, &message) ? pf_nbns_address(&message) : NULL;
}

static bool get_group(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    const uint8_t *entry = address_of(packet);
    (void)field;
    if (entry != NULL)
        value->word[0] = entry[0] >> 7;
    return entry != NULL;
}

static bool get_address(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    const uint8_t *entry = address_of(packet);
    (void)field;
    return pf_get_address(entry != NULL ? entry + 2 : NULL, 4, value);
}

static const struct pf_field fields[] = {
    PF_FIELD("nbns_flags_response", UINT8, APPLICATION, "nbns.flags.response", "NetBIOS names: 0 request, 1 response.",
             PF_NUMBER_AT(NBNS, 2, 1, 7, 1)),
    PF_FIELD("nbns_flags_opcode", UINT8, APPLICATION, "nbns.flags.opcode",
             "NetBIOS names: 0 query, 5 registration, 6 release, 7 wait, 8 refresh.",
             PF_NUMBER_AT(NBNS, 2, 1, 3, 0x0f)),
    PF_FIELD("nbns_name", TEXT, APPLICATION, "nbns.name",
             "NetBIOS name asked about, registered or answered, with what its last octet says it is the name of: "
             "`FILESERVER<20>`.",
             .write = write_name),
    PF_FIELD("nbns_type", UINT16, APPLICATION, "nbns.type", "NetBIOS names: 32 a name's address, 33 a host's names.",
             .get = get_type),
    PF_FIELD("nbns_addr", TEXT, APPLICATION, "nbns.addr", "NetBIOS names: address of the name.", .get = get_address,
             .text = pf_text_address),
    PF_FIELD("nbns_nb_flags_group", UINT8, APPLICATION, "nbns.nb_flags.group",
             "NetBIOS names: 1 for the name of a group, 0 of one host.", .get = get_group),
};

const struct pf_group pf_group_nbns = PF_GROUP_WITHIN("nbns", fields, PF_BIT(NBNS));
