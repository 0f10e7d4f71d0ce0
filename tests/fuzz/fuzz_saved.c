/* Any octets as events that were saved elsewhere: of flows (in one part or two), of the detectors, of text. They are
 * refused in one line, or give tables that are sound; what was taken, saved again, gives the same tables; and no more
 * memory is asked for than some times the octets.
 *
 *   | what | records | octets ...            what: which loader and options; bit 7: the octets have a head of their own
 *   | what | records | records | size | octets of part 0 ... | octets of part 1 ... |               flows in two parts
 */
#include "base/alloc.h"
#include "check.h"
#include "detect/sink.h"
#include "detect/text.h"
#include "detect/text_save.h"
#include "flow/record.h"
#include "flow/sink.h"
#include "frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size);

enum { LOADER = 3, OPTIONS = 4, OWN_HEAD = 128, PARTS = 2, MOST_FRAMES = 5 };
enum loader { FLOWS, FLOWS_IN_PARTS, DETECT, TEXT };

_Static_assert((int)PF_DETECT_TABLES <= (int)MOST_FRAMES && (int)PF_TEXT_TABLES <= (int)MOST_FRAMES, "room for all");

/* Pieces of events, rooms for text, pools and tables begin large; a flow of 20 octets has a row of 1 KiB or more, and
 * what grows is asked for again. */
enum { FIXED = 16 << 20, FACTOR = 2048 };
static size_t asked_for;

static bool count(size_t size)
{
    asked_for = size < SIZE_MAX - asked_for ? asked_for + size : SIZE_MAX;
    return false;
}

struct question {
    enum loader loader;
    struct pf_flow_options options;
    struct pf_flow_octets parts[PARTS];
    size_t count;
    uint64_t offset; /* packets before */
};

struct answer {
    enum pf_status status;
    struct pf_error error;
    struct pf_frame frames[MOST_FRAMES];
};

/* --------------------------------------------------------------------------------- loaders, with `again`: to save it
 */

static enum pf_status load_flows(const struct question *question, struct pf_frame *frame, struct pf_saved *again,
                                 struct pf_error *error)
{
    struct pf_flow_sink sink;
    struct pf_flow_save save = {.parts = NULL};
    struct pf_saved_head before = {.parts = 0};
    enum pf_status status = pf_flow_sink_init(&sink, &question->options, frame, NULL, error);
    if (status == PF_OK && again != NULL)
        status = pf_flow_save_init(&save, &question->options, 1, error);
    sink.save = again != NULL ? &save : NULL;
    if (status == PF_OK)
        status = pf_flow_replay(&sink, question->parts, question->count, question->offset, &before, error);
    if (status == PF_OK)
        status = sink.sink.ops->finish(&sink.sink, error);
    if (status == PF_OK && again != NULL) {
        *again = save.parts[0].saved;
        save.parts[0].saved = (struct pf_saved){NULL, 0, 0};
    }
    pf_flow_save_clear(&save);
    pf_flow_sink_clear(&sink);
    return status;
}

static enum pf_status load_detect(const struct question *question, struct pf_frame *frames, struct pf_saved *again,
                                  struct pf_error *error)
{
    static const struct pf_detect_options options = {.window = 3000000000, .most_talks = 20};
    struct pf_detect_sink sink;
    struct pf_detect_save save = {.records = 0};
    struct pf_frame *given[PF_DETECT_TABLES];
    for (unsigned i = 0; i < PF_DETECT_TABLES; i++)
        given[i] = &frames[i];
    enum pf_status status = pf_detect_sink_init(&sink, &options, given, error);
    if (status == PF_OK && again != NULL)
        status = pf_detect_save_init(&save, error);
    sink.save = again != NULL ? &save : NULL;
    if (status == PF_OK)
        status = pf_detect_replay(&sink, question->parts[0].octets, question->parts[0].size, error);
    if (status == PF_OK)
        status = sink.sink.ops->finish(&sink.sink, error);
    if (again != NULL)
        *again = save.saved;
    pf_detect_sink_clear(&sink);
    return status;
}

static enum pf_status load_text(const struct question *question, struct pf_frame *frames, struct pf_saved *again,
                                struct pf_error *error)
{
    struct pf_text_sink sink;
    struct pf_text_save save = {.records = 0};
    enum pf_status status = pf_text_sink_init(&sink, frames, error);
    if (status == PF_OK && again != NULL)
        status = pf_text_save_init(&save, error);
    sink.save = again != NULL ? &save : NULL;
    if (status == PF_OK)
        status = pf_text_replay(&sink, question->parts[0].octets, question->parts[0].size, question->offset, error);
    if (status == PF_OK)
        status = sink.sink.ops->finish(&sink.sink, error);
    if (again != NULL)
        *again = save.saved;
    pf_text_sink_clear(&sink);
    return status;
}

static void load(const struct question *question, struct answer *answer, struct pf_saved *again)
{
    memset(answer, 0, sizeof *answer);
    answer->status = (question->loader == TEXT     ? load_text
                      : question->loader == DETECT ? load_detect
                                                   : load_flows)(question, answer->frames, again, &answer->error);
}

