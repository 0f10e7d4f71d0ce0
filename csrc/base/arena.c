#include "base/arena.h"

#include "base/alloc.h"
#include "base/os_memory.h"

#include <stdbool.h>
#include <string.h>

enum { SMALLEST = 6, LARGEST = SMALLEST + PF_PIECE_SIZES - 1 }; /* as powers of two */

/* The power of two a piece of `size` octets takes, LARGEST + 1 when it is mapped alone. */
static unsigned order_of(size_t size)
{
    unsigned order = SMALLEST;
    while (order <= LARGEST && (size_t)1 << order < size)
        order++;
    return order;
}

static size_t mapped_size(size_t size)
{
    return (size + PF_BLOCK_SIZE - 1) / PF_BLOCK_SIZE * PF_BLOCK_SIZE;
}

void pf_arena_init(struct pf_arena *arena)
{
    memset(arena, 0, sizeof *arena);
    pf_mutex_init(&arena->lock);
    arena->used = PF_BLOCK_SIZE;
}

void pf_arena_clear(struct pf_arena *arena)
{
    for (size_t i = 0; i < arena->count; i++)
        pf_os_block_unmap(arena->blocks[i], PF_BLOCK_SIZE);
    pf_free(arena->blocks);
    pf_mutex_clear(&arena->lock);
    memset(arena, 0, sizeof *arena);
}

static void *take_large_lock_held(struct pf_arena *arena, size_t size)
{
    if (size > SIZE_MAX - PF_BLOCK_SIZE)
        return NULL;
    void *piece = pf_os_block_map(mapped_size(size), true);
    if (piece != NULL)
        arena->octets += mapped_size(size);
    return piece;
}

static bool add_block_lock_held(struct pf_arena *arena)
{
    if (arena->count == arena->capacity) {
        size_t capacity = pf_grown(arena->capacity, arena->count + 1, sizeof *arena->blocks);
        void **blocks = capacity != 0 ? pf_realloc(arena->blocks, capacity * sizeof *blocks) : NULL;
        if (blocks == NULL)
            return false;
        arena->blocks = blocks;
        arena->capacity = capacity;
    }
    /* The first block on small pages: a result of a few keys must not cost 2 MiB. */
    void *block = pf_os_block_map(PF_BLOCK_SIZE, arena->count != 0);
    if (block == NULL)
        return false;
    /* What is left of the block before becomes free pieces: every piece is a power of two, so nothing is lost. */
    for (unsigned order = LARGEST; arena->count != 0 && order >= SMALLEST; order--) {
        if ((size_t)1 << order <= PF_BLOCK_SIZE - arena->used) {
            void *piece = (uint8_t *)arena->blocks[arena->count - 1] + arena->used;
            *(void **)piece = arena->free[order - SMALLEST];
            arena->free[order - SMALLEST] = piece;
            arena->used += (size_t)1 << order;
        }
    }
    arena->blocks[arena->count++] = block;
    arena->used = 0;
    arena->octets += PF_BLOCK_SIZE;
    return true;
}

static void *take_small_lock_held(struct pf_arena *arena, unsigned order)
{
    size_t size = (size_t)1 << order;
    void **free_list = &arena->free[order - SMALLEST];
    if (*free_list != NULL) {
        void *piece = *free_list;
        *free_list = *(void **)piece;
        memset(piece, 0, size);
        return piece;
    }
    if (size > PF_BLOCK_SIZE - arena->used && !add_block_lock_held(arena))
        return NULL;
    void *piece = (uint8_t *)arena->blocks[arena->count - 1] + arena->used;
    arena->used += size;
    return piece;
}

void *pf_arena_take(struct pf_arena *arena, size_t size)
{
    unsigned order = order_of(size);
    pf_mutex_lock(&arena->lock);
    void *piece = order > LARGEST ? take_large_lock_held(arena, size) : take_small_lock_held(arena, order);
    pf_mutex_unlock(&arena->lock);
    return piece;
}

void pf_arena_give(struct pf_arena *arena, void *piece, size_t size)
{
    if (piece == NULL)
        return;
    unsigned order = order_of(size);
    pf_mutex_lock(&arena->lock);
    if (order > LARGEST) {
        pf_os_block_unmap(piece, mapped_size(size));
        arena->octets -= mapped_size(size);
    } else {
        *(void **)piece = arena->free[order - SMALLEST];
        arena->free[order - SMALLEST] = piece;
    }
    pf_mutex_unlock(&arena->lock);
}
