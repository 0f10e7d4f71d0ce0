/* Memory that belongs to one result and is freed with it.
 *
 *   2 MiB block   | piece | piece |   piece   | ...            |   pieces: powers of two, 64 octets to 1 MiB
 *   n x 2 MiB     | one large piece, mapped and unmapped alone |
 *
 * Pieces given back are kept per size and handed out again. Any thread may take and give; one thread inits and clears.
 */
#ifndef PF_BASE_ARENA_H
#define PF_BASE_ARENA_H

#include "base/os_thread.h"

#include <stddef.h>
#include <stdint.h>

enum { PF_PIECE_SIZES = 15 }; /* 2^6 ... 2^20 */

struct pf_arena {
    struct pf_mutex lock;
    void **blocks; /* the last one is being cut up */
    size_t count, capacity;
    size_t used; /* octets of the last block handed out */
    void *free[PF_PIECE_SIZES];
    uint64_t octets; /* asked of the operating system and not given back */
};

void pf_arena_init(struct pf_arena *arena);
void pf_arena_clear(struct pf_arena *arena); /* large pieces must have been given back; all others go with it */

/* At least `size` octets, zeroed, aligned to 64; NULL when refused. */
void *pf_arena_take(struct pf_arena *arena, size_t size);
void pf_arena_give(struct pf_arena *arena, void *piece, size_t size); /* the size it was taken with; NULL is fine */

#endif
