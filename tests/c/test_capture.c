#define _DEFAULT_SOURCE
#include "base/os_file.h"
#include "base/os_thread.h"
#include "build.h"
#include "capture/input.h"
#include "naive.h"
#include "pass/pass.h"
#include "refuse.h"
#include "table/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const struct form plain = {0xa1b2c3d4, false};

static enum pf_status open_octets(struct pf_input *input, const struct built *built, struct pf_error *error)
{
    struct pf_source *source;
    PF_TRY(pf_source_memory("x", built->octets, built->size, &source, error));
    return pf_input_open(input, source, NULL, error);
}

/* One pass over one input into a gather sink. */
static enum pf_status gather_all(struct pf_input *input, struct gather *gather, struct pf_pass *pass,
                                 const struct pf_host *host, struct pf_error *error)
{
    struct pf_input *inputs[] = {input};
    struct pf_sink *sinks[] = {&gather->sink};
    gather_init(gather);
    *pass = (struct pf_pass){
        .inputs = inputs, .input_count = 1, .sinks = sinks, .sink_count = 1, .threads = 2, .host = host};
    return pf_pass_run(pass, error);
}

/* --- what is recognised
 * --------------------------------------------------------------------------------------------------- */

static void check_refused(const void *octets, size_t size, const char *part)
{
    struct built built = {NULL, 0, 0};
    struct pf_input input;
    struct pf_error error;
    put(&built, octets, size);
    CHECK_STATUS(open_octets(&input, &built, &error), PF_NOT_CAPTURE);
    if (!CHECK(strncmp(error.text, "x: ", 3) == 0 && strstr(error.text, part) != NULL &&
               strchr(error.text, '\n') == NULL))
        (void)fprintf(stderr, "  \"%s\" lacks \"%s\"\n", error.text, part);
    CHECK(input.source == NULL);
    built_clear(&built);
}

static void test_strangers(void)
{
    check_refused("", 0, "is empty");
    check_refused("\xd4\xc3\xb2", 3, "only 3 octets");
    check_refused("\1\2\3\4\5", 5, "begins with the octets 01 02 03 04");
    check_refused("\x1f\x8b\x08\0\0\0\0\0", 8, "gzip");
    check_refused("BZh91AY", 7, "bzip2");
    check_refused("\xfd"
                  "7zXZ\0",
                  6, "xz");
    check_refused("\x28\xb5\x2f\xfd", 4, "zstd");
    check_refused("\x04\x22\x4d\x18", 4, "lz4");
    check_refused("PK\3\4", 4, "zip");
    check_refused("snoop\0\0\0", 8, "snoop");
    check_refused("snoo", 4, "begins with the octets 73 6e 6f 6f"); /* too short to tell */
}

static void test_headers(void)
{
    for (size_t i = 0; i < FORMS; i++) {
        const struct form *form = &every_form[i];
        struct built built = {NULL, 0, 0};
        struct pf_input input;
        struct pf_error error;
        put_header(&built, form, 4, 1);
        for (size_t size = 4; size < 24; size++) {
            char part[60];
            (void)snprintf(part, sizeof part, "%zu of 24 octets", size);
            check_refused(built.octets, size, part);
        }
        CHECK_OK(open_octets(&input, &built, &error));
        CHECK_EQ(input.walk.offset, 24);
        CHECK(!input.timed);
        pf_input_close(&input);
        built.octets[form->big_endian ? 5 : 4] = 1;
        check_refused(built.octets, 24, "pcap version 1.4");
        built_clear(&built);
    }
}

