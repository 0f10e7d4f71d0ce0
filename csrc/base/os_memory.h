/* Blocks of address space from the operating system. Any thread may call. */
#ifndef PF_BASE_OS_MEMORY_H
#define PF_BASE_OS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* 2 MiB: the huge page of x86-64 and arm64. Tables walked at random cost a TLB miss per look-up on 4 KiB pages. */
#define PF_BLOCK_SIZE ((size_t)2 << 20)

/* `size` octets (a multiple of PF_BLOCK_SIZE), aligned to PF_BLOCK_SIZE, zeroed, with `huge` on huge pages where the
 * system gives them; NULL when refused. */
void *pf_os_block_map(size_t size, bool huge);
void pf_os_block_unmap(void *block, size_t size);

#endif
