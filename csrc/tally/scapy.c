#include "tally/scapy.h"

#include "tally/scapy_walk.h"

#include <string.h>

typedef enum pf_scapy_layer (*step_function)(struct pf_scapy_walk *walk, struct pf_cursor *cursor);

static const step_function steps[PF_SCAPY_LAYER_COUNT] = {
#define X(id, step) [PF_SCAPY_##id] = pf_scapy_##step,
    PF_SCAPY_LAYERS(X)
#undef X
};

static const struct pf_scapy_number link_types[] = {
    {1, PF_SCAPY_ETHER},      {0, PF_SCAPY_NULL_LINK},
    {9, PF_SCAPY_PPP},        {12, PF_SCAPY_RAW_IP},
    {23, PF_SCAPY_ETHER},     {31, PF_SCAPY_IP6},
    {50, PF_SCAPY_HDLC},      {51, PF_SCAPY_PPPOE},
    {101, PF_SCAPY_RAW_IP},   {105, PF_SCAPY_DOT11},
    {108, PF_SCAPY_LOOP},     {113, PF_SCAPY_SLL},
    {119, PF_SCAPY_PRISM},    {127, PF_SCAPY_RADIOTAP},
    {144, PF_SCAPY_SLL},      {192, PF_SCAPY_PPI},
    {204, PF_SCAPY_DIR_PPP},  {228, PF_SCAPY_IP},
    {229, PF_SCAPY_IP6},      {274, PF_SCAPY_MPACKET},
    {276, PF_SCAPY_SLL2},     {772, PF_SCAPY_ETHER},
    {801, PF_SCAPY_DOT11},    {802, PF_SCAPY_PRISM},
    {803, PF_SCAPY_RADIOTAP}, {0, 0},
};

enum pf_scapy_layer pf_scapy_by_link_type(uint32_t link_type)
{
    return pf_scapy_find(link_types, link_type);
}

void pf_scapy_walk_from(struct pf_scapy_walk *walk, enum pf_scapy_layer layer, struct pf_cursor cursor)
{
    unsigned depth = walk->depth;
    while (layer != PF_SCAPY_END && pf_cursor_left(&cursor) != 0 && walk->depth < PF_SCAPY_MOST_LAYERS) {
        walk->depth++;
        layer = steps[layer](walk, &cursor);
    }
    walk->depth = depth;
}

bool pf_scapy_items(struct pf_cursor *cursor, pf_scapy_size_function size, unsigned most)
{
    for (unsigned i = 0; i < most && pf_cursor_left(cursor) != 0; i++) {
        if (i == PF_SCAPY_MOST_ITEMS)
            return false;
        size_t octets = size(cursor);
        if (octets == 0 || !pf_cursor_skip(cursor, octets))
            (void)pf_cursor_skip(cursor, pf_cursor_left(cursor));
    }
    return true;
}

/* scapy makes the bottom layer of an empty record from its defaults; only IPv4 has addresses then. */
static void read_nothing(enum pf_scapy_layer layer, struct pf_indicators *found)
{
    static const struct pf_address loopback = {{0x7f000001, 0}, 4};
    if (layer == PF_SCAPY_IP || layer == PF_SCAPY_RAW_IP)
        found->ip = loopback;
}

void pf_scapy_indicators(const struct pf_indicator_rules *rules, const struct pf_record *record,
                         struct pf_indicators *found)
{
    memset(found, 0, sizeof *found);
    /* It takes the whole word of a pcap header for the link type, check sequence bits and all, and then knows none. */
    if (record->interface != NULL && record->interface->link_high != 0)
        return;
    enum pf_scapy_layer layer = pf_scapy_by_link_type(record->link_type);
    if (record->cap_len == 0) {
        read_nothing(layer, found);
        return;
    }
    struct pf_scapy_walk walk = {.rules = rules};
    struct pf_cursor cursor = {record->octets, record->octets + record->cap_len, record->cap_len};
    pf_cursor_clip(&cursor, PF_SCAPY_MOST_OCTETS);
    pf_scapy_walk_from(&walk, layer, cursor);
    found->ip = walk.ip_src;
    if (walk.dns_counts)
        found->dns = walk.ip_dst;
    found->seq = walk.seq;
    found->has_seq = walk.seq_counts;
}
