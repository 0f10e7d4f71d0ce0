/* Names in DNS messages (RFC 1035, 3.1 and 4.1.4):
 *
 *    | 7 | e x a m p l e | 3 | o r g | 0 |      labels, each behind its length
 *    | 3 | w w w | 11 and 14 bits |             the rest is a name that begins at that place of the message */
#include "payload/dns.h"

enum {
    MOST_LABEL = 63,
    MOST_NAME = 255, /* octets, lengths and the last zero among them, so that 127 labels are the most (3.1) */
    POINTER = 0xc0,
    /* One before each label is more than a sensible sender writes; a chain of pointers that point at pointers must not
     * make every name as long to read as the message is. */
    MOST_POINTERS = 127,
};

/* Where a name is being read. Invariant: `run` is where the labels read now begin, and a pointer leads before it, so
 * that no octet is read twice. */
struct reading {
    const struct pf_dns *message;
    uint32_t at, run;
    unsigned octets, pointers;
};

/* The length octet at a place when a label (or the end, 0) follows whole, or a pointer; NULL for anything else. */
static const uint8_t *piece_at(const struct pf_dns *message, uint32_t at)
{
    const uint8_t *piece = pf_dns_octets(message, at, 1);
    if (piece == NULL || (*piece > MOST_LABEL && *piece < POINTER))
        return NULL;
    return pf_dns_octets(message, at, *piece >= POINTER ? 2 : 1 + (uint32_t)*piece);
}

bool pf_dns_skip_name(const struct pf_dns *message, uint32_t *at)
{
    for (;;) {
        const uint8_t *piece = piece_at(message, *at);
        if (piece == NULL)
            return false;
        *at += *piece >= POINTER ? 2 : 1 + (uint32_t)*piece;
        if (*piece == 0 || *piece >= POINTER)
            return true;
    }
}

/* The next label behind its length, through pointers; the last has length 0. */
static const uint8_t *next_label(struct reading *name)
{
    for (;;) {
        const uint8_t *piece = piece_at(name->message, name->at);
        if (piece == NULL)
            return NULL;
        if (*piece < POINTER) {
            name->at += 1 + (uint32_t)*piece;
            name->octets += 1 + (unsigned)*piece;
            return name->octets <= MOST_NAME ? piece : NULL;
        }
        uint32_t target = pf_be16(piece) & 0x3fff;
        if (target >= name->run || ++name->pointers > MOST_POINTERS)
            return NULL;
        name->at = name->run = target;
    }
}

bool pf_dns_write_name(const struct pf_dns *message, uint32_t at, const char *also, struct pf_writer *writer)
{
    struct reading name = {.message = message, .at = at, .run = at};
    size_t begin = writer->length;
    for (;;) {
        const uint8_t *label = next_label(&name);
        if (label == NULL) {
            writer->length = begin;
            return false;
        }
        bool first = name.octets == 1 + (unsigned)*label;
        if (*label == 0) {
            if (first)
                pf_write_char(writer, '.');
            return true;
        }
        if (!first)
            pf_write_char(writer, '.');
        pf_write_text(writer, label + 1, *label, also);
    }
}
