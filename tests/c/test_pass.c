#define _DEFAULT_SOURCE
#include "build.h"
#include "capture/input.h"
#include "naive.h"
#include "pass/pass.h"
#include "refuse.h"
#include "stream.h"
#include "table/numbers.h"
#include "tally/census.h"

#include <time.h>
#include <unistd.h>

static const struct form plain = {0xa1b2c3d4, false};

/* A capture whose records are now and then empty, and now and then larger than many chunks; it ends before one of a
 * higher seed begins. */
static void put_capture(struct built *built, const struct form *form, uint64_t seed, size_t records, size_t largest)
{
    uint64_t state = seed;
    put_header(built, form, 4, 1);
    for (size_t i = 0; i < records; i++) {
        size_t size = draw_below(&state, 8) == 0 ? draw_below(&state, largest) : draw_below(&state, 40);
        size = draw_below(&state, 10) == 0 ? 0 : size;
        put_record_header(built, form, (uint32_t)(seed * 100000 + i), (uint32_t)draw_below(&state, 1000000),
                          (uint32_t)size, (uint32_t)size + 3);
        put_filler(built, size);
    }
}

enum how { MEMORY, FILES, STREAM, STREAM_ONCE, HOWS };

/* One input of a pass, in one of these ways. */
struct opened {
    struct pf_input input;
    char path[40];
    unsigned passes;
};

static void write_file(struct opened *opened, const uint8_t *octets, size_t size)
{
    (void)snprintf(opened->path, sizeof opened->path, "/tmp/test_pass.XXXXXX");
    int fd = mkstemp(opened->path);
    for (ssize_t n; size != 0; octets += n, size -= (size_t)n) {
        n = write(fd, octets, size);
        if (n <= 0)
            abort();
    }
    (void)close(fd);
}

static enum pf_status open_one(struct opened *opened, enum how how, const struct built *built, uint64_t seed,
                               struct pf_error *error)
{
    struct pf_source *source = NULL;
    struct stream *stream = NULL;
    opened->path[0] = '\0';
    opened->passes = 0;
    switch (how) {
    case MEMORY:
        PF_TRY(pf_source_memory("memory", built->octets, built->size, &source, error));
        break;
    case FILES:
        write_file(opened, built->octets, built->size);
        PF_TRY(pf_source_file(opened->path, &source, error));
        break;
    default:
        PF_TRY(stream_new("stream", built->octets, built->size, (size_t)1 << (seed % 18), how == STREAM_ONCE, seed,
                          &stream, error));
        stream->passes = &opened->passes;
        source = &stream->base;
    }
    return pf_input_open(&opened->input, source, NULL, error);
}

static void close_one(struct opened *opened)
{
    CHECK_EQ(opened->passes, 0); /* every begin() has had its end() */
    pf_input_close(&opened->input);
    if (opened->path[0] != '\0')
        (void)unlink(opened->path);
}

/* A pass over `count` inputs into a gather sink. */
struct trial {
    struct pf_pass pass;
    struct opened opened[4];
    struct pf_input *inputs[4];
    struct gather gather;
    struct pf_sink *sinks[1];
};

static void trial_open(struct trial *trial, enum how how, const struct built *builts, size_t count, uint64_t seed)
{
    struct pf_error error;
    memset(&trial->pass, 0, sizeof trial->pass);
    gather_init(&trial->gather);
    for (size_t i = 0; i < count; i++) {
        CHECK_OK(open_one(&trial->opened[i], how, &builts[i], seed + i, &error));
        trial->inputs[i] = &trial->opened[i].input;
    }
    trial->sinks[0] = &trial->gather.sink;
    trial->pass.inputs = trial->inputs;
    trial->pass.input_count = count;
    trial->pass.sinks = trial->sinks;
    trial->pass.sink_count = 1;
}

static void trial_close(struct trial *trial)
{
    CHECK_EQ(atomic_load(&trial->gather.live), 0);
    gather_clear(&trial->gather);
    pf_pass_clear(&trial->pass);
    for (size_t i = 0; i < trial->pass.input_count; i++)
        close_one(&trial->opened[i]);
}

