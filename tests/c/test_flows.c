#define _DEFAULT_SOURCE
#include "base/hash.h"
#include "build.h"
#include "capture/input.h"
#include "flow/sink.h"
#include "guard.h"
#include "pass/pass.h"
#include "refuse.h"

/* Flows from the octets up: what is taken of a packet at every length, the tables, the limits, and whole passes by
 * several threads and with memory refused. */

enum { SYN = 0x02, ACK = 0x10, FIN = 0x11, RST = 0x04, PSH = 0x18, EVERY = 0x3f };

static const struct pf_flow_options plain = {
    .ipv6 = true,
    .protocols = EVERY,
    .flow_timeout = 120000000,
    .activity_timeout = 5000000,
    .min_packets = 1,
    .max_flows = 1000000,
};
static const struct pf_flow_options old = {
    .cic = true,
    .count_padding = true,
    .last_tcp_header = true,
    .ghost_flows = true,
    .protocols = EVERY,
    .flow_timeout = 120000000,
    .activity_timeout = 5000000,
    .min_packets = 2,
    .max_flows = 1000000,
};

/* ------------------------------------------------------------------------------------------------------- captures */

/* An IPv4 packet on Ethernet: TCP where it has flags, else UDP; `payload` octets. */
static void put_packet(struct built *built, uint32_t from, uint32_t to, unsigned sport, unsigned dport, unsigned flags,
                       unsigned seq, unsigned payload)
{
    unsigned header = flags != 0 ? 20 : 8;
    put_be(built, 0x020000000001, 6);
    put_be(built, 0x020000000002, 6);
    put_be(built, 0x0800, 2);
    put_be(built, 0x4500, 2);
    put_be(built, 20 + header + payload, 2);
    put_be(built, 0, 4);
    put_be(built, flags != 0 ? 0x4006 : 0x4011, 2);
    put_be(built, 0, 2);
    put_be(built, from, 4);
    put_be(built, to, 4);
    put_be(built, sport, 2);
    put_be(built, dport, 2);
    if (flags != 0) {
        put_be(built, seq, 4);
        put_be(built, 0, 4);
        put_be(built, 0x5000 | flags, 2);
        put_be(built, 8192, 2);
        put_be(built, 0, 4);
    } else {
        put_be(built, 8 + payload, 2);
        put_be(built, 0, 2);
    }
    put_filler(built, payload);
}

static void put_record(struct built *built, uint64_t us, const struct built *packet)
{
    static const struct form form = {0xa1b2c3d4, true};
    put_record_header(built, &form, (uint32_t)(us / 1000000), (uint32_t)(us % 1000000), (uint32_t)packet->size,
                      (uint32_t)packet->size);
    put(built, packet->octets, packet->size);
}

/* Connections that open, send again, close, time out and come again; every draw from `state`. */
static void put_traffic(struct built *built, unsigned packets, uint64_t state)
{
    static const unsigned flags[] = {SYN, SYN | ACK, ACK, PSH, PSH, PSH, FIN, RST, 0, 0};
    static const unsigned steps[] = {0, 10, 1000, 1000001, 5000001, 60000000, 125000000};
    static const struct form form = {0xa1b2c3d4, true};
    uint64_t us = 1499170000000000;
    put_header(built, &form, 4, 1);
    for (unsigned i = 0; i < packets; i++) {
        struct built packet = {NULL, 0, 0};
        bool back = draw_below(&state, 2) != 0;
        uint32_t a = 0x0a000001 + (uint32_t)draw_below(&state, 5), b = 0x0a000064;
        us += steps[draw_below(&state, draw_below(&state, 8) == 0 ? 7 : 4)];
        put_packet(&packet, back ? b : a, back ? a : b, back ? 80 : 5000, back ? 5000 : 80,
                   flags[draw_below(&state, 10)], (unsigned)draw_below(&state, 4),
                   (unsigned)draw_below(&state, 3) * 50);
        put_record(built, us, &packet);
        built_clear(&packet);
    }
}

/* ---------------------------------------------------------------------------------------------------- whole passes */