static void test_link_types(void)
{
    for (unsigned bit = 0; bit < 32; bit++) {
        struct built built = {NULL, 0, 0};
        struct pf_input input;
        struct pf_error error;
        put_header(&built, &every_form[bit % FORMS], 4, (uint32_t)1 << bit);
        if (bit >= 16 && bit <= 25) {
            check_refused(built.octets, built.size, "bits 16 to 25 are reserved");
        } else {
            put_record_header(&built, &every_form[bit % FORMS], 7, 8, 0, 60);
            struct gather gather;
            struct pf_pass pass;
            CHECK_OK(open_octets(&input, &built, &error));
            CHECK(input.timed && input.first_time >= 7000000008);
            CHECK_OK(gather_all(&input, &gather, &pass, NULL, &error));
            CHECK_EQ(gather.gathered.size, 1);
            CHECK_EQ(gather.gathered.list[0].link_type, bit < 16 ? 1u << bit : 0);
            gather_clear(&gather);
            pf_pass_clear(&pass);
            pf_input_close(&input);
        }
        built_clear(&built);
    }
}

/* --- records
 * --------------------------------------------------------------------------------------------------------------- */

/* What a file of one record header and `there` octets gives: a record, or a fault of this kind. */
static void check_record(const struct form *form, unsigned minor, uint32_t link, const uint32_t words[4], size_t there,
                         const struct seen *want, enum pf_fault_kind kind)
{
    struct built built = {NULL, 0, 0};
    struct gather gather;
    struct pf_pass pass;
    struct pf_input input;
    struct pf_error error;
    put_header(&built, form, minor, link);
    put_record_header(&built, form, words[0], words[1], words[2], words[3]);
    put_filler(&built, there);
    CHECK_OK(open_octets(&input, &built, &error));
    CHECK_OK(gather_all(&input, &gather, &pass, NULL, &error));
    CHECK_EQ(gather.gathered.size, want != NULL);
    CHECK_EQ(pass.fault_count, kind != PF_NO_FAULT);
    if (want != NULL && gather.gathered.size == 1) {
        const struct seen *seen = &gather.gathered.list[0];
        CHECK_EQ(seen->time, want->time);
        CHECK_EQ(seen->cap_len, want->cap_len);
        CHECK_EQ(seen->len, want->len);
        CHECK_EQ(seen->hash, hash_of(built.octets + built.size - there, want->cap_len));
    }
    if (pass.fault_count == 1) {
        CHECK_EQ(pass.faults[0].kind, kind);
        CHECK_EQ(pass.faults[0].lost, built.size - 24);
    }
    gather_clear(&gather);
    pf_pass_clear(&pass);
    pf_input_close(&input);
    built_clear(&built);
}

static void test_times(void)
{
    static const struct {
        uint32_t seconds, fraction;
        int64_t micro, nano;
    } times[] = {
        {0, 0, 0, 0},
        {1, 2, 1000002000, 1000000002},
        {1500000000, 999999, 1500000000999999000, 1500000000000999999},
        {1, 3000001, 4000001000, 1003000001}, /* more than a second is kept */
        {UINT32_MAX, UINT32_MAX, 4294971589967295000, 4294967299294967295},
    };
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        for (size_t j = 0; j < FORMS; j++) {
            uint32_t words[] = {times[i].seconds, times[i].fraction, 5, 6};
            struct seen want = {
                .time = every_form[j].magic == 0xa1b23c4d ? times[i].nano : times[i].micro, .cap_len = 5, .len = 6};
            check_record(&every_form[j], 4, 1, words, 5, &want, PF_NO_FAULT);
        }
    }
}

/* The lengths were the other way round before version 2.3, and in 2.3 by some. */
static void test_minor_versions(void)
{
    for (unsigned minor = 0; minor < 300; minor = minor < 8 ? minor + 1 : minor + 97) {
        struct seen want = {.time = 0, .cap_len = 10, .len = 20};
        check_record(&plain, minor, 1, (const uint32_t[]){0, 0, minor < 3 ? 20 : 10, minor < 3 ? 10 : 20}, 10, &want,
                     PF_NO_FAULT);
    }
    struct seen want = {.time = 0, .cap_len = 10, .len = 20};
    check_record(&every_form[1], 3, 1, (const uint32_t[]){0, 0, 20, 10}, 10, &want, PF_NO_FAULT);
    check_record(&plain, 4, 1, (const uint32_t[]){0, 0, 20, 10}, 10, NULL, PF_CUT_SHORT);
    check_record(&plain, 2, 1, (const uint32_t[]){0, 0, 10, 300000}, 10, NULL, PF_IMPOSSIBLE_LENGTH);
    check_record(&plain, 3, 1, (const uint32_t[]){0, 0, 300000, 300001}, 10, NULL, PF_IMPOSSIBLE_LENGTH);
}

