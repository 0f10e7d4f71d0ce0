#include "table/copy.h"

#include "base/alloc.h"
#include "capture/pcap.h"

#include <inttypes.h>
#include <string.h>

/* Records ready to be written, gathered from one chunk. */
struct pf_copied {
    uint8_t *octets;
    size_t size, capacity;
    uint64_t packets;
    uint32_t longest;
};

static enum pf_status write_out(struct pf_copy_sink *sink, const void *octets, size_t size, struct pf_error *error)
{
    int failed = pf_draft_write(sink->draft, octets, size);
    return failed == 0 ? PF_OK : pf_fail_sys(error, failed, sink->draft->path, "could not be written");
}

static void free_copied(struct pf_copied *copied)
{
    if (copied != NULL)
        pf_free(copied->octets);
    pf_free(copied);
}

static enum pf_status begin(struct pf_sink *base, unsigned workers, struct pf_error *error)
{
    struct pf_copy_sink *sink = (struct pf_copy_sink *)base;
    sink->open = pf_alloc_array(workers, sizeof(struct pf_copied *));
    sink->worker_count = workers;
    return sink->open != NULL ? PF_OK : pf_fail_memory(error);
}

static enum pf_status append(struct pf_copied *copied, const void *octets, size_t size, struct pf_error *error)
{
    if (size > copied->capacity - copied->size) {
        size_t capacity = pf_grown(copied->capacity, copied->size + size, 1);
        uint8_t *grown = capacity != 0 ? pf_realloc(copied->octets, capacity) : NULL;
        if (grown == NULL)
            return pf_fail_memory(error);
        copied->octets = grown;
        copied->capacity = capacity;
    }
    if (size != 0)
        memcpy(copied->octets + copied->size, octets, size);
    copied->size += size;
    return PF_OK;
}

static enum pf_status accept(struct pf_sink *base, unsigned worker, struct pf_packet *const *packets, size_t count,
                             struct pf_error *error)
{
    struct pf_copy_sink *sink = (struct pf_copy_sink *)base;
    if (sink->open[worker] == NULL)
        sink->open[worker] = pf_alloc(sizeof(struct pf_copied));
    struct pf_copied *copied = sink->open[worker];
    if (copied == NULL)
        return pf_fail_memory(error);
    for (size_t i = 0; i < count; i++) {
        const struct pf_record *record = &packets[i]->record;
        uint8_t header[PF_PCAP_RECORD_HEADER];
        if (!pf_pcap_put_record(header, record, sink->nanoseconds))
            return pf_fail(error, PF_INVALID, "%s: the time of packet %" PRIu64 " does not fit a pcap file",
                           sink->draft->path, record->frame_number);
        if (record->cap_len > copied->longest)
            copied->longest = record->cap_len;
        PF_TRY(append(copied, header, sizeof header, error));
        PF_TRY(append(copied, record->octets, record->cap_len, error));
    }
    copied->packets += count;
    return PF_OK;
}

static enum pf_status cut(struct pf_sink *base, unsigned worker, void **piece, struct pf_error *error)
{
    struct pf_copy_sink *sink = (struct pf_copy_sink *)base;
    (void)error;
    *piece = sink->open[worker];
    sink->open[worker] = NULL;
    return PF_OK;
}

static enum pf_status emit(struct pf_sink *base, void *piece, struct pf_error *error)
{
    struct pf_copy_sink *sink = (struct pf_copy_sink *)base;
    struct pf_copied *copied = piece;
    enum pf_status status = write_out(sink, copied->octets, copied->size, error);
    sink->written += copied->packets;
    if (copied->longest > sink->snap_len)
        sink->snap_len = copied->longest;
    free_copied(copied);
    return status;
}

static void discard(struct pf_sink *base, void *piece)
{
    (void)base;
    free_copied(piece);
}

/* The header again, now that the longest packet is known: readers cut packets to the snap length it gives. */
static enum pf_status finish(struct pf_sink *base, struct pf_error *error)
{
    struct pf_copy_sink *sink = (struct pf_copy_sink *)base;
    uint8_t header[PF_PCAP_HEADER];
    pf_pcap_put_header(header, &sink->like, sink->snap_len, sink->nanoseconds);
    int failed = pf_draft_write_at(sink->draft, header, sizeof header, 0);
    return failed == 0 ? PF_OK : pf_fail_sys(error, failed, sink->draft->path, "could not be written");
}

static const struct pf_sink_ops ops = {
    .order = PF_ORDER_FILE,
    .begin = begin,
    .accept = accept,
    .cut = cut,
    .emit = emit,
    .discard = discard,
    .finish = finish,
};

enum pf_status pf_copy_sink_init(struct pf_copy_sink *sink, struct pf_draft *draft, struct pf_input *const *inputs,
                                 size_t input_count, struct pf_error *error)
{
    memset(sink, 0, sizeof *sink);
    sink->sink.ops = &ops;
    sink->sink.depth = PF_DEPTH_RECORD;
    sink->draft = draft;
    sink->like = inputs[0]->walk;
    for (size_t i = 0; i < input_count; i++) {
        const struct pf_walk *walk = &inputs[i]->walk;
        if (walk->link_type != inputs[0]->walk.link_type || walk->link_high != inputs[0]->walk.link_high)
            return pf_fail(error, PF_INVALID, "%s: a pcap file holds one link type, and %s has %u where %s has %u",
                           draft->path, inputs[i]->source->name, walk->link_type, inputs[0]->source->name,
                           inputs[0]->walk.link_type);
        sink->nanoseconds |= walk->nanoseconds;
        if (walk->snap_len > sink->snap_len)
            sink->snap_len = walk->snap_len;
    }
    uint8_t header[PF_PCAP_HEADER];
    pf_pcap_put_header(header, &sink->like, sink->snap_len, sink->nanoseconds);
    return write_out(sink, header, sizeof header, error);
}

void pf_copy_sink_clear(struct pf_copy_sink *sink)
{
    for (unsigned i = 0; sink->open != NULL && i < sink->worker_count; i++)
        free_copied(sink->open[i]);
    pf_free(sink->open);
    sink->open = NULL;
}