static void check_pass(struct trial *trial, const struct seen_list *want, const struct pf_fault *faults,
                       size_t fault_count)
{
    struct pf_error error;
    CHECK_OK(pf_pass_run(&trial->pass, &error));
    CHECK(seen_equal(&trial->gather.gathered, want));
    CHECK_EQ(atomic_load(&trial->pass.packets), want->size);
    CHECK_EQ(trial->gather.finishes, 1);
    CHECK_EQ(trial->pass.fault_count, fault_count);
    for (size_t i = 0; i < fault_count && i < trial->pass.fault_count; i++) {
        const struct pf_fault *fault = &trial->pass.faults[i];
        CHECK(fault->kind == faults[i].kind && fault->input == faults[i].input);
        CHECK_EQ(fault->frame_number, faults[i].frame_number);
        CHECK_EQ(fault->offset, faults[i].offset);
        CHECK_EQ(fault->lost, faults[i].lost);
    }
}

static const size_t chunks[] = {1, 7, 16, 300, 4096, 262144};
enum { CHUNKS = sizeof chunks / sizeof chunks[0] };
static const unsigned thread_counts[] = {1, 2, 3, 8};

/* The same records and faults in every way of running a pass over these files. */
static void check_every_way(const struct built *builts, size_t count)
{
    struct seen_list want = {NULL, 0, 0};
    struct pf_fault faults[4];
    size_t fault_count = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t at;
        enum pf_fault_kind kind = naive_read(builts[i].octets, builts[i].size, (uint32_t)i, &want, &at);
        if (kind != PF_NO_FAULT)
            faults[fault_count++] = (struct pf_fault){
                .kind = kind, .input = i, .frame_number = want.size + 1, .offset = at, .lost = builts[i].size - at};
    }
    for (unsigned how = 0; how < HOWS; how++) {
        for (size_t i = 0; i < CHUNKS * 4; i++) {
            if (builts[0].size / chunks[i / 4] > 4000)
                continue; /* a turn for every few octets: small files will do */
            struct trial trial;
            trial_open(&trial, (enum how)how, builts, count, i);
            trial.pass.chunk = chunks[i / 4];
            trial.pass.threads = thread_counts[i % 4];
            check_pass(&trial, &want, faults, fault_count);
            trial_close(&trial);
        }
    }
    seen_clear(&want);
}

static void test_same_records(void)
{
    struct built built = {NULL, 0, 0};
    for (size_t i = 0; i < FORMS; i++) {
        put_capture(&built, &every_form[i], i, 60, 300);
        check_every_way(&built, 1);
        built_clear(&built);
    }
    put_capture(&built, &plain, 5, 3000, 2000);
    check_every_way(&built, 1);
    built_clear(&built);
    put_capture(&built, &plain, 5, 0, 1); /* a header and nothing else */
    check_every_way(&built, 1);
    built_clear(&built);
    put_header(&built, &plain, 4, 1); /* one record larger than all chunks */
    put_record_header(&built, &plain, 1, 2, 262144, 300000);
    put_filler(&built, 262144);
    put_record_header(&built, &plain, 1, 2, 0, 0);
    check_every_way(&built, 1);
    built_clear(&built);
}

/* Chunk ends fall on every octet of records and of their headers. */
static void test_every_chunk_size(void)
{
    struct built built = {NULL, 0, 0};
    struct seen_list want = {NULL, 0, 0};
    uint64_t at;
    put_capture(&built, &every_form[4], 3, 12, 60);
    CHECK_EQ(naive_read(built.octets, built.size, 0, &want, &at), PF_NO_FAULT);
    for (size_t chunk = 1; chunk <= built.size + 1; chunk++) {
        for (unsigned how = 0; how < HOWS; how += 2) {
            struct trial trial;
            trial_open(&trial, (enum how)how, &built, 1, chunk);
            trial.pass.chunk = chunk;
            trial.pass.threads = 1 + chunk % 3;
            check_pass(&trial, &want, NULL, 0);
            trial_close(&trial);
        }
    }
    seen_clear(&want);
    built_clear(&built);
}

