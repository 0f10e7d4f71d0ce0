/* The sink behind detect: bounds, threads, refused allocations, packets cut at every length. */
#define _DEFAULT_SOURCE 1 /* MAP_ANONYMOUS */
#include "build.h"
#include "detect/sink.h"
#include "guard.h"
#include "pass/pass.h"
#include "refuse.h"

static void put_tcp(struct built *packet, uint32_t source, uint32_t target, uint16_t port, uint8_t flags)
{
    put_be(packet, 0x45000000 | 40, 4);
    put_be(packet, 0, 4);
    put_be(packet, 0x40060000, 4);
    put_be(packet, source, 4);
    put_be(packet, target, 4);
    put_be(packet, (uint32_t)(40000u << 16 | port), 4);
    put_be(packet, 0, 4);
    put_be(packet, 0, 4);
    put_be(packet, 0x50000000 | (uint32_t)flags << 16 | 100, 4);
    put_be(packet, 0, 4);
}

enum { PACKETS = 3000, SOURCES = 40, PORTS = 30 };

static void build(struct built *built, const struct form *form)
{
    put_header(built, form, 4, 101);
    for (unsigned i = 0; i < PACKETS; i++) {
        struct built packet = {NULL, 0, 0};
        put_tcp(&packet, 0x0a000000 + i % SOURCES, 0xc0000201, (uint16_t)(i % PORTS), 2);
        put_record_header(built, form, 1000 + i / 100, 0, (uint32_t)packet.size, (uint32_t)packet.size);
        put(built, packet.octets, packet.size);
        built_clear(&packet);
    }
}

struct question {
    const struct built *built;
    struct pf_detect_options options;
    unsigned threads;
    size_t rows[PF_DETECT_TABLES];
    uint64_t left_out, closed_early;
};

static enum pf_status run_pass(struct question *question, struct pf_detect_sink *sink, struct pf_error *error)
{
    struct pf_source *source;
    struct pf_input input, *inputs = &input;
    struct pf_sink *sinks[] = {&sink->sink};
    struct pf_pass pass = {.inputs = &inputs,
                           .input_count = 1,
                           .sinks = sinks,
                           .sink_count = 1,
                           .threads = question->threads,
                           .chunk = 4096};
    PF_TRY(pf_source_memory("x", question->built->octets, question->built->size, &source, error));
    PF_TRY(pf_input_open(&input, source, NULL, error));
    enum pf_status status = pf_pass_run(&pass, error);
    pf_pass_clear(&pass);
    pf_input_close(&input);
    return status;
}

static enum pf_status ask(void *context, struct pf_error *error)
{
    struct question *question = context;
    struct pf_frame tables[PF_DETECT_TABLES], *frames[PF_DETECT_TABLES];
    struct pf_detect_sink sink;
    memset(tables, 0, sizeof tables);
    for (unsigned i = 0; i < PF_DETECT_TABLES; i++)
        frames[i] = &tables[i];
    enum pf_status status = pf_detect_sink_init(&sink, &question->options, frames, error);
    if (status == PF_OK)
        status = run_pass(question, &sink, error);
    for (unsigned i = 0; i < PF_DETECT_TABLES; i++)
        question->rows[i] = tables[i].rows;
    question->left_out = sink.rows_left_out;
    question->closed_early = sink.closed_early;
    pf_detect_sink_clear(&sink);
    for (unsigned i = 0; i < PF_DETECT_TABLES; i++)
        pf_frame_clear(&tables[i]);
    return status;
}

static void test_rows_and_bounds(const struct built *built)
{
    struct pf_error error = {.status = PF_OK};
    size_t talks = 0;
    for (unsigned threads = 1; threads <= 4; threads++) {
        struct question question = {.built = built, .threads = threads};
        CHECK_OK(ask(&question, &error));
        CHECK_EQ(question.rows[PF_DETECT_TALKS], 120); /* the least common multiple of sources and ports */
        CHECK_EQ(question.rows[PF_DETECT_SECONDS], 0); /* four packets to a port in a second at most */
        question.options = (struct pf_detect_options){.most_talks = 50, .most_rows = 70};
        CHECK_OK(ask(&question, &error));
        CHECK_EQ(question.rows[PF_DETECT_TALKS], 70);
        CHECK(question.closed_early > 0 && question.left_out > 0);
        talks = threads == 1 ? question.closed_early : talks;
        CHECK_EQ(question.closed_early, talks);
    }
}

static void test_refused(const struct built *built)
{
    struct question question = {.built = built, .threads = 1};
    CHECK(refuse_each(ask, &question) > 20);
    question.options = (struct pf_detect_options){.window = 1000000000, .most_talks = 50};
    CHECK(refuse_each(ask, &question) > 20);
}

/* Octets end where the guard page begins: whoever reads on does not come back. */
static void test_every_length(void)
{
    static const uint8_t quoted[] = {3, 3, 0, 0, 0, 0, 0, 0};
    struct built packet = {NULL, 0, 0};
    struct guard guard;
    struct pf_detect_event events[PF_EVENTS_OF_PACKET];
    put_be(&packet, 0x45000000 | 68, 4);
    put_be(&packet, 0, 4);
    put_be(&packet, 0x40010000, 4);
    put_be(&packet, 1, 4);
    put_be(&packet, 2, 4);
    put(&packet, quoted, sizeof quoted);
    put_tcp(&packet, 2, 1, 80, 2);
    guard_init(&guard, packet.size);
    for (unsigned kind = 0; kind < 256; kind++) {
        packet.octets[20] = (uint8_t)kind;
        for (size_t size = 0; size <= packet.size; size++) {
            struct pf_packet decoded;
            memset(&decoded, 0, sizeof decoded);
            decoded.record = (struct pf_record){.octets = guard_behind(&guard, packet.octets, size),
                                                .cap_len = (uint32_t)size,
                                                .len = (uint32_t)packet.size,
                                                .link_type = 101,
                                                .timed = true};
            pf_packet_decode(&decoded, PF_DEPTH_TRANSPORT);
            CHECK(pf_detect_events(&decoded, events) <= PF_EVENTS_OF_PACKET);
        }
    }
    guard_clear(&guard);
    built_clear(&packet);
}

static void test_book(void)
{
    struct pf_error error = {.status = PF_OK};
    struct pf_book book;
    pf_book_init(&book, sizeof(struct pf_book_entry), 1000);
    for (unsigned round = 0; round < 3; round++) {
        unsigned many = round == 1 ? 3 : 1000;
        for (unsigned i = 0; i < many; i++) {
            uint8_t key[PF_BOOK_KEY] = {(uint8_t)i, (uint8_t)(i >> 8)};
            uint64_t hash = i % 7; /* all in a few runs */
            void *entry;
            CHECK(pf_book_find(&book, hash, key) == NULL);
            CHECK_OK(pf_book_add(&book, hash, key, &entry, &error));
            CHECK(pf_book_find(&book, hash, key) == entry);
            CHECK_EQ(pf_book_number(&book, entry), i);
        }
        CHECK(pf_book_full(&book) == (many == 1000));
        pf_book_empty(&book);
    }
    pf_book_clear(&book);
}

int main(void)
{
    static const struct form form = {0xa1b23c4d, true};
    struct built built = {NULL, 0, 0};
    build(&built, &form);
    test_book();
    test_every_length();
    test_rows_and_bounds(&built);
    test_refused(&built);
    built_clear(&built);
    return checks_done();
}
