/* Recordings of a pipe, without libpcap: files, marks, series, limits, a source that breaks, memory that is refused. */
#define _DEFAULT_SOURCE
#include "build.h"
#include "capture/recording.h"
#include "check.h"
#include "refuse.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PACKETS = 100, LENGTH = 60 };

static char folder[] = "/tmp/pf-recording-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[4][128];
    static unsigned turn;
    char *to = path[turn++ % 4];
    (void)snprintf(to, sizeof path[0], "%s/%s", folder, name);
    return to;
}

/* A pipe that holds a small capture and is closed behind it; `cut` octets are missing. */
static int piped(size_t cut)
{
    static const uint8_t header[24] = {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1};
    uint8_t octets[24 + PACKETS * (16 + LENGTH)];
    int fds[2];
    memcpy(octets, header, sizeof header);
    for (size_t i = 0; i < PACKETS; i++) {
        uint8_t *record = octets + sizeof header + i * (16 + LENGTH);
        memset(record, (int)i, 16 + LENGTH);
        memcpy(record, (const uint8_t[]){(uint8_t)(i / 10), 0, 0, 0, 0, 0, 0, 0, LENGTH, 0, 0, 0, LENGTH, 0, 0, 0}, 16);
    }
    if (!CHECK(pipe(fds) == 0))
        exit(1);
    CHECK(write(fds[1], octets, sizeof octets - cut) == (ssize_t)(sizeof octets - cut));
    (void)close(fds[1]);
    return fds[0];
}

static enum pf_status record(struct pf_recording *recording, const struct pf_record_as *as, size_t cut,
                             struct pf_error *error)
{
    static const struct pf_live_source none = {NULL, NULL};
    struct pf_source *source;
    memset(recording, 0, sizeof *recording);
    PF_TRY(pf_source_stream("pipe", piped(cut), NULL, 0, &source, error));
    PF_TRY(pf_recording_open(recording, source, &none, as, NULL, error));
    PF_TRY(pf_recording_start(recording, error));
    while (!pf_recording_wait(recording, 1000))
        continue;
    return pf_recording_error(recording, error);
}

/* How many packets the octets between two marks are. */
static uint64_t packets_between(struct pf_recording *recording, struct pf_mark from, struct pf_mark to)
{
    struct pf_recorder *recorder = &recording->recorder;
    struct pf_source *source;
    struct pf_input input;
    struct pf_error error;
    uint8_t octets[16384];
    size_t got = 0, at = 0;
    uint64_t packets = 0;
    CHECK_STATUS(
        pf_source_snapshot("x", recorder->shared, recorder->first_record, from.offset, to.offset, &source, &error),
        PF_OK);
    CHECK_STATUS(pf_input_open(&input, source, NULL, &error), PF_OK);
    CHECK(source->size <= sizeof octets);
    CHECK_STATUS(source->ops->read_at(source, octets, sizeof octets, 0, &got, &error), PF_OK);
    CHECK(got == source->size);
    while (at + 12 <= got) {
        packets += octets[at] == 6;
        at += (size_t)octets[at + 4] | (size_t)octets[at + 5] << 8;
    }
    CHECK(at == got);
    pf_input_close(&input);
    return packets;
}

static void test_one_file(void)
{
    struct pf_recording recording;
    struct pf_error error = {.status = PF_OK};
    struct pf_record_as as = {.path = in_folder("one.pcapng"), .folder = folder, .interface_name = "wire"};
    CHECK_STATUS(record(&recording, &as, 0, &error), PF_OK);
    struct pf_recording_state state = pf_recording_look(&recording);
    CHECK(state.ending == PF_SOURCE_ENDED && state.packets == PACKETS && state.captured == PACKETS * LENGTH);
    CHECK(access(as.path, F_OK) == 0 && access(in_folder("one.pcapng.part"), F_OK) != 0);
    struct stat st;
    CHECK(stat(as.path, &st) == 0 && (st.st_mode & 0777) == 0600 && (uint64_t)st.st_size == state.file_octets);
    struct pf_mark end = pf_recorder_mark(&recording.recorder), begin = pf_recorder_mark_before(&recording.recorder, 0);
    CHECK(begin.before.packets == 0 && end.before.packets == PACKETS && end.before.time == 9000000000);
    CHECK(packets_between(&recording, begin, end) == PACKETS);
    CHECK(packets_between(&recording, end, end) == 0);
    pf_recording_clear(&recording);
}

