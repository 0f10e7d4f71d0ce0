#include "flow/stage.h"

#include "base/alloc.h"
#include "base/crew.h"

#include <string.h>

enum { NONE = PF_NO_FLOW };
enum { FIN = 0x01, SYN = 0x02, RST = 0x04, ACK = 0x10 };
enum { FORWARD_FIN = 1, BACKWARD_FIN = 2 };
enum { LOOK = 256 };      /* flows that end between two looks whether the pass was stopped: a tenth of a millisecond */
enum { EARLY = 1000000 }; /* us beyond the timeout: far more than packets are out of order */

void pf_flow_stage_init(struct pf_flow_stage *stage, const struct pf_flow_options *options)
{
    memset(stage, 0, sizeof *stage);
    stage->options = *options;
    stage->prints.limit = options->print_octets != 0 ? options->print_octets : PF_FLOW_PRINT_OCTETS;
    pf_flow_pool_init(&stage->pool);
    pf_tombs_init(&stage->tombs, options->max_flows);
    stage->oldest = stage->newest = (uint32_t)NONE;
    stage->last_tcp_header = -1;
}

static void forget_extra(struct pf_flow *flow)
{
    pf_free(flow->extra);
    flow->extra = NULL;
}

static void forget(struct pf_flow_stage *stage, struct pf_flow *flow)
{
    pf_flow_prints_free(&stage->prints, flow);
    forget_extra(flow);
}

void pf_flow_stage_clear(struct pf_flow_stage *stage)
{
    for (uint32_t i = stage->oldest; i != NONE; i = pf_flow_pool_at(&stage->pool, i)->newer)
        forget(stage, pf_flow_pool_at(&stage->pool, i));
    pf_flow_pool_clear(&stage->pool);
    pf_index_clear(&stage->index);
    pf_tombs_clear(&stage->tombs);
    stage->oldest = stage->newest = (uint32_t)NONE;
    stage->open = 0;
}

/* ------------------------------------------------------------------------------------------- the list of open flows */

static struct pf_flow *at(const struct pf_flow_stage *stage, uint32_t number)
{
    return pf_flow_pool_at(&stage->pool, number);
}

static void unlink_flow(struct pf_flow_stage *stage, const struct pf_flow *flow)
{
    *(flow->older != NONE ? &at(stage, flow->older)->newer : &stage->oldest) = flow->newer;
    *(flow->newer != NONE ? &at(stage, flow->newer)->older : &stage->newest) = flow->older;
}

static void link_newest(struct pf_flow_stage *stage, struct pf_flow *flow, uint32_t number)
{
    flow->older = stage->newest;
    flow->newer = (uint32_t)NONE;
    *(stage->newest != NONE ? &at(stage, stage->newest)->newer : &stage->oldest) = number;
    stage->newest = number;
}

static uint32_t find(const struct pf_flow_stage *stage, const struct pf_flow_event *event)
{
    size_t place = pf_index_home(&stage->index, event->hash);
    uint32_t number = pf_index_next(&stage->index, event->hash, &place);
    while (number != PF_INDEX_NONE && memcmp(&at(stage, number)->key, &event->key, sizeof event->key) != 0)
        number = pf_index_next(&stage->index, event->hash, &place);
    return number;
}

/* -------------------------------------------------------------------------------------------------- how flows end */

static enum pf_flow_reason shown(const struct pf_flow *flow, enum pf_flow_reason reason)
{
    if (flow->state != PF_FLOW_CLOSED || reason == PF_FLOW_EVICTED)
        return reason;
    return flow->reset_closed ? PF_FLOW_RST : PF_FLOW_FIN;
}

static void past_of(const struct pf_flow *flow, struct pf_flow_past *past)
{
    past->last = flow->last;
    past->connection = pf_flow_sum(flow->before, flow->last - flow->start);
    past->side = flow->side;
    past->named_side = flow->named_side;
    past->closed = flow->state == PF_FLOW_CLOSED;
}

