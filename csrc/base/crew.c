#include "base/crew.h"

#include "base/alloc.h"
#include "base/os_file.h"
#include "base/os_thread.h"

#include <stdatomic.h>
#include <string.h>

enum { TICK_MS = 20 };

enum asking { NOTHING, POSTED, RUNNING, ANSWERED };

struct pf_crew {
    pf_work work;
    void *context;
    struct pf_mutex lock;
    struct pf_cond caller, workers;
    unsigned started, ended, next;
    atomic_bool stopped;
    int wake[2];
    /* What a worker asks of the calling thread: one request at a time. */
    enum asking asking;
    enum pf_status (*call)(void *context, struct pf_error *error);
    void *call_context;
    struct pf_error *call_error;
    enum pf_status call_status;
    /* Who else is to be woken when the crew stops. */
    struct pf_mutex *watched_lock;
    struct pf_cond *watched_cond;
    struct pf_error error; /* the first one */
};

static _Thread_local struct pf_crew *mine; /* the crew that the thread works for, or NULL */

enum pf_status pf_crew_check(struct pf_error *error)
{
    return mine != NULL && pf_crew_stopped(mine) ? pf_fail(error, PF_STOPPED, "stopped") : PF_OK;
}

struct pf_crew *pf_crew_mine(void)
{
    return mine;
}

bool pf_crew_stopped(const struct pf_crew *crew)
{
    return atomic_load_explicit(&crew->stopped, memory_order_relaxed);
}

int pf_crew_wake_fd(const struct pf_crew *crew)
{
    return crew->wake[0];
}

void pf_crew_watch(struct pf_crew *crew, struct pf_mutex *lock, struct pf_cond *wake)
{
    pf_mutex_lock(&crew->lock);
    crew->watched_lock = lock;
    crew->watched_cond = wake;
    pf_mutex_unlock(&crew->lock);
}

/* Keeps the first error and tells everyone. */
static void stop(struct pf_crew *crew, const struct pf_error *error)
{
    pf_mutex_lock(&crew->lock);
    bool first = !pf_crew_stopped(crew);
    if (first) {
        crew->error = *error;
        atomic_store(&crew->stopped, true);
        pf_os_wake(crew->wake[1]);
    }
    struct pf_mutex *watched_lock = crew->watched_lock;
    struct pf_cond *watched_cond = crew->watched_cond;
    pf_cond_wake_all(&crew->caller);
    pf_cond_wake_all(&crew->workers);
    pf_mutex_unlock(&crew->lock);
    if (first && watched_lock != NULL) {
        pf_mutex_lock(watched_lock);
        pf_cond_wake_all(watched_cond);
        pf_mutex_unlock(watched_lock);
    }
}

static void *worker(void *argument)
{
    struct pf_crew *crew = argument;
    pf_mutex_lock(&crew->lock);
    unsigned number = crew->next++;
    pf_mutex_unlock(&crew->lock);
    struct pf_error error = {.status = PF_OK};
    mine = crew;
    if (crew->work(crew->context, crew, number, &error) != PF_OK)
        stop(crew, &error);
    pf_mutex_lock(&crew->lock);
    crew->ended++;
    pf_cond_wake_all(&crew->caller);
    pf_mutex_unlock(&crew->lock);
    return NULL;
}

enum pf_status pf_crew_ask(struct pf_crew *crew, enum pf_status (*call)(void *, struct pf_error *), void *context,
                           struct pf_error *error)
{
    pf_mutex_lock(&crew->lock);
    while (crew->asking != NOTHING && !pf_crew_stopped(crew))
        pf_cond_wait(&crew->workers, &crew->lock);
    enum pf_status status = PF_STOPPED;
    if (!pf_crew_stopped(crew)) {
        crew->asking = POSTED;
        crew->call = call;
        crew->call_context = context;
        crew->call_error = error;
        pf_cond_wake_all(&crew->caller);
        /* Once it runs it must end, stopped or not: its context is ours. */
        while (crew->asking == RUNNING || (crew->asking == POSTED && !pf_crew_stopped(crew)))
            pf_cond_wait(&crew->workers, &crew->lock);
        if (crew->asking == ANSWERED)
            status = crew->call_status;
        crew->asking = NOTHING;
        pf_cond_wake_all(&crew->workers);
    }
    pf_mutex_unlock(&crew->lock);
    return status == PF_STOPPED ? pf_fail(error, PF_STOPPED, "stopped") : status;
}

