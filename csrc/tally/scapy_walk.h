/* How scapy's layers are walked, for tally/scapy*.c alone: tests/scapy_twin.py is the same, layer by layer.
 *
 * A packet is a chain of layers. A step reads its layer at the cursor, moves the cursor to what the layer carries and
 * pulls its end to the layer's length, then says what follows. PF_SCAPY_END stands for all that leads nowhere: nothing
 * follows, scapy knows no such layer, or its parser raised (it then keeps the octets as Raw). A layer is never made
 * from zero octets, so that a step may read the first.
 *
 * Octets are read through pf_cursor. Lengths on the wire make no difference to scapy: `wire` is the captured length. */
#ifndef PF_TALLY_SCAPY_WALK_H
#define PF_TALLY_SCAPY_WALK_H

#include "base/cursor.h"
#include "tally/indicator.h"

enum {
    /* Python's recursion limit of 1000 ends scapy's nesting after so many layers. It bounds ours as well. */
    PF_SCAPY_MOST_LAYERS = 197,
    /* scapy's reader hands on no more octets of a packet. */
    PF_SCAPY_MOST_OCTETS = 65535,
    /* One item more in a list (IP options, DNS records) makes scapy's parser raise. */
    PF_SCAPY_MOST_ITEMS = 100,
};

/* The layers by the name of their step. */
#define PF_SCAPY_LAYERS(X) \
    X(ETHER, ether) \
    X(VLAN, vlan) \
    X(PBB, pbb) \
    X(LLC, llc) \
    X(SNAP, snap) \
    X(SLL, sll) \
    X(SLL2, sll2) \
    X(NULL_LINK, null_link) \
    X(LOOP, loop) \
    X(RAW_IP, raw_ip) \
    X(PPP, ppp) \
    X(HDLC, hdlc) \
    X(DIR_PPP, dir_ppp) \
    X(PPPOE, pppoe) \
    X(DOT11, dot11) \
    X(DOT11_FCS, dot11_fcs) \
    X(PRISM, prism) \
    X(RADIOTAP, radiotap) \
    X(PPI, ppi) \
    X(MPACKET, mpacket) \
    X(IP, ip) \
    X(IP_QUOTED, ip_quoted) \
    X(IP6, ip6) \
    X(IP6_QUOTED, ip6_quoted) \
    X(OPTIONS6, options6) \
    X(ROUTING6, routing6) \
    X(FRAGMENT6, fragment6) \
    X(AH, ah) \
    X(ICMP, icmp) \
    X(ICMP6, icmp6) \
    X(ND_OPTION, nd_option) \
    X(GRE, gre) \
    X(UDP, udp) \
    X(TCP, tcp) \
    X(TCP_QUOTED, tcp_quoted) \
    X(L2TP, l2tp) \
    X(MOBILEIP, mobileip) \
    X(MOBILEIP_TUNNEL, mobileip_tunnel) \
    X(VXLAN, vxlan) \
    X(DNS, dns) \
    X(DNS_TCP, dns_tcp)

enum pf_scapy_layer {
    PF_SCAPY_END = 0,
#define X(id, step) PF_SCAPY_##id,
    PF_SCAPY_LAYERS(X)
#undef X
        PF_SCAPY_LAYER_COUNT
};

struct pf_scapy_walk {
    const struct pf_indicator_rules *rules;
    struct pf_address ip_src, ip_dst; /* of the first IPv4 header */
    uint32_t seq;                     /* of the first TCP header */
    bool has_tcp, seq_counts;
    bool has_dns, dns_counts; /* of the first DNS message */
    bool quoted6;             /* below an IPv6 header that an ICMPv6 error quotes */
    unsigned depth;           /* layers so far, those around a redirected packet included */
};

#define X(id, step) enum pf_scapy_layer pf_scapy_##step(struct pf_scapy_walk *walk, struct pf_cursor *cursor);
PF_SCAPY_LAYERS(X)
#undef X

/* Walks from this layer down. */
void pf_scapy_walk_from(struct pf_scapy_walk *walk, enum pf_scapy_layer layer, struct pf_cursor cursor);

/* The layer that a record of this link type begins with. */
enum pf_scapy_layer pf_scapy_by_link_type(uint32_t link_type);

/* What a number stands for: a layer, a size. Tables end with {0, 0}; 0 is found for what is not in them. */
struct pf_scapy_number {
    uint32_t number;
    uint8_t value;
};

static inline uint8_t pf_scapy_find(const struct pf_scapy_number *table, uint32_t number)
{
    while (table->value != 0 && table->number != number)
        table++;
    return table->value;
}

/* The octets that the first item takes. One that fails (0), or wants more than are there, swallows the rest. */
typedef size_t (*pf_scapy_size_function)(const struct pf_cursor *cursor);
/* Steps over `most` items at most. False: there are too many for scapy. */
bool pf_scapy_items(struct pf_cursor *cursor, pf_scapy_size_function size, unsigned most);

/* Splits as Python's s[:n] and s[n:] do: returns the octets before the place and leaves the cursor at it. A negative n
 * is a place from the end, and none lies outside: scapy hands the lengths of headers to slices unchecked. */
static inline struct pf_cursor pf_scapy_cut(struct pf_cursor *cursor, int64_t n)
{
    int64_t left = (int64_t)pf_cursor_left(cursor);
    int64_t place = n < 0 ? left + n : n;
    if (place < 0)
        place = 0;
    if (place > left)
        place = left;
    struct pf_cursor before = *cursor;
    pf_cursor_clip(&before, (size_t)place);
    (void)pf_cursor_skip(cursor, (size_t)place);
    return before;
}

/* Python's s[:n], s[n:]. */
static inline void pf_scapy_keep(struct pf_cursor *cursor, int64_t n)
{
    *cursor = pf_scapy_cut(cursor, n);
}

static inline void pf_scapy_drop(struct pf_cursor *cursor, int64_t n)
{
    (void)pf_scapy_cut(cursor, n);
}

/* What follows a header of so many octets; without them all it is no such header. */
static inline enum pf_scapy_layer pf_scapy_after(struct pf_cursor *cursor, size_t header, enum pf_scapy_layer follows)
{
    return pf_cursor_skip(cursor, header) ? follows : PF_SCAPY_END;
}

#endif