static void test_impossible_lengths(void)
{
    static const uint32_t small[] = {0, 1, 113, 230, 232, 248, 250, 278, 280}, large[] = {231, 249, 279};
    struct seen want = {.time = 0, .cap_len = 262144, .len = 9};
    for (size_t i = 0; i < FORMS; i++) {
        uint32_t link = small[i];
        check_record(&every_form[i], 4, link, (const uint32_t[]){0, 0, 262144, 9}, 262144, &want, PF_NO_FAULT);
        check_record(&every_form[i], 4, link, (const uint32_t[]){0, 0, 262144, 9}, 262143, NULL, PF_CUT_SHORT);
        check_record(&every_form[i], 4, link, (const uint32_t[]){0, 0, 262145, 9}, 262145, NULL, PF_IMPOSSIBLE_LENGTH);
        check_record(&every_form[i], 4, link, (const uint32_t[]){0, 0, UINT32_MAX, 9}, 0, NULL, PF_IMPOSSIBLE_LENGTH);
    }
    for (size_t i = 0; i < sizeof small / sizeof small[0]; i++)
        CHECK_EQ(pf_most_captured(small[i]), 262144);
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQ(pf_most_captured(large[i]), 16777216);
        want.cap_len = 262145;
        check_record(&plain, 4, large[i], (const uint32_t[]){0, 0, 262145, 9}, 262145, &want, PF_NO_FAULT);
        check_record(&plain, 4, large[i], (const uint32_t[]){0, 0, 16777216, 9}, 10, NULL, PF_CUT_SHORT);
        check_record(&plain, 4, large[i], (const uint32_t[]){0, 0, 16777217, 9}, 10, NULL, PF_IMPOSSIBLE_LENGTH);
    }
}

static void test_messages(void)
{
    struct pf_fault fault = {.kind = PF_CUT_SHORT, .frame_number = 3, .offset = 120, .lost = 77};
    char text[300], tiny[8];
    (void)snprintf(fault.text, sizeof fault.text, "what is wrong");
    pf_fault_message(&fault, "a.pcap", text, sizeof text);
    CHECK_TEXT(text, "a.pcap: packet 3 at octet 120: what is wrong; the 77 octets from there on were not read");
    pf_fault_message(&fault, "a.pcap", tiny, sizeof tiny);
    CHECK_TEXT(tiny, "a.pcap:");
    fault.kind = PF_BOMB;
    pf_fault_message(&fault, "a.pcap.gz", text, sizeof text);
    CHECK_TEXT(text, "a.pcap.gz: what is wrong; the capture in it ends before packet 3, at its octet 120");
    fault.kind = PF_OVERLAP;
    pf_fault_message(&fault, "a.pcap", text, sizeof text);
    CHECK_TEXT(text, "a.pcap: what is wrong");
    CHECK_TEXT(pf_fault_name(PF_NO_FAULT), "none");
    CHECK_TEXT(pf_fault_name(PF_CUT_SHORT), "cut_short");
    CHECK_TEXT(pf_fault_name(PF_IMPOSSIBLE_LENGTH), "impossible_length");
    CHECK_TEXT(pf_fault_name(PF_SHRANK), "shrank");
    CHECK_TEXT(pf_fault_name(PF_UNUSABLE), "unusable");
    CHECK_TEXT(pf_fault_name(PF_OVERLAP), "overlap");
    CHECK_TEXT(pf_fault_name(PF_BAD_BLOCK), "bad_block");
    CHECK_TEXT(pf_fault_name(PF_NO_INTERFACE), "no_interface");
    CHECK_TEXT(pf_fault_name(PF_ZERO_RUN), "zero_run");
}