/* Records of zeros are packets as long as there are fewer than four in a row, wherever chunks end. */
static void test_zeros(void)
{
    for (size_t zeros = 0; zeros <= 5 * 16; zeros += zeros == 48 ? 8 : 16) {
        for (size_t before = 0; before < 3; before++) {
            struct built built = {NULL, 0, 0};
            put_capture(&built, &plain, 3, before, 30);
            put_number(&built, 0, (unsigned)zeros, false);
            if (before != 2) {
                put_record_header(&built, &plain, 7, 8, 20, 20);
                put_filler(&built, 20);
            }
            check_every_way(&built, 1);
            built_clear(&built);
        }
    }
}

static void test_several_inputs(void)
{
    struct built builts[4] = {{NULL, 0, 0}};
    put_capture(&builts[0], &every_form[0], 1, 30, 500);
    put_capture(&builts[1], &every_form[3], 2, 0, 1);
    put_capture(&builts[2], &every_form[4], 3, 30, 500);
    put_capture(&builts[3], &every_form[1], 4, 1, 500);
    check_every_way(builts, 4);
    builts[0].size -= 1; /* a fault in the first is no end of the others */
    put_record_header(&builts[2], &every_form[4], 0, 0, 0x7fffffff, 0);
    put_filler(&builts[2], 777);
    check_every_way(builts, 4);
    for (size_t i = 0; i < 4; i++)
        built_clear(&builts[i]);
}

/* Cut anywhere: all records before are given, and one fault. */
static void test_cut_everywhere(void)
{
    struct built built = {NULL, 0, 0};
    put_capture(&built, &plain, 8, 5, 50);
    for (size_t size = 24; size <= built.size; size++) {
        struct built cut = built;
        struct seen_list want = {NULL, 0, 0};
        uint64_t at;
        cut.size = size;
        enum pf_fault_kind kind = naive_read(cut.octets, size, 0, &want, &at);
        struct pf_fault fault = {.kind = kind, .frame_number = want.size + 1, .offset = at, .lost = size - at};
        for (unsigned i = 0; i < HOWS * 2; i++) {
            struct trial trial;
            trial_open(&trial, (enum how)(i / 2), &cut, 1, size);
            trial.pass.chunk = i % 2 == 0 ? 9 : 4096;
            trial.pass.threads = 2;
            check_pass(&trial, &want, &fault, kind != PF_NO_FAULT);
            trial_close(&trial);
        }
        seen_clear(&want);
    }
    built_clear(&built);
}

static void test_fault_text(void)
{
    struct built built = {NULL, 0, 0};
    struct pf_error error;
    put_capture(&built, &plain, 8, 1, 50);
    put_record_header(&built, &plain, 0, 0, 100, 100);
    put_filler(&built, 70);
    size_t start = built.size - 86;
    for (unsigned how = 0; how < HOWS; how++) {
        struct trial trial;
        char want[200];
        trial_open(&trial, (enum how)how, &built, 1, 1);
        trial.pass.strict = true;
        (void)snprintf(want, sizeof want,
                       "%s: packet 2 at octet %zu: the capture is cut short: 86 of the record's 116 octets are there; "
                       "the 86 octets from there on were not read",
                       trial.inputs[0]->source->name, start);
        CHECK_STATUS(pf_pass_run(&trial.pass, &error), PF_FAULT);
        CHECK_TEXT(error.text, want);
        trial_close(&trial);
    }
    built_clear(&built);
}

/* The file became shorter after it was opened: what is there is read, and the fault says so. */
static void test_shrinks(void)
{
    struct built built = {NULL, 0, 0};
    put_capture(&built, &plain, 9, 40, 300);
    for (size_t size = 24; size < built.size; size += 13) {
        struct trial trial;
        struct seen_list want = {NULL, 0, 0};
        uint64_t at;
        trial_open(&trial, FILES, &built, 1, 1);
        CHECK_EQ(truncate(trial.opened[0].path, (off_t)size), 0);
        (void)naive_read(built.octets, size, 0, &want, &at);
        struct pf_fault fault = {
            .kind = PF_SHRANK, .frame_number = want.size + 1, .offset = at, .lost = built.size - at};
        trial.pass.chunk = size % 2 == 0 ? 64 : 4096;
        trial.pass.threads = 1 + size % 3;
        check_pass(&trial, &want, &fault, 1);
        trial_close(&trial);
        seen_clear(&want);
    }
    built_clear(&built);
}

