#include "pass/pass.h"

#include "base/alloc.h"
#include "pass/driver.h"

#include <string.h>

enum { SPINS = 200 }; /* a walk takes a few microseconds: less than a sleeping thread takes to wake */

/* The next ticket, or false when there are none left. */
static enum pf_status claim_lock_held(struct pf_driver *driver, struct pf_ticket *ticket, bool *claimed,
                                      struct pf_error *error)
{
    struct pf_pass *pass = driver->pass;
    struct pf_ticket *next = &driver->next;
    *claimed = false;
    while (next->input < pass->input_count) {
        struct pf_source *source = pass->inputs[next->input]->source;
        if (driver->reached_input == next->input && driver->reached > next->start + driver->chunk)
            next->start = driver->reached / driver->chunk * driver->chunk; /* over chunks that one block covers */
        bool over = pf_source_seekable(source) && next->start >= pf_jump_stop(driver, next->input);
        if (!over && atomic_load(&driver->ended) <= next->input) {
            if (!driver->begun[next->input])
                PF_TRY(pf_source_begin(source, error));
            driver->begun[next->input] = true;
            driver->under_way[next->input]++;
            *ticket = *next;
            next->number++;
            next->start += driver->chunk;
            *claimed = true;
            return PF_OK;
        }
        if (driver->begun[next->input] && driver->under_way[next->input] == 0)
            pf_source_end(source);
        next->input++;
        next->start = next->input < pass->input_count ? pf_jump_start(driver, next->input) : 0;
    }
    return PF_OK;
}

static enum pf_status claim(struct pf_driver *driver, struct pf_ticket *ticket, bool *claimed, struct pf_error *error)
{
    pf_mutex_lock(&driver->lock);
    enum pf_status status = claim_lock_held(driver, ticket, claimed, error);
    pf_mutex_unlock(&driver->lock);
    return status;
}

/* The last ticket of an input that gives no more ends its source. */
static void done(struct pf_driver *driver, const struct pf_ticket *ticket)
{
    struct pf_source *source = driver->pass->inputs[ticket->input]->source;
    pf_mutex_lock(&driver->lock);
    if (--driver->under_way[ticket->input] == 0 && driver->next.input > ticket->input)
        pf_source_end(source);
    pf_mutex_unlock(&driver->lock);
}

static void end_all(struct pf_driver *driver)
{
    for (size_t i = 0; driver->under_way != NULL && i < driver->pass->input_count; i++) {
        struct pf_source *source = driver->pass->inputs[i]->source;
        bool open = driver->begun[i] && (driver->under_way[i] != 0 || driver->next.input <= i);
        if (open)
            pf_source_end(source);
    }
}

static enum pf_status wait_for_turn(struct pf_driver *driver, atomic_uint_fast64_t *turn,
                                    const struct pf_ticket *ticket, struct pf_error *error)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(turn, memory_order_acquire) == ticket->number)
            return PF_OK;
    }
    pf_mutex_lock(&driver->lock);
    while (atomic_load(turn) != ticket->number && !pf_crew_stopped(driver->crew))
        pf_cond_wait(&driver->moved, &driver->lock);
    pf_mutex_unlock(&driver->lock);
    return atomic_load(turn) == ticket->number ? PF_OK : pf_fail(error, PF_STOPPED, "stopped");
}

static void pass_baton(struct pf_driver *driver)
{
    pf_mutex_lock(&driver->lock);
    driver->reached_input = driver->walked;
    driver->reached = driver->walk.offset;
    atomic_fetch_add(&driver->turn, 1);
    pf_cond_wake_all(&driver->moved);
    pf_mutex_unlock(&driver->lock);
}

static void decode(struct pf_packet *const *batch, size_t count, enum pf_depth depth)
{
    for (size_t i = 0; i < count; i++)
        pf_packet_decode(batch[i], depth);
}

/* Decodes no deeper than the next predicate needs: most packets may end at one that is content with records. */
static size_t keep(const struct pf_driver *driver, struct pf_packet **batch, size_t count)
{
    const struct pf_pass *pass = driver->pass;
    enum pf_depth depth = pass->predicate_count != 0 ? pass->predicates[0]->depth : driver->depth;
    decode(batch, count, depth);
    for (size_t i = 0; i < pass->predicate_count && count != 0; i++) {
        const struct pf_predicate *predicate = pass->predicates[i];
        if (predicate->depth > depth) {
            depth = predicate->depth;
            decode(batch, count, depth);
        }
        count = predicate->keep(predicate, batch, count);
    }
    if (driver->depth > depth)
        decode(batch, count, driver->depth);
    return count;
}

