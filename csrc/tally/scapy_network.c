/* What scapy makes of network layers. */
#include "tally/scapy_walk.h"

#include <limits.h>

/* IPv4. Version and checksum are not looked at. */

/* The low five bits of its type say which option it is. */
static size_t ip_option_size(const struct pf_cursor *cursor)
{
    static const struct pf_scapy_number fixed[] = {
        {0, 1}, {1, 1}, {2, 11}, {8, 4}, {11, 4}, {12, 4}, {18, 12}, {19, 10}, {20, 4}, {0, 0},
    };
    enum { TIMESTAMP = 4 };
    const uint8_t *octets = pf_cursor_need(cursor, 1);
    uint8_t kind = octets[0] & 31;
    uint8_t size = pf_scapy_find(fixed, kind);
    if (size != 0)
        return size;
    if (kind == TIMESTAMP) { /* with a flag there is an address before it */
        octets = pf_cursor_need(cursor, 4);
        return octets != NULL && (octets[3] & 15) != 0 ? 12 : 8;
    }
    bool routes = kind == 3 || kind == 7 || kind == 9;
    bool addresses = routes || kind == 21;
    size_t start = routes ? 3 : 2;
    struct pf_cursor value = *cursor;
    if (!pf_cursor_skip(&value, start))
        return 0;
    pf_scapy_keep(&value, octets[1] - (int)start);
    if (addresses && pf_cursor_left(&value) % 4 != 0)
        return 0;
    return start + pf_cursor_left(&value);
}

/* Moves to what follows the header and its options, without padding; NULL when the header fails, else its octets. */
static const uint8_t *ip_header(struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, 20);
    if (header == NULL)
        return NULL;
    int length = (header[0] & 15) * 4;
    (void)pf_cursor_skip(cursor, 20);
    if (length != 20) {
        /* A length below 20 leaves the *last* octets as payload. */
        struct pf_cursor options = pf_scapy_cut(cursor, length - 20);
        if (!pf_scapy_items(&options, ip_option_size, UINT_MAX))
            return NULL;
    }
    int payload = pf_be16(header + 2) - length;
    if (payload >= 0)
        pf_cursor_clip(cursor, (size_t)payload);
    return header;
}

/* By protocol number: in the first fragment only; in first fragments of quoted datagrams; in any fragment. */
static const struct pf_scapy_number ip_first[] = {
    {6, PF_SCAPY_TCP}, {17, PF_SCAPY_UDP}, {1, PF_SCAPY_ICMP}, {4, PF_SCAPY_IP}, {47, PF_SCAPY_GRE}, {0, 0},
};
static const struct pf_scapy_number ip_quoted_first[] = {
    {6, PF_SCAPY_TCP_QUOTED}, {17, PF_SCAPY_UDP}, {1, PF_SCAPY_ICMP},
    {4, PF_SCAPY_IP_QUOTED},  {47, PF_SCAPY_GRE}, {0, 0},
};
static const struct pf_scapy_number ip_any[] = {{41, PF_SCAPY_IP6}, {51, PF_SCAPY_AH}, {0, 0}};

static enum pf_scapy_layer after_ip(const uint8_t *header, const struct pf_scapy_number *first)
{
    uint8_t layer = (pf_be16(header + 6) & 0x1fff) == 0 ? pf_scapy_find(first, header[9]) : 0;
    return layer != 0 ? layer : pf_scapy_find(ip_any, header[9]);
}

enum pf_scapy_layer pf_scapy_ip(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    const uint8_t *header = ip_header(cursor);
    if (header == NULL)
        return PF_SCAPY_END;
    if (walk->ip_src.size == 0) {
        walk->ip_src = (struct pf_address){{pf_be32(header + 12), 0}, 4};
        walk->ip_dst = (struct pf_address){{pf_be32(header + 16), 0}, 4};
    }
    return after_ip(header, ip_first);
}

enum pf_scapy_layer pf_scapy_ip_quoted(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    const uint8_t *header = ip_header(cursor);
    return header == NULL ? PF_SCAPY_END : after_ip(header, ip_quoted_first);
}

/* IPv6. The version is not looked at. */

/* Without a payload length but with hop-by-hop options scapy looks for a jumbo option at every fourth octet, to the end
 * of the packet, and takes its length as the processor orders octets. That is more than a step should read, but at most
 * half of all layers can be such headers: it stays below PF_SCAPY_MOST_LAYERS / 8 reads per octet. */
