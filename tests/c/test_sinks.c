#include "build.h"
#include "capture/input.h"
#include "pass/pass.h"
#include "refuse.h"
#include "table/packets.h"
#include "tally/census.h"
#include "tally/ioc.h"
#include "tally/suspects.h"

/* Every sink and predicate in one pass after the other, as the analysis of indicators runs them. */

enum { CLIENTS = 50 };

/* One IPv4 packet from 10.0.0.x: every third a DNS reply without answers, the others TCP. */
static void put_packet(struct built *built, const struct form *form, unsigned number)
{
    unsigned client = number * 7 % CLIENTS;
    bool dns = number % 3 == 0;
    struct built packet = {NULL, 0, 0};
    put_be(&packet, 0x45000000, 4);
    put_be(&packet, 0, 4);
    put_be(&packet, dns ? 0x40110000 : 0x40060000, 4);
    put_be(&packet, 0x0a000000 + client, 4);
    put_be(&packet, 0x0a000000 + CLIENTS + client % 5, 4);
    if (dns) {
        put_be(&packet, 53u << 16 | 4000, 4);
        put_be(&packet, 20u << 16, 4);
        put_be(&packet, 0x00018180, 4);
        put_be(&packet, 0x00010000, 4);
        put_be(&packet, 0, 4);
    } else {
        put_be(&packet, 80u << 16 | 4000, 4);
        put_be(&packet, number, 4);
        put_be(&packet, 0, 4);
        put_be(&packet, 0x50100000, 4);
        put_be(&packet, 0, 4);
    }
    put_record_header(built, form, 1000 + number, 0, (uint32_t)packet.size, (uint32_t)packet.size);
    put(built, packet.octets, packet.size);
    built_clear(&packet);
}

struct analysis {
    struct pf_counts dns, ip, seq;
    struct pf_census census;
    struct pf_frame frame; /* the packets of client 7 and of those who got replies */
    struct pf_suspects suspects;
};

static void analysis_init(struct analysis *analysis, const struct pf_indicator_rules *rules)
{
    memset(analysis, 0, sizeof *analysis);
    pf_counts_init(&analysis->dns, PF_KEY_ADDRESS);
    pf_counts_init(&analysis->ip, PF_KEY_ADDRESS);
    pf_counts_init(&analysis->seq, PF_KEY_NUMBER);
    pf_census_init(&analysis->census);
    pf_suspects_init(&analysis->suspects, rules);
}

static void analysis_clear(struct analysis *analysis)
{
    pf_counts_clear(&analysis->dns);
    pf_counts_clear(&analysis->ip);
    pf_counts_clear(&analysis->seq);
    pf_census_clear(&analysis->census);
    pf_suspects_clear(&analysis->suspects);
    pf_frame_clear(&analysis->frame);
}

static enum pf_status count(struct analysis *analysis, struct pf_input *input, unsigned threads,
                            const struct pf_indicator_rules *rules, struct pf_error *error)
{
    struct pf_ioc_sink ioc;
    struct pf_sink *sinks[] = {&ioc.sink, &analysis->census.sink};
    struct pf_pass pass = {
        .inputs = &input, .input_count = 1, .sinks = sinks, .sink_count = 2, .threads = threads, .chunk = 500};
    pf_ioc_sink_init(&ioc, rules, &analysis->dns, &analysis->ip, &analysis->seq);
    enum pf_status status = pf_pass_run(&pass, error);
    pf_ioc_sink_clear(&ioc);
    pf_pass_clear(&pass);
    return status;
}

static enum pf_status choose(struct analysis *analysis, struct pf_input *input, unsigned threads,
                             struct pf_error *error)
{
    static const char *const names[] = {"frame_number", "ip_src", "protocol", "tcp_seq_raw"};
    const struct pf_field *fields[4];
    struct pf_packets_sink rows;
    struct pf_sink *sinks[] = {&rows.sink};
    struct pf_predicate *predicates[] = {&analysis->suspects.predicate};
    struct pf_pass pass = {.inputs = &input,
                           .input_count = 1,
                           .sinks = sinks,
                           .sink_count = 1,
                           .predicates = predicates,
                           .predicate_count = 1,
                           .threads = threads,
                           .chunk = 700};
    for (size_t i = 0; i < 4; i++)
        fields[i] = pf_field_find(names[i]);
    enum pf_status status = pf_packets_sink_init(&rows, fields, 4, NULL, &analysis->frame, error);
    if (status == PF_OK)
        status = pf_pass_run(&pass, error);
    pf_packets_sink_clear(&rows);
    pf_pass_clear(&pass);
    return status;
}

