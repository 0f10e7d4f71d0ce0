#include "capture/recording.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

enum {
    WINDOW = 1 << 20,  /* octets read at once at most */
    COUNT_EVERY = 100, /* ms between questions for what was dropped: each costs the system a look into a file */
};

/* What was read and not walked yet. */
struct pump {
    struct pf_recording *recording;
    struct pf_crew *crew;
    struct pf_walk walk;
    struct pf_notes notes; /* read by nobody: without them the walk takes no statistics */
    uint8_t *octets;
    size_t at, size, capacity;
    size_t skip; /* octets of a block to step over that were not there yet */
    bool all;    /* the source has ended */
    bool full;
    uint64_t frames, counted_at;
};

static struct pf_source *source_of(const struct pump *pump)
{
    return pump->recording->input.source;
}

/* Room for at least `more` octets behind those that are left, which move to the front. */
static enum pf_status make_room(struct pump *pump, size_t more, struct pf_error *error)
{
    pump->size -= pump->at;
    if (pump->size != 0)
        memmove(pump->octets, pump->octets + pump->at, pump->size);
    pump->at = 0;
    if (more <= pump->capacity - pump->size)
        return PF_OK;
    size_t capacity = pf_grown(pump->capacity, pump->size + more, 1);
    uint8_t *grown = capacity != 0 ? pf_realloc(pump->octets, capacity) : NULL;
    if (grown == NULL)
        return pf_fail_memory(error);
    pump->octets = grown;
    pump->capacity = capacity;
    return PF_OK;
}

static void note_state(struct pump *pump)
{
    struct pf_recording *recording = pump->recording;
    struct pf_recorder *recorder = &recording->recorder;
    uint64_t now = pf_os_milliseconds(), counts[3];
    bool counted = recording->live.statistics != NULL && (pump->all || now - pump->counted_at >= COUNT_EVERY);
    if (counted)
        pump->counted_at = now;
    counted = counted && recording->live.statistics(source_of(pump), &counts[0], &counts[1], &counts[2]);
    pf_mutex_lock(&recording->lock);
    struct pf_recording_state *state = &recording->state;
    state->packets = recorder->mark.before.packets; /* written by this thread alone */
    state->captured = recorder->captured;
    state->file_octets = recorder->flushed_octets;
    if (counted) {
        state->counted = true;
        state->received = counts[0];
        state->dropped = counts[1];
        state->missed = counts[2];
    }
    pf_mutex_unlock(&recording->lock);
}

/* What the source says of itself in words, and no octet more comes. */
static void ends_early(struct pump *pump, const char *why)
{
    struct pf_recording *recording = pump->recording;
    pf_mutex_lock(&recording->lock);
    (void)snprintf(recording->state.why, sizeof recording->state.why, "%s", why);
    pf_mutex_unlock(&recording->lock);
    pump->all = true;
    pump->at = pump->size;
}

/* Walks over what is there; what is not whole stays for the next time. */
static enum pf_status walk(struct pump *pump, struct pf_error *error)
{
    while (pump->at < pump->size && !pump->full) {
        size_t have = pump->size - pump->at, body = 0, size = 0;
        if (pump->skip != 0) {
            size = pump->skip < have ? pump->skip : have;
            pump->skip -= size;
            pump->at += size;
            continue;
        }
        struct pf_record record = {.frame_number = pump->frames + 1};
        struct pf_fault fault = {.kind = PF_NO_FAULT};
        enum pf_step step = pump->walk.format->step(&pump->walk, pump->octets + pump->at, have, pump->all, &record,
                                                    &body, &size, &fault, error);
        if (step == PF_STEP_FAILED)
            return error->status;
        if (step == PF_STEP_FAULT) {
            ends_early(pump, fault.text);
            return PF_OK;
        }
        if (step == PF_STEP_SKIP) {
            pump->walk.offset += size;
            pump->skip = size;
            continue;
        }
        if (step == PF_STEP_MORE || have < size)
            return pump->all ? PF_OK : make_room(pump, size - (have < size ? have : size) + 1, error);
        record.octets = pump->octets + pump->at + body;
        PF_TRY(pf_recorder_put(&pump->recording->recorder, &record, &pump->full, error));
        pump->frames++;
        pump->walk.offset += size;
        pump->at += size;
    }
    return PF_OK;
}

