/* Runs something again and again, its first, second, third ... allocation refused, until nothing is left to refuse.
 * What it leaks meanwhile is found by LeakSanitizer or valgrind. */
#ifndef PF_TESTS_REFUSE_H
#define PF_TESTS_REFUSE_H

#include "base/alloc.h"
#include "check.h"

static atomic_long refuse_countdown;

static inline bool refuse_one(size_t size)
{
    (void)size;
    return atomic_fetch_sub(&refuse_countdown, 1) == 1;
}

/* run() tells what became of it and leaves nothing behind. Returns how many allocations it makes. */
static inline long refuse_each(enum pf_status (*run)(void *context, struct pf_error *error), void *context)
{
    enum { ENOUGH = 100000 };
    for (long n = 1; n < ENOUGH; n++) {
        struct pf_error error = {.status = PF_OK};
        atomic_store(&refuse_countdown, n);
        pf_alloc_refuse = refuse_one;
        enum pf_status status = run(context, &error);
        pf_alloc_refuse = NULL;
        if (atomic_load(&refuse_countdown) > 0) {
            CHECK_OK(status);
            return n - 1;
        }
        CHECK_STATUS(status, PF_NO_MEMORY);
        CHECK_EQ(error.status, PF_NO_MEMORY);
    }
    CHECK(!"an end of the allocations");
    return ENOUGH;
}

#endif
