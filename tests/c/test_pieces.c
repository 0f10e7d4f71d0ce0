/* Pieces of captures: where one guesses that records go on, and what it knows of those before. */
#define _DEFAULT_SOURCE
#include "capture/input.h"
#include "ng.h"
#include "pass/pass.h"
#include "refuse.h"
#include "tally/census.h"

#include <unistd.h>

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
    CHECK_OK(pf_source_begin(input.source, &error));
    struct pf_interfaces interfaces = {.count = 0};
    struct pf_walk walk = input.walk;
    walk.interfaces = &interfaces;
    CHECK_OK(walk.format->begin(&walk, &error));
    CHECK_STATUS(pf_input_tell(&input, &walk, &error), PF_NOT_CAPTURE);
    CHECK_EQ(walk.offset, 24);
    pf_source_end(input.source);
    pf_interfaces_clear(&interfaces);
    pf_input_close(&input);
    built_clear(&built);
}

/* A pcapng whose second interface is described at length in the midst of it, and a third that is told of too late. */
struct described {
    struct ng ng;
    size_t first_interface, second_interface, behind; /* offsets; `behind`: of the first packet on the second one */
};

static void make_described(struct described *made)
{
    char name[300];
    memset(made, 0, sizeof *made);
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    ng_section(&made->ng);
    made->first_interface = made->ng.all.size;
    ng_interface(&made->ng);
    for (uint32_t i = 0; i < 10; i++)
        ng_packet(&made->ng, 0, i, 60 + i);
    made->second_interface = made->ng.all.size;
    ng_open_interface(&made->ng);
    ng_text(&made->ng, 2, name);
    ng_end(&made->ng);
    made->behind = made->ng.all.size;
    for (uint32_t i = 0; i < 10; i++)
        ng_packet(&made->ng, i % 2, i, 60 + i);
}

/* Walks from `start` with what is told, and says how many interfaces it then knows. */
static enum pf_status tell(const struct described *made, const uint64_t *told, size_t count, size_t *known,
                           struct pf_error *error)
{
    struct pf_source *source;
    struct pf_input input;
    struct pf_interfaces interfaces = {.count = 0};
    const struct built *all = &made->ng.all;
    PF_TRY(pf_source_memory("made", all->octets, all->size, &source, error));
    PF_TRY(pf_input_open(&input, source, NULL, error));
    enum pf_status status = pf_input_cut(&input, made->behind, all->size, told, count, error);
    struct pf_walk walk = input.walk;
    walk.interfaces = &interfaces;
    if (status == PF_OK)
        status = walk.format->begin(&walk, error);
    if (status == PF_OK)
        status = pf_input_tell(&input, &walk, error);
    if (status == PF_OK) {
        CHECK_EQ(walk.offset, made->behind);
        CHECK_EQ(pf_input_end(&input), all->size);
        *known = interfaces.count;
        CHECK(count < 3 || strlen(interfaces.list[1]->name) == 299);
    }
    pf_interfaces_clear(&interfaces);
    pf_input_close(&input);
    return status;
}

static enum pf_status tell_all(void *context, struct pf_error *error)
{
    const struct described *made = context;
    uint64_t told[] = {0, made->first_interface, made->second_interface};
    size_t known;
    return tell(made, told, 3, &known, error);
}

static enum pf_status guess_all(void *context, struct pf_error *error)
{
    const struct built *built = context;
    struct pf_source *source;
    struct pf_input input;
    uint64_t start;
    PF_TRY(pf_source_memory("made", built->octets, built->size, &source, error));
    PF_TRY(pf_input_open(&input, source, NULL, error));
    enum pf_status status = pf_input_guess(&input, 40, &start, error);
    pf_input_close(&input);
    return status;
}

static void test_told(void)
{
    struct described made;
    struct pf_error error = {.status = PF_OK};
    size_t known = 99;
    make_described(&made);
    uint64_t told[] = {0, made.first_interface, made.second_interface}, packet = made.behind;
    for (size_t count = 0; count <= 3; count++) {
        CHECK_OK(tell(&made, told, count, &known, &error));
        CHECK_EQ(known, count == 0 ? 0 : count - 1);
    }
    CHECK_STATUS(tell(&made, &packet, 1, &known, &error), PF_NOT_CAPTURE);
    told[0] = made.ng.all.size - 5; /* where there is too little to be anything */
    CHECK_STATUS(tell(&made, told, 1, &known, &error), PF_NOT_CAPTURE);
    CHECK(refuse_each(tell_all, &made) > 5);
    CHECK(refuse_each(guess_all, &made.ng.all) > 3);
    built_clear(&made.ng.all);
}

/* From any offset in a pcapng the guess is the next block. */
static void test_guess_blocks(void)
{
    struct described made;
    struct pf_source *source;
    struct pf_input input;
    struct pf_error error = {.status = PF_OK};
    make_described(&made);
    const struct built *all = &made.ng.all;
    CHECK_OK(pf_source_memory("made", all->octets, all->size, &source, &error));
    CHECK_OK(pf_input_open(&input, source, NULL, &error));
    uint64_t next = all->size, start;
    for (size_t from = all->size - 200; from > made.behind; from--) {
        CHECK_OK(pf_input_guess(&input, from, &start, &error));
        CHECK(start >= from && start <= next && (start - made.behind) % 4 == 0);
        next = start;
    }
    CHECK(next >= made.behind && next < made.behind + 100);
    pf_input_close(&input);
    built_clear(&made.ng.all);
}

/* What is read from its beginning on has no pieces. */
static void test_stream_has_none(void)
{
    struct built built = {.octets = NULL};
    struct pf_source *source;
    struct pf_input input;
    struct pf_error error = {.status = PF_OK};
    int fds[2];
    put_header(&built, &little, 4, 1);
    CHECK(pipe(fds) == 0 && write(fds[1], built.octets, built.size) == (ssize_t)built.size && close(fds[1]) == 0);
    CHECK_OK(pf_source_stream("pipe", fds[0], NULL, 0, &source, &error));
    CHECK_OK(pf_input_open(&input, source, NULL, &error));
    CHECK_STATUS(pf_input_cut(&input, 24, 24, NULL, 0, &error), PF_INVALID);
    pf_input_close(&input);
    built_clear(&built);
}

int main(void)
{
    test_told();
    test_guess_blocks();
    test_stream_has_none();
    for (size_t i = 0; i < FORMS; i++)
        test_guess(&every_form[i]);
    test_guess_in_zeros();
    test_two_pieces();
    test_refused();
    return checks_done();
}