static enum pf_status fill(struct pump *pump, struct pf_error *error)
{
    size_t got = 0;
    PF_TRY(make_room(pump, WINDOW / 2, error));
    struct pf_error failed = {.status = PF_OK};
    enum pf_status status = source_of(pump)->ops->read(source_of(pump), pump->crew, pump->octets + pump->size,
                                                       pump->capacity - pump->size, &got, &failed);
    if (status == PF_STOPPED || status == PF_NO_MEMORY) {
        *error = failed;
        return status;
    }
    if (status != PF_OK)
        ends_early(pump, failed.text); /* an interface that is gone: what it gave stays */
    pump->size += got;
    pump->all |= got == 0;
    return PF_OK;
}

static enum pf_status run(struct pump *pump, struct pf_error *error)
{
    const struct pf_input *input = &pump->recording->input;
    PF_TRY(make_room(pump, input->head_size > WINDOW ? input->head_size : WINDOW, error));
    if (input->head_size != 0)
        memcpy(pump->octets, input->head, input->head_size);
    pump->size = input->head_size;
    /* What lies before the first record is in the head and was recognised. */
    pump->skip = (size_t)input->walk.offset;
    pump->walk = input->walk;
    pump->walk.interfaces = &pump->recording->interfaces;
    pump->walk.notes = &pump->notes;
    PF_TRY(pump->walk.format->begin(&pump->walk, error));
    for (;;) {
        PF_TRY(walk(pump, error));
        PF_TRY(pf_recorder_flush(&pump->recording->recorder, error));
        note_state(pump);
        if (pump->all || pump->full)
            return PF_OK;
        PF_TRY(fill(pump, error));
    }
}

/* What the file says at its end: counts of the source, else those that another tool wrote into its stream. */
static enum pf_status finish(struct pump *pump, struct pf_error *error)
{
    struct pf_recording *recording = pump->recording;
    pump->all = true;
    note_state(pump);
    struct pf_recording_state *state = &recording->state;
    const struct pf_interfaces *interfaces = &recording->interfaces;
    if (!state->counted && interfaces->count != 0 && interfaces->list[0]->has_received) {
        pf_mutex_lock(&recording->lock);
        state->counted = true;
        state->received = interfaces->list[0]->received;
        state->dropped = interfaces->list[0]->dropped;
        pf_mutex_unlock(&recording->lock);
    }
    struct pf_pcapng_statistics statistics = {
        .time = recording->recorder.now.before.time,
        .received = state->counted ? state->received : PF_PCAPNG_UNKNOWN,
        .dropped = state->counted ? state->dropped + state->missed : PF_PCAPNG_UNKNOWN,
        .delivered = recording->recorder.now.before.packets,
    };
    return pf_recorder_finish(&recording->recorder, &statistics, error);
}

static enum pf_status work(void *context, struct pf_crew *crew, unsigned worker, struct pf_error *error)
{
    struct pf_recording *recording = context;
    struct pump pump = {.recording = recording, .crew = crew};
    (void)worker;
    enum pf_status status = run(&pump, error);
    if (status == PF_STOPPED && atomic_load(&recording->asked)) /* who asked was not heard by the source */
        status = PF_OK;
    if (status == PF_OK)
        status = finish(&pump, error);
    else
        note_state(&pump);
    pf_free(pump.octets);
    pf_notes_clear(&pump.notes);
    pf_mutex_lock(&recording->lock);
    const struct pf_recorder *recorder = &recording->recorder;
    recording->state.file_octets = recorder->flushed_octets;
    recording->state.ending = status != PF_OK                  ? PF_FAILED
                              : recorder->full_packets         ? PF_ENOUGH
                              : recorder->full_octets          ? PF_SPOOL_FULL
                              : atomic_load(&recording->asked) ? PF_ASKED
                                                               : PF_SOURCE_ENDED;
    recording->error = *error;
    pf_cond_wake_all(&recording->ended);
    pf_mutex_unlock(&recording->lock);
    return status;
}

