#include "table/packets.h"

#include "base/alloc.h"

#include <string.h>

static enum pf_status begin(struct pf_sink *base, unsigned workers, struct pf_error *error)
{
    struct pf_packets_sink *sink = (struct pf_packets_sink *)base;
    sink->open = pf_alloc_array(workers, sizeof(struct pf_part *));
    sink->worker_count = workers;
    return sink->open != NULL ? PF_OK : pf_fail_memory(error);
}

/* Inputs of one name are one entry. */
static enum pf_status put_file(struct pf_column *column, const char *name, struct pf_error *error)
{
    struct pf_value key = {{(uint64_t)(uintptr_t)name, 0}, 8};
    return pf_column_put_name(column, &key, name, error);
}

static enum pf_status fill(struct pf_column *column, const struct pf_field *field, const char *const *files,
                           struct pf_packet *const *packets, size_t count, struct pf_error *error)
{
    PF_TRY(pf_column_reserve(column, count, error));
    for (size_t i = 0; i < count; i++) {
        struct pf_value value;
        if (!field->get(field, packets[i], &value))
            pf_column_put_null(column);
        else if (field->kind.type == PF_TEXT && field->text == NULL)
            PF_TRY(put_file(column, files[value.word[0]], error));
        else if (field->kind.type == PF_TEXT)
            PF_TRY(pf_column_put_text(column, &value, field->text, error));
        else
            pf_column_put_number(column, value.word[0]);
    }
    return PF_OK;
}

static enum pf_status accept(struct pf_sink *base, unsigned worker, struct pf_packet *const *packets, size_t count,
                             struct pf_error *error)
{
    struct pf_packets_sink *sink = (struct pf_packets_sink *)base;
    if (sink->open[worker] == NULL)
        sink->open[worker] = pf_part_new(sink->kinds, sink->field_count);
    struct pf_part *part = sink->open[worker];
    if (part == NULL)
        return pf_fail_memory(error);
    for (size_t i = 0; i < sink->field_count; i++)
        PF_TRY(fill(part->columns[i], sink->fields[i], sink->files, packets, count, error));
    part->rows += count;
    return PF_OK;
}

static enum pf_status cut(struct pf_sink *base, unsigned worker, void **piece, struct pf_error *error)
{
    struct pf_packets_sink *sink = (struct pf_packets_sink *)base;
    (void)error;
    *piece = sink->open[worker];
    sink->open[worker] = NULL;
    return PF_OK;
}

static enum pf_status emit(struct pf_sink *base, void *piece, struct pf_error *error)
{
    return pf_frame_add(((struct pf_packets_sink *)base)->frame, piece, error);
}

static void discard(struct pf_sink *base, void *piece)
{
    pf_part_free(piece, ((struct pf_packets_sink *)base)->field_count);
}

static enum pf_status finish(struct pf_sink *base, struct pf_error *error)
{
    (void)base;
    (void)error;
    return PF_OK;
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

enum pf_status pf_packets_sink_init(struct pf_packets_sink *sink, const struct pf_field *const *fields, size_t count,
                                    const char *const *files, struct pf_frame *frame, struct pf_error *error)
{
    memset(sink, 0, sizeof *sink);
    sink->sink.ops = &ops;
    sink->fields = fields;
    sink->field_count = count;
    sink->files = files;
    sink->frame = frame;
    sink->kinds = pf_alloc_array(count, sizeof *sink->kinds);
    if (sink->kinds == NULL)
        return pf_fail_memory(error);
    for (size_t i = 0; i < count; i++) {
        sink->kinds[i] = fields[i]->kind;
        if (fields[i]->depth > sink->sink.depth)
            sink->sink.depth = fields[i]->depth;
    }
    return pf_frame_init(frame, sink->kinds, count, error);
}

void pf_packets_sink_clear(struct pf_packets_sink *sink)
{
    for (unsigned i = 0; sink->open != NULL && i < sink->worker_count; i++)
        pf_part_free(sink->open[i], sink->field_count);
    pf_free(sink->open);
    pf_free(sink->kinds);
    memset(sink, 0, sizeof *sink);
}
