/* IEEE 802.11: data frames, down to their LLC (IEEE 802.11-2020, 9.2 and 9.3.2)
 *
 *    | frame control 2 | duration 2 | address 6 | address 6 | address 6 | sequence 2 | (address 6) | (QoS 2) | (HT 4) |
 */
#include "packet/packet.h"

enum {
    CONTROL = 2,
    HEADER = 24,
    SEQUENCE_AT = 22,
    ADDRESS = 6,
    QOS_CONTROL = 2,
    HT_CONTROL = 4,
    SUBFRAME = 14, /* of an A-MSDU: destination, source, length */
    /* first octet of frame control */
    VERSION = 0x03,
    TYPE = 0x0c,
    DATA = 0x08,
    NO_DATA = 0x40,
    QOS = 0x80,
    /* second */
    BOTH_SYSTEMS = 0x03,
    MORE_FRAGMENTS = 0x04,
    PROTECTED = 0x40,
    HT = 0x80,
    /* sequence and QoS control */
    FRAGMENT = 0x0f,
    AGGREGATE = 0x80,
};

/* The first of the frames in one. */
static enum pf_protocol first_subframe(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *header = pf_cursor_need(cursor, SUBFRAME);
    if (header == NULL)
        return pf_lacking(packet, PF_WLAN, cursor, SUBFRAME);
    (void)pf_cursor_skip(cursor, SUBFRAME);
    pf_pull(packet, PF_WLAN, cursor, pf_be16(header + SUBFRAME - 2));
    return PF_LLC;
}

enum pf_protocol pf_step_wlan(struct pf_packet *packet, struct pf_cursor *cursor)
{
    const uint8_t *control = pf_cursor_need(cursor, CONTROL);
    if (control == NULL)
        return pf_lacking(packet, PF_WLAN, cursor, CONTROL);
    if ((control[0] & VERSION) != 0)
        return pf_unknown(packet, PF_UNKNOWN_WLAN_VERSION, control[0] & VERSION);
    if ((control[0] & TYPE) != DATA)
        return PF_END;

    bool qos = (control[0] & QOS) != 0;
    size_t qos_at = HEADER + ((control[1] & BOTH_SYSTEMS) == BOTH_SYSTEMS ? ADDRESS : 0);
    size_t size = qos_at + (qos ? QOS_CONTROL : 0) + (qos && (control[1] & HT) != 0 ? HT_CONTROL : 0);
    if (packet->wlan_padded)
        size = (size + 3) / 4 * 4;
    const uint8_t *header = pf_cursor_need(cursor, size);
    if (header == NULL)
        return pf_lacking(packet, PF_WLAN, cursor, size);
    if ((control[0] & NO_DATA) != 0 || (control[1] & PROTECTED) != 0 || (header[SEQUENCE_AT] & FRAGMENT) != 0)
        return PF_END;
    packet->fragment |= (control[1] & MORE_FRAGMENTS) != 0;
    (void)pf_cursor_skip(cursor, size);
    return qos && (header[qos_at] & AGGREGATE) != 0 ? first_subframe(packet, cursor) : PF_LLC;
}
