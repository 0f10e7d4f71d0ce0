#include "pass/jump.h"

#include "base/alloc.h"
#include "pass/driver.h"

#include <inttypes.h>
#include <string.h>

static const struct pf_span *span_of(const struct pf_driver *driver, size_t input)
{
    const struct pf_span *spans = driver->jump.spans;
    return spans != NULL && spans[input].index != NULL ? &spans[input] : NULL;
}

static struct pf_source *source_of(const struct pf_driver *driver, size_t input)
{
    return driver->pass->inputs[input]->source;
}

enum pf_status pf_jump_misfit(const struct pf_driver *driver, size_t input, struct pf_error *error)
{
    return pf_fail(error, PF_NOT_CAPTURE,
                   "%s: its index does not fit what is in the file at octet %" PRIu64
                   ": make it anew, or open with index=False",
                   source_of(driver, input)->name, driver->walk.offset);
}

/* An answer may hang on every packet of the file: on connections, on comments and statistics of interfaces. */
static bool may_skip(const struct pf_driver *driver)
{
    const struct pf_pass *pass = driver->pass;
    return pass->indexes != NULL && driver->stage.needs == 0 && pass->notes == NULL && pass->making == NULL &&
           (pass->first != INT64_MIN || pass->last != INT64_MAX);
}

enum pf_status pf_jump_init(struct pf_driver *driver, struct pf_error *error)
{
    const struct pf_pass *pass = driver->pass;
    driver->jump.border = UINT64_MAX;
    driver->jump.least = INT64_MIN;
    driver->jump.most = INT64_MAX;
    if (!may_skip(driver))
        return PF_OK;
    driver->jump.spans = pf_alloc_array(pass->input_count, sizeof *driver->jump.spans);
    if (driver->jump.spans == NULL)
        return pf_fail_memory(error);
    for (size_t i = 0; i < pass->input_count; i++) {
        struct pf_span *span = &driver->jump.spans[i];
        const struct pf_pfx *index = pass->indexes[i];
        bool fits = index != NULL && pf_source_seekable(source_of(driver, i)) &&
                    source_of(driver, i)->size == index->of.size && pass->inputs[i]->before.packets == 0 &&
                    pass->inputs[i]->piece.end == 0;
        if (!fits)
            continue;
        span->index = index;
        pf_pfx_between(index, pass->first, pass->last, &span->first, &span->last);
    }
    return PF_OK;
}

void pf_jump_clear(struct pf_driver *driver)
{
    pf_free(driver->jump.spans);
    driver->jump.spans = NULL;
}

bool pf_jump_skips(const struct pf_driver *driver, size_t input)
{
    const struct pf_span *span = span_of(driver, input);
    return span != NULL && span->first == span->last;
}

uint64_t pf_jump_stop(const struct pf_driver *driver, size_t input)
{
    const struct pf_span *span = span_of(driver, input);
    if (span == NULL || span->last == span->index->count)
        return pf_jump_skips(driver, input) ? 1 : pf_input_end(driver->pass->inputs[input]);
    return span->first == span->last ? 1 : span->index->places[span->last].offset;
}

uint64_t pf_jump_start(const struct pf_driver *driver, size_t input)
{
    const struct pf_span *span = span_of(driver, input);
    uint64_t at = driver->pass->inputs[input]->walk.offset; /* a piece may begin anywhere */
    if (span != NULL)
        at = span->first != 0 ? span->index->places[span->first].offset : 0;
    return at / driver->chunk * driver->chunk;
}

/* --- what skipped octets leave behind ----------------------------------------------------------------------------- */

enum { BLOCK_AT_ONCE = 4096 }; /* more than what describes an interface or a section takes, nearly always */

/* Steps over the block at `offset` as the walk would. */
static enum pf_status describe(struct pf_driver *driver, size_t input, uint64_t offset, struct pf_error *error)
{
    struct pf_source *source = source_of(driver, input);
    struct pf_walk *walk = &driver->walk;
    size_t room = BLOCK_AT_ONCE, got, body, size;
    enum pf_status status = PF_OK;
    for (bool again = true; again && status == PF_OK;) {
        struct pf_record record = {.octets = NULL};
        struct pf_fault fault = {.kind = PF_NO_FAULT};
        uint8_t *octets = pf_alloc(room);
        if (octets == NULL)
            return pf_fail_memory(error);
        enum pf_step step = PF_STEP_FAULT;
        status = source->ops->read_at(source, octets, room, offset, &got, error);
        if (status == PF_OK)
            step = walk->format->step(walk, octets, got, got < room, &record, &body, &size, &fault, error);
        pf_free(octets);
        again = step == PF_STEP_MORE && room == BLOCK_AT_ONCE && size > room;
        room = again ? size : room; /* formats bound what they ask for */
        if (status == PF_OK && step == PF_STEP_FAILED)
            status = error->status;
        else if (status == PF_OK && !again && step != PF_STEP_SKIP)
            status = pf_jump_misfit(driver, input, error);
    }
    driver->jump.described++;
    return status;
}