/* Ends a flow, which stays readable, with its fingerprints: the caller gives its place back. */
static enum pf_status end(struct pf_flow_stage *stage, uint32_t number, enum pf_flow_reason reason,
                          struct pf_error *error)
{
    struct pf_flow *flow = at(stage, number);
    enum pf_status status = PF_OK;
    if (flow->way[0].packets + flow->way[1].packets >= stage->options.min_packets)
        status = stage->ended(stage->context, flow, shown(flow, reason), error);
    forget_extra(flow);
    pf_index_remove(&stage->index, flow->hash, number);
    unlink_flow(stage, flow);
    stage->open--;
    /* A million may end at once, at the end of a pass or when all have timed out. */
    return status == PF_OK && stage->open % LOOK == 0 ? pf_crew_check(error) : status;
}

static enum pf_status bury(struct pf_flow_stage *stage, uint32_t number, enum pf_flow_reason reason,
                           struct pf_error *error)
{
    struct pf_flow *flow = at(stage, number);
    struct pf_flow_past past;
    past_of(flow, &past);
    enum pf_status status = end(stage, number, reason, error);
    if (status == PF_OK)
        status = pf_tombs_lay(&stage->tombs, flow->hash, &past, error);
    pf_flow_prints_free(&stage->prints, flow);
    pf_flow_pool_give(&stage->pool, number);
    return status;
}

static bool closed_early(const struct pf_flow_stage *stage, const struct pf_flow *flow)
{
    const struct pf_flow_options *options = &stage->options;
    int64_t since = options->cic ? flow->start : flow->last;
    return !options->fork && stage->greatest - since > options->flow_timeout + EARLY;
}

static enum pf_status sweep(struct pf_flow_stage *stage, struct pf_error *error)
{
    while (stage->oldest != NONE && closed_early(stage, at(stage, stage->oldest)))
        PF_TRY(bury(stage, stage->oldest, PF_FLOW_TIMEOUT, error));
    return PF_OK;
}

/* ------------------------------------------------------------------------------------------- packets of open flows */

/* Whether a packet does not belong to the flow of its key any more. */
static bool splits(const struct pf_flow_stage *stage, const struct pf_flow *flow, const struct pf_flow_event *event,
                   enum pf_flow_reason *reason)
{
    const struct pf_flow_options *options = &stage->options;
    bool late = pf_flow_us(event->time) - flow->start > options->flow_timeout;
    *reason = late ? PF_FLOW_TIMEOUT : PF_FLOW_END;
    if (late || options->cic)
        return late;
    if (event->key.protocol == PF_IPPROTO_ICMP || event->key.protocol == PF_IPPROTO_ICMPV6) {
        bool code = event->icmp_code != flow->icmp_code, type = event->icmp_type != flow->icmp_type;
        return options->fork ? code && type : code || type;
    }
    return event->key.protocol == PF_IPPROTO_TCP && flow->state == PF_FLOW_CLOSED && (event->flags & SYN) != 0;
}

static enum pf_status note_print(struct pf_flow_stage *stage, struct pf_flow *flow, const struct pf_flow_event *event,
                                 bool forward, struct pf_error *error)
{
    bool again = false, counts = stage->options.fork || event->payload != 0 || (event->flags & (SYN | FIN)) != 0;
    if (counts)
        PF_TRY(pf_flow_print(&stage->prints, flow, event->print, &again, error));
    flow->way[forward ? 0 : 1].again += again;
    return PF_OK;
}

static void note_state(struct pf_flow *flow, uint8_t flags, bool forward, bool opens)
{
    if ((flags & FIN) != 0) {
        flow->fins |= forward ? FORWARD_FIN : BACKWARD_FIN;
        if (opens)
            return; /* counts as sent, and closes nothing */
        if (flow->state == PF_FLOW_OPEN)
            flow->state = PF_FLOW_FIN1;
        else if (flow->state == PF_FLOW_FIN1 && flow->fins == (FORWARD_FIN | BACKWARD_FIN))
            flow->state = PF_FLOW_FIN2;
    } else if (opens) {
        return;
    } else if ((flags & RST) != 0) {
        flow->reset_closed |= flow->state != PF_FLOW_CLOSED;
        flow->state = PF_FLOW_CLOSED;
    } else if ((flags & ACK) != 0 && flow->state == PF_FLOW_FIN2) {
        flow->state = PF_FLOW_CLOSED;
    }
}

