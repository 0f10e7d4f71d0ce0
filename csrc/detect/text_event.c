#include "detect/text_event.h"

#include "base/alloc.h"
#include "field/field.h"

#include <string.h>

enum { ALIGNMENT = 8 };

static bool address_of(const uint8_t *octets, unsigned version, struct pf_value *address)
{
    if (octets == NULL)
        return false;
    *address = pf_value_octets(octets, version == 4 ? 4 : 16);
    return true;
}

bool pf_text_event_of(const struct pf_packet *packet, enum pf_text_kind kind, enum pf_protocol transport,
                      struct pf_text_event *event)
{
    memset(event, 0, sizeof *event);
    event->kind = (uint8_t)kind;
    event->timed = packet->record.timed;
    event->time = packet->record.timed ? packet->record.time : 0;
    event->frame = packet->record.frame_number;
    const uint8_t *ports = pf_layer_octets(packet, packet->first[transport], 0, 4);
    if (ports != NULL) {
        event->source_port = pf_be16(ports);
        event->target_port = pf_be16(ports + 2);
    }
    return address_of(pf_packet_ip_src(packet), packet->ip_version, &event->source) &&
           address_of(pf_packet_ip_dst(packet), packet->ip_version, &event->target);
}

void pf_text_event_turn(struct pf_text_event *event)
{
    struct pf_value address = event->source;
    uint16_t port = event->source_port;
    event->source = event->target;
    event->target = address;
    event->source_port = event->target_port;
    event->target_port = port;
}

enum pf_status pf_text_piece_put(struct pf_text_piece *piece, struct pf_text_event *event, const void *first,
                                 const void *second, struct pf_error *error)
{
    size_t size = sizeof *event + event->length[0] + event->length[1];
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    PF_TRY(pf_grow((void **)&piece->octets, &piece->capacity, piece->size + size, 1, error));
    uint8_t *to = piece->octets + piece->size;
    event->size = (uint32_t)size;
    memcpy(to, event, sizeof *event);
    if (event->length[0] != 0)
        memcpy(to + sizeof *event, first, event->length[0]);
    if (event->length[1] != 0)
        memcpy(to + sizeof *event + event->length[0], second, event->length[1]);
    piece->size += size;
    return PF_OK;
}

void pf_text_piece_free(struct pf_text_piece *piece)
{
    if (piece != NULL)
        pf_free(piece->octets);
    pf_free(piece);
}

size_t pf_text_clip(const char *text, size_t length, size_t most)
{
    if (length <= most)
        return length;
    size_t kept = most;
    while (kept > 0 && ((uint8_t)text[kept] & 0xc0) == 0x80) /* UTF-8: an octet that goes on */
        kept--;
    for (size_t back = 1; back <= 3 && back <= kept; back++) {
        if (text[kept - back] == '\\')
            return kept - back;
    }
    return kept;
}