/* Up to PF_BATCH of the worker's records from `first` on as packets; returns how many. */
static size_t batch_of(struct pf_worker *worker, size_t first, struct pf_packet **batch)
{
    size_t left = worker->record_count - first, count = left < PF_BATCH ? left : PF_BATCH;
    for (size_t i = 0; i < count; i++) {
        batch[i] = &worker->packets[i];
        batch[i]->record = worker->records[first + i];
    }
    return count;
}

/* The ordered stage: all packets of the chunk, when those of the chunks before it had their turn. */
static enum pf_status sequence(struct pf_driver *driver, struct pf_worker *worker, const struct pf_ticket *ticket,
                               struct pf_error *error)
{
    struct pf_packet *batch[PF_BATCH];
    if (driver->stage.needs == 0)
        return PF_OK;
    pf_stage_chunk_reset(&worker->chunk);
    for (size_t i = 0, count; i < worker->record_count; i += count) {
        count = batch_of(worker, i, batch);
        decode(batch, count, PF_DEPTH_TRANSPORT);
        PF_TRY(pf_stage_gather(&driver->stage, &worker->chunk, batch, count, i, error));
    }
    PF_TRY(wait_for_turn(driver, &driver->stage_turn, ticket, error));
    PF_TRY(pf_stage_sequence(&driver->stage, &worker->chunk, error));
    pf_mutex_lock(&driver->lock);
    atomic_fetch_add(&driver->stage_turn, 1);
    pf_cond_wake_all(&driver->moved);
    pf_mutex_unlock(&driver->lock);
    return PF_OK;
}

static enum pf_status hand_out(struct pf_driver *driver, struct pf_worker *worker, size_t first, size_t *taken,
                               struct pf_error *error)
{
    const struct pf_pass *pass = driver->pass;
    struct pf_packet *batch[PF_BATCH];
    size_t count = *taken = batch_of(worker, first, batch);
    if (driver->stage.needs != 0)
        PF_TRY(pf_stage_stamp(&worker->chunk, batch, count, first, error));
    count = keep(driver, batch, count);
    for (size_t i = 0; i < pass->sink_count && count != 0; i++)
        PF_TRY(pass->sinks[i]->ops->accept(pass->sinks[i], worker->number, batch, count, error));
    return PF_OK;
}

static enum pf_status do_ticket(struct pf_driver *driver, struct pf_worker *worker, const struct pf_ticket *ticket,
                                struct pf_error *error)
{
    struct pf_pass *pass = driver->pass;
    if (pf_source_seekable(pass->inputs[ticket->input]->source))
        PF_TRY(pf_driver_read(driver, worker, ticket, error));
    PF_TRY(wait_for_turn(driver, &driver->turn, ticket, error));
    uint64_t before = driver->walked == ticket->input ? driver->walk.offset : 0;
    enum pf_status status = pf_driver_walk(driver, worker, ticket, error);
    PF_TRY(status); /* the baton stays here: who waits for it is told that the crew stops */
    uint64_t after = driver->walk.offset;
    pass_baton(driver);
    PF_TRY(sequence(driver, worker, ticket, error));
    for (size_t i = 0, count; i < worker->record_count; i += count)
        PF_TRY(hand_out(driver, worker, i, &count, error));
    PF_TRY(pf_driver_order(driver, worker, ticket, error));
    atomic_fetch_add(&pass->octets, after - before);
    atomic_fetch_add(&pass->packets, worker->record_count);
    return PF_OK;
}

static enum pf_status work(void *context, struct pf_crew *crew, unsigned number, struct pf_error *error)
{
    struct pf_driver *driver = context;
    pf_mutex_lock(&driver->lock);
    if (driver->crew == NULL) /* each worker passes through this lock before it reads it */
        driver->crew = crew;
    pf_mutex_unlock(&driver->lock);
    pf_crew_watch(crew, &driver->lock, &driver->moved);