static enum pf_status add(struct pf_flow_stage *stage, struct pf_flow *flow, const struct pf_flow_event *event,
                          bool opens, struct pf_error *error)
{
    const struct pf_flow_options *options = &stage->options;
    bool forward = pf_flow_is_forward(flow, event) || (options->cic && opens);
    bool quiet = options->cic && !opens && (event->flags & FIN) != 0;
    pf_flow_count(options, flow, event, forward, opens, quiet);
    stage->flow_id = flow->first_number;
    stage->backward = event->side != flow->first_side && !flow->one_address;
    if (flow->extra != NULL)
        PF_TRY(pf_flow_extra_add(flow->extra, event, stage->sayings, event->side == flow->side, error));
    if (options->cic || event->key.protocol != PF_IPPROTO_TCP)
        return PF_OK;
    note_state(flow, event->flags, forward, opens);
    return note_print(stage, flow, event, forward, error);
}

/* ------------------------------------------------------------------------------------------------- how flows begin */

/* Whether the flow that this packet opens goes on where the one before it ended. */
static bool continues(const struct pf_flow_stage *stage, const struct pf_flow_past *past,
                      const struct pf_flow_event *event)
{
    if (stage->options.cic)
        return true;
    if (event->key.protocol == PF_IPPROTO_TCP)
        return !(past->closed && (event->flags & SYN) != 0);
    int64_t gap = pf_flow_us(event->time) - past->last;
    return event->key.protocol == PF_IPPROTO_UDP && gap <= stage->options.flow_timeout;
}

static void orient(const struct pf_flow_stage *stage, struct pf_flow *flow, const struct pf_flow_event *event,
                   const struct pf_flow_past *past)
{
    if (past != NULL && continues(stage, past, event)) {
        int64_t gap = pf_flow_us(event->time) - past->last;
        flow->side = past->side;
        flow->named_side = past->named_side;
        flow->before = pf_flow_sum(past->connection, gap > 0 || stage->options.fork ? gap : 0);
        return;
    }
    /* A SYN with ACK answers a SYN that was missed or comes late. */
    bool answers = event->key.protocol == PF_IPPROTO_TCP && (event->flags & (SYN | ACK)) == (SYN | ACK);
    flow->side = event->side;
    if (answers && !stage->options.cic)
        flow->side = !flow->side;
    flow->named_side = past != NULL && stage->options.fork ? past->named_side : flow->side;
}

/* Opens a flow. `before`: the one it was split from, whose fingerprints it may take over; or NULL. */
static enum pf_status open(struct pf_flow_stage *stage, const struct pf_flow_event *event,
                           const struct pf_flow_past *past, struct pf_flow *before, struct pf_error *error)
{
    if (stage->open == stage->options.max_flows) {
        stage->evicted++;
        PF_TRY(bury(stage, stage->oldest, PF_FLOW_EVICTED, error));
    }
    struct pf_flow_extra *extra = stage->options.extra != 0 ? pf_alloc(sizeof *extra) : NULL;
    if (stage->options.extra != 0 && extra == NULL)
        return pf_fail_memory(error);
    uint32_t number = pf_flow_pool_take(&stage->pool);
    if (number == NONE) {
        pf_free(extra);
        return pf_fail_memory(error);
    }
    enum pf_status status = pf_index_add(&stage->index, event->hash, number, error);
    if (status != PF_OK) {
        pf_free(extra);
        pf_flow_pool_give(&stage->pool, number);
        return status;
    }
    struct pf_flow *flow = at(stage, number);
    flow->key = event->key;
    flow->hash = event->hash;
    flow->extra = extra;
    flow->one_address = event->one_address;
    link_newest(stage, flow, number);
    stage->open++;
    stage->seen++;
    uint64_t known = (uint64_t)stage->open + stage->tombs.count;
    stage->most_known = known > stage->most_known ? known : stage->most_known;
    orient(stage, flow, event, past);
    if (before != NULL && continues(stage, past, event))
        pf_flow_prints_move(flow, before);
    return add(stage, flow, event, true, error);
}

/* Ends a flow and opens the next one of its key. */
static enum pf_status split(struct pf_flow_stage *stage, uint32_t number, const struct pf_flow_event *event,
                            enum pf_flow_reason reason, struct pf_error *error)
{
    struct pf_flow *flow = at(stage, number);
    struct pf_flow_past past;
    past_of(flow, &past);
    enum pf_status status = end(stage, number, reason, error);
    if (status == PF_OK)
        status = open(stage, event, &past, flow, error);
    pf_flow_prints_free(&stage->prints, flow);
    pf_flow_pool_give(&stage->pool, number);
    return status;
}