struct question {
    const struct built *built;
    struct pf_flow_options options;
    unsigned threads;
    bool mapped;
    struct pf_frame frame;
    struct pf_flow_map map;
    uint64_t evicted, seen;
};

static enum pf_status ask_input(struct question *question, struct pf_input *input, struct pf_error *error)
{
    struct pf_flow_sink sink;
    struct pf_sink *sinks[] = {&sink.sink};
    struct pf_pass pass = {.inputs = &input,
                           .input_count = 1,
                           .sinks = sinks,
                           .sink_count = 1,
                           .threads = question->threads,
                           .chunk = 500};
    enum pf_status status =
        pf_flow_sink_init(&sink, &question->options, &question->frame, question->mapped ? &question->map : NULL, error);
    if (status == PF_OK)
        status = pf_pass_run(&pass, error);
    question->seen = sink.stage.seen;
    question->evicted = sink.stage.evicted;
    pf_flow_sink_clear(&sink);
    pf_pass_clear(&pass);
    return status;
}

static enum pf_status ask(struct question *question, struct pf_error *error)
{
    struct pf_source *source;
    struct pf_input input;
    memset(&question->frame, 0, sizeof question->frame);
    memset(&question->map, 0, sizeof question->map);
    question->map.all = true;
    PF_TRY(pf_source_memory("x", question->built->octets, question->built->size, &source, error));
    PF_TRY(pf_input_open(&input, source, NULL, error));
    enum pf_status status = ask_input(question, &input, error);
    pf_input_close(&input);
    return status;
}

static void forget(struct question *question)
{
    pf_frame_clear(&question->frame);
    pf_flow_map_clear(&question->map);
}

static enum pf_status ask_and_forget(void *context, struct pf_error *error)
{
    struct question *question = context;
    enum pf_status status = ask(question, error);
    forget(question);
    return status;
}

static void check_same(const struct pf_frame *one, const struct pf_frame *other)
{
    struct pf_error error;
    if (!CHECK_EQ(one->rows, other->rows) || one->rows == 0)
        return;
    for (size_t i = 0; i < one->columns; i++) {
        struct pf_column *a, *b;
        CHECK_OK(pf_frame_column(one, i, &a, &error));
        CHECK_OK(pf_frame_column(other, i, &b, &error));
        size_t values = a->rows * pf_type_size(a->kind.type);
        CHECK(memcmp(a->values, b->values, values) == 0);
        pf_column_drop(a);
        pf_column_drop(b);
    }
}

static void test_threads(const struct pf_flow_options *options, uint32_t max_flows)
{
    struct built built = {NULL, 0, 0};
    struct question one = {.built = &built, .options = *options, .threads = 1}, more;
    struct pf_error error;
    put_traffic(&built, 2000, 7);
    one.options.max_flows = max_flows;
    CHECK_OK(ask(&one, &error));
    CHECK(one.frame.rows > 100);
    for (unsigned threads = 2; threads <= 4; threads++) {
        more = one;
        more.threads = threads;
        CHECK_OK(ask(&more, &error));
        check_same(&one.frame, &more.frame);
        CHECK_EQ(more.evicted, one.evicted);
        forget(&more);
    }
    forget(&one);
    built_clear(&built);
}

static void test_refusal(void)
{
    struct built built = {NULL, 0, 0};
    struct question question = {.built = &built, .options = plain, .threads = 2};
    put_traffic(&built, 120, 3);
    question.options.max_flows = 3;
    CHECK(refuse_each(ask_and_forget, &question) > 50);
    question.options.sort = 1000000;
    question.options.dedup = 1000000;
    CHECK(refuse_each(ask_and_forget, &question) > 50);
    question.options = old;
    question.mapped = true;
    CHECK(refuse_each(ask_and_forget, &question) > 20);
    built_clear(&built);
}

/* ------------------------------------------------------------------------------------------------------ acceptance */

