/* QUIC long headers: the first packet of the datagram. */
#include "field/define.h"

#include "payload/quic.h"

static bool get_version(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    struct pf_quic quic;
    (void)field;
    if (!pf_quic_header(packet, &quic))
        return false;
    value->word[0] = quic.version;
    return true;
}

static bool get_type(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    struct pf_quic quic;
    (void)field;
    if (!pf_quic_header(packet, &quic) || quic.version == 0) /* a negotiation has none */
        return false;
    value->word[0] = quic.first >> 4 & 3;
    return true;
}

static bool write_id(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_quic quic;
    if (!pf_quic_header(packet, &quic))
        return false;
    const struct pf_cursor *id = field->offset == 0 ? &quic.destination : &quic.source;
    for (size_t i = 0; i < pf_cursor_left(id); i++)
        pf_write_hex(writer, id->at[i], 2);
    return true;
}

static const struct pf_field fields[] = {
    PF_FIELD("quic_version", UINT32, APPLICATION, "quic.version",
             "Version of a QUIC long header: 1, 1798521807 for version 2, 0 for a negotiation.", .get = get_version),
    PF_FIELD(
        "quic_long_packet_type", UINT8, APPLICATION, "quic.long.packet_type|quic.long.packet_type_v2",
        "Type of a QUIC long header, two bits as on the wire: 0 Initial, 1 0-RTT, 2 Handshake, 3 Retry; in version 2 "
        "1, 2, 3, 0.",
        .get = get_type),
    PF_FIELD("quic_dcid", TEXT, APPLICATION, "quic.dcid",
             "Destination connection identifier of a QUIC long header, hexadecimal.", .write = write_id, .offset = 0),
    PF_FIELD("quic_scid", TEXT, APPLICATION, "quic.scid",
             "Source connection identifier of a QUIC long header, hexadecimal.", .write = write_id, .offset = 1),
};

const struct pf_group pf_group_quic = PF_GROUP_WITHIN("quic", fields, PF_BIT(QUIC));
