/* The ordered stage: limits, what is dropped, disorder, refused memory. What it says of real connections is compared
 * with tshark and the twin (tests/test_stream.py). */
#include "build.h"
#include "capture/input.h"
#include "naive.h"
#include "pass/pass.h"
#include "refuse.h"
#include "stream/stage.h"
#include "table/packets.h"

enum { DNS = 53, TLS = 443 };

/* A segment from side 0 to `port`, of connection number `from`. */
static struct pf_segment segment(unsigned from, uint16_t port, uint8_t flags, uint32_t seq, const uint8_t *payload,
                                 size_t size)
{
    struct pf_segment made = {
        .ends = {.port = {(uint16_t)from, port}, .version = 4},
        .hash = from * 7u,
        .time = 1000000 * (int64_t)(from + 1),
        .seq = seq,
        .flags = flags,
        .length = (uint32_t)size,
        .captured = (uint32_t)size,
        .payload = payload,
        .window = 100,
        .timed = true,
    };
    return made;
}

static bool take(struct pf_messages *messages, struct pf_spool *spool, struct pf_segment *one)
{
    struct pf_error error;
    CHECK_OK(pf_messages_take(messages, one, spool, &error));
    return one->message != NULL;
}

static void fill_dns(uint8_t *message, size_t size)
{
    for (size_t i = 0; i < size; i++)
        message[i] = (uint8_t)(i * 7);
    message[0] = (uint8_t)((size - 2) >> 8);
    message[1] = (uint8_t)(size - 2);
}

/* In pieces of any size, in any order, some twice with other octets: what came first counts. */
static void test_disorder(void)
{
    enum { SIZE = 500 };
    uint8_t message[SIZE], lie[SIZE];
    fill_dns(message, SIZE);
    memset(lie, 0xee, SIZE);
    for (size_t piece = 60; piece < SIZE; piece += 37) {
        struct pf_messages messages;
        struct pf_spool spool = {NULL};
        pf_messages_init(&messages, true, false);
        struct pf_segment syn = segment(1, DNS, PF_SYN, 0xfffffff0, NULL, 0);
        CHECK(!take(&messages, &spool, &syn));
        unsigned told = 0;
        size_t pieces = (SIZE + piece - 1) / piece;
        for (size_t i = pieces; i-- > 0;) {
            size_t at = i * piece, size = SIZE - at < piece ? SIZE - at : piece;
            struct pf_segment one = segment(1, DNS, PF_ACK, 0xfffffff1 + (uint32_t)at, message + at, size);
            struct pf_segment other = segment(1, DNS, PF_ACK, one.seq, lie, size);
            told += take(&messages, &spool, &one);
            CHECK_EQ(told, i == 0);
            if (told != 0)
                CHECK(one.message_size == SIZE && memcmp(one.message + PF_MESSAGE_HEADER, message, SIZE) == 0);
            CHECK(!take(&messages, &spool, &other));
        }
        pf_messages_clear(&messages);
        CHECK_EQ(messages.kept, 0);
        pf_spool_clear(&spool);
    }
}

/* Many messages that waited for the octet before them: the first is handed over, all are taken off, and what follows
 * is told where the last one ends. */
static void test_many_at_once(void)
{
    enum { SIZE = 14, COUNT = 1000, REST = 7 };
    uint8_t octets[SIZE * (COUNT + 1)] = {0};
    struct pf_messages messages;
    struct pf_spool spool = {NULL};
    for (unsigned i = 0; i <= COUNT; i++) {
        octets[SIZE * i + 1] = SIZE - 2;
        octets[SIZE * i + 2] = (uint8_t)i;
    }
    pf_messages_init(&messages, true, false);
    struct pf_segment syn = segment(1, DNS, PF_SYN, 0, NULL, 0),
                      later = segment(1, DNS, PF_ACK, 2, octets + 1, SIZE * COUNT + REST - 1),
                      first = segment(1, DNS, PF_ACK, 1, octets, 1),
                      rest = segment(1, DNS, PF_ACK, 1 + SIZE * COUNT + REST, octets + SIZE * COUNT + REST, REST);
    CHECK(!take(&messages, &spool, &syn));
    CHECK(!take(&messages, &spool, &later));
    CHECK(take(&messages, &spool, &first));
    CHECK_EQ(first.message_size, SIZE);
    CHECK(memcmp(first.message + PF_MESSAGE_HEADER, octets, SIZE) == 0);
    CHECK(take(&messages, &spool, &rest));
    CHECK_EQ(rest.message_size, SIZE);
    CHECK(memcmp(rest.message + PF_MESSAGE_HEADER, octets + SIZE * COUNT, SIZE) == 0);
    pf_messages_clear(&messages);
    pf_spool_clear(&spool);
}