static void test_every_length(void)
{
    static const uint32_t link_types[] = {1, 0, 12, 101, 108, 113, 228, 229, 276, 105};
    struct built packets[3] = {{NULL, 0, 0}, {NULL, 0, 0}, {NULL, 0, 0}};
    struct guard guard;
    struct pf_flow_event event;
    put_packet(&packets[0], 1, 2, 3, 4, PSH, 5, 30);
    put_packet(&packets[1], 1, 2, 3, 4, 0, 0, 30);
    put_packet(&packets[2], 1, 2, 3, 4, 0, 0, 60); /* becomes an ICMP error that quotes UDP */
    packets[2].octets[23] = 1;
    memcpy(packets[2].octets + 34, (uint8_t[]){3, 3, 0, 0, 0, 0, 0, 0, 0x45}, 9);
    packets[2].octets[51] = 17;
    guard_init(&guard, 256);
    for (unsigned i = 0; i < 3; i++) {
        for (size_t size = 0; size <= packets[i].size; size++) {
            for (size_t j = 0; j < sizeof link_types / sizeof link_types[0]; j++) {
                struct pf_record record = {
                    .octets = guard_behind(&guard, packets[i].octets, size),
                    .cap_len = (uint32_t)size,
                    .len = (uint32_t)packets[i].size,
                    .link_type = (uint16_t)link_types[j],
                    .timed = true,
                    .frame_number = 1,
                };
                enum pf_flow_verdict verdict = pf_flow_accept(&plain, &record, &event);
                if (link_types[j] == 105)
                    CHECK_EQ(verdict, PF_FLOW_LINK_TYPE);
                CHECK((j == 0) == (pf_flow_accept(&old, &record, &event) != PF_FLOW_LINK_TYPE));
            }
        }
    }
    guard_clear(&guard);
    for (unsigned i = 0; i < 3; i++)
        built_clear(&packets[i]);
}

/* IPv6 whose extension headers stand before UDP, one of each kind; cut anywhere it is no flow's packet with ports. */
static void test_extensions(void)
{
    static const uint8_t kinds[] = {0, 43, 60, 135, 139, 140, 51, 44};
    struct built packet = {NULL, 0, 0};
    struct pf_flow_event event;
    size_t count = sizeof kinds;
    put_be(&packet, UINT64_C(0x6000000000000000) | (8 * count + 8) << 16 | (uint64_t)kinds[0] << 8 | 64, 8);
    put_filler(&packet, 32);
    for (size_t i = 0; i < count; i++) {
        put_be(&packet, i + 1 < count ? kinds[i + 1] : 17, 1);
        put_be(&packet, 0, 7); /* 8 octets: the lengths' units and what they leave out come to that */
    }
    put_be(&packet, UINT64_C(0x1234567800080000), 8);
    for (size_t size = 0; size <= packet.size; size++) {
        struct pf_record record = {
            .octets = packet.octets, .cap_len = (uint32_t)size, .len = 112, .link_type = 229, .timed = true};
        enum pf_flow_verdict verdict = pf_flow_accept(&plain, &record, &event);
        bool whole = size == packet.size;
        CHECK_EQ(verdict == PF_FLOW_TAKEN && event.key.protocol == 17, whole);
        record.timed = false;
        CHECK_EQ(pf_flow_accept(&plain, &record, &event), PF_FLOW_UNTIMED);
    }
    struct pf_flow_options none = plain;
    none.protocols = 0;
    struct pf_record record = {
        .octets = packet.octets, .cap_len = (uint32_t)packet.size, .len = 112, .link_type = 229, .timed = true};
    CHECK_EQ(pf_flow_accept(&none, &record, &event), PF_FLOW_UNLISTED);
    built_clear(&packet);
}

/* ------------------------------------------------------------------------------------------------------- many rows */

static struct pf_column *column_called(const struct pf_frame *frame, const char *name)
{
    struct pf_column *column = NULL;
    struct pf_error error;
    for (size_t i = 0; i < frame->columns && column == NULL; i++) {
        if (strcmp(frame->kinds[i].name, name) == 0)
            CHECK_OK(pf_frame_column(frame, i, &column, &error));
    }
    return must(column);
}

/* More rows than are sorted in one go, and more packets than copies are looked for among: by start, then by first
 * packet, and none is lost. */
