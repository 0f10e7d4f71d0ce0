#include "packet/packet.h"

#include "base/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct pf_protocol_info pf_protocols[PF_PROTOCOL_COUNT] = {
    [PF_END] = {"depth", "", PF_DEPTH_RECORD, NULL}, /* named when the walk is too deep */
#define X(id, name, label, depth, step) [PF_##id] = {name, label, PF_DEPTH_##depth, step},
    PF_PROTOCOLS(X)
#undef X
};

/* In the order of enum pf_unknown. */
static const char *const unknown_formats[] = {
    "unknown link type %" PRIu32,      "unknown ethertype 0x%04" PRIx32,
    "unknown llc 0x%02" PRIx32,        "unknown snap 0x%06" PRIx32,
    "unknown null %" PRIu32,           "unknown ip protocol %" PRIu32,
    "unknown gre version %" PRIu32,    "unknown gre routing",
    "unknown ppp 0x%04" PRIx32,        "unknown mpls payload 0x%" PRIx32,
    "unknown erspan version %" PRIu32, "unknown erspan frame %" PRIu32,
    "unknown wlan version %" PRIu32,   "unknown vxlan next %" PRIu32,
    "unknown fddi 0x%02" PRIx32,
};

/* Numbers to protocols; what a table lacks is unknown. */
struct entry {
    uint16_t number;
    uint8_t protocol;
};

static const struct entry link_types[] = {
    {1, PF_ETH},   {113, PF_SLL}, {276, PF_SLL2}, {0, PF_NULL_LINK}, {108, PF_LOOP},     {101, PF_RAW},
    {12, PF_RAW},  {14, PF_RAW},  {228, PF_IPV4}, {229, PF_IPV6},    {127, PF_RADIOTAP}, {105, PF_WLAN},
    {192, PF_PPI}, {9, PF_PPP},   {50, PF_PPP},   {51, PF_PPPOE},    {104, PF_CHDLC},    {10, PF_FDDI},
};

static const struct entry ethertypes[] = {
    {0x0800, PF_IPV4}, {0x86dd, PF_IPV6}, {0x0806, PF_ARP},  {0x8100, PF_VLAN},  {0x88a8, PF_VLAN},
    {0x9100, PF_VLAN}, {0x8847, PF_MPLS}, {0x8848, PF_MPLS}, {0x8864, PF_PPPOE}, {0x8863, PF_PPPOE},
    {0x6558, PF_ETH},  {0x880b, PF_PPP},  {0x88e7, PF_PBB},  {0x8870, PF_LLC},
};

static const struct entry ip_protocols[] = {
    {6, PF_TCP},  {17, PF_UDP}, {1, PF_ICMP},   {58, PF_ICMPV6}, {47, PF_GRE},     {4, PF_IPV4},  {41, PF_IPV6},
    {50, PF_ESP}, {51, PF_AH},  {132, PF_SCTP}, {137, PF_MPLS},  {97, PF_ETHERIP}, {143, PF_ETH},
};

static enum pf_protocol look_up(const struct entry *table, size_t size, uint32_t number)
{
    for (size_t i = 0; i < size; i++) {
        if (table[i].number == number)
            return (enum pf_protocol)table[i].protocol;
    }
    return PF_END;
}

#define LOOK_UP(table, number) look_up(table, sizeof(table) / sizeof(table)[0], number)

static enum pf_protocol note(struct pf_packet *packet, enum pf_malady malady, uint8_t faulty, uint32_t value)
{
    if (packet->malady == PF_SOUND) {
        packet->malady = (uint8_t)malady;
        packet->faulty = faulty;
        packet->value = value;
    }
    return PF_END;
}

enum pf_protocol pf_malformed(struct pf_packet *packet, enum pf_protocol protocol)
{
    return note(packet, PF_MALFORMED, (uint8_t)protocol, 0);
}

enum pf_protocol pf_unknown(struct pf_packet *packet, enum pf_unknown what, uint32_t value)
{
    return note(packet, PF_UNKNOWN, (uint8_t)what, value);
}

enum pf_protocol pf_lacking(struct pf_packet *packet, enum pf_protocol protocol, const struct pf_cursor *cursor,
                            size_t size)
{
    return note(packet, size <= cursor->wire ? PF_TRUNCATED : PF_MALFORMED, (uint8_t)protocol, 0);
}

