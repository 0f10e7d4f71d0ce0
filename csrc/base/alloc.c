#include "base/alloc.h"

#include <stdlib.h>

bool (*pf_alloc_refuse)(size_t size) = NULL;

static bool refused(size_t size)
{
    return pf_alloc_refuse != NULL && pf_alloc_refuse(size);
}

void *pf_alloc(size_t size)
{
    return refused(size) ? NULL : calloc(1, size != 0 ? size : 1);
}

void *pf_alloc_array(size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    return pf_alloc(count * size);
}

void *pf_realloc(void *memory, size_t size)
{
    return refused(size) ? NULL : realloc(memory, size != 0 ? size : 1);
}

void *pf_alloc_pages(size_t size)
{
    enum { PAGE = 4096 };
    return refused(size) || size > SIZE_MAX - PAGE ? NULL : aligned_alloc(PAGE, (size + PAGE - 1) / PAGE * PAGE);
}

void pf_free(void *memory)
{
    free(memory);
}

size_t pf_grown(size_t capacity, size_t need, size_t element)
{
    size_t most = SIZE_MAX / 2 / (element != 0 ? element : 1);
    if (need > most)
        return 0;
    size_t grown = capacity != 0 ? capacity : 16;
    while (grown < need)
        grown = grown <= most / 2 ? grown * 2 : need;
    return grown;
}

enum pf_status pf_grow(void **array, size_t *capacity, size_t need, size_t size, struct pf_error *error)
{
    if (need <= *capacity)
        return PF_OK;
    size_t more = pf_grown(*capacity, need, size);
    void *grown = more != 0 ? pf_realloc(*array, more * size) : NULL;
    if (grown == NULL)
        return pf_fail_memory(error);
    *array = grown;
    *capacity = more;
    return PF_OK;
}
