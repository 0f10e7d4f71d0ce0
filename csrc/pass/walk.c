#include "pass/driver.h"

#include "base/alloc.h"

#include <string.h>

static bool reserve(struct pf_window *window, size_t size)
{
    if (size <= window->capacity)
        return true;
    size_t capacity = pf_grown(window->capacity, size, 1);
    uint8_t *octets = capacity != 0 ? pf_alloc_pages(capacity) : NULL;
    if (octets == NULL)
        return false;
    if (window->size != 0)
        memcpy(octets, window->octets, window->size);
    pf_free(window->octets);
    window->octets = octets;
    window->capacity = capacity;
    return true;
}

static struct pf_source *source_of(const struct pf_driver *driver, size_t input)
{
    return driver->pass->inputs[input]->source;
}

enum pf_status pf_driver_read(struct pf_driver *driver, struct pf_worker *worker, const struct pf_ticket *ticket,
                              struct pf_error *error)
{
    struct pf_source *source = source_of(driver, ticket->input);
    struct pf_window *window = &worker->window;
    /* A record header that begins at the chunk's last octet must be there for the walk. */
    size_t want = driver->chunk + driver->pass->inputs[ticket->input]->walk.format->look_ahead;
    window->base = ticket->start;
    window->size = 0;
    if (pf_jump_skips(driver, ticket->input))
        return PF_OK;
    if (!reserve(window, want))
        return pf_fail_memory(error);
    return source->ops->read_at(source, window->octets, want, ticket->start, &window->size, error);
}

/* Appends to the window until it reaches `until` or the input ends. A stream's window grows only as octets arrive. */
static enum pf_status fill(struct pf_driver *driver, struct pf_source *source, struct pf_window *window, uint64_t until,
                           struct pf_error *error)
{
    while (window->base + window->size < until) {
        size_t want = (size_t)(until - window->base) - window->size, got;
        if (!pf_source_seekable(source)) {
            size_t step = window->size < driver->chunk ? driver->chunk : window->size;
            want = want < step ? want : step;
        }
        if (!reserve(window, window->size + want))
            return pf_fail_memory(error);
        uint8_t *to = window->octets + window->size;
        if (pf_source_seekable(source))
            PF_TRY(source->ops->read_at(source, to, want, window->base + window->size, &got, error));
        else if (driver->stream_ended)
            got = 0;
        else
            PF_TRY(source->ops->read(source, driver->crew, to, want, &got, error));
        if (got == 0) {
            driver->stream_ended = true;
            return PF_OK;
        }
        window->size += got;
    }
    return PF_OK;
}

/* Octets of the window from `offset` on. */
static size_t have_from(const struct pf_window *window, uint64_t offset)
{
    uint64_t end = window->base + window->size;
    return offset < end ? (size_t)(end - offset) : 0;
}

/* What is left of a stream is read to its end, to know how much was lost and to let its writer finish. */
static enum pf_status drain(struct pf_driver *driver, struct pf_source *source, const struct pf_window *window,
                            uint64_t *lost, struct pf_error *error)
{
    struct pf_window scratch = {NULL, 0, 0, 0};
    enum pf_status status = PF_OK;
    *lost = have_from(window, driver->walk.offset) + driver->thrown;
    while (!driver->stream_ended && status == PF_OK) {
        scratch.size = 0;
        status = fill(driver, source, &scratch, driver->chunk, error);
        *lost += scratch.size;
    }
    pf_free(scratch.octets);
    return status;
}

static enum pf_status append_fault(struct pf_driver *driver, const struct pf_fault *fault, struct pf_error *error)
{
    struct pf_pass *pass = driver->pass;
    if (pass->fault_count == driver->fault_capacity) {
        size_t capacity = pf_grown(driver->fault_capacity, pass->fault_count + 1, sizeof *pass->faults);
        struct pf_fault *faults = capacity != 0 ? pf_realloc(pass->faults, capacity * sizeof *faults) : NULL;
        if (faults == NULL)
            return pf_fail_memory(error);
        pass->faults = faults;
        driver->fault_capacity = capacity;
    }
    pass->faults[pass->fault_count++] = *fault;
    return PF_OK;
}

