/* What scapy makes of DNS: whether a message counts is in its header; records matter only when they are too many. */
#include "tally/scapy_walk.h"

/* The octets of a name; they may be more than are there. */
static size_t name_size(struct pf_cursor cursor)
{
    size_t before = pf_cursor_left(&cursor);
    const uint8_t *label;
    while ((label = pf_cursor_need(&cursor, 1)) != NULL && label[0] != 0) {
        size_t at = before - pf_cursor_left(&cursor);
        if ((label[0] & 0xc0) != 0)
            return at + 2;
        if (!pf_cursor_skip(&cursor, 1 + (size_t)label[0]))
            return at + 1 + label[0] + 1;
    }
    return before - pf_cursor_left(&cursor) + 1;
}

static size_t question_size(const struct pf_cursor *cursor)
{
    return name_size(*cursor) + 4;
}

/* What a type's data must hold for its record not to fail: so many octets, names, strings with a length. */
enum { NAME = 0xff, STRING = 0xfe };
static const struct {
    uint16_t type;
    uint8_t parts[4]; /* up to the first 0 */
} rdata_rules[] = {
    {1, {4}},
    {6, {NAME, NAME, 20}},
    {13, {STRING, STRING}},
    {15, {2}},
    {28, {16}},
    {33, {6}},
    {43, {4}},
    {35, {4, STRING, STRING, STRING}},
    {46, {18}},
    {48, {4}},
    {50, {4, STRING, STRING}},
    {51, {4, STRING}},
    {64, {2}},
    {65, {2}},
    {250, {NAME, 9, STRING, 6}},
    {32769, {4}},
};

/* Steps over one part. Names and the octets of strings may be cut: what else the data must hold then fails. */
static bool skip_part(struct pf_cursor *data, uint8_t part)
{
    if (part == NAME) {
        pf_scapy_drop(data, (int64_t)name_size(*data));
        return true;
    }
    if (part != STRING)
        return pf_cursor_skip(data, part);
    const uint8_t *length = pf_cursor_need(data, 1);
    if (length == NULL)
        return false;
    pf_scapy_drop(data, 1 + length[0]);
    return true;
}

static bool rdata_fits(uint16_t type, struct pf_cursor data)
{
    for (size_t i = 0; i < sizeof rdata_rules / sizeof rdata_rules[0]; i++) {
        if (rdata_rules[i].type != type)
            continue;
        for (size_t part = 0; part < sizeof rdata_rules[i].parts && rdata_rules[i].parts[part] != 0; part++) {
            if (!skip_part(&data, rdata_rules[i].parts[part]))
                return false;
        }
    }
    return true;
}

static size_t record_size(const struct pf_cursor *cursor)
{
    size_t name = name_size(*cursor);
    const uint8_t *octets = pf_cursor_need(cursor, name + 10);
    if (octets == NULL)
        return 0;
    size_t length = pf_be16(octets + name + 8);
    struct pf_cursor data = *cursor;
    (void)pf_cursor_skip(&data, name + 10);
    pf_cursor_clip(&data, length);
    return rdata_fits(pf_be16(octets + name), data) ? name + 10 + length : 0;
}

/* A section of more records than scapy takes makes its parser raise; missing and wrong ones do not. */
static bool too_many_records(const uint8_t *header, struct pf_cursor body)
{
    bool many = false;
    for (size_t at = 4; at < 12; at += 2)
        many = many || pf_be16(header + at) > PF_SCAPY_MOST_ITEMS;
    if (!many)
        return false;
    for (size_t at = 4; at < 12; at += 2) {
        if (!pf_scapy_items(&body, at == 4 ? question_size : record_size, pf_be16(header + at)))
            return true;
    }
    return false;
}

static bool dns_counts(enum pf_dns_rule rule, const uint8_t *header)
{
    enum { RESPONSE = 0x80, RCODE = 0x0f, NXDOMAIN = 3 };
    if ((header[2] & RESPONSE) == 0)
        return false;
    return rule == PF_DNS_NXDOMAIN ? (header[3] & RCODE) == NXDOMAIN : pf_be16(header + 6) == 0;
}

enum pf_scapy_layer pf_scapy_dns(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, 12);
    if (header == NULL)
        return PF_SCAPY_END;
    (void)pf_cursor_skip(cursor, 12);
    if (!walk->has_dns && !too_many_records(header, *cursor)) {
        walk->has_dns = true;
        walk->dns_counts = dns_counts(walk->rules->dns, header);
    }
    return PF_SCAPY_END;
}

/* The length before the message must be 14 or more, and no more than the octets here with its own two. */
enum pf_scapy_layer pf_scapy_dns_tcp(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    const uint8_t *length = pf_cursor_need(cursor, 2);
    if (length == NULL || pf_be16(length) < 14 || pf_be16(length) > pf_cursor_left(cursor))
        return PF_SCAPY_END;
    (void)pf_cursor_skip(cursor, 2);
    return pf_scapy_dns(walk, cursor);
}
