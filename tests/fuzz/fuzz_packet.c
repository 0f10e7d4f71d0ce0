/* Any octets as one packet: two octets of link type, one of how many octets more there were on the wire, and the
 * packet. Every field is asked for at every depth, and must say the same from the depth on that it needs. With
 * FUZZ_LINK_TYPE set all packets are of that link type. */
#include "field/field.h"
#include "hold.h"
#include "packet/packet.h"
#include "tally/indicator.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size);

static void look_at_layers(const struct pf_packet *packet)
{
    must_hold(packet->layers <= PF_MOST_LAYERS);
    for (unsigned i = 0; i < packet->layers; i++) {
        const struct pf_layer *layer = &packet->layer[i];
        must_hold(layer->protocol > PF_END && layer->protocol < PF_PROTOCOL_COUNT);
        must_hold((uint64_t)layer->offset + layer->captured <= packet->record.cap_len);
        must_hold(layer->captured <= layer->wire && layer->captured != 0);
        must_hold(packet->first[layer->protocol] <= i);
    }
    must_hold(packet->ip == PF_NO_LAYER ? packet->ip_version == 0 : packet->ip < packet->layers);
}

static bool written_same(const struct pf_field *field, const struct pf_packet *one, const struct pf_packet *other)
{
    static char rooms[2][PF_WRITER_ROOM];
    struct pf_writer a = {.octets = rooms[0], .room = PF_WRITER_ROOM}, b = {.octets = rooms[1], .room = PF_WRITER_ROOM};
    bool has = field->write(field, one, &a);
    must_hold(a.length <= PF_WRITER_ROOM);
    return has == field->write(field, other, &b) &&
           (!has || (a.length == b.length && memcmp(rooms[0], rooms[1], a.length) == 0));
}

static bool same_span(const struct pf_packet *one, const struct pf_value *a, const struct pf_packet *other,
                      const struct pf_value *b)
{
    must_hold(pf_value_at(a) >= one->record.octets && a->size <= one->record.cap_len);
    must_hold((size_t)(pf_value_at(a) - one->record.octets) <= one->record.cap_len - a->size);
    return pf_value_at(a) - one->record.octets == pf_value_at(b) - other->record.octets && a->size == b->size;
}

static bool same(const struct pf_field *field, const struct pf_packet *one, const struct pf_packet *other)
{
    if (field->write != NULL)
        return written_same(field, one, other);
    struct pf_value a = {{0, 0}, 0}, b = {{0, 0}, 0};
    char text[PF_TEXT_ROOM];
    bool has = field->get(field, one, &a);
    must_hold(has || field->kind.nullable);
    if (has && field->kind.type == PF_TEXT)
        must_hold(field->text == NULL || field->text(&a, text) <= PF_TEXT_ROOM); /* NULL: an input's name */
    else if (has && field->kind.type == PF_BINARY)
        return field->get(field, other, &b) && same_span(one, &a, other, &b);
    else if (has && field->kind.type != PF_TIME)
        must_hold(pf_type_size(field->kind.type) == 8 || a.word[0] >> (8 * pf_type_size(field->kind.type)) == 0);
    return has == field->get(field, other, &b) && (!has || pf_value_equal(&a, &b));
}

static void look_at_indicators(const struct pf_packet *packet)
{
    for (unsigned i = 0; i < 8; i++) {
        struct pf_indicator_rules rules = {
            .scapy = (i & 1) != 0,
            .dns = (i & 2) != 0 ? PF_DNS_NXDOMAIN : PF_DNS_EMPTY,
            .seq = (i & 4) != 0 ? PF_SEQ_DATA : PF_SEQ_ALL,
        };
        struct pf_indicators found;
        pf_indicators_of(&rules, packet, &found);
        must_hold(found.ip.size == 0 || found.ip.size == 4 || found.ip.size == 16);
        must_hold(found.dns.size == 0 || found.dns.size == 4 || found.dns.size == 16);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size)
{
    enum { HEAD = 3 };
    if (size < HEAD)
        return 0;
    const char *link_type = getenv("FUZZ_LINK_TYPE");
    static const struct pf_interface interface = {.number = 0};
    struct pf_packet whole, packet;
    memset(&whole, 0xa5, sizeof whole); /* nothing may be left from the packet before, */
    whole.message = NULL;               /* but these two, which are stamped */
    whole.tcp = (struct pf_tcp_found){.known = false};
    whole.record = (struct pf_record){
        .octets = octets + HEAD,
        .cap_len = (uint32_t)(size - HEAD),
        .len = (uint32_t)(size - HEAD) + octets[2],
        .link_type = link_type != NULL ? (uint16_t)atoi(link_type) : pf_be16(octets),
        .frame_number = 1,
        .interface = &interface,
    };
    packet = whole;
    pf_packet_decode(&whole, PF_DEPTH_APPLICATION);
    look_at_layers(&whole);
    look_at_indicators(&whole);
    for (unsigned depth = PF_DEPTH_RECORD; depth <= PF_DEPTH_APPLICATION; depth++) {
        pf_packet_decode(&packet, (enum pf_depth)depth);
        look_at_layers(&packet);
        for (size_t i = 0; pf_field_at(i) != NULL; i++) {
            bool equal = same(pf_field_at(i), &packet, &whole);
            must_hold(equal || (unsigned)pf_field_at(i)->depth > depth);
        }
    }
    return 0;
}
