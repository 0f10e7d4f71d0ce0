#include "table/batches.h"

#include "base/alloc.h"

#include <string.h>

static struct pf_batches *batches_of(struct pf_sink *sink)
{
    return (struct pf_batches *)sink;
}

static enum pf_status begin(struct pf_sink *base, unsigned workers, struct pf_error *error)
{
    struct pf_sink *inner = &batches_of(base)->packets.sink;
    inner->open = base->open;
    return inner->ops->begin(inner, workers, error);
}

static enum pf_status accept(struct pf_sink *base, unsigned worker, struct pf_packet *const *packets, size_t count,
                             struct pf_error *error)
{
    struct pf_sink *inner = &batches_of(base)->packets.sink;
    return inner->ops->accept(inner, worker, packets, count, error);
}

static void discard(struct pf_sink *base, void *piece)
{
    pf_part_free(piece, batches_of(base)->packets.field_count);
}

/* Hands on what is filled, when the consumer has taken what waits. */
static enum pf_status hand_on(struct pf_batches *batches, struct pf_error *error)
{
    if (batches->hand != NULL) {
        struct pf_part *part = batches->filled;
        batches->filled = NULL;
        return batches->hand(batches->context, part, error);
    }
    pf_mutex_lock(&batches->lock);
    while (batches->waiting != NULL && !batches->stopped)
        pf_cond_wait(&batches->moved, &batches->lock);
    bool stopped = batches->stopped;
    if (!stopped) {
        batches->waiting = batches->filled;
        batches->filled = NULL;
        pf_cond_wake_all(&batches->moved);
    }
    pf_mutex_unlock(&batches->lock);
    return stopped ? pf_fail(error, PF_STOPPED, "stopped") : PF_OK;
}

static enum pf_status append(struct pf_batches *batches, const struct pf_part *piece, size_t first, size_t rows,
                             struct pf_error *error)
{
    size_t columns = batches->kinds.columns;
    if (batches->filled == NULL)
        batches->filled = pf_part_new(batches->kinds.kinds, columns);
    if (batches->filled == NULL)
        return pf_fail_memory(error);
    for (size_t i = 0; i < columns; i++)
        PF_TRY(pf_column_append(batches->filled->columns[i], piece->columns[i], first, rows, error));
    batches->filled->rows += rows;
    return PF_OK;
}

enum pf_status pf_batches_put(void *given, struct pf_part *piece, struct pf_error *error)
{
    struct pf_batches *batches = given;
    enum pf_status status = PF_OK;
    for (size_t first = 0; first < piece->rows && status == PF_OK;) {
        size_t room = batches->rows - (batches->filled != NULL ? batches->filled->rows : 0);
        size_t rows = piece->rows - first < room ? piece->rows - first : room;
        status = append(batches, piece, first, rows, error);
        first += rows;
        if (status == PF_OK && rows == room)
            status = hand_on(batches, error);
    }
    pf_part_free(piece, batches->kinds.columns);
    return status;
}

static enum pf_status emit(struct pf_sink *base, void *piece, struct pf_error *error)
{
    return pf_batches_put(base, piece, error);
}

static const struct pf_sink_ops ops = {
    .order = PF_ORDER_FILE,
    .begin = begin,
    .accept = accept,
    .emit = emit,
    .discard = discard,
};

static enum pf_status tick(void *context, struct pf_error *error)
{
    struct pf_batches *batches = context;
    pf_mutex_lock(&batches->lock);
    bool stopped = batches->stopped;
    pf_mutex_unlock(&batches->lock);
    return stopped ? pf_fail(error, PF_STOPPED, "stopped") : PF_OK;
}

static void *run(void *argument)
{
    struct pf_batches *batches = argument;
    struct pf_error error = {.status = PF_OK}, unheard;
    if (batches->enter != NULL)
        batches->enter(batches->context);
    enum pf_status status = pf_pass_run(batches->pass, &error);
    if (batches->filled != NULL) /* also before an error: these rows were whole */
        (void)hand_on(batches, &unheard);
    if (batches->leave != NULL)
        batches->leave(batches->context);
    pf_mutex_lock(&batches->lock);
    batches->ended = true;
    if (status != PF_OK)
        batches->error = error;
    pf_cond_wake_all(&batches->moved);
    pf_mutex_unlock(&batches->lock);
    return NULL;
}

