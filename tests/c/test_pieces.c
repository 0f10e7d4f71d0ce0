/* Pieces of captures: where one guesses that records go on, and what it knows of those before. */
#include "build.h"
#include "capture/input.h"
#include "pass/pass.h"
#include "tally/census.h"

enum { PACKETS = 400, LARGEST = 300, MOST_STARTS = PACKETS + 1 };

static const struct form little = {0xa1b2c3d4, false};

static size_t put_packets(struct built *built, const struct form *form, size_t starts[MOST_STARTS])
{
    uint64_t state = 7;
    put_header(built, form, 4, 1);
    for (size_t i = 0; i < PACKETS; i++) {
        uint32_t size = 60 + (uint32_t)draw_below(&state, LARGEST);
        starts[i] = built->size;
        put_record_header(built, form, 1500000000 + (uint32_t)i, (uint32_t)draw_below(&state, 1000000), size, size);
        for (uint32_t j = 0; j < size; j++) /* as if encrypted */
            put(built, &(uint8_t){(uint8_t)draw(&state)}, 1);
    }
    starts[PACKETS] = built->size;
    return built->size;
}

static bool open_built(struct pf_input *input, const struct built *built)
{
    struct pf_error error = {.status = PF_OK};
    struct pf_source *source;
    return CHECK_OK(pf_source_memory("made", built->octets, built->size, &source, &error)) &&
           CHECK_OK(pf_input_open(input, source, NULL, &error));
}

/* From any offset the guess is the next record's start, unless so little is left that nothing can be told. */
static void test_guess(const struct form *form)
{
    struct built built = {.octets = NULL};
    size_t starts[MOST_STARTS], size = put_packets(&built, form, starts), next = 0;
    struct pf_error error = {.status = PF_OK};
    struct pf_input input;
    uint64_t start;
    if (!open_built(&input, &built))
        return;
    for (size_t from = input.walk.offset; from < size; from += 13) {
        while (starts[next] < from)
            next++;
        CHECK_OK(pf_input_guess(&input, from, &start, &error));
        CHECK_EQ(start, next < PACKETS ? starts[next] : PF_SIZE_UNKNOWN);
    }
    CHECK_OK(pf_input_guess(&input, size + 1000, &start, &error));
    CHECK_EQ(start, PF_SIZE_UNKNOWN);
    pf_input_close(&input);
    built_clear(&built);
}

/* Zeros and small numbers, as in sound or tables, look like headers of nothing. */
static void test_guess_in_zeros(void)
{
    struct built built = {.octets = NULL};
    struct pf_error error = {.status = PF_OK};
    struct pf_input input;
    uint64_t start;
    put_header(&built, &little, 4, 1);
    for (size_t i = 0; i < 100000; i++)
        put(&built, &(uint8_t){i < 50000 ? 0 : (uint8_t)(i % 2)}, 1);
    if (!open_built(&input, &built))
        return;
    CHECK_OK(pf_input_guess(&input, 24, &start, &error));
    CHECK_EQ(start, PF_SIZE_UNKNOWN);
    pf_input_close(&input);
    built_clear(&built);
}

static uint64_t count_piece(const struct built *built, uint64_t start, uint64_t end, size_t chunk, uint64_t *reached)
{
    struct pf_error error = {.status = PF_OK};
    struct pf_input input, *inputs[] = {&input};
    struct pf_census census;
    if (!open_built(&input, built) || !CHECK_OK(pf_input_cut(&input, start, end, NULL, 0, &error)))
        return 0;
    pf_census_init(&census);
    struct pf_sink *sinks[] = {&census.sink};
    struct pf_pass pass = {
        .inputs = inputs, .input_count = 1, .sinks = sinks, .sink_count = 1, .threads = 3, .chunk = chunk};
    CHECK_OK(pf_pass_run(&pass, &error));
    CHECK_EQ(pass.fault_count, 0);
    CHECK_EQ(pass.found.packets, census.packets);
    uint64_t packets = census.packets;
    *reached = pass.found.end;
    pf_census_clear(&census);
    pf_pass_clear(&pass);
    pf_input_close(&input);
    return packets;
}

/* Two pieces that meet anywhere have all packets, and the second begins where the first came to. */
static void test_two_pieces(void)
{
    struct built built = {.octets = NULL};
    size_t starts[MOST_STARTS], size = put_packets(&built, &little, starts), next = 0;
    static const size_t chunks[] = {64, 1000, 0};
    for (size_t border = starts[1]; border < size; border += 97) {
        uint64_t reached, end;
        while (starts[next] < border)
            next++;
        CHECK_EQ(count_piece(&built, starts[0], border, chunks[border % 3], &reached), next);
        CHECK_EQ(reached, starts[next]);
        CHECK_EQ(count_piece(&built, reached, size, chunks[border % 3], &end), PACKETS - next);
        CHECK_EQ(end, size);
    }
    built_clear(&built);
}

static void test_refused(void)
{
    struct built built = {.octets = NULL};
    size_t starts[MOST_STARTS], size = put_packets(&built, &little, starts);
    struct pf_error error = {.status = PF_OK};
    struct pf_input input;
    if (!open_built(&input, &built))
        return;
    CHECK_STATUS(pf_input_cut(&input, 3, size, NULL, 0, &error), PF_INVALID); /* within the header */
    CHECK_STATUS(pf_input_cut(&input, 24, size + 1, NULL, 0, &error), PF_INVALID);
    CHECK_STATUS(pf_input_cut(&input, 24, 0, NULL, 0, &error), PF_INVALID);
    CHECK_OK(pf_input_cut(&input, 24, size, (const uint64_t[]){24}, 1, &error)); /* where a packet lies */
    CHECK_OK(input.source->ops->begin(input.source, &error));
    struct pf_interfaces interfaces = {.count = 0};
    struct pf_walk walk = input.walk;
    walk.interfaces = &interfaces;
    CHECK_OK(walk.format->begin(&walk, &error));
    CHECK_STATUS(pf_input_tell(&input, &walk, &error), PF_NOT_CAPTURE);
    CHECK_EQ(walk.offset, 24);
    input.source->ops->end(input.source);
    pf_interfaces_clear(&interfaces);
    pf_input_close(&input);
    built_clear(&built);
}

int main(void)
{
    for (size_t i = 0; i < FORMS; i++)
        test_guess(&every_form[i]);
    test_guess_in_zeros();
    test_two_pieces();
    test_refused();
    return checks_done();
}
