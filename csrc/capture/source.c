#include "capture/source.h"

#include "base/alloc.h"

#include <string.h>

enum pf_status pf_source_init(struct pf_source *source, const struct pf_source_ops *ops, const char *name,
                              struct pf_error *error)
{
    size_t length = strlen(name);
    source->ops = ops;
    source->size = PF_SIZE_UNKNOWN;
    source->name = pf_alloc(length + 1);
    if (source->name == NULL)
        return pf_fail_memory(error);
    memcpy(source->name, name, length);
    return PF_OK;
}

void pf_source_free(struct pf_source *source)
{
    if (source == NULL)
        return;
    pf_free(source->name);
    source->ops->free(source);
}
