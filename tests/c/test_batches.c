#include "build.h"
#include "capture/input.h"
#include "pass/pass.h"
#include "refuse.h"
#include "stream.h"
#include "table/batches.h"

/* Batches of a pass beside their consumer: the same however it runs, and gone when it is left. */

static const struct form plain = {0xa1b2c3d4, false};
static const char *const names[] = {"frame_number", "ip_src", "protocol", "frame_raw"};
static const char *const files[] = {"here"};
enum { FIELDS = 4, PACKETS = 700 };

static void put_packet(struct built *built, unsigned number)
{
    struct built packet = {NULL, 0, 0};
    put_be(&packet, 0x45000000, 4);
    put_be(&packet, 0, 4);
    put_be(&packet, 0x40110000, 4);
    put_be(&packet, 0x0a000000 + number * 7 % 90, 4);
    put_be(&packet, 0x0a000001, 4);
    put_be(&packet, 4000u << 16 | 5000, 4);
    put_be(&packet, 8u << 16, 4);
    put_filler(&packet, number % 50);
    put_record_header(built, &plain, 1000 + number, 0, (uint32_t)packet.size, (uint32_t)packet.size);
    put(built, packet.octets, packet.size);
    built_clear(&packet);
}

struct trial {
    struct pf_input input, *inputs[1];
    const struct pf_field *fields[FIELDS];
    struct pf_pass pass;
    struct pf_batches batches;
};

static enum pf_status trial_open(struct trial *trial, const struct built *built, unsigned threads, size_t chunk,
                                 size_t rows, size_t fails_at, struct pf_error *error)
{
    struct pf_source *source;
    memset(trial, 0, sizeof *trial);
    if (fails_at != SIZE_MAX) {
        struct stream *stream = NULL;
        PF_TRY(stream_new("here", built->octets, built->size, 100, false, 1, &stream, error));
        stream->fails_at = fails_at;
        source = &stream->base;
    } else {
        PF_TRY(pf_source_memory("here", built->octets, built->size, &source, error));
    }
    PF_TRY(pf_input_open(&trial->input, source, NULL, error));
    trial->inputs[0] = &trial->input;
    for (size_t i = 0; i < FIELDS; i++)
        trial->fields[i] = pf_field_find(names[i]);
    trial->pass = (struct pf_pass){.inputs = trial->inputs, .input_count = 1, .threads = threads, .chunk = chunk};
    enum pf_status status = pf_batches_init(&trial->batches, trial->fields, FIELDS, files, rows, error);
    if (status == PF_OK)
        pf_batches_set(&trial->batches, &trial->pass, NULL, NULL, NULL);
    else
        pf_input_close(&trial->input);
    return status;
}

static void trial_close(struct trial *trial)
{
    CHECK(pf_batches_stop(&trial->batches, 10000));
    CHECK(pf_batches_stop(&trial->batches, 0)); /* said again */
    pf_batches_clear(&trial->batches);
    pf_pass_clear(&trial->pass);
    pf_input_close(&trial->input);
}

static enum pf_batch next(struct trial *trial, struct pf_part **part, struct pf_error *error)
{
    enum pf_batch found;
    do
        found = pf_batches_next(&trial->batches, 20, part, error);
    while (found == PF_BATCH_LATER);
    return found;
}

/* Row `row` of a batch is packet `number`, and its dictionaries are numbered in order of first appearance. */
static bool is_packet(const struct pf_part *part, size_t row, uint64_t number)
{
    uint64_t found;
    size_t size;
    memcpy(&found, part->columns[0]->values + 8 * row, 8);
    const uint8_t *raw = pf_column_octets(part->columns[3], row, &size);
    return found == number && size == 28 + (number - 1) % 50 && (size == 28 || raw[28] == 1);
}

static bool dictionary_is_fresh(const struct pf_part *part)
{
    const int32_t *codes = (const int32_t *)(const void *)part->columns[1]->values;
    int32_t seen = 0;
    for (size_t row = 0; row < part->rows; row++) {
        if (codes[row] > seen)
            return false;
        seen += codes[row] == seen;
    }
    return (size_t)seen == part->columns[1]->dictionary.count;
}

