#include "table/packets.h"

#include "base/alloc.h"
#include "field/define.h"
#include "pass/predicate.h"

#include <string.h>

static enum pf_status begin(struct pf_sink *base, unsigned workers, struct pf_error *error)
{
    struct pf_packets_sink *sink = (struct pf_packets_sink *)base;
    sink->texts = pf_alloc_array(workers, sizeof(char *));
    sink->spares = pf_alloc_array(workers, sizeof(struct pf_part *));
    sink->worker_count = workers;
    if (sink->spares == NULL || sink->texts == NULL)
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

/* Bit i of `having` is set where packet i has one of the protocols `within`: only there may a field be. */
struct batch {
    struct pf_packet *const *packets;
    size_t count;
    uint64_t within, having;
};

/* Those of the message that it completes, too. */
static uint64_t protocols_of(const struct pf_packet *packet)
{
    return packet->protocols | (packet->message != NULL ? packet->message->protocols : 0);
}

static void look_within(struct batch *batch, uint64_t within)
{
    if (batch->within == within) /* as for the field before, which often is of the same group */
        return;
    batch->within = within;
    batch->having = 0;
    for (size_t i = 0; i < batch->count; i++)
        batch->having |= (uint64_t)(within == 0 || (protocols_of(batch->packets[i]) & within) != 0) << i;
}

static inline bool may_have(const struct batch *batch, size_t i)
{
    return (batch->having >> i & 1) != 0;
}

/* What a column is given of one batch: a number or code for each packet, 0 where a bit of `present` is not set. */
struct cells {
    uint64_t number[PF_BATCH];
    uint64_t present;
};

/* Most columns are a number of 1, 2 or 4 octets at a fixed place of a header: called with literals these become tight
 * loops. `version`: of the outermost IP header, or 0 for a protocol's first header. */
static inline void read_fixed(const struct pf_field *field, struct pf_packet *const *packets, size_t count,
                              unsigned size, unsigned version, struct cells *cells)
{
    for (size_t i = 0; i < count; i++) {
        const struct pf_packet *packet = pf_field_packet(field, packets[i]);
        uint8_t layer = version == 0                    ? packet->first[field->protocol]
                        : version == packet->ip_version ? packet->ip
                                                        : PF_NO_LAYER;
        const uint8_t *octets = pf_layer_octets(packet, layer, field->offset, size);
        cells->number[i] = octets != NULL ? pf_be(octets, size) >> field->shift & field->mask : 0;
        cells->present |= (uint64_t)(octets != NULL) << i;
    }
}

static inline bool read_sized(const struct pf_field *field, struct pf_packet *const *packets, size_t count,
                              unsigned version, struct cells *cells)
{
    switch (field->size) {
    case 1:
        read_fixed(field, packets, count, 1, version, cells);
        return true;
    case 2:
        read_fixed(field, packets, count, 2, version, cells);
        return true;
    case 4:
        read_fixed(field, packets, count, 4, version, cells);
        return true;
    default:
        return false;
    }
}

/* Whether it was one of those. */
static bool read_number(const struct pf_field *field, struct pf_packet *const *packets, size_t count,
                        struct cells *cells)
{
    if (field->get == pf_get_number)
        return read_sized(field, packets, count, 0, cells);
    if (field->get == pf_get_ip_number && field->protocol == PF_IPV4)
        return read_sized(field, packets, count, 4, cells);
    return false;
}

static enum pf_status fill_written(struct pf_column *column, const struct pf_field *field, char *room,
                                   const struct batch *batch, struct pf_error *error)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct pf_writer writer = {.octets = room, .room = PF_WRITER_ROOM};
        if (may_have(batch, i) && field->write(field, pf_field_packet(field, batch->packets[i]), &writer))
            PF_TRY(pf_column_put_octets(column, room, writer.length, error));
        else
            pf_column_put_null(column);
    }
    return PF_OK;
}

static enum pf_status fill_octets(struct pf_column *column, const struct pf_field *field, const struct batch *batch,
                                  struct pf_error *error)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct pf_value value;
        if (may_have(batch, i) && pf_field_get(field, batch->packets[i], &value))
            PF_TRY(pf_column_put_octets(column, pf_value_at(&value), (size_t)value.size, error));
        else
            pf_column_put_null(column);
    }
    return PF_OK;
}

static enum pf_status code_of(struct pf_column *column, const struct pf_field *field, const char *const *files,
                              const struct pf_value *value, int32_t *code, struct pf_error *error)
{
    if (field->text != NULL)
        return pf_dictionary_code(&column->dictionary, value, field->text, code, error);
    const char *name = files[value->word[0]];
    return pf_dictionary_text(&column->dictionary, name, strlen(name), code, error);
}

/* Numbers, and codes of text: what a packet has in common with the one before it, such as an address, is looked up
 * once. */