static void answer_lock_held(struct pf_crew *crew)
{
    crew->asking = RUNNING;
    pf_mutex_unlock(&crew->lock);
    enum pf_status status = crew->call(crew->call_context, crew->call_error);
    pf_mutex_lock(&crew->lock);
    crew->call_status = status;
    crew->asking = ANSWERED;
    pf_cond_wake_all(&crew->workers);
}

/* Ticks when it is time to, however much the workers ask meanwhile. */
static void tick_lock_held(struct pf_crew *crew, const struct pf_host *host, uint64_t *last)
{
    uint64_t now = pf_os_milliseconds();
    if (host == NULL || host->tick == NULL || pf_crew_stopped(crew) || now - *last < TICK_MS)
        return;
    *last = now;
    struct pf_error error = {.status = PF_OK};
    pf_mutex_unlock(&crew->lock);
    if (host->tick(host->context, &error) != PF_OK)
        stop(crew, &error);
    pf_mutex_lock(&crew->lock);
}

/* The calling thread's part: answer and tick until all workers have ended. */
static void watch_over(struct pf_crew *crew, const struct pf_host *host)
{
    uint64_t last = pf_os_milliseconds();
    pf_mutex_lock(&crew->lock);
    while (crew->ended < crew->started) {
        if (crew->asking == POSTED && !pf_crew_stopped(crew))
            answer_lock_held(crew);
        else
            pf_cond_wait_ms(&crew->caller, &crew->lock, TICK_MS);
        tick_lock_held(crew, host, &last);
    }
    pf_mutex_unlock(&crew->lock);
}

static enum pf_status run(struct pf_crew *crew, struct pf_thread *threads, unsigned workers, const struct pf_host *host,
                          struct pf_error *error)
{
    for (unsigned i = 0; i < workers; i++) {
        int failed = pf_thread_start(&threads[i], worker, crew);
        if (failed != 0 && i != 0) /* those that run do it all */
            break;
        if (failed != 0) {
            struct pf_error refused;
            (void)pf_fail_sys(&refused, failed, NULL, "could not start a thread");
            stop(crew, &refused);
            break;
        }
        pf_mutex_lock(&crew->lock);
        crew->started++;
        pf_mutex_unlock(&crew->lock);
    }
    watch_over(crew, host);
    for (unsigned i = 0; i < crew->started; i++)
        pf_thread_join(&threads[i]);
    if (pf_crew_stopped(crew)) {
        *error = crew->error;
        return error->status;
    }
    return host != NULL && host->tick != NULL ? host->tick(host->context, error) : PF_OK;
}

enum pf_status pf_crew_run(unsigned workers, pf_work work, void *context, const struct pf_host *host,
                           struct pf_error *error)
{
    struct pf_crew crew = {.work = work, .context = context, .wake = {-1, -1}};
    struct pf_thread *threads = pf_alloc_array(workers, sizeof *threads);
    if (threads == NULL)
        return pf_fail_memory(error);
    int failed = pf_os_wake_pipe(crew.wake);
    if (failed != 0) {
        pf_free(threads);
        return pf_fail_sys(error, failed, NULL, "could not make a pipe");
    }
    pf_mutex_init(&crew.lock);
    pf_cond_init(&crew.caller);
    pf_cond_init(&crew.workers);
    enum pf_status status = run(&crew, threads, workers, host, error);
    pf_cond_clear(&crew.workers);
    pf_cond_clear(&crew.caller);
    pf_mutex_clear(&crew.lock);
    pf_os_close(crew.wake[0]);
    pf_os_close(crew.wake[1]);
    pf_free(threads);
    return status;
}
