/* DNS answers as text: "www.example.org CNAME 300 example.org; example.org A 60 192.0.2.1".
 *
 * Whoever splits it at "; " has the records, and at their first three spaces name, type, TTL and value: both are
 * escaped in whatever came off the wire. */
#include "field/define.h"
#include "payload/dns.h"

#include <string.h>

/* One record's text has less than 16 octets for each octet of its message, but together many records that point at one
 * long name could have 150. Whoever sends traffic must not fill a table with more than a few times what they sent. */
enum { MOST_TEXT_PER_OCTET = 16, IPV4_SIZE = 4, IPV6_SIZE = 16 };

static const char between[] = "; ", not_all[] = "...", in_names[] = ". ;", in_strings[] = "\";";

/* What the data of a type are, in order: n a name; 2, 4 numbers of as many octets; s strings, to the end; a, 6 an
 * address of IPv4, IPv6. */
static const char *shape_of(uint16_t type)
{
    switch (type) {
    case PF_DNS_A:
        return "a";
    case PF_DNS_AAAA:
        return "6";
    case PF_DNS_NS:
    case PF_DNS_CNAME:
    case PF_DNS_PTR:
        return "n";
    case PF_DNS_SOA:
        return "nn44444";
    case PF_DNS_MX:
        return "2n";
    case PF_DNS_TXT:
        return "s";
    case PF_DNS_SRV:
        return "222n";
    default:
        return "";
    }
}

/* The data of a record while they are written; `end` is behind them. */
struct data {
    const struct pf_dns *message;
    uint32_t at, end;
};

static const uint8_t *take(struct data *data, uint32_t size)
{
    if (size > data->end - data->at)
        return NULL;
    data->at += size;
    return pf_dns_octets(data->message, data->at - size, size);
}

static bool write_strings(struct data *data, struct pf_writer *writer)
{
    for (bool first = true; first || data->at < data->end; first = false) {
        const uint8_t *length = take(data, 1);
        const uint8_t *octets = length != NULL ? take(data, *length) : NULL;
        if (octets == NULL)
            return false;
        pf_write_string(writer, first ? "\"" : " \"");
        pf_write_text(writer, octets, *length, in_strings);
        pf_write_char(writer, '"');
    }
    return true;
}

static bool write_name(struct data *data, struct pf_writer *writer)
{
    uint32_t name = data->at;
    return pf_dns_skip_name(data->message, &data->at) && data->at <= data->end &&
           pf_dns_write_name(data->message, name, in_names, writer);
}

static bool write_address(struct data *data, unsigned size, struct pf_writer *writer)
{
    char text[PF_TEXT_ROOM];
    struct pf_value address;
    if (!pf_get_address(take(data, size), size, &address))
        return false;
    pf_write(writer, text, pf_text_address(&address, text));
    return true;
}

static bool write_number(struct data *data, unsigned size, struct pf_writer *writer)
{
    const uint8_t *octets = take(data, size);
    if (octets != NULL)
        pf_write_number(writer, pf_be(octets, size));
    return octets != NULL;
}

static bool write_part(char part, struct data *data, struct pf_writer *writer)
{
    switch (part) {
    case 'n':
        return write_name(data, writer);
    case 's':
        return write_strings(data, writer);
    case 'a':
        return write_address(data, IPV4_SIZE, writer);
    case '6':
        return write_address(data, IPV6_SIZE, writer);
    default:
        return write_number(data, (unsigned)(part - '0'), writer);
    }
}

/* In the form of their type; false where they don't have its shape, to the last octet. */
static bool write_known(struct data data, const char *shape, struct pf_writer *writer)
{
    for (const char *part = shape; *part != 0; part++) {
        if (part != shape)
            pf_write_char(writer, ' ');
        if (!write_part(*part, &data, writer))
            return false;
    }
    return *shape != 0 && data.at == data.end;
}

/* RFC 3597, 5: \# 4 c0000201 */
static void write_unknown(struct data data, struct pf_writer *writer)
{
    pf_write_string(writer, "\\# ");
    pf_write_number(writer, data.end - data.at);
    if (data.at != data.end)
        pf_write_char(writer, ' ');
    for (; data.at != data.end && !writer->full; data.at++)
        pf_write_hex(writer, data.message->octets[data.at], 2);
}

static void write_type(uint16_t type, struct pf_writer *writer)
{
    const char *name = pf_dns_type_name(type);
    pf_write_string(writer, name != NULL ? name : "TYPE");
    if (name == NULL)
        pf_write_number(writer, type);
}

/* False where the name of the record can't be read. */
static bool write_record(const struct pf_dns *message, const struct pf_dns_record *record, struct pf_writer *writer)
{
    if (!pf_dns_write_name(message, record->name, in_names, writer))
        return false;
    pf_write_char(writer, ' ');
    write_type(record->type, writer);
    pf_write_char(writer, ' ');
    pf_write_number(writer, record->ttl);
    pf_write_char(writer, ' ');
    struct data data = {message, record->data, record->data + record->size};
    struct pf_writer before = *writer;
    if (!write_known(data, shape_of(record->type), writer)) {
        *writer = before;
        write_unknown(data, writer);
    }
    return true;
}

/* Whether all records of the walk are written, each whole or not at all. */
static bool write_records(struct pf_dns_walk *walk, struct pf_writer *writer)
{
    struct pf_dns_record record;
    while (walk->left != 0) {
        size_t begin = writer->length;
        if (!pf_dns_next(walk, &record))
            return false;
        if (begin != 0)
            pf_write_string(writer, between);
        if (!write_record(&walk->message, &record, writer) || writer->full) {
            writer->length = begin;
            return false;
        }
    }
    return true;
}

bool pf_write_dns_answers(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_dns message;
    struct pf_dns_walk walk;
    (void)field;
    if (!pf_dns_of(packet, &message))
        return false;
    bool whole = pf_dns_records(&message, true, &walk);
    if (walk.left == 0)
        return false;
    struct pf_writer text = *writer;
    if (text.room > (size_t)message.size * MOST_TEXT_PER_OCTET)
        text.room = (size_t)message.size * MOST_TEXT_PER_OCTET;
    text.room -= strlen(between) + strlen(not_all);
    if (!whole || !write_records(&walk, &text)) {
        text.room += strlen(between) + strlen(not_all);
        text.full = false;
        if (text.length != 0)
            pf_write_string(&text, between);
        pf_write_string(&text, not_all);
    }
    writer->length = text.length;
    return true;
}