/* Another file under the same name is not taken for it; a file that grows is read up to the size it had. */
static void test_replaced_and_grown(void)
{
    struct built built = {NULL, 0, 0}, longer = {NULL, 0, 0};
    struct seen_list want = {NULL, 0, 0};
    struct pf_error error;
    struct trial trial;
    uint64_t at;
    put_capture(&built, &plain, 9, 4, 300);
    put(&longer, built.octets, built.size);
    put_record_header(&longer, &plain, 0, 0, 0, 0);
    CHECK_EQ(naive_read(built.octets, built.size, 0, &want, &at), PF_NO_FAULT);

    trial_open(&trial, FILES, &built, 1, 1);
    FILE *file = must(fopen(trial.opened[0].path, "ab"));
    CHECK(fwrite(longer.octets + built.size, 1, 16, file) == 16);
    (void)fclose(file);
    check_pass(&trial, &want, NULL, 0);

    struct opened other;
    write_file(&other, built.octets, built.size);
    CHECK_EQ(rename(other.path, trial.opened[0].path), 0);
    CHECK_STATUS(pf_pass_run(&trial.pass, &error), PF_NOT_CAPTURE);
    CHECK(strstr(error.text, "it was replaced") != NULL);
    CHECK_EQ(unlink(trial.opened[0].path), 0);
    CHECK_STATUS(pf_pass_run(&trial.pass, &error), PF_OS_ERROR);
    CHECK_TEXT(error.file, trial.opened[0].path);
    trial_close(&trial);
    seen_clear(&want);
    built_clear(&longer);
    built_clear(&built);
}

/* A stream that fails in the middle fails the pass, and its begin() has its end(). */
static void test_read_fails(void)
{
    struct built built = {NULL, 0, 0};
    struct pf_error error;
    put_capture(&built, &plain, 9, 40, 300);
    for (size_t fails_at = 100; fails_at < built.size; fails_at += 61) {
        struct trial trial;
        trial_open(&trial, STREAM, &built, 1, fails_at);
        ((struct stream *)trial.inputs[0]->source)->fails_at = fails_at;
        trial.pass.chunk = 64;
        trial.pass.threads = 3;
        CHECK_STATUS(pf_pass_run(&trial.pass, &error), PF_OS_ERROR);
        CHECK_EQ(trial.gather.finishes, 0);
        trial_close(&trial);
    }
    built_clear(&built);
}

static _Thread_local uint64_t pause_state = 1;

static void pause_at_random(void)
{
    pause_state ^= (uint64_t)(uintptr_t)&pause_state;
    if (draw_below(&pause_state, 3) == 0)
        (void)nanosleep(&(struct timespec){0, (long)draw_below(&pause_state, 300000)}, NULL);
}

/* Sinks that take their time get their pieces in order all the same, and no worker runs far ahead. */
/* Octets of a file from a place on that cannot be read: met when a chunk is read ahead, or in the walk, where a record
 * is longer than what was read. */
static struct {
    const struct pf_source_ops *ops;
    uint64_t bad_from;
} failing;

static enum pf_status failing_read_at(struct pf_source *source, void *memory, size_t size, uint64_t offset, size_t *got,
                                      struct pf_error *error)
{
    if (offset >= failing.bad_from || size > failing.bad_from - offset)
        return pf_fail_sys(error, 5, source->name, "could not be read");
    return failing.ops->read_at(source, memory, size, offset, got, error);
}

static void test_read_fails_within(void)
{
    struct built built = {NULL, 0, 0};
    put_capture(&built, &plain, 17, 400, 3000);
    for (uint64_t i = 0; i < 200; i++) {
        struct trial trial;
        struct pf_error error;
        trial_open(&trial, MEMORY, &built, 1, 1);
        struct pf_source *source = trial.opened[0].input.source;
        struct pf_source_ops ops = *source->ops;
        failing.ops = source->ops;
        failing.bad_from = 24 + i * (built.size - 24) / 200;
        ops.read_at = failing_read_at;
        source->ops = &ops;
        trial.pass.threads = 1 + (unsigned)(i % 4);
        trial.pass.chunk = 100 + 97 * (i % 7);
        CHECK_EQ(pf_pass_run(&trial.pass, &error), PF_OS_ERROR);
        CHECK_EQ(error.sys, 5);
        source->ops = failing.ops;
        trial_close(&trial);
    }
    built_clear(&built);
}

