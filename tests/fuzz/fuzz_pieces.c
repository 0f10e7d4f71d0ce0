/* Any octets as a capture, read whole and in pieces: cut anywhere, each begun where it guesses, and begun again where
 * the piece before it ended. Those that fit must have the packets, times, faults and descriptions of the whole. */
#include "capture/input.h"
#include "hold.h"
#include "pass/pass.h"
#include "tally/census.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size);

enum { MOST_TOLD = 4096 };

struct reading {
    uint64_t end, packets, offset; /* the offset and number of the fault, where there is one */
    uint64_t fault_number, told[MOST_TOLD];
    size_t faults, told_count;
    enum pf_fault_kind kind;
    bool timed;
    int64_t first_time, time;
};

static bool open_memory(struct pf_input *input, const uint8_t *octets, size_t size)
{
    struct pf_error error = {.status = PF_OK};
    struct pf_source *source;
    return pf_source_memory("input", octets, size, &source, &error) == PF_OK &&
           pf_input_open(input, source, NULL, &error) == PF_OK;
}

/* False where what was told is wrong. */
static bool run(struct pf_input *input, unsigned threads, size_t chunk, struct reading *reading)
{
    struct pf_error error = {.status = PF_OK};
    struct pf_input *inputs[] = {input};
    struct pf_census census;
    pf_census_init(&census);
    struct pf_sink *sinks[] = {&census.sink};
    struct pf_pass pass = {
        .inputs = inputs, .input_count = 1, .sinks = sinks, .sink_count = 1, .threads = threads, .chunk = chunk};
    bool good = pf_pass_run(&pass, &error) == PF_OK;
    const struct pf_found *found = &pass.found;
    must_hold(!good || found->packets == census.packets);
    must_hold(pass.fault_count <= 1 && (!good || found->damaged == (pass.fault_count == 1)));
    good = good && found->told_count <= MOST_TOLD;
    if (good) {
        *reading = (struct reading){.end = found->end, .packets = found->packets, .faults = pass.fault_count};
        reading->timed = found->timed;
        reading->first_time = found->timed ? found->first_time : 0;
        reading->time = found->timed ? found->time : 0;
        reading->told_count = found->told_count;
        for (size_t i = 0; i < found->told_count; i++)
            reading->told[i] = found->told[i];
        if (pass.fault_count != 0) {
            reading->kind = pass.faults[0].kind;
            reading->offset = pass.faults[0].offset;
            reading->fault_number = pass.faults[0].frame_number;
        }
    }
    pf_census_clear(&census);
    pf_pass_clear(&pass);
    return good;
}

/* One piece behind what was put together so far. */
static bool run_piece(const uint8_t *octets, size_t size, uint64_t start, uint64_t end, const struct reading *before,
                      struct reading *piece)
{
    struct pf_error error = {.status = PF_OK};
    struct pf_input input;
    must_hold(open_memory(&input, octets, size));
    bool good = pf_input_cut(&input, start, end, before->told, before->told_count, &error) == PF_OK &&
                run(&input, 2, 64, piece);
    pf_input_close(&input);
    return good;
}

static void add(struct reading *sum, const struct reading *piece)
{
    must_hold(sum->told_count + piece->told_count <= MOST_TOLD);
    for (size_t i = 0; i < piece->told_count; i++)
        sum->told[sum->told_count++] = piece->told[i];
    if (piece->timed && !sum->timed)
        sum->first_time = piece->first_time;
    if (piece->timed)
        sum->time = piece->time;
    sum->timed |= piece->timed;
    if (piece->faults != 0) {
        sum->kind = piece->kind;
        sum->offset = piece->offset;
        sum->fault_number = sum->packets + piece->fault_number;
    }
    sum->faults += piece->faults;
    sum->packets += piece->packets;
    sum->end = piece->end;
}

static void compare(const struct reading *whole, const struct reading *sum)
{
    must_hold(whole->packets == sum->packets && whole->end == sum->end && whole->faults == sum->faults);
    must_hold(whole->timed == sum->timed && whole->first_time == sum->first_time && whole->time == sum->time);
    must_hold(whole->kind == sum->kind && whole->offset == sum->offset && whole->fault_number == sum->fault_number);
    must_hold(whole->told_count == sum->told_count);
    for (size_t i = 0; i < whole->told_count; i++)
        must_hold(whole->told[i] == sum->told[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size)
{
    enum { LARGEST = 1 << 16, LEAST_PIECE = 20 };
    static struct reading whole, sum, piece, wrong;
    struct pf_error error = {.status = PF_OK};
    struct pf_input input;
    if (size == 0 || size > LARGEST || !open_memory(&input, octets, size))
        return 0;
    if (!run(&input, 1, 0, &whole)) {
        pf_input_close(&input);
        return 0;
    }
    uint64_t length = LEAST_PIECE + octets[size - 1] * (uint64_t)size / 256;
    sum = (struct reading){.end = input.walk.offset};
    for (uint64_t at = 0, start; at < size && sum.faults == 0; at += length) {
        uint64_t end = size - at < length ? size : at + length;
        must_hold(pf_input_guess(&input, at, &start, &error) == PF_OK);
        must_hold(start == PF_SIZE_UNKNOWN || (start >= at && start < size));
        if (start != PF_SIZE_UNKNOWN && start >= input.walk.offset)
            (void)run_piece(octets, size, start, end, &sum, &wrong); /* whatever it finds there */
        if (sum.end >= end)
            continue;
        must_hold(run_piece(octets, size, sum.end, end, &sum, &piece));
        add(&sum, &piece);
    }
    compare(&whole, &sum);
    pf_input_close(&input);
    return 0;
}
