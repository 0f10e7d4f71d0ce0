#include "flow/sink.h"

#include "base/alloc.h"
#include "base/crew.h"

#include <string.h>

enum { LOOK = 512 };         /* packets between two looks whether the pass was stopped: a chunk holds 16,000 */
enum { FEW_SAID = 4096 };    /* half a megabyte */
enum { FAR = 16, NEAR = 6 }; /* events ahead whose slots, whose flows are brought near: measured */

void pf_flow_piece_free(struct pf_flow_piece *piece)
{
    if (piece != NULL) {
        pf_free(piece->events);
        pf_free(piece->heard);
        pf_free(piece->text);
    }
    pf_free(piece);
}

static enum pf_status begin(struct pf_sink *base, unsigned workers, struct pf_error *error)
{
    struct pf_flow_sink *sink = (struct pf_flow_sink *)base;
    if (sink->options.extra == 0)
        return PF_OK;
    sink->worker_count = workers;
    sink->rooms = pf_alloc_array(workers, sizeof(char *));
    for (unsigned i = 0; sink->rooms != NULL && i < workers; i++) {
        sink->rooms[i] = pf_alloc(PF_WRITER_ROOM);
        if (sink->rooms[i] == NULL)
            return pf_fail_memory(error);
    }
    return sink->rooms != NULL ? PF_OK : pf_fail_memory(error);
}

static enum pf_status hear_field(struct pf_flow_piece *piece, const struct pf_field *field, char *room,
                                 const struct pf_packet *packet, unsigned i, struct pf_flow_said *said,
                                 struct pf_error *error)
{
    struct pf_value value;
    struct pf_writer writer = {.octets = room, .room = PF_WRITER_ROOM};
    if (field->kind.type != PF_TEXT && field->kind.type != PF_STRING) {
        if (pf_field_get(field, packet, &value)) {
            said->value[i] = (uint32_t)value.word[0];
            said->has |= (uint32_t)1 << i;
        }
        return PF_OK;
    }
    if (!pf_field_write(field, packet, NULL, &writer))
        return PF_OK;
    PF_TRY(pf_grow((void **)&piece->text, &piece->text_capacity, piece->text_size + writer.length, 1, error));
    memcpy(piece->text + piece->text_size, room, writer.length);
    said->value[i] = (uint32_t)(piece->text_size - said->text);
    said->size[i] = (uint32_t)writer.length;
    said->has |= (uint32_t)1 << i;
    piece->text_size += writer.length;
    return PF_OK;
}

/* What the packet says of the fields asked for, with the event that was last put into the piece. */
static enum pf_status hear(const struct pf_flow_sink *sink, struct pf_flow_piece *piece, char *room,
                           const struct pf_packet *packet, struct pf_error *error)
{
    struct pf_flow_heard heard = {.event = piece->count - 1, .said = {.text = piece->text_size}};
    if (packet->message == NULL && packet->first[PF_TLS] == PF_NO_LAYER && packet->first[PF_DNS] == PF_NO_LAYER &&
        packet->first[PF_HTTP] == PF_NO_LAYER && packet->first[PF_SSDP] == PF_NO_LAYER)
        return PF_OK;
    for (unsigned i = 0; i < PF_EXTRA_SAID; i++) {
        if (sink->fields[i] != NULL)
            PF_TRY(hear_field(piece, sink->fields[i], room, packet, i, &heard.said, error));
    }
    if (heard.said.has == 0)
        return PF_OK;
    PF_TRY(pf_grow((void **)&piece->heard, &piece->heard_capacity, piece->heard_count + 1, sizeof heard, error));
    piece->heard[piece->heard_count++] = heard;
    return PF_OK;
}