static void test_order(void)
{
    struct built built = {NULL, 0, 0};
    struct seen_list want = {NULL, 0, 0};
    uint64_t at;
    put_capture(&built, &plain, 10, 1000, 300);
    CHECK_EQ(naive_read(built.octets, built.size, 0, &want, &at), PF_NO_FAULT);
    for (unsigned i = 0; i < 16; i++) {
        struct trial trial;
        trial_open(&trial, (enum how)(i % HOWS), &built, 1, i);
        trial.gather.pause = pause_at_random;
        trial.pass.chunk = 200;
        trial.pass.threads = thread_counts[i / 4];
        check_pass(&trial, &want, NULL, 0);
        trial_close(&trial);
    }
    seen_clear(&want);
    built_clear(&built);
}

/* Whatever of the sink fails, the pass fails with it, ends, and no piece is lost. */
static void test_sink_fails(void)
{
    struct built builts[2] = {{NULL, 0, 0}};
    put_capture(&builts[0], &plain, 10, 300, 300);
    put_capture(&builts[1], &plain, 11, 100, 300);
    for (unsigned i = 0; i < 160; i++) {
        struct trial trial;
        struct pf_error error;
        const char *want;
        trial_open(&trial, (enum how)(i % HOWS), builts, 2, i);
        trial.pass.chunk = 100;
        trial.pass.threads = thread_counts[i % 3 + 1];
        switch (i / 4 % 4) {
        case 0:
            trial.gather.fail_at_accept = 1 + i % 50;
            want = "accept";
            break;
        case 1:
            trial.gather.fail_at_emit = 1 + i % 50;
            want = "emit";
            break;
        case 2:
            trial.gather.fail_at_begin = true;
            want = "begin";
            break;
        default:
            trial.gather.fail_at_finish = true;
            want = "finish";
        }
        trial.gather.pause = i % 7 == 0 ? pause_at_random : NULL;
        CHECK_STATUS(pf_pass_run(&trial.pass, &error), PF_INVALID);
        CHECK_TEXT(error.text, want);
        if (trial.gather.fail_at_emit != 0) /* none behind a gap */
            CHECK_EQ(trial.gather.emits, trial.gather.fail_at_emit);
        trial_close(&trial);
    }
    built_clear(&builts[0]);
    built_clear(&builts[1]);
}

static enum pf_status stop_at_once(void *context, struct pf_error *error)
{
    unsigned *left = context;
    if (*left == 0)
        return pf_fail(error, PF_STOPPED, "told to");
    --*left;
    return PF_OK;
}

static void slow_down(void)
{
    (void)nanosleep(&(struct timespec){0, 400000}, NULL);
}

/* Told to stop at some moment, a thousand times over: it does, and leaves an input that the next pass reads whole. */
static void test_cancel(void)
{
    struct built built = {NULL, 0, 0};
    struct seen_list want = {NULL, 0, 0};
    uint64_t at, stopped = 0;
    put_capture(&built, &plain, 12, 200, 300);
    CHECK_EQ(naive_read(built.octets, built.size, 0, &want, &at), PF_NO_FAULT);
    for (unsigned i = 0; i < 1000; i++) {
        struct trial trial;
        struct pf_error error;
        unsigned left = i % 3;
        struct pf_host host = {stop_at_once, &left};
        trial_open(&trial, i % 10 == 0 ? FILES : i % 2 == 0 ? MEMORY : STREAM, &built, 1, i);
        trial.pass.chunk = chunks[i % CHUNKS] + 40;
        trial.pass.threads = thread_counts[i % 4];
        trial.pass.host = &host;
        if (i % 20 == 0)
            trial.gather.pause = slow_down;
        enum pf_status status = pf_pass_run(&trial.pass, &error);
        CHECK(status == PF_OK || (status == PF_STOPPED && strcmp(error.text, "told to") == 0));
        stopped += status == PF_STOPPED;
        pf_pass_clear(&trial.pass);
        gather_clear(&trial.gather);
        gather_init(&trial.gather);
        trial.pass.host = NULL;
        atomic_store(&trial.pass.packets, 0);
        if (i % 4 == 0)
            check_pass(&trial, &want, NULL, 0);
        trial_close(&trial);
    }
    CHECK(stopped >= 300);
    seen_clear(&want);
    built_clear(&built);
}

