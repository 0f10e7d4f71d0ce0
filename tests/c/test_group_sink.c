#include "build.h"
#include "capture/input.h"
#include "pass/pass.h"
#include "refuse.h"
#include "tally/field_counts.h"
#include "tally/group_frame.h"

/* Every way of the sink of grouped counts, through whole passes: the same table for any number of threads. */

enum { PACKETS = 1500, CLIENTS = 40 };

static const struct form form = {0xa1b23c4d, true};

/* IPv4 or IPv6 from client x, TCP to a port; every eleventh packet is no IP. */
static void put_packet(struct built *built, unsigned number)
{
    unsigned client = number * 7 % CLIENTS;
    struct built packet = {NULL, 0, 0};
    if (number % 11 == 0) {
        put_be(&packet, 0, 4);
    } else if (number % 3 == 0) {
        put_be(&packet, 0x60000000, 4);
        put_be(&packet, 20u << 16 | 6u << 8 | 64, 4);
        for (int i = 0; i < 8; i++)
            put_be(&packet, i == 0 ? 0x20010db8u : i == 3 ? client : (uint32_t)(i == 7), 4);
    } else {
        put_be(&packet, 0x45000028, 4);
        put_be(&packet, 0, 4);
        put_be(&packet, 0x40060000, 4);
        put_be(&packet, 0x0a000000 + client, 4);
        put_be(&packet, 0x0a0000ff, 4);
    }
    if (number % 11 != 0) {
        put_be(&packet, 4000u << 16 | (80 + number % 5), 4);
        put_be(&packet, number, 4);
        put_be(&packet, 0, 4);
        put_be(&packet, 0x50100000, 4);
        put_be(&packet, 0, 4);
    }
    put_record_header(built, &form, 1000 + number / 50, (uint32_t)(number % 7), (uint32_t)packet.size,
                      (uint32_t)packet.size + number % 13);
    put(built, packet.octets, packet.size);
    built_clear(&packet);
}

static const char *const files[] = {"x"};

static const struct question {
    const char *fields[4];
    const char *sum, *distinct;
    int64_t every;
    size_t top;
    bool gaps, fill, approximate, keep_nulls;
} questions[] = {
    {.fields = {"tcp_dstport"}},
    {.fields = {"ip_src", "ip_dst", "tcp_dstport"}},
    {.fields = {"protocol", "frame_file", "ip_src", "tcp_seq_raw"}, .keep_nulls = true},
    {.fields = {"ip_src"}, .sum = "frame_len", .distinct = "tcp_dstport"},
    {.fields = {"tcp_dstport"}, .distinct = "ip_src", .every = 1000000000, .fill = true},
    {.fields = {"protocol"}, .distinct = "tcp_seq_raw", .approximate = true},
    {.fields = {"ip_src"}, .gaps = true, .every = 5000000000},
    {.fields = {"ip_src", "tcp_dstport"}, .top = 7},
    {.fields = {"ip_src"}, .sum = "frame_number", .top = 2, .every = 7000000000},
    {.sum = "frame_len", .gaps = true},
};

static enum pf_status plan_of(const struct question *question, struct pf_tally_plan *plan, struct pf_error *error)
{
    memset(plan, 0, sizeof *plan);
    plan->files = files;
    plan->every = question->every;
    plan->top = question->top;
    plan->gaps = question->gaps;
    plan->fill = question->fill;
    plan->approximate = question->approximate;
    plan->keep_nulls = question->keep_nulls;
    for (size_t i = 0; i < 4 && question->fields[i] != NULL; i++)
        PF_TRY(pf_tally_plan_field(plan, pf_field_find(question->fields[i]), error));
    if (question->sum != NULL) {
        PF_TRY(pf_tally_plan_ask(plan, PF_ASK_SUM, pf_field_find(question->sum), error));
        PF_TRY(pf_tally_plan_ask(plan, PF_ASK_STD, pf_field_find(question->sum), error));
    }
    if (question->distinct != NULL)
        PF_TRY(pf_tally_plan_ask(plan, PF_ASK_DISTINCT, pf_field_find(question->distinct), error));
    pf_tally_plan_done(plan);
    return PF_OK;
}

static enum pf_status run_sink(struct pf_sink *sink, struct pf_input *input, unsigned threads, struct pf_error *error)
{
    struct pf_pass pass = {
        .inputs = &input, .input_count = 1, .sinks = &sink, .sink_count = 1, .threads = threads, .chunk = 900};
    enum pf_status status = pf_pass_run(&pass, error);
    pf_pass_clear(&pass);
    return status;
}

