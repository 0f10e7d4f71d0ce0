/* How recordings end: by what a source says, by what its owner asks for, by a disk that is full. The source is made up.
 */
#define _DEFAULT_SOURCE
#include "base/alloc.h"
#include "base/os_file.h"
#include "capture/recording.h"
#include "ng.h"
#include "refuse.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/pf-ending-XXXXXX";

/* --- a source that does as it is told ----------------------------------------------------------------------------- */

enum after { AFTER_END, AFTER_BREAK, AFTER_NO_MEMORY, AFTER_WAIT };

struct scripted {
    struct pf_source base;
    const struct built *octets;
    size_t at, most; /* at once */
    enum after after;
    int told[2]; /* a pipe; readable when there is no more to wait for */
};

static enum pf_status read_script(struct pf_source *source, struct pf_crew *crew, void *memory, size_t size,
                                  size_t *got, struct pf_error *error)
{
    struct scripted *script = (struct scripted *)source;
    size_t left = script->octets->size - script->at;
    size = size < script->most ? size : script->most;
    *got = left < size ? left : size;
    memcpy(memory, script->octets->octets + script->at, *got);
    script->at += *got;
    if (*got != 0 || script->after == AFTER_END)
        return PF_OK;
    if (script->after == AFTER_BREAK)
        return pf_fail_sys(error, ENODEV, source->name, "went away");
    if (script->after == AFTER_NO_MEMORY)
        return pf_fail_memory(error);
    bool ready[2] = {false, false};
    while (!ready[0] && !ready[1])
        CHECK_EQ(pf_os_wait((const int[]){script->told[0], pf_crew_wake_fd(crew)}, 2, 1000, ready), 0);
    return ready[0] ? PF_OK : pf_fail(error, PF_STOPPED, "stopped");
}

static void free_script(struct pf_source *source)
{
    struct scripted *script = (struct scripted *)source;
    (void)close(script->told[0]);
    (void)close(script->told[1]);
    pf_free(script);
}

static const struct pf_source_ops ops = {.read = read_script, .free = free_script};

static void finish_script(struct pf_source *source)
{
    CHECK_EQ(write(((struct scripted *)source)->told[1], "x", 1), 1);
}

static bool count_script(struct pf_source *source, uint64_t *received, uint64_t *dropped, uint64_t *missed)
{
    *received = ((struct scripted *)source)->at;
    *dropped = 5;
    *missed = 2;
    return true;
}

static const struct pf_live_source deaf = {NULL, NULL}, live = {finish_script, count_script};

static void begin_recording(struct pf_recording *recording, const struct built *octets, size_t most, enum after after,
                            const struct pf_live_source *can, const struct pf_record_as *as)
{
    struct pf_error error = {.status = PF_OK};
    struct scripted *script = must(pf_alloc(sizeof *script));
    script->octets = octets;
    script->most = most;
    script->after = after;
    CHECK_EQ(pipe(script->told), 0);
    CHECK_OK(pf_source_init(&script->base, &ops, "script", &error));
    script->base.size = PF_SIZE_UNKNOWN;
    script->base.once = true;
    CHECK_OK(pf_recording_open(recording, &script->base, can, as, NULL, &error));
    CHECK_OK(pf_recording_start(recording, &error));
}

static struct pf_recording_state wait_for(struct pf_recording *recording)
{
    while (!pf_recording_wait(recording, 1000))
        continue;
    return pf_recording_look(recording);
}

