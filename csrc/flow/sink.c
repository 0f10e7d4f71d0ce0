#include "flow/sink.h"

#include "base/alloc.h"

#include <string.h>

enum { FEW = 256, FAR = 16, NEAR = 6 }; /* events ahead whose slots, whose flows are brought near: measured */

/* What a worker found in a chunk. */
struct pf_flow_piece {
    struct pf_flow_event *events;
    size_t count, capacity;
    uint64_t verdicts[PF_FLOW_VERDICTS];
    uint64_t refused; /* the first packet of a link type that can't be taken, */
    uint16_t link_type;
};

static void free_piece(struct pf_flow_piece *piece)
{
    if (piece != NULL)
        pf_free(piece->events);
    pf_free(piece);
}

static enum pf_status begin(struct pf_sink *base, unsigned workers, struct pf_error *error)
{
    struct pf_flow_sink *sink = (struct pf_flow_sink *)base;
    sink->open = pf_alloc_array(workers, sizeof(struct pf_flow_piece *));
    if (sink->open == NULL)
        return pf_fail_memory(error);
    sink->worker_count = workers;
    return PF_OK;
}

static enum pf_status reserve(struct pf_flow_piece *piece, size_t more, struct pf_error *error)
{
    if (more <= piece->capacity - piece->count)
        return PF_OK;
    size_t need = piece->count + more,
           capacity = pf_grown(piece->capacity, need > FEW ? need : FEW, sizeof *piece->events);
    struct pf_flow_event *events = capacity != 0 ? pf_realloc(piece->events, capacity * sizeof *events) : NULL;
    if (events == NULL)
        return pf_fail_memory(error);
    piece->events = events;
    piece->capacity = capacity;
    return PF_OK;
}

static enum pf_status accept(struct pf_sink *base, unsigned worker, struct pf_packet *const *packets, size_t count,
                             struct pf_error *error)
{
    struct pf_flow_sink *sink = (struct pf_flow_sink *)base;
    if (sink->open[worker] == NULL)
        sink->open[worker] = pf_alloc(sizeof *sink->open[worker]);
    struct pf_flow_piece *piece = sink->open[worker];
    if (piece == NULL)
        return pf_fail_memory(error);
    PF_TRY(reserve(piece, count, error));
    for (size_t i = 0; i < count; i++) {
        const struct pf_record *record = &packets[i]->record;
        enum pf_flow_verdict verdict = pf_flow_accept(&sink->options, record, &piece->events[piece->count]);
        piece->verdicts[verdict]++;
        piece->count += verdict == PF_FLOW_TAKEN;
        if (verdict == PF_FLOW_LINK_TYPE && piece->refused == 0) {
            piece->refused = record->frame_number;
            piece->link_type = record->link_type;
        }
    }
    return PF_OK;
}

static enum pf_status cut(struct pf_sink *base, unsigned worker, void **piece, struct pf_error *error)
{
    struct pf_flow_sink *sink = (struct pf_flow_sink *)base;
    (void)error;
    *piece = sink->open[worker];
    sink->open[worker] = NULL;
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

static enum pf_status emit(struct pf_sink *base, void *given, struct pf_error *error)
{
    struct pf_flow_sink *sink = (struct pf_flow_sink *)base;
    struct pf_flow_piece *piece = given;
    enum pf_status status = PF_OK;
    for (unsigned i = 0; i < PF_FLOW_VERDICTS; i++)
        sink->verdicts[i] += piece->verdicts[i];
    if (piece->refused != 0 && !sink->any_link)
        status =
            pf_fail(error, PF_INVALID, "packet %llu has link type %u, which %s flows cannot take: %s",
                    (unsigned long long)piece->refused, piece->link_type, sink->options.cic ? "cic2017" : "corrected",
                    sink->options.cic ? "the tool of 2017 knows Ethernet alone"
                                      : "Ethernet, raw IP, Linux cooked and loopback captures can be");
    if (status == PF_OK)
        status = run(sink, piece, error);
    free_piece(piece);
    return status;
}

static void discard(struct pf_sink *base, void *piece)
{
    (void)base;
    free_piece(piece);
}

static enum pf_status finish(struct pf_sink *base, struct pf_error *error)
{
    struct pf_flow_sink *sink = (struct pf_flow_sink *)base;
    struct pf_flow_event event;
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
    .cut = cut,
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

enum pf_status pf_flow_sink_init(struct pf_flow_sink *sink, const struct pf_flow_options *options,
                                 struct pf_frame *frame, struct pf_flow_map *map, struct pf_error *error)
{
    memset(sink, 0, sizeof *sink);
    sink->sink.ops = &ops;
    sink->sink.depth = PF_DEPTH_RECORD;
    sink->options = *options;
    sink->map = map;
    sink->reorder.window = options->sort;
    sink->dedup.window = options->dedup;
    pf_flow_stage_init(&sink->stage, options);
    sink->stage.ended = ended;
    sink->stage.context = sink;
    return map == NULL ? pf_flow_rows_init(&sink->rows, &sink->options, frame, error) : PF_OK;
}

void pf_flow_sink_clear(struct pf_flow_sink *sink)
{
    for (unsigned i = 0; sink->open != NULL && i < sink->worker_count; i++)
        free_piece(sink->open[i]);
    pf_free(sink->open);
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
