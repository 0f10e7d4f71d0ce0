/* HTTP/1 (RFC 9110, 9112) and SSDP: the header of the message that a TCP segment or UDP datagram begins with. */
#include "payload/http.h"

#include "field/define.h"

/* The names of fields that have a column. */
enum name { HOST, USER_AGENT, CONTENT_TYPE, REFERER, AUTHORIZATION, COOKIE, SERVER, CONTENT_LENGTH, LOCATION };
static const char *const names[] = {
    [HOST] = "host",       [USER_AGENT] = "user-agent",         [CONTENT_TYPE] = "content-type",
    [REFERER] = "referer", [AUTHORIZATION] = "authorization",   [COOKIE] = "cookie",
    [SERVER] = "server",   [CONTENT_LENGTH] = "content-length", [LOCATION] = "location",
};

static bool message_of(const struct pf_packet *packet, struct pf_cursor *message)
{
    uint8_t layer = packet->first[PF_HTTP] != PF_NO_LAYER ? packet->first[PF_HTTP] : packet->first[PF_SSDP];
    return pf_layer_cursor(packet, layer, message);
}

static bool write_start(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_cursor message, piece;
    if (!message_of(packet, &message) || !pf_http_start(&message, (enum pf_http_part)field->offset, &piece))
        return false;
    pf_write_text(writer, piece.at, pf_cursor_left(&piece), 0);
    return true;
}

static bool get_code(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    struct pf_cursor message, piece;
    (void)field;
    if (!message_of(packet, &message) || !pf_http_start(&message, PF_HTTP_CODE, &piece))
        return false;
    return pf_get_decimal(&piece, value);
}

static bool find_field(const struct pf_field *field, const struct pf_packet *packet, struct pf_line *value)
{
    struct pf_cursor message;
    return message_of(packet, &message) && pf_http_field(&message, names[field->offset], value);
}

static bool write_field(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_line line;
    if (!find_field(field, packet, &line))
        return false;
    pf_write_text(writer, line.text.at, pf_cursor_left(&line.text), 0);
    return true;
}

/* Digits may be missing where the line is not whole. */
static bool get_content_length(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    struct pf_line line;
    return find_field(field, packet, &line) && line.ended && pf_get_decimal(&line.text, value);
}

#define START(name, type, part, wireshark, doc) \
    PF_FIELD(name, type, APPLICATION, wireshark, doc, .write = write_start, .offset = PF_HTTP_##part)
#define VALUE(name, type, which, wireshark, doc) \
    PF_FIELD(name, type, APPLICATION, wireshark, doc, .write = write_field, .offset = which)

static const struct pf_field fields[] = {
    START("http_request_method", TEXT, METHOD, "http.request.method", "What an HTTP or SSDP request asks to be done."),
    START("http_request_uri", STRING, TARGET, "http.request.uri", "Target of the request, as it was sent."),
    START("http_request_version", TEXT, REQUEST_VERSION, "http.request.version", "Version that the request names."),
    START("http_response_version", TEXT, RESPONSE_VERSION, "http.response.version", "Version that a response names."),
    PF_FIELD("http_response_code", UINT16, APPLICATION, "http.response.code", "Status code of a response.",
             .get = get_code),
    VALUE("http_host", TEXT, HOST, "http.host", "Field Host: the name that was asked."),
    VALUE("http_user_agent", STRING, USER_AGENT, "http.user_agent", "Field User-Agent: what the client says it is."),
    VALUE("http_referer", STRING, REFERER, "http.referer", "Field Referer: where the client says it comes from."),
    VALUE("http_authorization", STRING, AUTHORIZATION, "http.authorization",
          "Field Authorization: credentials as they were sent."),
    VALUE("http_cookie", STRING, COOKIE, "http.cookie", "Field Cookie."),
    VALUE("http_server", TEXT, SERVER, "http.server", "Field Server: what the server says it is."),
    VALUE("http_content_type", TEXT, CONTENT_TYPE, "http.content_type", "Field Content-Type."),
    PF_FIELD("http_content_length", UINT64, APPLICATION, "http.content_length",
             "Field Content-Length: octets of the content; null where it is no number.", .get = get_content_length,
             .offset = CONTENT_LENGTH),
    VALUE("http_location", STRING, LOCATION, "http.location", "Field Location: where a response points to."),
};

const struct pf_group pf_group_http = PF_GROUP_WITHIN("http", fields, PF_BIT(HTTP) | PF_BIT(SSDP));
