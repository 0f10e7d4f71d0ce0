/* What scapy makes of what IP carries: UDP, TCP, and the tunnels in them or beside them. */
#include "tally/scapy_walk.h"

/* UDP. scapy knows its payload by port: the first match in a list of its own making counts. */

enum rank {
    RANK_GRE,
    RANK_DNS,
    RANK_KERBEROS, /* and others that lead nowhere but come before those below */
    RANK_L2TP,
    RANK_NETBIOS, /* likewise */
    RANK_MOBILEIP,
    RANK_NETFLOW, /* likewise */
    RANK_VXLAN,
    RANK_LAST
};

static const uint8_t by_rank[RANK_LAST + 1] = {
    [RANK_GRE] = PF_SCAPY_GRE,           [RANK_DNS] = PF_SCAPY_DNS,     [RANK_L2TP] = PF_SCAPY_L2TP,
    [RANK_MOBILEIP] = PF_SCAPY_MOBILEIP, [RANK_VXLAN] = PF_SCAPY_VXLAN,
};

static enum rank port_rank(uint16_t port, bool destination)
{
    switch (port) {
    case 4754:
        return destination ? RANK_GRE : RANK_LAST;
    case 53:
    case 5353:
        return RANK_DNS;
    case 546:
    case 547:
        return destination ? RANK_KERBEROS : RANK_LAST;
    case 88:
    case 464:
    case 500:
    case 1985:
    case 2029:
    case 4500:
        return RANK_KERBEROS;
    case 1701:
        return RANK_L2TP;
    case 137:
    case 138:
    case 389:
    case 2727:
    case 5355:
        return RANK_NETBIOS;
    case 434:
        return RANK_MOBILEIP;
    case 69:
        return destination ? RANK_NETFLOW : RANK_LAST;
    case 123:
    case 161:
    case 162:
    case 520:
    case 1812:
    case 1813:
    case 2055:
    case 2056:
    case 3799:
    case 6343:
    case 9995:
    case 9996:
        return RANK_NETFLOW;
    case 48879:
        return destination ? RANK_VXLAN : RANK_LAST;
    case 4789:
    case 4790:
    case 6633:
    case 8472:
        return RANK_VXLAN;
    default:
        return RANK_LAST;
    }
}

/* BOOTP comes before all others. */
static bool is_bootp(uint16_t source, uint16_t destination)
{
    return (destination == 67 && (source == 67 || source == 68)) || (destination == 68 && source == 67);
}

enum pf_scapy_layer pf_scapy_udp(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    const uint8_t *header = pf_cursor_need(cursor, 8);
    if (header == NULL)
        return PF_SCAPY_END;
    uint16_t source = pf_be16(header), destination = pf_be16(header + 2);
    if (is_bootp(source, destination))
        return PF_SCAPY_END;
    enum rank to = port_rank(destination, true), by = port_rank(source, false);
    (void)pf_cursor_skip(cursor, 8);
    pf_scapy_keep(cursor, pf_be16(header + 4) - 8); /* a length below 8 cuts from the end */
    return by_rank[to < by ? to : by];
}

/* TCP. */

/* An authentication option with exactly one octet of value makes scapy's parser raise; nothing else does. */
static bool bad_tcp_option(struct pf_cursor options)
{
    enum { END = 0, NOP = 1, AUTHENTICATION = 29 };
    const uint8_t *kind;
    while ((kind = pf_cursor_need(&options, 1)) != NULL && kind[0] != END) {
        size_t left = pf_cursor_left(&options), size = 1;
        if (kind[0] != NOP) {
            size = left >= 2 && kind[1] > 2 ? kind[1] : 2;
            if (kind[0] == AUTHENTICATION && (size < left ? size : left) == 3)
                return true;
        }
        if (!pf_cursor_skip(&options, size))
            return false;
    }
    return false;
}

/* Moves to the payload; NULL when the header fails, else its octets. */
static const uint8_t *tcp_header(struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, 20);
    if (header == NULL)
        return NULL;
    int options = (header[12] >> 4) * 4 - 20;
    (void)pf_cursor_skip(cursor, 20);
    return options > 0 && bad_tcp_option(pf_scapy_cut(cursor, options)) ? NULL : header;
}

static enum pf_scapy_layer after_tcp(const uint8_t *header)
{
    return pf_be16(header) == 53 || pf_be16(header + 2) == 53 ? PF_SCAPY_DNS_TCP : PF_SCAPY_END;
}

static bool seq_counts(enum pf_seq_rule rule, const uint8_t *header, const struct pf_cursor *payload)
{
    enum { FIN = 0x01, SYN = 0x02 };
    return rule == PF_SEQ_ALL || pf_cursor_left(payload) != 0 || (header[13] & (SYN | FIN)) != 0;
}

