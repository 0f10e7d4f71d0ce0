/* Files that are still being written. */
#include "base/alloc.h"
#include "base/os_file.h"
#include "capture/source.h"

#include <errno.h>
#include <stdatomic.h>

enum { LOOK_AGAIN = 50 }; /* ms between looks at the end of a file: half of what a person notices */

/* --- a part of what is there ------------------------------------------------------------------------------------- */

struct snapshot {
    struct pf_source base;
    int fd;
    uint64_t head, skipped; /* behind the first `head` octets so many are left out */
};

static enum pf_status read_snapshot(struct pf_source *source, void *memory, size_t size, uint64_t offset, size_t *got,
                                    struct pf_error *error)
{
    const struct snapshot *snapshot = (const struct snapshot *)source;
    uint64_t left = offset < source->size ? source->size - offset : 0;
    size_t want = size < left ? size : (size_t)left, first = 0;
    int failed = 0;
    if (offset < snapshot->head) {
        uint64_t of_head = snapshot->head - offset;
        failed = pf_os_read_at(snapshot->fd, memory, want < of_head ? want : (size_t)of_head, offset, &first);
    }
    *got = first;
    if (failed == 0 && first < want && offset + first >= snapshot->head) {
        failed = pf_os_read_at(snapshot->fd, (uint8_t *)memory + first, want - first,
                               offset + first + snapshot->skipped, got);
        *got += first;
    }
    return failed == 0 ? PF_OK : pf_fail_sys(error, failed, source->name, "could not be read");
}

static void free_snapshot(struct pf_source *source)
{
    pf_os_close(((struct snapshot *)source)->fd);
    pf_free(source);
}

static const struct pf_source_ops snapshot_ops = {.read_at = read_snapshot, .free = free_snapshot};

enum pf_status pf_source_snapshot(const char *name, int fd, uint64_t head, uint64_t from, uint64_t end,
                                  struct pf_source **source, struct pf_error *error)
{
    if (head > from || from > end)
        return pf_fail(error, PF_INVALID, "%s: no such part of a file", name);
    struct snapshot *snapshot = pf_alloc(sizeof *snapshot);
    if (snapshot == NULL)
        return pf_fail_memory(error);
    snapshot->fd = -1;
    snapshot->head = head;
    snapshot->skipped = from - head;
    enum pf_status status = pf_source_init(&snapshot->base, &snapshot_ops, name, error);
    int failed = status == PF_OK ? pf_os_share(fd, &snapshot->fd) : 0;
    if (failed != 0)
        status = pf_fail_sys(error, failed, name, "could not be opened");
    if (status != PF_OK) {
        pf_source_free(&snapshot->base);
        return status;
    }
    snapshot->base.size = end - snapshot->skipped;
    *source = &snapshot->base;
    return PF_OK;
}

/* --- a file that is followed ------------------------------------------------------------------------------------- */

struct followed {
    struct pf_source base;
    int fd;
    uint64_t offset;
    atomic_bool ended;
};

static enum pf_status begin_followed(struct pf_source *source, struct pf_error *error)
{
    struct followed *followed = (struct followed *)source;
    (void)error;
    followed->offset = 0;
    atomic_store(&followed->ended, false);
    return PF_OK;
}

static enum pf_status read_followed(struct pf_source *source, struct pf_crew *crew, void *memory, size_t size,
                                    size_t *got, struct pf_error *error)
{
    struct followed *followed = (struct followed *)source;
    for (;;) {
        bool ended = atomic_load(&followed->ended), woken; /* what was written before that is read */
        int failed = pf_os_read_at(followed->fd, memory, size, followed->offset, got);
        followed->offset += *got;
        if (failed == 0 && *got == 0 && !ended) {
            int wake = pf_crew_wake_fd(crew);
            failed = pf_os_wait(&wake, 1, LOOK_AGAIN, &woken);
            if (failed == 0 && woken)
                return pf_fail(error, PF_STOPPED, "stopped");
            if (failed == 0)
                continue;
        }
        return failed == 0 ? PF_OK : pf_fail_sys(error, failed, source->name, "could not be read");
    }
}

static void free_followed(struct pf_source *source)
{
    pf_os_close(((struct followed *)source)->fd);
    pf_free(source);
}

static const struct pf_source_ops followed_ops = {
    .begin = begin_followed, .read = read_followed, .free = free_followed};

enum pf_status pf_source_follow(const char *path, struct pf_source **source, struct pf_error *error)
{
    struct followed *followed = pf_alloc(sizeof *followed);
    if (followed == NULL)
        return pf_fail_memory(error);
    followed->fd = -1;
    struct pf_file_facts facts;
    enum pf_status status = pf_source_init(&followed->base, &followed_ops, path, error);
    int failed = status == PF_OK ? pf_os_open(path, &followed->fd) : 0;
    if (status == PF_OK && failed == 0)
        failed = pf_os_facts(followed->fd, &facts);
    if (failed != 0)
        status = pf_fail_sys(error, failed, path, "could not be opened");
    else if (status == PF_OK && !facts.regular)
        status = pf_fail(error, PF_INVALID, "%s: only a file can be followed; a pipe is read to its end anyhow", path);
    if (status != PF_OK) {
        pf_source_free(&followed->base);
        return status;
    }
    *source = &followed->base;
    return PF_OK;
}

bool pf_source_follow_end(struct pf_source *source)
{
    if (source->ops != &followed_ops)
        return false;
    return !atomic_exchange(&((struct followed *)source)->ended, true);
}
