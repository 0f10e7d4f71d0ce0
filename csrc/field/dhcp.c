/* DHCP (RFC 2131, 2132) and BOOTP: the first message at any depth. */
#include "payload/dhcp.h"

#include "field/define.h"

enum { ADDRESS = 4, MAC = 6 };

static bool find_option(const struct pf_packet *packet, unsigned code, struct pf_cursor *content)
{
    struct pf_cursor message;
    return pf_layer_cursor(packet, packet->first[PF_DHCP], &message) && pf_dhcp_option(&message, code, content);
}

static bool get_hardware(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    const uint8_t *size = pf_layer_octets(packet, packet->first[PF_DHCP], 2, 1);
    return size != NULL && *size == MAC && pf_get_key(field, packet, value);
}

static bool get_type(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    struct pf_cursor content;
    if (!find_option(packet, field->offset, &content) || pf_cursor_left(&content) != 1)
        return false;
    value->word[0] = content.at[0];
    return true;
}

/* The first address of an option that holds one or more. */
static bool get_option_address(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    struct pf_cursor content;
    return find_option(packet, field->offset, &content) && pf_cursor_left(&content) % ADDRESS == 0 &&
           pf_get_address(pf_cursor_need(&content, ADDRESS), ADDRESS, value);
}

/* Without the zeros that some programs end it with (RFC 2132, 2). */
static bool write_option(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_cursor content;
    if (!find_option(packet, field->offset, &content))
        return false;
    while (content.end != content.at && content.end[-1] == 0)
        content.end--;
    pf_write_text(writer, content.at, pf_cursor_left(&content), NULL);
    return pf_cursor_left(&content) != 0;
}

static bool write_fqdn(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_cursor content;
    return find_option(packet, field->offset, &content) && pf_dhcp_write_fqdn(&content, writer);
}

#define FIXED_ADDRESS(name, at, doc) \
    PF_FIELD("dhcp_ip_" name, TEXT, APPLICATION, "dhcp.ip." name, doc, PF_KEY_AT(DHCP, at, ADDRESS, pf_text_address))
#define OPTION(name, type, code, doc, ...) \
    PF_FIELD("dhcp_option_" name, type, APPLICATION, "dhcp.option." name, doc, .offset = code, __VA_ARGS__)
#define OPTION_ADDRESS(name, code, doc) \
    OPTION(name, TEXT, code, doc, .get = get_option_address, .text = pf_text_address)
#define OPTION_TEXT(name, code, doc) OPTION(name, TEXT, code, doc, .write = write_option)

static const struct pf_field fields[] = {
    PF_FIELD("dhcp_type", UINT8, APPLICATION, "dhcp.type", "DHCP: 1 from a client, 2 to one.",
             PF_NUMBER_AT(DHCP, 0, 1, 0, 0xff)),
    PF_FIELD("dhcp_hw_mac_addr", TEXT, APPLICATION, "dhcp.hw.mac_addr",
             "DHCP: hardware address of the client, where it has 6 octets.", .get = get_hardware, .text = pf_text_mac,
             .protocol = PF_DHCP, .offset = PF_DHCP_HARDWARE, .size = MAC),
    FIXED_ADDRESS("client", PF_DHCP_CLIENT, "DHCP: the address that the client has."),
    FIXED_ADDRESS("your", PF_DHCP_YOUR, "DHCP: the address that the client gets."),
    FIXED_ADDRESS("server", PF_DHCP_SERVER, "DHCP: the server to boot from next."),
    FIXED_ADDRESS("relay", PF_DHCP_RELAY, "DHCP: the agent that passes messages on."),
    OPTION("dhcp", UINT8, PF_DHCP_TYPE,
           "DHCP message: 1 discover, 2 offer, 3 request, 4 decline, 5 acknowledgment, 6 refusal, 7 release, 8 inform.",
           .get = get_type),
    OPTION_TEXT("hostname", PF_DHCP_HOST_NAME, "DHCP: what the client calls itself."),
    OPTION_TEXT("domain_name", PF_DHCP_DOMAIN_NAME, "DHCP: the domain that the client is in."),
    OPTION_TEXT("vendor_class_id", PF_DHCP_VENDOR_CLASS, "DHCP: what kind of client it is, such as `MSFT 5.0`."),
    OPTION_ADDRESS("requested_ip_address", PF_DHCP_REQUESTED, "DHCP: the address that the client wants."),
    OPTION_ADDRESS("dhcp_server_id", PF_DHCP_SERVER_ID, "DHCP: address of the server."),
    OPTION_ADDRESS("router", PF_DHCP_ROUTER, "DHCP: the first router that the client is told."),
    OPTION_ADDRESS("domain_name_server", PF_DHCP_NAME_SERVER, "DHCP: the first DNS server that the client is told."),
    PF_FIELD("dhcp_fqdn_name", TEXT, APPLICATION, "dhcp.fqdn.name",
             "DHCP: full name of the client, or as much of it as it knows.", .write = write_fqdn,
             .offset = PF_DHCP_FQDN),
};

const struct pf_group pf_group_dhcp = PF_GROUP_WITHIN("dhcp", fields, PF_BIT(DHCP));
