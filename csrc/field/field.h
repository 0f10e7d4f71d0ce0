/* The catalogue of fields: everything a packet can be asked for.
 *
 *   pf_groups[]  frame | eth | vlan | ... | ip | tcp | dns | tls | ...      a file each; together in catalogue order
 *                        |
 *                 { "eth_src", text, nullable, depth, "eth.src", get, ... }
 *
 * Decode depth, column types, documentation and error messages all come from here. A field is added by adding a line to
 * its group. Any thread may call. */
#ifndef PF_FIELD_FIELD_H
#define PF_FIELD_FIELD_H

#include "base/column.h"
#include "base/writer.h"
#include "packet/packet.h"

/* When a column is in a table: always; when it, its group or a pattern is named; only under its whole name. */
enum pf_asked { PF_ASKED_NEVER, PF_ASKED_ANYHOW, PF_ASKED_BY_NAME };

struct pf_field {
    struct pf_kind kind; /* name, type, nullable */
    enum pf_depth depth;
    enum pf_asked asked;
    const char *wireshark; /* the Wireshark field(s) it equals, "" when it is ours alone */
    const char *doc;       /* one line: meaning, unit, source */
    /* A number, a key of text, or for PF_BINARY a span; false where the packet has none. */
    bool (*get)(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value);
    pf_text text; /* PF_TEXT: how a key is shown; NULL: it is the number of an input, shown by its name */
    /* Instead of `get`, for text that no 16 octets tell apart: appends it to a writer with PF_WRITER_ROOM. */
    bool (*write)(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer);
    /* For fields that are a number, or octets, at a fixed place of a protocol's first header: */
    uint8_t protocol, offset, size, shift;
    uint32_t mask;
    uint8_t needs; /* enum pf_need: what it wants to know of packets before; of DNS and TLS it is a field of the message
                      that a packet completes, where it does */
};

/* Which packet a field is to look at: the message that this one completes, where it is one of those. */
static inline const struct pf_packet *pf_field_packet(const struct pf_field *field, const struct pf_packet *packet)
{
    bool told = (field->needs & (PF_NEED_DNS | PF_NEED_TLS)) != 0 && packet->message != NULL;
    return told ? packet->message : packet;
}

static inline bool pf_field_get(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    return field->get(field, pf_field_packet(field, packet), value);
}

struct pf_group {
    const char *name;
    const struct pf_field *fields;
    size_t count;
    /* Protocols, a bit each: none of the fields is in a packet that has none of these; 0: any may be. */
    uint64_t within;
};

extern const struct pf_group *const pf_groups[];
extern const size_t pf_group_count;

/* By place in the catalogue, from 0; NULL behind the last. By name; NULL where there is none. */
const struct pf_field *pf_field_at(size_t place);
const struct pf_field *pf_field_find(const char *name);

/* What `within` of its group is. */
uint64_t pf_field_within(const struct pf_field *field);

/* The getter of numbers at a fixed place of a header, so that it can be told. */
bool pf_get_number(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value);

/* Any field but octets as its column shows it, numbers in decimals; false where the packet has none. `files` are the
 * names of the inputs. */
bool pf_field_write(const struct pf_field *field, const struct pf_packet *packet, const char *const *files,
                    struct pf_writer *writer);

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