static void test_limits(void)
{
    struct pf_recording recording;
    struct pf_error error = {.status = PF_OK};
    struct pf_record_as as = {.folder = folder, .packets = 7};
    CHECK_STATUS(record(&recording, &as, 0, &error), PF_OK);
    CHECK(pf_recording_look(&recording).ending == PF_ENOUGH && pf_recording_look(&recording).packets == 7);
    pf_recording_clear(&recording);
    as = (struct pf_record_as){.folder = folder, .octets = 1000};
    CHECK_STATUS(record(&recording, &as, 0, &error), PF_OK);
    struct pf_mark end = pf_recorder_mark(&recording.recorder);
    CHECK(pf_recording_look(&recording).ending == PF_SPOOL_FULL);
    CHECK(end.offset <= 1000 + PF_PCAPNG_STATISTICS &&
          end.before.packets == (1000 - recording.recorder.first_record) / 92);
    pf_recording_clear(&recording);
}

static void test_series(void)
{
    struct pf_recording recording;
    struct pf_error error = {.status = PF_OK};
    struct pf_record_as as = {
        .path = in_folder("s-"), .suffix = ".pcapng", .folder = folder, .file_period = 1000000000, .keep = 3};
    CHECK_STATUS(record(&recording, &as, 0, &error), PF_OK);
    CHECK(recording.recorder.file_count == 3);
    for (unsigned i = 1; i <= 10; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "s-%05u.pcapng", i);
        CHECK((access(in_folder(name), F_OK) == 0) == (i > 7));
    }
    pf_recording_clear(&recording);
}

static void test_cut_short(void)
{
    for (size_t cut = 0; cut < 2 * (16 + LENGTH); cut++) {
        struct pf_recording recording;
        struct pf_error error = {.status = PF_OK};
        struct pf_record_as as = {.folder = folder};
        CHECK_STATUS(record(&recording, &as, cut, &error), PF_OK);
        uint64_t lost = (cut + 16 + LENGTH - 1) / (16 + LENGTH);
        CHECK(pf_recording_look(&recording).packets == PACKETS - lost);
        pf_recording_clear(&recording);
    }
}

static void test_part_of_another(void)
{
    struct pf_recording recording;
    struct pf_error error = {.status = PF_OK};
    struct pf_record_as as = {.path = in_folder("two.pcapng"), .folder = folder};
    FILE *file = fopen(in_folder("two.pcapng.part"), "w");
    CHECK(file != NULL && fclose(file) == 0);
    CHECK_STATUS(record(&recording, &as, 0, &error), PF_OS_ERROR);
    CHECK(strstr(error.file, "two.pcapng.part") != NULL);
    CHECK(access(in_folder("two.pcapng.part"), F_OK) == 0);
    as.path = in_folder("nowhere/x.pcapng");
    CHECK_STATUS(record(&recording, &as, 0, &error), PF_OS_ERROR);
}

/* Each allocation refused once: either it was not needed, or the recording says so and keeps what is whole. */
static void test_memory(void)
{
    enum { ENOUGH = 1000 };
    for (long n = 1; n < ENOUGH; n++) {
        struct pf_recording recording;
        struct pf_error error = {.status = PF_OK};
        struct pf_record_as as = {.path = in_folder("m-"), .suffix = ".pcapng", .folder = folder, .file_octets = 4096};
        atomic_store(&refuse_countdown, n);
        pf_alloc_refuse = refuse_one;
        enum pf_status status = record(&recording, &as, 0, &error);
        pf_alloc_refuse = NULL;
        if (!CHECK(status == PF_OK || status == PF_NO_MEMORY))
            (void)fprintf(stderr, "  %ld: status %d, %d, %s\n", n, (int)status, error.sys, error.text);
        pf_recording_clear(&recording);
        for (unsigned i = 1; i < 8; i++) {
            char name[32];
            (void)snprintf(name, sizeof name, "m-%05u.pcapng%s", i, i == 7 ? "" : ".part");
            (void)unlink(in_folder(name));
        }
        if (atomic_load(&refuse_countdown) > 0)
            return;
    }
    CHECK(!"an end of the allocations");
}

int main(void)
{
    if (mkdtemp(folder) == NULL)
        return 1;
    test_one_file();
    test_limits();
    test_series();
    test_cut_short();
    test_part_of_another();
    test_memory();
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    CHECK(system(command) == 0);
    return checks_done();
}
