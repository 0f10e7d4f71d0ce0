/* Octets beside a page that may not be touched, so that reading one too many ends the program. Needs _DEFAULT_SOURCE.
 */
#ifndef PF_TESTS_GUARD_H
#define PF_TESTS_GUARD_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*  | no access | room .................. | no access |  */
struct guard {
    uint8_t *mapped, *room;
    size_t page, size;
};

static inline void guard_init(struct guard *guard, size_t most)
{
    guard->page = (size_t)sysconf(_SC_PAGESIZE);
    guard->size = (most + guard->page) / guard->page * guard->page;
    guard->mapped = mmap(NULL, guard->size + 2 * guard->page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (guard->mapped == MAP_FAILED)
        abort();
    guard->room = guard->mapped + guard->page;
    if (mprotect(guard->room, guard->size, PROT_READ | PROT_WRITE) != 0)
        abort();
}

static inline void guard_clear(struct guard *guard)
{
    (void)munmap(guard->mapped, guard->size + 2 * guard->page);
}

/* A copy whose last octet stands before the page behind. */
static inline const uint8_t *guard_behind(struct guard *guard, const void *octets, size_t size)
{
    uint8_t *to = guard->room + guard->size - size;
    if (size != 0)
        memcpy(to, octets, size);
    return to;
}

/* A copy whose first octet stands after the page in front. */
static inline const uint8_t *guard_before(struct guard *guard, const void *octets, size_t size)
{
    if (size != 0)
        memcpy(guard->room, octets, size);
    return guard->room;
}

#endif
