/* Any octets as a capture that is written to a new one, as pcap or pcapng: what is read of that is what was read of the
 * first, and what is written of that is the same file. */
#include "capture/input.h"
#include "mutate.h"
#include "naive.h"
#include "pass/pass.h"
#include "table/copy.h"

#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size);

size_t LLVMFuzzerCustomMutator(uint8_t *octets, size_t size, size_t room, unsigned seed)
{
    return mutate_unless_plain(mutate_pcapng, octets, size, room, seed);
}

#define must_hold(holds) must_hold_at((holds), __LINE__)
static void must_hold_at(bool holds, int line)
{
    if (!holds) {
        (void)fprintf(stderr, "line %d\n", line);
        abort();
    }
}

static const char *out_path(void)
{
    static char path[64];
    if (path[0] == '\0')
        (void)snprintf(path, sizeof path, "/tmp/pf_fuzz_writer.%ld", (long)getpid());
    return path;
}

/* One pass over octets: gathers all packets, and writes them when there is a format to write. False: no capture. */
static bool pass_over(const uint8_t *octets, size_t size, const enum pf_copy_format *format, unsigned threads,
                      size_t chunk, struct gather *gather, enum pf_status *status)
{
    struct pf_error error = {.status = PF_OK};
    struct pf_source *source;
    struct pf_input input;
    struct pf_input *inputs[] = {&input};
    struct pf_draft draft;
    struct pf_copy_sink copy;
    struct pf_sink *sinks[] = {&gather->sink, &copy.sink};
    must_hold(pf_source_memory("input", octets, size, &source, &error) == PF_OK);
    bool opened = pf_input_open(&input, source, NULL, &error) == PF_OK;
    if (opened) {
        struct pf_pass pass = {.inputs = inputs,
                               .input_count = 1,
                               .sinks = sinks,
                               .sink_count = format != NULL ? 2 : 1,
                               .threads = threads,
                               .chunk = chunk};
        if (format != NULL) {
            must_hold(pf_draft_begin(&draft, out_path()) == 0);
            must_hold(pf_copy_sink_init(&copy, *format, &draft, inputs, 1, &error) == PF_OK);
        }
        *status = pf_pass_run(&pass, &error);
        if (format != NULL) {
            if (*status == PF_OK)
                must_hold(pf_draft_publish(&draft) == 0);
            else
                pf_draft_abandon(&draft);
        }
        pf_pass_clear(&pass);
    }
    pf_input_close(&input);
    return opened;
}

static uint8_t *written(size_t *size)
{
    FILE *file = must(fopen(out_path(), "rb"));
    must_hold(fseek(file, 0, SEEK_END) == 0);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *octets = must(malloc(*size + 1));
    must_hold(fread(octets, 1, *size, file) == *size);
    (void)fclose(file);
    must_hold(unlink(out_path()) == 0);
    return octets;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size)
{
    static struct gather first, second;
    uint64_t state = hash_of(octets, size);
    enum pf_copy_format format = draw_below(&state, 2) == 0 ? PF_COPY_PCAP : PF_COPY_PCAPNG;
    enum pf_status status;
    gather_init(&first);
    if (pass_over(octets, size, &format, 1 + (unsigned)draw_below(&state, 3), 1 + size / 50, &first, &status)) {
        /* PF_INVALID: the format cannot hold it, and then there is no file. */
        must_hold(status == PF_OK || (status == PF_INVALID && access(out_path(), F_OK) != 0));
        if (status == PF_OK) {
            size_t once, twice;
            uint8_t *copy = written(&once);
            gather_init(&second);
            must_hold(pass_over(copy, once, &format, 1, 0, &second, &status) && status == PF_OK);
            must_hold(seen_equal(&first.gathered, &second.gathered));
            uint8_t *again = written(&twice);
            must_hold(once == twice && memcmp(copy, again, once) == 0);
            free(copy);
            free(again);
            gather_clear(&second);
        }
    }
    gather_clear(&first);
    return 0;
}
