/* NTLM ([MS-NLMP]) as a TCP segment carries it: in SMB, DCE/RPC, LDAP, or a field of HTTP. */
#include "payload/ntlm.h"

#include "field/define.h"

static bool get_type(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    struct pf_ntlm message;
    (void)field;
    if (!pf_ntlm_of(packet, &message))
        return false;
    value->word[0] = pf_ntlm_type(&message);
    return true;
}

static bool write_part(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_ntlm message;
    return pf_ntlm_of(packet, &message) && pf_ntlm_write(&message, (enum pf_ntlm_part)field->offset, writer);
}

#define TEXT_OF(name, part, wireshark, doc) \
    PF_FIELD("ntlmssp_" name, TEXT, APPLICATION, "ntlmssp." wireshark, doc, .write = write_part, \
             .offset = PF_NTLM_##part)

static const struct pf_field fields[] = {
    PF_FIELD("ntlmssp_messagetype", UINT32, APPLICATION, "ntlmssp.messagetype",
             "NTLM message: 1 what the client can, 2 what the server is, 3 who the client is.", .get = get_type),
    TEXT_OF("auth_username", USER, "auth.username", "NTLM: user that logs in."),
    TEXT_OF("auth_domain", DOMAIN, "auth.domain", "NTLM: domain of the user."),
    TEXT_OF("auth_hostname", WORKSTATION, "auth.hostname", "NTLM: name of the host that the user is at."),
    TEXT_OF("challenge_target_name", TARGET, "challenge.target_name", "NTLM: domain or name of the server."),
    TEXT_OF("challenge_target_info_nb_computer_name", COMPUTER, "challenge.target_info.nb_computer_name",
            "NTLM: NetBIOS name of the server."),
    TEXT_OF("challenge_target_info_nb_domain_name", DOMAIN_OF_SERVER, "challenge.target_info.nb_domain_name",
            "NTLM: NetBIOS name of the server's domain."),
    TEXT_OF("challenge_target_info_dns_computer_name", DNS_COMPUTER, "challenge.target_info.dns_computer_name",
            "NTLM: DNS name of the server."),
    TEXT_OF("challenge_target_info_dns_domain_name", DNS_DOMAIN, "challenge.target_info.dns_domain_name",
            "NTLM: DNS name of the server's domain."),
};

const struct pf_group pf_group_ntlmssp = PF_GROUP_WITHIN("ntlmssp", fields, PF_BIT(NTLMSSP) | PF_BIT(HTTP));
