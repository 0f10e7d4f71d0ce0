#define _DEFAULT_SOURCE
#include "base/crew.h"
#include "base/os_file.h"
#include "base/os_thread.h"
#include "refuse.h"

#include <poll.h>
#include <time.h>

static void sleep_ms(long ms)
{
    (void)nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)timespec_get(&now, TIME_UTC);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What the workers of one run share. */
struct scene {
    atomic_uint seen[8]; /* how often each worker ran */
    atomic_uint calls;   /* answered on the calling thread */
    atomic_uint ticks;
    unsigned fail_at_tick; /* 0: never */
    unsigned failing;      /* the worker that fails; 8: none */
    pthread_t caller;
    struct pf_mutex lock; /* of a sleeper */
    struct pf_cond wake;
};

static enum pf_status tick(void *context, struct pf_error *error)
{
    struct scene *scene = context;
    CHECK(pthread_equal(scene->caller, pthread_self()));
    unsigned ticks = atomic_fetch_add(&scene->ticks, 1) + 1;
    return scene->fail_at_tick != 0 && ticks >= scene->fail_at_tick ? pf_fail(error, PF_STOPPED, "by tick") : PF_OK;
}

static void scene_init(struct scene *scene)
{
    memset(scene, 0, sizeof *scene);
    scene->failing = 8;
    scene->caller = pthread_self();
    pf_mutex_init(&scene->lock);
    pf_cond_init(&scene->wake);
}

static void scene_clear(struct scene *scene)
{
    pf_cond_clear(&scene->wake);
    pf_mutex_clear(&scene->lock);
}

static enum pf_status be_seen(void *context, struct pf_crew *crew, unsigned worker, struct pf_error *error)
{
    struct scene *scene = context;
    (void)crew;
    (void)error;
    atomic_fetch_add(&scene->seen[worker], 1);
    return PF_OK;
}

static void test_start_and_stop(void)
{
    struct scene scene;
    struct pf_error error;
    scene_init(&scene);
    struct pf_host host = {tick, &scene};
    for (unsigned run = 0; run < 1000; run++)
        CHECK_OK(pf_crew_run(run % 8 + 1, be_seen, &scene, run % 2 == 0 ? &host : NULL, &error));
    for (unsigned i = 0; i < 8; i++)
        CHECK_EQ(scene.seen[i], 1000 / 8 * (8 - i));
    CHECK(scene.ticks >= 500); /* once before the end of each */
    CHECK_OK(pf_crew_run(1, be_seen, &scene, &(struct pf_host){NULL, NULL}, &error));
    scene_clear(&scene);
}

static enum pf_status be_called(void *context, struct pf_error *error)
{
    struct scene *scene = context;
    CHECK(pthread_equal(scene->caller, pthread_self()));
    unsigned calls = atomic_fetch_add(&scene->calls, 1) + 1;
    return calls % 3 == 0 ? pf_fail(error, PF_FAULT, "call %u", calls) : PF_OK;
}

static enum pf_status ask_often(void *context, struct pf_crew *crew, unsigned worker, struct pf_error *error)
{
    struct scene *scene = context;
    for (int i = 0; i < 60; i++) {
        enum pf_status status = pf_crew_ask(crew, be_called, scene, error);
        CHECK(status == PF_OK || (status == PF_FAULT && strncmp(error->text, "call ", 5) == 0));
        atomic_fetch_add(&scene->seen[worker], status == PF_FAULT);
    }
    return PF_OK;
}

static void test_ask(void)
{
    struct scene scene;
    struct pf_error error;
    scene_init(&scene);
    CHECK_OK(pf_crew_run(8, ask_often, &scene, NULL, &error));
    unsigned faults = 0;
    for (int i = 0; i < 8; i++)
        faults += scene.seen[i];
    CHECK_EQ(scene.calls, 8 * 60);
    CHECK_EQ(faults, 8 * 60 / 3);
    scene_clear(&scene);
}

static enum pf_status ask_for_200_ms(void *context, struct pf_crew *crew, unsigned worker, struct pf_error *error)
{
    (void)worker;
    for (int64_t end = now_ms() + 200; now_ms() < end;)
        (void)pf_crew_ask(crew, be_called, context, error);
    return PF_OK;
}

