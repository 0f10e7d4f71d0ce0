#include "flow/event.h"

#include "base/cursor.h"
#include "base/hash.h"
#include "flow/link.h"

#include <string.h>

enum { UNREACHABLE = 3, PARAMETER_PROBLEM = 12, QUOTE = 8 }; /* RFC 792: eight octets, then the datagram meant */
enum {
    MOST_QUOTES = 8,      /* IPv4 within ICMP within IPv4 ...: a crafted chain must end */
    MOST_EXTENSIONS = 16, /* as csrc/packet/ipv6.c */
};
enum { FRAGMENT_OFFSET = 0x1fff, TCP_HEADER = 20, UDP_HEADER = 8, SCTP_HEADER = 12, ICMP_HEADER = 4 };

/* What an IP header carries: where its header begins, and where the captured octets and the datagram end. */
struct carried {
    enum pf_flow_class class;
    uint8_t protocol;
    size_t at, last, end;
    size_t begin; /* of the IP header */
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void set_ends(const struct pf_flow_options *options, const uint8_t *src, const uint8_t *dst, unsigned size,
                     struct pf_flow_event *event)
{
    int order = memcmp(src, dst, size);
    unsigned sport = event->key.port[0], dport = event->key.port[1];
    event->one_address = order == 0;
    /* cic: the two directions of a loop are two flows. */
    event->side = order > 0 || (order == 0 && !options->cic && sport > dport);
    memcpy(event->key.address[event->side], src, size);
    memcpy(event->key.address[!event->side], dst, size);
    event->key.port[event->side] = (uint16_t)sport;
    event->key.port[!event->side] = (uint16_t)dport;
    event->key.version = size == 4 ? 4 : 6;
}

static void read_tcp(const struct pf_secret *secret, const uint8_t *header, struct pf_flow_event *event)
{
    event->flags = header[13];
    event->window = pf_be16(header + 14);
    uint64_t numbers = (uint64_t)pf_be32(header + 4) << 32 | pf_be32(header + 8);
    bool sender = event->side == 1 && !event->one_address;
    uint64_t rest = (uint64_t)event->payload << 17 | (uint64_t)event->window << 1 | sender;
    uint64_t print = pf_hash_word(secret, pf_hash_word(secret, numbers) ^ rest);
    event->print = print != 0 ? print : 1;
}

static size_t header_size(const uint8_t *header, uint8_t protocol)
{
    return protocol == PF_IPPROTO_TCP   ? (header[12] >> 4) * (size_t)4
           : protocol == PF_IPPROTO_UDP ? UDP_HEADER
                                        : SCTP_HEADER;
}

/* Fills the event but for time and number. */
static enum pf_flow_verdict fill(const struct pf_flow_options *options, const struct pf_flow_view *view,
                                 const struct carried *carried, const uint8_t *src, const uint8_t *dst, unsigned size,
                                 struct pf_flow_event *event)
{
    memset(event, 0, sizeof *event);
    event->wanted = (options->protocols >> carried->class & 1) != 0;
    if (!event->wanted && !(options->last_tcp_header && carried->protocol == PF_IPPROTO_TCP))
        return PF_FLOW_UNLISTED;
    const struct pf_secret *secret = options->secret != NULL ? options->secret : pf_secret();
    const uint8_t *header = view->octets + carried->at;
    bool ports = carried->protocol == PF_IPPROTO_TCP || carried->protocol == PF_IPPROTO_UDP ||
                 carried->protocol == PF_IPPROTO_SCTP;
    event->key.protocol = carried->protocol;
    if (ports) {
        size_t length = header_size(header, carried->protocol);
        event->key.port[0] = pf_be16(header);
        event->key.port[1] = pf_be16(header + 2);
        event->header = (int8_t)(carried->protocol == PF_IPPROTO_UDP && options->last_tcp_header ? -1 : (int)length);
        if (carried->end > carried->at + length)
            event->payload = (uint32_t)(carried->end - carried->at - length);
    }
    set_ends(options, src, dst, size, event);
    if (carried->protocol == PF_IPPROTO_TCP)
        read_tcp(secret, header, event);
    if (carried->class == PF_FLOW_ICMP && carried->protocol != 0) {
        event->icmp_type = header[0];
        event->icmp_code = header[1];
    }
    event->hash = pf_hash_octets(secret, &event->key, sizeof event->key);
    if (options->dedup != 0)
        event->copy = pf_hash_octets(secret, view->octets + carried->begin, view->captured - carried->begin);
    return PF_FLOW_TAKEN;
}

static enum pf_flow_class class_of(uint8_t protocol)
{
    return protocol == PF_IPPROTO_ICMP   ? PF_FLOW_ICMP
           : protocol == PF_IPPROTO_IGMP ? PF_FLOW_IGMP
           : protocol == PF_IPPROTO_SCTP ? PF_FLOW_SCTP
                                         : PF_FLOW_OTHER;
}

/* cic: the datagram that an ICMP error quotes and IPv4 in IPv4 lend their ports and flags to the outer header. False
 * where there is nothing of that kind. */
static bool step_in(const struct pf_flow_view *view, size_t last, uint8_t *protocol, size_t *at)
{
    size_t inner = *at;
    if (*protocol == PF_IPPROTO_ICMP) {
        if (inner > last || last - inner < QUOTE)
            return false;
        if (view->octets[inner] != UNREACHABLE && view->octets[inner] != PARAMETER_PROBLEM)
            return false;
        inner += QUOTE;
    } else if (*protocol != PF_IPPROTO_IPV4) {
        return false;
    }
    if (inner > last || last - inner < 20)
        return false;
    const uint8_t *header = view->octets + inner;
    size_t size = (header[0] & 15u) * (size_t)4;
    if (header[0] >> 4 != 4 || size < 20 || size > last - inner || (pf_be16(header + 6) & FRAGMENT_OFFSET) != 0)
        return false;
    *protocol = header[9];
    *at = inner + size;
    return true;
}

static void cic_carried(const struct pf_flow_view *view, uint8_t protocol, struct carried *carried)
{
    size_t at = carried->at;
    carried->class = class_of(protocol);
    carried->protocol = 0;
    for (int depth = 0; depth <= MOST_QUOTES && at <= carried->last; depth++) {
        size_t left = carried->last - at;
        bool tcp = protocol == PF_IPPROTO_TCP && left >= TCP_HEADER,
             udp = protocol == PF_IPPROTO_UDP && left >= UDP_HEADER;
        if (tcp || udp) {
            carried->class = tcp ? PF_FLOW_TCP : PF_FLOW_UDP;
            carried->protocol = protocol;
            carried->at = at;
            return;
        }
        if (depth == MOST_QUOTES || !step_in(view, carried->last, &protocol, &at))
            return;
    }
}

static void corrected_carried(uint8_t protocol, bool four, struct carried *carried)
{
    size_t left = carried->at <= carried->last ? carried->last - carried->at : 0;
    carried->class = PF_FLOW_OTHER;
    carried->protocol = protocol;
    if (protocol == PF_IPPROTO_TCP && left >= TCP_HEADER)
        carried->class = PF_FLOW_TCP;
    else if (protocol == PF_IPPROTO_UDP && left >= UDP_HEADER)
        carried->class = PF_FLOW_UDP;
    else if (protocol == (four ? PF_IPPROTO_ICMP : PF_IPPROTO_ICMPV6) && left >= ICMP_HEADER)
        carried->class = PF_FLOW_ICMP;
    else if (protocol == PF_IPPROTO_IGMP)
        carried->class = PF_FLOW_IGMP;
    else if (protocol == PF_IPPROTO_SCTP && left >= SCTP_HEADER)
        carried->class = PF_FLOW_SCTP;
    else
        carried->protocol = 0;
}

static enum pf_flow_verdict accept_ipv4(const struct pf_flow_options *options, const struct pf_record *record,
                                        const struct pf_flow_view *view, size_t at, struct pf_flow_event *event)
{
    const uint8_t *ip = pf_flow_at(view, at, 20);
    size_t size = ip != NULL ? (ip[0] & 15u) * (size_t)4 : 0;
    if (ip == NULL || ip[0] >> 4 != 4 || size < 20 || pf_flow_at(view, at, size) == NULL)
        return PF_FLOW_DAMAGED;
    size_t total = pf_be16(ip + 2);
    bool later = (pf_be16(ip + 6) & FRAGMENT_OFFSET) != 0;
    struct carried carried = {.class = PF_FLOW_OTHER, .at = at + size, .begin = at};
    if (options->cic) {
        carried.last = carried.end = options->count_padding ? view->captured : least(view->captured, at + total);
        if (total >= size && !later)
            cic_carried(view, ip[9], &carried);
    } else if (later && !options->fork) {
        return PF_FLOW_FRAGMENT;
    } else {
        /* No length: a segment that the sending kernel had not cut up yet. */
        carried.end = total >= size ? at + total : options->fork ? view->captured : record->len;
        carried.last = least(carried.end, view->captured);
        if (!later)
            corrected_carried(ip[9], true, &carried);
        if (options->fork)
            carried.end = carried.last;
    }
    return fill(options, view, &carried, ip + 12, ip + 16, 4, event);
}

/* RFC 8200 4, and the extension headers of RFC 4302, 6275, 7401, 5533; 0 when `next` is none. */
static size_t extension_size(uint8_t next, uint8_t length)
{
    switch (next) {
    case 0:
    case 43:
    case 60:
    case 135:
    case 139:
    case 140:
        return 8 * ((size_t)length + 1);
    case 44:
        return 8;
    case 51:
        return 4 * ((size_t)length + 2);
    default:
        return 0;
    }
}

/* Moves over the extension headers; false where they are cut or too many. */
static bool over_extensions(const struct pf_flow_view *view, struct carried *carried, uint8_t *next, bool *later)
{
    for (int count = 0; !*later && extension_size(*next, 0) != 0; count++) {
        size_t left = carried->at <= carried->last ? carried->last - carried->at : 0;
        const uint8_t *header = view->octets + carried->at;
        if (count == MOST_EXTENSIONS || left < 8)
            return false;
        size_t size = extension_size(*next, header[1]);
        if (size > left)
            return false;
        if (*next == 44)
            *later = pf_be16(header + 2) >> 3 != 0;
        *next = header[0];
        carried->at += size;
    }
    return true;
}

static enum pf_flow_verdict accept_ipv6(const struct pf_flow_options *options, const struct pf_record *record,
                                        const struct pf_flow_view *view, size_t at, struct pf_flow_event *event)
{
    const uint8_t *ip = pf_flow_at(view, at, 40);
    if (ip == NULL || ip[0] >> 4 != 6)
        return PF_FLOW_DAMAGED;
    size_t length = pf_be16(ip + 4);
    uint8_t next = ip[6];
    bool later = false;
    struct carried carried = {.class = PF_FLOW_OTHER, .at = at + 40, .begin = at};
    carried.end = length != 0 ? at + 40 + length : options->fork ? view->captured : record->len;
    carried.last = least(carried.end, view->captured);
    if (!over_extensions(view, &carried, &next, &later))
        return PF_FLOW_DAMAGED;
    if (later && !options->fork)
        return PF_FLOW_FRAGMENT;
    if (!later)
        corrected_carried(next, false, &carried);
    if (options->fork)
        carried.end = carried.last;
    return fill(options, view, &carried, ip + 8, ip + 24, 16, event);
}

/* The tool of 2017 took frames that are no IPv4 for IPv4 that begins with the frame. */
static enum pf_flow_verdict accept_ghost(const struct pf_flow_options *options, const struct pf_flow_view *view,
                                         struct pf_flow_event *event)
{
    const uint8_t *ip = pf_flow_at(view, 0, 20);
    size_t size = ip != NULL ? (ip[0] & 15u) * (size_t)4 : 0;
    if (size < 20 || (options->fork && size > view->captured))
        return PF_FLOW_NOT_IP;
    if (!options->ghost_flows)
        return PF_FLOW_GHOST;
    bool igmp = !options->cic && ip[9] == PF_IPPROTO_IGMP;
    struct carried carried = {.class = igmp ? PF_FLOW_IGMP : PF_FLOW_OTHER, .protocol = igmp ? PF_IPPROTO_IGMP : 0};
    return fill(options, view, &carried, ip + 12, ip + 16, 4, event);
}

enum pf_flow_verdict pf_flow_accept(const struct pf_flow_options *options, const struct pf_record *record,
                                    struct pf_flow_event *event)
{
    struct pf_flow_view view = {record->octets, record->cap_len};
    unsigned kind = 0;
    size_t at = 0;
    enum pf_flow_verdict verdict = pf_flow_link(options, record->link_type, &view, &kind, &at);
    if (verdict == PF_FLOW_LINK_TYPE)
        return verdict;
    if (!record->timed)
        return PF_FLOW_UNTIMED;
    if (verdict == PF_FLOW_TAKEN && kind == PF_FLOW_IPV4)
        verdict = accept_ipv4(options, record, &view, at, event);
    else if (verdict == PF_FLOW_TAKEN && kind == PF_FLOW_IPV6 && options->ipv6)
        verdict = accept_ipv6(options, record, &view, at, event);
    else if (record->link_type == PF_FLOW_ETHERNET)
        verdict = accept_ghost(options, &view, event);
    else
        verdict = PF_FLOW_NOT_IP;
    event->time = record->time;
    event->frame_number = record->frame_number;
    return verdict;
}