/* The connection touched longest ago gives way, and is counted. */
static void test_limits(void)
{
    uint8_t message[300];
    struct pf_messages messages;
    struct pf_spool spool = {NULL};
    fill_dns(message, sizeof message);
    pf_messages_init(&messages, true, false);
    messages.connections.most = 2;
    for (unsigned from = 1; from <= 3; from++) {
        struct pf_segment begin = segment(from, DNS, PF_ACK, 1, message, 100);
        CHECK(!take(&messages, &spool, &begin));
    }
    CHECK_EQ(messages.connections.dropped, 1);
    CHECK_EQ(messages.unfinished, 1);
    for (unsigned from = 3; from >= 1; from--) {
        struct pf_segment rest = segment(from, DNS, PF_ACK, 101, message + 100, 200);
        CHECK_EQ(take(&messages, &spool, &rest), from != 1);
    }
    messages.most_kept = 1;
    for (unsigned from = 4; from <= 9; from++) {
        struct pf_segment begin = segment(from, DNS, PF_ACK, 1, message, 100);
        CHECK(!take(&messages, &spool, &begin));
        CHECK_EQ(messages.connections.count, 1);
    }
    pf_messages_clear(&messages);
    pf_spool_clear(&spool);
}

/* Octets that the snap length cut are a hole that nothing fills; a reset ends it all. */
static void test_given_up(void)
{
    uint8_t message[300];
    struct pf_messages messages;
    struct pf_spool spool = {NULL};
    fill_dns(message, sizeof message);
    pf_messages_init(&messages, true, true);
    struct pf_segment begin = segment(1, DNS, PF_ACK, 1, message, 100), cut = segment(1, DNS, PF_ACK, 101, message, 50);
    CHECK(!take(&messages, &spool, &begin));
    CHECK_EQ(messages.connections.count, 1);
    cut.length = 60;
    CHECK(!take(&messages, &spool, &cut));
    CHECK_EQ(messages.connections.count, 0);
    CHECK(!take(&messages, &spool, &begin));
    struct pf_segment reset = segment(1, DNS, PF_RST, 101, NULL, 0);
    CHECK(!take(&messages, &spool, &reset));
    CHECK_EQ(messages.connections.count, 0);
    CHECK_EQ(messages.kept, 0);
    /* Nor is what is no hello followed, but after a SYN until that is known. */
    static const uint8_t http[] = "GET / HTTP/1.1\r\n\r\n";
    struct pf_segment other = segment(2, TLS, PF_ACK, 1, http, sizeof http - 1),
                      syn = segment(2, TLS, PF_SYN, 0, NULL, 0);
    CHECK(!take(&messages, &spool, &other));
    CHECK_EQ(messages.connections.count, 0);
    CHECK(!take(&messages, &spool, &syn));
    CHECK_EQ(messages.connections.count, 1);
    CHECK(!take(&messages, &spool, &other));
    CHECK_EQ(messages.connections.count, 0);
    pf_messages_clear(&messages);
    pf_spool_clear(&spool);
}

/* Connections beyond the limit are new ones when they come back; segments that wait are bounded. */
static void test_analysis_limits(void)
{
    struct pf_analysis analysis;
    struct pf_error error;
    static const uint8_t payload[10];
    pf_analysis_init(&analysis);
    analysis.connections.most = 2;
    for (unsigned i = 0; i < 6; i++) {
        struct pf_segment one = segment(i % 3, TLS, PF_ACK, 1, payload, 10);
        CHECK_OK(pf_analysis_take(&analysis, &one, &error));
        CHECK_EQ(one.found.stream, i);
    }
    CHECK_EQ(analysis.connections.dropped, 4);
    for (uint32_t i = 0; i < 3 * PF_ANALYSIS_SENT; i++) {
        struct pf_segment one = segment(9, TLS, PF_ACK, 1 + 10 * i, payload, 10);
        CHECK_OK(pf_analysis_take(&analysis, &one, &error));
        CHECK(analysis.sent <= PF_ANALYSIS_SENT);
    }
    struct pf_segment answer = segment(9, TLS, PF_ACK, 1, NULL, 0);
    answer.side = 1;
    answer.ack = 1 + 10 * 3 * PF_ANALYSIS_SENT;
    answer.time += 77;
    CHECK_OK(pf_analysis_take(&analysis, &answer, &error));
    CHECK(answer.found.has_ack_rtt && answer.found.ack_rtt == 77);
    CHECK_EQ(analysis.sent, 0); /* what was acknowledged takes no memory, or idle connections would hold it all */
    analysis.most_sent = 6;
    for (unsigned i = 0; i < 10; i++) {
        struct pf_segment one = segment(10 + i % 2, TLS, PF_ACK, 1 + 10 * i, payload, 10);
        CHECK_OK(pf_analysis_take(&analysis, &one, &error));
        CHECK(analysis.sent <= analysis.most_sent);
    }
    pf_analysis_clear(&analysis);
    CHECK_EQ(analysis.sent, 0);
}

