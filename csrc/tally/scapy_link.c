/* What scapy makes of link layers. */
#include "tally/scapy_walk.h"

/* Ethernet and what numbers its payload the same way. */

static const struct pf_scapy_number ethertypes[] = {
    {0x0800, PF_SCAPY_IP},    {0x86dd, PF_SCAPY_IP6}, {0x8100, PF_SCAPY_VLAN}, {0x88a8, PF_SCAPY_VLAN},
    {0x8864, PF_SCAPY_PPPOE}, {0x8870, PF_SCAPY_LLC}, {0x88e7, PF_SCAPY_PBB},  {0, 0},
};

/* A header whose last two octets are an EtherType, or up to 1500 the length of an 802.3 frame. */
static enum pf_scapy_layer typed(struct pf_cursor *cursor, size_t header)
{
    const uint8_t *octets = pf_cursor_need(cursor, header);
    if (octets == NULL)
        return PF_SCAPY_END;
    uint16_t type = pf_be16(octets + header - 2);
    (void)pf_cursor_skip(cursor, header);
    if (type > 1500)
        return pf_scapy_find(ethertypes, type);
    pf_cursor_clip(cursor, type);
    return PF_SCAPY_LLC;
}

enum pf_scapy_layer pf_scapy_ether(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    return typed(cursor, 14);
}

enum pf_scapy_layer pf_scapy_vlan(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    return typed(cursor, 4);
}

enum pf_scapy_layer pf_scapy_pbb(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    return pf_scapy_after(cursor, 4, PF_SCAPY_ETHER);
}

/* 802.3br: a preamble before, a check sequence after. */
enum pf_scapy_layer pf_scapy_mpacket(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    if (pf_cursor_need(cursor, 12) == NULL)
        return PF_SCAPY_END;
    pf_scapy_keep(cursor, -4);
    return pf_scapy_after(cursor, 8, PF_SCAPY_ETHER);
}

enum pf_scapy_layer pf_scapy_llc(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    const uint8_t *header = pf_cursor_need(cursor, 3);
    bool snap = header != NULL && header[0] == 0xaa && header[1] == 0xaa && header[2] == 3;
    return pf_scapy_after(cursor, 3, snap ? PF_SCAPY_SNAP : PF_SCAPY_END);
}

static const struct pf_scapy_number snap_types[] = {
    {0x0800, PF_SCAPY_IP}, {0x86dd, PF_SCAPY_IP6}, {0x8100, PF_SCAPY_VLAN}, {1, PF_SCAPY_ETHER}, {0, 0},
};

/* Whatever the organisation. */
enum pf_scapy_layer pf_scapy_snap(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    const uint8_t *header = pf_cursor_need(cursor, 5);
    return header == NULL ? PF_SCAPY_END : pf_scapy_after(cursor, 5, pf_scapy_find(snap_types, pf_be16(header + 3)));
}

/* Linux cooked. */

static const struct pf_scapy_number cooked_types[] = {
    {0x0800, PF_SCAPY_IP},
    {0x86dd, PF_SCAPY_IP6},
    {0x8100, PF_SCAPY_VLAN},
    {0x8864, PF_SCAPY_PPPOE},
    {122, PF_SCAPY_LLC},
    {1, PF_SCAPY_ETHER},
    {0, 0},
};

enum pf_scapy_layer pf_scapy_sll(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    const uint8_t *header = pf_cursor_need(cursor, 16);
    return header == NULL ? PF_SCAPY_END
                          : pf_scapy_after(cursor, 16, pf_scapy_find(cooked_types, pf_be16(header + 14)));
}

/* The address comes last, octets 12 to 19; a header cut within it has nothing after it all the same. */
enum pf_scapy_layer pf_scapy_sll2(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    const uint8_t *header = pf_cursor_need(cursor, 20);
    return header == NULL ? PF_SCAPY_END : pf_scapy_after(cursor, 20, pf_scapy_find(cooked_types, pf_be16(header)));
}

/* BSD loopback: AF_INET6 is 10 to scapy, as on the Linux it runs on. */

static const struct pf_scapy_number families[] = {
    {0, PF_SCAPY_IP},
    {2, PF_SCAPY_IP},
    {10, PF_SCAPY_IP6},
    {0, 0},
};

/* The first octet is the family, whatever the order of octets. */
enum pf_scapy_layer pf_scapy_null_link(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    const uint8_t *header = pf_cursor_need(cursor, 4);
    return header == NULL ? PF_SCAPY_END : pf_scapy_after(cursor, 4, pf_scapy_find(families, header[0]));
}

enum pf_scapy_layer pf_scapy_loop(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    const uint8_t *header = pf_cursor_need(cursor, 4);
    return header == NULL ? PF_SCAPY_END : pf_scapy_after(cursor, 4, pf_scapy_find(families, pf_be32(header)));
}

/* Any version but 6 is read as IPv4. */
enum pf_scapy_layer pf_scapy_raw_ip(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    const uint8_t *first = pf_cursor_need(cursor, 1);
    if (first == NULL)
        return PF_SCAPY_END;
    return first[0] >> 4 == 6 ? pf_scapy_ip6(walk, cursor) : pf_scapy_ip(walk, cursor);
}

/* PPP. */

static const struct pf_scapy_number ppp_protocols[] = {
    {0x21, PF_SCAPY_IP},
    {0x57, PF_SCAPY_IP6},
    {0, 0},
};

