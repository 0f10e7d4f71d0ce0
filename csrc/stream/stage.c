#include "stream/stage.h"

#include "base/alloc.h"

#include <string.h>

enum { FEW = 256, DNS_PORT = 53 };

void pf_stage_init(struct pf_stage *stage, uint8_t needs)
{
    memset(stage, 0, sizeof *stage);
    stage->needs = needs;
    pf_analysis_init(&stage->analysis);
    pf_messages_init(&stage->messages, (needs & PF_NEED_DNS) != 0, (needs & PF_NEED_TLS) != 0);
}

void pf_stage_clear(struct pf_stage *stage)
{
    pf_analysis_clear(&stage->analysis);
    pf_messages_clear(&stage->messages);
}

static enum pf_status reserve(struct pf_stage_chunk *chunk, size_t more, struct pf_error *error)
{
    if (more <= chunk->capacity - chunk->count)
        return PF_OK;
    size_t need = chunk->count + more,
           capacity = pf_grown(chunk->capacity, need > FEW ? need : FEW, sizeof *chunk->segments);
    struct pf_segment *segments = capacity != 0 ? pf_realloc(chunk->segments, capacity * sizeof *segments) : NULL;
    if (segments == NULL)
        return pf_fail_memory(error);
    chunk->segments = segments;
    uint32_t *places = pf_realloc(chunk->places, capacity * sizeof *places);
    if (places == NULL)
        return pf_fail_memory(error);
    chunk->places = places;
    chunk->capacity = capacity;
    return PF_OK;
}

/* Whether a packet can matter to what is asked: most need not be looked at any closer. */
static bool matters(const struct pf_stage *stage, const struct pf_packet *packet)
{
    const uint8_t *header = pf_layer_octets(packet, packet->first[PF_TCP], 0, 14);
    if (header == NULL)
        return false;
    if ((stage->needs & PF_NEED_TCP) != 0)
        return true;
    bool dns = pf_be16(header) == DNS_PORT || pf_be16(header + 2) == DNS_PORT;
    if ((stage->needs & (dns ? PF_NEED_DNS : PF_NEED_TLS)) == 0)
        return false;
    return packet->tcp_len != 0 || (header[13] & (PF_SYN | PF_RST)) != 0;
}

enum pf_status pf_stage_gather(const struct pf_stage *stage, struct pf_stage_chunk *chunk,
                               struct pf_packet *const *packets, size_t count, size_t place, struct pf_error *error)
{
    PF_TRY(reserve(chunk, count, error));
    for (size_t i = 0; i < count; i++) {
        if (!matters(stage, packets[i]) || !pf_segment_of(packets[i], &chunk->segments[chunk->count]))
            continue;
        chunk->places[chunk->count++] = (uint32_t)(place + i);
    }
    return PF_OK;
}

enum pf_status pf_stage_sequence(struct pf_stage *stage, struct pf_stage_chunk *chunk, struct pf_error *error)
{
    for (size_t i = 0; i < chunk->count; i++) {
        if ((stage->needs & PF_NEED_TCP) != 0)
            PF_TRY(pf_analysis_take(&stage->analysis, &chunk->segments[i], error));
        if ((stage->needs & (PF_NEED_DNS | PF_NEED_TLS)) != 0)
            PF_TRY(pf_messages_take(&stage->messages, &chunk->segments[i], &chunk->spool, error));
    }
    return PF_OK;
}

/* The message as a packet of its own. */
static enum pf_status decode_message(struct pf_stage_chunk *chunk, const struct pf_segment *segment,
                                     struct pf_packet *packet, struct pf_error *error)
{
    struct pf_packet *message = pf_spool_take(&chunk->spool, sizeof *message);
    if (message == NULL)
        return pf_fail_memory(error);
    message->record = packet->record;
    message->record.octets = segment->message;
    message->record.len = message->record.cap_len = PF_MESSAGE_HEADER + segment->message_size;
    pf_packet_decode_tcp(message, PF_DEPTH_APPLICATION);
    message->message = message;
    packet->message = message;
    return PF_OK;
}

enum pf_status pf_stage_stamp(struct pf_stage_chunk *chunk, struct pf_packet *const *packets, size_t count,
                              size_t place, struct pf_error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct pf_packet *packet = packets[i];
        packet->message = NULL;
        packet->tcp = (struct pf_tcp_found){.known = false};
        if (chunk->stamped == chunk->count || chunk->places[chunk->stamped] != place + i)
            continue;
        const struct pf_segment *segment = &chunk->segments[chunk->stamped++];
        packet->tcp = segment->found;
        if (segment->message != NULL)
            PF_TRY(decode_message(chunk, segment, packet, error));
    }
    return PF_OK;
}

void pf_stage_chunk_reset(struct pf_stage_chunk *chunk)
{
    chunk->count = chunk->stamped = 0;
    pf_spool_clear(&chunk->spool);
}

void pf_stage_chunk_clear(struct pf_stage_chunk *chunk)
{
    pf_stage_chunk_reset(chunk);
    pf_free(chunk->segments);
    pf_free(chunk->places);
    memset(chunk, 0, sizeof *chunk);
}
