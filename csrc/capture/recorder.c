#include "capture/recorder.h"

#include "base/alloc.h"
#include "base/cursor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Marks are kept so far apart: to go back costs at most a pass over so much, and a terabyte has 10 MB of them. */
#define MARK_EVERY ((uint64_t)4 << 20)

static enum pf_status cannot_write(const struct pf_recorder *recorder, int failed, struct pf_error *error)
{
    const char *name = recorder->draft.temporary != NULL ? recorder->draft.temporary : recorder->as.folder;
    return pf_fail_sys(error, failed, name, "could not be written");
}

/* Room for `size` more octets of what is gathered. */
static uint8_t *room_for(struct pf_recorder *recorder, size_t size)
{
    if (size > recorder->capacity - recorder->size) {
        size_t capacity = pf_grown(recorder->capacity, recorder->size + size, 1);
        uint8_t *grown = capacity != 0 ? pf_realloc(recorder->octets, capacity) : NULL;
        if (grown == NULL)
            return NULL;
        recorder->octets = grown;
        recorder->capacity = capacity;
    }
    return recorder->octets + recorder->size;
}

static void gathered(struct pf_recorder *recorder, size_t size)
{
    recorder->size += size;
    recorder->now.offset += size;
}

static enum pf_status describe_one(struct pf_recorder *recorder, const struct pf_interface *interface,
                                   struct pf_error *error)
{
    struct pf_interface said = *interface;
    if (said.name == NULL)
        said.name = (char *)(uintptr_t)recorder->as.interface_name; /* only read */
    said.filter = recorder->as.filter;
    uint8_t *to = room_for(recorder, pf_pcapng_interface_room(&said));
    if (to == NULL)
        return pf_fail_memory(error);
    gathered(recorder, pf_pcapng_put_interface(to, &said));
    return PF_OK;
}

/* Describes the interfaces up to `last` that this file does not know yet, so that each keeps its number. */
static enum pf_status describe(struct pf_recorder *recorder, const struct pf_interface *last, struct pf_error *error)
{
    size_t known = recorder->interface != NULL ? recorder->interface->number + 1 : 0;
    if (last->number < known)
        return PF_OK;
    const struct pf_interface **order = pf_interfaces_between(known, last);
    if (order == NULL)
        return pf_fail_memory(error);
    enum pf_status status = PF_OK;
    for (size_t i = 0; i <= last->number - known && status == PF_OK; i++)
        status = describe_one(recorder, order[i], error);
    pf_free(order);
    recorder->interface = last;
    return status;
}

static enum pf_status begin_draft(struct pf_recorder *recorder, struct pf_error *error)
{
    const struct pf_record_as *as = &recorder->as;
    if (as->path == NULL) {
        int failed = pf_draft_begin_unnamed(&recorder->draft, as->folder);
        if (failed == ENOMEM)
            return pf_fail_memory(error);
        return failed == 0 ? PF_OK : pf_fail_sys(error, failed, as->folder, "could not be written");
    }
    size_t room = strlen(as->path) + (as->suffix != NULL ? strlen(as->suffix) : 0) + 32;
    char *name = pf_alloc(room);
    if (name == NULL)
        return pf_fail_memory(error);
    if (as->suffix != NULL)
        (void)snprintf(name, room, "%s%05lu%s", as->path, recorder->numbered + 1, as->suffix);
    else
        (void)snprintf(name, room, "%s", as->path);
    int failed = pf_draft_begin_part(&recorder->draft, name);
    enum pf_status status = PF_OK;
    if (failed == ENOMEM)
        status = pf_fail_memory(error);
    else if (failed == EEXIST)
        status = pf_fail_sys(error, failed, "", "exists");
    else if (failed != 0)
        status = pf_fail_sys(error, failed, name, "could not be written");
    if (failed == EEXIST)
        (void)snprintf(error->file, sizeof error->file, "%s.part", name);
    pf_free(name);
    return status;
}

static enum pf_status begin_file(struct pf_recorder *recorder, struct pf_error *error)
{
    PF_TRY(begin_draft(recorder, error));
    recorder->numbered++;
    recorder->file_packets = 0;
    recorder->now.offset = 0;
    recorder->interface = NULL;
    uint8_t *to = room_for(recorder, PF_PCAPNG_SECTION);
    if (to == NULL)
        return pf_fail_memory(error);
    gathered(recorder, pf_pcapng_put_section(to));
    return PF_OK;
}

enum pf_status pf_recorder_begin(struct pf_recorder *recorder, const struct pf_record_as *as,
                                 const struct pf_interfaces *interfaces, struct pf_error *error)
{
    memset(recorder, 0, sizeof *recorder);
    recorder->as = *as;
    recorder->draft.fd = recorder->shared = -1;
    pf_mutex_init(&recorder->lock);
    PF_TRY(begin_file(recorder, error));
    if (interfaces->count != 0)
        PF_TRY(describe(recorder, interfaces->list[interfaces->count - 1], error));
    recorder->first_record = recorder->now.offset;
    int failed = as->suffix == NULL ? pf_os_share(recorder->draft.fd, &recorder->shared) : 0;
    if (failed != 0)
        return cannot_write(recorder, failed, error);
    return pf_recorder_flush(recorder, error);
}

