#define _DEFAULT_SOURCE
#include "base/os_memory.h"

#include "base/alloc.h"

#include <stdint.h>
#include <sys/mman.h>

void *pf_os_block_map(size_t size, bool huge)
{
    if (size > SIZE_MAX - PF_BLOCK_SIZE || (pf_alloc_refuse != NULL && pf_alloc_refuse(size)))
        return NULL;
    /* Mapped one block too large and cut to the aligned part: POSIX has no aligned mmap. */
    size_t whole = size + PF_BLOCK_SIZE;
    uint8_t *raw = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED)
        return NULL;
    size_t before = (PF_BLOCK_SIZE - (uintptr_t)raw % PF_BLOCK_SIZE) % PF_BLOCK_SIZE;
    uint8_t *block = raw + before;
    if (before != 0)
        (void)munmap(raw, before);
    (void)munmap(block + size, PF_BLOCK_SIZE - before);
#ifdef MADV_HUGEPAGE
    if (huge)
        (void)madvise(block, size, MADV_HUGEPAGE);
#else
    (void)huge;
#endif
    return block;
}

void pf_os_block_unmap(void *block, size_t size)
{
    if (block != NULL)
        (void)munmap(block, size);
}
