/* A message as one packet, and as several segments that the ordered stage puts together: fields must say the same. */
#ifndef PF_TESTS_PIECES_H
#define PF_TESTS_PIECES_H

#include "field/field.h"
#include "hold.h"
#include "naive.h"
#include "stream/stage.h"

enum { PIECES_IP = 20, PIECES_UDP = 8, PIECES_TCP = 20, PIECES_RAW = 101, MOST_SEGMENTS = 6 };

/* One packet of raw IPv4 in memory of its own, as long as it is, so that a sanitizer sees a read beyond its end. */
struct wrapped {
    uint8_t *octets;
    struct pf_packet packet;
};

static inline void wrap(struct wrapped *wrapped, bool tcp, const uint16_t ports[2], uint32_t seq, unsigned flags,
                        const uint8_t *said, size_t size)
{
    static const struct pf_interface interface = {.number = 0};
    size_t head = PIECES_IP + (tcp ? PIECES_TCP : PIECES_UDP);
    uint8_t *octets = wrapped->octets = must(calloc(1, head + size)), *transport = octets + PIECES_IP;
    octets[0] = 0x45;
    octets[9] = tcp ? 6 : 17;
    for (unsigned i = 0; i < 2; i++) {
        transport[2 * i] = (uint8_t)(ports[i] >> 8);
        transport[2 * i + 1] = (uint8_t)ports[i];
    }
    for (unsigned i = 0; tcp && i < 4; i++)
        transport[4 + i] = (uint8_t)(seq >> (24 - 8 * i));
    if (tcp) {
        transport[12] = PIECES_TCP / 4 << 4;
        transport[13] = (uint8_t)flags;
    }
    if (size != 0)
        memcpy(octets + head, said, size);
    memset(&wrapped->packet, 0, sizeof wrapped->packet);
    wrapped->packet.record = (struct pf_record){.octets = octets,
                                                .cap_len = (uint32_t)(head + size),
                                                .len = (uint32_t)(head + size),
                                                .link_type = PIECES_RAW,
                                                .frame_number = 1,
                                                .interface = &interface};
    pf_packet_decode(&wrapped->packet, PF_DEPTH_APPLICATION);
}

static inline void same_field(const struct pf_field *field, const struct pf_packet *one, const struct pf_packet *other)
{
    static char rooms[2][PF_WRITER_ROOM];
    one = pf_field_packet(field, one);
    other = pf_field_packet(field, other);
    if (field->write != NULL) {
        struct pf_writer a = {.octets = rooms[0], .room = PF_WRITER_ROOM},
                         b = {.octets = rooms[1], .room = PF_WRITER_ROOM};
        bool has = field->write(field, one, &a);
        must_hold(has == field->write(field, other, &b) && a.length == b.length);
        must_hold(!has || memcmp(rooms[0], rooms[1], a.length) == 0);
        return;
    }
    struct pf_value a = {{0, 0}, 0}, b = {{0, 0}, 0};
    bool has = field->get(field, one, &a);
    must_hold(has == field->get(field, other, &b));
    if (has && field->kind.type == PF_BINARY)
        must_hold(a.size == b.size && memcmp(pf_value_at(&a), pf_value_at(&b), a.size) == 0);
    else if (has)
        must_hold(pf_value_equal(&a, &b));
}

static inline void same_fields(const char *group, const struct pf_packet *one, const struct pf_packet *other)
{
    bool found = false;
    for (size_t i = 0; i < pf_group_count; i++) {
        for (size_t j = 0; strcmp(pf_groups[i]->name, group) == 0 && j < pf_groups[i]->count; j++, found = true)
            same_field(&pf_groups[i]->fields[j], one, other);
    }
    must_hold(found);
}

/* Hands a SYN and then the octets over in two to MOST_SEGMENTS pieces in any order, and looks at the fields of the
 * group where they are whole: those of `whole`. NULL: the octets are no message, but one may begin in the midst. */
static inline void in_pieces(const char *group, uint8_t needs, const uint16_t ports[2], const uint8_t *octets,
                             size_t size, const struct pf_packet *whole, uint64_t state)
{
    struct wrapped pieces[1 + MOST_SEGMENTS];
    struct pf_packet *packets[1 + MOST_SEGMENTS];
    struct pf_stage stage;
    struct pf_stage_chunk chunk;
    struct pf_error error;
    size_t most = size < MOST_SEGMENTS ? size : MOST_SEGMENTS, count = 2 + draw_below(&state, most - 1), told = 0;
    uint32_t seq = (uint32_t)draw(&state);
    wrap(&pieces[0], true, ports, seq, PF_SYN, NULL, 0);
    for (size_t i = 0, at = 0; i < count; i++) {
        size_t left = size - at, later = count - 1 - i, part = later == 0 ? left : 1 + draw_below(&state, left - later);
        wrap(&pieces[1 + i], true, ports, seq + 1 + (uint32_t)at, PF_ACK, octets + at, part);
        at += part;
    }
    for (size_t i = 0; i <= count; i++)
        packets[i] = &pieces[i].packet;
    for (size_t i = count; i > 1; i--) {
        size_t other = 1 + draw_below(&state, i);
        struct pf_packet *swapped = packets[i];
        packets[i] = packets[other];
        packets[other] = swapped;
    }
    memset(&chunk, 0, sizeof chunk);
    pf_stage_init(&stage, needs);
    must_hold(pf_stage_gather(&stage, &chunk, packets, 1 + count, 0, &error) == PF_OK);
    must_hold(pf_stage_sequence(&stage, &chunk, &error) == PF_OK);
    must_hold(pf_stage_stamp(&chunk, packets, 1 + count, 0, &error) == PF_OK);
    for (size_t i = 0; i <= count; i++) {
        if (packets[i]->message == NULL || whole == NULL)
            continue;
        must_hold(i == count && told++ == 0); /* the last that came completes it */
        same_fields(group, whole, packets[i]);
    }
    must_hold(told == (whole != NULL));
    pf_stage_chunk_clear(&chunk);
    pf_stage_clear(&stage);
    for (size_t i = 0; i <= count; i++)
        free(pieces[i].octets);
}

#endif