static enum pf_status ask(const struct question *question, const struct built *built, unsigned threads,
                          struct pf_frame *frame, struct pf_error *error)
{
    struct pf_source *source;
    struct pf_input input;
    struct pf_tally_plan plan;
    struct pf_tally tally;
    struct pf_tally_sink sink;
    PF_TRY(plan_of(question, &plan, error));
    PF_TRY(pf_source_memory("x", built->octets, built->size, &source, error));
    PF_TRY(pf_input_open(&input, source, NULL, error));
    pf_tally_init(&tally, &plan);
    pf_tally_sink_init(&sink, &tally);
    enum pf_status status = run_sink(&sink.sink, &input, threads, error);
    pf_tally_sink_clear(&sink);
    if (status == PF_OK)
        status = pf_tally_frame(frame, &tally, NULL, error);
    pf_tally_clear(&tally);
    pf_input_close(&input);
    return status;
}

static bool same_column(const struct pf_frame *a, const struct pf_frame *b, size_t number)
{
    struct pf_column *left = NULL, *right = NULL;
    struct pf_error error;
    CHECK_OK(pf_frame_column(a, number, &left, &error));
    CHECK_OK(pf_frame_column(b, number, &right, &error));
    const struct pf_dictionary *x = &left->dictionary, *y = &right->dictionary;
    bool same = left->rows == right->rows && x->count == y->count &&
                memcmp(left->values, right->values, left->rows * pf_type_size(left->kind.type)) == 0;
    for (size_t i = 0; same && i < left->rows; i++)
        same = pf_column_valid(left, i) == pf_column_valid(right, i);
    if (same && x->count != 0)
        same = memcmp(x->offsets, y->offsets, (x->count + 1) * sizeof *x->offsets) == 0 &&
               memcmp(x->octets, y->octets, (size_t)x->offsets[x->count]) == 0;
    pf_column_drop(left);
    pf_column_drop(right);
    return same;
}

static void test_question(const struct question *question, const struct built *built)
{
    struct pf_frame first, other;
    struct pf_error error;
    CHECK_OK(ask(question, built, 1, &first, &error));
    CHECK(first.rows != 0);
    for (unsigned threads = 2; threads <= 4; threads++) {
        CHECK_OK(ask(question, built, threads, &other, &error));
        CHECK(first.rows == other.rows && first.columns == other.columns);
        for (size_t i = 0; i < first.columns; i++)
            CHECK(same_column(&first, &other, i));
        pf_frame_clear(&other);
    }
    pf_frame_clear(&first);
}

static void test_ports(const struct built *built)
{
    uint64_t expected[5] = {0};
    for (unsigned i = 0; i < PACKETS; i++)
        expected[i % 5] += i % 11 != 0;
    for (unsigned threads = 1; threads <= 3; threads++) {
        struct pf_source *source;
        struct pf_input input;
        struct pf_counts counts;
        struct pf_field_sink sink;
        struct pf_error error;
        pf_counts_init(&counts, PF_KEY_NUMBER);
        CHECK_OK(pf_source_memory("x", built->octets, built->size, &source, &error));
        CHECK_OK(pf_input_open(&input, source, NULL, &error));
        pf_field_sink_init(&sink, pf_field_find("tcp_dstport"), &counts);
        CHECK_OK(run_sink(&sink.sink, &input, threads, &error));
        pf_field_sink_clear(&sink);
        for (uint64_t i = 0; i < 5; i++)
            CHECK_EQ(pf_counts_get(&counts, &(struct pf_address){{80 + i, 0}, 4}), expected[i]);
        CHECK_EQ(pf_counts_size(&counts), 5);
        pf_counts_clear(&counts);
        pf_input_close(&input);
    }
}

struct refused {
    const struct question *question;
    struct built built;
};

static enum pf_status ask_refused(void *context, struct pf_error *error)
{
    const struct refused *refused = context;
    struct pf_frame frame;
    enum pf_status status = ask(refused->question, &refused->built, 2, &frame, error);
    if (status == PF_OK)
        pf_frame_clear(&frame);
    return status;
}

/* 30 keys in more bins than a table may have. */
static void test_too_many_bins(void)
{
    struct built built = {NULL, 0, 0};
    struct pf_frame frame;
    struct pf_error error;
    put_header(&built, &form, 4, 101);
    for (unsigned i = 1; i < 60; i++)
        put_packet(&built, i);
    struct question often = {.fields = {"ip_src"}, .every = 1, .fill = true};
    CHECK_STATUS(ask(&often, &built, 2, &frame, &error), PF_INVALID);
    built_clear(&built);
}

int main(void)
{
    struct built built = {NULL, 0, 0};
    struct refused few = {.question = NULL};
    put_header(&built, &form, 4, 101);
    for (unsigned i = 0; i < PACKETS; i++) {
        put_packet(&built, i);
        if (i == 60)
            few.built.size = built.size;
    }
    few.built.octets = built.octets;
    test_ports(&built);
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        test_question(&questions[i], &built);
        few.question = &questions[i];
        CHECK(refuse_each(ask_refused, &few) > 10);
    }
    test_too_many_bins();
    built_clear(&built);
    return checks_done();
}