static enum pf_status fill_got(struct pf_column *column, const struct pf_field *field, const char *const *files,
                               const struct batch *batch, struct pf_error *error)
{
    struct cells cells;
    cells.present = 0;
    if (read_number(field, batch->packets, batch->count, &cells)) {
        pf_column_put_numbers(column, cells.number, cells.present, batch->count);
        return PF_OK;
    }
    struct pf_value value, last = {{0, 0}, UINT64_MAX};
    int32_t code = 0;
    for (size_t i = 0; i < batch->count; i++) {
        cells.number[i] = 0;
        if (!may_have(batch, i) || !pf_field_get(field, batch->packets[i], &value))
            continue;
        cells.present |= UINT64_C(1) << i;
        cells.number[i] = value.word[0];
        if (field->kind.type != PF_TEXT)
            continue;
        if (!pf_value_equal(&value, &last))
            PF_TRY(code_of(column, field, files, &value, &code, error));
        last = value;
        cells.number[i] = (uint32_t)code;
    }
    pf_column_put_numbers(column, cells.number, cells.present, batch->count);
    return PF_OK;
}

static struct pf_part *take_part(struct pf_packets_sink *sink)
{
    struct pf_part *part = NULL;
    pf_mutex_lock(&sink->lock);
    if (sink->spare_count != 0)
        part = sink->spares[--sink->spare_count];
    pf_mutex_unlock(&sink->lock);
    return part != NULL ? part : pf_part_new(sink->kinds, sink->field_count);
}

static void give_back(struct pf_packets_sink *sink, struct pf_part *part)
{
    pf_mutex_lock(&sink->lock);
    if (sink->spare_count < sink->worker_count) {
        sink->spares[sink->spare_count++] = part;
        part = NULL;
    }
    pf_mutex_unlock(&sink->lock);
    pf_part_free(part, sink->field_count);
}

static enum pf_status fill(const struct pf_packets_sink *sink, size_t place, struct pf_column *column,
                           const struct batch *batch, char *room, struct pf_error *error)
{
    const struct pf_field *field = sink->fields[place];
    if (batch->having == 0)
        pf_column_put_nulls(column, batch->count);
    else if (field->write != NULL)
        return fill_written(column, field, room, batch, error);
    else if (field->kind.type == PF_BINARY)
        return fill_octets(column, field, batch, error);
    else
        return fill_got(column, field, sink->files, batch, error);
    return PF_OK;
}

static enum pf_status accept(struct pf_sink *base, unsigned worker, struct pf_packet *const *packets, size_t count,
                             struct pf_error *error)
{
    struct pf_packets_sink *sink = (struct pf_packets_sink *)base;
    if (base->open[worker] == NULL)
        base->open[worker] = take_part(sink);
    struct pf_part *part = base->open[worker];
    if (part == NULL)
        return pf_fail_memory(error);
    struct batch batch = {packets, count, UINT64_MAX, 0}; /* no group's, so the first field looks */
    for (size_t i = 0; i < sink->field_count; i++) {
        PF_TRY(pf_column_reserve(part->columns[i], count, error));
        look_within(&batch, sink->within[i]);
        PF_TRY(fill(sink, i, part->columns[i], &batch, sink->texts[worker], error));
    }
    part->rows += count;
    return PF_OK;
}

static enum pf_status emit(struct pf_sink *base, void *piece, struct pf_error *error)
{
    struct pf_packets_sink *sink = (struct pf_packets_sink *)base;
    struct pf_part *spare;
    PF_TRY(pf_frame_pour(sink->frame, piece, &spare, error));
    if (spare != NULL)
        give_back(sink, spare);
    return PF_OK;
}

static void discard(struct pf_sink *base, void *piece)
{
    pf_part_free(piece, ((struct pf_packets_sink *)base)->field_count);
}

static const struct pf_sink_ops ops = {
    .order = PF_ORDER_FILE,
    .begin = begin,
    .accept = accept,
    .emit = emit,
    .discard = discard,
};

enum pf_status pf_packets_sink_init(struct pf_packets_sink *sink, const struct pf_field *const *fields, size_t count,
                                    const char *const *files, struct pf_frame *frame, struct pf_error *error)
{
    memset(sink, 0, sizeof *sink);
    pf_mutex_init(&sink->lock);
    sink->sink.ops = &ops;
    sink->fields = fields;
    sink->field_count = count;
    sink->files = files;
    sink->frame = frame;
    sink->kinds = pf_alloc_array(count, sizeof *sink->kinds);
    sink->within = pf_alloc_array(count, sizeof *sink->within);
    if (sink->kinds == NULL || sink->within == NULL)
        return pf_fail_memory(error);
    for (size_t i = 0; i < count; i++) {
        sink->kinds[i] = fields[i]->kind;
        sink->sink.needs |= fields[i]->needs;
        sink->within[i] = pf_field_within(fields[i]);
        if (fields[i]->depth > sink->sink.depth)
            sink->sink.depth = fields[i]->depth;
    }
    return pf_frame_init(frame, sink->kinds, count, error);
}

void pf_packets_sink_clear(struct pf_packets_sink *sink)
{
    if (sink->sink.ops == NULL) /* never begun, as in a batches sink that others fill */
        return;
    for (unsigned i = 0; sink->texts != NULL && i < sink->worker_count; i++)
        pf_free(sink->texts[i]);
    for (unsigned i = 0; i < sink->spare_count; i++)
        pf_part_free(sink->spares[i], sink->field_count);
    pf_mutex_clear(&sink->lock);
    pf_free(sink->spares);
    pf_free(sink->texts);
    pf_free(sink->kinds);
    pf_free(sink->within);
    memset(sink, 0, sizeof *sink);
}