/* A source that asks all the time must not keep the calling thread from progress and Ctrl-C. */
static void test_ticks_while_asked(void)
{
    struct scene scene;
    struct pf_error error;
    scene_init(&scene);
    struct pf_host host = {tick, &scene};
    CHECK_OK(pf_crew_run(1, ask_for_200_ms, &scene, &host, &error));
    CHECK(scene.ticks >= 4);
    CHECK(scene.ticks <= 20 || scene.ticks < scene.calls);
    scene_clear(&scene);
}

static enum pf_status fail_or_wait(void *context, struct pf_crew *crew, unsigned worker, struct pf_error *error)
{
    struct scene *scene = context;
    if (worker == scene->failing)
        return pf_fail(error, PF_INVALID, "by worker");
    switch (worker % 3) {
    case 0: /* polls */
        (void)poll(&(struct pollfd){.fd = pf_crew_wake_fd(crew), .events = POLLIN}, 1, -1);
        CHECK(pf_crew_stopped(crew));
        break;
    case 1: /* asks until it is refused */
        while (pf_crew_ask(crew, be_called, scene, error) != PF_STOPPED)
            ;
        CHECK_EQ(error->status, PF_STOPPED);
        break;
    default: /* sleeps */
        pf_crew_watch(crew, &scene->lock, &scene->wake);
        pf_mutex_lock(&scene->lock);
        while (!pf_crew_stopped(crew))
            pf_cond_wait(&scene->wake, &scene->lock);
        pf_mutex_unlock(&scene->lock);
    }
    return pf_fail(error, PF_STOPPED, "stopped");
}

/* Everyone who waits, in whatever way, is woken; the first error is the run's. */
static void test_worker_fails(void)
{
    for (unsigned run = 0; run < 400; run++) {
        struct scene scene;
        struct pf_error error;
        scene_init(&scene);
        scene.failing = run % 6;
        CHECK_STATUS(pf_crew_run(6, fail_or_wait, &scene, NULL, &error), PF_INVALID);
        CHECK_TEXT(error.text, "by worker");
        scene_clear(&scene);
    }
}

static void test_tick_fails(void)
{
    for (unsigned run = 0; run < 12; run++) {
        struct scene scene;
        struct pf_error error;
        scene_init(&scene);
        scene.fail_at_tick = run % 4 + 1;
        CHECK_STATUS(pf_crew_run(run % 3 * 3 + 1, fail_or_wait, &scene, &(struct pf_host){tick, &scene}, &error),
                     PF_STOPPED);
        CHECK_TEXT(error.text, "by tick");
        CHECK_EQ(scene.ticks, scene.fail_at_tick); /* not asked again */
        scene_clear(&scene);
    }
}

static enum pf_status slow_call(void *context, struct pf_error *error)
{
    (void)error;
    sleep_ms(5);
    atomic_fetch_add(&((struct scene *)context)->calls, 1);
    return PF_OK;
}

/* Worker 0 fails while the calls of others are posted, or under way: a call that began is waited for. */
static enum pf_status fail_while_asked(void *context, struct pf_crew *crew, unsigned worker, struct pf_error *error)
{
    struct scene *scene = context;
    if (worker == 0) {
        sleep_ms((long)(scene->failing % 8));
        return pf_fail(error, PF_INVALID, "by worker");
    }
    unsigned before = atomic_load(&scene->calls);
    enum pf_status status = pf_crew_ask(crew, slow_call, scene, error);
    CHECK(status == PF_STOPPED || atomic_load(&scene->calls) > before);
    return PF_OK;
}

static void test_stop_while_asked(void)
{
    for (unsigned run = 0; run < 48; run++) {
        struct scene scene;
        struct pf_error error;
        scene_init(&scene);
        scene.failing = run;
        CHECK_STATUS(pf_crew_run(4, fail_while_asked, &scene, NULL, &error), PF_INVALID);
        scene_clear(&scene);
    }
}

static enum pf_status one_run(void *context, struct pf_error *error)
{
    return pf_crew_run(2, be_seen, context, NULL, error);
}

static void test_refused(void)
{
    struct scene scene;
    scene_init(&scene);
    CHECK_EQ(refuse_each(one_run, &scene), 1);
    scene_clear(&scene);
}

static void test_processors(void)
{
    CHECK(pf_os_processors() >= 1 && pf_os_processors() <= 4096);
}

int main(void)
{
    test_start_and_stop();
    test_ask();
    test_ticks_while_asked();
    test_worker_fails();
    test_tick_fails();
    test_stop_while_asked();
    test_refused();
    test_processors();
    return checks_done();
}
