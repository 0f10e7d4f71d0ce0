/* The threads of one call, and the calling thread that watches over them.
 *
 *   calling thread                         workers
 *   pf_crew_run: starts them    ->         work(context, crew, 0 ... n-1)
 *   every 20 ms: tick(host)                pf_crew_stopped() now and then
 *   answers pf_crew_ask()       <-         pf_crew_ask(): run this on the calling thread (it may hold the GIL there)
 *   joins them all, first error wins
 *
 * Threads live for one run; nothing stays behind. */
#ifndef PF_BASE_CREW_H
#define PF_BASE_CREW_H

#include "base/error.h"

struct pf_crew;

struct pf_host {
    /* Called on the calling thread about every 20 ms and once before the end; another status than PF_OK stops the run
     * with it. May be NULL. */
    enum pf_status (*tick)(void *context, struct pf_error *error);
    void *context;
};

typedef enum pf_status (*pf_work)(void *context, struct pf_crew *crew, unsigned worker, struct pf_error *error);

/* Runs work on `workers` threads and returns when all have ended. */
enum pf_status pf_crew_run(unsigned workers, pf_work work, void *context, const struct pf_host *host,
                           struct pf_error *error);

/* For loops that know no crew and may take long, such as those that put an answer into order: PF_STOPPED when the
 * thread works for a crew that was stopped. Any other thread goes on. */
enum pf_status pf_crew_check(struct pf_error *error);

/* The rest is for workers. */
/* The crew that this thread works for, or NULL. */
struct pf_crew *pf_crew_mine(void);
bool pf_crew_stopped(const struct pf_crew *crew);
/* A descriptor that becomes readable when the crew is stopped, to poll beside one that may block. */
int pf_crew_wake_fd(const struct pf_crew *crew);
/* Has call(context) run on the calling thread and returns its status; PF_STOPPED when the crew stops first. */
enum pf_status pf_crew_ask(struct pf_crew *crew, enum pf_status (*call)(void *context, struct pf_error *error),
                           void *context, struct pf_error *error);
/* Has `wake` told (with its lock taken) when the crew stops, so that nobody sleeps on. One at a time per worker. */
struct pf_cond;
struct pf_mutex;
void pf_crew_watch(struct pf_crew *crew, struct pf_mutex *lock, struct pf_cond *wake);

#endif