static void test_many_rows(void)
{
    enum { ROWS = 70000 };
    static const struct form form = {0xa1b2c3d4, true};
    struct built built = {NULL, 0, 0};
    struct question question = {.built = &built, .options = plain, .threads = 2};
    struct pf_column *starts, *numbers;
    struct pf_error error;
    uint64_t state = 5;
    put_header(&built, &form, 4, 1);
    for (uint32_t i = 0; i < ROWS; i++) {
        struct built packet = {NULL, 0, 0};
        put_packet(&packet, 0x0a000000 + i, 0x0b000001, 5000, 53, 0, 0, 4);
        put_record(&built, 1499170000000000 + draw_below(&state, 30000), &packet);
        built_clear(&packet);
    }
    question.options.dedup = 1000000;
    CHECK_OK(ask(&question, &error));
    CHECK_EQ(question.frame.rows, ROWS);
    starts = column_called(&question.frame, "flow_start");
    numbers = column_called(&question.frame, "flow_id");
    const int64_t *start = (const void *)starts->values;
    const uint64_t *number = (const void *)numbers->values;
    for (size_t i = 1; i < question.frame.rows; i++)
        CHECK(start[i - 1] < start[i] || (start[i - 1] == start[i] && number[i - 1] < number[i]));
    pf_column_drop(starts);
    pf_column_drop(numbers);
    forget(&question);
    built_clear(&built);
}

/* ---------------------------------------------------------------------------------------------------------- tables */

static void test_index(void)
{
    enum { NUMBERS = 3000 };
    struct pf_index index = {NULL, 0, 0};
    struct pf_error error;
    uint64_t state = 1, hashes[NUMBERS];
    bool in[NUMBERS] = {false};
    for (unsigned i = 0; i < NUMBERS; i++)
        hashes[i] = draw(&state) & 0xffff0000ffffffffu; /* few tags: many meet in one place */
    for (unsigned step = 0; step < 40000; step++) {
        uint32_t number = (uint32_t)draw_below(&state, NUMBERS);
        size_t place = pf_index_home(&index, hashes[number]);
        uint32_t found = pf_index_next(&index, hashes[number], &place);
        while (found != PF_INDEX_NONE && found != number)
            found = pf_index_next(&index, hashes[number], &place);
        CHECK_EQ(found == number, in[number]);
        if (in[number])
            pf_index_remove(&index, hashes[number], number);
        else
            CHECK_OK(pf_index_add(&index, hashes[number], number, &error));
        in[number] = !in[number];
    }
    pf_index_clear(&index);
}

static void test_tombs(void)
{
    struct pf_tombs tombs;
    struct pf_flow_past past = {.last = 5, .connection = -7, .side = true, .closed = true}, got;
    struct pf_error error;
    pf_tombs_init(&tombs, 100);
    for (uint64_t i = 0; i < 250; i++) {
        past.last = (int64_t)i;
        CHECK_OK(pf_tombs_lay(&tombs, i << 32 | 5, &past, &error));
    }
    CHECK_EQ(tombs.count, 100);
    CHECK_EQ(tombs.forgotten, 150);
    CHECK(!pf_tombs_take(&tombs, (uint64_t)149 << 32 | 5, &got));
    for (uint64_t i = 249; i >= 150; i--) {
        CHECK(pf_tombs_take(&tombs, i << 32 | 5, &got));
        CHECK_EQ(got.last, i);
        CHECK(got.connection == -7 && got.side && !got.named_side && got.closed);
    }
    CHECK_EQ(tombs.count, 0);
    pf_tombs_clear(&tombs);
}

static enum pf_status count_ended(void *context, const struct pf_flow *flow, enum pf_flow_reason reason,
                                  struct pf_error *error)
{
    uint64_t *ended = context;
    (void)flow;
    (void)error;
    ended[reason]++;
    return PF_OK;
}

static struct pf_flow_event syn(uint32_t number)
{
    struct pf_flow_event event = {.time = (int64_t)number * 1000, .frame_number = number + 1, .wanted = true};
    memcpy(event.key.address[0], &number, sizeof number);
    event.key.version = 4;
    event.key.protocol = 6;
    event.flags = SYN;
    event.header = 20;
    event.print = number + 1;
    event.hash = pf_hash_octets(pf_secret(), &event.key, sizeof event.key);
    return event;
}

