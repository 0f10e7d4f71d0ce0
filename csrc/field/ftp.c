/* FTP (RFC 959): the first line of a segment of its control connection. */
#include "payload/ftp.h"

#include "field/define.h"

enum { FTP_PORT = 21 };

/* Of the line: the command or code, and what follows it; false where it goes the other way. */
static bool line_of(const struct pf_packet *packet, bool to_server, struct pf_cursor *word, struct pf_cursor *rest)
{
    struct pf_cursor message;
    uint8_t layer = packet->first[PF_FTP];
    if (!pf_layer_cursor(packet, layer, &message))
        return false;
    const uint8_t *destination = pf_layer_octets(packet, (uint8_t)(layer - 1), 2, 2); /* TCP carries it */
    if (destination == NULL || (pf_be16(destination) == FTP_PORT) != to_server)
        return false;
    return to_server ? pf_ftp_command(&message, word, rest) : pf_ftp_reply(&message, word, rest);
}

static bool write_command(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_cursor command, argument;
    (void)field;
    if (!line_of(packet, true, &command, &argument))
        return false;
    pf_write_text(writer, command.at, pf_cursor_left(&command), 0);
    return true;
}

static bool get_code(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    struct pf_cursor code, argument;
    (void)field;
    return line_of(packet, false, &code, &argument) && pf_get_decimal(&code, value);
}

/* field->offset: whether it is that of a command. */
static bool write_argument(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_cursor word, argument;
    if (!line_of(packet, field->offset != 0, &word, &argument) || pf_cursor_left(&argument) == 0)
        return false;
    pf_write_text(writer, argument.at, pf_cursor_left(&argument), 0);
    return true;
}

static const struct pf_field fields[] = {
    PF_FIELD("ftp_request_command", TEXT, APPLICATION, "ftp.request.command", "FTP: command, as it was sent.",
             .write = write_command),
    PF_FIELD("ftp_request_arg", STRING, APPLICATION, "ftp.request.arg", "FTP: what follows the command.",
             .write = write_argument, .offset = true),
    PF_FIELD("ftp_response_code", UINT16, APPLICATION, "ftp.response.code", "FTP: code of a reply.", .get = get_code),
    PF_FIELD("ftp_response_arg", STRING, APPLICATION, "ftp.response.arg", "FTP: what the first line of a reply says.",
             .write = write_argument, .offset = false),
};

const struct pf_group pf_group_ftp = PF_GROUP_WITHIN("ftp", fields, PF_BIT(FTP));
