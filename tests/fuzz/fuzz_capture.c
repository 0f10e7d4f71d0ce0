/* Any octets as a capture, read twice: from memory in one piece by one thread, and in another way that depends on the
 * octets (a stream, small chunks, several threads). Both must give the same records, faults, rows and counts, or the
 * same refusal. */
#include "capture/input.h"
#include "frames.h"
#include "mutate.h"
#include "naive.h"
#include "pass/pass.h"
#include "stream.h"
#include "table/packets.h"
#include "tally/census.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size);

size_t LLVMFuzzerCustomMutator(uint8_t *octets, size_t size, size_t room, unsigned seed)
{
    return mutate_unless_plain(mutate_pcapng, octets, size, room, seed);
}

enum how { MEMORY, STREAM, STREAM_ONCE, HOWS };

struct reading {
    enum pf_status status;
    struct pf_error error;
    struct pf_input input;
    struct gather gather;
    struct pf_census census;
    struct pf_frame frame;
    struct pf_packets_sink rows;
    struct pf_pass pass;
};

enum { MOST_FIELDS = 512 };

static void run(struct reading *reading, unsigned threads, size_t chunk)
{
    static const char *const files[] = {"input"};
    const struct pf_field *fields[MOST_FIELDS];
    struct pf_input *inputs[] = {&reading->input};
    struct pf_sink *sinks[] = {&reading->gather.sink, &reading->census.sink, &reading->rows.sink};
    size_t count = 0;
    for (; pf_field_at(count) != NULL; count++) {
        must_hold(count < MOST_FIELDS);
        fields[count] = pf_field_at(count);
    }
    must_hold(pf_packets_sink_init(&reading->rows, fields, count, files, &reading->frame, &reading->error) == PF_OK);
    reading->pass.inputs = inputs;
    reading->pass.input_count = 1;
    reading->pass.sinks = sinks;
    reading->pass.sink_count = 3;
    reading->pass.threads = threads;
    reading->pass.chunk = chunk;
    reading->status = pf_pass_run(&reading->pass, &reading->error);
    must_hold(reading->status == PF_OK); /* a damaged capture is a fault, no error */
    must_hold(atomic_load(&reading->pass.packets) == reading->gather.gathered.size);
    must_hold(reading->frame.rows == reading->gather.gathered.size && reading->census.packets == reading->frame.rows);
}

static void read_all(struct reading *reading, const uint8_t *octets, size_t size, enum how how, unsigned threads,
                     size_t chunk, uint64_t seed)
{
    memset(reading, 0, sizeof *reading);
    gather_init(&reading->gather);
    pf_census_init(&reading->census);
    struct pf_source *source = NULL;
    struct stream *stream = NULL;
    if (how == MEMORY) {
        must_hold(pf_source_memory("input", octets, size, &source, &reading->error) == PF_OK);
    } else {
        must_hold(stream_new("input", octets, size, 1 + seed % 100, how == STREAM_ONCE, seed, &stream,
                             &reading->error) == PF_OK);
        source = &stream->base;
    }
    reading->status = pf_input_open(&reading->input, source, NULL, &reading->error);
    if (reading->status == PF_OK)
        run(reading, threads, chunk);
    else
        must_hold(reading->status == PF_NOT_CAPTURE && reading->error.text[0] != '\0');
}

static void clear(struct reading *reading)
{
    gather_clear(&reading->gather);
    pf_census_clear(&reading->census);
    pf_packets_sink_clear(&reading->rows);
    pf_frame_clear(&reading->frame);
    pf_pass_clear(&reading->pass);
    pf_input_close(&reading->input);
}

static void compare(const struct reading *one, const struct reading *other)
{
    must_hold(one->status == other->status);
    if (one->status != PF_OK) {
        must_hold(strcmp(one->error.text, other->error.text) == 0);
        return;
    }
    must_hold(seen_equal(&one->gather.gathered, &other->gather.gathered));
    must_hold(one->pass.fault_count == other->pass.fault_count);
    for (size_t i = 0; i < one->pass.fault_count; i++) {
        const struct pf_fault *a = &one->pass.faults[i], *b = &other->pass.faults[i];
        must_hold(a->kind == b->kind && a->frame_number == b->frame_number && a->offset == b->offset &&
                  a->lost == b->lost);
        must_hold(strcmp(a->text, b->text) == 0);
    }
    must_hold(one->census.timed == other->census.timed && one->census.first_time == other->census.first_time &&
              one->census.last_time == other->census.last_time);
    must_hold(pf_keycount_size(&one->census.faults) == pf_keycount_size(&other->census.faults));
    same_frames(&one->frame, &other->frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size)
{
    static struct reading plain, other;
    uint64_t state = hash_of(octets, size);
    enum how how = (enum how)draw_below(&state, HOWS);
    unsigned threads = 1 + (unsigned)draw_below(&state, 3);
    size_t chunk = 1 + size / 50 + draw_below(&state, (size_t)1 << draw_below(&state, 12));
    read_all(&plain, octets, size, MEMORY, 1, PF_CHUNK, 0);
    read_all(&other, octets, size, how, threads, chunk, draw(&state));
    compare(&plain, &other);
    clear(&plain);
    clear(&other);
    return 0;
}