/* The first octet 0xff begins address and control as HDLC has them; another odd one is a whole protocol number. */
enum pf_scapy_layer pf_scapy_ppp(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    const uint8_t *first = pf_cursor_need(cursor, 1);
    if (first == NULL)
        return PF_SCAPY_END;
    if (first[0] == 0xff)
        return pf_scapy_hdlc(walk, cursor);
    if ((first[0] & 1) != 0)
        return pf_scapy_after(cursor, 1, pf_scapy_find(ppp_protocols, first[0]));
    const uint8_t *both = pf_cursor_need(cursor, 2);
    return both == NULL ? PF_SCAPY_END : pf_scapy_after(cursor, 2, pf_scapy_find(ppp_protocols, pf_be16(both)));
}

enum pf_scapy_layer pf_scapy_hdlc(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    return pf_scapy_after(cursor, 2, PF_SCAPY_PPP);
}

enum pf_scapy_layer pf_scapy_dir_ppp(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    return pf_scapy_after(cursor, 1, PF_SCAPY_PPP);
}

/* Its length is not looked at. */
enum pf_scapy_layer pf_scapy_pppoe(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    const uint8_t *header = pf_cursor_need(cursor, 6);
    return pf_scapy_after(cursor, 6, header != NULL && header[1] == 0 ? PF_SCAPY_PPP : PF_SCAPY_END);
}

/* 802.11. */

/* Data frames only. Encrypted ones lead nowhere. */
enum pf_scapy_layer pf_scapy_dot11(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    enum { TYPE = 0x0c, DATA = 0x08, BOTH_DS = 0x03, PROTECTED = 0x40 };
    const uint8_t *header = pf_cursor_need(cursor, 2);
    if (header == NULL || (header[0] & TYPE) != DATA)
        return PF_SCAPY_END;
    size_t size = (header[1] & BOTH_DS) == BOTH_DS ? 30 : 24; /* a fourth address */
    unsigned subtype = header[0] >> 4;
    if (subtype >= 8 && subtype != 13)
        size += 2; /* quality of service */
    return pf_scapy_after(cursor, size, (header[1] & PROTECTED) != 0 ? PF_SCAPY_END : PF_SCAPY_LLC);
}

/* A check sequence comes last. */
enum pf_scapy_layer pf_scapy_dot11_fcs(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    if (pf_cursor_need(cursor, 4) == NULL)
        return PF_SCAPY_END;
    pf_scapy_keep(cursor, -4);
    return pf_scapy_dot11(walk, cursor);
}

enum pf_scapy_layer pf_scapy_prism(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    return pf_scapy_after(cursor, 144, PF_SCAPY_DOT11);
}

/* The fields that the first word of presence may announce, in their order. */
static const struct {
    uint8_t bit, size, align; /* from the start of the header */
} radiotap_fields[] = {
    {0, 8, 8},   {1, 1, 1},   {2, 1, 1},   {3, 4, 2},  {5, 1, 1},  {6, 1, 1},  {7, 2, 2},
    {11, 1, 1},  {14, 2, 2},  {15, 2, 2},  {18, 7, 4}, {19, 3, 2}, {20, 8, 4}, {21, 12, 2},
    {22, 12, 8}, {23, 12, 2}, {24, 12, 2}, {25, 7, 2}, {27, 4, 2},
};

/* The octets before the frame, by the length or by the fields, whichever reach further. Words of presence after the
 * first are skipped, with whatever they announce; type-length-value fields swallow the packet. */
enum pf_scapy_layer pf_scapy_radiotap(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    enum { FLAGS_FIELD = 1, FLAG_FCS = 0x10, TLV_BIT = 28, MORE = 0x80 };
    const uint8_t *header = pf_cursor_need(cursor, 8);
    if (header == NULL)
        return PF_SCAPY_END;
    uint32_t present = pf_le32(header + 4);
    size_t size = 8, length = pf_le16(header + 2);
    for (bool more = present >> 31 != 0; more; size += 4) {
        header = pf_cursor_need(cursor, size + 4);
        if (header == NULL)
            return PF_SCAPY_END;
        more = (header[size + 3] & MORE) != 0;
    }
    bool check_sequence = false;
    for (size_t i = 0; i < sizeof radiotap_fields / sizeof radiotap_fields[0]; i++) {
        if ((present >> radiotap_fields[i].bit & 1) == 0)
            continue;
        size_t align = radiotap_fields[i].align;
        size = (size + align - 1) / align * align + radiotap_fields[i].size;
        header = pf_cursor_need(cursor, size);
        if (header == NULL)
            return PF_SCAPY_END;
        if (radiotap_fields[i].bit == FLAGS_FIELD)
            check_sequence = (header[size - 1] & FLAG_FCS) != 0;
    }
    if ((present >> TLV_BIT & 1) != 0)
        return PF_SCAPY_END;
    return pf_scapy_after(cursor, size > length ? size : length, check_sequence ? PF_SCAPY_DOT11_FCS : PF_SCAPY_DOT11);
}

enum pf_scapy_layer pf_scapy_ppi(struct pf_scapy_walk *walk, struct pf_cursor *cursor)
{
    (void)walk;
    const uint8_t *header = pf_cursor_need(cursor, 8);
    if (header == NULL)
        return PF_SCAPY_END;
    (void)pf_cursor_skip(cursor, 8);
    pf_scapy_drop(cursor, pf_le16(header + 2) - 8);
    return pf_scapy_by_link_type(pf_le32(header + 4));
}