void pf_pull(struct pf_packet *packet, enum pf_protocol protocol, struct pf_cursor *cursor, size_t length)
{
    if (length > cursor->wire && !packet->fragment)
        (void)pf_malformed(packet, protocol);
    pf_cursor_clip(cursor, length);
}

bool pf_knows_ethertype(uint16_t type)
{
    return LOOK_UP(ethertypes, type) != PF_END;
}

enum pf_protocol pf_by_ethertype(struct pf_packet *packet, uint16_t type)
{
    enum pf_protocol next = LOOK_UP(ethertypes, type);
    return next != PF_END ? next : pf_unknown(packet, PF_UNKNOWN_ETHERTYPE, type);
}

enum pf_protocol pf_by_ip_protocol(struct pf_packet *packet, uint8_t protocol)
{
    enum pf_protocol next = LOOK_UP(ip_protocols, protocol);
    return next != PF_END ? next : pf_unknown(packet, PF_UNKNOWN_IP_PROTOCOL, protocol);
}

enum pf_protocol pf_by_link_type(struct pf_packet *packet, uint32_t link_type)
{
    enum pf_protocol next = LOOK_UP(link_types, link_type);
    return next != PF_END ? next : pf_unknown(packet, PF_UNKNOWN_LINK_TYPE, link_type);
}

size_t pf_fault_text(uint64_t fault, char *text)
{
    unsigned malady = (unsigned)(fault >> 40), faulty = (unsigned)(fault >> 32) & 0xff;
    uint32_t value = (uint32_t)fault;
    if (malady == PF_SOUND)
        return 0;
    int length;
    if (malady == PF_UNKNOWN)
        length = snprintf(text, PF_TEXT_ROOM, unknown_formats[faulty], value);
    else
        length = snprintf(text, PF_TEXT_ROOM, "%s %s", malady == PF_TRUNCATED ? "truncated" : "malformed",
                          pf_protocols[faulty].name);
    return (size_t)length;
}

_Static_assert(PF_PROTOCOL_COUNT <= 64, "pf_packet.protocols has a bit for each");

static void push_layer(struct pf_packet *packet, enum pf_protocol protocol, const struct pf_cursor *cursor)
{
    packet->layer[packet->layers] = (struct pf_layer){
        .offset = (uint32_t)(cursor->at - packet->record.octets),
        .captured = (uint32_t)pf_cursor_left(cursor),
        .wire = (uint32_t)cursor->wire,
        .protocol = (uint8_t)protocol,
    };
    if (packet->first[protocol] == PF_NO_LAYER)
        packet->first[protocol] = packet->layers;
    packet->protocols |= UINT64_C(1) << protocol;
    packet->layers++;
}

static void clear_layers(struct pf_packet *packet)
{
    packet->layers = 0;
    packet->protocols = 0;
    memset(packet->first, PF_NO_LAYER, sizeof packet->first);
    packet->ip = PF_NO_LAYER;
    packet->ip_version = packet->ip_proto = 0;
    packet->has_ip_proto = packet->fragment = packet->wlan_padded = packet->has_tcp_len = false;
    packet->ah = 0;
    packet->malady = PF_SOUND;
}

static void walk(struct pf_packet *packet, enum pf_protocol next, enum pf_depth depth)
{
    const struct pf_record *record = &packet->record;
    struct pf_cursor cursor = {
        .at = record->octets,
        .end = record->octets + record->cap_len,
        .wire = record->len > record->cap_len ? record->len : record->cap_len,
    };
    while (next != PF_END && pf_protocols[next].depth <= depth) {
        bool is_layer = pf_protocols[next].label != NULL;
        if (is_layer && packet->layers == PF_MOST_LAYERS) {
            if (pf_protocols[next].depth <= PF_DEPTH_PAYLOAD) /* a fault is the same however deep one looks */
                (void)pf_malformed(packet, PF_END);
            return;
        }
        if (is_layer && pf_cursor_left(&cursor) != 0)
            push_layer(packet, next, &cursor);
        next = pf_protocols[next].step(packet, &cursor);
    }
}

void pf_packet_decode(struct pf_packet *packet, enum pf_depth depth)
{
    clear_layers(packet);
    if (depth != PF_DEPTH_RECORD)
        walk(packet, pf_by_link_type(packet, packet->record.link_type), depth);
}

void pf_packet_decode_tcp(struct pf_packet *packet, enum pf_depth depth)
{
    clear_layers(packet);
    walk(packet, PF_TCP, depth);
}
