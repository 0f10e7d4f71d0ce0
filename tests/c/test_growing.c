/* Files that are still being written: parts of them, and one that is followed to an end that somebody tells. */
#define _DEFAULT_SOURCE
#include "base/alloc.h"
#include "base/os_thread.h"
#include "capture/source.h"
#include "refuse.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 200000 };

static char folder[] = "/tmp/pf-growing-XXXXXX", path[64];
static uint8_t octets[SIZE];

static int append(size_t from, size_t size)
{
    int fd = open(path, O_RDWR | O_CREAT | (from == 0 ? O_TRUNC : O_APPEND), 0600);
    if (!CHECK(fd >= 0) || !CHECK(write(fd, octets + from, size) == (ssize_t)size))
        abort();
    return fd;
}

/* --- a part of what is there -------------------------------------------------------------------------------------- */

/* The twin: the octets put together in memory. */
static void check_snapshot(int fd, uint64_t head, uint64_t from, uint64_t end)
{
    static uint8_t want[SIZE], got[SIZE];
    struct pf_source *source;
    struct pf_error error;
    size_t size = (size_t)(head + end - from), there;
    memcpy(want, octets, head);
    memcpy(want + head, octets + from, end - from);
    if (!CHECK_OK(pf_source_snapshot("part", fd, head, from, end, &source, &error)))
        return;
    CHECK(pf_source_seekable(source) && source->size == size && !pf_source_follow_end(source));
    CHECK_OK(pf_source_begin(source, &error));
    for (size_t at = 0; at <= size + 10; at += 1 + at / 3) {
        for (size_t ask = 0; ask < size + 20; ask += 1 + ask / 2) {
            size_t left = at < size ? size - at : 0, most = ask < left ? ask : left;
            CHECK_OK(source->ops->read_at(source, got, ask < SIZE ? ask : SIZE, at, &there, &error));
            CHECK(there == most && memcmp(got, want + (at < size ? at : 0), most) == 0);
        }
    }
    pf_source_end(source);
    pf_source_free(source);
}

static enum pf_status take_snapshot(void *context, struct pf_error *error)
{
    struct pf_source *source;
    PF_TRY(pf_source_snapshot("part", *(int *)context, 24, 100, 200, &source, error));
    pf_source_free(source);
    return PF_OK;
}

static void test_snapshots(void)
{
    struct pf_source *source;
    struct pf_error error;
    int fd = append(0, SIZE);
    check_snapshot(fd, 0, 0, SIZE);
    check_snapshot(fd, 24, 24, 24);
    check_snapshot(fd, 24, 1000, 5000);
    check_snapshot(fd, 100, 199000, SIZE);
    check_snapshot(fd, 0, 500, 500);
    CHECK_STATUS(pf_source_snapshot("part", fd, 25, 24, 30, &source, &error), PF_INVALID);
    CHECK_STATUS(pf_source_snapshot("part", fd, 24, 31, 30, &source, &error), PF_INVALID);
    CHECK_STATUS(pf_source_snapshot("part", -1, 24, 24, 30, &source, &error), PF_OS_ERROR);
    CHECK_EQ(error.sys, EBADF);
    CHECK(refuse_each(take_snapshot, &fd) >= 2);
    CHECK_EQ(close(fd), 0);
    /* What can't be read says so. */
    fd = open(path, O_WRONLY);
    size_t got;
    CHECK_OK(pf_source_snapshot("part", fd, 0, 0, 30, &source, &error));
    CHECK_STATUS(source->ops->read_at(source, octets, 30, 0, &got, &error), PF_OS_ERROR);
    CHECK_TEXT(error.file, "part");
    pf_source_free(source);
    CHECK_EQ(close(fd), 0);
}

/* --- followed ----------------------------------------------------------------------------------------------------- */

struct follower {
    struct pf_source *source;
    uint8_t got[SIZE];
    atomic_size_t size;
};

static enum pf_status follow(void *context, struct pf_crew *crew, unsigned worker, struct pf_error *error)
{
    struct follower *follower = context;
    size_t got = 1, most = 7;
    (void)worker;
    PF_TRY(pf_source_begin(follower->source, error));
    for (size_t size = 0; got != 0; size += got, most = most * 3 % 10007 + 1) {
        size_t room = SIZE - size < most ? SIZE - size : most;
        atomic_store(&follower->size, size);
        if (room == 0)
            break;
        PF_TRY(follower->source->ops->read(follower->source, crew, follower->got + size, room, &got, error));
    }
    pf_source_end(follower->source);
    return PF_OK;
}

static void *run(void *context)
{
    struct pf_error error;
    CHECK_OK(pf_crew_run(1, follow, context, NULL, &error));
    return NULL;
}

static void wait_for(struct follower *follower, size_t size)
{
    while (atomic_load(&follower->size) < size)
        (void)nanosleep(&(struct timespec){0, 1000000}, NULL);
}