enum pf_status pf_driver_note_fault(struct pf_driver *driver, const struct pf_window *window, size_t input,
                                    struct pf_fault *fault, struct pf_error *error)
{
    struct pf_source *source = source_of(driver, input);
    fault->input = input;
    fault->frame_number = driver->frames + 1;
    fault->offset = driver->walk.offset;
    if (pf_source_seekable(source))
        fault->lost = source->size - driver->walk.offset;
    else
        PF_TRY(drain(driver, source, window, &fault->lost, error));
    if (driver->pass->making != NULL)
        pf_pfx_end(driver->pass->making, driver->walk.offset, fault);
    driver->pass->found.damaged = true;
    if (!driver->pass->strict) {
        atomic_store(&driver->ended, input + 1);
        return append_fault(driver, fault, error);
    }
    /* All ends here; the packets before still go their way, so that what sinks got is the same in every run. */
    atomic_store(&driver->ended, driver->pass->input_count);
    char text[sizeof error->text];
    pf_fault_message(fault, source->name, text, sizeof text);
    (void)pf_fail(&driver->refused, PF_FAULT, "%s", text);
    return PF_OK;
}

/* What a record's time is counted from. */
static void note_time(struct pf_driver *driver, struct pf_record *record)
{
    if (!record->timed)
        return;
    if (!driver->timed) {
        driver->first_time = driver->time = driver->last_time = driver->earliest = record->time;
        driver->pass->found.first_timed = record->frame_number;
    }
    driver->timed = true;
    record->last_time = driver->time;
    record->first_time = driver->first_time;
    driver->time = record->time;
    if (record->time > driver->last_time)
        driver->last_time = record->time;
    if (record->time < driver->earliest)
        driver->earliest = record->time;
}

/* Keeps the offset of a block that changed how octets are read. */
static enum pf_status note_told(struct pf_driver *driver, const struct pf_walk *before, size_t interfaces,
                                struct pf_error *error)
{
    struct pf_found *found = &driver->pass->found;
    const struct pf_walk *walk = &driver->walk;
    if (walk->interfaces->count == interfaces && walk->section == before->section &&
        walk->big_endian == before->big_endian)
        return PF_OK;
    if (found->told_count == found->told_capacity) {
        size_t capacity = pf_grown(found->told_capacity, found->told_count + 1, sizeof *found->told);
        uint64_t *told = capacity != 0 ? pf_realloc(found->told, capacity * sizeof *told) : NULL;
        if (told == NULL)
            return pf_fail_memory(error);
        found->told = told;
        found->told_capacity = capacity;
    }
    found->told[found->told_count++] = before->offset;
    driver->jump.described++;
    struct pf_pfx *making = driver->pass->making;
    return making != NULL ? pf_pfx_described(making, before->offset, error) : PF_OK;
}

void pf_driver_found(struct pf_driver *driver)
{
    struct pf_found *found = &driver->pass->found;
    if (driver->pass->input_count == 0)
        return;
    found->end = driver->walked != SIZE_MAX ? driver->walk.offset : driver->pass->inputs[0]->walk.offset;
    found->packets = driver->frames;
    found->timed = driver->timed;
    found->first_time = driver->first_time;
    found->time = driver->time;
    found->latest = driver->last_time;
    found->earliest = driver->earliest;
}

static enum pf_status note_rising(struct pf_driver *driver, int64_t time, struct pf_error *error)
{
    struct pf_found *found = &driver->pass->found;
    if (driver->pass->notes == NULL || found->rising_count == PF_RISING)
        return PF_OK;
    PF_TRY(pf_grow((void **)&found->rising, &found->rising_capacity, found->rising_count + 1, sizeof *found->rising,
                   error));
    found->rising[found->rising_count++] = time;
    return PF_OK;
}

