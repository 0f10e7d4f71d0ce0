#ifndef PF_BASE_OS_RANDOM_H
#define PF_BASE_OS_RANDOM_H

#include <stddef.h>

/* Fills memory with octets nobody can guess. Any thread may call. */
void pf_os_random(void *memory, size_t size);

#endif
