/* What is known of a packet before it is looked into, and what came of looking. */
#include "field/define.h"

#include <string.h>

static bool get_number(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    value->word[0] = packet->record.frame_number;
    return true;
}

static bool get_file(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    *value = (struct pf_value){{packet->record.input, 0}, 4};
    return true;
}

static bool get_time(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    value->word[0] = (uint64_t)packet->record.time;
    return packet->record.timed;
}

static bool get_span(const struct pf_packet *packet, int64_t from, struct pf_value *value)
{
    int64_t span;
    if (!packet->record.timed || !pf_time_span(from, packet->record.time, &span))
        return false;
    value->word[0] = (uint64_t)span;
    return true;
}

static bool get_delta(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    return get_span(packet, packet->record.last_time, value);
}

static bool get_relative(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    return get_span(packet, packet->record.first_time, value);
}

static bool get_len(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    value->word[0] = packet->record.len;
    return true;
}

static bool get_cap_len(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    value->word[0] = packet->record.cap_len;
    return true;
}

static bool get_interface(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    value->word[0] = packet->record.interface->number;
    return true;
}

static bool write_interface_name(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    const char *name = packet->record.interface->name;
    (void)field;
    if (name == NULL)
        return false;
    pf_write_text(writer, (const uint8_t *)name, strlen(name), NULL);
    return true;
}

static bool get_link_type(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    value->word[0] = packet->record.link_type;
    return true;
}

static bool get_fault(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    *value = (struct pf_value){{pf_fault_word(packet->malady, packet->faulty, packet->value), 0}, 8};
    return packet->malady != PF_SOUND;
}

static size_t text_fault(const struct pf_value *value, char text[PF_TEXT_ROOM])
{
    return pf_fault_text(value->word[0], text);
}

static bool get_protocol(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    if (packet->layers == 0)
        return false;
    unsigned protocol = packet->layer[packet->layers - 1].protocol;
    if (protocol == PF_LOOP) /* both are NULL to the reader */
        protocol = PF_NULL_LINK;
    *value = (struct pf_value){{protocol, 0}, 1};
    return true;
}

static size_t text_protocol(const struct pf_value *value, char text[PF_TEXT_ROOM])
{
    const char *label = pf_protocols[value->word[0]].label;
    size_t length = strlen(label);
    memcpy(text, label, length);
    return length;
}

/* A layer's number an octet, outermost first: as many as a key has. */
static bool get_protocols(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    uint8_t numbers[16] = {0};
    (void)field;
    for (unsigned i = 0; i < packet->layers && i < sizeof numbers; i++)
        numbers[i] = packet->layer[i].protocol;
    *value = (struct pf_value){{pf_be(numbers, 8), pf_be(numbers + 8, 8)}, 16};
    return packet->layers != 0;
}

static size_t text_protocols(const struct pf_value *value, char text[PF_TEXT_ROOM])
{
    size_t length = 0;
    for (unsigned i = 0; i < 16; i++) {
        unsigned number = value->word[i / 8] >> (8 * (7 - i % 8)) & 0xff;
        const char *name = number == PF_IPV4 ? "ip" : pf_protocols[number].name;
        if (number == PF_END || strlen(name) + 1 > PF_TEXT_ROOM - length)
            break;
        if (length != 0)
            text[length++] = ':';
        memcpy(text + length, name, strlen(name));
        length += strlen(name);
    }
    return length;
}

static bool get_raw(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    *value = pf_value_span(packet->record.octets, packet->record.cap_len);
    return true;
}

static const struct pf_field fields[] = {
    PF_COMMON_FIELD("frame_number", UINT64, false, RECORD, "frame.number",
                    "Number of the packet, from 1, over all files and before any filter.", .get = get_number),
    PF_COMMON_FIELD("frame_file", TEXT, false, RECORD, "", "The file the packet is in.", .get = get_file),
    PF_COMMON_FIELD("frame_time", TIME, true, RECORD, "frame.time_epoch",
                    "Time of capture, nanoseconds since the epoch, UTC.", .get = get_time),
    PF_FIELD("frame_time_delta", INT64, RECORD, "frame.time_delta",
             "Nanoseconds since the packet before it that has a time, whether or not that is in the table.",
             .get = get_delta),
    PF_FIELD("frame_time_relative", INT64, RECORD, "frame.time_relative",
             "Nanoseconds since the first packet of the capture that has a time.", .get = get_relative),
    PF_COMMON_FIELD("frame_len", UINT32, false, RECORD, "frame.len", "Octets on the wire.", .get = get_len),
    PF_COMMON_FIELD("frame_cap_len", UINT32, false, RECORD, "frame.cap_len", "Octets captured.", .get = get_cap_len),
    PF_FIELD("frame_interface_id", UINT32, RECORD, "frame.interface_id",
             "Number of the interface, from 0, over all sections and files.", .get = get_interface),
    PF_FIELD("frame_interface_name", TEXT, RECORD, "frame.interface_name",
             "Name of the interface, where the file tells it.", .write = write_interface_name),
    PF_FIELD("frame_link_type", UINT16, RECORD, "", "Link type (number of tcpdump.org/linktypes).",
             .get = get_link_type),
    PF_FIELD("frame_protocols", TEXT, APPLICATION, "frame.protocols",
             "Protocols decoded, outermost first, such as `eth:ip:tcp:tls`.", .get = get_protocols,
             .text = text_protocols),
    PF_COMMON_FIELD("frame_fault", TEXT, true, PAYLOAD, "",
                    "What kept the packet from being decoded whole, such as `truncated tcp`; null for a sound packet.",
                    .get = get_fault, .text = text_fault),
    PF_COMMON_FIELD("protocol", TEXT, true, APPLICATION, "", "Highest protocol decoded, in capitals.",
                    .get = get_protocol, .text = text_protocol),
    PF_OCTETS_FIELD("frame_raw", RECORD, "", "The captured octets of the packet.", get_raw),
};

const struct pf_group pf_group_frame = PF_GROUP("frame", fields);
