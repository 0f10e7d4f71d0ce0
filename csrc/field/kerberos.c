/* Kerberos (RFC 4120): the message that a datagram or segment begins with. */
#include "payload/kerberos.h"

#include "field/define.h"

static bool get_type(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    struct pf_cursor message;
    int64_t number;
    (void)field;
    if (!pf_layer_cursor(packet, packet->first[PF_KERBEROS], &message) ||
        !pf_kerberos_number(&message, PF_KERBEROS_TYPE, &number) || number < 0 || number > UINT8_MAX)
        return false;
    value->word[0] = (uint64_t)number;
    return true;
}

static bool get_error(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    struct pf_cursor message;
    int64_t number;
    (void)field;
    if (!pf_layer_cursor(packet, packet->first[PF_KERBEROS], &message) ||
        !pf_kerberos_number(&message, PF_KERBEROS_ERROR, &number))
        return false;
    value->word[0] = (uint64_t)number;
    return true;
}

static bool write_part(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_cursor message;
    return pf_layer_cursor(packet, packet->first[PF_KERBEROS], &message) &&
           pf_kerberos_write(&message, (enum pf_kerberos_part)field->offset, writer);
}

#define TEXT_OF(name, part, wireshark, doc) \
    PF_FIELD(name, TEXT, APPLICATION, wireshark, doc, .write = write_part, .offset = PF_KERBEROS_##part)

static const struct pf_field fields[] = {
    PF_FIELD("kerberos_msg_type", UINT8, APPLICATION, "kerberos.msg_type",
             "Kerberos message: 10 and 11 a login and its answer, 12 and 13 the same for a service, 30 an error.",
             .get = get_type),
    TEXT_OF("kerberos_cnamestring", CNAME, "kerberos.CNameString",
            "Kerberos: name of the client, who logs in or gets a ticket; a host's ends in `$`."),
    TEXT_OF("kerberos_realm", REALM, "kerberos.realm", "Kerberos: the realm that is asked, or whose ticket it is."),
    TEXT_OF("kerberos_crealm", CREALM, "kerberos.crealm", "Kerberos: realm of the client, in answers."),
    TEXT_OF("kerberos_snamestring", SNAME, "kerberos.SNameString",
            "Kerberos: the service that is asked for, such as `cifs/FILESERVER`."),
    PF_FIELD("kerberos_error_code", INT64, APPLICATION, "kerberos.error_code",
             "Kerberos: why not; 6 no such client, 24 wrong password, 25 more proof is wanted.", .get = get_error),
};

const struct pf_group pf_group_kerberos = PF_GROUP_WITHIN("kerberos", fields, PF_BIT(KERBEROS));