/* Takes all batches: how many rows they have. */
static uint64_t take_all(struct trial *trial, size_t rows, enum pf_batch end, struct pf_error *error)
{
    struct pf_part *part;
    uint64_t seen = 0;
    bool right = true, last = false;
    enum pf_batch found;
    while ((found = next(trial, &part, error)) == PF_BATCH_READY) {
        right &= !last && part->first == 0 && part->rows != 0 && part->rows <= rows && dictionary_is_fresh(part);
        last = part->rows < rows;
        for (size_t row = 0; row < part->rows; row++)
            right &= is_packet(part, row, ++seen);
        pf_part_free(part, FIELDS);
    }
    CHECK_EQ(found, end);
    CHECK(right);
    CHECK_EQ(next(trial, &part, error), end); /* the end stays the end */
    return seen;
}

static void test_equal(const struct built *built)
{
    static const size_t rows[] = {1, 7, 100, PACKETS - 1, PACKETS, PACKETS + 1, 1000000};
    struct pf_error error;
    for (unsigned threads = 1; threads <= 3; threads++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            struct trial trial;
            CHECK_OK(trial_open(&trial, built, threads, i % 2 != 0 ? 300 : 5000, rows[i], SIZE_MAX, &error));
            CHECK_EQ(take_all(&trial, rows[i], PF_BATCH_END, &error), PACKETS);
            CHECK_EQ(atomic_load(&trial.pass.packets), PACKETS);
            trial_close(&trial);
        }
    }
}

/* Left before it began, after some batches, and while one waits. */
static void test_left(const struct built *built)
{
    struct pf_error error;
    for (unsigned taken = 0; taken < 30; taken++) {
        struct trial trial;
        struct pf_part *part;
        CHECK_OK(trial_open(&trial, built, 1 + taken % 3, 200, 10, SIZE_MAX, &error));
        for (unsigned i = 0; i < taken; i++) {
            CHECK_EQ(next(&trial, &part, &error), PF_BATCH_READY);
            pf_part_free(part, FIELDS);
        }
        trial_close(&trial);
    }
}

static void test_damage(const struct built *whole)
{
    struct built built = {NULL, 0, 0};
    struct pf_error error;
    put(&built, whole->octets, whole->size - 5);
    for (unsigned threads = 1; threads <= 3; threads++) {
        struct trial trial;
        CHECK_OK(trial_open(&trial, &built, threads, 300, 64, SIZE_MAX, &error));
        CHECK_EQ(take_all(&trial, 64, PF_BATCH_END, &error), PACKETS - 1);
        CHECK_EQ(trial.pass.fault_count, 1);
        trial_close(&trial);
        CHECK_OK(trial_open(&trial, &built, threads, 300, 64, SIZE_MAX, &error));
        trial.pass.strict = true;
        CHECK_EQ(take_all(&trial, 64, PF_BATCH_FAILED, &error), PACKETS - 1);
        CHECK_EQ(error.status, PF_FAULT);
        trial_close(&trial);
        CHECK_OK(trial_open(&trial, &built, threads, 300, 64, 20000, &error));
        (void)take_all(&trial, 64, PF_BATCH_FAILED, &error);
        CHECK_EQ(error.status, PF_OS_ERROR);
        trial_close(&trial);
    }
    built_clear(&built);
}

static enum pf_status take_some(void *context, struct pf_error *error)
{
    struct trial trial;
    struct pf_part *part;
    PF_TRY(trial_open(&trial, context, 1, 5000, 300, SIZE_MAX, error));
    enum pf_batch found;
    while ((found = next(&trial, &part, error)) == PF_BATCH_READY)
        pf_part_free(part, FIELDS);
    trial_close(&trial);
    return found == PF_BATCH_FAILED ? error->status : PF_OK;
}

int main(void)
{
    struct built built = {NULL, 0, 0};
    put_header(&built, &plain, 4, 101);
    for (unsigned i = 0; i < PACKETS; i++)
        put_packet(&built, i);
    test_equal(&built);
    test_left(&built);
    test_damage(&built);
    CHECK(refuse_each(take_some, &built) > 30);
    built_clear(&built);
    return checks_done();
}