/* Only what is kept in between is worth its place. */
static void keep_mark_lock_held(struct pf_recorder *recorder)
{
    const struct pf_mark *last = recorder->mark_count != 0 ? &recorder->marks[recorder->mark_count - 1] : NULL;
    if (last != NULL && recorder->mark.offset - last->offset < MARK_EVERY)
        return;
    if (recorder->mark_count == recorder->mark_capacity) {
        size_t capacity = pf_grown(recorder->mark_capacity, recorder->mark_count + 1, sizeof *recorder->marks);
        struct pf_mark *marks = capacity != 0 ? pf_realloc(recorder->marks, capacity * sizeof *marks) : NULL;
        if (marks == NULL) /* then going back takes longer, and that is all */
            return;
        recorder->marks = marks;
        recorder->mark_capacity = capacity;
    }
    recorder->marks[recorder->mark_count++] = recorder->mark;
}

static void flushed(struct pf_recorder *recorder)
{
    pf_mutex_lock(&recorder->lock);
    recorder->mark = recorder->now;
    recorder->flushed_octets = recorder->closed_octets + recorder->now.offset;
    if (recorder->as.suffix == NULL)
        keep_mark_lock_held(recorder);
    pf_mutex_unlock(&recorder->lock);
    recorder->size = 0;
}

/* A write came to an end early: of what was gathered the blocks that are whole in the file stay. */
static void keep_whole(struct pf_recorder *recorder)
{
    enum { SIMPLE = 3, ENHANCED = 6 };
    struct pf_file_facts facts;
    uint64_t begin = recorder->now.offset - recorder->size;
    if (pf_os_facts(recorder->draft.fd, &facts) != 0)
        return;
    size_t there = facts.size > begin ? (size_t)(facts.size - begin) : 0, at = 0;
    uint64_t packets = recorder->mark.before.packets; /* ours alone to write */
    while (recorder->size - at >= 12) {
        uint32_t length = pf_le32(recorder->octets + at + 4), type = pf_le32(recorder->octets + at);
        if (length > there - at)
            break;
        packets += type == SIMPLE || type == ENHANCED;
        at += length;
    }
    (void)pf_draft_cut(&recorder->draft, begin + at);
    recorder->now.offset = begin + at;
    recorder->now.before.packets = packets;
    flushed(recorder);
}

enum pf_status pf_recorder_flush(struct pf_recorder *recorder, struct pf_error *error)
{
    if (recorder->size == 0)
        return PF_OK;
    int failed = pf_draft_write(&recorder->draft, recorder->octets, recorder->size);
    if (failed != 0) {
        keep_whole(recorder);
        return cannot_write(recorder, failed, error);
    }
    flushed(recorder);
    return PF_OK;
}

/* Of a series no more than `keep` files stay, with the one that is begun next. */
static void remove_oldest_lock_held(struct pf_recorder *recorder)
{
    size_t gone = 0, keep = recorder->as.keep;
    while (keep != 0 && recorder->file_count - gone >= keep)
        (void)pf_os_remove(recorder->files[gone++]); /* one that is gone already is fine */
    for (size_t i = 0; i < gone; i++)
        pf_free(recorder->files[i]);
    recorder->file_count -= gone;
    memmove(recorder->files, recorder->files + gone, recorder->file_count * sizeof *recorder->files);
}

static enum pf_status note_file(struct pf_recorder *recorder, struct pf_error *error)
{
    size_t length = strlen(recorder->draft.path);
    char *name = pf_alloc(length + 1);
    if (name == NULL)
        return pf_fail_memory(error);
    memcpy(name, recorder->draft.path, length);
    pf_mutex_lock(&recorder->lock);
    if (recorder->file_count == recorder->file_capacity) {
        size_t capacity = pf_grown(recorder->file_capacity, recorder->file_count + 1, sizeof *recorder->files);
        char **files = capacity != 0 ? pf_realloc(recorder->files, capacity * sizeof *files) : NULL;
        if (files == NULL) {
            pf_mutex_unlock(&recorder->lock);
            pf_free(name);
            return pf_fail_memory(error);
        }
        recorder->files = files;
        recorder->file_capacity = capacity;
    }
    recorder->files[recorder->file_count++] = name;
    pf_mutex_unlock(&recorder->lock);
    return PF_OK;
}

/* Gives the file its name. Those in the middle of a series are not waited for until they are on the disk: meanwhile
 * packets would be lost. */
static enum pf_status publish(struct pf_recorder *recorder, bool last, struct pf_error *error)
{
    PF_TRY(note_file(recorder, error));
    int failed = last ? pf_draft_commit(&recorder->draft) : pf_draft_publish(&recorder->draft);
    if (failed == ENOMEM)
        return pf_fail_memory(error);
    return failed == 0 ? PF_OK : pf_fail_sys(error, failed, recorder->as.path, "could not be written");
}

