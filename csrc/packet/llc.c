/* IEEE 802.2 LLC and SNAP (RFC 1042) */
#include "packet/packet.h"

enum {
    LLC = 3,
    SNAP = 5,
    SNAP_SAP = 0xaa,
    UNNUMBERED = 0x03,
    ETHERTYPES = 0x000000,
    BRIDGED = 0x0000f8 /* IEEE 802.1H */
};

enum pf_protocol pf_step_llc(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *llc = pf_cursor_need(cursor, LLC);
    if (llc == NULL)
        return pf_lacking(packet, PF_LLC, cursor, LLC);
    if (llc[0] != SNAP_SAP || llc[1] != SNAP_SAP || llc[2] != UNNUMBERED)
        return pf_unknown(packet, PF_UNKNOWN_LLC, llc[0]);
    const uint8_t *both = pf_cursor_need(cursor, LLC + SNAP);
    if (both == NULL)
        return pf_lacking(packet, PF_LLC, cursor, LLC + SNAP);
    (void)pf_cursor_skip(cursor, LLC + SNAP);
    uint32_t organisation = (uint32_t)pf_be(both + LLC, 3);
    if (organisation != ETHERTYPES && organisation != BRIDGED)
        return pf_unknown(packet, PF_UNKNOWN_SNAP, organisation);
    return pf_by_ethertype(packet, pf_be16(both + LLC + 3));
}