static enum pf_status note_oddities(struct pf_driver *driver, const struct pf_record *record, struct pf_error *error)
{
    struct pf_oddities *oddities = &driver->pass->oddities;
    bool earlier = driver->timed && record->time < driver->last_time;
    uint32_t snap_len = record->interface->snap_len;
    oddities->beyond_snap += snap_len != 0 && record->cap_len > snap_len;
    oddities->longer_than_on_wire += record->cap_len > record->len;
    oddities->untimed += !record->timed;
    oddities->backwards += record->timed && earlier;
    return record->timed && !earlier ? note_rising(driver, record->time, error) : PF_OK;
}

enum pf_status pf_driver_note_overlap(struct pf_driver *driver, size_t input, const struct pf_record *record,
                                      struct pf_error *error)
{
    driver->fresh = false;
    if (!record->timed || !driver->timed || record->time >= driver->last_time)
        return PF_OK;
    struct pf_fault fault = {.input = input, .frame_number = record->frame_number, .offset = driver->walk.offset};
    pf_fault_set(&fault, PF_OVERLAP,
                 "begins before the files ahead of it end: packets are not in the order of their times");
    return append_fault(driver, &fault, error);
}

static enum pf_status keep_record(struct pf_driver *driver, struct pf_worker *worker, size_t input,
                                  struct pf_record *record, size_t at, struct pf_error *error)
{
    if (worker->record_count == worker->record_capacity) {
        size_t capacity = pf_grown(worker->record_capacity, worker->record_count + 1, sizeof *record);
        struct pf_record *records = capacity != 0 ? pf_realloc(worker->records, capacity * sizeof *records) : NULL;
        if (records == NULL)
            return pf_fail_memory(error);
        worker->records = records;
        worker->record_capacity = capacity;
    }
    record->octets = (const uint8_t *)at; /* an index until the window no longer moves */
    if (driver->pass->found.first_offset == 0)
        driver->pass->found.first_offset = driver->walk.offset;
    driver->frames++;
    record->input = (uint32_t)input;
    if (driver->fresh)
        PF_TRY(pf_driver_note_overlap(driver, input, record, error));
    if (record->timed && (record->time < driver->jump.least || record->time > driver->jump.most))
        return pf_jump_misfit(driver, input, error);
    if (driver->pass->making != NULL)
        PF_TRY(pf_pfx_record(driver->pass->making, driver->walk.offset, record, error));
    PF_TRY(note_oddities(driver, record, error));
    note_time(driver, record);
    worker->records[worker->record_count++] = *record;
    return PF_OK;
}

/* The input ended where `size` octets of a record were needed and `have` are there. */
static enum pf_status ended_within(struct pf_driver *driver, const struct pf_window *window, size_t input, size_t have,
                                   size_t size, struct pf_error *error)
{
    struct pf_source *source = source_of(driver, input);
    bool shrank = pf_source_seekable(source) && driver->walk.offset + have < source->size;
    bool broken = source->broken.kind != PF_NO_FAULT;
    if (have == 0 && !shrank && !broken) { /* the one good end: at the end of a record */
        atomic_store(&driver->ended, input + 1);
        return PF_OK;
    }
    struct pf_fault fault = {.kind = PF_NO_FAULT};
    if (broken)
        fault = source->broken;
    else if (shrank)
        pf_fault_set(&fault, PF_SHRANK, "the file ends here: it became shorter while it was read");
    else
        pf_fault_set(&fault, PF_CUT_SHORT, "the capture is cut short: %zu of the record's %zu octets are there", have,
                     size);
    return pf_driver_note_fault(driver, window, input, &fault, error);
}

