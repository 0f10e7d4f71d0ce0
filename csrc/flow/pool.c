#include "flow/pool.h"

#include "base/alloc.h"

#include <string.h>

void pf_flow_pool_init(struct pf_flow_pool *pool)
{
    memset(pool, 0, sizeof *pool);
    pool->free = (uint32_t)PF_NO_FLOW;
}

void pf_flow_pool_clear(struct pf_flow_pool *pool)
{
    for (size_t i = 0; i < pool->count; i++)
        pf_os_block_unmap(pool->blocks[i], PF_BLOCK_SIZE);
    pf_free(pool->blocks);
    pf_flow_pool_init(pool);
}

static bool add_block(struct pf_flow_pool *pool)
{
    if (pool->count == pool->capacity) {
        size_t capacity = pf_grown(pool->capacity, pool->count + 1, sizeof *pool->blocks);
        struct pf_flow **blocks = capacity != 0 ? pf_realloc(pool->blocks, capacity * sizeof(struct pf_flow *)) : NULL;
        if (blocks == NULL)
            return false;
        pool->blocks = blocks;
        pool->capacity = capacity;
    }
    /* The first on small pages: a few flows must not cost 2 MiB. */
    pool->blocks[pool->count] = pf_os_block_map(PF_BLOCK_SIZE, pool->count != 0);
    if (pool->blocks[pool->count] == NULL)
        return false;
    pool->count++;
    return true;
}

uint32_t pf_flow_pool_take(struct pf_flow_pool *pool)
{
    uint32_t number = pool->free;
    if (number != PF_NO_FLOW) {
        struct pf_flow *flow = pf_flow_pool_at(pool, number);
        pool->free = flow->older;
        memset(flow, 0, sizeof *flow);
        return number;
    }
    if (pool->used == pool->count * PF_FLOWS_PER_BLOCK && !add_block(pool))
        return (uint32_t)PF_NO_FLOW;
    return pool->used++;
}

void pf_flow_pool_give(struct pf_flow_pool *pool, uint32_t number)
{
    pf_flow_pool_at(pool, number)->older = pool->free;
    pool->free = number;
}
