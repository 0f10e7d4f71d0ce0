#include "match/hits.h"

#include "base/alloc.h"
#include "match/places.h"

#include <string.h>

enum { TIME, NUMBER, INDICATOR, KIND, WHERE, SEEN, SOURCE, SOURCE_PORT, TARGET, TARGET_PORT, FEED, FLOW, COMMUNITY };

/* What a packet has itself is the catalogue's column of that name. */
static const struct pf_kind kinds[PF_HIT_COLUMNS] = {
    [TIME] = {"frame_time", PF_TIME, true},
    [NUMBER] = {"frame_number", PF_UINT64, false},
    [INDICATOR] = {"indicator", PF_TEXT, false},
    [KIND] = {"kind", PF_TEXT, false},
    [WHERE] = {"where", PF_TEXT, false},
    [SEEN] = {"seen", PF_TEXT, false},
    [SOURCE] = {"ip_src", PF_TEXT, true},
    [SOURCE_PORT] = {"srcport", PF_UINT16, true},
    [TARGET] = {"ip_dst", PF_TEXT, true},
    [TARGET_PORT] = {"dstport", PF_UINT16, true},
    [FEED] = {"feed", PF_TEXT, false},
    [FLOW] = {"flow_id", PF_UINT64, true},
    [COMMUNITY] = {"community_id", PF_TEXT, true},
};

static bool is_own(size_t column)
{
    return column != INDICATOR && column != KIND && column != WHERE && column != SEEN && column != FEED;
}

static enum pf_status begin(struct pf_sink *base, unsigned workers, struct pf_error *error)
{
    struct pf_hits_sink *sink = (struct pf_hits_sink *)base;
    sink->workers = pf_alloc_array(workers, sizeof *sink->workers);
    if (sink->workers == NULL)
        return pf_fail_memory(error);
    sink->worker_count = workers;
    for (unsigned i = 0; i < workers; i++) {
        struct pf_hits_worker *worker = &sink->workers[i];
        worker->part = &base->open[i];
        worker->text = pf_alloc(PF_WRITER_ROOM);
        worker->key = pf_alloc(PF_WRITER_ROOM);
        worker->own = pf_alloc(PF_WRITER_ROOM);
        worker->stamps = pf_alloc_array(sink->set->count, sizeof *worker->stamps);
        if (worker->text == NULL || worker->key == NULL || worker->own == NULL || worker->stamps == NULL)
            return pf_fail_memory(error);
    }
    return PF_OK;
}

static enum pf_status put_own(struct pf_column *column, const struct pf_field *field, const struct pf_packet *packet,
                              char *room, struct pf_error *error)
{
    struct pf_value value;
    if (field->write != NULL) {
        struct pf_writer writer = {.octets = room, .room = PF_WRITER_ROOM};
        if (field->write(field, packet, &writer))
            return pf_column_put_octets(column, room, writer.length, error);
        pf_column_put_null(column);
        return PF_OK;
    }
    if (!field->get(field, packet, &value))
        pf_column_put_null(column);
    else if (field->kind.type == PF_TEXT)
        return pf_column_put_text(column, &value, field->text, error);
    else
        pf_column_put_number(column, value.word[0]);
    return PF_OK;
}

static enum pf_status put_shown(struct pf_column *column, const struct pf_dictionary *texts, int32_t code,
                                struct pf_error *error)
{
    size_t length;
    const char *text = pf_dictionary_at(texts, (size_t)code, &length);
    return pf_column_put_octets(column, text, length, error);
}

static enum pf_status put_string(struct pf_column *column, const char *string, struct pf_error *error)
{
    return pf_column_put_octets(column, string, strlen(string), error);
}

static enum pf_status put_hit(const struct pf_hits_sink *sink, struct pf_hits_worker *worker,
                              const struct pf_sighting *sighting, const struct pf_match_entry *entry,
                              struct pf_error *error)
{
    struct pf_part *part = *worker->part;
    struct pf_column **columns = part->columns;
    for (size_t i = 0; i < PF_HIT_COLUMNS; i++) {
        PF_TRY(pf_column_reserve(columns[i], 1, error));
        if (sink->fields[i] != NULL)
            PF_TRY(put_own(columns[i], sink->fields[i], sighting->packet, worker->own, error));
    }
    PF_TRY(put_shown(columns[INDICATOR], &sink->set->shown, entry->shown, error));
    PF_TRY(put_string(columns[KIND], pf_match_kind_names[entry->kind], error));
    PF_TRY(put_string(columns[WHERE], sighting->place->field->kind.name, error));
    PF_TRY(pf_column_put_octets(columns[SEEN], sighting->seen, sighting->seen_length, error));
    PF_TRY(put_shown(columns[FEED], &sink->set->feeds, entry->feed, error));
    part->rows++;
    return PF_OK;
}

