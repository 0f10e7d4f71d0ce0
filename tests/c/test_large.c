/* Files beyond 4 GiB, also where pointers have 32 bits: what the system gives of them, and a walk over one. */
#define _DEFAULT_SOURCE
#include "base/os_file.h"
#include "build.h"
#include "capture/input.h"
#include "naive.h"
#include "pass/pass.h"

#include <errno.h>

#define FAR ((uint64_t)5 << 30)

/* Octets in a file that is a hole but for them. */
static void test_file(void)
{
    struct pf_draft draft;
    struct pf_file_facts facts;
    uint8_t octets[16];
    size_t got;
    CHECK_EQ(pf_draft_begin_unnamed(&draft, "/tmp"), 0);
    int failed = pf_draft_cut(&draft, FAR);
    if (failed == EFBIG || failed == ENOSPC || failed == EINVAL) {
        (void)fprintf(stderr, "no file of 5 GiB can be made in /tmp: not tried\n");
        pf_draft_abandon(&draft);
        return;
    }
    CHECK_EQ(failed, 0);
    CHECK_EQ(pf_draft_write(&draft, "behind", 6), 0);
    CHECK_EQ(pf_draft_write_at(&draft, "before", 6, FAR - 6), 0);
    CHECK_EQ(pf_os_facts(draft.fd, &facts), 0);
    CHECK_EQ(facts.size, FAR + 6);
    CHECK_EQ(pf_os_read_at(draft.fd, octets, sizeof octets, FAR - 6, &got), 0);
    CHECK(got == 12 && memcmp(octets, "beforebehind", 12) == 0);
    CHECK_EQ(pf_os_read_at(draft.fd, octets, sizeof octets, FAR - ((uint64_t)1 << 32), &got), 0);
    CHECK(got == sizeof octets && octets[0] == 0 && memcmp(octets, octets + 1, sizeof octets - 1) == 0);
    pf_draft_abandon(&draft);
}

/* A source that has octets at both ends and nothing that anybody may look at between them. */
struct ends {
    struct pf_source base;
    struct built first, last;
};

static void copy(uint8_t *to, size_t size, uint64_t offset, const struct built *from, uint64_t begins)
{
    for (size_t i = 0; i < from->size; i++) {
        if (begins + i >= offset && begins + i - offset < size)
            to[begins + i - offset] = from->octets[i];
    }
}

static enum pf_status read_at(struct pf_source *source, void *memory, size_t size, uint64_t offset, size_t *got,
                              struct pf_error *error)
{
    struct ends *ends = (struct ends *)source;
    (void)error;
    uint64_t left = offset < source->size ? source->size - offset : 0;
    *got = size < left ? size : (size_t)left;
    copy(memory, *got, offset, &ends->first, 0);
    copy(memory, *got, offset, &ends->last, source->size - ends->last.size);
    return PF_OK;
}

static void release(struct pf_source *source)
{
    built_clear(&((struct ends *)source)->first);
    built_clear(&((struct ends *)source)->last);
    free(source);
}

static const struct pf_source_ops ends_ops = {.read_at = read_at, .free = release};

static void put_words(struct built *built, const uint32_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put_number(built, words[i], 4, false);
}

static void put_packet(struct built *built, uint32_t microseconds)
{
    const uint32_t packet[] = {6, 36, 0, 0, microseconds, 4, 4, 0x04030201, 36};
    put_words(built, packet, sizeof packet / sizeof packet[0]);
}

/* A packet, a block of nearly 4 GiB that nobody knows, and a packet behind it. */
static void test_walk(unsigned threads)
{
    enum { BLOCK = 12 };
    const uint32_t head[] = {0x0a0d0d0a, 28, 0x1a2b3c4d, 1, UINT32_MAX, UINT32_MAX, 28, 1, 20, 1, 0, 20};
    const uint32_t unknown[] = {0xbad, UINT32_MAX - 15, 0};
    struct pf_error error;
    struct ends *ends = must(calloc(1, sizeof *ends));
    struct pf_input input, *inputs[] = {&input};
    struct gather gather;
    gather_init(&gather);
    struct pf_sink *sinks[] = {&gather.sink};
    CHECK_OK(pf_source_init(&ends->base, &ends_ops, "large", &error));
    put_words(&ends->first, head, sizeof head / sizeof head[0]);
    put_packet(&ends->first, 1);
    put_words(&ends->first, unknown, sizeof unknown / sizeof unknown[0]);
    put_packet(&ends->last, 2);
    ends->base.size = (uint64_t)ends->first.size - BLOCK + unknown[1] + ends->last.size;
    CHECK_OK(pf_input_open(&input, &ends->base, NULL, &error));
    struct pf_pass pass = {
        .inputs = inputs, .input_count = 1, .sinks = sinks, .sink_count = 1, .threads = threads, .chunk = 4 << 20};
    CHECK_OK(pf_pass_run(&pass, &error));
    CHECK_EQ(pass.fault_count, 0);
    if (CHECK(gather.gathered.size == 2))
        CHECK(gather.gathered.list[0].time == 1000 && gather.gathered.list[1].time == 2000);
    CHECK_EQ(atomic_load(&pass.octets), ends->base.size);
    pf_pass_clear(&pass);
    gather_clear(&gather);
    pf_input_close(&input);
}

int main(void)
{
    test_file();
    test_walk(1);
    test_walk(2);
    return checks_done();
}
