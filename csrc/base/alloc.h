/* The one way to memory: everything the core allocates comes through here, so that a test can refuse the n-th request.
 * Any thread may call. */
#ifndef PF_BASE_ALLOC_H
#define PF_BASE_ALLOC_H

#include "base/error.h"
#include <stdbool.h>

#include <stddef.h>
#include <stdint.h>

/* Asked before every request when it is set; true refuses it. Tests set it before any thread starts. */
extern bool (*pf_alloc_refuse)(size_t size);

void *pf_alloc(size_t size);                     /* zeroed; NULL when refused */
void *pf_alloc_array(size_t count, size_t size); /* zeroed; NULL when refused or too large */
void *pf_realloc(void *memory, size_t size);     /* what is new is not zeroed; on NULL the old memory stays */
/* Not zeroed, at the start of a page: where the kernel copies to. A copy to 16 octets behind one was measured five
 * times slower. Freed like all. */
void *pf_alloc_pages(size_t size);
void pf_free(void *memory);

/* The next capacity of a growing array that must hold at least `need`: doubles, 0 when that can't be. */
size_t pf_grown(size_t capacity, size_t need, size_t element);
/* Room for `need` elements of `size` in an array that grows so; it and its capacity stay as they are on failure. */
enum pf_status pf_grow(void **array, size_t *capacity, size_t need, size_t size, struct pf_error *error);

#endif
