/* IEEE 802.11 (IEEE 802.11-2020, 9.2 to 9.4) and radiotap (radiotap.org): the first such headers. */
#include "field/define.h"

enum {
    HEADER = 24,
    HT_CONTROL = 4,
    ADDRESS_SIZE = 6,
    /* type << 4 | subtype */
    MANAGEMENT_END = 0x10,
    ASSOCIATION_REQUEST = 0x00,
    ASSOCIATION_RESPONSE = 0x01,
    REASSOCIATION_REQUEST = 0x02,
    REASSOCIATION_RESPONSE = 0x03,
    PROBE_REQUEST = 0x04,
    PROBE_RESPONSE = 0x05,
    BEACON = 0x08,
    DISASSOCIATION = 0x0a,
    DEAUTHENTICATION = 0x0c,
    PS_POLL = 0x1a,
    CF_END = 0x1e,
    CONTROL_END = 0x20,
    DATA_END = 0x30,
    /* second octet of frame control */
    TO_SYSTEM = 0x01,
    FROM_SYSTEM = 0x02,
    PROTECTED = 0x40,
    ORDER = 0x80,
    /* elements */
    SSID = 0,
    DS_PARAMETER = 3,
    MOST_ELEMENTS = 256,
    /* radiotap */
    RADIOTAP_FIXED = 8,
    ANTENNA_SIGNAL = 5,
};

/* Frame control, and type and subtype in one number; NULL where it is not this version of 802.11. */
static const uint8_t *control_of(const struct pf_packet *packet, unsigned *kind)
{
    const uint8_t *control = pf_layer_octets(packet, packet->first[PF_WLAN], 0, 2);
    if (control == NULL || (control[0] & 3) != 0)
        return NULL;
    *kind = (control[0] >> 2 & 3u) << 4 | control[0] >> 4;
    return control;
}

static bool get_type(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    unsigned kind;
    (void)field;
    if (control_of(packet, &kind) == NULL)
        return false;
    value->word[0] = kind;
    return true;
}

static bool get_retry(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    unsigned kind;
    (void)field;
    const uint8_t *control = control_of(packet, &kind);
    if (control != NULL)
        value->word[0] = control[1] >> 3 & 1;
    return control != NULL;
}

/* Subtypes of control frames, a bit each, whose second address is the transmitter's and no more (9.3.1). */
enum { WITH_TRANSMITTER = 0x8f3c };

enum role { RECEIVER, TRANSMITTER, SOURCE, DESTINATION, BSSID };

/* Which of the four addresses has a role, from 1; 0: none (9.3.2.1, table 9-30, and 9.3.3.1). */
static unsigned address_with(enum role role, unsigned kind, const uint8_t *control)
{
    static const uint8_t by_systems[4][3] = {
        /* source, destination, BSSID */
        {2, 1, 3},
        {2, 3, 1}, /* to the distribution system */
        {3, 1, 2}, /* from it */
        {4, 3, 0}, /* both */
    };
    static const uint8_t management[] = {1, 2, 2, 1, 3};
    if (kind < MANAGEMENT_END)
        return management[role];
    if (kind < CONTROL_END) {
        if (role == BSSID)
            return kind == PS_POLL ? 1 : kind == CF_END ? 2 : 0;
        return role == RECEIVER ? 1 : role == TRANSMITTER && (WITH_TRANSMITTER >> (kind & 15) & 1) != 0 ? 2 : 0;
    }
    if (kind >= DATA_END)
        return 0;
    if (role == RECEIVER || role == TRANSMITTER)
        return role == RECEIVER ? 1 : 2;
    return by_systems[control[1] & (TO_SYSTEM | FROM_SYSTEM)][role - SOURCE];
}

static bool get_address(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    static const uint8_t places[] = {0, 4, 10, 16, 24};
    unsigned kind;
    const uint8_t *control = control_of(packet, &kind);
    unsigned which = control != NULL ? address_with((enum role)field->offset, kind, control) : 0;
    if (which == 0)
        return false;
    return pf_get_address(pf_layer_octets(packet, packet->first[PF_WLAN], places[which], ADDRESS_SIZE), ADDRESS_SIZE,
                          value);
}

static bool get_seq(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    unsigned kind;
    (void)field;
    if (control_of(packet, &kind) == NULL || (kind >= MANAGEMENT_END && kind < CONTROL_END) || kind >= DATA_END)
        return false;
    const uint8_t *octets = pf_layer_octets(packet, packet->first[PF_WLAN], HEADER - 2, 2);
    if (octets != NULL)
        value->word[0] = pf_le16(octets) >> 4;
    return octets != NULL;
}

/* A cursor over the body of a management frame that is not encrypted. */
static bool body_of(const struct pf_packet *packet, unsigned *kind, struct pf_cursor *body)
{
    const uint8_t *control = control_of(packet, kind);
    if (control == NULL || *kind >= MANAGEMENT_END || (control[1] & PROTECTED) != 0)
        return false;
    (void)pf_layer_cursor(packet, packet->first[PF_WLAN], body);
    return pf_cursor_skip(body, HEADER + ((control[1] & ORDER) != 0 ? HT_CONTROL : 0));
}