enum pf_status pf_hits_report(struct pf_hits_sink *sink, struct pf_hits_worker *worker,
                              const struct pf_sighting *sighting, uint32_t first, struct pf_error *error)
{
    for (uint32_t next = first; next != 0;) {
        const struct pf_match_entry *entry = &sink->set->entries[next - 1];
        uint64_t *stamp = &worker->stamps[next - 1];
        next = entry->next;
        if ((entry->port != 0 && entry->port != sighting->port) || (sighting->is_below && !entry->below) ||
            *stamp == worker->serial)
            continue;
        *stamp = worker->serial;
        if (*worker->part == NULL)
            *worker->part = pf_part_new(sink->kinds, PF_HIT_COLUMNS);
        if (*worker->part == NULL)
            return pf_fail_memory(error);
        PF_TRY(put_hit(sink, worker, sighting, entry, error));
    }
    return PF_OK;
}

static enum pf_status accept(struct pf_sink *base, unsigned number, struct pf_packet *const *packets, size_t count,
                             struct pf_error *error)
{
    struct pf_hits_sink *sink = (struct pf_hits_sink *)base;
    struct pf_hits_worker *worker = &sink->workers[number];
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < sink->place_count; j++) {
            worker->serial++; /* an indicator is reported once for a packet and a place */
            PF_TRY(pf_place_look(sink, worker, &sink->places[j], packets[i], error));
        }
    }
    return PF_OK;
}

static enum pf_status emit(struct pf_sink *base, void *piece, struct pf_error *error)
{
    return pf_frame_add(((struct pf_hits_sink *)base)->frame, piece, error);
}

static void discard(struct pf_sink *base, void *piece)
{
    (void)base;
    pf_part_free(piece, PF_HIT_COLUMNS);
}

static const struct pf_sink_ops ops = {
    .order = PF_ORDER_FILE,
    .begin = begin,
    .accept = accept,
    .emit = emit,
    .discard = discard,
};

static void deepen(struct pf_hits_sink *sink, const struct pf_field *field)
{
    if (field == NULL)
        return;
    sink->sink.needs |= field->needs;
    if (field->depth > sink->sink.depth)
        sink->sink.depth = field->depth;
}

enum pf_status pf_hits_sink_init(struct pf_hits_sink *sink, const struct pf_indicator_set *set, struct pf_frame *frame,
                                 struct pf_error *error)
{
    memset(sink, 0, sizeof *sink);
    sink->sink.ops = &ops;
    sink->set = set;
    sink->frame = frame;
    memcpy(sink->kinds, kinds, sizeof kinds);
    PF_TRY(pf_places_find(sink, error));
    for (size_t i = 0; i < PF_HIT_COLUMNS; i++) {
        sink->fields[i] = is_own(i) ? pf_field_find(kinds[i].name) : NULL;
        if (sink->fields[i] != NULL)
            sink->kinds[i] = sink->fields[i]->kind;
        deepen(sink, sink->fields[i]);
    }
    for (size_t i = 0; i < sink->place_count; i++) {
        deepen(sink, sink->places[i].field);
        deepen(sink, sink->places[i].other);
        deepen(sink, sink->places[i].port);
    }
    return pf_frame_init(frame, sink->kinds, PF_HIT_COLUMNS, error);
}

void pf_hits_sink_clear(struct pf_hits_sink *sink)
{
    for (unsigned i = 0; i < sink->worker_count; i++) {
        pf_free(sink->workers[i].text);
        pf_free(sink->workers[i].key);
        pf_free(sink->workers[i].own);
        pf_free(sink->workers[i].stamps);
    }
    pf_free(sink->workers);
    memset(sink, 0, sizeof *sink);
}
