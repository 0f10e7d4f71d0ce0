/* Any octets as a sequence of packets, put through the sinks of the detectors: by one thread in one piece and by
 * several in small chunks; and in two halves, whose events are saved, and replayed one after the other. All must give
 * the same tables and counters, and the same events whatever the threads.
 *
 *   | window | most | half | packet ...                packet: | kind | step, times | who | flags | size | octets ... |
 *
 * `who` is two of few hosts and ports, so that they talk again and again; a packet may come up to 32 times. */
#include "build.h"
#include "capture/input.h"
#include "detect/sink.h"
#include "detect/text.h"
#include "detect/text_save.h"
#include "frames.h"
#include "pass/pass.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size);

/* --- a capture: pcapng, so that it may have packets of three link types ------------------------------------------- */

enum kind { TCP, UDP, UNREACHABLE, ARP, NEIGHBOUR, ETHERNET, WLAN, IP, KINDS };
enum { ETHERNET_LINK = 1, IP_LINK = 101, WLAN_LINK = 105, MOST_PACKETS = 600 };
enum { SECTION = 28, DESCRIPTION = 32, PACKET = 32 }; /* octets of blocks, of the last without the packet's */

struct spec {
    uint8_t kind, step, times, who, flags, size;
    const uint8_t *octets;
};

struct capture {
    struct built built;
    size_t starts[MOST_PACKETS + 1]; /* of the packets' blocks */
    size_t count;
    int64_t time;         /* us */
    struct built carried; /* the last IP packet, for errors about it */
};

static void put_description(struct built *built, uint16_t link_type)
{
    put_number(built, 1, 4, false);
    put_number(built, DESCRIPTION, 4, false);
    put_number(built, link_type, 4, false);
    put_number(built, 0, 4, false);
    put_number(built, 9 | 1 << 16, 4, false); /* if_tsresol: 10^-6 s */
    put_number(built, 6, 4, false);
    put_number(built, 0, 4, false);
    put_number(built, DESCRIPTION, 4, false);
}

static void put_beginning(struct built *built)
{
    put_number(built, 0x0a0d0d0a, 4, false);
    put_number(built, SECTION, 4, false);
    put_number(built, 0x1a2b3c4d, 4, false);
    put_number(built, 1, 4, false);
    put_number(built, UINT64_MAX, 8, false);
    put_number(built, SECTION, 4, false);
    put_description(built, ETHERNET_LINK);
    put_description(built, IP_LINK);
    put_description(built, WLAN_LINK);
}

static void put_block(struct capture *capture, unsigned interface, const struct built *packet)
{
    struct built *built = &capture->built;
    size_t padding = (4 - packet->size % 4) % 4, size = PACKET + packet->size + padding;
    capture->starts[capture->count++] = built->size;
    put_number(built, 6, 4, false);
    put_number(built, size, 4, false);
    put_number(built, interface, 4, false);
    put_number(built, (uint64_t)capture->time >> 32, 4, false);
    put_number(built, (uint64_t)capture->time & UINT32_MAX, 4, false);
    put_number(built, packet->size, 4, false);
    put_number(built, packet->size, 4, false);
    put(built, packet->octets, packet->size);
    put_number(built, 0, (unsigned)padding, false);
    put_number(built, size, 4, false);
}

/* --- packets ------------------------------------------------------------------------------------------------------ */

static void put_ipv4(struct built *packet, const struct spec *spec, uint8_t protocol, size_t size)
{
    unsigned from = spec->who & 3, to = spec->who >> 2 & 3;
    put_be(packet, 0x45000000 | (20 + size), 4);
    put_be(packet, 0, 4);
    put_be(packet, 0x40000000 | (uint32_t)protocol << 16, 4);
    put_be(packet, 0x0a000001 + from, 4);
    put_be(packet, 0x0a000001 + to, 4);
}

static void put_ports(struct built *packet, const struct spec *spec)
{
    static const uint16_t ports[] = {40000, 53, 80, 21, 22, 443, 25, 23};
    bool to_service = (spec->who & 16) != 0;
    put_be(packet, ports[to_service ? 0 : spec->who >> 5], 2);
    put_be(packet, ports[to_service ? spec->who >> 5 : 0], 2);
}

