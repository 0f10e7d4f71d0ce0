/* Indexes as octets: what was made comes back, and nothing else is taken. */
#define _DEFAULT_SOURCE
#include "capture/index.h"
#include "guard.h"
#include "refuse.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* As a walk makes one: `records` of 1000 octets, now and then without a time, now and then late. */
static void make(struct pf_pfx *index, size_t records, size_t descriptions, bool fault)
{
    struct pf_error error;
    uint64_t state = 7, at = 24;
    pf_pfx_begin(index, 24 + 1000 * records + 10);
    index->grain = 2500;
    memset(index->of.head, 1, sizeof index->of.head);
    for (size_t i = 0; i < descriptions; i++)
        CHECK_OK(pf_pfx_described(index, 1 + i, &error));
    for (size_t i = 0; i < records; i++, at += 1000) {
        struct pf_record record = {.timed = draw_below(&state, 5) != 0, .time = (int64_t)draw_below(&state, 900) - 400};
        CHECK_OK(pf_pfx_record(index, at, &record, &error));
    }
    struct pf_fault cut = {.kind = PF_CUT_SHORT, .frame_number = records + 1, .offset = at, .lost = 10};
    (void)snprintf(cut.text, sizeof cut.text, "cut");
    index->of.size = fault ? at + 10 : at;
    pf_pfx_end(index, at, fault ? &cut : NULL);
}

static bool same_place(const struct pf_pfx_place *a, const struct pf_pfx_place *b)
{
    return a->offset == b->offset && a->packets == b->packets && a->descriptions == b->descriptions &&
           a->timed == b->timed && a->time == b->time && a->greatest == b->greatest && a->least == b->least &&
           a->most == b->most;
}

static void check_same(const struct pf_pfx *a, const struct pf_pfx *b)
{
    CHECK(pf_identity_equal(&a->of, &b->of));
    CHECK_EQ(a->grain, b->grain);
    CHECK_EQ(a->count, b->count);
    CHECK(a->first_timed == b->first_timed && a->first_time == b->first_time && same_place(&a->end, &b->end));
    for (size_t i = 0; i < a->count && i < b->count; i++)
        CHECK(same_place(&a->places[i], &b->places[i]));
    for (size_t i = 0; i < a->end.descriptions; i++)
        CHECK_EQ(a->descriptions[i], b->descriptions[i]);
    CHECK_EQ(a->fault.kind, b->fault.kind);
    CHECK(a->fault.frame_number == b->fault.frame_number && a->fault.offset == b->fault.offset);
    CHECK_TEXT(a->fault.text, b->fault.text);
}

static void test_there_and_back(void)
{
    static const size_t sizes[] = {0, 1, 2, 3, 50};
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
        struct pf_pfx index, back;
        struct pf_error error;
        uint8_t *octets;
        size_t size;
        make(&index, sizes[i / 2], i % 4, i % 2 != 0);
        CHECK_OK(pf_pfx_encode(&index, &octets, &size, &error));
        CHECK(size <= pf_pfx_most_octets());
        if (CHECK_OK(pf_pfx_decode(&back, octets, size, &error))) {
            check_same(&index, &back);
            pf_pfx_clear(&back);
        }
        pf_free(octets);
        pf_pfx_clear(&index);
    }
}

/* Every truncation, behind a page that may not be touched, and every octet changed. */
static void test_damage(void)
{
    struct pf_pfx index, back;
    struct pf_error error;
    struct guard guard;
    uint8_t *octets;
    size_t size;
    make(&index, 9, 2, true);
    CHECK_OK(pf_pfx_encode(&index, &octets, &size, &error));
    guard_init(&guard, size);
    for (size_t n = 0; n < size; n++)
        CHECK_STATUS(pf_pfx_decode(&back, guard_behind(&guard, octets, n), n, &error), PF_INVALID);
    for (size_t n = 0; n < size; n++) {
        octets[n] ^= 0x41;
        CHECK_STATUS(pf_pfx_decode(&back, guard_behind(&guard, octets, size), size, &error), PF_INVALID);
        octets[n] ^= 0x41;
    }
    guard_clear(&guard);
    pf_free(octets);
    pf_pfx_clear(&index);
}