/* --- writing
 * ----------------------------------------------------------------------------------------------------------------- */

static char folder[] = "/tmp/test_capture.XXXXXX", path[64];

static enum pf_status copy_to_path(struct pf_input *input, enum pf_copy_format format, struct pf_error *error)
{
    struct pf_copy_sink sink;
    struct pf_draft draft;
    struct pf_input *inputs[] = {input};
    struct pf_sink *sinks[] = {&sink.sink};
    struct pf_pass pass = {
        .inputs = inputs, .input_count = 1, .sinks = sinks, .sink_count = 1, .threads = 3, .chunk = 100};
    int failed = pf_draft_begin(&draft, path);
    if (failed != 0)
        return failed == ENOMEM ? pf_fail_memory(error) : pf_fail_sys(error, failed, path, "begin");
    enum pf_status status = pf_copy_sink_init(&sink, format, &draft, inputs, 1, error);
    if (status == PF_OK)
        status = pf_pass_run(&pass, error);
    pf_pass_clear(&pass);
    if (status != PF_OK) {
        pf_draft_abandon(&draft);
        return status;
    }
    failed = pf_draft_commit(&draft);
    return failed == 0 ? PF_OK : failed == ENOMEM ? pf_fail_memory(error) : pf_fail_sys(error, failed, path, "commit");
}

static void put_packets(struct built *built, const struct form *form, uint64_t seed, uint32_t link)
{
    uint64_t state = seed;
    put_header(built, form, 4, link);
    for (int i = 0; i < 100; i++) {
        uint32_t size = (uint32_t)draw_below(&state, 90);
        put_record_header(built, form, (uint32_t)draw(&state),
                          i == 50 ? UINT32_MAX : (uint32_t)draw_below(&state, 1000000), size, size + 5);
        put_filler(built, size);
    }
}

/* What is read, written and read again is what it was. */
static void test_round_trip(enum pf_copy_format format)
{
    for (size_t i = 0; i < FORMS; i++) {
        struct built built = {NULL, 0, 0};
        struct gather before, after;
        struct pf_pass pass;
        struct pf_input input, again;
        struct pf_error error;
        struct pf_source *source;
        struct stat status;
        put_packets(&built, &every_form[i], i, i % 2 == 0 ? 113 : 0xf4000001);
        CHECK_OK(open_octets(&input, &built, &error));
        CHECK_OK(gather_all(&input, &before, &pass, NULL, &error));
        pf_pass_clear(&pass);
        CHECK_EQ(before.gathered.size, 100);
        CHECK_OK(copy_to_path(&input, format, &error));
        CHECK(stat(path, &status) == 0 && (status.st_mode & 0777) == 0600);
        if (format == PF_COPY_PCAP)
            CHECK_EQ(status.st_size, built.size - (is_kuznetzov(&every_form[i]) ? 800 : 0));
        CHECK_OK(pf_source_file(path, &source, &error));
        CHECK_OK(pf_input_open(&again, source, NULL, &error));
        CHECK_OK(gather_all(&again, &after, &pass, NULL, &error));
        CHECK(seen_equal(&before.gathered, &after.gathered));
        CHECK_EQ(pass.fault_count, 0);
        pf_pass_clear(&pass);
        gather_clear(&before);
        gather_clear(&after);
        pf_input_close(&again);
        pf_input_close(&input);
        built_clear(&built);
    }
}

static size_t files_in_folder(void)
{
    char command[100];
    unsigned count = 999;
    (void)snprintf(command, sizeof command, "ls -A %s | wc -l", folder);
    FILE *pipe = popen(command, "r");
    if (pipe == NULL || fscanf(pipe, "%u", &count) != 1)
        abort();
    (void)pclose(pipe);
    return count;
}

static enum pf_status copy_octets(void *context, struct pf_error *error)
{
    struct pf_input input;
    PF_TRY(open_octets(&input, context, error));
    enum pf_status status = copy_to_path(&input, PF_COPY_PCAP, error);
    pf_input_close(&input);
    return status;
}

