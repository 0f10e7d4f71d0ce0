/* Any octets as a sequence of segments of a few connections, for both halves of the ordered stage, under limits that
 * are soon met. What is handed over is a whole message, nothing is kept that is not counted, and the same comes of it
 * twice. */
#include "hold.h"
#include "naive.h"
#include "payload/tls.h"
#include "stream/stage.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size);

enum { HEAD = 6, TCP = 20, DNS_PORT = 53 };

/* connection and side | flags | seq | ack | length of payload (2), and that many octets of what is left */
static size_t next_segment(const uint8_t *octets, size_t size, struct pf_segment *segment)
{
    static const uint16_t ports[] = {53, 443, 80, 8443};
    memset(segment, 0, sizeof *segment);
    unsigned which = octets[0] >> 1 & 3;
    segment->ends.version = 4;
    segment->ends.port[1] = ports[which];
    segment->ends.port[0] = (uint16_t)(1000 + (octets[0] >> 3 & 1));
    segment->hash = octets[0] >> 4 & 1; /* all in two chains */
    segment->side = octets[0] & 1;
    segment->flags = octets[1];
    segment->seq = (octets[0] & 0x80 ? UINT32_MAX - 100 : 1000) + octets[2] * (octets[0] & 0x40 ? 64u : 1u);
    segment->ack = 1000 + octets[3];
    size_t length = pf_be16(octets + 4) & 0x0fff, left = size - HEAD;
    segment->length = (uint32_t)length;
    segment->captured = (uint32_t)(length < left ? length : left);
    segment->payload = octets + HEAD;
    segment->window = octets[3];
    segment->timed = true;
    return HEAD + segment->captured;
}

static void check_message(const struct pf_segment *segment)
{
    size_t whole = 0;
    const uint8_t *message = segment->message + TCP;
    bool dns = segment->ends.port[0] == DNS_PORT || segment->ends.port[1] == DNS_PORT;
    if (dns)
        must_hold(segment->message_size >= 14 && 2u + pf_be16(message) == segment->message_size);
    else
        must_hold(pf_tls_extent(message, segment->message_size, &whole) == PF_EXTENT_WHOLE &&
                  whole == segment->message_size);
}

static uint64_t run(const uint8_t *octets, size_t size, uint64_t seed)
{
    struct pf_stage stage;
    struct pf_spool spool = {NULL};
    struct pf_error error;
    uint64_t hash = 0, state = seed;
    int64_t time = 0;
    pf_stage_init(&stage, PF_NEED_TCP | PF_NEED_DNS | PF_NEED_TLS);
    stage.analysis.connections.most = 1 + draw_below(&state, 8);
    stage.analysis.most_sent = draw_below(&state, 64);
    stage.messages.connections.most = 1 + draw_below(&state, 8);
    stage.messages.most_kept = draw_below(&state, 32768);
    while (size >= HEAD) {
        struct pf_segment segment;
        size_t took = next_segment(octets, size, &segment);
        segment.time = time += (int64_t)draw_below(&state, 5000000);
        must_hold(pf_analysis_take(&stage.analysis, &segment, &error) == PF_OK);
        must_hold(pf_messages_take(&stage.messages, &segment, &spool, &error) == PF_OK);
        if (segment.message != NULL)
            check_message(&segment);
        must_hold(stage.messages.connections.count <= stage.messages.connections.most);
        must_hold(stage.messages.kept <= stage.messages.most_kept || stage.messages.connections.count == 1);
        must_hold(stage.analysis.sent <= stage.analysis.most_sent);
        hash = hash * 31 + segment.found.stream * 8u + segment.found.retransmission * 4u +
               segment.found.duplicate_ack * 2u + segment.message_size + (uint64_t)segment.found.ack_rtt;
        octets += took;
        size -= took;
    }
    pf_stage_clear(&stage);
    must_hold(stage.messages.kept == 0 && stage.analysis.sent == 0);
    pf_spool_clear(&spool);
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size)
{
    uint64_t seed = hash_of(octets, size);
    must_hold(run(octets, size, seed) == run(octets, size, seed));
    return 0;
}
