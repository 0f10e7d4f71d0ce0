/* TLS (RFC 5246, RFC 8446)
 *
 *    record       | type | version (2) | length (2) |
 *    handshake    | type | length (3) |
 *    hello        | version (2) | random (32) | session id <1> |
 *      client     | cipher suites <2> | compression methods <1> | extensions <2>, or nothing
 *      server     | cipher suite (2) | compression method | extensions <2>, or nothing
 *    extension    | type (2) | content <2> |                                     <n>: a list after its length of n
 * octets
 */
#include "payload/tls.h"

#include "payload/payload.h"

#include <string.h>

enum {
    RECORD = 5,
    MESSAGE = 4,
    HELLO = MESSAGE + 2, /* what tells one: type, length, version */
    RANDOM = 32,
    CHANGE_CIPHER_SPEC = 20,
    HANDSHAKE = 22,
    HEARTBEAT = 24,
    HELLO_REQUEST = 0,
    CERTIFICATE = 11,
    SHORTEST_HELLO = 38,    /* a server's with nothing in it */
    MOST_MESSAGE = 1 << 17, /* octets of a handshake message; what OpenSSL takes for a hello at most */
    MOST_RECORDS = 32,      /* looked at in one segment; a hello is among the first three */
};

static bool is_version(const uint8_t *octets)
{
    return octets[0] == 3 && octets[1] <= 4;
}

static bool is_record(const uint8_t *head)
{
    return head[0] >= CHANGE_CIPHER_SPEC && head[0] <= HEARTBEAT && is_version(head + 1) &&
           pf_be16(head + 3) <= PF_TLS_MOST_RECORD;
}

static uint32_t length_of(const uint8_t *message)
{
    return (uint32_t)pf_be(message + 1, 3);
}

/* A hello at the begin of what a record carries. */
static bool is_hello(const struct pf_cursor *content)
{
    const uint8_t *hello = pf_cursor_need(content, HELLO);
    return hello != NULL && (hello[0] == PF_TLS_CLIENT_HELLO || hello[0] == PF_TLS_SERVER_HELLO) &&
           length_of(hello) >= SHORTEST_HELLO && length_of(hello) <= MOST_MESSAGE && is_version(hello + MESSAGE);
}

/* Takes a record off: its type, and a cursor over what it carries, whose `wire` is the length it tells even where that
 * goes on in another segment. */
static bool next_record(struct pf_cursor *records, uint8_t *type, struct pf_cursor *content)
{
    const uint8_t *head = pf_cursor_need(records, RECORD);
    if (head == NULL || !is_record(head))
        return false;
    *type = head[0];
    (void)pf_cursor_skip(records, RECORD);
    *content = (struct pf_cursor){records->at, records->end, SIZE_MAX};
    pf_cursor_clip(content, pf_be16(head + 3));
    size_t beyond = content->wire < records->wire ? content->wire : records->wire;
    records->at = content->end;
    records->wire -= beyond;
    return true;
}

bool pf_is_tls(const struct pf_cursor *cursor, bool registered)
{
    struct pf_cursor records = *cursor, content;
    uint8_t type;
    return next_record(&records, &type, &content) && (registered || (type == HANDSHAKE && is_hello(&content)));
}

/* What there is of a record's head could be one. */
static bool may_be_record(const uint8_t *head, size_t size)
{
    return (size < 1 || head[0] == HANDSHAKE || head[0] == CHANGE_CIPHER_SPEC) && (size < 2 || head[1] == 3) &&
           (size < 3 || head[2] <= 4);
}

/* The first handshake record's content, as far as it is there: whether a hello may be what it begins with. */
static enum pf_extent begins_hello(const struct pf_cursor *content, size_t *wanted)
{
    if (pf_cursor_left(content) < HELLO) {
        const uint8_t *type = pf_cursor_need(content, 1);
        bool may = type == NULL || *type == PF_TLS_CLIENT_HELLO || *type == PF_TLS_SERVER_HELLO;
        return may && content->wire >= HELLO ? PF_EXTENT_MORE : PF_EXTENT_NONE;
    }
    *wanted = MESSAGE + (size_t)length_of(content->at);
    return is_hello(content) ? PF_EXTENT_WHOLE : PF_EXTENT_NONE;
}

