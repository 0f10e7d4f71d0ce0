/* Captures of what two hosts say to each other, over UDP with port 53 and TCP with any other. */
#ifndef PF_TESTS_TALK_H
#define PF_TESTS_TALK_H

#include "build.h"
#include "capture/input.h"
#include "detect/text.h"
#include "pass/pass.h"

static const struct form talk_form = {0xa1b23c4d, true};
enum { TALK_LINK = 101, MOST_SAID = 2000 }; /* raw IP */

static inline void put_said(struct built *built, unsigned second, bool from_client, unsigned client, uint16_t port,
                            const void *said, size_t size)
{
    struct built packet = {NULL, 0, 0};
    uint32_t here = 0x0a000001 + client, there = 0xc0000201;
    uint32_t ports = from_client ? 40000u << 16 | port : (uint32_t)port << 16 | 40000u;
    bool udp = port == 53;
    put_be(&packet, 0x45000000u | (20 + (udp ? 8 : 20) + size), 4);
    put_be(&packet, 0, 4);
    put_be(&packet, udp ? 0x40110000 : 0x40060000, 4);
    put_be(&packet, from_client ? here : there, 4);
    put_be(&packet, from_client ? there : here, 4);
    put_be(&packet, ports, 4);
    if (udp) {
        put_be(&packet, (8 + size) << 16, 4);
    } else {
        put_be(&packet, 1000u + second * MOST_SAID, 4); /* sequence numbers go on */
        put_be(&packet, 0, 4);
        put_be(&packet, 0x50100000, 4);
        put_be(&packet, 0, 4);
    }
    put(&packet, said, size);
    put_record_header(built, &talk_form, second, 0, (uint32_t)packet.size, (uint32_t)packet.size);
    put(built, packet.octets, packet.size);
    built_clear(&packet);
}

/* The tables of a capture in memory; the frames are to be cleared also after a failure. */
static inline enum pf_status text_tables(const uint8_t *octets, size_t size, unsigned threads, size_t chunk,
                                         struct pf_frame frames[PF_TEXT_TABLES], struct pf_error *error)
{
    struct pf_source *source;
    struct pf_input input, *inputs = &input;
    struct pf_text_sink sink;
    struct pf_sink *sinks[] = {&sink.sink};
    struct pf_pass pass = {
        .inputs = &inputs, .input_count = 1, .sinks = sinks, .sink_count = 1, .threads = threads, .chunk = chunk};
    memset(frames, 0, PF_TEXT_TABLES * sizeof *frames);
    PF_TRY(pf_source_memory("x", octets, size, &source, error));
    enum pf_status status = pf_input_open(&input, source, NULL, error);
    if (status == PF_OK) {
        status = pf_text_sink_init(&sink, frames, error);
        if (status == PF_OK)
            status = pf_pass_run(&pass, error);
        pf_text_sink_clear(&sink);
        pf_pass_clear(&pass);
    }
    pf_input_close(&input);
    return status;
}

static inline void frames_clear(struct pf_frame frames[PF_TEXT_TABLES])
{
    for (unsigned i = 0; i < PF_TEXT_TABLES; i++)
        pf_frame_clear(&frames[i]);
}

#endif
