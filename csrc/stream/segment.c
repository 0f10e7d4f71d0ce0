#include "stream/segment.h"

#include "base/hash.h"

#include <string.h>

enum { HEADER = 20 };

/* Source and destination of the IP header that carries a layer. */
static bool addresses(const struct pf_packet *packet, uint8_t layer, const uint8_t **source,
                      const uint8_t **destination, uint32_t *version)
{
    while (layer > 0) {
        layer--;
        uint8_t protocol = packet->layer[layer].protocol;
        if (protocol != PF_IPV4 && protocol != PF_IPV6)
            continue;
        *version = protocol == PF_IPV4 ? 4 : 6;
        *source = protocol == PF_IPV4 ? pf_layer_octets(packet, layer, 12, 4) : pf_layer_octets(packet, layer, 8, 16);
        *destination =
            protocol == PF_IPV4 ? pf_layer_octets(packet, layer, 16, 4) : pf_layer_octets(packet, layer, 24, 16);
        return *source != NULL && *destination != NULL;
    }
    return false;
}

bool pf_segment_of(const struct pf_packet *packet, struct pf_segment *segment)
{
    uint8_t layer = packet->first[PF_TCP];
    const uint8_t *header = pf_layer_octets(packet, layer, 0, HEADER), *source, *destination;
    uint32_t version;
    if (header == NULL || !packet->has_tcp_len || !addresses(packet, layer, &source, &destination, &version))
        return false;
    size_t size = version == 4 ? 4 : 16;
    uint16_t ports[2] = {pf_be16(header), pf_be16(header + 2)};
    int order = memcmp(source, destination, size);
    uint8_t side = order > 0 || (order == 0 && ports[0] > ports[1]);
    memset(segment, 0, sizeof *segment);
    memcpy(segment->ends.address[side], source, size);
    memcpy(segment->ends.address[!side], destination, size);
    segment->ends.port[side] = ports[0];
    segment->ends.port[!side] = ports[1];
    segment->ends.version = version;
    segment->side = side;
    segment->hash = pf_hash_octets(pf_secret(), &segment->ends, sizeof segment->ends);
    segment->time = packet->record.time;
    segment->timed = packet->record.timed;
    segment->seq = pf_be32(header + 4);
    segment->ack = pf_be32(header + 8);
    segment->flags = header[13];
    segment->window = pf_be16(header + 14);
    segment->length = packet->tcp_len;
    uint32_t offset = (header[12] >> 4) * 4u, captured = packet->layer[layer].captured;
    if (offset < captured) {
        segment->payload = header + offset;
        segment->captured = captured - offset < segment->length ? captured - offset : segment->length;
    }
    return true;
}