/* Octets from walk.offset to the end of the input, as far as that is known. */
static uint64_t left_of(const struct pf_driver *driver, const struct pf_source *source)
{
    return pf_source_seekable(source) ? source->size - driver->walk.offset : PF_SIZE_UNKNOWN;
}

/* Has the next `size` octets in the window, or all that there are. */
static enum pf_status need(struct pf_driver *driver, struct pf_window *window, struct pf_source *source, size_t size,
                           struct pf_error *error)
{
    uint64_t left = left_of(driver, source);
    return fill(driver, source, window, driver->walk.offset + (size < left ? size : left), error);
}

/* Steps over `size` octets. What a stream has of them behind the window is read and thrown away, which ends the chunk.
 */
static enum pf_status skip(struct pf_driver *driver, const struct pf_window *window, size_t input, size_t size,
                           struct pf_error *error)
{
    struct pf_source *source = source_of(driver, input);
    struct pf_window scratch = {NULL, 0, 0, 0};
    uint64_t left = left_of(driver, source);
    size_t have = have_from(window, driver->walk.offset);
    if (size > left)
        return ended_within(driver, window, input, (size_t)left, size, error);
    enum pf_status status = PF_OK;
    while (!pf_source_seekable(source) && have < size && !driver->stream_ended && status == PF_OK) {
        scratch.size = 0;
        status = fill(driver, source, &scratch, size - have < driver->chunk ? size - have : driver->chunk, error);
        have += scratch.size;
        driver->thrown += scratch.size;
    }
    pf_free(scratch.octets);
    if (status != PF_OK)
        return status;
    if (!pf_source_seekable(source) && have < size)
        return ended_within(driver, window, input, have, size, error);
    driver->thrown = 0;
    driver->walk.offset += size;
    if (driver->walk.counts_skipped)
        pf_notes_block(driver->walk.notes, driver->walk.skipped_type);
    driver->walk.counts_skipped = false;
    return PF_OK;
}

/* Walks from driver->walk.offset up to `end`, or to the end of the input. */
static enum pf_status walk_records(struct pf_driver *driver, struct pf_worker *worker, size_t input, uint64_t end,
                                   struct pf_error *error)
{
    struct pf_window *window = &worker->window;
    struct pf_source *source = source_of(driver, input);
    struct pf_walk *walk = &driver->walk;
    for (;;) {
        if (!pf_source_seekable(source)) /* what was read ahead is walked too */
            end = driver->stream_ended ? PF_SIZE_UNKNOWN : window->base + window->size;
        if (walk->offset >= driver->jump.border)
            PF_TRY(pf_jump_border(driver, input, error));
        if (walk->offset >= end || atomic_load_explicit(&driver->ended, memory_order_relaxed) > input)
            break;
        struct pf_record record = {.frame_number = driver->frames + 1};
        struct pf_fault fault = {.kind = PF_NO_FAULT};
        size_t at = (size_t)(walk->offset - window->base), have = have_from(window, walk->offset), body = 0, size = 0;
        struct pf_walk before = *walk;
        size_t interfaces = walk->interfaces->count;
        bool all = driver->stream_ended || have == left_of(driver, source);
        const uint8_t *octets = window->octets + (have != 0 ? at : 0);
        enum pf_step step = walk->format->step(walk, octets, have, all, &record, &body, &size, &fault, error);
        if (step == PF_STEP_FAILED)
            return error->status;
        if (step == PF_STEP_FAULT)
            return pf_driver_note_fault(driver, window, input, &fault, error);
        if (step == PF_STEP_SKIP) {
            PF_TRY(note_told(driver, &before, interfaces, error));
            PF_TRY(skip(driver, window, input, size, error));
            continue;
        }
        if (step == PF_STEP_MORE && !all && !pf_source_seekable(source) && have <= sizeof driver->carry &&
            walk->offset - window->base >= driver->chunk) {
            memcpy(driver->carry, octets, have);
            driver->carried = have;
            break;
        }
        if (have < size) {
            PF_TRY(need(driver, window, source, size, error));
            if (step == PF_STEP_MORE && !all)
                continue;
            have = have_from(window, walk->offset);
            if (have < size) {
                PF_TRY(ended_within(driver, window, input, have, size, error));
                continue;
            }
        }
        if (step == PF_STEP_RECORD) {
            PF_TRY(keep_record(driver, worker, input, &record, at + body, error));
            walk->offset += size;
        }
    }
    return PF_OK;
}

