/* What must hold, or the target stops and says where. */
#ifndef PF_TESTS_HOLD_H
#define PF_TESTS_HOLD_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define must_hold(holds) must_hold_at((holds), __FILE__, __LINE__)
static inline void must_hold_at(bool holds, const char *file, int line)
{
    if (!holds) {
        (void)fprintf(stderr, "%s:%d\n", file, line);
        abort();
    }
}

#endif
