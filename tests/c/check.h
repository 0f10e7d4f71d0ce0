/* Checks that count. A failed one says where and what, and the test goes on. Any thread may check. */
#ifndef PF_TESTS_CHECK_H
#define PF_TESTS_CHECK_H

#include "base/error.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_ulong checks_passed, checks_failed;

static inline bool check_that(bool holds, const char *what, const char *file, int line)
{
    enum { ENOUGH = 50 };
    if (holds) {
        atomic_fetch_add_explicit(&checks_passed, 1, memory_order_relaxed);
        return true;
    }
    (void)fprintf(stderr, "%s:%d: %s\n", file, line, what);
    if (atomic_fetch_add(&checks_failed, 1) + 1 >= ENOUGH) {
        (void)fprintf(stderr, "given up after %d failures\n", ENOUGH);
        exit(1);
    }
    return false;
}

static inline bool check_equal(uint64_t got, uint64_t want, const char *what, const char *file, int line)
{
    char text[300];
    if (got == want)
        return check_that(true, what, file, line);
    (void)snprintf(text, sizeof text, "%s: got %" PRIu64 " (0x%" PRIx64 "), want %" PRIu64, what, got, got, want);
    return check_that(false, text, file, line);
}

static inline bool check_text(const char *got, const char *want, const char *file, int line)
{
    char text[1200];
    if (strcmp(got, want) == 0)
        return check_that(true, want, file, line);
    (void)snprintf(text, sizeof text, "got \"%s\", want \"%s\"", got, want);
    return check_that(false, text, file, line);
}

static inline bool check_status(enum pf_status got, enum pf_status want, const struct pf_error *error, const char *what,
                                const char *file, int line)
{
    char text[900];
    if (got == want)
        return check_that(true, what, file, line);
    (void)snprintf(text, sizeof text, "%s: got status %d (%s), want %d", what, (int)got,
                   got != PF_OK ? error->text : "", (int)want);
    return check_that(false, text, file, line);
}

#define CHECK(condition) check_that((condition), #condition, __FILE__, __LINE__)
#define CHECK_EQ(got, want) check_equal((uint64_t)(got), (uint64_t)(want), #got, __FILE__, __LINE__)
#define CHECK_TEXT(got, want) check_text((got), (want), __FILE__, __LINE__)
#define CHECK_STATUS(call, want) check_status((call), (want), &error, #call, __FILE__, __LINE__) /* with an `error` */
#define CHECK_OK(call) CHECK_STATUS(call, PF_OK)

/* The last line of main(). */
static inline int checks_done(void)
{
    unsigned long failed = atomic_load(&checks_failed);
    (void)printf("%lu passed, %lu failed\n", atomic_load(&checks_passed), failed);
    return failed != 0;
}

/* Memory that a test can't do without. */
static inline void *must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

/* splitmix64 (Steele, Lea and Flood 2014): the same numbers in every run. */
static inline uint64_t draw(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline size_t draw_below(uint64_t *state, size_t limit)
{
    return (size_t)(draw(state) % limit);
}

#endif