static enum pf_status accept(struct pf_sink *base, unsigned worker, struct pf_packet *const *packets, size_t count,
                             struct pf_error *error)
{
    struct pf_flow_sink *sink = (struct pf_flow_sink *)base;
    if (base->open[worker] == NULL)
        base->open[worker] = pf_alloc(sizeof(struct pf_flow_piece));
    struct pf_flow_piece *piece = base->open[worker];
    if (piece == NULL)
        return pf_fail_memory(error);
    PF_TRY(pf_grow((void **)&piece->events, &piece->capacity, piece->count + count, sizeof *piece->events, error));
    for (size_t i = 0; i < count; i++) {
        const struct pf_record *record = &packets[i]->record;
        enum pf_flow_verdict verdict = pf_flow_accept(&sink->options, record, &piece->events[piece->count]);
        piece->verdicts[verdict]++;
        piece->count += verdict == PF_FLOW_TAKEN;
        if (verdict == PF_FLOW_TAKEN) {
            struct pf_flow_event *event = &piece->events[piece->count - 1];
            event->retransmission = packets[i]->tcp.retransmission;
            event->duplicate_ack = packets[i]->tcp.duplicate_ack;
            event->said = 0;
            if (sink->rooms != NULL)
                PF_TRY(hear(sink, piece, sink->rooms[worker], packets[i], error));
        }
        if (verdict == PF_FLOW_LINK_TYPE && piece->refused == 0) {
            piece->refused = record->frame_number;
            piece->link_type = record->link_type;
        }
    }
    return PF_OK;
}

/* ------------------------------------------------------------------------------------------------- in file order */

static bool is_wanted(const struct pf_flow_map *map, uint64_t flow_id)
{
    size_t low = 0, high = map->wanted_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (map->wanted[middle] < flow_id)
            low = middle + 1;
        else
            high = middle;
    }
    return map->all || (low < map->wanted_count && map->wanted[low] == flow_id);
}

static enum pf_status grow_map(struct pf_flow_map *map, struct pf_error *error)
{
    size_t capacity = pf_grown(map->capacity, map->count + 1, sizeof *map->numbers);
    uint64_t *numbers = capacity != 0 ? pf_realloc(map->numbers, capacity * sizeof *numbers) : NULL;
    if (numbers == NULL)
        return pf_fail_memory(error);
    map->numbers = numbers;
    uint64_t *flows = pf_realloc(map->flows, capacity * sizeof *flows);
    if (flows == NULL)
        return pf_fail_memory(error);
    map->flows = flows;
    uint8_t *directions = pf_realloc(map->directions, capacity);
    if (directions == NULL)
        return pf_fail_memory(error);
    map->directions = directions;
    map->capacity = capacity;
    return PF_OK;
}

static enum pf_status note(struct pf_flow_map *map, const struct pf_flow_stage *stage, uint64_t number,
                           struct pf_error *error)
{
    if (stage->flow_id == 0 || !is_wanted(map, stage->flow_id))
        return PF_OK;
    if (map->count == map->capacity)
        PF_TRY(grow_map(map, error));
    map->numbers[map->count] = number;
    map->flows[map->count] = stage->flow_id;
    map->directions[map->count++] = stage->backward;
    return PF_OK;
}

static enum pf_status to_stage(struct pf_flow_sink *sink, const struct pf_flow_event *event, struct pf_error *error)
{
    if (++sink->turns % LOOK == 0)
        PF_TRY(pf_crew_check(error));
    if (sink->dedup.window != 0 && event->wanted) {
        bool copy;
        PF_TRY(pf_flow_dedup_ask(&sink->dedup, event, &copy, error));
        sink->copies += copy;
        if (copy)
            return PF_OK;
    }
    PF_TRY(pf_flow_stage_take(&sink->stage, event, error));
    return sink->map != NULL ? note(sink->map, &sink->stage, event->frame_number, error) : PF_OK;
}

static enum pf_status in_time(struct pf_flow_sink *sink, const struct pf_flow_event *event, struct pf_error *error)
{
    struct pf_flow_event next;
    PF_TRY(pf_flow_reorder_put(&sink->reorder, event, error));
    while (pf_flow_reorder_get(&sink->reorder, false, &next))
        PF_TRY(to_stage(sink, &next, error));
    return PF_OK;
}