static void put_ip(struct capture *capture, const struct spec *spec, struct built *packet)
{
    if (spec->kind == TCP) {
        put_ipv4(packet, spec, 6, 20 + spec->size);
        put_ports(packet, spec);
        put_be(packet, 1000 + 300 * (uint64_t)capture->count, 4); /* more than a packet carries: none comes again */
        put_be(packet, 0, 4);
        put_be(packet, 0x50000000 | (uint32_t)spec->flags << 16 | (spec->flags & 0x80 ? 0 : 100), 4);
        put_be(packet, 0, 4);
        put(packet, spec->octets, spec->size);
    } else if (spec->kind == UDP) {
        put_ipv4(packet, spec, 17, 8 + (size_t)spec->size);
        put_ports(packet, spec);
        put_be(packet, (8 + (uint64_t)spec->size) << 16, 4);
        put(packet, spec->octets, spec->size);
    } else if (spec->kind == UNREACHABLE) {
        put_ipv4(packet, spec, 1, 8 + capture->carried.size);
        put_be(packet, 0x03000000 | (uint32_t)spec->flags << 16, 4);
        put_be(packet, 0, 4);
        put(packet, capture->carried.octets, capture->carried.size);
        return;
    } else { /* NEIGHBOUR: an advertisement of what stands in the octets (RFC 4861 4.4) */
        put_be(packet, 0x60000000, 4);
        put_be(packet, (24 + (uint64_t)spec->size) << 16 | 58 << 8 | 255, 4);
        put_be(packet, 0xfe80000000000000, 8);
        put_be(packet, spec->who, 8);
        put_be(packet, 0xff02000000000000, 8);
        put_be(packet, 1, 8);
        put_be(packet, 0x88000000, 4);
        put_be(packet, (uint64_t)spec->flags << 24, 4);
        put_be(packet, 0xfe80000000000000, 8);
        put_be(packet, spec->who & 3, 8);
        put(packet, spec->octets, spec->size);
    }
    capture->carried.size = 0;
    put(&capture->carried, packet->octets, packet->size < 60 ? packet->size : 60);
}

static void put_ethernet(struct built *packet, const struct spec *spec, uint16_t type)
{
    put_be(packet, 0x020000000000 + (spec->who >> 2 & 3), 6);
    put_be(packet, 0x020000000000 + (spec->who & 3), 6);
    put_be(packet, type, 2);
}

static void put_arp(struct built *packet, const struct spec *spec)
{
    put_ethernet(packet, spec, 0x0806);
    put_be(packet, 0x0001080006040000 | (1 + (spec->flags & 1)), 8);
    put_be(packet, 0x020000000000 + (spec->who & 3), 6);
    put_be(packet, 0x0a000001 + (spec->who >> 4 & 3), 4);
    put_be(packet, 0x020000000000 + (spec->who >> 2 & 3), 6);
    put_be(packet, 0x0a000001 + (spec->who >> 6), 4);
}

static void put_packet(struct capture *capture, const struct spec *spec)
{
    static const int64_t steps[] = {0, 1000, 90000, 400000, 1100000, 6000000, 100000000, -2000000};
    struct built packet = {NULL, 0, 0};
    unsigned interface = spec->kind == WLAN ? 2 : spec->kind == ARP || spec->kind == ETHERNET ? 0 : 1;
    if (spec->kind == ARP)
        put_arp(&packet, spec);
    else if (spec->kind == ETHERNET || spec->kind == WLAN || spec->kind == IP)
        put(&packet, spec->octets, spec->size);
    else
        put_ip(capture, spec, &packet);
    if (packet.size == 0)
        put_be(&packet, 0, 1);
    for (unsigned i = 0; i <= spec->times && capture->count < MOST_PACKETS; i++) {
        capture->time += steps[spec->step];
        put_block(capture, interface, &packet);
    }
    built_clear(&packet);
}

static void put_all(struct capture *capture, const uint8_t *octets, size_t size)
{
    enum { SPEC = 5 };
    capture->time = INT64_C(1499170000000000);
    put_beginning(&capture->built);
    while (size >= SPEC) {
        struct spec spec = {.kind = octets[0] % KINDS,
                            .step = octets[1] & 7,
                            .times = octets[1] >> 3,
                            .who = octets[2],
                            .flags = octets[3],
                            .size = octets[4] < size - SPEC ? octets[4] : (uint8_t)(size - SPEC),
                            .octets = octets + SPEC};
        put_packet(capture, &spec);
        octets += SPEC + spec.size;
        size -= SPEC + spec.size;
    }
    capture->starts[capture->count] = capture->built.size;
}

/* --- passes ------------------------------------------------------------------------------------------------------- */

struct saves {
    struct pf_detect_save traffic;
    struct pf_text_save text;
};

struct answer {
    struct pf_detect_sink traffic;
    struct pf_text_sink text;
    struct pf_frame frames[PF_DETECT_TABLES], texts[PF_TEXT_TABLES];
};

static void begin(struct answer *answer, const struct pf_detect_options *options)
{
    struct pf_error error;
    struct pf_frame *given[PF_DETECT_TABLES];
    memset(answer, 0, sizeof *answer);
    for (unsigned i = 0; i < PF_DETECT_TABLES; i++)
        given[i] = &answer->frames[i];
    must_hold(pf_detect_sink_init(&answer->traffic, options, given, &error) == PF_OK);
    must_hold(pf_text_sink_init(&answer->text, answer->texts, &error) == PF_OK);
}

static void end(struct answer *answer)
{
    pf_detect_sink_clear(&answer->traffic);
    pf_text_sink_clear(&answer->text);
    for (unsigned i = 0; i < PF_DETECT_TABLES; i++)
        pf_frame_clear(&answer->frames[i]);
    for (unsigned i = 0; i < PF_TEXT_TABLES; i++)
        pf_frame_clear(&answer->texts[i]);
}