/* A round trip lies between two times that are there, and not further apart than an int64 tells. */
static void test_round_trips_of_hostile_times(void)
{
    static const struct {
        int64_t from, to;
        bool timed, answer_timed, has;
    } cases[] = {
        {5, 9, true, true, true},
        {5, 9, false, true, false},
        {5, 9, true, false, false},
        {-2, INT64_MAX, true, true, false},
        {INT64_MAX, INT64_MIN, true, true, false},
        {-1, INT64_MAX - 1, true, true, true},
    };
    static const uint8_t payload[10];
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pf_analysis analysis;
        struct pf_error error;
        pf_analysis_init(&analysis);
        struct pf_segment syn = segment(9, TLS, PF_SYN, 0, NULL, 0), sent = segment(9, TLS, PF_ACK, 1, payload, 10),
                          again = sent, answer = segment(9, TLS, PF_SYN | PF_ACK, 1, NULL, 0);
        syn.time = sent.time = cases[i].from;
        sent.timed = cases[i].timed;
        answer.timed = cases[i].answer_timed;
        answer.side = 1;
        answer.ack = 11;
        answer.time = again.time = cases[i].to;
        CHECK_OK(pf_analysis_take(&analysis, &syn, &error));
        CHECK_OK(pf_analysis_take(&analysis, &sent, &error));
        CHECK_OK(pf_analysis_take(&analysis, &answer, &error));
        CHECK_EQ(answer.found.has_ack_rtt, cases[i].has);
        CHECK_OK(pf_analysis_take(&analysis, &again, &error));
        CHECK(again.found.retransmission);
        pf_analysis_clear(&analysis);
    }
}

/* Everything again with each allocation refused. */
static enum pf_status run_all(void *context, struct pf_error *error)
{
    struct pf_stage stage;
    struct pf_stage_chunk chunk = {.count = 0};
    uint8_t message[3000];
    enum pf_status status = PF_OK;
    (void)context;
    fill_dns(message, sizeof message);
    pf_stage_init(&stage, PF_NEED_TCP | PF_NEED_DNS | PF_NEED_TLS);
    for (unsigned i = 0; i < 300 && status == PF_OK; i++) {
        struct pf_segment one = segment(i % 100, DNS, PF_ACK, 1 + i / 100 * 1000, message + i / 100 * 1000, 1000);
        status = pf_analysis_take(&stage.analysis, &one, error);
        if (status == PF_OK)
            status = pf_messages_take(&stage.messages, &one, &chunk.spool, error);
        if (status == PF_OK)
            CHECK_EQ(one.message != NULL, i >= 200);
    }
    pf_stage_chunk_clear(&chunk);
    pf_stage_clear(&stage);
    return status;
}

/* ------------------------------------------------------------------------------------------------------ in a pass */

static const struct form micro = {0xa1b2c3d4, false};

static void put_packet(struct built *built, uint32_t time, unsigned from, bool back, uint32_t seq, uint32_t ack,
                       unsigned flags, const uint8_t *payload, size_t size)
{
    put_record_header(built, &micro, time, 0, (uint32_t)(40 + size), (uint32_t)(40 + size));
    put_be(built, 0x4500, 2);
    put_be(built, 40 + size, 2);
    put_be(built, 0, 4);
    put_be(built, 0x40060000, 4);
    put_be(built, back ? 2 : 1, 4);
    put_be(built, back ? 1 : 2, 4);
    put_be(built, back ? DNS : 1000 + from, 2);
    put_be(built, back ? 1000 + from : DNS, 2);
    put_be(built, seq, 4);
    put_be(built, ack, 4);
    put_be(built, 0x5000 | flags, 2);
    put_be(built, 100, 2);
    put_be(built, 0, 4);
    if (size != 0)
        put(built, payload, size);
}

