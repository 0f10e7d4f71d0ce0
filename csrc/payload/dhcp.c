#include "payload/dhcp.h"

#include "payload/payload.h"

enum {
    FIXED = 236,
    COOKIE = 4,
    MOST_HARDWARE = 16, /* octets that the fixed part has for the client's address */
    PAD = 0,
    END = 255,
    FQDN_HEAD = 3,      /* flags and two codes that mean nothing any more (RFC 4702, 2.2) */
    FQDN_AS_IN_DNS = 4, /* the flag E (2.1) */
    MOST_LABEL = 63
};

/* A snapped message is still one; its options are not there. */
bool pf_is_dhcp(const struct pf_cursor *cursor)
{
    const uint8_t *head = pf_cursor_need(cursor, 4);
    return head != NULL && cursor->wire >= FIXED && (head[0] == 1 || head[0] == 2) && head[2] <= MOST_HARDWARE;
}

enum pf_protocol pf_step_dhcp(struct pf_packet *packet, struct pf_cursor *cursor)
{
    (void)packet;
    (void)cursor;
    return PF_END;
}

static bool take_option(struct pf_cursor *options, unsigned *code, struct pf_cursor *content)
{
    const uint8_t *at;
    while ((at = pf_cursor_need(options, 1)) != NULL && *at == PAD)
        (void)pf_cursor_skip(options, 1);
    const uint8_t *head = pf_cursor_need(options, 2);
    if (head == NULL || head[0] == END)
        return false;
    (void)pf_cursor_skip(options, 2);
    *code = head[0];
    *content = *options;
    pf_cursor_clip(content, head[1]);
    return pf_cursor_skip(options, head[1]);
}

bool pf_dhcp_option(const struct pf_cursor *message, unsigned code, struct pf_cursor *content)
{
    struct pf_cursor options = *message;
    unsigned found;
    const uint8_t *cookie = pf_cursor_need(message, FIXED + COOKIE);
    if (cookie == NULL || pf_be32(cookie + FIXED) != 0x63825363) /* without it there are no options: BOOTP */
        return false;
    (void)pf_cursor_skip(&options, FIXED + COOKIE);
    while (take_option(&options, &found, content)) {
        if (found == code)
            return true;
    }
    return false;
}

/* Labels to a zero or the end; without the zero it is the beginning of a name (RFC 4702, 2.3.1). */
static bool write_labels(struct pf_cursor name, struct pf_writer *writer)
{
    size_t begin = writer->length;
    for (;;) {
        const uint8_t *label = pf_cursor_need(&name, 1);
        if (label == NULL || *label == 0)
            return writer->length != begin;
        if (*label > MOST_LABEL || pf_cursor_need(&name, 1 + (size_t)*label) == NULL) {
            writer->length = begin;
            return false;
        }
        if (writer->length != begin)
            pf_write_char(writer, '.');
        pf_write_text(writer, label + 1, *label, ".");
        (void)pf_cursor_skip(&name, 1 + (size_t)*label);
    }
}

bool pf_dhcp_write_fqdn(const struct pf_cursor *content, struct pf_writer *writer)
{
    struct pf_cursor name = *content;
    const uint8_t *flags = pf_cursor_need(content, FQDN_HEAD);
    if (flags == NULL)
        return false;
    (void)pf_cursor_skip(&name, FQDN_HEAD);
    if ((flags[0] & FQDN_AS_IN_DNS) != 0)
        return write_labels(name, writer);
    while (name.end != name.at && name.end[-1] == 0)
        name.end--;
    pf_write_text(writer, name.at, pf_cursor_left(&name), NULL);
    return pf_cursor_left(&name) != 0;
}
