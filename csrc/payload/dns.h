/* Reading DNS messages: RFC 1035, mDNS (RFC 6762), LLMNR (RFC 4795).
 *
 *    | header | question ... | answer ... | authority ... | additional ... |
 *    0        12  name type class   name type class TTL length RDATA
 *
 * A name may end in a pointer to a place before it. What a message says of itself is believed in nothing (RFC 9267):
 * counts end where the octets end, every record lies whole in the message, a pointer leads strictly backwards. Places
 * are offsets in the message; nothing is copied, and no call takes longer than the message is long, times a constant.
 */
#ifndef PF_PAYLOAD_DNS_H
#define PF_PAYLOAD_DNS_H

#include "base/writer.h"
#include "packet/packet.h"

enum pf_dns_kind { PF_DNS_UNICAST, PF_DNS_MULTICAST, PF_DNS_LINK_LOCAL };

/* Where the counts stand in the header, and its size. */
enum { PF_DNS_QUESTIONS = 4, PF_DNS_ANSWERS = 6, PF_DNS_AUTHORITIES = 8, PF_DNS_ADDITIONALS = 10, PF_DNS_HEADER = 12 };

/* Types that something here is made for. */
enum {
    PF_DNS_A = 1,
    PF_DNS_NS = 2,
    PF_DNS_CNAME = 5,
    PF_DNS_SOA = 6,
    PF_DNS_PTR = 12,
    PF_DNS_MX = 15,
    PF_DNS_TXT = 16,
    PF_DNS_AAAA = 28, /* RFC 3596 */
    PF_DNS_SRV = 33,  /* RFC 2782 */
    PF_DNS_OPT = 41,  /* RFC 6891: no record, its fields mean other things */
};

struct pf_dns {
    const uint8_t *octets; /* the header and what was captured behind it */
    uint32_t size;
};

struct pf_dns_record {
    uint32_t name, data; /* where they begin; the data are all there */
    uint32_t ttl;
    uint16_t type, size; /* size: of the data */
};

/* The records from `at` on, of which `left` are said to come. */
struct pf_dns_walk {
    struct pf_dns message;
    uint32_t at, left;
};

/* By the ports of the first message in a packet that has one. */
enum pf_dns_kind pf_dns_kind(const struct pf_packet *packet);
/* The first message; false where its header is not whole. */
bool pf_dns_of(const struct pf_packet *packet, struct pf_dns *message);
/* `size` octets at a place, or NULL. */
static inline const uint8_t *pf_dns_octets(const struct pf_dns *message, uint32_t at, uint32_t size)
{
    return at <= message->size && size <= message->size - at ? message->octets + at : NULL;
}

static inline uint32_t pf_dns_count(const struct pf_dns *message, unsigned place)
{
    return pf_be16(message->octets + place);
}

/* `size` octets behind the name of the first question, which are its type and class, or NULL. */
const uint8_t *pf_dns_question(const struct pf_dns *message, uint32_t size);
/* All records, or only the answers; false where the questions are not whole. */
bool pf_dns_records(const struct pf_dns *message, bool answers, struct pf_dns_walk *walk);
/* The next record that lies whole in the message. */
bool pf_dns_next(struct pf_dns_walk *walk, struct pf_dns_record *record);

/* Moves a place behind the name that begins there, which ends with its zero or its pointer, whatever that points to. */
bool pf_dns_skip_name(const struct pf_dns *message, uint32_t *at);
/* The name's labels with dots between, "." for none; in a label a dot, which `also` must hold, and the rest of `also`
 * are escaped. False, and nothing is written, where it cannot be read. */
bool pf_dns_write_name(const struct pf_dns *message, uint32_t at, const char *also, struct pf_writer *writer);

/* The IANA name of a type of records, or NULL. */
const char *pf_dns_type_name(uint16_t type);

#endif