static const struct pf_indicator_rules rules = {.dns = PF_DNS_EMPTY, .seq = PF_SEQ_ALL};

static enum pf_status analyse(struct analysis *analysis, struct pf_input *input, unsigned threads,
                              struct pf_error *error)
{
    analysis_init(analysis, &rules);
    PF_TRY(count(analysis, input, threads, &rules, error));
    PF_TRY(pf_counts_add(&analysis->suspects.keys[PF_IOC_IP], &(struct pf_address){{0x0a000007, 0}, 4}, 1, error));
    PF_TRY(pf_counts_add(&analysis->suspects.keys[PF_IOC_SEQ], &(struct pf_address){{5, 0}, 4}, 1, error));
    PF_TRY(pf_counts_add(&analysis->suspects.keys[PF_IOC_DNS], &(struct pf_address){{0x0a000000 + CLIENTS, 0}, 4}, 1,
                         error));
    return choose(analysis, input, threads, error);
}

static enum pf_status open_and_analyse(void *context, struct pf_error *error)
{
    const struct built *built = context;
    struct pf_source *source;
    struct pf_input input;
    struct analysis analysis;
    PF_TRY(pf_source_memory("x", built->octets, built->size, &source, error));
    PF_TRY(pf_input_open(&input, source, NULL, error));
    enum pf_status status = analyse(&analysis, &input, 2, error);
    analysis_clear(&analysis);
    pf_input_close(&input);
    return status;
}

static void test_counts_and_rows(const struct built *built, unsigned packets)
{
    uint64_t ip[CLIENTS] = {0}, dns[5] = {0}, chosen[2000], number;
    size_t rows = 0;
    for (unsigned i = 0; i < packets; i++) {
        unsigned client = i * 7 % CLIENTS;
        bool is_dns = i % 3 == 0;
        ip[client]++;
        if (is_dns)
            dns[client % 5]++;
        if (client == 7 || (!is_dns && i == 5) || (is_dns && client % 5 == 0))
            chosen[rows++] = i + 1;
    }
    for (unsigned threads = 1; threads <= 4; threads++) {
        struct pf_source *source;
        struct pf_input input;
        struct pf_error error;
        struct analysis analysis;
        CHECK_OK(pf_source_memory("x", built->octets, built->size, &source, &error));
        CHECK_OK(pf_input_open(&input, source, NULL, &error));
        CHECK_OK(analyse(&analysis, &input, threads, &error));
        for (uint64_t i = 0; i < CLIENTS; i++)
            CHECK_EQ(pf_counts_get(&analysis.ip, &(struct pf_address){{0x0a000000 + i, 0}, 4}), ip[i]);
        for (uint64_t i = 0; i < 5; i++)
            CHECK_EQ(pf_counts_get(&analysis.dns, &(struct pf_address){{0x0a000000 + CLIENTS + i, 0}, 4}), dns[i]);
        CHECK_EQ(pf_counts_size(&analysis.ip), CLIENTS);
        CHECK_EQ(pf_counts_size(&analysis.dns), 5);
        CHECK_EQ(pf_counts_size(&analysis.seq), packets - (packets + 2) / 3);
        CHECK_EQ(analysis.census.packets, packets);
        CHECK_EQ(analysis.census.first_time, 1000000000000);
        CHECK_EQ(analysis.census.last_time, (uint64_t)(1000 + packets - 1) * 1000000000);
        CHECK_EQ(pf_keycount_size(&analysis.census.faults), 0);
        struct pf_column *numbers;
        CHECK_OK(pf_frame_column(&analysis.frame, 0, &numbers, &error));
        CHECK_EQ(numbers->rows, rows);
        for (size_t i = 0; i < rows && i < numbers->rows; i++) {
            memcpy(&number, numbers->values + i * sizeof number, sizeof number);
            CHECK_EQ(number, chosen[i]);
        }
        pf_column_drop(numbers);
        analysis_clear(&analysis);
        pf_input_close(&input);
    }
}

int main(void)
{
    static const struct form form = {0xa1b23c4d, true};
    enum { PACKETS = 1000 };
    struct built built = {NULL, 0, 0}, few;
    put_header(&built, &form, 4, 101);
    for (unsigned i = 0; i < PACKETS; i++) {
        put_packet(&built, &form, i);
        if (i == 40)
            few.size = built.size;
    }
    test_counts_and_rows(&built, PACKETS);
    few.octets = built.octets;
    CHECK(refuse_each(open_and_analyse, &few) > 50);
    built_clear(&built);
    return checks_done();
}
