/* From the sums of a flow to its features: docs/flow-features.md says what each is. */
#include "flow/rows.h"

#include <string.h>

enum { MILLION = 1000000 };
enum { PUSH = 0x08, URGENT = 0x20 };

static void put(uint64_t *words, enum pf_feature feature, int64_t value)
{
    words[feature] = (uint64_t)value;
}

static void put_double(uint64_t *words, enum pf_feature feature, double value)
{
    memcpy(&words[feature], &value, sizeof value);
}

static double ratio(double a, double b)
{
    return b != 0 ? a / b : 0;
}

/* As IEEE 754 divides: the Java tool lets 0/0 and x/0 stand. */
static double rate(const struct pf_flow_options *options, uint64_t amount, int64_t duration)
{
    bool none = options->fork ? duration == 0 : duration <= 0;
    if (!options->cic && none)
        return -1;
    double seconds = (double)duration / MILLION;
    if (seconds == 0)
        return amount == 0 ? (double)NAN : (double)INFINITY;
    return (double)amount / seconds;
}

/* Greatest, least, mean and deviation stand in the order of their columns, `max` first or `mean` first. */
static void put_lengths(uint64_t *words, enum pf_feature max, const struct pf_flow_way *way)
{
    put_double(words, max, way->most);
    put_double(words, max + 1, way->least);
    put_double(words, max + 2, way->length.mean);
    put_double(words, max + 3, pf_running_deviation(&way->length, way->packets));
}

static void put_times(uint64_t *words, enum pf_feature mean, const struct pf_running *moments, uint64_t count,
                      int64_t most, int64_t least)
{
    put_double(words, mean, moments->mean);
    put_double(words, mean + 1, pf_running_deviation(moments, count));
    put_double(words, mean + 2, (double)most);
    put_double(words, mean + 3, (double)least);
}

static void put_gaps(uint64_t *words, enum pf_feature total, const struct pf_flow_way *way)
{
    uint64_t count = way->packets > 1 ? way->packets - 1 : 0;
    put_double(words, total, (double)way->gap_sum);
    put_times(words, total + 1, &way->gap, count, way->gap_most, way->gap_least);
}

static void put_way_lengths(const struct pf_flow_options *options, const struct pf_flow *flow, uint64_t *words)
{
    const struct pf_flow_way *fwd = &flow->way[0], *bwd = &flow->way[1];
    uint64_t packets = fwd->packets + bwd->packets, octets = fwd->octets + bwd->octets;
    uint32_t least = fwd->packets == 0 || (bwd->packets != 0 && bwd->least < fwd->least) ? bwd->least : fwd->least;
    put_double(words, PF_FEATURE_FWD_OCTETS, (double)fwd->octets);
    put_double(words, PF_FEATURE_BWD_OCTETS, (double)bwd->octets);
    put_lengths(words, PF_FEATURE_FWD_LENGTH_MAX, fwd);
    put_lengths(words, PF_FEATURE_BWD_LENGTH_MAX, bwd);
    put_double(words, PF_FEATURE_LENGTH_MIN, least);
    put_double(words, PF_FEATURE_LENGTH_MAX, fwd->most > bwd->most ? fwd->most : bwd->most);
    put_double(words, PF_FEATURE_LENGTH_MEAN, flow->length.mean);
    put_double(words, PF_FEATURE_LENGTH_STD, pf_running_deviation(&flow->length, packets + options->cic));
    put_double(words, PF_FEATURE_LENGTH_VAR, pf_running_variance(&flow->length, packets + options->cic));
    uint64_t twice = options->cic ? flow->first_payload : 0;
    put_double(words, PF_FEATURE_AVERAGE_SIZE, (double)(octets + twice) / (double)packets);
    put_double(words, PF_FEATURE_FWD_SEGMENT, ratio((double)fwd->octets, (double)fwd->packets));
    put_double(words, PF_FEATURE_BWD_SEGMENT, ratio((double)bwd->octets, (double)bwd->packets));
    if (options->cic)
        put_double(words, PF_FEATURE_DOWN_UP, (double)(fwd->packets != 0 ? bwd->packets / fwd->packets : 0));
    else
        put_double(words, PF_FEATURE_DOWN_UP, ratio((double)bwd->packets, (double)fwd->packets));
}