static void seal(uint8_t *octets, size_t size)
{
    struct pf_digest digest;
    uint8_t made[PF_DIGEST_ROOM];
    pf_digest_init(&digest, PF_SHA256);
    pf_digest_add(&digest, octets, size - PF_SHA256_SIZE);
    (void)pf_digest_finish(&digest, made);
    memcpy(octets + size - PF_SHA256_SIZE, made, PF_SHA256_SIZE);
}

/* What somebody wrote who knows the digest: taken or not, it holds what a walk relies on. */
static void test_hostile(void)
{
    enum { TRIALS = 20000, FIRST = 16 + 8 };
    struct pf_pfx index, back;
    struct pf_error error;
    uint8_t *octets, *bad;
    size_t size, taken = 0;
    uint64_t state = 3;
    make(&index, 9, 2, true);
    CHECK_OK(pf_pfx_encode(&index, &octets, &size, &error));
    bad = must(malloc(size));
    for (int i = 0; i < TRIALS; i++) {
        memcpy(bad, octets, size);
        for (size_t n = 1 + draw_below(&state, 3); n != 0; n--)
            bad[FIRST + draw_below(&state, size - FIRST)] = (uint8_t)(draw_below(&state, 2) == 0 ? 0xff : draw(&state));
        seal(bad, size);
        if (pf_pfx_decode(&back, bad, size, &error) != PF_OK)
            continue;
        taken++;
        size_t first, last;
        pf_pfx_between(&back, -100, 100, &first, &last);
        CHECK(first <= last && last <= back.count);
        for (size_t k = 0; k < back.count; k++) {
            const struct pf_pfx_place *place = &back.places[k];
            CHECK(place->offset < back.of.size && place->packets < back.end.packets &&
                  place->descriptions <= back.end.descriptions);
        }
        for (size_t k = 0; k < back.end.descriptions; k++)
            CHECK(back.descriptions[k] < back.of.size);
        CHECK(back.end.offset <= back.of.size);
        pf_pfx_clear(&back);
    }
    CHECK(taken != 0 && taken < TRIALS);
    free(bad);
    pf_free(octets);
    pf_pfx_clear(&index);
}

static void test_random_octets(void)
{
    enum { TRIALS = 2000, MOST = 4096 };
    struct pf_pfx back;
    struct pf_error error;
    struct guard guard;
    uint8_t octets[MOST];
    uint64_t state = 5;
    guard_init(&guard, MOST);
    for (int i = 0; i < TRIALS; i++) {
        size_t size = draw_below(&state, MOST);
        for (size_t n = 0; n < size; n++)
            octets[n] = (uint8_t)draw(&state);
        CHECK_STATUS(pf_pfx_decode(&back, guard_behind(&guard, octets, size), size, &error), PF_INVALID);
    }
    guard_clear(&guard);
}

/* The twin: looks at each stretch by itself. */
static void test_between(void)
{
    struct pf_pfx index;
    uint64_t state = 11;
    make(&index, 50, 0, false);
    for (int i = 0; i < 2000; i++) {
        int64_t low = (int64_t)draw_below(&state, 1000) - 500, high = low + (int64_t)draw_below(&state, 40) - 2;
        size_t first, last;
        pf_pfx_between(&index, low, high, &first, &last);
        for (size_t k = 0; k < index.count; k++) {
            const struct pf_pfx_place *place = &index.places[k];
            bool may = place->least <= place->most && place->least <= high && low <= place->most;
            CHECK(!may || (k >= first && k < last));
            CHECK(may || (k != first && k + 1 != last) || first == last);
        }
    }
    pf_pfx_clear(&index);
}

static void test_limits(void)
{
    struct pf_pfx index;
    struct pf_error error;
    pf_pfx_begin(&index, UINT64_MAX);
    CHECK(UINT64_MAX / index.grain < PF_PFX_STRETCHES);
    pf_pfx_begin(&index, 0);
    CHECK_EQ(index.grain, PF_PFX_LEAST_GRAIN);
    for (uint64_t i = 0; i < PF_PFX_DESCRIPTIONS; i++)
        CHECK_OK(pf_pfx_described(&index, i, &error));
    CHECK_STATUS(pf_pfx_described(&index, 1 << 20, &error), PF_INVALID);
    pf_pfx_clear(&index);
    struct pf_record record = {.timed = true};
    pf_pfx_begin(&index, 0);
    index.grain = 1; /* not what pf_pfx_begin chose */
    for (uint64_t i = 0; i <= PF_PFX_STRETCHES; i++)
        CHECK_OK(pf_pfx_record(&index, i, &record, &error));
    CHECK_STATUS(pf_pfx_record(&index, PF_PFX_STRETCHES + 1, &record, &error), PF_INVALID);
    pf_pfx_clear(&index);
}