/* A file is there whole or not at all, whichever allocation fails. */
static void test_write_refused(void)
{
    struct built built = {NULL, 0, 0};
    put_packets(&built, &plain, 1, 1);
    (void)unlink(path);
    CHECK(refuse_each(copy_octets, &built) > 10);
    CHECK_EQ(files_in_folder(), 1); /* the last run's; no temporary one */
    built_clear(&built);
}

static void test_drafts(void)
{
    struct pf_draft draft;
    char octets[20] = "";
    CHECK_EQ(pf_draft_begin(&draft, "/nowhere/at/all"), ENOENT);
    pf_draft_abandon(&draft);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(pf_draft_begin(&draft, path), 0);
    CHECK_EQ(pf_draft_write(&draft, "0123456789", 10), 0);
    CHECK_EQ(pf_draft_write_at(&draft, "ab", 2, 4), 0);
    CHECK_EQ(pf_draft_write(&draft, "xyz", 3), 0);
    CHECK(access(path, F_OK) != 0); /* nothing under its name yet */
    CHECK_EQ(pf_draft_commit(&draft), 0);
    pf_draft_abandon(&draft);
    FILE *file = must(fopen(path, "rb"));
    CHECK_EQ(fread(octets, 1, sizeof octets, file), 13);
    CHECK(memcmp(octets, "0123ab6789xyz", 13) == 0);
    (void)fclose(file);
    CHECK_EQ(pf_draft_begin(&draft, path), 0);
    CHECK_EQ(pf_draft_write(&draft, "other", 5), 0);
    pf_draft_abandon(&draft);
    CHECK_EQ(files_in_folder(), 1);
    CHECK_EQ(unlink(path), 0);
}

/* --- files and FIFOs
 * ------------------------------------------------------------------------------------------------------------ */

static void test_no_files(void)
{
    struct pf_source *source;
    struct pf_error error;
    CHECK_STATUS(pf_source_file("/nowhere/at/all", &source, &error), PF_OS_ERROR);
    CHECK_EQ(error.sys, ENOENT);
    CHECK_TEXT(error.file, "/nowhere/at/all");
    CHECK_STATUS(pf_source_file(folder, &source, &error), PF_OS_ERROR);
    CHECK_EQ(error.sys, EISDIR);
    pf_source_free(NULL);
}

static void *feed(void *context)
{
    const struct built *built = context;
    int fd = open(path, O_WRONLY);
    for (size_t at = 0; fd >= 0 && at < built->size; at += 100) {
        size_t size = built->size - at < 100 ? built->size - at : 100;
        if (write(fd, built->octets + at, size) != (ssize_t)size)
            abort();
        (void)nanosleep(&(struct timespec){0, 100000}, NULL);
    }
    (void)close(fd);
    return NULL;
}

static void test_fifo(void)
{
    struct built built = {NULL, 0, 0};
    struct pf_thread thread;
    struct pf_source *source;
    struct pf_input input;
    struct pf_error error;
    struct gather gather;
    struct pf_pass pass;
    struct seen_list want = {NULL, 0, 0};
    uint64_t at;
    put_packets(&built, &plain, 3, 1);
    built.size -= 1;
    CHECK_EQ(naive_read(built.octets, built.size, 0, &want, &at), PF_CUT_SHORT);
    CHECK_EQ(mkfifo(path, 0600), 0);
    CHECK_EQ(pf_thread_start(&thread, feed, &built), 0);
    CHECK_OK(pf_source_file(path, &source, &error));
    CHECK(source->once && !pf_source_seekable(source));
    CHECK_OK(pf_input_open(&input, source, NULL, &error));
    CHECK_OK(gather_all(&input, &gather, &pass, NULL, &error));
    CHECK(seen_equal(&gather.gathered, &want));
    CHECK(pass.fault_count == 1 && pass.faults[0].offset == at && pass.faults[0].lost == built.size - at);
    pf_thread_join(&thread);
    pf_pass_clear(&pass);
    gather_clear(&gather);
    pf_input_close(&input);
    CHECK_EQ(unlink(path), 0);
    seen_clear(&want);
    built_clear(&built);
}