enum pf_extent pf_tls_extent(const uint8_t *octets, size_t size, size_t *whole)
{
    struct pf_cursor records = {octets, octets + size, SIZE_MAX}, content;
    size_t wanted = 0, gathered = 0;
    uint8_t type;
    for (unsigned i = 0; i < MOST_RECORDS; i++) {
        size_t left = pf_cursor_left(&records);
        if (left < RECORD)
            return may_be_record(records.at, left) ? PF_EXTENT_MORE : PF_EXTENT_NONE;
        if (!next_record(&records, &type, &content) || (type != HANDSHAKE && (type != CHANGE_CIPHER_SPEC || wanted)))
            return PF_EXTENT_NONE;
        if (type == HANDSHAKE) {
            enum pf_extent begin = wanted == 0 ? begins_hello(&content, &wanted) : PF_EXTENT_WHOLE;
            if (begin != PF_EXTENT_WHOLE)
                return begin;
            size_t lacks = wanted - gathered;
            gathered += pf_cursor_left(&content);
            if (gathered >= wanted) {
                *whole = (size_t)(content.at - octets) + lacks;
                return PF_EXTENT_WHOLE;
            }
        }
        if (!pf_tls_is_whole(&content))
            return PF_EXTENT_MORE;
    }
    return PF_EXTENT_NONE;
}

enum pf_protocol pf_step_tls(struct pf_packet *packet, struct pf_cursor *cursor)
{
    (void)packet;
    (void)cursor;
    return PF_END;
}

static bool records_of(const struct pf_packet *packet, struct pf_cursor *records)
{
    uint8_t number = packet->first[PF_TLS];
    if (number == PF_NO_LAYER)
        return false;
    const struct pf_layer *layer = &packet->layer[number];
    const uint8_t *octets = packet->record.octets + layer->offset;
    *records = (struct pf_cursor){octets, octets + layer->captured, layer->wire};
    return true;
}

/* A message that is ever sent in the clear, and that its record holds; a certificate may be longer. A request for a
 * hello is alone in its record: zeros also begin the records of a cipher whose nonces count. */
static bool is_clear(const struct pf_cursor *content)
{
    static const uint32_t types = 1u << HELLO_REQUEST | 1u << 4 | 0x3fu << CERTIFICATE | 7u << 21;
    const uint8_t *message = pf_cursor_need(content, MESSAGE);
    if (message == NULL || message[0] > 23 || (types >> message[0] & 1) == 0)
        return false;
    if (message[0] == HELLO_REQUEST)
        return content->wire == MESSAGE;
    return length_of(message) <= (message[0] == CERTIFICATE ? MOST_MESSAGE : content->wire - MESSAGE);
}

bool pf_tls_handshake_type(const struct pf_packet *packet, uint8_t *type)
{
    struct pf_cursor records, content;
    bool changed = false;
    uint8_t kind;
    if (!records_of(packet, &records))
        return false;
    for (unsigned i = 0; i < MOST_RECORDS && next_record(&records, &kind, &content); i++) {
        changed |= kind == CHANGE_CIPHER_SPEC;
        if (kind != HANDSHAKE)
            continue;
        if (!is_hello(&content) && (changed || !is_clear(&content)))
            return false;
        *type = content.at[0];
        return true;
    }
    return false;
}

bool pf_tls_list(struct pf_cursor *from, unsigned width, struct pf_cursor *list)
{
    const uint8_t *length = pf_cursor_need(from, width);
    if (length == NULL || pf_be(length, width) > from->wire - width)
        return false;
    size_t size = (size_t)pf_be(length, width);
    (void)pf_cursor_skip(from, width);
    *list = *from;
    pf_cursor_clip(list, size);
    from->at = list->end;
    from->wire -= size;
    return true;
}

