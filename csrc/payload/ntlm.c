#include "payload/ntlm.h"

#include "payload/http.h"
#include "payload/payload.h"

#include <string.h>

static const uint8_t signature[8] = "NTLMSSP";

enum {
    /* How far into a segment the signature is looked for: SMB, DCE/RPC and LDAP have it within 300 octets, and most
     * segments have none at all. */
    REACH = 512,
    TYPE_END = 12,
    CHALLENGE = 2,
    AUTHENTICATE = 3,
    UNICODE = 1,     /* the flag: texts are UTF-16, else octets of some code page */
    MOST_PAIRS = 32, /* of a server's information; ten kinds are known (2.2.2.1) */
};

bool pf_is_ntlmssp(const struct pf_cursor *cursor, size_t *at)
{
    struct pf_cursor rest = *cursor;
    pf_cursor_clip(&rest, REACH);
    while (pf_cursor_left(&rest) >= TYPE_END) {
        const uint8_t *found = memchr(rest.at, signature[0], pf_cursor_left(&rest));
        if (found == NULL || (size_t)(rest.end - found) < TYPE_END)
            return false;
        if (memcmp(found, signature, sizeof signature) == 0) {
            *at = (size_t)(found - cursor->at);
            return true;
        }
        rest.at = found + 1;
    }
    return false;
}

enum pf_protocol pf_step_ntlmssp(struct pf_packet *packet, struct pf_cursor *cursor)
{
    (void)packet;
    (void)cursor;
    return PF_END;
}

static int digit_of(uint8_t octet)
{
    if (octet >= 'A' && octet <= 'Z')
        return octet - 'A';
    if (octet >= 'a' && octet <= 'z')
        return octet - 'a' + 26;
    if (octet >= '0' && octet <= '9')
        return octet - '0' + 52;
    return octet == '+' ? 62 : octet == '/' ? 63 : -1;
}

/* Up to what is no digit (RFC 4648, 4), or as far as there is room. */
static size_t decode(const struct pf_cursor *text, uint8_t room[PF_NTLM_ROOM])
{
    size_t size = 0;
    uint32_t bits = 0;
    unsigned count = 0;
    for (const uint8_t *at = text->at; at != text->end && size != PF_NTLM_ROOM; at++) {
        int digit = digit_of(*at);
        if (digit < 0)
            break;
        bits = bits << 6 | (uint32_t)digit;
        count += 6;
        if (count >= 8) {
            count -= 8;
            room[size++] = (uint8_t)(bits >> count);
        }
    }
    return size;
}

/* "NTLM TlRM..." or "Negotiate ...": the scheme is in letters of either case (RFC 9110, 11.1). */
static bool is_scheme(const struct pf_cursor *word, const char *scheme)
{
    if (pf_cursor_left(word) != strlen(scheme))
        return false;
    for (const uint8_t *at = word->at; at != word->end; at++, scheme++) {
        if ((*at | 0x20) != *scheme)
            return false;
    }
    return true;
}

static bool in_http(const struct pf_cursor *header, struct pf_ntlm *message)
{
    enum { NAMES = 4 };
    static const char *const names[NAMES] = {"authorization", "www-authenticate", "proxy-authorization",
                                             "proxy-authenticate"};
    struct pf_line lines[NAMES];
    unsigned found = pf_http_fields(header, names, NAMES, lines);
    for (unsigned i = 0; i < NAMES; i++) {
        if ((found >> i & 1) == 0)
            continue;
        struct pf_line line = lines[i];
        struct pf_cursor scheme = pf_next_word(&line.text, ' ');
        pf_trim(&line.text);
        if (!is_scheme(&scheme, "ntlm") && !is_scheme(&scheme, "negotiate"))
            continue;
        size_t size = decode(&line.text, message->room), at;
        struct pf_cursor token = {message->room, message->room + size, size};
        if (!pf_is_ntlmssp(&token, &at))
            continue;
        message->octets = message->room + at;
        message->size = size - at;
        return true;
    }
    return false;
}