enum pf_scapy_layer pf_scapy_tcp(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    const uint8_t *header = tcp_header(cursor);
    if (header == NULL)
        return PF_SCAPY_END;
    if (!walk->has_tcp) {
        walk->has_tcp = true;
        walk->seq_counts = seq_counts(walk->rules->seq, header, cursor);
        walk->seq = pf_be32(header + 4);
    }
    return after_tcp(header);
}

enum pf_scapy_layer pf_scapy_tcp_quoted(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    const uint8_t *header = tcp_header(cursor);
    return header == NULL ? PF_SCAPY_END : after_tcp(header);
}

/* Tunnels. */

enum pf_scapy_layer pf_scapy_gre(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    enum { CHECKSUM = 0x8000, ROUTING = 0x4000, KEY = 0x2000, SEQUENCE = 0x1000, ACKNOWLEDGE = 0x0080, PPTP = 0x880b };
    static const struct pf_scapy_number bridged[] = {
        {0x6558, PF_SCAPY_ETHER},
        {0x8100, PF_SCAPY_VLAN},
        {122, PF_SCAPY_LLC},
        {0, 0},
    };
    static const struct pf_scapy_number routed[] = {{0x0800, PF_SCAPY_IP}, {0x86dd, PF_SCAPY_IP6}, {0, 0}};
    const uint8_t *header = pf_cursor_need(cursor, 4);
    if (header == NULL)
        return PF_SCAPY_END;
    uint16_t flags = pf_be16(header), type = pf_be16(header + 2);
    bool routing = (flags & ROUTING) != 0; /* source routes hide what is routed, not what is bridged */
    size_t sequence = (flags & SEQUENCE) != 0 ? 4 : 0;
    if (type == PPTP) {
        size_t size = 8 + sequence + ((flags & ACKNOWLEDGE) != 0 ? 4 : 0);
        return pf_scapy_after(cursor, size, routing ? PF_SCAPY_END : PF_SCAPY_PPP);
    }
    size_t size = 4 + sequence + ((flags & (CHECKSUM | ROUTING)) != 0 ? 4 : 0) + ((flags & KEY) != 0 ? 4 : 0);
    uint8_t follows = pf_scapy_find(bridged, type);
    if (follows == 0 && !routing)
        follows = pf_scapy_find(routed, type);
    return pf_scapy_after(cursor, size, follows);
}

enum pf_scapy_layer pf_scapy_l2tp(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    enum { CONTROL = 0x8000, LENGTH = 0x4000, SEQUENCE = 0x0800, OFFSET = 0x0200 };
    const uint8_t *header = pf_cursor_need(cursor, 2);
    if (header == NULL)
        return PF_SCAPY_END;
    uint16_t flags = pf_be16(header);
    if ((flags & CONTROL) != 0) /* length and sequence numbers are there whatever the other flags */
        return pf_scapy_after(cursor, 12, PF_SCAPY_PPP);
    size_t size = 6 + ((flags & LENGTH) != 0 ? (size_t)2 : 0) + ((flags & SEQUENCE) != 0 ? (size_t)4 : 0);
    if ((flags & OFFSET) != 0) {
        const uint8_t *octets = pf_cursor_need(cursor, size + 2);
        if (octets == NULL)
            return PF_SCAPY_END;
        size += 2 + (size_t)pf_be16(octets + size);
    }
    return pf_scapy_after(cursor, size, PF_SCAPY_PPP);
}

enum pf_scapy_layer pf_scapy_mobileip(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    enum { TUNNEL = 4 };
    const uint8_t *type = pf_cursor_need(cursor, 1);
    return pf_scapy_after(cursor, 1, type != NULL && type[0] == TUNNEL ? PF_SCAPY_MOBILEIP_TUNNEL : PF_SCAPY_END);
}

enum pf_scapy_layer pf_scapy_mobileip_tunnel(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    const uint8_t *next = pf_cursor_need(cursor, 1);
    return pf_scapy_after(cursor, 3, next != NULL && next[0] == 4 ? PF_SCAPY_IP : PF_SCAPY_END);
}

/* Without the flag for a next protocol it is Ethernet. */
enum pf_scapy_layer pf_scapy_vxlan(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    enum { GROUP_POLICY = 0x80, NEXT_PROTOCOL = 0x04 };
    static const uint8_t next[] = {PF_SCAPY_ETHER, PF_SCAPY_IP, PF_SCAPY_IP6, PF_SCAPY_ETHER};
    const uint8_t *header = pf_cursor_need(cursor, 8);
    if (header == NULL)
        return PF_SCAPY_END;
    if ((header[0] & NEXT_PROTOCOL) == 0)
        return pf_scapy_after(cursor, 8, PF_SCAPY_ETHER);
    size_t size = (header[0] & GROUP_POLICY) != 0 ? 11 : 8;
    return pf_scapy_after(cursor, size, header[3] < sizeof next ? next[header[3]] : PF_SCAPY_END);
}