static bool clip_to_jumbo(struct pf_cursor *cursor)
{
    const uint8_t *options = cursor->at;
    size_t header = 8 + options[1] * (size_t)8;
    struct pf_cursor place = *cursor;
    for (bool more = pf_cursor_skip(&place, 2); more; more = pf_cursor_skip(&place, 4)) {
        const uint8_t *kind = pf_cursor_need(&place, 1);
        if (kind == NULL)
            return false; /* the search reads one octet past the end when it gets exactly there */
        if (kind[0] != 0xc2)
            continue;
        const uint8_t *option = pf_cursor_need(&place, 6);
        if (option == NULL)
            return false;
        uint32_t jumbo = pf_le32(option + 2);
        if (jumbo <= pf_cursor_left(cursor))
            pf_cursor_clip(cursor, header + jumbo);
        return true;
    }
    pf_cursor_clip(cursor, header);
    return true;
}

static const uint8_t *ip6_header(struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, 40);
    if (header == NULL)
        return NULL;
    (void)pf_cursor_skip(cursor, 40);
    uint16_t length = pf_be16(header + 4);
    if (length == 0 && header[6] == 0 && pf_cursor_left(cursor) >= 8)
        return clip_to_jumbo(cursor) ? header : NULL;
    pf_cursor_clip(cursor, length);
    return header;
}

static const struct pf_scapy_number ip6_next[] = {
    {6, PF_SCAPY_TCP},       {17, PF_SCAPY_UDP},       {58, PF_SCAPY_ICMP6},    {0, PF_SCAPY_OPTIONS6},
    {43, PF_SCAPY_ROUTING6}, {44, PF_SCAPY_FRAGMENT6}, {60, PF_SCAPY_OPTIONS6}, {4, PF_SCAPY_IP},
    {41, PF_SCAPY_IP6},      {47, PF_SCAPY_GRE},       {51, PF_SCAPY_AH},       {0, 0},
};

static enum pf_scapy_layer after_ip6(uint8_t protocol, bool quoted)
{
    enum pf_scapy_layer layer = pf_scapy_find(ip6_next, protocol);
    return quoted && layer == PF_SCAPY_TCP ? PF_SCAPY_TCP_QUOTED : layer;
}

enum pf_scapy_layer pf_scapy_ip6(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    const uint8_t *header = ip6_header(cursor);
    return header == NULL ? PF_SCAPY_END : after_ip6(header[6], false);
}

enum pf_scapy_layer pf_scapy_ip6_quoted(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    const uint8_t *header = ip6_header(cursor);
    if (header == NULL)
        return PF_SCAPY_END;
    walk->quoted6 = true;
    return after_ip6(header[6], true);
}

/* IPv6 extension headers. */

/* What takes a type, a length and so many octets. */
static size_t tlv(const struct pf_cursor *cursor)
{
    const uint8_t *octets = pf_cursor_need(cursor, 2);
    return octets == NULL ? 0 : 2 + (size_t)octets[1];
}

/* An item whose type has a size of its own, or else a TLV; type 0 is padding of one octet. */
static size_t item_size(const struct pf_cursor *cursor, const struct pf_scapy_number *fixed)
{
    size_t size = pf_scapy_find(fixed, pf_cursor_need(cursor, 1)[0]);
    return size != 0 ? size : tlv(cursor);
}

static size_t option6_size(const struct pf_cursor *cursor)
{
    static const struct pf_scapy_number fixed[] = {{0, 1}, {5, 4}, {99, 6}, {194, 6}, {201, 18}, {0, 0}};
    return item_size(cursor, fixed);
}

/* Hop-by-hop and destination options. */
enum pf_scapy_layer pf_scapy_options6(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, 2);
    if (header == NULL)
        return PF_SCAPY_END;
    (void)pf_cursor_skip(cursor, 2);
    struct pf_cursor options = pf_scapy_cut(cursor, header[1] * 8 + 6);
    bool few = pf_scapy_items(&options, option6_size, UINT_MAX);
    return few ? after_ip6(header[0], walk->quoted6) : PF_SCAPY_END;
}

/* What may follow the addresses of segment routing. */
static size_t segment_tlv_size(const struct pf_cursor *cursor)
{
    static const struct pf_scapy_number fixed[] = {{0, 1}, {1, 20}, {2, 20}, {0, 0}};
    return item_size(cursor, fixed);
}

/* How many addresses there are: for segment routing (type 4) the octet "last entry" says it, else half the length. */
enum pf_scapy_layer pf_scapy_routing6(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, 8);
    if (header == NULL)
        return PF_SCAPY_END;
    (void)pf_cursor_skip(cursor, 8);
    bool segments = header[2] == 4;
    int addresses = segments ? header[4] + 1 : header[1] / 2;
    size_t whole = pf_cursor_left(cursor) / 16;
    (void)pf_cursor_skip(cursor, 16 * (whole < (size_t)addresses ? whole : (size_t)addresses));
    if (segments) {
        struct pf_cursor tlvs = pf_scapy_cut(cursor, header[1] * 8 - addresses * 16);
        if (!pf_scapy_items(&tlvs, segment_tlv_size, UINT_MAX))
            return PF_SCAPY_END;
    }
    return after_ip6(header[0], walk->quoted6);
}

