/* The catalogue of fields: everything a packet can be asked for, in one table.
 *
 * Decode depth, column types, documentation and error messages all come from here. A field is added by adding a line.
 * Any thread may call. */
#ifndef PF_FIELD_FIELD_H
#define PF_FIELD_FIELD_H

#include "base/column.h"
#include "packet/packet.h"

struct pf_field {
    struct pf_kind kind; /* name, type, nullable */
    enum pf_depth depth;
    const char *wireshark; /* the Wireshark field(s) it equals, "" when it is ours alone */
    const char *doc;       /* one line: meaning, unit, source */
    /* False where the packet has none. */
    bool (*get)(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value);
    pf_text text; /* PF_TEXT: how a value is shown; NULL: it is the number of an input, shown by its name */
    /* For fields that are a number, or octets, at a fixed place of a protocol's first header: */
    uint8_t protocol, offset, size, shift;
    uint32_t mask;
};

extern const struct pf_field pf_fields[];
extern const size_t pf_field_count;

/* The field of that name, or NULL. */
const struct pf_field *pf_field_find(const char *name);

/* How values that are shown as text are written. */
size_t pf_text_mac(const struct pf_value *value, char text[PF_TEXT_ROOM]);
size_t pf_text_address(const struct pf_value *value, char text[PF_TEXT_ROOM]);

/* Octets as a key, and back. An IPv4 address is 4 octets, an IPv6 address 16. */
static inline struct pf_value pf_value_octets(const uint8_t *octets, unsigned size)
{
    struct pf_value value = {{pf_be(octets, size < 8 ? size : 8), size > 8 ? pf_be(octets + 8, size - 8) : 0}, size};
    return value;
}

#endif
