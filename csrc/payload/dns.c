/* DNS (RFC 1035), mDNS (RFC 6762) and LLMNR (RFC 4795): the header
 *
 *    |                      ID                       |
 *    |QR|   Opcode  |AA|TC|RD|RA|   Z    |   RCODE   |
 *    |                    QDCOUNT                    |
 *    |                    ANCOUNT                    |
 *    |                    NSCOUNT                    |
 *    |                    ARCOUNT                    |
 */
#include "payload/dns.h"

enum {
    QUESTION_TAIL = 4, /* type, class */
    RECORD_TAIL = 10,  /* type, class, TTL, length of the data */
    PORT = 53,
    MULTICAST_PORT = 5353
};

enum pf_protocol pf_step_dns(struct pf_packet *packet, struct pf_cursor *cursor)
{
    return pf_cursor_need(cursor, PF_DNS_HEADER) != NULL ? PF_END : pf_lacking(packet, PF_DNS, cursor, PF_DNS_HEADER);
}

enum pf_dns_kind pf_dns_kind(const struct pf_packet *packet)
{
    uint8_t layer = packet->first[PF_DNS];
    if (layer == 0 || layer == PF_NO_LAYER || packet->layer[layer - 1].protocol != PF_UDP)
        return PF_DNS_UNICAST;
    const uint8_t *ports = pf_layer_octets(packet, (uint8_t)(layer - 1), 0, 4);
    if (ports == NULL || pf_be16(ports) == PORT || pf_be16(ports + 2) == PORT)
        return PF_DNS_UNICAST;
    bool multicast = pf_be16(ports) == MULTICAST_PORT || pf_be16(ports + 2) == MULTICAST_PORT;
    return multicast ? PF_DNS_MULTICAST : PF_DNS_LINK_LOCAL;
}

bool pf_dns_of(const struct pf_packet *packet, struct pf_dns *message)
{
    uint8_t layer = packet->first[PF_DNS];
    message->octets = pf_layer_octets(packet, layer, 0, PF_DNS_HEADER);
    if (message->octets != NULL)
        message->size = packet->layer[layer].captured;
    return message->octets != NULL;
}

const uint8_t *pf_dns_question(const struct pf_dns *message, uint32_t size)
{
    uint32_t at = PF_DNS_HEADER;
    if (pf_dns_count(message, PF_DNS_QUESTIONS) == 0 || !pf_dns_skip_name(message, &at))
        return NULL;
    return pf_dns_octets(message, at, size);
}

bool pf_dns_records(const struct pf_dns *message, bool answers, struct pf_dns_walk *walk)
{
    *walk =
        (struct pf_dns_walk){.message = *message, .at = PF_DNS_HEADER, .left = pf_dns_count(message, PF_DNS_ANSWERS)};
    if (!answers)
        walk->left += pf_dns_count(message, PF_DNS_AUTHORITIES) + pf_dns_count(message, PF_DNS_ADDITIONALS);
    for (uint32_t left = pf_dns_count(message, PF_DNS_QUESTIONS); left > 0; left--) {
        if (!pf_dns_skip_name(message, &walk->at) || pf_dns_octets(message, walk->at, QUESTION_TAIL) == NULL)
            return false;
        walk->at += QUESTION_TAIL;
    }
    return true;
}

bool pf_dns_next(struct pf_dns_walk *walk, struct pf_dns_record *record)
{
    uint32_t at = walk->at;
    if (walk->left == 0 || !pf_dns_skip_name(&walk->message, &at))
        return false;
    const uint8_t *tail = pf_dns_octets(&walk->message, at, RECORD_TAIL);
    if (tail == NULL || pf_dns_octets(&walk->message, at + RECORD_TAIL, pf_be16(tail + 8)) == NULL)
        return false;
    *record = (struct pf_dns_record){.name = walk->at,
                                     .type = pf_be16(tail),
                                     .ttl = pf_be32(tail + 4),
                                     .data = at + RECORD_TAIL,
                                     .size = pf_be16(tail + 8)};
    walk->at = record->data + record->size;
    walk->left--;
    return true;
}
