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

/* Most columns are a number of 1, 2 or 4 octets at a fixed place of a header, kept in as many: called with a literal
 * `size` these become three tight loops. */
static inline void fill_fixed(struct pf_column *column, const struct pf_field *field, struct pf_packet *const *packets,
                              size_t count, unsigned size)
{
    bool told = field->needs != 0;
    uint8_t *to = column->values + column->rows * size;
    for (size_t i = 0; i < count; i++, to += size) {
        const struct pf_packet *packet = told ? pf_field_packet(field, packets[i]) : packets[i];
        const uint8_t *octets = pf_layer_octets(packet, packet->first[field->protocol], field->offset, size);
        uint32_t number = 0;
        if (octets != NULL) {
            number = (size == 1 ? octets[0] : size == 2 ? pf_be16(octets) : pf_be32(octets));
            number = number >> field->shift & field->mask;
            column->valid[(column->rows + i) / 8] |= (uint8_t)(1u << ((column->rows + i) % 8));
        }
        if (size == 1)
            *to = (uint8_t)number;
        else if (size == 2)
            memcpy(to, &(uint16_t){(uint16_t)number}, 2);
        else
            memcpy(to, &number, 4);
    }
    column->rows += count;
}

/* Whether it was one of those. */
static bool fill_number(struct pf_column *column, const struct pf_field *field, struct pf_packet *const *packets,
                        size_t count)
{
    if (field->get != pf_get_number || pf_type_size(field->kind.type) != field->size || !field->kind.nullable)
        return false;
    switch (field->size) {
    case 1:
        fill_fixed(column, field, packets, count, 1);
        return true;
    case 2:
        fill_fixed(column, field, packets, count, 2);
        return true;
    case 4:
        fill_fixed(column, field, packets, count, 4);
        return true;
    default:
        return false;
    }
}

static enum pf_status fill_written(struct pf_column *column, const struct pf_field *field, char *room,
                                   struct pf_packet *const *packets, size_t count, struct pf_error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct pf_writer writer = {.octets = room, .room = PF_WRITER_ROOM};
        if (field->write(field, pf_field_packet(field, packets[i]), &writer))
            PF_TRY(pf_column_put_octets(column, room, writer.length, error));
        else
            pf_column_put_null(column);
    }
    return PF_OK;
}

static enum pf_status fill_got(struct pf_column *column, const struct pf_field *field, const char *const *files,
                               struct pf_packet *const *packets, size_t count, struct pf_error *error)
{
    if (fill_number(column, field, packets, count))
        return PF_OK;
    for (size_t i = 0; i < count; i++) {
        struct pf_value value;
        if (!pf_field_get(field, packets[i], &value))
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

/* Most packets carry few protocols: whether none of these has what the field is of, so that nobody need ask each. */
static bool all_lack(const struct pf_field *field, struct pf_packet *const *packets, size_t count)
{
    unsigned one = field->within[0], other = field->within[1] != 0 ? field->within[1] : one;
    if (one == 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (packets[i]->first[one] != PF_NO_LAYER || packets[i]->first[other] != PF_NO_LAYER)
            return false;
    }
    return true;
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
        if (all_lack(field, packets, count))
            pf_column_put_nulls(part->columns[i], count);
        else if (field->write != NULL)
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

static const struct pf_sink_ops ops = {
    .order = PF_ORDER_FILE,
    .begin = begin,
    .accept = accept,
    .cut = cut,
    .emit = emit,
    .discard = discard,
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
        sink->sink.needs |= fields[i]->needs;
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
