#include "flow/flow.h"

enum { SECOND = 1000000, BULK_PACKETS = 4 };
enum { PUSH = 0x08, RESET = 0x04, URGENT = 0x20 };

void pf_flow_span(struct pf_flow_spans *spans, int64_t us)
{
    if (spans->count == 0 || us < spans->least)
        spans->least = us;
    if (spans->count == 0 || us > spans->most)
        spans->most = us;
    pf_running_add(&spans->moments, ++spans->count, (double)us);
}

static void count_length(struct pf_flow_way *way, const struct pf_flow_event *event)
{
    uint32_t payload = event->payload;
    if (way->packets == 1 || payload < way->least)
        way->least = payload;
    if (payload > way->most)
        way->most = payload;
    way->octets += payload;
    way->data += payload != 0;
    pf_running_add(&way->length, way->packets, payload);
    way->headers += event->header;
    if (way->packets == 1 || event->header < way->least_header)
        way->least_header = event->header;
}

/* Time since the packet before in this direction; corrected: none is negative. */
static void count_gap(struct pf_flow_way *way, int64_t us, bool clamp)
{
    int64_t gap = us - way->last;
    if (way->packets == 1) {
        way->last = us;
        return;
    }
    if (clamp && gap < 0)
        gap = 0;
    else
        way->last = us;
    if (way->packets == 2 || gap < way->gap_least)
        way->gap_least = gap;
    if (way->packets == 2 || gap > way->gap_most)
        way->gap_most = gap;
    way->gap_sum = pf_flow_sum(way->gap_sum, gap);
    pf_running_add(&way->gap, way->packets - 1, (double)gap);
}

/* A bulk is four or more payloads of one direction with no payload of the other and no second between. */
static void count_bulk(struct pf_flow_way *way, const struct pf_flow_way *other, uint32_t payload, int64_t us)
{
    if (other->bulk_last > way->bulk_start)
        way->bulk_start = 0;
    if (payload == 0)
        return;
    if (way->bulk_start == 0 || us - way->bulk_last > SECOND) {
        way->bulk_start = way->bulk_last = us;
        way->bulk_count = 1;
        way->bulk_size = payload;
        return;
    }
    way->bulk_count++;
    way->bulk_size += payload;
    if (way->bulk_count == BULK_PACKETS) {
        way->bulks++;
        way->bulk_packets += BULK_PACKETS;
        way->bulk_octets += way->bulk_size;
        way->bulk_duration = pf_flow_sum(way->bulk_duration, us - way->bulk_start);
    } else if (way->bulk_count > BULK_PACKETS) {
        way->bulk_packets++;
        way->bulk_octets += payload;
        way->bulk_duration = pf_flow_sum(way->bulk_duration, us - way->bulk_last);
    }
    way->bulk_last = us;
}

static void count_flags(struct pf_flow *flow, struct pf_flow_way *way, uint8_t flags)
{
    for (unsigned bit = 0; bit < 8; bit++)
        flow->flags[bit] += flags >> bit & 1;
    way->push += (flags & PUSH) != 0;
    way->urgent += (flags & URGENT) != 0;
    way->reset += (flags & RESET) != 0;
}

static void count_activity(const struct pf_flow_options *options, struct pf_flow *flow, int64_t us)
{
    if (us - flow->active_last > options->activity_timeout) {
        if (flow->active_last > flow->active_since)
            pf_flow_span(&flow->active, flow->active_last - flow->active_since);
        pf_flow_span(&flow->idle, us - flow->active_last);
        flow->active_since = us;
    }
    flow->active_last = us;
}

static void count_window(const struct pf_flow_options *options, struct pf_flow_way *way,
                         const struct pf_flow_event *event, bool forward, bool opens)
{
    bool tcp = event->key.protocol == 6;
    int32_t window = tcp ? event->window : -1;
    if (options->cic) {
        if (opens || !forward)
            way->window = window;
    } else if (options->fork) { /* forward: that of a first packet; backward: the first that is not 0 */
        if (forward ? opens && tcp : tcp && way->window <= 0)
            way->window = window;
    } else if (tcp && way->window < 0) {
        way->window = window;
    }
}

static void open(struct pf_flow *flow, const struct pf_flow_event *event, bool forward)
{
    int64_t us = pf_flow_us(event->time);
    flow->start = flow->last = us;
    flow->start_ns = flow->last_ns = event->time;
    flow->first_number = event->frame_number;
    flow->first_side = event->side;
    flow->first_forward = forward;
    flow->first_payload = event->payload;
    flow->first_flags = event->flags;
    flow->icmp_type = event->icmp_type;
    flow->icmp_code = event->icmp_code;
    flow->active_since = flow->active_last = us;
    flow->way[0].window = flow->way[1].window = -1;
}

void pf_flow_count(const struct pf_flow_options *options, struct pf_flow *flow, const struct pf_flow_event *event,
                   bool forward, bool opens, bool quiet)
{
    bool raw = options->cic || options->fork;
    int64_t us = pf_flow_us(event->time);
    struct pf_flow_way *way = &flow->way[forward ? 0 : 1], *other = &flow->way[forward ? 1 : 0];
    if (opens)
        open(flow, event, forward);
    way->packets++;
    count_length(way, event);
    count_gap(way, us, !raw);
    uint64_t packets = way->packets + other->packets;
    if (options->cic && opens) /* once more: its first packet's payload counts twice */
        pf_running_add(&flow->length, 1, event->payload);
    pf_running_add(&flow->length, packets + options->cic, event->payload);
    count_window(options, way, event, forward, opens);

    int64_t now = !raw && us < flow->last ? flow->last : us; /* corrected: nothing arrives before what came before */
    if (!opens) {
        int64_t gap = now - flow->last;
        if (packets == 2 || gap < flow->gap_least)
            flow->gap_least = gap;
        if (packets == 2 || gap > flow->gap_most)
            flow->gap_most = gap;
        pf_running_add(&flow->gap, packets - 1, (double)gap);
        flow->long_gaps += gap > SECOND;
        if (!quiet)
            count_activity(options, flow, now);
    }
    flow->last = now;
    if (raw || event->time > flow->last_ns)
        flow->last_ns = event->time;
    if (options->cic)
        return;
    count_bulk(way, other, event->payload, now);
    count_flags(flow, way, event->flags);
}
