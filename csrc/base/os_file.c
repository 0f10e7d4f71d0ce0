#define _GNU_SOURCE
/* Files beyond 2 GiB and times beyond 2038, which systems of 32 bits must be asked for; others have nothing else. */
#define _FILE_OFFSET_BITS 64
#define _TIME_BITS 64
#include "base/os_file.h"

#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_AT_ONCE = 1 << 30 }; /* what one read or write call of every system takes */

_Static_assert(sizeof(off_t) == 8, "captures are larger than 2 GiB");

static size_t at_once(size_t size)
{
    return size < MOST_AT_ONCE ? size : MOST_AT_ONCE;
}

int pf_os_open(const char *path, int *fd)
{
    do
        *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    while (*fd < 0 && errno == EINTR);
    return *fd < 0 ? errno : 0;
}

void pf_os_close(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

/* A file may say any time: what does not fit wraps round, and is still equal to itself. */
static int64_t nanoseconds(time_t seconds, long rest)
{
    return (int64_t)((uint64_t)seconds * 1000000000 + (uint64_t)rest);
}

int pf_os_facts(int fd, struct pf_file_facts *facts)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return errno;
    facts->regular = S_ISREG(st.st_mode);
    facts->directory = S_ISDIR(st.st_mode);
    facts->size = facts->regular ? (uint64_t)st.st_size : 0;
    facts->device = (uint64_t)st.st_dev;
    facts->inode = (uint64_t)st.st_ino;
#ifdef __APPLE__
    facts->modified = nanoseconds(st.st_mtimespec.tv_sec, st.st_mtimespec.tv_nsec);
#else
    facts->modified = nanoseconds(st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
#endif
    return 0;
}

int pf_os_read_at(int fd, void *memory, size_t size, uint64_t offset, size_t *got)
{
    uint8_t *to = memory;
    *got = 0;
    while (*got < size) {
        ssize_t n = pread(fd, to + *got, at_once(size - *got), (off_t)(offset + *got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return 0;
}

int pf_os_read(int fd, int wake_fd, void *memory, size_t size, size_t *got)
{
    *got = 0;
    for (;;) {
        struct pollfd watched[2] = {{.fd = fd, .events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};
        if (poll(watched, 2, -1) < 0 && errno != EINTR)
            return errno;
        if (watched[1].revents != 0)
            return ECANCELED;
        if (watched[0].revents == 0)
            continue;
        ssize_t n = read(fd, memory, at_once(size));
        if (n >= 0) {
            *got = (size_t)n;
            return 0;
        }
        if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK)
            return errno;
    }
}

int pf_os_wait(const int *fds, size_t count, unsigned milliseconds, bool *ready)
{
    struct pollfd watched[PF_MOST_WAITED];
    count = count < PF_MOST_WAITED ? count : PF_MOST_WAITED;
    for (size_t i = 0; i < count; i++)
        watched[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    int found = poll(watched, (nfds_t)count, (int)milliseconds);
    for (size_t i = 0; i < count; i++)
        ready[i] = found > 0 && watched[i].revents != 0;
    return found < 0 && errno != EINTR ? errno : 0;
}

int pf_os_share(int fd, int *copy)
{
    *copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return *copy < 0 ? errno : 0;
}

int pf_os_remove(const char *path)
{
    return unlink(path) != 0 ? errno : 0;
}

int pf_os_ignore_outgoing(int fd)
{
#ifdef __linux__
    enum { PACKET_LEVEL = 263, IGNORE_OUTGOING = 23 }; /* linux/if_packet.h, since 4.20 */
    return setsockopt(fd, PACKET_LEVEL, IGNORE_OUTGOING, &(int){1}, sizeof(int)) != 0 ? errno : 0;
#else
    (void)fd;
    return ENOTSUP;
#endif
}

int pf_os_wake_pipe(int fds[2])
{
    if (pipe(fds) != 0)
        return errno;
    for (int i = 0; i < 2; i++)
        (void)fcntl(fds[i], F_SETFD, FD_CLOEXEC);
    return 0;
}

void pf_os_wake(int fd)
{
    ssize_t ignored = write(fd, "", 1); /* a full pipe is readable already */
    (void)ignored;
}

static int sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    char *folder = pf_alloc(length + 1);
    if (folder == NULL)
        return ENOMEM;
    memcpy(folder, slash == NULL ? "." : path, length);
    int fd = open(folder, O_RDONLY | O_CLOEXEC);
    pf_free(folder);
    if (fd < 0)
        return 0; /* a folder we may write to but not read: the rename stands, only its durability is not forced */
    int failed = fsync(fd) != 0 && errno != EINVAL && errno != EROFS ? errno : 0;
    (void)close(fd);
    return failed;
}

static void forget(struct pf_draft *draft)
{
    pf_free(draft->path);
    pf_free(draft->temporary);
    *draft = (struct pf_draft){.fd = -1};
}

/* A rename would take the place of a pipe, a device, or where /dev/stdout leads, and nothing would reach who reads it.
 */
static bool is_replaceable(const char *path)
{
    static const char devices[] = "/dev/";
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return false;
    return strncmp(path, devices, strlen(devices)) != 0 || lstat(path, &st) != 0 || !S_ISLNK(st.st_mode);
}

int pf_draft_begin(struct pf_draft *draft, const char *path)
{
    /* Names of 255 octets are the longest that file systems take: a long one is cut for the suffix. */
    enum { LONGEST = 240 };
    static const char suffix[] = ".XXXXXX";
    size_t length = strlen(path);
    const char *slash = strrchr(path, '/');
    size_t folder = slash != NULL ? (size_t)(slash + 1 - path) : 0;
    size_t kept = length - folder > LONGEST ? folder + LONGEST : length;
    *draft = (struct pf_draft){.fd = -1};
    if (!is_replaceable(path))
        return ENOTSUP;
    draft->path = pf_alloc(length + 1);
    draft->temporary = pf_alloc(length + sizeof suffix);
    if (draft->path == NULL || draft->temporary == NULL) {
        forget(draft);
        return ENOMEM;
    }
    memcpy(draft->path, path, length);
    memcpy(draft->temporary, path, kept);
    memcpy(draft->temporary + kept, suffix, sizeof suffix);
    draft->fd = mkostemp(draft->temporary, O_CLOEXEC); /* 0600 */
    if (draft->fd >= 0)
        return 0;
    int failed = errno;
    forget(draft);
    return failed;
}

int pf_draft_begin_part(struct pf_draft *draft, const char *path)
{
    static const char suffix[] = ".part";
    size_t length = strlen(path);
    *draft = (struct pf_draft){.fd = -1};
    if (!is_replaceable(path))
        return ENOTSUP;
    draft->path = pf_alloc(length + 1);
    draft->temporary = pf_alloc(length + sizeof suffix);
    if (draft->path == NULL || draft->temporary == NULL) {
        forget(draft);
        return ENOMEM;
    }
    memcpy(draft->path, path, length);
    memcpy(draft->temporary, path, length);
    memcpy(draft->temporary + length, suffix, sizeof suffix);
    draft->fd = open(draft->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (draft->fd >= 0)
        return 0;
    int failed = errno;
    forget(draft);
    return failed;
}

int pf_draft_begin_unnamed(struct pf_draft *draft, const char *folder)
{
    static const char name[] = "/pcapframe-XXXXXX";
    size_t length = strlen(folder);
    *draft = (struct pf_draft){.fd = -1, .temporary = pf_alloc(length + sizeof name)};
    if (draft->temporary == NULL)
        return ENOMEM;
    memcpy(draft->temporary, folder, length);
    memcpy(draft->temporary + length, name, sizeof name);
    draft->fd = mkostemp(draft->temporary, O_CLOEXEC);
    int failed = draft->fd < 0 || unlink(draft->temporary) != 0 ? errno : 0;
    pf_free(draft->temporary);
    draft->temporary = NULL;
    return failed;
}

int pf_draft_cut(struct pf_draft *draft, uint64_t size)
{
    if (ftruncate(draft->fd, (off_t)size) != 0 || lseek(draft->fd, 0, SEEK_END) < 0)
        return errno;
    return 0;
}

void pf_draft_keep(struct pf_draft *draft)
{
    pf_os_close(draft->fd);
    forget(draft);
}

void pf_draft_rest(struct pf_draft *draft)
{
    pf_os_close(draft->fd);
    draft->fd = -1;
}

int pf_draft_resume(struct pf_draft *draft)
{
    if (draft->fd >= 0)
        return 0;
    draft->fd = open(draft->temporary, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    return draft->fd < 0 || lseek(draft->fd, 0, SEEK_END) < 0 ? errno : 0;
}

int pf_draft_write(struct pf_draft *draft, const void *octets, size_t size)
{
    const uint8_t *from = octets;
    while (size != 0) {
        ssize_t n = write(draft->fd, from, at_once(size));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        from += n;
        size -= (size_t)n;
    }
    return 0;
}

int pf_draft_write_at(struct pf_draft *draft, const void *octets, size_t size, uint64_t offset)
{
    const uint8_t *from = octets;
    while (size != 0) {
        ssize_t n = pwrite(draft->fd, from, at_once(size), (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        from += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

/* Closes it and gives it its name, or removes it. */
static int finish(struct pf_draft *draft)
{
    int failed = close(draft->fd) != 0 ? errno : 0;
    draft->fd = -1;
    if (failed == 0 && rename(draft->temporary, draft->path) != 0)
        failed = errno;
    if (failed != 0)
        (void)unlink(draft->temporary);
    return failed;
}

int pf_draft_publish(struct pf_draft *draft)
{
    int failed = finish(draft);
    forget(draft);
    return failed;
}

int pf_draft_commit(struct pf_draft *draft)
{
    if (fsync(draft->fd) != 0 && errno != EINVAL && errno != EROFS) {
        int failed = errno;
        pf_draft_abandon(draft);
        return failed;
    }
    int failed = finish(draft);
    if (failed == 0)
        failed = sync_folder_of(draft->path);
    forget(draft);
    return failed;
}

void pf_os_sync(void)
{
    sync();
}

void pf_draft_abandon(struct pf_draft *draft)
{
    pf_os_close(draft->fd);
    if (draft->temporary != NULL)
        (void)unlink(draft->temporary);
    forget(draft);
}