/* A source that can be told ends with what it has; one that can't is stopped where it waits. */
static enum pf_status tick(void *context, struct pf_error *error)
{
    struct pf_recording *recording = context;
    return atomic_load(&recording->stop) ? pf_fail(error, PF_STOPPED, "stopped") : PF_OK;
}

static void *body(void *argument)
{
    struct pf_recording *recording = argument;
    struct pf_host host = {.tick = tick, .context = recording};
    struct pf_error error = {.status = PF_OK};
    enum pf_status status = pf_crew_run(1, work, recording, &host, &error);
    pf_mutex_lock(&recording->lock);
    if (recording->state.ending == PF_RUNNING) { /* there was no thread for it */
        recording->state.ending = status != PF_OK ? PF_FAILED : PF_ASKED;
        recording->error = error;
    }
    pf_cond_wake_all(&recording->ended);
    pf_mutex_unlock(&recording->lock);
    return NULL;
}

enum pf_status pf_recording_open(struct pf_recording *recording, struct pf_source *source,
                                 const struct pf_live_source *live, const struct pf_record_as *as,
                                 const struct pf_host *host, struct pf_error *error)
{
    memset(recording, 0, sizeof *recording);
    recording->recorder.draft.fd = recording->recorder.shared = -1;
    recording->live = *live;
    pf_mutex_init(&recording->lock);
    pf_cond_init(&recording->ended);
    enum pf_status status = pf_input_open(&recording->input, source, host, error);
    if (status == PF_OK)
        status = pf_recorder_begin(&recording->recorder, as, &recording->input.interfaces, error);
    if (status != PF_OK)
        pf_recording_clear(recording);
    return status;
}

enum pf_status pf_recording_start(struct pf_recording *recording, struct pf_error *error)
{
    if (recording->started)
        return pf_fail(error, PF_BUSY, "a recording runs once");
    int failed = pf_thread_start(&recording->thread, body, recording);
    if (failed != 0)
        return pf_fail_sys(error, failed, NULL, "could not start a thread");
    recording->started = true;
    return PF_OK;
}

bool pf_recording_wait(struct pf_recording *recording, unsigned milliseconds)
{
    uint64_t until = pf_os_milliseconds() + milliseconds, now;
    pf_mutex_lock(&recording->lock);
    while (recording->state.ending == PF_RUNNING && (now = pf_os_milliseconds()) < until)
        pf_cond_wait_ms(&recording->ended, &recording->lock, (unsigned)(until - now));
    bool ended = recording->state.ending != PF_RUNNING;
    pf_mutex_unlock(&recording->lock);
    return ended;
}

void pf_recording_finish(struct pf_recording *recording)
{
    atomic_store(&recording->asked, true);
    if (recording->live.finish != NULL)
        recording->live.finish(recording->input.source);
}

void pf_recording_stop(struct pf_recording *recording)
{
    atomic_store(&recording->asked, true);
    atomic_store(&recording->stop, true);
}

struct pf_recording_state pf_recording_look(struct pf_recording *recording)
{
    pf_mutex_lock(&recording->lock);
    struct pf_recording_state state = recording->state;
    pf_mutex_unlock(&recording->lock);
    return state;
}

enum pf_status pf_recording_error(struct pf_recording *recording, struct pf_error *error)
{
    pf_mutex_lock(&recording->lock);
    enum pf_status status = recording->state.ending == PF_FAILED ? recording->error.status : PF_OK;
    if (status != PF_OK)
        *error = recording->error;
    pf_mutex_unlock(&recording->lock);
    return status;
}

void pf_recording_clear(struct pf_recording *recording)
{
    if (recording->started) {
        pf_recording_stop(recording);
        pf_thread_join(&recording->thread);
    }
    if (recording->input.source != NULL)
        pf_input_close(&recording->input);
    pf_recorder_clear(&recording->recorder);
    pf_interfaces_clear(&recording->interfaces);
    memset(recording, 0, sizeof *recording);
}