/* The first element of a number: what it holds. */
static const uint8_t *element(const struct pf_packet *packet, uint8_t number, size_t *size)
{
    static const uint8_t fixed[MANAGEMENT_END] = {
        [ASSOCIATION_REQUEST] = 4,    [ASSOCIATION_RESPONSE] = 6, [REASSOCIATION_REQUEST] = 10,
        [REASSOCIATION_RESPONSE] = 6, [PROBE_RESPONSE] = 12,      [BEACON] = 12,
    };
    unsigned kind;
    struct pf_cursor body;
    if (!body_of(packet, &kind, &body) || (fixed[kind] == 0 && kind != PROBE_REQUEST))
        return NULL;
    if (!pf_cursor_skip(&body, fixed[kind]))
        return NULL;
    for (int count = 0; count < MOST_ELEMENTS; count++) {
        const uint8_t *head = pf_cursor_need(&body, 2);
        if (head == NULL || pf_cursor_need(&body, 2 + (size_t)head[1]) == NULL)
            return NULL;
        if (head[0] == number) {
            *size = head[1];
            return head + 2;
        }
        (void)pf_cursor_skip(&body, 2 + (size_t)head[1]);
    }
    return NULL;
}

static bool write_ssid(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    size_t size;
    const uint8_t *octets = element(packet, SSID, &size);
    (void)field;
    if (octets != NULL)
        pf_write_text(writer, octets, size, NULL);
    return octets != NULL;
}

static bool get_channel(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    size_t size;
    const uint8_t *octets = element(packet, DS_PARAMETER, &size);
    (void)field;
    if (octets == NULL || size != 1)
        return false;
    value->word[0] = octets[0];
    return true;
}

static bool get_reason(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    unsigned kind;
    struct pf_cursor body;
    (void)field;
    if (!body_of(packet, &kind, &body) || (kind != DISASSOCIATION && kind != DEAUTHENTICATION))
        return false;
    const uint8_t *octets = pf_cursor_need(&body, 2);
    if (octets != NULL)
        value->word[0] = pf_le16(octets);
    return octets != NULL;
}

/* Fields lie in the order of their bits, each aligned to its size; those before the signal: */
static const uint8_t radiotap_sizes[ANTENNA_SIGNAL] = {8, 1, 1, 4, 2};
static const uint8_t radiotap_aligned[ANTENNA_SIGNAL] = {8, 1, 1, 2, 2}; /* channel: two numbers of 2 octets */

static bool get_signal(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    uint8_t layer = packet->first[PF_RADIOTAP];
    (void)field;
    const uint8_t *fixed = pf_layer_octets(packet, layer, 0, RADIOTAP_FIXED);
    if (fixed == NULL)
        return false;
    uint32_t length = pf_le16(fixed + 2), present = pf_le32(fixed + 4), word = present, at = RADIOTAP_FIXED;
    if ((present >> ANTENNA_SIGNAL & 1) == 0)
        return false;
    while (word >> 31 != 0) {
        const uint8_t *next = at + 4 <= length ? pf_layer_octets(packet, layer, at, 4) : NULL;
        if (next == NULL)
            return false;
        word = pf_le32(next);
        at += 4;
    }
    for (unsigned bit = 0; bit < ANTENNA_SIGNAL; bit++) {
        if ((present >> bit & 1) != 0)
            at = (at + radiotap_aligned[bit] - 1) / radiotap_aligned[bit] * radiotap_aligned[bit] + radiotap_sizes[bit];
    }
    const uint8_t *octet = at < length ? pf_layer_octets(packet, layer, at, 1) : NULL;
    if (octet != NULL)
        value->word[0] = (uint64_t)(int64_t)(int8_t)*octet;
    return octet != NULL;
}

#define ADDRESS(role) .get = get_address, .text = pf_text_mac, .offset = role

static const struct pf_field fields[] = {
    PF_FIELD("radiotap_dbm_antsignal", INT64, LINK, "radiotap.dbm_antsignal",
             "Strength of the signal at the first antenna, dBm (radiotap.org).", .get = get_signal),
    PF_FIELD("wlan_fc_type_subtype", UINT8, LINK, "wlan.fc.type_subtype",
             "Type and subtype of the 802.11 frame, such as 8 for a beacon and 40 for QoS data.", .get = get_type),
    PF_FIELD("wlan_fc_retry", UINT8, LINK, "wlan.fc.retry", "Whether the frame was sent before.", .get = get_retry),
    PF_FIELD("wlan_ra", TEXT, LINK, "wlan.ra", "Address of the receiver on the air.", ADDRESS(RECEIVER)),
    PF_FIELD("wlan_ta", TEXT, LINK, "wlan.ta", "Address of the transmitter on the air.", ADDRESS(TRANSMITTER)),
    PF_FIELD("wlan_sa", TEXT, LINK, "wlan.sa", "Address of the source.", ADDRESS(SOURCE)),
    PF_FIELD("wlan_da", TEXT, LINK, "wlan.da", "Address of the destination.", ADDRESS(DESTINATION)),
    PF_FIELD("wlan_bssid", TEXT, LINK, "wlan.bssid", "Identifier of the basic service set.", ADDRESS(BSSID)),
    PF_FIELD("wlan_seq", UINT16, LINK, "wlan.seq", "Sequence number, 12 bits.", .get = get_seq),
    PF_FIELD("wlan_ssid", TEXT, LINK, "wlan.ssid", "Name of the network that a management frame tells; empty: hidden.",
             .write = write_ssid),
    PF_FIELD("wlan_ds_current_channel", UINT8, LINK, "wlan.ds.current_channel",
             "Channel that a management frame tells.", .get = get_channel),
    PF_FIELD("wlan_fixed_reason_code", UINT16, LINK, "wlan.fixed.reason_code",
             "Reason of a deauthentication or disassociation (9.4.1.7).", .get = get_reason),
};

const struct pf_group pf_group_wlan = PF_GROUP("wlan", fields);
