/* Where octets come from.
 *
 * A source is either *seekable*: its size is known (the size seen when it was opened is the size read),
 * read_at() may be called by several threads at once, and several passes may be under way; or a *stream*: octets come
 * in order from read(), called by one thread at a time, and there is one pass at a time. Each pass calls begin() before
 * it reads and end() after it, from any thread. Implementations embed struct pf_source first. */
#ifndef PF_CAPTURE_SOURCE_H
#define PF_CAPTURE_SOURCE_H

#include "base/crew.h"
#include "base/error.h"
#include "capture/fault.h"

#define PF_SIZE_UNKNOWN UINT64_MAX

struct pf_source;

struct pf_source_ops {
    enum pf_status (*begin)(struct pf_source *source, struct pf_error *error); /* NULL: there is nothing to do */
    void (*end)(struct pf_source *source);                                     /* the same */
    /* Fewer octets than asked for mean the end. */
    enum pf_status (*read_at)(struct pf_source *source, void *memory, size_t size, uint64_t offset, size_t *got,
                              struct pf_error *error);
    /* At least one octet, or 0 for the end; PF_STOPPED when the crew stops while it waits. */
    enum pf_status (*read)(struct pf_source *source, struct pf_crew *crew, void *memory, size_t size, size_t *got,
                           struct pf_error *error);
    void (*free)(struct pf_source *source);
};

struct pf_source {
    const struct pf_source_ops *ops;
    char *name;    /* for messages; owned */
    uint64_t size; /* PF_SIZE_UNKNOWN for a stream */
    bool once;     /* serves one pass only */
    /* A stream that gave no more octets before its time says here why (kind and text); PF_NO_FAULT otherwise. */
    struct pf_fault broken;
};

static inline bool pf_source_seekable(const struct pf_source *source)
{
    return source->ops->read_at != NULL;
}

static inline enum pf_status pf_source_begin(struct pf_source *source, struct pf_error *error)
{
    return source->ops->begin != NULL ? source->ops->begin(source, error) : PF_OK;
}

static inline void pf_source_end(struct pf_source *source)
{
    if (source->ops->end != NULL)
        source->ops->end(source);
}

/* A regular file is seekable; a FIFO, a device or "-" (standard input) is a stream. */
enum pf_status pf_source_file(const char *path, struct pf_source **source, struct pf_error *error);
bool pf_source_is_file(const struct pf_source *source); /* a regular one */
/* A stream that is open already, from which the octets of `head` (at most PF_SOURCE_HEAD) were taken. The descriptor is
 * the source's from then on, also when this fails. */
enum { PF_SOURCE_HEAD = 16 };
enum pf_status pf_source_stream(const char *name, int fd, const void *head, size_t head_size, struct pf_source **source,
                                struct pf_error *error);
/* Octets in memory, which must stay where they are until the source is freed. */
enum pf_status pf_source_memory(const char *name, const void *octets, size_t size, struct pf_source **source,
                                struct pf_error *error);

/* What lies in a file that may still grow, and may lose its name: its first `head` octets and those from `from` to
 * `end`. Shares the open file of `fd`, which stays the caller's. */
enum pf_status pf_source_snapshot(const char *name, int fd, uint64_t head, uint64_t from, uint64_t end,
                                  struct pf_source **source, struct pf_error *error);
/* A file that grows: a stream which waits at its end for more, until pf_source_follow_end (from any thread) says that
 * what is there is all of it. Each pass begins at the file's beginning. */
enum pf_status pf_source_follow(const char *path, struct pf_source **source, struct pf_error *error);
bool pf_source_follow_end(struct pf_source *source); /* false where it is none, or was told since it began */

void pf_source_free(struct pf_source *source); /* NULL is fine */
/* Gives it another name, for messages: a file is still opened by its path. */
enum pf_status pf_source_call(struct pf_source *source, const char *name, struct pf_error *error);
/* For implementations: sets what all have in common. */
enum pf_status pf_source_init(struct pf_source *source, const struct pf_source_ops *ops, const char *name,
                              struct pf_error *error);

#endif