static void answer_clear(struct answer *answer)
{
    for (unsigned i = 0; i < MOST_FRAMES; i++)
        pf_frame_clear(&answer->frames[i]);
}

/* ------------------------------------------------------------------------------------------------------- questions */

static const struct pf_flow_options every_options[] = {
    {.ipv6 = true, .extra = (1u << PF_FLOW_GROUPS) - 1, .max_flows = 1000000},
    {.cic = true, .last_tcp_header = true, .max_flows = 3, .count_padding = true},
    {.ipv6 = true, .dedup = 1000, .sort = 1000000, .max_flows = 1000000, .print_octets = 128},
    {.fork = true, .ipv6 = true, .quantize = true, .extra = 1 << PF_FLOW_SAYS_DNS, .max_flows = 2},
};
enum { EVERY = sizeof every_options / sizeof every_options[0] };

static uint64_t take(const uint8_t **octets, size_t *size, unsigned width)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < width && *size != 0; i++, ++*octets, --*size)
        number |= (uint64_t) * *octets << 8 * i;
    return number;
}

/* Octets with a head before them, in memory of their own. */
static struct pf_flow_octets headed(const struct pf_saved_head *head, const uint8_t *octets, size_t size, bool own)
{
    struct pf_saved saved = {NULL, 0, 0};
    struct pf_error error;
    if (!own)
        must_hold(pf_saved_begin(&saved, head, &error) == PF_OK);
    uint8_t *whole = must(malloc(saved.size + size + 1));
    if (saved.size != 0)
        memcpy(whole, saved.octets, saved.size);
    if (size != 0)
        memcpy(whole + saved.size, octets, size);
    struct pf_flow_octets made = {whole, saved.size + size};
    pf_saved_clear(&saved);
    return made;
}

static void ask(struct question *question, const uint8_t *octets, size_t size)
{
    static const enum pf_saved_kind kinds[] = {PF_SAVED_FLOWS, PF_SAVED_FLOWS, PF_SAVED_DETECT, PF_SAVED_TEXT};
    unsigned what = (unsigned)take(&octets, &size, 1);
    uint64_t records[PARTS] = {take(&octets, &size, 2), 0};
    question->loader = (enum loader)(what & LOADER);
    question->options = every_options[what / OPTIONS % EVERY];
    question->options.protocols = 0x3f;
    question->options.min_packets = 1;
    question->options.flow_timeout = 120000000;
    question->options.activity_timeout = 5000000;
    question->offset = 7;
    bool apart = question->loader == FLOWS_IN_PARTS;
    question->count = apart ? PARTS : 1;
    records[1] = apart ? take(&octets, &size, 2) : 0;
    size_t first = apart ? (size_t)take(&octets, &size, 2) : size;
    first = first < size ? first : size;
    for (unsigned i = 0; i < question->count; i++) {
        struct pf_saved_head head = {.kind = kinds[question->loader],
                                     .part = i,
                                     .parts = (unsigned)question->count,
                                     .shape =
                                         apart || question->loader == FLOWS ? pf_flow_shape(&question->options) : 0,
                                     .records = records[i]};
        question->parts[i] =
            headed(&head, i == 0 ? octets : octets + first, i == 0 ? first : size - first, (what & OWN_HEAD) != 0);
    }
}

static void load_again(struct question *question, const struct answer *first)
{
    struct answer saving, again;
    struct pf_saved saved = {NULL, 0, 0};
    load(question, &saving, &saved);
    must_hold(saving.status == PF_OK);
    for (unsigned i = 0; i < question->count; i++)
        free((void *)(uintptr_t)question->parts[i].octets);
    question->parts[0] = headed(NULL, saved.octets, saved.size, true);
    question->count = 1;
    question->offset = 0; /* what was saved has numbers of the whole */
    load(question, &again, NULL);
    must_hold(again.status == PF_OK);
    for (unsigned i = 0; i < MOST_FRAMES; i++)
        same_frames(&first->frames[i], &again.frames[i]);
    answer_clear(&saving);
    answer_clear(&again);
    pf_saved_clear(&saved);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size)
{
    struct question question;
    struct answer answer;
    ask(&question, octets, size);
    asked_for = 0;
    pf_alloc_refuse = count;
    load(&question, &answer, NULL);
    pf_alloc_refuse = NULL;
    must_hold(asked_for <= FIXED + FACTOR * size);
    if (getenv("FUZZ_ASKED") != NULL)
        (void)printf("%d: %zu octets, %zu asked for\n", (int)answer.status, size, asked_for);
    must_hold(answer.status == PF_OK || answer.status == PF_INVALID);
    must_hold(answer.status == PF_OK || (answer.error.text[0] != '\0' && strchr(answer.error.text, '\n') == NULL));
    for (unsigned i = 0; i < MOST_FRAMES && answer.status == PF_OK; i++)
        sound_frame(&answer.frames[i]);
    if (answer.status == PF_OK)
        load_again(&question, &answer);
    for (unsigned i = 0; i < question.count; i++)
        free((void *)(uintptr_t)question.parts[i].octets);
    answer_clear(&answer);
    return 0;
}