static void put_rates(const struct pf_flow_options *options, const struct pf_flow *flow, uint64_t *words)
{
    const struct pf_flow_way *fwd = &flow->way[0], *bwd = &flow->way[1];
    int64_t duration = flow->last - flow->start;
    double seconds = (double)duration / MILLION;
    put(words, PF_FEATURE_DURATION, duration);
    put_double(words, PF_FEATURE_OCTETS_RATE, rate(options, fwd->octets + bwd->octets, duration));
    put_double(words, PF_FEATURE_PACKETS_RATE, rate(options, fwd->packets + bwd->packets, duration));
    put_double(words, PF_FEATURE_FWD_RATE, duration > 0 ? (double)fwd->packets / seconds : 0);
    put_double(words, PF_FEATURE_BWD_RATE, duration > 0 ? (double)bwd->packets / seconds : 0);
}

static void put_spans(uint64_t *words, enum pf_feature mean, const struct pf_flow_spans *spans)
{
    put_times(words, mean, &spans->moments, spans->count, spans->most, spans->least);
}

static void put_activity(const struct pf_flow_options *options, const struct pf_flow *flow, uint64_t *words)
{
    struct pf_flow_spans active = flow->active;
    if (options->flush_last_active && flow->active_last > flow->active_since)
        pf_flow_span(&active, flow->active_last - flow->active_since);
    put_spans(words, PF_FEATURE_ACTIVE_MEAN, &active);
    put_spans(words, PF_FEATURE_IDLE_MEAN, &flow->idle);
}

/* The tool of 2017 looks at the first packet alone, and writes the counts in another order than their names. */
static void put_cic_flags(const struct pf_flow *flow, uint64_t *words)
{
    static const struct {
        enum pf_feature feature;
        unsigned bit;
    } shuffled[] = {
        {PF_FEATURE_FIN_COUNT, 2}, {PF_FEATURE_SYN_COUNT, 3}, {PF_FEATURE_RST_COUNT, 6}, {PF_FEATURE_PSH_COUNT, 1},
        {PF_FEATURE_ACK_COUNT, 4}, {PF_FEATURE_URG_COUNT, 0}, {PF_FEATURE_CWR_COUNT, 5}, {PF_FEATURE_ECE_COUNT, 7},
    };
    for (size_t i = 0; i < sizeof shuffled / sizeof shuffled[0]; i++)
        put(words, shuffled[i].feature, flow->first_flags >> shuffled[i].bit & 1);
    put(words, PF_FEATURE_FWD_PSH, (flow->first_flags & PUSH) != 0);
    put(words, PF_FEATURE_BWD_PSH, 0);
    put(words, PF_FEATURE_FWD_URG, (flow->first_flags & URGENT) != 0);
    put(words, PF_FEATURE_BWD_URG, 0);
}

static void put_flags(const struct pf_flow *flow, uint64_t *words)
{
    static const enum pf_feature by_bit[] = {
        PF_FEATURE_FIN_COUNT, PF_FEATURE_SYN_COUNT, PF_FEATURE_RST_COUNT, PF_FEATURE_PSH_COUNT,
        PF_FEATURE_ACK_COUNT, PF_FEATURE_URG_COUNT, PF_FEATURE_ECE_COUNT, PF_FEATURE_CWR_COUNT,
    };
    const struct pf_flow_way *fwd = &flow->way[0], *bwd = &flow->way[1];
    for (unsigned bit = 0; bit < 8; bit++)
        words[by_bit[bit]] = flow->flags[bit];
    words[PF_FEATURE_FWD_PSH] = fwd->push;
    words[PF_FEATURE_BWD_PSH] = bwd->push;
    words[PF_FEATURE_FWD_URG] = fwd->urgent;
    words[PF_FEATURE_BWD_URG] = bwd->urgent;
    words[PF_FEATURE_FWD_RST] = fwd->reset;
    words[PF_FEATURE_BWD_RST] = bwd->reset;
}

static void put_bulk(uint64_t *words, enum pf_feature first, const struct pf_flow_way *way)
{
    put_double(words, first, ratio((double)way->bulk_octets, (double)way->bulks));
    put_double(words, first + 1, ratio((double)way->bulk_packets, (double)way->bulks));
    put_double(words, first + 2, ratio((double)way->bulk_octets, (double)way->bulk_duration / MILLION));
}

static void put_subflows(const struct pf_flow_options *options, const struct pf_flow *flow, uint64_t *words)
{
    double count = (double)flow->long_gaps + !options->fork;
    for (unsigned i = 0; i < 2; i++) {
        const struct pf_flow_way *way = &flow->way[i];
        enum pf_feature first = i == 0 ? PF_FEATURE_FWD_SUBFLOW_PACKETS : PF_FEATURE_BWD_SUBFLOW_PACKETS;
        words[first] = way->packets;
        words[first + 1] = way->octets;
        if (!options->cic) {
            put_double(words, first, ratio((double)way->packets, count));
            put_double(words, first + 1, ratio((double)way->octets, count));
        }
    }
}