enum pf_scapy_layer pf_scapy_fragment6(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, 8);
    bool first = header != NULL && pf_be16(header + 2) >> 3 == 0;
    return pf_scapy_after(cursor, 8, first ? after_ip6(header[0], walk->quoted6) : PF_SCAPY_END);
}

/* An authentication header: next header 0 is IPv4 to scapy, 41 IPv6, and it follows nothing else. */
enum pf_scapy_layer pf_scapy_ah(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    const uint8_t *header = pf_cursor_need(cursor, 12);
    if (header == NULL)
        return PF_SCAPY_END;
    (void)pf_cursor_skip(cursor, 12);
    pf_scapy_drop(cursor, header[1] * 4 - 4); /* a length of 0 leaves the last four octets */
    if (header[0] == 0)
        return PF_SCAPY_IP;
    return header[0] == 41 ? PF_SCAPY_IP6 : PF_SCAPY_END;
}

/* ICMP and what it quotes. */

/* Unreachable, source quench, redirect, time exceeded, parameter problem. */
enum pf_scapy_layer pf_scapy_icmp(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    static const struct pf_scapy_number errors[] = {
        {3, PF_SCAPY_IP_QUOTED},  {4, PF_SCAPY_IP_QUOTED},  {5, PF_SCAPY_IP_QUOTED},
        {11, PF_SCAPY_IP_QUOTED}, {12, PF_SCAPY_IP_QUOTED}, {0, 0},
    };
    return pf_scapy_after(cursor, 8, pf_scapy_find(errors, pf_cursor_need(cursor, 1)[0]));
}

/* ICMPv6 messages that go on, and the octets before what follows: errors (1 to 4), neighbour discovery. */
enum pf_scapy_layer pf_scapy_icmp6(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    static const struct pf_scapy_number sizes[] = {
        {1, 8},    {2, 8},    {3, 8},   {4, 8},   {133, 8}, {134, 16}, {135, 24},
        {136, 24}, {137, 40}, {141, 8}, {142, 8}, {147, 8}, {0, 0},
    };
    uint8_t type = pf_cursor_need(cursor, 1)[0];
    uint8_t size = pf_scapy_find(sizes, type);
    if (size == 0)
        return PF_SCAPY_END;
    return pf_scapy_after(cursor, size, type <= 4 ? PF_SCAPY_IP6_QUOTED : PF_SCAPY_ND_OPTION);
}

/* Neighbour discovery options that take so many octets whatever their length says. */
static const struct pf_scapy_number nd_fixed[] = {
    {1, 8},   {2, 8},   {3, 32}, {5, 8},   {6, 8},  {7, 8},   {8, 8},
    {17, 24}, {18, 24}, {19, 9}, {23, 24}, {26, 8}, {38, 16}, {0, 0},
};

/* The head of a redirected packet, which counts too, and first. This alone recurses. The packet and what follows the
 * option share no octets, so that the work stays linear; layers of all nested walks together are at most
 * PF_SCAPY_MOST_LAYERS deep, as Python's stack holds them together as well. */
static enum pf_scapy_layer nd_redirected(struct pf_scapy_walk *walk, struct pf_cursor *cursor, int length)
{
    pf_scapy_drop(cursor, 8);
    struct pf_cursor packet = pf_scapy_cut(cursor, length - 8); /* of length 0: all but the last eight octets */
    bool quoted6 = walk->quoted6;
    walk->quoted6 = false; /* a packet of its own */
    pf_scapy_walk_from(walk, PF_SCAPY_IP6, packet);
    walk->quoted6 = quoted6;
    return PF_SCAPY_ND_OPTION;
}

/* One option; the next one is its payload. */
enum pf_scapy_layer pf_scapy_nd_option(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, 2);
    if (header == NULL)
        return PF_SCAPY_END;
    uint8_t kind = header[0];
    int length = header[1] * 8;
    uint8_t fixed = pf_scapy_find(nd_fixed, kind);
    if (fixed != 0)
        return pf_scapy_after(cursor, fixed, PF_SCAPY_ND_OPTION);
    if (kind == 4)
        return nd_redirected(walk, cursor, length);
    bool addresses = kind == 9 || kind == 10 || kind == 25;
    if (!addresses && kind != 24 && kind != 31) {
        pf_scapy_drop(cursor, length > 8 ? length : 8);
        return PF_SCAPY_ND_OPTION;
    }
    if (kind == 24 && length != 8 && length != 16 && length != 24)
        return PF_SCAPY_END;
    if (!pf_cursor_skip(cursor, 8))
        return PF_SCAPY_END;
    struct pf_cursor rest = *cursor;
    struct pf_cursor value = pf_scapy_cut(&rest, length - 8);
    size_t size = pf_cursor_left(&value);
    (void)pf_cursor_skip(cursor, addresses ? size / 16 * 16 : size); /* a list takes whole addresses only */
    return PF_SCAPY_ND_OPTION;
}