static enum pf_status run(struct pf_flow_sink *sink, const struct pf_flow_piece *piece, struct pf_error *error)
{
    const struct pf_flow_event *events = piece->events;
    for (size_t i = 0; i < piece->count; i++) {
        if (i + FAR < piece->count)
            pf_flow_stage_prefetch_slot(&sink->stage, &events[i + FAR]);
        if (i + NEAR < piece->count)
            pf_flow_stage_prefetch_flow(&sink->stage, &events[i + NEAR]);
        if (sink->reorder.window != 0)
            PF_TRY(in_time(sink, &events[i], error));
        else
            PF_TRY(to_stage(sink, &events[i], error));
    }
    return PF_OK;
}

/* Lets go of what was said by packets that had their turn: only those in the heap wait for theirs. */
static enum pf_status forget_said(struct pf_flow_sink *sink, struct pf_error *error)
{
    struct pf_flow_sayings *sayings = &sink->sayings, before = *sayings;
    sayings->said = NULL;
    sayings->text = NULL;
    sayings->count = sayings->capacity = sayings->text_size = sayings->text_capacity = 0;
    enum pf_status status = PF_OK;
    for (size_t i = 0; i < sink->reorder.count && status == PF_OK; i++) {
        uint32_t *number = &sink->reorder.heap[i].said;
        if (*number == 0)
            continue;
        const struct pf_flow_said *said = &before.said[*number - 1];
        size_t end = *number < before.count ? said[1].text : before.text_size;
        const char *text = end != said->text ? before.text + said->text : "";
        status = pf_flow_sayings_add(sayings, said, text, end - said->text, number, error);
    }
    pf_free(before.said);
    pf_free(before.text);
    return status;
}

/* What packets say is kept until they had their turn: with options.sort that may be much later. Then those that had
 * it are let go when they are more than those that wait, so that this costs no more than to have put them there. */
static enum pf_status remember(struct pf_flow_sink *sink, struct pf_flow_piece *piece, struct pf_error *error)
{
    if (sink->reorder.window == 0) {
        sink->sayings.count = sink->sayings.text_size = 0;
    } else if (sink->sayings.count > 2 * sink->reorder.count + FEW_SAID) {
        PF_TRY(forget_said(sink, error));
    }
    for (size_t i = 0; i < piece->heard_count; i++) {
        const struct pf_flow_heard *heard = &piece->heard[i];
        size_t end = i + 1 < piece->heard_count ? heard[1].said.text : piece->text_size;
        const char *text = end != heard->said.text ? piece->text + heard->said.text : "";
        PF_TRY(pf_flow_sayings_add(&sink->sayings, &heard->said, text, end - heard->said.text,
                                   &piece->events[heard->event].said, error));
    }
    return PF_OK;
}

enum pf_status pf_flow_refuse(const struct pf_flow_options *options, uint64_t frame_number, unsigned link_type,
                              struct pf_error *error)
{
    return pf_fail(error, PF_INVALID, "packet %llu has link type %u, which %s flows cannot take: %s",
                   (unsigned long long)frame_number, link_type, options->cic ? "cic2017" : "corrected",
                   options->cic ? "the tool of 2017 knows Ethernet alone"
                                : "Ethernet, raw IP, Linux cooked and loopback captures can be");
}

static enum pf_status emit(struct pf_sink *base, void *given, struct pf_error *error)
{
    struct pf_flow_sink *sink = (struct pf_flow_sink *)base;
    struct pf_flow_piece *piece = given;
    enum pf_status status = PF_OK;
    for (unsigned i = 0; i < PF_FLOW_VERDICTS; i++)
        sink->verdicts[i] += piece->verdicts[i];
    if (piece->refused != 0 && !sink->any_link)
        status = sink->save != NULL ? pf_flow_save_refused(sink->save, piece->refused, piece->link_type, error)
                                    : pf_flow_refuse(&sink->options, piece->refused, piece->link_type, error);
    if (status == PF_OK && sink->save != NULL)
        status = pf_flow_save_put(sink->save, piece, error);
    else if (status == PF_OK)
        status = remember(sink, piece, error);
    if (status == PF_OK && sink->save == NULL)
        status = run(sink, piece, error);
    pf_flow_piece_free(piece);
    return status;
}