bool pf_ntlm_of(const struct pf_packet *packet, struct pf_ntlm *message)
{
    uint8_t layer = packet->first[PF_NTLMSSP];
    if (layer != PF_NO_LAYER) {
        message->octets = packet->record.octets + packet->layer[layer].offset;
        message->size = packet->layer[layer].captured;
        return message->size >= TYPE_END;
    }
    layer = packet->first[PF_HTTP];
    if (layer == PF_NO_LAYER)
        return false;
    const uint8_t *octets = packet->record.octets + packet->layer[layer].offset;
    struct pf_cursor header = {octets, octets + packet->layer[layer].captured, packet->layer[layer].wire};
    return in_http(&header, message);
}

static const uint8_t *octets_at(const struct pf_ntlm *message, size_t at, size_t size)
{
    return at <= message->size && size <= message->size - at ? message->octets + at : NULL;
}

uint32_t pf_ntlm_type(const struct pf_ntlm *message)
{
    return pf_le32(message->octets + sizeof signature);
}

/* What the eight octets at a place say where it lies. */
static bool span_at(const struct pf_ntlm *message, size_t at, struct pf_cursor *span)
{
    const uint8_t *entry = octets_at(message, at, 8);
    if (entry == NULL)
        return false;
    size_t size = pf_le16(entry);
    const uint8_t *octets = octets_at(message, pf_le32(entry + 4), size);
    if (octets == NULL || size == 0)
        return false;
    *span = (struct pf_cursor){octets, octets + size, size};
    return true;
}

/* A server's information is pairs of number, length and value, the last of number 0. */
static bool find_pair(const struct pf_ntlm *message, unsigned number, struct pf_cursor *value)
{
    struct pf_cursor pairs;
    if (!span_at(message, 40, &pairs))
        return false;
    for (unsigned i = 0; i < MOST_PAIRS; i++) {
        const uint8_t *head = pf_cursor_need(&pairs, 4);
        if (head == NULL || pf_le16(head) == 0)
            return false;
        (void)pf_cursor_skip(&pairs, 4);
        size_t size = pf_le16(head + 2);
        *value = pairs;
        pf_cursor_clip(value, size);
        if (!pf_cursor_skip(&pairs, size))
            return false;
        if (pf_le16(head) == number)
            return size != 0;
    }
    return false;
}

/* Where each part is: in a message of which type, at which place its text is told, or by which number of a pair; and
 * where the flags are that say how it is written. */
static const struct place {
    uint8_t type, at, pair, flags;
} places[] = {
    [PF_NTLM_DOMAIN] = {AUTHENTICATE, 28, 0, 60},      [PF_NTLM_USER] = {AUTHENTICATE, 36, 0, 60},
    [PF_NTLM_WORKSTATION] = {AUTHENTICATE, 44, 0, 60}, [PF_NTLM_TARGET] = {CHALLENGE, 12, 0, 20},
    [PF_NTLM_COMPUTER] = {CHALLENGE, 0, 1, 0},         [PF_NTLM_DOMAIN_OF_SERVER] = {CHALLENGE, 0, 2, 0},
    [PF_NTLM_DNS_COMPUTER] = {CHALLENGE, 0, 3, 0},     [PF_NTLM_DNS_DOMAIN] = {CHALLENGE, 0, 4, 0},
};

/* The octets of a text without the zero characters at its end, which some programs put there. */
static size_t without_zeros(const struct pf_cursor *span, size_t width)
{
    size_t size = pf_cursor_left(span) / width * width;
    while (size != 0 && span->at[size - 1] == 0 && span->at[size - width] == 0)
        size -= width;
    return size;
}

bool pf_ntlm_write(const struct pf_ntlm *message, enum pf_ntlm_part part, struct pf_writer *writer)
{
    const struct place *place = &places[part];
    struct pf_cursor span;
    if (pf_ntlm_type(message) != place->type)
        return false;
    if (place->pair != 0 ? !find_pair(message, place->pair, &span) : !span_at(message, place->at, &span))
        return false;
    const uint8_t *flags = octets_at(message, place->flags, 4);
    bool wide = place->pair != 0 || (flags != NULL && (pf_le32(flags) & UNICODE) != 0);
    size_t size = without_zeros(&span, wide ? 2 : 1);
    if (wide)
        pf_write_utf16le(writer, span.at, size);
    else
        pf_write_text(writer, span.at, size, NULL);
    return size != 0;
}