static enum pf_status all_of_it(void *context, struct pf_error *error)
{
    struct pf_pfx index, back;
    struct pf_record record = {.timed = true};
    uint8_t *octets = NULL;
    size_t size = 0;
    (void)context;
    pf_pfx_begin(&index, 100);
    enum pf_status status = pf_pfx_described(&index, 1, error);
    if (status == PF_OK)
        status = pf_pfx_record(&index, 24, &record, error);
    index.of.size = 100;
    pf_pfx_end(&index, 100, NULL);
    if (status == PF_OK)
        status = pf_pfx_encode(&index, &octets, &size, error);
    if (status == PF_OK)
        status = pf_pfx_decode(&back, octets, size, error);
    if (status == PF_OK)
        pf_pfx_clear(&back);
    pf_pfx_clear(&index);
    pf_free(octets);
    return status;
}

/* --- which file it is of ------------------------------------------------------------------------------------------ */

static char path[] = "/tmp/pf-index-XXXXXX";
enum { MOST_OF_FILE = 3 * PF_PFX_LOOKED_AT };

/* Writes the file anew, of `size` octets of which the one at `changed` is another; its time is always the same. */
static void write_file(size_t size, size_t changed)
{
    static uint8_t octets[MOST_OF_FILE];
    memset(octets, 7, size);
    if (changed < size)
        octets[changed] = 8;
    int fd = open(path, O_WRONLY | O_TRUNC);
    CHECK(fd >= 0 && write(fd, octets, size) == (ssize_t)size);
    CHECK_EQ(futimens(fd, (const struct timespec[]){{1000, 5}, {1000, 5}}), 0);
    CHECK_EQ(close(fd), 0);
}

static enum pf_status identify(void *context, struct pf_error *error)
{
    return pf_identity_of(path, context, error);
}

/* A file is known again by its size, its time and both its ends; what lies between them nobody looks at. */
static void test_identity(void)
{
    static const size_t sizes[] = {0, 1, PF_PFX_LOOKED_AT, PF_PFX_LOOKED_AT + 1, MOST_OF_FILE};
    struct pf_identity first, now;
    struct pf_error error;
    CHECK_EQ(close(mkstemp(path)), 0);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = sizes[i], middle = size / 2;
        write_file(size, size);
        CHECK_OK(pf_identity_of(path, &first, &error));
        CHECK(first.size == size && first.modified == 1000000000005 && pf_identity_likely(&first, path));
        CHECK_OK(pf_identity_of(path, &now, &error));
        CHECK(pf_identity_equal(&first, &now));
        for (size_t at = 0; at < size; at += size > 1 ? size - 1 : 1) {
            write_file(size, at);
            CHECK_OK(pf_identity_of(path, &now, &error));
            CHECK(!pf_identity_equal(&first, &now) && pf_identity_likely(&first, path));
        }
        write_file(size, middle);
        CHECK_OK(pf_identity_of(path, &now, &error));
        CHECK_EQ(pf_identity_equal(&first, &now), size == 0 || size == MOST_OF_FILE);
        write_file(size == 0 ? 1 : size - 1, size);
        CHECK_OK(pf_identity_of(path, &now, &error));
        CHECK(!pf_identity_equal(&first, &now) && !pf_identity_likely(&first, path));
    }
    write_file(10, 10);
    CHECK_OK(pf_identity_of(path, &first, &error));
    CHECK_EQ(utimensat(AT_FDCWD, path, (const struct timespec[]){{1000, 5}, {1000, 6}}, 0), 0);
    CHECK_OK(pf_identity_of(path, &now, &error));
    CHECK(!pf_identity_equal(&first, &now) && !pf_identity_likely(&first, path));
    CHECK_EQ(refuse_each(identify, &now), 1);
    CHECK_EQ(unlink(path), 0);
    CHECK(!pf_identity_likely(&first, path));
    CHECK_STATUS(pf_identity_of(path, &now, &error), PF_OS_ERROR);
    CHECK_TEXT(error.file, path);
}

int main(void)
{
    test_identity();
    test_there_and_back();
    test_damage();
    test_hostile();
    test_random_octets();
    test_between();
    test_limits();
    (void)refuse_each(all_of_it, NULL);
    return checks_done();
}