void pf_batches_init_rows(struct pf_batches *batches, struct pf_sink *sink, size_t rows)
{
    memset(batches, 0, sizeof *batches);
    batches->sink.ops = &ops;
    batches->sinks[0] = sink;
    batches->rows = rows;
    pf_mutex_init(&batches->lock);
    pf_cond_init(&batches->moved);
}

enum pf_status pf_batches_init(struct pf_batches *batches, const struct pf_field *const *fields, size_t count,
                               const char *const *files, size_t rows, struct pf_error *error)
{
    pf_batches_init_rows(batches, &batches->sink, rows);
    enum pf_status status = pf_packets_sink_init(&batches->packets, fields, count, files, &batches->kinds, error);
    batches->sink.depth = batches->packets.sink.depth;
    batches->sink.needs = batches->packets.sink.needs;
    if (status != PF_OK)
        pf_batches_clear(batches);
    return status;
}

void pf_batches_clear(struct pf_batches *batches)
{
    pf_part_free(batches->filled, batches->kinds.columns);
    pf_part_free(batches->waiting, batches->kinds.columns);
    pf_packets_sink_clear(&batches->packets);
    pf_frame_clear(&batches->kinds);
    pf_cond_clear(&batches->moved);
    pf_mutex_clear(&batches->lock);
    memset(batches, 0, sizeof *batches);
}

void pf_batches_set(struct pf_batches *batches, struct pf_pass *pass, void (*enter)(void *), void (*leave)(void *),
                    void *context)
{
    batches->pass = pass;
    batches->host = (struct pf_host){.tick = tick, .context = batches};
    batches->enter = enter;
    batches->leave = leave;
    batches->context = context;
    pass->host = &batches->host;
    pass->sinks = batches->sinks;
    pass->sink_count = 1;
}

static enum pf_status start(struct pf_batches *batches, struct pf_error *error)
{
    int failed = pf_thread_start(&batches->thread, run, batches);
    if (failed != 0)
        return pf_fail_sys(error, failed, NULL, "could not start a thread");
    batches->started = true;
    return PF_OK;
}

enum pf_batch pf_batches_next(struct pf_batches *batches, unsigned milliseconds, struct pf_part **part,
                              struct pf_error *error)
{
    if (!batches->started && start(batches, error) != PF_OK)
        return PF_BATCH_FAILED;
    pf_mutex_lock(&batches->lock);
    if (batches->waiting == NULL && !batches->ended)
        pf_cond_wait_ms(&batches->moved, &batches->lock, milliseconds);
    enum pf_batch found = PF_BATCH_LATER;
    if (batches->waiting != NULL) {
        *part = batches->waiting;
        batches->waiting = NULL;
        pf_cond_wake_all(&batches->moved);
        found = PF_BATCH_READY;
    } else if (batches->ended) {
        found = batches->error.status == PF_OK ? PF_BATCH_END : PF_BATCH_FAILED;
        *error = batches->error;
    }
    pf_mutex_unlock(&batches->lock);
    return found;
}

void pf_batches_tell(struct pf_batches *batches)
{
    pf_mutex_lock(&batches->lock);
    batches->stopped = true;
    pf_cond_wake_all(&batches->moved);
    pf_mutex_unlock(&batches->lock);
}

bool pf_batches_stop(struct pf_batches *batches, unsigned milliseconds)
{
    if (!batches->started || batches->joined)
        return true;
    uint64_t until = pf_os_milliseconds() + milliseconds;
    pf_batches_tell(batches);
    pf_mutex_lock(&batches->lock);
    for (uint64_t now = until - milliseconds; !batches->ended && now < until; now = pf_os_milliseconds())
        pf_cond_wait_ms(&batches->moved, &batches->lock, (unsigned)(until - now));
    bool ended = batches->ended;
    pf_mutex_unlock(&batches->lock);
    if (ended) {
        pf_thread_join(&batches->thread);
        batches->joined = true;
    }
    return ended;
}
