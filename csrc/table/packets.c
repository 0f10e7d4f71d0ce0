#include "table/packets.h"

#include "base/alloc.h"

#include <string.h>

static enum pf_status begin(struct pf_sink *base, unsigned workers, struct pf_error *error)
{
    struct pf_packets_sink *sink = (struct pf_packets_sink *)base;
    sink->open = pf_alloc_array(workers, sizeof(struct pf_part *));
    sink->texts = pf_alloc_array(workers, sizeof(char *));
    sink->worker_count = workers;
    if (sink->open == NULL || sink->texts == NULL)
        return pf_fail_memory(error);
    bool writes = false;
    for (size_t i = 0; i < sink->field_count; i++)
        writes |= sink->fields[i]->write != NULL;
    for (unsigned i = 0; writes && i < workers; i++) {
        sink->texts[i] = pf_alloc(PF_WRITER_ROOM);
        if (sink->texts[i] == NULL)
            return pf_fail_memory(error);
    }
    return PF_OK;
}

static enum pf_status fill_written(struct pf_column *column, const struct pf_field *field, char *room,
                                   struct pf_packet *const *packets, size_t count, struct pf_error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct pf_writer writer = {.octets = room, .room = PF_WRITER_ROOM};
        if (field->write(field, packets[i], &writer))
            PF_TRY(pf_column_put_octets(column, room, writer.length, error));
        else
            pf_column_put_null(column);
    }
    return PF_OK;
}

static enum pf_status fill_got(struct pf_column *column, const struct pf_field *field, const char *const *files,
                               struct pf_packet *const *packets, size_t count, struct pf_error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct pf_value value;
        if (!field->get(field, packets[i], &value))
            pf_column_put_null(column);
        else if (field->kind.type == PF_BINARY)
            PF_TRY(pf_column_put_octets(column, pf_value_at(&value), (size_t)value.size, error));
        else if (field->kind.type == PF_TEXT && field->text == NULL)
            PF_TRY(pf_column_put_octets(column, files[value.word[0]], strlen(files[value.word[0]]), error));
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
    for (size_t i = 0; i < sink->field_count; i++) {
        const struct pf_field *field = sink->fields[i];
        PF_TRY(pf_column_reserve(part->columns[i], count, error));
        if (field->write != NULL)
            PF_TRY(fill_written(part->columns[i], field, sink->texts[worker], packets, count, error));
        else
            PF_TRY(fill_got(part->columns[i], field, sink->files, packets, count, error));
    }
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
    for (unsigned i = 0; sink->texts != NULL && i < sink->worker_count; i++)
        pf_free(sink->texts[i]);
    pf_free(sink->open);
    pf_free(sink->texts);
    pf_free(sink->kinds);
    memset(sink, 0, sizeof *sink);
}