static enum pf_status rotate(struct pf_recorder *recorder, struct pf_error *error)
{
    const struct pf_interface *described = recorder->interface;
    PF_TRY(pf_recorder_flush(recorder, error));
    recorder->closed_octets += recorder->now.offset;
    PF_TRY(publish(recorder, false, error));
    pf_mutex_lock(&recorder->lock);
    remove_oldest_lock_held(recorder);
    pf_mutex_unlock(&recorder->lock);
    PF_TRY(begin_file(recorder, error));
    return describe(recorder, described, error);
}

static int64_t period_of(const struct pf_recorder *recorder, const struct pf_record *record)
{
    return record->timed && recorder->as.file_period != 0 ? record->time / recorder->as.file_period : recorder->period;
}

enum pf_status pf_recorder_put(struct pf_recorder *recorder, const struct pf_record *record, bool *full,
                               struct pf_error *error)
{
    const struct pf_record_as *as = &recorder->as;
    size_t size = pf_pcapng_packet_room(record);
    recorder->full_octets = as->octets != 0 && recorder->closed_octets + recorder->now.offset + size > as->octets;
    *full = recorder->full_octets;
    if (*full)
        return PF_OK;
    int64_t period = period_of(recorder, record);
    bool large = as->file_octets != 0 && recorder->now.offset + size > as->file_octets;
    if (recorder->file_packets != 0 && as->suffix != NULL && (large || period != recorder->period))
        PF_TRY(rotate(recorder, error));
    recorder->period = period;
    PF_TRY(describe(recorder, record->interface, error));
    uint8_t *to = room_for(recorder, size);
    if (to == NULL)
        return pf_fail_memory(error);
    size_t put = pf_pcapng_put_packet(to, record);
    if (put == 0)
        return pf_fail(error, PF_INVALID, "packet %" PRIu64 " has no time, or one that no pcapng file can hold",
                       record->frame_number);
    struct pf_before *before = &recorder->now.before;
    gathered(recorder, put);
    recorder->file_packets++;
    before->packets++;
    recorder->full_packets = as->packets != 0 && before->packets >= as->packets;
    *full = recorder->full_packets;
    recorder->captured += record->cap_len;
    if (record->timed) {
        before->first_time = before->timed ? before->first_time : record->time;
        before->time = record->time;
        before->timed = true;
    }
    return recorder->size >= PF_FLUSH_AT ? pf_recorder_flush(recorder, error) : PF_OK;
}

enum pf_status pf_recorder_finish(struct pf_recorder *recorder, const struct pf_pcapng_statistics *statistics,
                                  struct pf_error *error)
{
    PF_TRY(pf_recorder_flush(recorder, error)); /* the mark is that of the packets */
    if (statistics != NULL && recorder->interface != NULL) {
        uint8_t block[PF_PCAPNG_STATISTICS];
        size_t size = pf_pcapng_put_statistics(block, statistics);
        uint64_t end = recorder->now.offset;
        int failed = pf_draft_write(&recorder->draft, block, size);
        if (failed != 0) {
            (void)pf_draft_cut(&recorder->draft, end);
            return cannot_write(recorder, failed, error);
        }
        recorder->now.offset += size;
        flushed(recorder);
    }
    if (recorder->as.path != NULL)
        return publish(recorder, true, error);
    pf_draft_keep(&recorder->draft); /* `shared` holds it from here on */
    return PF_OK;
}

struct pf_mark pf_recorder_mark(struct pf_recorder *recorder)
{
    pf_mutex_lock(&recorder->lock);
    struct pf_mark mark = recorder->mark;
    pf_mutex_unlock(&recorder->lock);
    return mark;
}

struct pf_mark pf_recorder_mark_before(struct pf_recorder *recorder, uint64_t packets)
{
    pf_mutex_lock(&recorder->lock);
    struct pf_mark mark = {.offset = recorder->first_record};
    size_t low = 0, high = recorder->mark_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (recorder->marks[middle].before.packets <= packets)
            low = middle + 1;
        else
            high = middle;
    }
    if (low != 0)
        mark = recorder->marks[low - 1];
    pf_mutex_unlock(&recorder->lock);
    return mark;
}

void pf_recorder_clear(struct pf_recorder *recorder)
{
    bool under_way = recorder->draft.path != NULL || recorder->draft.fd > 0;
    if (under_way && recorder->file_packets == 0) /* nothing is lost with it */
        pf_draft_abandon(&recorder->draft);
    else if (under_way)
        pf_draft_keep(&recorder->draft);
    if (recorder->shared > 0)
        pf_os_close(recorder->shared);
    for (size_t i = 0; i < recorder->file_count; i++)
        pf_free(recorder->files[i]);
    pf_free(recorder->files);
    pf_free(recorder->marks);
    pf_free(recorder->octets);
    memset(recorder, 0, sizeof *recorder);
}