static int64_t window(const struct pf_flow_options *options, const struct pf_flow_way *way)
{
    return options->fork && way->window < 0 ? 0 : way->window;
}

static int64_t least_header(const struct pf_flow_options *options, const struct pf_flow_way *way, bool opened)
{
    return options->fork && !opened ? 0 : way->least_header;
}

static void put_headers(const struct pf_flow_options *options, const struct pf_flow *flow, uint64_t *words)
{
    const struct pf_flow_way *fwd = &flow->way[0], *bwd = &flow->way[1];
    put(words, PF_FEATURE_FWD_HEADERS, fwd->headers);
    put(words, PF_FEATURE_BWD_HEADERS, bwd->headers);
    put(words, PF_FEATURE_FWD_WINDOW, window(options, fwd));
    put(words, PF_FEATURE_BWD_WINDOW, window(options, bwd));
    put(words, PF_FEATURE_FWD_LEAST_HEADER, least_header(options, fwd, flow->first_forward));
    put(words, PF_FEATURE_BWD_LEAST_HEADER, least_header(options, bwd, !flow->first_forward));
    words[PF_FEATURE_FWD_DATA] = fwd->data - (options->cic && flow->first_payload != 0);
    words[PF_FEATURE_BWD_DATA] = bwd->data;
}

static void put_identity(const struct pf_flow *flow, uint64_t *words)
{
    const struct pf_flow_key *key = &flow->key;
    uint64_t packets = flow->way[0].packets + flow->way[1].packets;
    words[PF_FEATURE_SPORT] = key->port[flow->side];
    words[PF_FEATURE_DPORT] = key->port[!flow->side];
    words[PF_FEATURE_PROTOCOL] = key->protocol;
    put(words, PF_FEATURE_TIMESTAMP, flow->start_ns);
    words[PF_FEATURE_FWD_PACKETS] = flow->way[0].packets;
    words[PF_FEATURE_BWD_PACKETS] = flow->way[1].packets;
    words[PF_FEATURE_FLOW_ID] = flow->first_number;
    put(words, PF_FEATURE_START, flow->start_ns);
    put(words, PF_FEATURE_END, flow->last_ns);
    words[PF_FEATURE_PACKETS] = packets;
    words[PF_FEATURE_EXACT] = !flow->inexact;
}

static void put_extras(const struct pf_flow *flow, uint64_t *words)
{
    uint8_t protocol = flow->key.protocol;
    bool icmp = protocol == 1 || protocol == 58, timed = protocol == 6 || protocol == 17;
    put(words, PF_FEATURE_ICMP_CODE, icmp ? flow->icmp_code : -1);
    put(words, PF_FEATURE_ICMP_TYPE, icmp ? flow->icmp_type : -1);
    words[PF_FEATURE_FWD_RETRANS] = flow->way[0].again;
    words[PF_FEATURE_BWD_RETRANS] = flow->way[1].again;
    words[PF_FEATURE_ALL_RETRANS] = flow->way[0].again + flow->way[1].again;
    put(words, PF_FEATURE_CONNECTION, timed ? pf_flow_sum(flow->before, flow->last - flow->start) : 0);
}

void pf_flow_values(const struct pf_flow_options *options, const struct pf_flow *flow, uint64_t *words)
{
    uint64_t packets = flow->way[0].packets + flow->way[1].packets;
    put_identity(flow, words);
    put_rates(options, flow, words);
    put_way_lengths(options, flow, words);
    put_times(words, PF_FEATURE_FLOW_IAT_MEAN, &flow->gap, packets - 1, flow->gap_most, flow->gap_least);
    put_gaps(words, PF_FEATURE_FWD_IAT_TOTAL, &flow->way[0]);
    put_gaps(words, PF_FEATURE_BWD_IAT_TOTAL, &flow->way[1]);
    put_headers(options, flow, words);
    put_subflows(options, flow, words);
    put_activity(options, flow, words);
    if (options->cic) {
        put_cic_flags(flow, words);
        memset(&words[PF_FEATURE_FWD_BULK_OCTETS], 0, 6 * sizeof *words);
        return;
    }
    put_flags(flow, words);
    put_bulk(words, PF_FEATURE_FWD_BULK_OCTETS, &flow->way[0]);
    put_bulk(words, PF_FEATURE_BWD_BULK_OCTETS, &flow->way[1]);
    put_extras(flow, words);
}
