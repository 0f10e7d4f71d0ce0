/* A stream over memory that gives 1 to `most` octets at a time, at random. */
#ifndef PF_TESTS_STREAM_H
#define PF_TESTS_STREAM_H

#include "base/alloc.h"
#include "capture/source.h"
#include "check.h"

struct stream {
    struct pf_source base;
    const uint8_t *octets;
    size_t size, at, most;
    size_t fails_at; /* SIZE_MAX: never; where read() fails */
    uint64_t state;
    unsigned *passes; /* begun and not ended; the caller's, may be NULL */
};

static inline enum pf_status stream_begin(struct pf_source *source, struct pf_error *error)
{
    struct stream *stream = (struct stream *)source;
    (void)error;
    if (!source->once)
        stream->at = 0; /* read anew by every pass */
    if (stream->passes != NULL)
        ++*stream->passes;
    return PF_OK;
}

static inline void stream_end(struct pf_source *source)
{
    struct stream *stream = (struct stream *)source;
    if (stream->passes != NULL)
        --*stream->passes;
}

static inline enum pf_status stream_read(struct pf_source *source, struct pf_crew *crew, void *memory, size_t size,
                                         size_t *got, struct pf_error *error)
{
    struct stream *stream = (struct stream *)source;
    size_t left = stream->size - stream->at, give = 1 + draw_below(&stream->state, stream->most);
    if (size == 0)
        abort(); /* nobody asks for nothing */
    if (pf_crew_stopped(crew))
        return pf_fail(error, PF_STOPPED, "stopped");
    if (stream->at >= stream->fails_at)
        return pf_fail_sys(error, 5, source->name, "could not be read");
    give = give < size ? give : size;
    *got = give < left ? give : left;
    if (*got != 0)
        memcpy(memory, stream->octets + stream->at, *got);
    stream->at += *got;
    return PF_OK;
}

static inline void stream_free(struct pf_source *source)
{
    pf_free(source);
}

static const struct pf_source_ops stream_ops = {
    .begin = stream_begin,
    .end = stream_end,
    .read = stream_read,
    .free = stream_free,
};

static inline enum pf_status stream_new(const char *name, const void *octets, size_t size, size_t most, bool once,
                                        uint64_t seed, struct stream **made, struct pf_error *error)
{
    struct stream *stream = pf_alloc(sizeof *stream);
    if (stream == NULL)
        return pf_fail_memory(error);
    enum pf_status status = pf_source_init(&stream->base, &stream_ops, name, error);
    if (status != PF_OK) {
        pf_free(stream);
        return status;
    }
    stream->base.once = once;
    stream->octets = octets;
    stream->size = size;
    stream->most = most;
    stream->fails_at = SIZE_MAX;
    stream->state = seed;
    *made = stream;
    return PF_OK;
}

#endif
