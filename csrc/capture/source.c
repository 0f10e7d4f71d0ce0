#include "capture/source.h"

#include "base/alloc.h"

#include <string.h>

enum pf_status pf_source_init(struct pf_source *source, const struct pf_source_ops *ops, const char *name,
                              struct pf_error *error)
{
    source->ops = ops;
    source->size = PF_SIZE_UNKNOWN;
    return pf_source_call(source, name, error);
}

enum pf_status pf_source_call(struct pf_source *source, const char *name, struct pf_error *error)
{
    size_t length = strlen(name);
    char *copy = pf_alloc(length + 1);
    if (copy == NULL)
        return pf_fail_memory(error);
    memcpy(copy, name, length);
    pf_free(source->name);
    source->name = copy;
    return PF_OK;
}

void pf_source_free(struct pf_source *source)
{
    if (source == NULL)
        return;
    pf_free(source->name);
    source->ops->free(source);
}