/* What was written before the end is told is read, all of it; and again by the next one that reads. */
static void test_followed(void)
{
    static struct follower follower;
    struct pf_thread thread;
    struct pf_error error;
    size_t written = 0;
    CHECK_EQ(close(append(0, 1)), 0);
    CHECK_OK(pf_source_follow(path, &follower.source, &error));
    CHECK(!pf_source_seekable(follower.source));
    CHECK_EQ(pf_thread_start(&thread, run, &follower), 0);
    for (written = 1; written < SIZE / 2; written += 33333) {
        CHECK_EQ(close(append(written, 33333)), 0);
        wait_for(&follower, written);
    }
    CHECK(pf_source_follow_end(follower.source));
    CHECK(!pf_source_follow_end(follower.source));
    pf_thread_join(&thread);
    CHECK(atomic_load(&follower.size) == written && memcmp(follower.got, octets, written) == 0);
    memset(follower.got, 0, sizeof follower.got);
    atomic_store(&follower.size, 0);
    CHECK_EQ(pf_thread_start(&thread, run, &follower), 0);
    wait_for(&follower, written);
    CHECK(pf_source_follow_end(follower.source)); /* a pass that begins is told anew */
    pf_thread_join(&thread);
    CHECK(atomic_load(&follower.size) == written && memcmp(follower.got, octets, written) == 0);
    pf_source_free(follower.source);
}

static enum pf_status stop_at_third_tick(void *context, struct pf_error *error)
{
    return ++*(unsigned *)context >= 3 ? pf_fail(error, PF_STOPPED, "told to") : PF_OK;
}

static void test_stopped(void)
{
    static struct follower follower;
    unsigned ticks = 0;
    struct pf_host host = {stop_at_third_tick, &ticks};
    struct pf_error error;
    CHECK_OK(pf_source_follow(path, &follower.source, &error));
    CHECK_STATUS(pf_crew_run(1, follow, &follower, &host, &error), PF_STOPPED);
    CHECK_TEXT(error.text, "told to");
    pf_source_free(follower.source);
}

static enum pf_status follow_one(void *context, struct pf_error *error)
{
    struct pf_source *source;
    (void)context;
    PF_TRY(pf_source_follow(path, &source, error));
    pf_source_free(source);
    return PF_OK;
}

static void test_not_followed(void)
{
    char pipe[80];
    struct pf_source *source;
    struct pf_error error;
    CHECK_STATUS(pf_source_follow("/nowhere/at/all", &source, &error), PF_OS_ERROR);
    CHECK_EQ(error.sys, ENOENT);
    CHECK_STATUS(pf_source_follow(folder, &source, &error), PF_INVALID);
    (void)snprintf(pipe, sizeof pipe, "%s/pipe", folder);
    CHECK_EQ(mkfifo(pipe, 0600), 0);
    CHECK_STATUS(pf_source_follow(pipe, &source, &error), PF_INVALID);
    CHECK(strstr(error.text, "only a file can be followed") != NULL);
    CHECK_EQ(unlink(pipe), 0);
    CHECK(refuse_each(follow_one, NULL) >= 2);
    CHECK_OK(pf_source_memory("x", octets, 10, &source, &error));
    CHECK(!pf_source_follow_end(source) && !pf_source_is_file(source));
    pf_source_free(source);
    CHECK_OK(pf_source_file(path, &source, &error));
    CHECK(pf_source_is_file(source));
    pf_source_free(source);
}

/* --- a stream that somebody looked into --------------------------------------------------------------------------- */

static enum pf_status read_stream(void *context, struct pf_crew *crew, unsigned worker, struct pf_error *error)
{
    static const char want[] = "0123456789abcdef and the rest";
    struct pf_source *source = context;
    char all[64];
    size_t size = 0, got = 1;
    (void)worker;
    PF_TRY(pf_source_begin(source, error));
    for (; got != 0; size += got)
        PF_TRY(source->ops->read(source, crew, all + size, 5, &got, error));
    pf_source_end(source);
    CHECK(size == sizeof want - 1 && memcmp(all, want, size) == 0);
    return PF_OK;
}

static enum pf_status open_stream(void *context, struct pf_error *error)
{
    struct pf_source *source;
    int fds[2];
    (void)context;
    CHECK_EQ(pipe(fds), 0);
    CHECK_EQ(write(fds[1], " and the rest", 13), 13);
    CHECK_EQ(close(fds[1]), 0);
    enum pf_status status = pf_source_stream("x", fds[0], "0123456789abcdef", PF_SOURCE_HEAD, &source, error);
    if (status == PF_OK) {
        CHECK(pf_crew_run(1, read_stream, source, NULL, error) == PF_OK);
        pf_source_free(source);
    }
    CHECK(fcntl(fds[0], F_GETFD) == -1); /* its own from the start, also when it failed */
    return status;
}

/* The octets taken before come first, and only then those of the descriptor. */
static void test_stream(void)
{
    struct pf_error error;
    struct pf_source *source;
    int fds[2];
    CHECK_OK(open_stream(NULL, &error));
    pf_alloc_refuse = refuse_one;
    for (long n = 1; n <= 2; n++) {
        atomic_store(&refuse_countdown, n);
        CHECK_STATUS(open_stream(NULL, &error), PF_NO_MEMORY);
    }
    pf_alloc_refuse = NULL;
    CHECK_EQ(pipe(fds), 0);
    CHECK_STATUS(pf_source_stream("x", fds[0], octets, PF_SOURCE_HEAD + 1, &source, &error), PF_NO_MEMORY);
    CHECK_EQ(close(fds[1]), 0);
}

int main(void)
{
    uint64_t state = 1;
    for (size_t i = 0; i < SIZE; i++)
        octets[i] = (uint8_t)draw(&state);
    if (mkdtemp(folder) == NULL)
        abort();
    (void)snprintf(path, sizeof path, "%s/file", folder);
    test_snapshots();
    test_followed();
    test_stopped();
    test_not_followed();
    test_stream();
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(rmdir(folder), 0);
    return checks_done();
}
