/* PPI, Per-Packet Information (CACE Technologies, Per-Packet Information Header Specification 1.0.10), little-endian
 *
 *    | version | flags | length 2 | link type 4 | fields: type 2, length 2, content ...
 */
#include "packet/packet.h"

enum {
    FIXED = 8,
    ALIGNED = 1, /* flag: fields begin at multiples of 4 octets */
    FIELD = 4,
    MOST_FIELDS = 32, /* the specification has a dozen types; beyond it an FCS is not looked for */
    COMMON = 2,       /* field 802.11-Common: timer 8, flags 2, ... */
    COMMON_FLAGS_AT = 8,
    FCS_INCLUDED = 1,
    FCS = 4,
    WLAN = 105,
};

static bool has_fcs(struct pf_cursor fields, bool aligned)
{
    for (int count = 0; count < MOST_FIELDS; count++) {
        const uint8_t *field = pf_cursor_need(&fields, FIELD);
        if (field == NULL)
            return false;
        (void)pf_cursor_skip(&fields, FIELD);
        size_t size = pf_le16(field + 2);
        if (pf_le16(field) == COMMON) {
            pf_cursor_clip(&fields, size);
            const uint8_t *common = pf_cursor_need(&fields, COMMON_FLAGS_AT + 2);
            return common != NULL && (pf_le16(common + COMMON_FLAGS_AT) & FCS_INCLUDED) != 0;
        }
        if (!pf_cursor_skip(&fields, aligned ? (size + 3) / 4 * 4 : size))
            return false;
    }
    return false;
}

enum pf_protocol pf_step_ppi(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, FIXED);
    if (header == NULL)
        return pf_lacking(packet, PF_PPI, cursor, FIXED);
    size_t length = pf_le16(header + 2);
    if (length < FIXED)
        return pf_malformed(packet, PF_PPI);
    struct pf_cursor fields = *cursor;
    pf_cursor_clip(&fields, length);
    if (!pf_cursor_skip(cursor, length))
        return pf_lacking(packet, PF_PPI, cursor, length);
    (void)pf_cursor_skip(&fields, FIXED);
    uint32_t link_type = pf_le32(header + 4);
    if (link_type == WLAN && has_fcs(fields, (header[1] & ALIGNED) != 0))
        pf_cursor_clip(cursor, cursor->wire > FCS ? cursor->wire - FCS : 0);
    return pf_by_link_type(packet, link_type);
}