struct refused {
    const struct built *built;
    enum how how;
};

static enum pf_status open_and_run(void *context, struct pf_error *error)
{
    struct refused *refused = context;
    struct opened opened = {.passes = 0};
    struct pf_input *inputs[] = {&opened.input};
    struct gather gather;
    struct pf_census census;
    struct pf_sink *sinks[] = {&gather.sink, &census.sink};
    struct pf_pass pass = {
        .inputs = inputs, .input_count = 1, .sinks = sinks, .sink_count = 2, .threads = 2, .chunk = 500};
    gather_init(&gather);
    pf_census_init(&census);
    enum pf_status status = open_one(&opened, refused->how, refused->built, 1, error);
    if (status == PF_OK) {
        status = pf_pass_run(&pass, error);
        pf_pass_clear(&pass);
        close_one(&opened);
    } else if (opened.path[0] != '\0') {
        (void)unlink(opened.path);
    }
    CHECK_EQ(atomic_load(&gather.live), 0);
    pf_census_clear(&census);
    gather_clear(&gather);
    return status;
}

static void test_refused(void)
{
    struct built built = {NULL, 0, 0};
    put_capture(&built, &plain, 12, 100, 3000);
    put_record_header(&built, &plain, 0, 0, UINT32_MAX, 0);
    for (unsigned how = 0; how < HOWS; how++) {
        struct refused refused = {&built, (enum how)how};
        CHECK(refuse_each(open_and_run, &refused) >= 10);
    }
    built_clear(&built);
}

static void test_predicates(void)
{
    struct built built = {NULL, 0, 0};
    struct seen_list all = {NULL, 0, 0}, want = {NULL, 0, 0};
    static const uint64_t numbers[] = {1, 2, 64, 65, 128, 129, 500, 501, 900, 999, 5000};
    static const uint64_t others[] = {2, 3, 65, 129, 130, 501, 999};
    struct pf_numbers some, more;
    struct pf_predicate *predicates[] = {&some.predicate, &more.predicate};
    uint64_t at;
    put_capture(&built, &plain, 13, 1000, 300);
    CHECK_EQ(naive_read(built.octets, built.size, 0, &all, &at), PF_NO_FAULT);
    pf_numbers_init(&some, numbers, sizeof numbers / sizeof numbers[0]);
    pf_numbers_init(&more, others, sizeof others / sizeof others[0]);
    static const uint64_t both[] = {2, 65, 129, 501, 999};
    for (size_t i = 0; i < sizeof both / sizeof both[0]; i++)
        seen_add(&want, &all.list[both[i] - 1]);
    for (size_t i = 0; i < CHUNKS; i++) {
        struct trial trial;
        struct pf_error error;
        trial_open(&trial, MEMORY, &built, 1, 1);
        trial.pass.predicates = predicates;
        trial.pass.predicate_count = 2;
        trial.pass.threads = 3;
        trial.pass.chunk = chunks[i] * 4;
        CHECK_OK(pf_pass_run(&trial.pass, &error));
        CHECK(seen_equal(&trial.gather.gathered, &want));
        CHECK_EQ(atomic_load(&trial.pass.packets), 1000); /* read, kept or not */
        CHECK_EQ(atomic_load(&trial.pass.octets), built.size);
        trial_close(&trial);
    }
    seen_clear(&want);
    seen_clear(&all);
    built_clear(&built);
}

static void test_nothing_to_do(void)
{
    struct pf_pass pass = {.input_count = 0, .threads = 2};
    struct pf_error error;
    CHECK_OK(pf_pass_run(&pass, &error));
    CHECK_EQ(pass.fault_count, 0);
    pf_pass_clear(&pass);
}

int main(void)
{
    test_same_records();
    test_every_chunk_size();
    test_zeros();
    test_several_inputs();
    test_cut_everywhere();
    test_fault_text();
    test_shrinks();
    test_replaced_and_grown();
    test_read_fails();
    test_read_fails_within();
    test_order();
    test_sink_fails();
    test_cancel();
    test_refused();
    test_predicates();
    test_nothing_to_do();
    return checks_done();
}
