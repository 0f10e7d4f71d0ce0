#define _GNU_SOURCE
#include "base/os_thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void pf_mutex_init(struct pf_mutex *mutex)
{
    (void)pthread_mutex_init(&mutex->os, NULL);
}

void pf_mutex_clear(struct pf_mutex *mutex)
{
    (void)pthread_mutex_destroy(&mutex->os);
}

void pf_mutex_lock(struct pf_mutex *mutex)
{
    (void)pthread_mutex_lock(&mutex->os);
}

void pf_mutex_unlock(struct pf_mutex *mutex)
{
    (void)pthread_mutex_unlock(&mutex->os);
}

void pf_cond_init(struct pf_cond *cond)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
#ifdef __linux__
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
    (void)pthread_cond_init(&cond->os, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

void pf_cond_clear(struct pf_cond *cond)
{
    (void)pthread_cond_destroy(&cond->os);
}

void pf_cond_wait(struct pf_cond *cond, struct pf_mutex *mutex)
{
    (void)pthread_cond_wait(&cond->os, &mutex->os);
}

void pf_cond_wait_ms(struct pf_cond *cond, struct pf_mutex *mutex, unsigned milliseconds)
{
    struct timespec until;
#ifdef __linux__
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
#else
    (void)clock_gettime(CLOCK_REALTIME, &until);
#endif
    until.tv_sec += (time_t)(milliseconds / 1000);
    until.tv_nsec += (long)(milliseconds % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec += 1;
    }
    (void)pthread_cond_timedwait(&cond->os, &mutex->os, &until);
}

void pf_cond_wake_all(struct pf_cond *cond)
{
    (void)pthread_cond_broadcast(&cond->os);
}

void pf_os_once(pf_once *once, void (*run)(void))
{
    (void)pthread_once(once, run);
}

int pf_thread_start(struct pf_thread *thread, void *(*body)(void *), void *argument)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread->os, NULL, body, argument);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

void pf_thread_join(struct pf_thread *thread)
{
    (void)pthread_join(thread->os, NULL);
}

uint64_t pf_os_milliseconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

#ifdef __linux__
/* The processors that a control group's quota amounts to, rounded up; 0 when there is none. */
static unsigned quota(void)
{
    long long allowed = -1, period = 0;
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re"); /* version 2: "max 100000" or "150000 100000" */
    if (file != NULL) {
        if (fscanf(file, "%lld %lld", &allowed, &period) != 2)
            allowed = -1;
        (void)fclose(file);
    } else if ((file = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "re")) != NULL) { /* version 1 */
        if (fscanf(file, "%lld", &allowed) != 1)
            allowed = -1;
        (void)fclose(file);
        if (allowed > 0 && (file = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "re")) != NULL) {
            if (fscanf(file, "%lld", &period) != 1)
                period = 0;
            (void)fclose(file);
        }
    }
    if (allowed <= 0 || period <= 0)
        return 0;
    long long processors = (allowed + period - 1) / period;
    return processors < 1 ? 1 : processors > 4096 ? 4096 : (unsigned)processors;
}
#endif

unsigned pf_os_processors(void)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned processors = online > 0 && online <= 4096 ? (unsigned)online : 1;
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        processors = (unsigned)CPU_COUNT(&set);
    unsigned limit = quota();
    if (limit != 0 && limit < processors)
        processors = limit;
#endif
    return processors;
}