static void note_time(struct pf_flow_stage *stage, const struct pf_flow_event *event)
{
    int64_t us = pf_flow_us(event->time);
    if (!stage->timed || us > stage->greatest)
        stage->greatest = us;
    stage->timed = true;
}

static enum pf_status take(struct pf_flow_stage *stage, const struct pf_flow_event *event, struct pf_error *error)
{
    enum pf_flow_reason reason;
    struct pf_flow_past past;
    note_time(stage, event);
    PF_TRY(sweep(stage, error));
    uint32_t number = find(stage, event);
    if (number != PF_INDEX_NONE && closed_early(stage, at(stage, number))) {
        PF_TRY(bury(stage, number, PF_FLOW_TIMEOUT, error));
        number = (uint32_t)PF_INDEX_NONE;
    }
    if (number == PF_INDEX_NONE) {
        bool had = pf_tombs_take(&stage->tombs, event->hash, &past);
        return open(stage, event, had ? &past : NULL, NULL, error);
    }
    struct pf_flow *flow = at(stage, number);
    if (splits(stage, flow, event, &reason))
        return split(stage, number, event, reason, error);
    unlink_flow(stage, flow);
    link_newest(stage, flow, number);
    PF_TRY(add(stage, flow, event, false, error));
    if (!stage->options.cic || (event->flags & FIN) == 0)
        return PF_OK;
    enum pf_status status = end(stage, number, PF_FLOW_FIN, error);
    pf_flow_pool_give(&stage->pool, number);
    return status;
}

enum pf_status pf_flow_stage_take(struct pf_flow_stage *stage, const struct pf_flow_event *event,
                                  struct pf_error *error)
{
    stage->flow_id = 0;
    stage->backward = false;
    if (event->clock)
        note_time(stage, event);
    if (event->key.protocol == PF_IPPROTO_TCP)
        stage->last_tcp_header = event->header;
    if (!event->wanted)
        return PF_OK;
    if (event->header >= 0)
        return take(stage, event, error);
    struct pf_flow_event known = *event;
    known.header = (int8_t)stage->last_tcp_header;
    return take(stage, &known, error);
}

void pf_flow_stage_prefetch_slot(const struct pf_flow_stage *stage, const struct pf_flow_event *event)
{
    if (stage->index.size != 0)
        __builtin_prefetch(&stage->index.slots[pf_index_home(&stage->index, event->hash)]);
}

void pf_flow_stage_prefetch_flow(const struct pf_flow_stage *stage, const struct pf_flow_event *event)
{
    size_t place = pf_index_home(&stage->index, event->hash);
    uint32_t number = pf_index_next(&stage->index, event->hash, &place);
    if (number == PF_INDEX_NONE)
        return;
    const char *line = (const char *)at(stage, number);
    for (size_t i = 0; i < sizeof(struct pf_flow); i += 64)
        __builtin_prefetch(line + i, 1);
}

enum pf_status pf_flow_stage_tell_open(const struct pf_flow_stage *stage, struct pf_error *error)
{
    for (uint32_t number = stage->oldest; number != NONE; number = at(stage, number)->newer) {
        const struct pf_flow *flow = at(stage, number);
        enum pf_flow_reason reason = closed_early(stage, flow) ? PF_FLOW_TIMEOUT : PF_FLOW_END;
        if (flow->way[0].packets + flow->way[1].packets >= stage->options.min_packets)
            PF_TRY(stage->ended(stage->context, flow, shown(flow, reason), error));
    }
    return PF_OK;
}

enum pf_status pf_flow_stage_finish(struct pf_flow_stage *stage, struct pf_error *error)
{
    enum pf_status status = PF_OK;
    while (stage->oldest != NONE && status == PF_OK) {
        uint32_t number = stage->oldest;
        struct pf_flow *flow = at(stage, number);
        status = end(stage, number, closed_early(stage, flow) ? PF_FLOW_TIMEOUT : PF_FLOW_END, error);
        pf_flow_prints_free(&stage->prints, flow);
        pf_flow_pool_give(&stage->pool, number);
    }
    return status;
}
