/* Where open flows live: by number, in blocks of 2 MiB on huge pages, those given back handed out again. One thread. */
#ifndef PF_FLOW_POOL_H
#define PF_FLOW_POOL_H

#include "base/os_memory.h"
#include "flow/flow.h"

enum { PF_FLOWS_PER_BLOCK = PF_BLOCK_SIZE / sizeof(struct pf_flow), PF_NO_FLOW = UINT32_MAX };

struct pf_flow_pool {
    struct pf_flow **blocks;
    size_t count, capacity;
    uint32_t used; /* numbers handed out at least once */
    uint32_t free; /* the last one given back, which knows the one before as `older`; or PF_NO_FLOW */
};

void pf_flow_pool_init(struct pf_flow_pool *pool);
void pf_flow_pool_clear(struct pf_flow_pool *pool);
/* A zeroed flow's number, or PF_NO_FLOW when memory is refused. */
uint32_t pf_flow_pool_take(struct pf_flow_pool *pool);
void pf_flow_pool_give(struct pf_flow_pool *pool, uint32_t number);

static inline struct pf_flow *pf_flow_pool_at(const struct pf_flow_pool *pool, uint32_t number)
{
    return &pool->blocks[number / PF_FLOWS_PER_BLOCK][number % PF_FLOWS_PER_BLOCK];
}

#endif
