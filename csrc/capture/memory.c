#include "base/alloc.h"
#include "capture/source.h"

#include <string.h>

struct memory_source {
    struct pf_source base;
    const uint8_t *octets;
};

/* Copied, not shown: a writable buffer may change under us, and what was checked must be what is used. */
static enum pf_status read_at(struct pf_source *source, void *memory, size_t size, uint64_t offset, size_t *got,
                              struct pf_error *error)
{
    (void)error;
    uint64_t left = offset < source->size ? source->size - offset : 0;
    *got = size < left ? size : (size_t)left;
    if (*got != 0)
        memcpy(memory, ((struct memory_source *)source)->octets + offset, *got);
    return PF_OK;
}

static void release(struct pf_source *source)
{
    pf_free(source);
}

static const struct pf_source_ops ops = {.read_at = read_at, .free = release};

enum pf_status pf_source_memory(const char *name, const void *octets, size_t size, struct pf_source **source,
                                struct pf_error *error)
{
    struct memory_source *made = pf_alloc(sizeof *made);
    if (made == NULL)
        return pf_fail_memory(error);
    enum pf_status status = pf_source_init(&made->base, &ops, name, error);
    if (status != PF_OK) {
        pf_free(made);
        return status;
    }
    made->base.size = size;
    made->octets = octets;
    *source = &made->base;
    return PF_OK;
}
