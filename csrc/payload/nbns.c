#include "payload/nbns.h"

#include "payload/payload.h"

enum {
    NAME = 16,
    ENCODED = 2 * NAME,
    POINTER = 0xc0,
    ADDRESS_ENTRY = 6, /* RFC 1002, 4.2.2.1: flags, address */
    LAST_OPCODE = 9,   /* refresh, as some programs number it; 8 is RFC 1002's */
};

/* The header and the octet behind it: a question's name, or that of a record. */
bool pf_is_nbns(const struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, PF_DNS_HEADER + 1);
    return header != NULL && (header[2] >> 3 & 15) <= LAST_OPCODE &&
           (header[PF_DNS_HEADER] == ENCODED || header[PF_DNS_HEADER] >= POINTER);
}

enum pf_protocol pf_step_nbns(struct pf_packet *packet, struct pf_cursor *cursor)
{
    (void)packet;
    (void)cursor;
    return PF_END;
}

bool pf_nbns_of(const struct pf_packet *packet, struct pf_dns *message)
{
    uint8_t layer = packet->first[PF_NBNS];
    message->octets = pf_layer_octets(packet, layer, 0, PF_DNS_HEADER);
    if (message->octets != NULL)
        message->size = packet->layer[layer].captured;
    return message->octets != NULL;
}

static bool decode(const uint8_t letters[ENCODED], uint8_t name[NAME])
{
    for (unsigned i = 0; i < NAME; i++) {
        unsigned high = letters[2 * i] - (unsigned)'A', low = letters[2 * i + 1] - (unsigned)'A';
        if (high > 15 || low > 15)
            return false;
        name[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool pf_nbns_write_name(const struct pf_dns *message, uint32_t at, struct pf_writer *writer)
{
    const uint8_t *pointer = pf_dns_octets(message, at, 2);
    if (pointer != NULL && pointer[0] >= POINTER) /* one leads to a name, never to another pointer */
        at = pf_be16(pointer) & 0x3fff;
    const uint8_t *label = pf_dns_octets(message, at, 1 + ENCODED);
    uint8_t name[NAME];
    if (label == NULL || label[0] != ENCODED || !decode(label + 1, name))
        return false;
    size_t length = NAME - 1;
    while (length != 0 && name[length - 1] == ' ')
        length--;
    pf_write_text(writer, name, length, "<");
    pf_write_char(writer, '<');
    pf_write_hex(writer, name[NAME - 1], 2);
    pf_write_char(writer, '>');
    return true;
}

const uint8_t *pf_nbns_address(const struct pf_dns *message)
{
    struct pf_dns_walk walk;
    struct pf_dns_record record;
    if (!pf_dns_records(message, false, &walk))
        return NULL;
    while (pf_dns_next(&walk, &record)) {
        if (record.type == PF_NBNS_NB && record.size >= ADDRESS_ENTRY)
            return pf_dns_octets(message, record.data, ADDRESS_ENTRY);
    }
    return NULL;
}
