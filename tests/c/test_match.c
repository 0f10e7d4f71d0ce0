#include "build.h"
#include "capture/input.h"
#include "match/hits.h"
#include "match/summary.h"
#include "pass/pass.h"
#include "refuse.h"

/* --- networks, against a list that is gone through -------------------------------------------------------------------
 */

enum { NETWORKS = 400, LOOKED_UP = 4000 };

struct network {
    struct pf_value address;
    unsigned length;
    uint32_t number;
};

static bool contains(const struct network *network, const struct pf_value *address)
{
    unsigned bits = address->size == 4 ? 32 : 128;
    if (network->address.size != address->size)
        return false;
    for (unsigned i = 0; i < network->length && i < bits; i++) {
        unsigned word = bits == 32 ? 0 : i / 64, shift = bits == 32 ? 31 - i : 63 - i % 64;
        if (((network->address.word[word] ^ address->word[word]) >> shift & 1) != 0)
            return false;
    }
    return true;
}

/* Few distinct addresses, so that networks lie in one another. */
static struct pf_value draw_address(uint64_t *state)
{
    uint64_t near = draw(state) & draw(state) & draw(state);
    if (draw_below(state, 2) == 0)
        return (struct pf_value){{near & 0x0f0f00ff, 0}, 4};
    return (struct pf_value){{near & 0xff, draw(state) & 0x0f0000000000000f}, 16};
}

static void test_networks(uint64_t seed)
{
    struct pf_prefixes prefixes = {.slots = NULL};
    struct network networks[NETWORKS];
    struct pf_error error;
    unsigned lengths[NETWORKS] = {0}; /* by number */
    for (size_t i = 0; i < NETWORKS; i++) {
        networks[i].address = draw_address(&seed);
        networks[i].length = (unsigned)draw_below(&seed, networks[i].address.size == 4 ? 33 : 129);
        CHECK_OK(pf_prefixes_add(&prefixes, &networks[i].address, networks[i].length, &networks[i].number, &error));
        CHECK(networks[i].number <= i);
        lengths[networks[i].number] = networks[i].length;
    }
    for (size_t i = 0; i < LOOKED_UP; i++) {
        struct pf_value address = draw_address(&seed);
        bool wanted[NETWORKS] = {false}, found[NETWORKS] = {false};
        unsigned place = 0, before = UINT32_MAX;
        uint32_t number;
        while (pf_prefixes_next(&prefixes, &address, &place, &number)) {
            if (!CHECK(number < NETWORKS))
                continue;
            found[number] = true;
            CHECK(lengths[number] < before); /* the longest first */
            before = lengths[number];
        }
        for (size_t j = 0; j < NETWORKS; j++)
            wanted[networks[j].number] |= contains(&networks[j], &address);
        CHECK(memcmp(wanted, found, sizeof wanted) == 0);
    }
    pf_prefixes_clear(&prefixes);
}

/* --- names -----------------------------------------------------------------------------------------------------------
 */

static void check_name(const char *text, bool host, size_t longest, const char *wanted)
{
    struct pf_name name;
    struct pf_name_step step = {false, 0};
    struct built built = {NULL, 0, 0};
    char *octets = must(malloc(strlen(text) + 1)); /* of its exact size, so that a sanitizer sees what is beyond */
    memcpy(octets, text, strlen(text));
    if (host)
        pf_name_from_host(&name, octets, strlen(text));
    else
        pf_name_from(&name, octets, strlen(text));
    while (pf_name_next(&name, longest, &step)) {
        put(&built, name.text + step.at, name.length - step.at);
        put(&built, "|", 1);
    }
    put(&built, "", 1);
    CHECK_TEXT((const char *)built.octets, wanted);
    built_clear(&built);
    free(octets);
}

static void test_names(void)
{
    check_name("WWW.Example.ORG.", false, 253, "www.example.org|example.org|org|");
    check_name("a.b.c", false, 3, "b.c|c|");
    check_name("", false, 253, "");
    check_name(".", false, 253, "");
    check_name("..", false, 253, ".|");
    check_name("a..b", false, 253, "a..b|.b|b|");
    check_name("a.b:80", false, 253, "a.b:80|b:80|");
    check_name("A.b:80", true, 253, "a.b|b|");
    check_name("a.b.:80", true, 253, "a.b|b|");
    check_name("[::1]:80", true, 253, "[::1]|");
    check_name("[::1]", true, 253, "[::1]|");
    check_name("::1", true, 253, "::1|");
    check_name(":80", true, 253, "");
    check_name("80", true, 253, "80|");
    char text[1001], *end = text + sizeof text - 1;
    memset(text, 'x', sizeof text);
    *end = '\0';
    check_name(text, false, 253, "");
    memcpy(end - 9, ".evil.org", 9);
    check_name(text, false, 253, "evil.org|org|");
    memset(text, '.', sizeof text - 1);
    check_name(text, false, 0, "");
}

/* --- a pass ----------------------------------------------------------------------------------------------------------
 */

enum { PACKETS = 3000, SOURCES = 50 };

static void put_packet(struct built *built, const struct form *form, unsigned number)
{
    struct built packet = {NULL, 0, 0};
    put_be(&packet, 0x45000000, 4);
    put_be(&packet, 0, 4);
    put_be(&packet, 0x40110000, 4);
    put_be(&packet, 0x0a000000 + number % SOURCES, 4);
    put_be(&packet, 0xc0000200 + number % 3, 4);
    put_be(&packet, (4000 + number % 2) << 16 | 7, 4);
    put_be(&packet, 9u << 16, 4);
    put_be(&packet, 'x', 1);
    put_record_header(built, form, 1000 + number, 0, (uint32_t)packet.size, (uint32_t)packet.size);
    put(built, packet.octets, packet.size);
    built_clear(&packet);
}