/* Connections that ask in three pieces and are acknowledged, one piece of each after the other. */
static void put_connections(struct built *built, unsigned connections)
{
    uint8_t message[600];
    fill_dns(message, sizeof message);
    put_header(built, &micro, 4, 228);
    for (unsigned piece = 0; piece < 3; piece++) {
        for (unsigned i = 0; i < connections; i++) {
            put_packet(built, 10 * piece, i, false, 1 + 200 * piece, 1, PF_ACK, message + 200 * piece, 200);
            put_packet(built, 10 * piece + 3, i, true, 1, 201 + 200 * piece, PF_ACK, NULL, 0);
        }
    }
}

struct question {
    struct built capture;
    unsigned threads;
    size_t chunk;
    struct pf_frame frame;
};

static enum pf_status ask(void *context, struct pf_error *error)
{
    static const char *const names[] = {"tcp_stream", "tcp_analysis_ack_rtt", "tcp_reassembled_length"};
    struct question *question = context;
    const struct pf_field *fields[3];
    struct pf_input input, *inputs[] = {&input};
    struct pf_packets_sink sink;
    struct pf_sink *sinks[] = {&sink.sink};
    struct pf_source *source = NULL;
    struct pf_pass pass = {.inputs = inputs,
                           .input_count = 1,
                           .sinks = sinks,
                           .sink_count = 1,
                           .threads = question->threads,
                           .chunk = question->chunk};
    for (unsigned i = 0; i < 3; i++)
        fields[i] = pf_field_find(names[i]);
    memset(&question->frame, 0, sizeof question->frame);
    memset(&sink, 0, sizeof sink);
    PF_TRY(pf_source_memory("x", question->capture.octets, question->capture.size, &source, error));
    enum pf_status status = pf_input_open(&input, source, NULL, error);
    if (status == PF_OK)
        status = pf_packets_sink_init(&sink, fields, 3, NULL, &question->frame, error);
    if (status == PF_OK)
        status = pf_pass_run(&pass, error);
    pf_packets_sink_clear(&sink);
    pf_pass_clear(&pass);
    pf_input_close(&input);
    if (status != PF_OK)
        pf_frame_clear(&question->frame);
    return status;
}

static void check_rows(struct question *question, unsigned connections)
{
    struct pf_error error;
    struct pf_column *column[3];
    for (size_t i = 0; i < 3; i++)
        CHECK_OK(pf_frame_column(&question->frame, i, &column[i], &error));
    CHECK_EQ(question->frame.rows, 6 * connections);
    for (size_t row = 0; row < question->frame.rows; row++) {
        uint32_t stream;
        int64_t trip;
        memcpy(&stream, column[0]->values + 4 * row, 4);
        memcpy(&trip, column[1]->values + 8 * row, 8);
        CHECK_EQ(stream, row / 2 % connections);
        CHECK_EQ(pf_column_valid(column[1], row), row % 2 == 1);
        CHECK_EQ(trip, row % 2 == 1 ? 3000000000 : 0);
        CHECK_EQ(pf_column_valid(column[2], row), row % 2 == 0 && row / 2 >= 2 * connections);
    }
    for (size_t i = 0; i < 3; i++)
        pf_column_drop(column[i]);
    pf_frame_clear(&question->frame);
}

static enum pf_status ask_and_forget(void *context, struct pf_error *error)
{
    enum pf_status status = ask(context, error);
    pf_frame_clear(&((struct question *)context)->frame);
    return status;
}

static void test_pass(void)
{
    enum { CONNECTIONS = 50 };
    struct question question = {.threads = 1};
    put_connections(&question.capture, CONNECTIONS);
    for (question.threads = 1; question.threads <= 8; question.threads += question.threads) {
        for (question.chunk = 64; question.chunk <= 1 << 20; question.chunk *= 8) {
            struct pf_error error;
            CHECK_OK(ask(&question, &error));
            check_rows(&question, CONNECTIONS);
        }
    }
    question.threads = 1;
    CHECK(refuse_each(ask_and_forget, &question) > CONNECTIONS);
    built_clear(&question.capture);
}

int main(void)
{
    test_disorder();
    test_many_at_once();
    test_limits();
    test_given_up();
    test_analysis_limits();
    test_round_trips_of_hostile_times();
    CHECK(refuse_each(run_all, NULL) > 100);
    test_pass();
    return checks_done();
}
