/* DNS (RFC 1035), mDNS (RFC 6762) and LLMNR (RFC 4795): the first message at any depth. */
#include "payload/dns.h"

#include "field/define.h"

static const char in_names[] = "."; /* escaped in a label, so that labels can be told apart */

enum { IPV4_SIZE = 4, IPV6_SIZE = 16 };

/* When a flag is one: */
enum { IN_RESPONSES = 1, NOT_IN_LLMNR = 2 };

/* Bit `shift` of octet `offset`, under the conditions `mask`. */
static bool get_flag(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    const uint8_t *flags = pf_layer_octets(packet, packet->first[PF_DNS], 2, field->offset - 1u);
    if (flags == NULL || ((field->mask & IN_RESPONSES) != 0 && flags[0] >> 7 == 0) ||
        ((field->mask & NOT_IN_LLMNR) != 0 && pf_dns_kind(packet) == PF_DNS_LINK_LOCAL))
        return false;
    value->word[0] = flags[field->offset - 2] >> field->shift & 1;
    return true;
}

static bool get_rcode(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    const uint8_t *flags = pf_layer_octets(packet, packet->first[PF_DNS], 2, 2);
    if (flags == NULL || flags[0] >> 7 == 0)
        return false;
    value->word[0] = flags[1] & 0x0f;
    return true;
}

static bool write_qry_name(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_dns message;
    (void)field;
    return pf_dns_of(packet, &message) && pf_dns_count(&message, PF_DNS_QUESTIONS) != 0 &&
           pf_dns_write_name(&message, PF_DNS_HEADER, in_names, writer);
}

static bool get_qry_type(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    struct pf_dns message;
    (void)field;
    const uint8_t *type = pf_dns_of(packet, &message) ? pf_dns_question(&message, 2) : NULL;
    if (type != NULL)
        value->word[0] = pf_be16(type);
    return type != NULL;
}

static bool get_qry_class(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    struct pf_dns message;
    (void)field;
    const uint8_t *tail = pf_dns_of(packet, &message) ? pf_dns_question(&message, 4) : NULL;
    if (tail != NULL) /* RFC 6762, 5.4: the top bit says where to send the answer */
        value->word[0] = pf_be16(tail + 2) & (pf_dns_kind(packet) == PF_DNS_MULTICAST ? 0x7fffu : 0xffffu);
    return tail != NULL;
}

/* The first record, of any section, that is fit; NULL: whichever it is. */
typedef bool (*fitting)(const struct pf_dns *message, const struct pf_dns_record *record);

static bool first_record(const struct pf_packet *packet, fitting is_fit, struct pf_dns *message,
                         struct pf_dns_record *record)
{
    struct pf_dns_walk walk;
    if (!pf_dns_of(packet, message) || !pf_dns_records(message, false, &walk))
        return false;
    while (pf_dns_next(&walk, record)) {
        if (is_fit == NULL || is_fit(message, record))
            return true;
    }
    return false;
}

static bool has_ttl(const struct pf_dns *message, const struct pf_dns_record *record)
{
    (void)message;
    return record->type != PF_DNS_OPT;
}

static bool is_a(const struct pf_dns *message, const struct pf_dns_record *record)
{
    (void)message;
    return record->type == PF_DNS_A && record->size == IPV4_SIZE;
}

static bool is_aaaa(const struct pf_dns *message, const struct pf_dns_record *record)
{
    (void)message;
    return record->type == PF_DNS_AAAA && record->size == IPV6_SIZE;
}

static bool is_cname(const struct pf_dns *message, const struct pf_dns_record *record)
{
    uint32_t end = record->data;
    return record->type == PF_DNS_CNAME && pf_dns_skip_name(message, &end) && end == record->data + record->size;
}

static bool write_resp_name(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_dns message;
    struct pf_dns_record record;
    (void)field;
    return first_record(packet, NULL, &message, &record) && pf_dns_write_name(&message, record.name, in_names, writer);
}

static bool get_resp_type(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    struct pf_dns message;
    struct pf_dns_record record;
    (void)field;
    if (!first_record(packet, NULL, &message, &record))
        return false;
    value->word[0] = record.type;
    return true;
}

static bool get_resp_ttl(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    struct pf_dns message;
    struct pf_dns_record record;
    (void)field;
    if (!first_record(packet, has_ttl, &message, &record))
        return false;
    value->word[0] = record.ttl;
    return true;
}

static bool get_address(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    struct pf_dns message;
    struct pf_dns_record record;
    return first_record(packet, field->size == IPV4_SIZE ? is_a : is_aaaa, &message, &record) &&
           pf_get_address(pf_dns_octets(&message, record.data, field->size), field->size, value);
}

static bool write_cname(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_dns message;
    struct pf_dns_record record;
    (void)field;
    return first_record(packet, is_cname, &message, &record) &&
           pf_dns_write_name(&message, record.data, in_names, writer);
}

#define FLAG(octet_, bit_, when_) .get = get_flag, .offset = octet_, .shift = bit_, .mask = when_
#define ADDRESS(size_) .get = get_address, .text = pf_text_address, .size = size_
#define COUNT(place_) PF_NUMBER_AT(DNS, place_, 2, 0, 0xffff)

