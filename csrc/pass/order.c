#include "pass/driver.h"

#include "base/alloc.h"

enum { PIECES_PER_THREAD = 4 }; /* how far a fast worker may run ahead of a slow one */

enum pf_status pf_driver_order_init(struct pf_driver *driver, struct pf_error *error)
{
    for (size_t i = 0; i < driver->pass->sink_count; i++)
        driver->ordered |= driver->pass->sinks[i]->ops->order == PF_ORDER_FILE;
    if (!driver->ordered)
        return PF_OK;
    for (size_t i = 0; i < driver->pass->sink_count; i++) {
        struct pf_sink *sink = driver->pass->sinks[i];
        if (sink->ops->order == PF_ORDER_FILE && (sink->open = pf_alloc_array(driver->threads, sizeof(void *))) == NULL)
            return pf_fail_memory(error);
    }
    driver->ring_size = (size_t)driver->threads * PIECES_PER_THREAD;
    driver->ring = pf_alloc_array(driver->ring_size, sizeof *driver->ring);
    for (size_t i = 0; driver->ring != NULL && i < driver->ring_size; i++) {
        driver->ring[i].pieces = pf_alloc_array(driver->pass->sink_count, sizeof *driver->ring[i].pieces);
        if (driver->ring[i].pieces == NULL)
            return pf_fail_memory(error);
    }
    return driver->ring != NULL ? PF_OK : pf_fail_memory(error);
}

static void discard(struct pf_driver *driver, void **pieces)
{
    for (size_t i = 0; i < driver->pass->sink_count; i++) {
        struct pf_sink *sink = driver->pass->sinks[i];
        if (pieces[i] != NULL)
            sink->ops->discard(sink, pieces[i]);
        pieces[i] = NULL;
    }
}

void pf_driver_order_clear(struct pf_driver *driver)
{
    for (size_t i = 0; driver->ring != NULL && i < driver->ring_size; i++) {
        if (driver->ring[i].pieces != NULL)
            discard(driver, driver->ring[i].pieces);
        pf_free(driver->ring[i].pieces);
    }
    pf_free(driver->ring);
    driver->ring = NULL;
    for (size_t i = 0; i < driver->pass->sink_count; i++) {
        struct pf_sink *sink = driver->pass->sinks[i];
        for (unsigned j = 0; sink->open != NULL && j < driver->threads; j++) {
            if (sink->open[j] != NULL)
                sink->ops->discard(sink, sink->open[j]);
        }
        pf_free(sink->open);
        sink->open = NULL;
    }
}

static void cut(struct pf_driver *driver, unsigned worker, void **pieces)
{
    for (size_t i = 0; i < driver->pass->sink_count; i++) {
        struct pf_sink *sink = driver->pass->sinks[i];
        if (sink->ops->order == PF_ORDER_FILE) {
            pieces[i] = sink->open[worker];
            sink->open[worker] = NULL;
        }
    }
}

static enum pf_status emit(struct pf_driver *driver, void **pieces, struct pf_error *error)
{
    enum pf_status status = PF_OK;
    for (size_t i = 0; i < driver->pass->sink_count && status == PF_OK; i++) {
        struct pf_sink *sink = driver->pass->sinks[i];
        void *piece = pieces[i];
        pieces[i] = NULL;
        if (piece != NULL)
            status = sink->ops->emit(sink, piece, error);
    }
    if (status != PF_OK)
        discard(driver, pieces); /* another chunk's may come into this slot before all workers have stopped */
    return status;
}

/* Emits what is ready and next in turn. Whoever completes the turn does it for all; the lock is let go meanwhile. */
static enum pf_status emit_ready_lock_held(struct pf_driver *driver, struct pf_error *error)
{
    enum pf_status status = PF_OK;
    driver->emitting = true;
    struct pf_pieces *slot = &driver->ring[driver->emitted % driver->ring_size];
    while (status == PF_OK && slot->ready) {
        pf_mutex_unlock(&driver->lock);
        status = emit(driver, slot->pieces, error);
        pf_mutex_lock(&driver->lock);
        slot->ready = false;
        driver->emitted++;
        pf_cond_wake_all(&driver->moved);
        slot = &driver->ring[driver->emitted % driver->ring_size];
    }
    driver->emitting = status != PF_OK; /* behind a piece that failed none is emitted, nor its error told */
    return status;
}

enum pf_status pf_driver_order(struct pf_driver *driver, struct pf_worker *worker, const struct pf_ticket *ticket,
                               struct pf_error *error)
{
    if (!driver->ordered)
        return PF_OK;
    pf_mutex_lock(&driver->lock);
    while (ticket->number >= driver->emitted + driver->ring_size && !pf_crew_stopped(driver->crew))
        pf_cond_wait(&driver->moved, &driver->lock);
    pf_mutex_unlock(&driver->lock);
    if (pf_crew_stopped(driver->crew))
        return pf_fail(error, PF_STOPPED, "stopped");

    struct pf_pieces *slot = &driver->ring[ticket->number % driver->ring_size];
    cut(driver, worker->number, slot->pieces);
    pf_mutex_lock(&driver->lock);
    slot->ready = true;
    enum pf_status status = PF_OK;
    if (!driver->emitting)
        status = emit_ready_lock_held(driver, error);
    pf_mutex_unlock(&driver->lock);
    return status;
}