/* Whatever a walk over all would know at this place. */
static enum pf_status stand_at(struct pf_driver *driver, size_t input, const struct pf_pfx_place *place,
                               struct pf_error *error)
{
    const struct pf_pfx *index = span_of(driver, input)->index;
    uint64_t frames = driver->jump.frames + place->packets;
    if (driver->fresh && place->packets != 0) {
        driver->walk.offset = index->places[0].offset;
        struct pf_record first = {
            .frame_number = driver->frames + 1, .timed = index->first_timed, .time = index->first_time};
        PF_TRY(pf_driver_note_overlap(driver, input, &first, error));
    }
    while (driver->jump.described < place->descriptions)
        PF_TRY(describe(driver, input, index->descriptions[driver->jump.described], error));
    atomic_fetch_add(&driver->pass->packets, frames - driver->frames);
    driver->frames = frames;
    driver->walk.offset = place->offset;
    if (!place->timed)
        return PF_OK;
    if (!driver->timed)
        driver->first_time = index->first_time;
    if (!driver->timed || place->greatest > driver->last_time)
        driver->last_time = place->greatest;
    driver->timed = true;
    driver->time = place->time;
    return PF_OK;
}

static enum pf_status leave(struct pf_driver *driver, size_t input, struct pf_error *error)
{
    const struct pf_pfx *index = span_of(driver, input)->index;
    struct pf_jump *jump = &driver->jump;
    PF_TRY(stand_at(driver, input, &index->end, error));
    jump->border = UINT64_MAX;
    if (index->fault.kind == PF_NO_FAULT) {
        atomic_store(&driver->ended, input + 1);
        return PF_OK;
    }
    struct pf_fault fault = index->fault;
    return pf_driver_note_fault(driver, NULL, input, &fault, error);
}

enum pf_status pf_jump_enter(struct pf_driver *driver, size_t input, struct pf_error *error)
{
    const struct pf_span *span = span_of(driver, input);
    struct pf_jump *jump = &driver->jump;
    jump->border = UINT64_MAX;
    jump->least = INT64_MIN;
    jump->most = INT64_MAX;
    jump->described = 0;
    jump->frames = driver->frames;
    if (span == NULL)
        return PF_OK;
    if (span->first == span->last)
        return leave(driver, input, error);
    if (span->first != 0)
        PF_TRY(stand_at(driver, input, &span->index->places[span->first], error));
    jump->place = span->first;
    jump->border = span->index->places[span->first].offset;
    return PF_OK;
}

enum pf_status pf_jump_border(struct pf_driver *driver, size_t input, struct pf_error *error)
{
    const struct pf_span *span = span_of(driver, input);
    struct pf_jump *jump = &driver->jump;
    const struct pf_pfx_place *place = &span->index->places[jump->place];
    bool fits = driver->walk.offset == place->offset && driver->frames == jump->frames + place->packets &&
                jump->described == place->descriptions && (!place->timed || driver->time == place->time);
    if (!fits)
        return pf_jump_misfit(driver, input, error);
    if (jump->place == span->last)
        return leave(driver, input, error);
    jump->least = place->least;
    jump->most = place->most;
    jump->place++;
    jump->border = jump->place < span->index->count ? span->index->places[jump->place].offset : UINT64_MAX;
    return PF_OK;
}

enum pf_status pf_jump_check_end(struct pf_driver *driver, size_t input, struct pf_error *error)
{
    const struct pf_span *span = span_of(driver, input);
    if (span == NULL)
        return PF_OK;
    const struct pf_pass *pass = driver->pass;
    const struct pf_fault *last = pass->fault_count != 0 ? &pass->faults[pass->fault_count - 1] : NULL;
    bool shrank = last != NULL && last->input == input && last->kind == PF_SHRANK; /* while it was read: told as ever */
    bool fits = driver->frames == driver->jump.frames + span->index->end.packets;
    return fits || shrank ? PF_OK : pf_jump_misfit(driver, input, error);
}
