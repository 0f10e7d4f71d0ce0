/* QUIC: long headers of version 1 (RFC 9000), 2 (RFC 9369), of the drafts and programs that came before them, and
 * version negotiation. A short header looks like nothing. */
#include "payload/quic.h"

#include "payload/payload.h"

enum {
    LONG = 0x80,
    FIXED = 0x40,
    MOST_ID = 20, /* RFC 9000 17.2 */
    TAG = 16,     /* ends every packet that is no negotiation: RFC 9001 5.3 and 5.8 */
    VERSION = 4,
    MOST_VERSIONS = 16,       /* looked at in a negotiation; servers offer a handful */
    FIRST_DRAFT = 0xff000017, /* 23; the long header was another before */
    LAST_DRAFT = 0xff000022,
    MVFST = 0xfaceb00, /* Facebook's, but for the last digit */
};

static bool is_version(uint32_t version)
{
    switch (version) {
    case 0x00000001:
    case 0x6b3343cf: /* version 2 */
    case 0x51303530: /* Q050, T050 and T051: Google's, with the long header of drafts */
    case 0x54303530:
    case 0x54303531:
        return true;
    default:
        return (version >= FIRST_DRAFT && version <= LAST_DRAFT) || version >> 4 == MVFST;
    }
}

static bool take_id(struct pf_cursor *cursor, struct pf_cursor *id)
{
    const uint8_t *size = pf_cursor_need(cursor, 1);
    if (size == NULL || *size > MOST_ID)
        return false;
    (void)pf_cursor_skip(cursor, 1);
    *id = *cursor;
    pf_cursor_clip(id, *size);
    return pf_cursor_skip(cursor, *size);
}

static bool read_header(struct pf_cursor *cursor, struct pf_quic *quic)
{
    const uint8_t *head = pf_cursor_need(cursor, 1 + VERSION);
    if (head == NULL || (head[0] & LONG) == 0)
        return false;
    quic->first = head[0];
    quic->version = pf_be32(head + 1);
    (void)pf_cursor_skip(cursor, 1 + VERSION);
    return take_id(cursor, &quic->destination) && take_id(cursor, &quic->source);
}

/* What a negotiation offers: versions to the end, of which one at least is known or there to be ignored (15). */
static bool offers_versions(const struct pf_cursor *offer)
{
    if (offer->wire == 0 || offer->wire % VERSION != 0)
        return false;
    for (size_t at = 0; at < VERSION * MOST_VERSIONS && at + VERSION <= pf_cursor_left(offer); at += VERSION) {
        uint32_t version = pf_be32(offer->at + at);
        if (is_version(version) || (version & 0x0f0f0f0f) == 0x0a0a0a0a)
            return true;
    }
    return false;
}

bool pf_is_quic(const struct pf_cursor *cursor)
{
    struct pf_cursor rest = *cursor;
    struct pf_quic quic;
    if (!read_header(&rest, &quic))
        return false;
    if (quic.version == 0)
        return offers_versions(&rest);
    return is_version(quic.version) && (quic.first & FIXED) != 0 && rest.wire >= TAG;
}

enum pf_protocol pf_step_quic(struct pf_packet *packet, struct pf_cursor *cursor)
{
    (void)packet;
    (void)cursor;
    return PF_END;
}

bool pf_quic_header(const struct pf_packet *packet, struct pf_quic *quic)
{
    uint8_t number = packet->first[PF_QUIC];
    if (number == PF_NO_LAYER)
        return false;
    const struct pf_layer *layer = &packet->layer[number];
    const uint8_t *octets = packet->record.octets + layer->offset;
    struct pf_cursor cursor = {octets, octets + layer->captured, layer->wire};
    return read_header(&cursor, quic);
}