static void discard(struct pf_sink *base, void *piece)
{
    (void)base;
    pf_flow_piece_free(piece);
}

static enum pf_status finish(struct pf_sink *base, struct pf_error *error)
{
    struct pf_flow_sink *sink = (struct pf_flow_sink *)base;
    struct pf_flow_event event;
    if (sink->save != NULL)
        return pf_flow_save_end(sink->save, error);
    while (pf_flow_reorder_get(&sink->reorder, true, &event))
        PF_TRY(to_stage(sink, &event, error));
    PF_TRY(pf_flow_stage_finish(&sink->stage, error));
    pf_flow_stage_clear(&sink->stage); /* before the rows are copied into their order */
    if (sink->map != NULL)
        return PF_OK;
    PF_TRY(pf_flow_rows_flush(&sink->rows, error));
    return pf_flow_rows_sort(&sink->rows, error);
}

static const struct pf_sink_ops ops = {
    .order = PF_ORDER_FILE,
    .begin = begin,
    .accept = accept,
    .emit = emit,
    .discard = discard,
    .finish = finish,
};

static enum pf_status ended(void *context, const struct pf_flow *flow, enum pf_flow_reason reason,
                            struct pf_error *error)
{
    struct pf_flow_sink *sink = context;
    return sink->map != NULL ? PF_OK : pf_flow_rows_add(&sink->rows, flow, reason, error);
}

/* What is asked of packets for the groups that are asked for. */
static void ask(struct pf_flow_sink *sink)
{
    for (unsigned i = 0; i < PF_EXTRA_SAID; i++) {
        if ((sink->options.extra >> pf_flow_extras[i].group & 1) == 0)
            continue;
        sink->fields[i] = pf_field_find(pf_flow_extras[i].kind.name);
        sink->sink.needs |= sink->fields[i]->needs;
        if (sink->fields[i]->depth > sink->sink.depth)
            sink->sink.depth = sink->fields[i]->depth;
    }
    if ((sink->options.extra >> PF_FLOW_RETRANS & 1) != 0)
        sink->sink.needs |= PF_NEED_TCP;
}

enum pf_status pf_flow_sink_init(struct pf_flow_sink *sink, const struct pf_flow_options *options,
                                 struct pf_frame *frame, struct pf_flow_map *map, struct pf_error *error)
{
    memset(sink, 0, sizeof *sink);
    sink->sink.ops = &ops;
    sink->sink.depth = PF_DEPTH_RECORD;
    sink->options = *options;
    if (map != NULL) /* where packets went is all that is asked */
        sink->options.extra = 0;
    ask(sink);
    sink->map = map;
    sink->reorder.window = options->sort;
    sink->dedup.window = options->dedup;
    pf_flow_stage_init(&sink->stage, &sink->options);
    sink->stage.sayings = &sink->sayings;
    sink->stage.ended = ended;
    sink->stage.context = sink;
    if (frame == NULL)
        return PF_OK;
    enum pf_status status = pf_flow_rows_init(&sink->rows, &sink->options, frame, error);
    sink->rows.texts = &sink->sayings.texts;
    return status;
}

void pf_flow_sink_clear(struct pf_flow_sink *sink)
{
    for (unsigned i = 0; sink->rooms != NULL && i < sink->worker_count; i++)
        pf_free(sink->rooms[i]);
    pf_free(sink->rooms);
    pf_flow_sayings_clear(&sink->sayings);
    pf_flow_stage_clear(&sink->stage);
    pf_flow_rows_clear(&sink->rows);
    pf_flow_reorder_clear(&sink->reorder);
    pf_flow_dedup_clear(&sink->dedup);
    memset(sink, 0, sizeof *sink);
}

void pf_flow_map_clear(struct pf_flow_map *map)
{
    pf_free(map->numbers);
    pf_free(map->flows);
    pf_free(map->directions);
    map->numbers = map->flows = NULL;
    map->directions = NULL;
    map->count = map->capacity = 0;
}