static enum pf_status add(struct pf_indicator_set *set, uint32_t address, unsigned prefix, uint16_t port, bool allow,
                          struct pf_error *error)
{
    struct pf_indicator indicator = {.kind = PF_MATCH_IP,
                                     .address = {{address, 0}, 4},
                                     .prefix = prefix,
                                     .port = port,
                                     .shown = "shown",
                                     .shown_length = 5,
                                     .feed = port != 0 ? "ports" : "feed",
                                     .feed_length = port != 0 ? 5 : 4};
    return (allow ? pf_indicator_set_allow : pf_indicator_set_add)(set, &indicator, error);
}

/* 10.0.0.0/28; 10.0.0.3, from port 4000 and from 4001; 192.0.2.1. Allowed: 10.0.0.4/30. */
static enum pf_status fill(struct pf_indicator_set *set, struct pf_error *error)
{
    struct pf_indicator name = {.kind = PF_MATCH_DOMAIN,
                                .key = "evil.org",
                                .key_length = 8,
                                .below = true,
                                .shown = "evil.org",
                                .shown_length = 8,
                                .feed = "feed",
                                .feed_length = 4};
    PF_TRY(add(set, 0x0a00000f, 28, 0, false, error));
    PF_TRY(add(set, 0x0a000003, 32, 4000, false, error));
    PF_TRY(add(set, 0x0a000003, 32, 4001, false, error));
    PF_TRY(add(set, 0xc0000201, 32, 0, false, error));
    PF_TRY(pf_indicator_set_add(set, &name, error));
    PF_TRY(pf_indicator_set_allow(set, &name, error));
    return add(set, 0x0a000004, 30, 0, true, error);
}

static size_t hits_of(unsigned number)
{
    unsigned source = number % SOURCES;
    return (source < 16 && !(source >= 4 && source < 8)) + (source == 3) + (number % 3 == 1);
}

struct result {
    struct pf_frame hits, summary;
};

static enum pf_status match(const struct built *built, unsigned threads, struct result *result, struct pf_error *error)
{
    struct pf_indicator_set set;
    struct pf_hits_sink sink;
    struct pf_source *source;
    struct pf_input input, *inputs = &input;
    struct pf_sink *sinks[] = {&sink.sink};
    struct pf_pass pass = {
        .inputs = &inputs, .input_count = 1, .sinks = sinks, .sink_count = 1, .threads = threads, .chunk = 700};
    memset(&set, 0, sizeof set);
    memset(&sink, 0, sizeof sink);
    memset(result, 0, sizeof *result);
    PF_TRY(pf_source_memory("x", built->octets, built->size, &source, error));
    PF_TRY(pf_input_open(&input, source, NULL, error));
    enum pf_status status = fill(&set, error);
    if (status == PF_OK)
        status = pf_hits_sink_init(&sink, &set, &result->hits, error);
    if (status == PF_OK)
        status = pf_pass_run(&pass, error);
    if (status == PF_OK)
        status = pf_match_summarise(&result->hits, &result->summary, error);
    pf_hits_sink_clear(&sink);
    pf_indicator_set_clear(&set);
    pf_pass_clear(&pass);
    pf_input_close(&input);
    return status;
}

static void result_clear(struct result *result)
{
    pf_frame_clear(&result->hits);
    pf_frame_clear(&result->summary);
}

static enum pf_status match_once(void *context, struct pf_error *error)
{
    struct result result;
    enum pf_status status = match(context, 2, &result, error);
    result_clear(&result);
    return status;
}

static void test_pass(const struct built *built)
{
    for (unsigned threads = 1; threads <= 4; threads++) {
        struct result result;
        struct pf_error error = {.status = PF_OK};
        struct pf_column *numbers;
        size_t row = 0;
        CHECK_OK(match(built, threads, &result, &error));
        CHECK_EQ(result.hits.columns, PF_HIT_COLUMNS);
        CHECK_OK(pf_frame_column(&result.hits, 1, &numbers, &error));
        for (unsigned i = 0; i < PACKETS; i++) {
            for (size_t j = 0; j < hits_of(i) && CHECK(row < numbers->rows); j++, row++) {
                uint64_t number;
                memcpy(&number, numbers->values + row * sizeof number, sizeof number);
                CHECK_EQ(number, i + 1);
            }
        }
        CHECK_EQ(row, result.hits.rows);
        CHECK_EQ(result.summary.rows, 2); /* all are shown alike: those with ports and those without */
        pf_column_drop(numbers);
        result_clear(&result);
    }
}

static void test_kind_without_places(void)
{
    struct pf_frame frame, summary;
    struct pf_error error = {.status = PF_OK};
    static const struct pf_kind kind = {"indicator", PF_UINT8, false};
    CHECK_OK(pf_frame_init(&frame, &kind, 1, &error));
    memset(&summary, 0, sizeof summary);
    CHECK_STATUS(pf_match_summarise(&frame, &summary, &error), PF_INVALID);
    CHECK_TEXT(error.text, "hits without the column indicator have no summary");
    pf_frame_clear(&frame);
}

int main(void)
{
    static const struct form form = {0xa1b23c4d, true};
    struct built built = {NULL, 0, 0}, few = {NULL, 0, 0};
    for (uint64_t seed = 1; seed <= 3; seed++)
        test_networks(seed);
    test_names();
    put_header(&built, &form, 4, 101);
    for (unsigned i = 0; i < PACKETS; i++) {
        put_packet(&built, &form, i);
        if (i == 60)
            few.size = built.size;
    }
    test_pass(&built);
    few.octets = built.octets;
    CHECK(refuse_each(match_once, &few) > 60);
    test_kind_without_places();
    built_clear(&built);
    return checks_done();
}
