/* Threads, locks and the processor's view of them. */
#ifndef PF_BASE_OS_THREAD_H
#define PF_BASE_OS_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct pf_mutex {
    pthread_mutex_t os;
};

struct pf_cond {
    pthread_cond_t os;
};

struct pf_thread {
    pthread_t os;
};

/* The pairs init/clear may be called by any one thread; none of these can fail on the systems we run on but
 * thread_start. */
void pf_mutex_init(struct pf_mutex *mutex);
void pf_mutex_clear(struct pf_mutex *mutex);
void pf_mutex_lock(struct pf_mutex *mutex);
void pf_mutex_unlock(struct pf_mutex *mutex);

void pf_cond_init(struct pf_cond *cond);
void pf_cond_clear(struct pf_cond *cond);
void pf_cond_wait(struct pf_cond *cond, struct pf_mutex *mutex);
void pf_cond_wait_ms(struct pf_cond *cond, struct pf_mutex *mutex, unsigned milliseconds); /* may wake early */
void pf_cond_wake_all(struct pf_cond *cond);

/* Calls run() once in the life of the process, however many threads ask at once. */
typedef pthread_once_t pf_once;
#define PF_ONCE_INIT PTHREAD_ONCE_INIT
void pf_os_once(pf_once *once, void (*run)(void));

/* Starts body(argument) with every signal blocked, so that signals go to the calling thread; 0 or an errno. */
int pf_thread_start(struct pf_thread *thread, void *(*body)(void *), void *argument);
void pf_thread_join(struct pf_thread *thread);

/* A clock that only goes forward. */
uint64_t pf_os_milliseconds(void);

/* How many threads this process may use: its processor affinity, limited by the control group's quota. At least 1. */
unsigned pf_os_processors(void);

#endif
