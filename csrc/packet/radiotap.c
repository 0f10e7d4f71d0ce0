/* Radiotap before an 802.11 frame (radiotap.org), little-endian
 *
 *    | version | pad | length 2 | present 4 | further present words while bit 31 is set | fields, each aligned ...
 */
#include "packet/packet.h"

enum {
    FIXED = 8,
    WORD = 4,
    MOST_WORDS = 32, /* one for each antenna or so; beyond it the flags are not looked for */
    TIME = 1 << 0,   /* fields by bit of the first word: a timer of 8 octets, */
    TIME_SIZE = 8,
    FLAGS = 1 << 1, /* flags in one */
    FCS_INCLUDED = 0x10,
    HEADER_PADDED = 0x20,
    FCS = 4,
};

/* The field Flags, 0 when there is none. `header` is a cursor over the radiotap header alone. */
static uint8_t flags_of(struct pf_cursor header, uint32_t present)
{
    const uint8_t *start = header.at;
    uint32_t word = present;
    (void)pf_cursor_skip(&header, FIXED);
    for (int count = 1; word >> 31 != 0; count++) {
        const uint8_t *next = pf_cursor_need(&header, WORD);
        if (next == NULL || count == MOST_WORDS)
            return 0;
        word = pf_le32(next);
        (void)pf_cursor_skip(&header, WORD);
    }
    if ((present & TIME) != 0) {
        size_t padding = (TIME_SIZE - (size_t)(header.at - start) % TIME_SIZE) % TIME_SIZE;
        if (!pf_cursor_skip(&header, padding + TIME_SIZE))
            return 0;
    }
    const uint8_t *flags = pf_cursor_need(&header, 1);
    return (present & FLAGS) != 0 && flags != NULL ? *flags : 0;
}

enum pf_protocol pf_step_radiotap(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *fixed = pf_cursor_need(cursor, FIXED);
    if (fixed == NULL)
        return pf_lacking(packet, PF_RADIOTAP, cursor, FIXED);
    size_t length = pf_le16(fixed + 2);
    if (length < FIXED)
        return pf_malformed(packet, PF_RADIOTAP);
    struct pf_cursor header = *cursor;
    pf_cursor_clip(&header, length);
    if (!pf_cursor_skip(cursor, length))
        return pf_lacking(packet, PF_RADIOTAP, cursor, length);
    uint8_t flags = flags_of(header, pf_le32(fixed + 4));
    packet->wlan_padded = (flags & HEADER_PADDED) != 0;
    if ((flags & FCS_INCLUDED) != 0)
        pf_cursor_clip(cursor, cursor->wire > FCS ? cursor->wire - FCS : 0);
    return PF_WLAN;
}
