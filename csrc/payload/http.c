/* HTTP/1 (RFC 9110, 9112) and SSDP, told by their first line:
 *
 *    GET /index.html HTTP/1.1        HTTP/1.1 200 OK
 *    Host: example.org               Server: example
 *    (empty line)                    (empty line)
 */
#include "payload/http.h"

#include "payload/payload.h"

#include <string.h>

/* Octets of a header that are looked at: more than servers take (8 to 64 KiB), and all that a packet of IP holds. */
enum { MOST_HEADER = 64 << 10, LONGEST_METHOD = 16, CODE_DIGITS = 3 };

static const char *const methods[] = {
    /* RFC 9110, 5789, 2068 */
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "LINK", "UNLINK",
    /* WebDAV: RFC 4918, 3253, 3648, 3744, 4791, 5323, 5842 */
    "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "VERSION-CONTROL", "REPORT", "CHECKOUT",
    "CHECKIN", "UNCHECKOUT", "MKWORKSPACE", "UPDATE", "LABEL", "MERGE", "BASELINE-CONTROL", "MKACTIVITY", "ORDERPATCH",
    "ACL", "MKCALENDAR", "SEARCH", "BIND", "UNBIND", "REBIND",
    /* Exchange */
    "BCOPY", "BDELETE", "BMOVE", "BPROPFIND", "BPROPPATCH", "POLL", "RPC_IN_DATA", "RPC_OUT_DATA",
    /* UPnP */
    "NOTIFY", "SUBSCRIBE", "UNSUBSCRIBE", "M-SEARCH"};

static bool begins_with(const struct pf_cursor *cursor, const char *text)
{
    const uint8_t *octets = pf_cursor_need(cursor, strlen(text));
    return octets != NULL && memcmp(octets, text, strlen(text)) == 0;
}

static bool is_method(const struct pf_cursor *word)
{
    size_t length = pf_cursor_left(word);
    if (length == 0 || length > LONGEST_METHOD)
        return false;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strlen(methods[i]) == length && memcmp(methods[i], word->at, length) == 0)
            return true;
    }
    return false;
}

/* SIP and RTSP have the same form and methods in common, but name themselves at the end of the line; a line without a
 * version is one of HTTP/0.9 where it asks for a path. */
static bool ends_like_http(struct pf_cursor target)
{
    bool path_alone = target.at[0] == '/';
    struct pf_cursor last = pf_next_word(&target, ' ');
    while (pf_cursor_left(&target) != 0) {
        struct pf_cursor word = pf_next_word(&target, ' ');
        if (pf_cursor_left(&word) == 0)
            continue;
        last = word;
        path_alone = false;
    }
    return path_alone || begins_with(&last, "HTTP/");
}

static bool is_request(struct pf_cursor cursor)
{
    struct pf_cursor word = cursor;
    pf_cursor_clip(&word, LONGEST_METHOD + 2); /* most payloads are no text: a few octets tell */
    struct pf_cursor method = pf_next_word(&word, ' ');
    const uint8_t *target = pf_cursor_need(&word, 1);
    if (target == NULL || target[0] <= ' ' || target[0] > '~' || !is_method(&method))
        return false;
    struct pf_line line;
    (void)pf_next_line(&cursor, &line);
    line.text.at = target;
    return !line.ended || ends_like_http(line.text);
}

static bool is_digit(uint8_t octet)
{
    return octet >= '0' && octet <= '9';
}

/* "HTTP/1.1 200": with one digit or two, and three in the code. */
static bool is_status(struct pf_cursor cursor)
{
    if (!begins_with(&cursor, "HTTP/"))
        return false;
    struct pf_line line;
    (void)pf_next_line(&cursor, &line);
    struct pf_cursor version = pf_next_word(&line.text, ' '), code = pf_next_word(&line.text, ' ');
    size_t length = pf_cursor_left(&version) - strlen("HTTP/");
    const uint8_t *digits = version.at + strlen("HTTP/"), *three = pf_cursor_need(&code, CODE_DIGITS);
    bool numbered = (length == 1 || (length == 3 && digits[1] == '.' && is_digit(digits[2]))) && is_digit(digits[0]);
    return numbered && three != NULL && pf_cursor_left(&code) == CODE_DIGITS && is_digit(three[0]) &&
           is_digit(three[1]) && is_digit(three[2]);
}

bool pf_is_http(const struct pf_cursor *cursor)
{
    struct pf_cursor header = *cursor;
    const uint8_t *first = pf_cursor_need(cursor, 1);
    if (first == NULL || *first < 'A' || *first > 'Z')
        return false;
    pf_cursor_clip(&header, MOST_HEADER);
    return is_status(header) || is_request(header);
}

enum pf_protocol pf_step_http(struct pf_packet *packet, struct pf_cursor *cursor)
{
    (void)packet;
    (void)cursor;
    return PF_END;
}

bool pf_http_start(const struct pf_cursor *message, enum pf_http_part part, struct pf_cursor *piece)
{
    struct pf_cursor header = *message;
    struct pf_line line;
    pf_cursor_clip(&header, MOST_HEADER);
    bool wants_response = part == PF_HTTP_RESPONSE_VERSION || part == PF_HTTP_CODE;
    if (!pf_next_line(&header, &line) || begins_with(&line.text, "HTTP/") != wants_response)
        return false;
    *piece = pf_next_word(&line.text, ' ');
    if (part == PF_HTTP_TARGET || part == PF_HTTP_CODE)
        *piece = pf_next_word(&line.text, ' ');
    if (part == PF_HTTP_REQUEST_VERSION) {
        (void)pf_next_word(&line.text, ' ');
        *piece = line.text;
        pf_trim(piece);
    }
    return pf_cursor_left(piece) != 0;
}

static bool is_name(const struct pf_cursor *word, const char *name)
{
    if (pf_cursor_left(word) != strlen(name))
        return false;
    for (const uint8_t *at = word->at; at != word->end; at++, name++) {
        uint8_t small = *at >= 'A' && *at <= 'Z' ? (uint8_t)(*at + ('a' - 'A')) : *at;
        if (small != (uint8_t)*name)
            return false;
    }
    return true;
}

/* Inline: most callers look for one name. */
static inline unsigned find_fields(const struct pf_cursor *message, const char *const names[], unsigned count,
                                   struct pf_line values[])
{
    struct pf_cursor header = *message;
    struct pf_line line;
    unsigned found = 0, all = (1u << count) - 1;
    pf_cursor_clip(&header, MOST_HEADER);
    (void)pf_next_line(&header, &line);
    while (found != all && pf_next_line(&header, &line) && pf_cursor_left(&line.text) != 0) {
        struct pf_cursor word = pf_next_word(&line.text, ':');
        if (word.end == line.text.end) /* without a colon it is all of the line */
            continue;
        for (unsigned i = 0; i < count; i++) {
            if ((found >> i & 1) != 0 || !is_name(&word, names[i]))
                continue;
            values[i] = line;
            pf_trim(&values[i].text);
            found |= 1u << i;
        }
    }
    return found;
}

unsigned pf_http_fields(const struct pf_cursor *message, const char *const names[], unsigned count,
                        struct pf_line values[])
{
    return find_fields(message, names, count, values);
}

bool pf_http_field(const struct pf_cursor *message, const char *name, struct pf_line *value)
{
    return find_fields(message, &name, 1, value) != 0;
}
