#include "base/os_thread.h"
#include "pass/filter.h"
#include "pass/period.h"
#include "refuse.h"

/* A compiler that serves even link types and counts what it made; a program matches what is longer than its type. */
struct pf_bpf {
    uint16_t link_type;
};

static atomic_uint compiled;

static enum pf_status compile(const char *expression, uint16_t link_type, bool big_endian, struct pf_bpf **program,
                              struct pf_error *error)
{
    (void)big_endian;
    *program = NULL;
    atomic_fetch_add(&compiled, 1);
    if (link_type % 2 != 0)
        return pf_fail(error, PF_NOT_FILTER, "\"%s\" does not serve %u", expression, link_type);
    *program = pf_alloc(sizeof **program);
    if (*program == NULL)
        return pf_fail_memory(error);
    (*program)->link_type = link_type;
    return PF_OK;
}

static bool matches(const struct pf_bpf *program, const uint8_t *octets, uint32_t len, uint32_t captured)
{
    (void)octets;
    (void)captured;
    return len > program->link_type;
}

static void free_program(struct pf_bpf *program)
{
    pf_free(program);
}

static const struct pf_matcher matcher = {compile, matches, free_program};

enum { PACKETS = 5000, THREADS = 4 };

static struct pf_source source = {.name = "a"};
static struct pf_input input = {.source = &source};
static struct pf_input *const inputs[] = {&input};
static const struct pf_interface ends[2] = {{.big_endian = false}, {.big_endian = true}};

static struct pf_record records[PACKETS];

static void make_records(unsigned link_types)
{
    uint64_t state = 7;
    for (size_t i = 0; i < PACKETS; i++)
        records[i] = (struct pf_record){
            .frame_number = i + 1,
            .interface = &ends[draw_below(&state, 2)],
            .link_type = (uint16_t)(draw_below(&state, link_types) * 211),
            .len = (uint32_t)draw_below(&state, 1 << 17),
        };
}

static uint64_t kept_by_rule(uint64_t *refused, uint64_t *first)
{
    uint64_t kept = 0;
    *refused = *first = 0;
    for (size_t i = 0; i < PACKETS; i++) {
        bool served = records[i].link_type % 2 == 0;
        kept += served && records[i].len > records[i].link_type;
        if (!served && (*refused)++ == 0)
            *first = records[i].frame_number;
    }
    return kept;
}

/* Each thread takes the batches of its number. */
struct share {
    const struct pf_predicate *predicate;
    size_t number;
    uint64_t kept;
};

static void *take(void *argument)
{
    struct share *share = argument;
    static _Thread_local struct pf_packet packets[PF_BATCH];
    for (size_t start = share->number * PF_BATCH; start < PACKETS; start += THREADS * PF_BATCH) {
        struct pf_packet *batch[PF_BATCH];
        size_t count = PACKETS - start < PF_BATCH ? PACKETS - start : PF_BATCH;
        for (size_t i = 0; i < count; i++) {
            batch[i] = &packets[i];
            packets[i].record = records[start + i];
        }
        share->kept += share->predicate->keep(share->predicate, batch, count);
    }
    return NULL;
}

static void test_threads(unsigned link_types)
{
    struct pf_error error = {.status = PF_OK};
    struct pf_filter filter;
    struct pf_filtering filterings[2];
    uint64_t refused, first, kept = kept_by_rule(&refused, &first);
    unsigned before = atomic_load(&compiled);
    CHECK_OK(pf_filter_init(&filter, &matcher, "words", &error));
    for (size_t pass = 0; pass < 2; pass++) {
        struct pf_filtering *filtering = &filterings[pass];
        struct pf_thread threads[THREADS];
        struct share shares[THREADS];
        uint64_t got = 0;
        CHECK_OK(pf_filtering_init(filtering, &filter, inputs, &error));
        for (size_t i = 0; i < THREADS; i++) {
            shares[i] = (struct share){&filtering->predicate, i, 0};
            CHECK_EQ(pf_thread_start(&threads[i], take, &shares[i]), 0);
        }
        for (size_t i = 0; i < THREADS; i++) {
            pf_thread_join(&threads[i]);
            got += shares[i].kept;
        }
        CHECK_EQ(got, kept);
        CHECK_EQ(filtering->refused, refused);
        CHECK_OK(filtering->predicate.finish(&filtering->predicate, false, &error));
        if (refused != 0) {
            char text[512];
            CHECK_EQ(filtering->frame_number, first);
            pf_filtering_message(filtering, text, sizeof text);
            CHECK(strncmp(text, "a: packet ", 10) == 0 && strstr(text, ": \"words\" does not serve ") != NULL);
            CHECK_STATUS(filtering->predicate.finish(&filtering->predicate, true, &error), PF_NOT_FILTER);
            CHECK_TEXT(error.text, text);
        }
        pf_filtering_clear(filtering);
    }
    CHECK(atomic_load(&compiled) - before <= 2 * link_types); /* once each, in both passes together */
    pf_filter_clear(&filter);
}

static enum pf_status one_pass(void *context, struct pf_error *error)
{
    struct pf_filter filter;
    struct pf_filtering filtering = {.lock = NULL};
    (void)context;
    enum pf_status status = pf_filter_init(&filter, &matcher, "words", error);
    if (status == PF_OK)
        status = pf_filtering_init(&filtering, &filter, inputs, error);
    if (status == PF_OK) {
        struct share share = {&filtering.predicate, 0, 0};
        (void)take(&share);
        status = filtering.predicate.finish(&filtering.predicate, false, error);
    }
    pf_filtering_clear(&filtering);
    pf_filter_clear(&filter);
    return status;
}

static void test_long_expression(void)
{
    struct pf_error error = {.status = PF_OK};
    struct pf_filter filter;
    char expression[PF_MOST_EXPRESSION + 2];
    memset(expression, 'x', sizeof expression);
    expression[PF_MOST_EXPRESSION + 1] = '\0';
    CHECK_STATUS(pf_filter_init(&filter, &matcher, expression, &error), PF_NOT_FILTER);
    pf_filter_clear(&filter);
    expression[PF_MOST_EXPRESSION] = '\0';
    CHECK_OK(pf_filter_init(&filter, &matcher, expression, &error));
    pf_filter_clear(&filter);
}

static size_t kept_of_period(int64_t start, int64_t last, bool timed)
{
    static const int64_t times[] = {INT64_MIN, -1, 0, 1, 2, INT64_MAX};
    struct pf_period period;
    struct pf_packet packets[6], *batch[6];
    for (size_t i = 0; i < 6; i++) {
        packets[i].record = (struct pf_record){.time = times[i], .timed = timed};
        batch[i] = &packets[i];
    }
    pf_period_init(&period, start, last);
    return period.predicate.keep(&period.predicate, batch, 6);
}

int main(void)
{
    make_records(1);
    test_threads(1);
    make_records(6);
    test_threads(6);
    CHECK(refuse_each(one_pass, NULL) > 6);
    make_records(300);
    test_threads(300);
    test_long_expression();
    CHECK_EQ(kept_of_period(INT64_MIN, INT64_MAX, true), 6);
    CHECK_EQ(kept_of_period(0, 1, true), 2);
    CHECK_EQ(kept_of_period(1, INT64_MAX, true), 3);
    CHECK_EQ(kept_of_period(INT64_MIN, -1, true), 2);
    CHECK_EQ(kept_of_period(INT64_MAX, INT64_MIN, true), 0);
    CHECK_EQ(kept_of_period(INT64_MIN, INT64_MAX, false), 0);
    return checks_done();
}