/* As many connections as one likes: flows, tombstones and fingerprints stay within their bounds. */
static void test_flood(void)
{
    enum { FLOWS = 300000, MOST = 1000 };
    struct pf_flow_stage stage;
    struct pf_error error;
    struct pf_flow_options options = plain;
    uint64_t ended[PF_FLOW_EVICTED + 1] = {0};
    options.max_flows = MOST;
    pf_flow_stage_init(&stage, &options);
    stage.ended = count_ended;
    stage.context = ended;
    for (uint32_t i = 0; i < FLOWS; i++) {
        struct pf_flow_event event = syn(i);
        CHECK_OK(pf_flow_stage_take(&stage, &event, &error));
    }
    CHECK_EQ(stage.open, MOST);
    CHECK_EQ(stage.evicted + stage.open, FLOWS);
    CHECK_EQ(stage.seen, FLOWS);
    CHECK_EQ(ended[PF_FLOW_EVICTED], FLOWS - MOST);
    CHECK(stage.pool.used <= MOST + 1);
    CHECK_EQ(stage.tombs.count, MOST);
    CHECK(stage.prints.octets <= (MOST + 1) * 64);
    CHECK_OK(pf_flow_stage_finish(&stage, &error));
    CHECK_EQ(ended[PF_FLOW_END], MOST);
    CHECK_EQ(stage.prints.octets, 0);
    pf_flow_stage_clear(&stage);
}

/* Fingerprints of all flows together have a limit; what is there is still found. */
static void test_print_limit(void)
{
    struct pf_flow_prints prints = {.octets = 0, .limit = 256};
    struct pf_flow flow, other;
    struct pf_error error;
    bool again;
    memset(&flow, 0, sizeof flow);
    memset(&other, 0, sizeof other);
    for (uint64_t i = 1; i <= 100; i++)
        CHECK_OK(pf_flow_print(&prints, &flow, i << 40, &again, &error));
    CHECK_EQ(prints.octets, 256);
    CHECK(flow.inexact);
    CHECK_OK(pf_flow_print(&prints, &flow, (uint64_t)1 << 40, &again, &error));
    CHECK(again);
    CHECK_OK(pf_flow_print(&prints, &other, 1, &again, &error));
    CHECK(other.inexact && !again);
    pf_flow_prints_move(&other, &flow);
    pf_flow_prints_free(&prints, &other);
    CHECK_EQ(prints.octets, 0);
}

/* 2^31 packets in a flow, and times at both ends of what there is. */
static void test_large_numbers(const struct pf_flow_options *options)
{
    uint64_t words[PF_FEATURE_COUNT];
    struct pf_flow flow;
    struct pf_flow_event event = syn(0);
    memset(&flow, 0, sizeof flow);
    pf_flow_count(options, &flow, &event, true, true, false);
    flow.way[0].packets = ((uint64_t)1 << 31) - 1;
    flow.way[0].octets = (uint64_t)1 << 40;
    event.payload = UINT32_MAX;
    event.time = INT64_MAX;
    pf_flow_count(options, &flow, &event, true, false, false);
    event.time = INT64_MIN;
    for (unsigned i = 0; i < 2000; i++) {
        pf_flow_count(options, &flow, &event, i % 2 == 0, false, false);
        event.time = i % 3 == 0 ? INT64_MAX : INT64_MIN;
    }
    pf_flow_values(options, &flow, words);
    CHECK_EQ(words[PF_FEATURE_PACKETS], ((uint64_t)1 << 31) + 2000);
    CHECK_EQ(words[PF_FEATURE_FWD_PACKETS], ((uint64_t)1 << 31) + 1000);
}

int main(void)
{
    struct pf_flow_options fork = plain;
    fork.fork = true;
    test_index();
    test_tombs();
    test_every_length();
    test_extensions();
    test_many_rows();
    test_flood();
    test_print_limit();
    test_large_numbers(&plain);
    test_large_numbers(&old);
    test_large_numbers(&fork);
    test_threads(&plain, 1000000);
    test_threads(&plain, 3);
    test_threads(&old, 2);
    test_threads(&fork, 1000000);
    test_refusal();
    return checks_done();
}