    struct pf_worker worker = {.number = number, .packets = pf_alloc_array(PF_BATCH, sizeof *worker.packets)};
    enum pf_status status = worker.packets != NULL ? PF_OK : pf_fail_memory(error);
    while (status == PF_OK && !pf_crew_stopped(crew)) {
        struct pf_ticket ticket;
        bool claimed;
        status = claim(driver, &ticket, &claimed, error);
        if (status != PF_OK || !claimed)
            break;
        status = do_ticket(driver, &worker, &ticket, error);
        if (status == PF_OK)
            done(driver, &ticket);
    }
    pf_stage_chunk_clear(&worker.chunk);
    pf_free(worker.packets);
    pf_free(worker.records);
    pf_free(worker.window.octets);
    return status;
}

/* On a thread of its own too, so that the calling one still looks for signals while an answer is put into order. */
static enum pf_status finish(void *context, struct pf_crew *crew, unsigned worker, struct pf_error *error)
{
    const struct pf_driver *driver = context;
    const struct pf_pass *pass = driver->pass;
    (void)crew;
    (void)worker;
    for (size_t i = 0; i < pass->predicate_count; i++) {
        const struct pf_predicate *predicate = pass->predicates[i];
        if (predicate->finish != NULL)
            PF_TRY(predicate->finish(predicate, pass->strict, error));
    }
    for (size_t i = 0; i < pass->sink_count; i++) {
        PF_TRY(pf_crew_check(error));
        if (pass->sinks[i]->ops->finish != NULL)
            PF_TRY(pass->sinks[i]->ops->finish(pass->sinks[i], error));
    }
    return PF_OK;
}

static enum pf_status run(struct pf_driver *driver, struct pf_error *error)
{
    struct pf_pass *pass = driver->pass;
    uint8_t needs = 0;
    for (size_t i = 0; i < pass->predicate_count; i++)
        needs |= pass->predicates[i]->needs;
    for (size_t i = 0; i < pass->sink_count; i++) {
        needs |= pass->sinks[i]->needs;
        if (pass->sinks[i]->depth > driver->depth)
            driver->depth = pass->sinks[i]->depth;
    }
    pf_stage_init(&driver->stage, needs);
    PF_TRY(pf_jump_init(driver, error));
    driver->next.start = pass->input_count != 0 ? pf_jump_start(driver, 0) : 0;
    driver->under_way = pf_alloc_array(pass->input_count, sizeof *driver->under_way);
    driver->begun = pf_alloc_array(pass->input_count, sizeof *driver->begun);
    if (driver->under_way == NULL || driver->begun == NULL)
        return pf_fail_memory(error);
    PF_TRY(pf_driver_order_init(driver, error));
    for (size_t i = 0; i < pass->sink_count; i++) {
        if (pass->sinks[i]->ops->begin != NULL)
            PF_TRY(pass->sinks[i]->ops->begin(pass->sinks[i], driver->threads, error));
    }
    PF_TRY(pf_crew_run(driver->threads, work, driver, pass->host, error));
    if (driver->refused.status != PF_OK) {
        *error = driver->refused;
        return error->status;
    }
    return pf_crew_run(1, finish, driver, pass->host, error);
}

enum pf_status pf_pass_run(struct pf_pass *pass, struct pf_error *error)
{
    struct pf_driver driver = {
        .pass = pass,
        .threads = pass->threads != 0 ? pass->threads : pf_os_processors(),
        .chunk = pass->chunk != 0 ? pass->chunk : PF_CHUNK,
        .walked = SIZE_MAX,
        .reached_input = SIZE_MAX,
    };
    pf_mutex_init(&driver.lock);
    pf_cond_init(&driver.moved);
    enum pf_status status = run(&driver, error);
    if (driver.begun != NULL)
        end_all(&driver);
    pf_driver_order_clear(&driver);
    pf_jump_clear(&driver);
    pf_driver_found(&driver);
    pass->forgotten = driver.stage.analysis.connections.dropped;
    pass->unfinished = driver.stage.messages.unfinished;
    pf_stage_clear(&driver.stage);
    pf_cond_clear(&driver.moved);
    pf_mutex_clear(&driver.lock);
    pf_free(driver.under_way);
    pf_free(driver.begun);
    return status;
}

void pf_pass_clear(struct pf_pass *pass)
{
    pf_interfaces_clear(&pass->interfaces);
    pf_free(pass->faults);
    pf_free(pass->found.told);
    pf_free(pass->found.rising);
    memset(&pass->found, 0, sizeof pass->found);
    pass->faults = NULL;
    pass->fault_count = 0;
}
