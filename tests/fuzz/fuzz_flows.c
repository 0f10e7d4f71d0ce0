/* Any octets as a capture whose packets become flows, under options that depend on the octets: by one thread in one
 * piece, and by several in small chunks. Both must give the same rows, and every packet taken is in one of them. */
#include "capture/input.h"
#include "flow/sink.h"
#include "frames.h"
#include "naive.h"
#include "pass/pass.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size);

struct answer {
    enum pf_status status;
    struct pf_error error;
    struct pf_frame frame;
    uint64_t taken, copies, evicted;
};

static void run(const uint8_t *octets, size_t size, const struct pf_flow_options *options, unsigned threads,
                size_t chunk, struct answer *answer)
{
    struct pf_source *source;
    struct pf_input input;
    struct pf_input *inputs[] = {&input};
    struct pf_flow_sink sink;
    struct pf_sink *sinks[] = {&sink.sink};
    struct pf_pass pass = {
        .inputs = inputs, .input_count = 1, .sinks = sinks, .sink_count = 1, .threads = threads, .chunk = chunk};
    memset(answer, 0, sizeof *answer);
    must_hold(pf_source_memory("input", octets, size, &source, &answer->error) == PF_OK);
    answer->status = pf_input_open(&input, source, NULL, &answer->error);
    if (answer->status == PF_OK) {
        must_hold(pf_flow_sink_init(&sink, options, &answer->frame, NULL, &answer->error) == PF_OK);
        answer->status = pf_pass_run(&pass, &answer->error);
        answer->taken = sink.verdicts[PF_FLOW_TAKEN];
        answer->copies = sink.copies;
        answer->evicted = sink.stage.evicted;
        pf_flow_sink_clear(&sink);
        pf_pass_clear(&pass);
    }
    pf_input_close(&input);
}

/* The numbers of one column. */
static uint64_t total(const struct pf_frame *frame, const char *name)
{
    struct pf_error error;
    uint64_t sum = 0;
    for (size_t i = 0; i < frame->columns; i++) {
        struct pf_column *column;
        if (strcmp(frame->kinds[i].name, name) != 0)
            continue;
        must_hold(pf_frame_column(frame, i, &column, &error) == PF_OK);
        for (size_t row = 0; row < column->rows; row++) {
            uint64_t word;
            memcpy(&word, column->values + row * sizeof word, sizeof word);
            sum += word;
        }
        pf_column_drop(column);
    }
    return sum;
}

static void draw_options(uint64_t *state, struct pf_flow_options *options)
{
    bool cic = draw_below(state, 3) == 0;
    *options = (struct pf_flow_options){
        .cic = cic,
        .fork = !cic && draw_below(state, 3) == 0,
        .count_padding = draw_below(state, 2) != 0,
        .last_tcp_header = cic && draw_below(state, 2) != 0,
        .ghost_flows = draw_below(state, 2) != 0,
        .ipv6 = !cic,
        .flush_last_active = draw_below(state, 2) != 0,
        .quantize = draw_below(state, 4) == 0,
        .protocols = 0x3f,
        .flow_timeout = draw_below(state, 2) != 0 ? 120000000 : (int64_t)draw_below(state, 3000000),
        .activity_timeout = (int64_t)draw_below(state, 5000001),
        .dedup = draw_below(state, 4) == 0 ? 1000 : 0,
        .sort = draw_below(state, 4) == 0 ? 1000000 : 0,
        .min_packets = 1,
        .max_flows = draw_below(state, 2) != 0 ? 1000000 : 1 + (uint32_t)draw_below(state, 4),
        .print_octets = draw_below(state, 3) == 0 ? 128 : 0,
        .extra = draw_below(state, 2) != 0 ? (1u << PF_FLOW_GROUPS) - 1 : 0,
    };
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size)
{
    static struct answer plain, other;
    struct pf_flow_options options;
    uint64_t state = hash_of(octets, size);
    draw_options(&state, &options);
    run(octets, size, &options, 1, PF_CHUNK, &plain);
    run(octets, size, &options, 1 + (unsigned)draw_below(&state, 3), 1 + draw_below(&state, 2000), &other);
    must_hold(plain.status == other.status);
    if (plain.status == PF_OK) {
        same_frames(&plain.frame, &other.frame);
        must_hold(plain.evicted == other.evicted && plain.copies == other.copies);
        if (options.sort == 0 && options.dedup == 0 && !options.last_tcp_header)
            must_hold(total(&plain.frame, "flow_packets") == plain.taken);
    } else {
        must_hold(strcmp(plain.error.text, other.error.text) == 0);
    }
    pf_frame_clear(&plain.frame);
    pf_frame_clear(&other.frame);
    return 0;
}
