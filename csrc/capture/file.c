#include "base/alloc.h"
#include "base/os_file.h"
#include "base/os_thread.h"
#include "capture/source.h"

#include <errno.h>
#include <string.h>

/* A regular file is open only while passes read it, so that thousands of them cost no descriptors in between; when it
 * is opened again it must still be the same file. A stream stays open from the start. */
struct file_source {
    struct pf_source base;
    char *path;           /* of a regular file, opened again by every pass; owned */
    struct pf_mutex lock; /* guards fd and passes of a regular file */
    int fd;               /* -1: not open */
    unsigned passes;
    struct pf_file_facts facts;
    uint8_t head[PF_SOURCE_HEAD]; /* octets of a stream that come before the rest */
    size_t head_size;
};

static enum pf_status refused(const struct pf_source *source, int sys, const char *doing, struct pf_error *error)
{
    return pf_fail_sys(error, sys, source->name, doing);
}

static enum pf_status open_file(struct file_source *file, const char *path, struct pf_file_facts *facts,
                                struct pf_error *error)
{
    int failed = pf_os_open(path, &file->fd);
    if (failed == 0)
        failed = pf_os_facts(file->fd, facts);
    if (failed == 0 && facts->directory)
        failed = EISDIR;
    return failed == 0 ? PF_OK : refused(&file->base, failed, "could not be opened", error);
}

static void end_regular(struct pf_source *source)
{
    struct file_source *file = (struct file_source *)source;
    pf_mutex_lock(&file->lock);
    if (--file->passes == 0) {
        pf_os_close(file->fd);
        file->fd = -1;
    }
    pf_mutex_unlock(&file->lock);
}

static enum pf_status reopen_lock_held(struct file_source *file, struct pf_error *error)
{
    struct pf_file_facts now;
    enum pf_status status = open_file(file, file->path, &now, error);
    if (status == PF_OK && (now.device != file->facts.device || now.inode != file->facts.inode))
        status = pf_fail(error, PF_NOT_CAPTURE, "%s: is no longer the file that was opened: it was replaced",
                         file->base.name);
    if (status != PF_OK) {
        pf_os_close(file->fd);
        file->fd = -1;
    }
    return status;
}

static enum pf_status begin_regular(struct pf_source *source, struct pf_error *error)
{
    struct file_source *file = (struct file_source *)source;
    pf_mutex_lock(&file->lock);
    enum pf_status status = file->passes == 0 ? reopen_lock_held(file, error) : PF_OK;
    if (status == PF_OK)
        file->passes++;
    pf_mutex_unlock(&file->lock);
    return status;
}

static enum pf_status read_at(struct pf_source *source, void *memory, size_t size, uint64_t offset, size_t *got,
                              struct pf_error *error)
{
    uint64_t left = offset < source->size ? source->size - offset : 0;
    int failed =
        pf_os_read_at(((struct file_source *)source)->fd, memory, size < left ? size : (size_t)left, offset, got);
    return failed == 0 ? PF_OK : refused(source, failed, "could not be read", error);
}

static enum pf_status read_some(struct pf_source *source, struct pf_crew *crew, void *memory, size_t size, size_t *got,
                                struct pf_error *error)
{
    struct file_source *file = (struct file_source *)source;
    if (file->head_size != 0) {
        *got = file->head_size < size ? file->head_size : size;
        memcpy(memory, file->head, *got);
        file->head_size -= *got;
        memmove(file->head, file->head + *got, file->head_size);
        return PF_OK;
    }
    int failed = pf_os_read(file->fd, pf_crew_wake_fd(crew), memory, size, got);
    if (failed == ECANCELED)
        return pf_fail(error, PF_STOPPED, "stopped");
    return failed == 0 ? PF_OK : refused(source, failed, "could not be read", error);
}

static void release(struct pf_source *source)
{
    struct file_source *file = (struct file_source *)source;
    pf_mutex_clear(&file->lock);
    pf_free(file->path);
    if (file->fd > 0) /* 0 is standard input, which is not ours to close */
        pf_os_close(file->fd);
    pf_free(file);
}

static const struct pf_source_ops regular_ops = {
    .begin = begin_regular, .end = end_regular, .read_at = read_at, .free = release};
static const struct pf_source_ops stream_ops = {.read = read_some, .free = release};

bool pf_source_is_file(const struct pf_source *source)
{
    return source->ops == &regular_ops;
}

static enum pf_status keep_path(struct file_source *file, const char *path, struct pf_error *error)
{
    size_t length = strlen(path);
    file->path = pf_alloc(length + 1);
    if (file->path == NULL)
        return pf_fail_memory(error);
    memcpy(file->path, path, length);
    return PF_OK;
}

enum pf_status pf_source_file(const char *path, struct pf_source **source, struct pf_error *error)
{
    bool standard_input = strcmp(path, "-") == 0;
    struct file_source *file = pf_alloc(sizeof *file);
    if (file == NULL)
        return pf_fail_memory(error);
    file->fd = standard_input ? 0 : -1;
    pf_mutex_init(&file->lock);
    enum pf_status status = pf_source_init(&file->base, &stream_ops, standard_input ? "standard input" : path, error);
    if (status == PF_OK && !standard_input)
        status = open_file(file, path, &file->facts, error);
    if (status == PF_OK && file->facts.regular)
        status = keep_path(file, path, error);
    if (status != PF_OK) {
        pf_source_free(&file->base);
        return status;
    }
    file->base.once = !file->facts.regular;
    if (file->facts.regular) {
        file->base.ops = &regular_ops;
        file->base.size = file->facts.size;
        pf_os_close(file->fd);
        file->fd = -1;
    }
    *source = &file->base;
    return PF_OK;
}

enum pf_status pf_source_stream(const char *name, int fd, const void *head, size_t head_size, struct pf_source **source,
                                struct pf_error *error)
{
    struct file_source *file = head_size <= PF_SOURCE_HEAD ? pf_alloc(sizeof *file) : NULL;
    if (file == NULL) {
        if (fd > 0)
            pf_os_close(fd);
        return pf_fail_memory(error);
    }
    file->fd = fd;
    pf_mutex_init(&file->lock);
    enum pf_status status = pf_source_init(&file->base, &stream_ops, name, error);
    if (status != PF_OK) {
        pf_source_free(&file->base);
        return status;
    }
    file->base.once = true;
    if (head_size != 0)
        memcpy(file->head, head, head_size);
    file->head_size = head_size;
    *source = &file->base;
    return PF_OK;
}