/* Of the message that a segment completes, where it does. */
#define FIELD(...) PF_FIELD(__VA_ARGS__, .needs = PF_NEED_DNS)
#define COMMON_FIELD(...) PF_COMMON_FIELD(__VA_ARGS__, .needs = PF_NEED_DNS)

static const struct pf_field fields[] = {
    FIELD("dns_id", UINT16, PAYLOAD, "dns.id", "DNS: number that a response repeats.",
          PF_NUMBER_AT(DNS, 0, 2, 0, 0xffff)),
    COMMON_FIELD("dns_flags_response", UINT8, true, PAYLOAD, "dns.flags.response", "DNS: 0 query, 1 response.",
                 PF_NUMBER_AT(DNS, 2, 1, 7, 1)),
    FIELD("dns_flags_opcode", UINT8, PAYLOAD, "dns.flags.opcode",
          "DNS operation (IANA number): 0 query, 4 notify, 5 update.", PF_NUMBER_AT(DNS, 2, 1, 3, 0x0f)),
    FIELD("dns_flags_authoritative", UINT8, PAYLOAD, "dns.flags.authoritative",
          "DNS: an authority for the name answers; null in queries and LLMNR.",
          FLAG(2, 2, IN_RESPONSES | NOT_IN_LLMNR)),
    FIELD("dns_flags_truncated", UINT8, PAYLOAD, "dns.flags.truncated", "DNS: there was more than fits.",
          PF_NUMBER_AT(DNS, 2, 1, 1, 1)),
    FIELD("dns_flags_recdesired", UINT8, PAYLOAD, "dns.flags.recdesired",
          "DNS: the server is to ask others; null in LLMNR.", FLAG(2, 0, NOT_IN_LLMNR)),
    FIELD("dns_flags_recavail", UINT8, PAYLOAD, "dns.flags.recavail",
          "DNS: the server would ask others; null in queries and LLMNR.", FLAG(3, 7, IN_RESPONSES | NOT_IN_LLMNR)),
    FIELD("dns_flags_authenticated", UINT8, PAYLOAD, "dns.flags.authenticated",
          "DNS: the data are authenticated (RFC 4035), in queries that this is understood; null in LLMNR.",
          FLAG(3, 5, NOT_IN_LLMNR)),
    FIELD("dns_flags_checkdisable", UINT8, PAYLOAD, "dns.flags.checkdisable",
          "DNS: data that are not authenticated will do (RFC 4035); null in LLMNR.", FLAG(3, 4, NOT_IN_LLMNR)),
    COMMON_FIELD("dns_flags_rcode", UINT8, true, PAYLOAD, "dns.flags.rcode",
                 "DNS response code (IANA number); null in queries.", .get = get_rcode),
    FIELD("dns_count_queries", UINT16, PAYLOAD, "dns.count.queries", "DNS questions said to follow.",
          COUNT(PF_DNS_QUESTIONS)),
    COMMON_FIELD("dns_count_answers", UINT16, true, PAYLOAD, "dns.count.answers", "DNS answers said to follow.",
                 COUNT(PF_DNS_ANSWERS)),
    FIELD("dns_count_auth_rr", UINT16, PAYLOAD, "dns.count.auth_rr", "DNS authority records said to follow.",
          COUNT(PF_DNS_AUTHORITIES)),
    FIELD("dns_count_add_rr", UINT16, PAYLOAD, "dns.count.add_rr", "DNS additional records said to follow.",
          COUNT(PF_DNS_ADDITIONALS)),
    FIELD("dns_qry_name", TEXT, PAYLOAD, "dns.qry.name", "Name of the first DNS question; `.` is the root.",
          .write = write_qry_name),
    FIELD("dns_qry_type", UINT16, PAYLOAD, "dns.qry.type", "Type of the first DNS question (IANA number).",
          .get = get_qry_type),
    FIELD("dns_qry_class", UINT16, PAYLOAD, "dns.qry.class",
          "Class of the first DNS question (IANA number), in mDNS without its top bit.", .get = get_qry_class),
    FIELD("dns_resp_name", TEXT, PAYLOAD, "dns.resp.name", "Name of the first DNS record, of any section.",
          .write = write_resp_name),
    FIELD("dns_resp_type", UINT16, PAYLOAD, "dns.resp.type",
          "Type of the first DNS record, of any section (IANA number).", .get = get_resp_type),
    FIELD("dns_resp_ttl", UINT32, PAYLOAD, "dns.resp.ttl",
          "Time to live of the first DNS record that is no OPT, of any section, seconds.", .get = get_resp_ttl),
    FIELD("dns_a", TEXT, PAYLOAD, "dns.a", "IPv4 address in the first A record, of any section.", ADDRESS(IPV4_SIZE)),
    FIELD("dns_aaaa", TEXT, PAYLOAD, "dns.aaaa", "IPv6 address in the first AAAA record, of any section.",
          ADDRESS(IPV6_SIZE)),
    FIELD("dns_cname", TEXT, PAYLOAD, "dns.cname", "Name in the first CNAME record, of any section.",
          .write = write_cname),
    FIELD("dns_answers", STRING, PAYLOAD, "",
          "All DNS answers as text: name, type, TTL and value of each, such as "
          "`a.example A 60 192.0.2.1; a.example A 60 192.0.2.2`; `...` at the end: there were more.",
          .write = pf_write_dns_answers),
};

const struct pf_group pf_group_dns = PF_GROUP_WITHIN("dns", fields, PF_BIT(DNS));