static enum pf_status stop_at_third_tick(void *context, struct pf_error *error)
{
    return ++*(unsigned *)context >= 3 ? pf_fail(error, PF_STOPPED, "told to") : PF_OK;
}

/* A FIFO whose writer is silent, before its header and after it, keeps nobody from stopping. */
static void test_silent_fifo(void)
{
    struct built built = {NULL, 0, 0};
    struct pf_source *source;
    struct pf_input input;
    struct pf_error error;
    struct gather gather;
    struct pf_pass pass;
    put_header(&built, &plain, 4, 1);
    CHECK_EQ(mkfifo(path, 0600), 0);
    for (int header = 0; header < 2; header++) {
        unsigned ticks = 0;
        struct pf_host host = {stop_at_third_tick, &ticks};
        CHECK_OK(pf_source_file(path, &source, &error));
        int fd = open(path, O_WRONLY);
        CHECK(fd >= 0);
        if (header == 0) {
            CHECK_STATUS(pf_input_open(&input, source, &host, &error), PF_STOPPED);
        } else {
            CHECK(write(fd, built.octets, built.size) == 24);
            CHECK_OK(pf_input_open(&input, source, NULL, &error));
            CHECK_STATUS(gather_all(&input, &gather, &pass, &host, &error), PF_STOPPED);
            gather_clear(&gather);
            pf_pass_clear(&pass);
            pf_input_close(&input);
        }
        CHECK_TEXT(error.text, "told to");
        CHECK_EQ(ticks, 3);
        (void)close(fd);
    }
    CHECK_EQ(unlink(path), 0);
    built_clear(&built);
}

struct passer {
    struct pf_input *input;
    const struct seen_list *want;
};

static void *pass_often(void *context)
{
    struct passer *passer = context;
    for (int i = 0; i < 30; i++) {
        struct gather gather;
        struct pf_pass pass;
        struct pf_error error;
        CHECK_OK(gather_all(passer->input, &gather, &pass, NULL, &error));
        CHECK(seen_equal(&gather.gathered, passer->want));
        gather_clear(&gather);
        pf_pass_clear(&pass);
    }
    return NULL;
}

/* A file may be read by several passes at once. */
static void test_passes_at_once(void)
{
    struct built built = {NULL, 0, 0};
    struct seen_list want = {NULL, 0, 0};
    struct pf_thread threads[3];
    struct pf_input input;
    struct pf_source *source;
    struct pf_error error;
    uint64_t at;
    put_packets(&built, &plain, 5, 1);
    CHECK_OK(copy_octets(&built, &error));
    CHECK_EQ(naive_read(built.octets, built.size, 0, &want, &at), PF_NO_FAULT);
    CHECK_OK(pf_source_file(path, &source, &error));
    CHECK_OK(pf_input_open(&input, source, NULL, &error));
    struct passer passer = {&input, &want};
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pf_thread_start(&threads[i], pass_often, &passer), 0);
    for (int i = 0; i < 3; i++)
        pf_thread_join(&threads[i]);
    pf_input_close(&input);
    CHECK_EQ(unlink(path), 0);
    seen_clear(&want);
    built_clear(&built);
}

int main(void)
{
    if (mkdtemp(folder) == NULL)
        abort();
    (void)snprintf(path, sizeof path, "%s/file", folder);
    test_strangers();
    test_headers();
    test_link_types();
    test_times();
    test_minor_versions();
    test_impossible_lengths();
    test_messages();
    test_round_trip(PF_COPY_PCAP);
    test_round_trip(PF_COPY_PCAPNG);
    test_write_refused();
    test_drafts();
    test_no_files();
    test_fifo();
    test_silent_fifo();
    test_passes_at_once();
    CHECK_EQ(rmdir(folder), 0);
    return checks_done();
}