static enum pf_status start_input(struct pf_driver *driver, size_t input, struct pf_error *error)
{
    const struct pf_input *opened = driver->pass->inputs[input];
    driver->walked = input;
    driver->walk = opened->walk;
    driver->walk.interfaces = &driver->pass->interfaces;
    driver->walk.notes = driver->pass->notes;
    driver->stream_begun = driver->stream_ended = false;
    driver->fresh = input != 0 || opened->before.packets == 0;
    if (input == 0) {
        driver->frames = opened->before.packets;
        driver->timed = opened->before.timed;
        driver->first_time = opened->before.first_time;
        driver->time = opened->before.time;
        driver->last_time = opened->before.latest;
    }
    driver->thrown = driver->carried = 0;
    PF_TRY(driver->walk.format->begin(&driver->walk, error));
    PF_TRY(pf_input_tell(opened, &driver->walk, error));
    return pf_jump_enter(driver, input, error);
}

/* A stream's chunk is what comes next; before its first octets comes what was read to recognise it. A walk leaves
 * nothing over: it reads its last record to the end. */
static enum pf_status read_stream(struct pf_driver *driver, struct pf_window *window, size_t input,
                                  struct pf_error *error)
{
    const struct pf_input *opened = driver->pass->inputs[input];
    const uint8_t *before = driver->stream_begun ? driver->carry : opened->head;
    size_t head = driver->stream_begun ? driver->carried : opened->head_size;
    window->base = driver->stream_begun ? driver->walk.offset : 0;
    window->size = 0;
    driver->stream_begun = true;
    if (!reserve(window, head))
        return pf_fail_memory(error);
    if (head != 0)
        memcpy(window->octets, before, head);
    window->size = head;
    driver->carried = 0;
    /* However small chunks are, the first must reach beyond the file's header. */
    uint64_t least = driver->walk.offset + 1, chunk = window->base + driver->chunk;
    return fill(driver, opened->source, window, chunk > least ? chunk : least, error);
}

enum pf_status pf_driver_walk(struct pf_driver *driver, struct pf_worker *worker, const struct pf_ticket *ticket,
                              struct pf_error *error)
{
    struct pf_window *window = &worker->window;
    size_t input = ticket->input;
    bool stream = !pf_source_seekable(source_of(driver, input));
    worker->record_count = 0;
    if (atomic_load(&driver->ended) > input) /* a strict pass was refused in an input before */
        return PF_OK;
    if (driver->walked != input)
        PF_TRY(start_input(driver, input, error));
    if (atomic_load(&driver->ended) > input)
        return PF_OK;
    uint64_t end = ticket->start + driver->chunk, last = pf_input_end(driver->pass->inputs[input]);
    end = end < last ? end : last;
    if (stream) {
        PF_TRY(read_stream(driver, window, input, error));
        end = driver->stream_ended ? PF_SIZE_UNKNOWN : window->base + window->size;
    }
    PF_TRY(walk_records(driver, worker, input, end, error));
    if (!stream && driver->walk.offset >= last && atomic_load(&driver->ended) <= input)
        atomic_store(&driver->ended, input + 1);
    if (atomic_load(&driver->ended) > input)
        PF_TRY(pf_jump_check_end(driver, input, error));
    for (size_t i = 0; i < worker->record_count; i++)
        worker->records[i].octets = window->octets + (size_t)worker->records[i].octets;
    return PF_OK;
}