static const char *in_folder(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* What a recording's file says; its packets and the statistics of its first interface. */
static uint64_t look_at_file(const char *path, struct pf_interfaces *interfaces)
{
    static uint8_t octets[1 << 20];
    FILE *file = must(fopen(path, "rb"));
    size_t size = fread(octets, 1, sizeof octets, file), body, length;
    struct pf_notes notes = {.text = NULL};
    struct pf_walk walk = {.format = &pf_pcapng, .interfaces = interfaces, .notes = &notes};
    struct pf_fault fault = {.kind = PF_NO_FAULT};
    struct pf_error error;
    uint64_t packets = 0;
    (void)fclose(file);
    for (size_t at = 0; at < size; at += length) {
        struct pf_record record = {.octets = NULL};
        enum pf_step step =
            walk.format->step(&walk, octets + at, size - at, true, &record, &body, &length, &fault, &error);
        packets += step == PF_STEP_RECORD;
        if (!CHECK(step == PF_STEP_RECORD || step == PF_STEP_SKIP))
            break;
    }
    pf_notes_clear(&notes);
    return packets;
}

/* --- the tests ---------------------------------------------------------------------------------------------------- */

static void make(struct ng *ng, uint32_t packets)
{
    ng_section(ng);
    ng_interface(ng);
    for (uint32_t i = 0; i < packets; i++)
        ng_packet(ng, 0, 1000 + i, 60);
}

/* Counts that another tool wrote behind its packets are those of the recording, and stand in its file. */
static void test_counts_of_another_tool(void)
{
    struct ng ng = {.big_endian = true};
    struct pf_record_as as = {.path = in_folder("counts.pcapng"), .folder = folder};
    struct pf_interfaces interfaces = {.list = NULL};
    struct pf_recording recording;
    make(&ng, 9);
    ng_open_statistics(&ng, 0);
    ng_text(&ng, 1, "a comment");
    ng_eight(&ng, 4, 12);
    ng_eight(&ng, 5, 3);
    ng_end(&ng);
    begin_recording(&recording, &ng.all, 7, AFTER_END, &deaf, &as);
    struct pf_recording_state state = wait_for(&recording);
    CHECK(state.ending == PF_SOURCE_ENDED && state.packets == 9);
    CHECK(state.counted && state.received == 12 && state.dropped == 3 && state.missed == 0);
    CHECK_EQ(look_at_file(as.path, &interfaces), 9);
    if (CHECK_EQ(interfaces.count, 1)) {
        CHECK(interfaces.list[0]->has_received && interfaces.list[0]->received == 12);
        CHECK(interfaces.list[0]->has_dropped && interfaces.list[0]->dropped == 3);
    }
    pf_interfaces_clear(&interfaces);
    pf_recording_clear(&recording);
    built_clear(&ng.all);
}

static void test_asked(void)
{
    struct ng ng = {.big_endian = false};
    struct pf_record_as as = {.folder = folder, .filter = "tcp"};
    struct pf_recording recording;
    struct pf_error error = {.status = PF_OK};
    make(&ng, 5);
    for (int way = 0; way < 3; way++) { /* told; one that can't be told, stopped; forgotten */
        begin_recording(&recording, &ng.all, 100000, AFTER_WAIT, way == 0 ? &live : &deaf, &as);
        while (pf_recording_look(&recording).packets != 5)
            CHECK(!pf_recording_wait(&recording, 1));
        CHECK_STATUS(pf_recording_start(&recording, &error), PF_BUSY);
        CHECK_OK(pf_recording_error(&recording, &error));
        if (way < 2) {
            pf_recording_finish(&recording);
            if (way == 1)
                pf_recording_stop(&recording);
            struct pf_recording_state state = wait_for(&recording);
            CHECK(state.ending == PF_ASKED && state.packets == 5 && state.why[0] == '\0');
            CHECK_EQ(state.counted, way == 0);
            CHECK(way != 0 || (state.received == ng.all.size && state.dropped == 5 && state.missed == 2));
            CHECK_OK(pf_recording_error(&recording, &error));
        }
        pf_recording_clear(&recording);
    }
    built_clear(&ng.all);
}

/* An interface that goes away, and octets that are none: what came before stays, and why is told. */
static void test_broken(void)
{
    struct ng ng = {.big_endian = false};
    struct pf_record_as as = {.folder = folder};
    struct pf_recording recording;
    struct pf_error error = {.status = PF_OK};
    make(&ng, 5);
    begin_recording(&recording, &ng.all, 50, AFTER_BREAK, &deaf, &as);
    struct pf_recording_state state = wait_for(&recording);
    CHECK(state.ending == PF_SOURCE_ENDED && state.packets == 5 && strstr(state.why, "went away") != NULL);
    CHECK_OK(pf_recording_error(&recording, &error));
    pf_recording_clear(&recording);
    begin_recording(&recording, &ng.all, 50, AFTER_NO_MEMORY, &deaf, &as);
    state = wait_for(&recording);
    CHECK(state.ending == PF_FAILED && state.packets == 5);
    CHECK_STATUS(pf_recording_error(&recording, &error), PF_NO_MEMORY);
    pf_recording_clear(&recording);
    ng_packet(&ng, 1, 1, 3); /* on an interface that is not there */
    ng_packet(&ng, 0, 1, 3);
    begin_recording(&recording, &ng.all, 50, AFTER_END, &deaf, &as);
    state = wait_for(&recording);
    CHECK(state.ending == PF_SOURCE_ENDED && state.packets == 5 && strstr(state.why, "interface 1") != NULL);
    pf_recording_clear(&recording);
    built_clear(&ng.all);
}

/* A block too large to look at is stepped over as its octets come; the packets behind it are recorded. */
static void test_stepped_over(void)
{
    enum { LARGE = 18 << 20 };
    struct ng ng = {.big_endian = false};
    struct pf_record_as as = {.folder = folder};
    struct pf_recording recording;
    make(&ng, 2);
    ng_begin(&ng, 0x80000001);
    put_number(&ng.all, 0, LARGE, false);
    ng_end(&ng);
    ng_packet(&ng, 0, 1, 60);
    begin_recording(&recording, &ng.all, 1 << 20, AFTER_END, &deaf, &as);
    struct pf_recording_state state = wait_for(&recording);
    CHECK(state.ending == PF_SOURCE_ENDED && state.packets == 3 && state.why[0] == '\0');
    pf_recording_clear(&recording);
    built_clear(&ng.all);
}

/* A packet without a time can be written only as the first interface's. */
static void test_untimed(void)
{
    struct ng ng = {.big_endian = false};
    struct pf_record_as as = {.folder = folder};
    struct pf_recording recording;
    struct pf_error error = {.status = PF_OK};
    make(&ng, 1);
    ng_simple(&ng, 60);
    begin_recording(&recording, &ng.all, 1000, AFTER_END, &deaf, &as);
    CHECK_EQ(wait_for(&recording).packets, 2);
    pf_recording_clear(&recording);
    ng_section(&ng);
    ng_interface(&ng);
    ng_simple(&ng, 60);
    begin_recording(&recording, &ng.all, 1000, AFTER_END, &deaf, &as);
    CHECK_EQ(wait_for(&recording).ending, PF_FAILED);
    CHECK_STATUS(pf_recording_error(&recording, &error), PF_INVALID);
    CHECK_TEXT(error.text, "packet 3 has no time, or one that no pcapng file can hold");
    pf_recording_clear(&recording);
    built_clear(&ng.all);
}

/* Marks are kept some 4 MiB apart; the one asked for has no more packets before it than wanted, and the next one more.
 */
static void test_marks(void)
{
    enum { PACKETS = 200, LARGE = 60000 };
    struct ng ng = {.big_endian = false};
    struct pf_record_as as = {.folder = folder};
    struct pf_recording recording;
    make(&ng, 0);
    for (uint32_t i = 0; i < PACKETS; i++)
        ng_packet(&ng, 0, i, LARGE);
    begin_recording(&recording, &ng.all, 1 << 20, AFTER_END, &deaf, &as);
    CHECK_EQ(wait_for(&recording).packets, PACKETS);
    uint64_t before = 0, different = 0;
    for (uint64_t packets = 0; packets <= PACKETS; packets++) {
        struct pf_mark mark = pf_recorder_mark_before(&recording.recorder, packets);
        CHECK(mark.before.packets <= packets && mark.before.packets >= before);
        CHECK_EQ(mark.offset, recording.recorder.first_record + mark.before.packets * (LARGE + 32));
        different += mark.before.packets != before;
        before = mark.before.packets;
    }
    CHECK(different >= 2);
    pf_recording_clear(&recording);
    built_clear(&ng.all);
}

/* On a full disk whole packets stay, and the recording says how many. The limit is this process's own. */
static void test_full_disk(void)
{
    struct ng ng = {.big_endian = false};
    struct pf_record_as as = {.path = in_folder("full.pcapng"), .folder = folder};
    struct pf_interfaces interfaces = {.list = NULL};
    struct pf_recording recording;
    struct pf_error error = {.status = PF_OK};
    struct rlimit before, small;
    char part[140];
    make(&ng, 100);
    CHECK_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    for (rlim_t limit = 1000; limit < 1100; limit += 7) {
        small = before;
        small.rlim_cur = limit;
        CHECK_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
        begin_recording(&recording, &ng.all, 100000, AFTER_END, &deaf, &as);
        struct pf_recording_state state = wait_for(&recording);
        CHECK_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
        CHECK_EQ(state.ending, PF_FAILED);
        CHECK_STATUS(pf_recording_error(&recording, &error), PF_OS_ERROR);
        CHECK_EQ(error.sys, EFBIG);
        (void)snprintf(part, sizeof part, "%s.part", as.path);
        CHECK_TEXT(error.file, part);
        CHECK_EQ(state.packets, (limit - recording.recorder.first_record) / 92);
        pf_recording_clear(&recording);
        CHECK(access(as.path, F_OK) != 0);
        CHECK_EQ(look_at_file(part, &interfaces), state.packets);
        CHECK_EQ(unlink(part), 0);
        pf_interfaces_clear(&interfaces);
    }
    built_clear(&ng.all);
}

int main(void)
{
    if (mkdtemp(folder) == NULL)
        return 1;
    test_counts_of_another_tool();
    test_asked();
    test_broken();
    test_stepped_over();
    test_untimed();
    test_marks();
    test_full_disk();
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    CHECK(system(command) == 0);
    return checks_done();
}