static void run(struct answer *answer, const struct built *built, unsigned threads, size_t chunk)
{
    struct pf_error error;
    struct pf_source *source;
    struct pf_input input, *inputs = &input;
    struct pf_sink *sinks[] = {&answer->traffic.sink, &answer->text.sink};
    struct pf_pass pass = {
        .inputs = &inputs, .input_count = 1, .sinks = sinks, .sink_count = 2, .threads = threads, .chunk = chunk};
    must_hold(pf_source_memory("input", built->octets, built->size, &source, &error) == PF_OK);
    must_hold(pf_input_open(&input, source, NULL, &error) == PF_OK);
    must_hold(pf_pass_run(&pass, &error) == PF_OK);
    must_hold(pass.fault_count == 0);
    pf_pass_clear(&pass);
    pf_input_close(&input);
}

static void save(struct saves *saves, const struct pf_detect_options *options, const struct built *built,
                 unsigned threads, size_t chunk)
{
    struct pf_error error;
    struct answer answer;
    begin(&answer, options);
    must_hold(pf_detect_save_init(&saves->traffic, &error) == PF_OK);
    must_hold(pf_text_save_init(&saves->text, &error) == PF_OK);
    answer.traffic.save = &saves->traffic;
    answer.text.save = &saves->text;
    run(&answer, built, threads, chunk);
    end(&answer);
}

static void saves_clear(struct saves *saves)
{
    pf_detect_save_clear(&saves->traffic);
    pf_text_save_clear(&saves->text);
}

static void replay(struct answer *answer, const struct saves *saves, uint64_t before)
{
    struct pf_error error;
    const struct pf_saved *traffic = &saves->traffic.saved, *text = &saves->text.saved;
    must_hold(pf_detect_replay(&answer->traffic, traffic->octets, traffic->size, &error) == PF_OK);
    must_hold(pf_text_replay(&answer->text, text->octets, text->size, before, &error) == PF_OK);
}

static void same_answers(const struct answer *one, const struct answer *other)
{
    for (unsigned i = 0; i < PF_DETECT_TABLES; i++)
        same_frames(&one->frames[i], &other->frames[i]);
    for (unsigned i = 0; i < PF_TEXT_TABLES; i++)
        same_frames(&one->texts[i], &other->texts[i]);
    must_hold(one->traffic.rows_left_out == other->traffic.rows_left_out &&
              one->traffic.closed_early == other->traffic.closed_early &&
              one->traffic.targets_left_out == other->traffic.targets_left_out);
}

static void same_saved(const struct pf_saved *one, const struct pf_saved *other)
{
    must_hold(one->size == other->size && memcmp(one->octets, other->octets, one->size) == 0);
}

/* --- the two halves ----------------------------------------------------------------------------------------------- */

static void put_half(const struct capture *capture, size_t first, size_t last, struct built *half)
{
    size_t start = capture->starts[first];
    put(half, capture->built.octets, capture->starts[0]);
    put(half, capture->built.octets + start, capture->starts[last] - start);
}

static void compare_halves(const struct capture *capture, size_t middle, const struct pf_detect_options *options,
                           const struct answer *whole)
{
    const size_t ends[] = {0, middle, capture->count};
    struct pf_error error;
    struct answer answer;
    begin(&answer, options);
    for (unsigned i = 0; i < 2; i++) {
        struct built half = {NULL, 0, 0};
        struct saves plain, other;
        put_half(capture, ends[i], ends[i + 1], &half);
        save(&plain, options, &half, 1, 0);
        save(&other, options, &half, 2, 40 + half.size / 9);
        same_saved(&plain.traffic.saved, &other.traffic.saved);
        same_saved(&plain.text.saved, &other.text.saved);
        replay(&answer, &plain, ends[i]);
        saves_clear(&plain);
        saves_clear(&other);
        built_clear(&half);
    }
    must_hold(answer.traffic.sink.ops->finish(&answer.traffic.sink, &error) == PF_OK);
    must_hold(answer.text.sink.ops->finish(&answer.text.sink, &error) == PF_OK);
    same_answers(whole, &answer);
    end(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size)
{
    enum { HEAD = 3 };
    static const int64_t windows[] = {0, 1000000000, 300000000, 60000000000};
    static const size_t most[] = {0, 2, 5, 40};
    struct capture capture = {.count = 0};
    struct answer plain, other;
    if (size < HEAD)
        return 0;
    put_all(&capture, octets + HEAD, size - HEAD);
    struct pf_detect_options options = {
        .window = windows[octets[0] & 3], .most_talks = most[octets[1] & 3], .most_rows = most[octets[1] >> 2 & 3]};
    begin(&plain, &options);
    begin(&other, &options);
    run(&plain, &capture.built, 1, 0);
    run(&other, &capture.built, 3, 40 + capture.built.size / 17);
    same_answers(&plain, &other);
    for (unsigned i = 0; i < PF_DETECT_TABLES; i++)
        sound_frame(&plain.frames[i]);
    for (unsigned i = 0; i < PF_TEXT_TABLES; i++)
        sound_frame(&plain.texts[i]);
    compare_halves(&capture, capture.count * octets[2] / 256, &options, &plain);
    end(&plain);
    end(&other);
    built_clear(&capture.built);
    built_clear(&capture.carried);
    return 0;
}