bool pf_tls_extension(struct pf_cursor *extensions, uint16_t *type, struct pf_cursor *content)
{
    const uint8_t *head = pf_cursor_need(extensions, 4);
    if (head == NULL)
        return false;
    *type = pf_be16(head);
    (void)pf_cursor_skip(extensions, 2);
    return pf_tls_list(extensions, 2, content);
}

bool pf_tls_find(const struct pf_tls_hello *hello, uint16_t type, struct pf_cursor *content)
{
    struct pf_cursor extensions = hello->extensions;
    uint16_t found;
    if (!hello->has_extensions)
        return false;
    while (pf_tls_extension(&extensions, &found, content)) {
        if (found == type)
            return true;
    }
    return false;
}

static bool extensions_add_up(struct pf_cursor extensions)
{
    struct pf_cursor content;
    uint16_t type;
    if (!pf_tls_is_whole(&extensions))
        return false;
    while (pf_tls_extension(&extensions, &type, &content))
        ;
    return extensions.wire == 0;
}

/* From the version on. */
static void read_hello(struct pf_cursor body, struct pf_tls_hello *hello)
{
    struct pf_cursor list;
    if (!pf_cursor_skip(&body, 2 + RANDOM))
        return;
    hello->has_session_id = pf_tls_list(&body, 1, &list);
    if (!hello->has_session_id)
        return;
    hello->session_id_length = list.wire;
    if (hello->type == PF_TLS_CLIENT_HELLO) {
        hello->has_ciphers = pf_tls_list(&body, 2, &hello->ciphers);
        if (!hello->has_ciphers || hello->ciphers.wire % 2 != 0 || !pf_tls_list(&body, 1, &list))
            return;
    } else {
        hello->ciphers = body;
        pf_cursor_clip(&hello->ciphers, 2);
        hello->has_ciphers = hello->ciphers.wire == 2;
        if (!pf_cursor_skip(&body, 3))
            return;
    }
    if (body.wire == 0) { /* as before extensions were thought of */
        hello->whole = hello->type == PF_TLS_SERVER_HELLO || pf_tls_is_whole(&list);
        return;
    }
    hello->has_extensions = pf_tls_list(&body, 2, &hello->extensions);
    hello->whole = hello->has_extensions && extensions_add_up(hello->extensions);
}

/* Puts together what this record and those behind it, `most` in all, hold of a message; at most one record's worth. */
static size_t join(struct pf_cursor records, struct pf_cursor content, unsigned most, size_t size, uint8_t *joined)
{
    size_t wanted = size < PF_TLS_MOST_RECORD ? size : PF_TLS_MOST_RECORD, length = 0;
    uint8_t type = HANDSHAKE;
    for (unsigned i = 0; i < most && type == HANDSHAKE && length < wanted; i++) {
        pf_cursor_clip(&content, wanted - length);
        memcpy(joined + length, content.at, pf_cursor_left(&content));
        length += pf_cursor_left(&content);
        if (!pf_tls_is_whole(&content) || !next_record(&records, &type, &content))
            break;
    }
    return length;
}

bool pf_tls_hello(const struct pf_packet *packet, struct pf_tls_hello *hello)
{
    struct pf_cursor records, content;
    uint8_t type;
    if (!records_of(packet, &records))
        return false;
    for (unsigned i = 0; i < MOST_RECORDS && next_record(&records, &type, &content); i++) {
        if (type != HANDSHAKE || !is_hello(&content))
            continue;
        size_t size = length_of(content.at);
        hello->type = content.at[0];
        hello->version = pf_be16(content.at + MESSAGE);
        hello->has_session_id = hello->has_ciphers = hello->has_extensions = hello->whole = false;
        (void)pf_cursor_skip(&content, MESSAGE);
        bool spans = size > content.wire;
        struct pf_cursor body = {content.at, content.end, SIZE_MAX};
        if (spans) {
            body.at = hello->joined;
            body.end = hello->joined + join(records, content, MOST_RECORDS - i, size, hello->joined);
        }
        pf_cursor_clip(&body, size);
        read_hello(body, hello);
        return true;
    }
    return false;
}
