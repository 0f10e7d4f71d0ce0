/* What pcapng says beside its packets, and blocks that are wrong: by the walk's steps, without a pass. */
#define _DEFAULT_SOURCE
#include "capture/pcapng.h"
#include "guard.h"
#include "ng.h"
#include "refuse.h"

/* What a walk over it all came to. */
struct walked {
    struct pf_interfaces interfaces;
    struct pf_notes notes;
    struct pf_fault fault;
    uint64_t packets;
    size_t end; /* where it ended */
};

static void walked_clear(struct walked *walked)
{
    pf_interfaces_clear(&walked->interfaces);
    pf_notes_clear(&walked->notes);
}

static enum pf_status walk_all(struct walked *walked, bool noting, const uint8_t *octets, size_t size,
                               struct pf_error *error)
{
    struct pf_walk walk = {.format = &pf_pcapng};
    memset(walked, 0, sizeof *walked);
    walk.interfaces = &walked->interfaces;
    walk.notes = noting ? &walked->notes : NULL;
    PF_TRY(walk.format->begin(&walk, error));
    for (size_t at = 0; at < size; at += walked->end - at) {
        struct pf_record record = {.frame_number = walked->packets + 1};
        size_t body, length;
        walked->end = at;
        switch (
            walk.format->step(&walk, octets + at, size - at, true, &record, &body, &length, &walked->fault, error)) {
        case PF_STEP_FAILED:
            return error->status;
        case PF_STEP_FAULT:
        case PF_STEP_MORE:
            return PF_OK;
        case PF_STEP_RECORD:
            walked->packets++;
            break;
        default:
            break;
        }
        walked->end = at + length;
    }
    return PF_OK;
}

/* --- what is kept ------------------------------------------------------------------------------------------------- */

static const struct {
    enum pf_note_kind kind;
    uint64_t frame_number; /* of a name: how many octets of address stand before it */
    size_t size;
    const char *text;
} wanted[] = {
    {PF_NOTE_COMMENT, 0, 5, "first"},
    {PF_NOTE_HARDWARE, 0, 7, "machine"},
    {PF_NOTE_SYSTEM, 0, 6, "system"},
    {PF_NOTE_APPLICATION, 0, 4, "tool"},
    {PF_NOTE_COMMENT, 0, 8, "the wire"},
    {PF_NOTE_COMMENT, 1, 3, "odd"},
    {PF_NOTE_COMMENT, 1, 0, ""},
    {PF_NOTE_NAME, 4, 8, "\x0a\0\0\1one\0"},
    {PF_NOTE_NAME, 16, 20, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1six\0"},
    {PF_NOTE_COMMENT, 3, 5, "older"},
};

static void make(struct ng *ng)
{
    ng_open_section(ng);
    ng_text(ng, 1, "first");
    ng_text(ng, 2, "machine");
    ng_text(ng, 3, "system");
    ng_text(ng, 4, "tool");
    ng_text(ng, 5, "no such option");
    ng_option(ng, 0, "", 0);
    ng_text(ng, 1, "behind the end of options");
    ng_end(ng);
    ng_open_interface(ng);
    ng_text(ng, 1, "the wire");
    ng_text(ng, 2, "eth0");
    ng_text(ng, 2, "a second name");
    ng_text(ng, 3, "");
    ng_end(ng);
    ng_interface(ng);
    ng_open_packet(ng, 0, 7, 5);
    ng_text(ng, 1, "odd");
    ng_text(ng, 1, "");
    ng_end(ng);
    ng_begin(ng, NG_NAMES);
    ng_option(ng, 1, wanted[7].text, 8);
    ng_option(ng, 1, wanted[7].text, 4); /* an address and no name */
    ng_option(ng, 2, wanted[8].text, 20);
    ng_text(ng, 9, "a record of a kind that nobody knows");
    ng_end(ng);
    ng_simple(ng, 6);
    ng_begin(ng, NG_OBSOLETE);
    ng_number(ng, 1, 2);
    ng_number(ng, 0, 2);
    ng_number(ng, 0, 8);
    ng_number(ng, 4, 4);
    ng_number(ng, 4, 4);
    put_filler(&ng->all, 4);
    ng_text(ng, 1, "older");
    ng_end(ng);
    ng_open_statistics(ng, 1);
    ng_eight(ng, 4, UINT64_C(0x100000002));
    ng_eight(ng, 5, 3);
    ng_eight(ng, 6, 9);
    ng_text(ng, 4, "four octets are no count");
    ng_end(ng);
    ng_open_statistics(ng, 2); /* an interface that is not there */
    ng_eight(ng, 4, 77);
    ng_end(ng);
    ng_begin(ng, NG_STATISTICS); /* shorter than its fields */
    ng_number(ng, 0, 4);
    ng_end(ng);
    for (unsigned i = 0; i < 3; i++) {
        ng_begin(ng, 0x80000001u + i / 2);
        ng_end(ng);
    }
}

static void check_kept(const struct walked *walked)
{
    const struct pf_notes *notes = &walked->notes;
    CHECK_EQ(walked->fault.kind, PF_NO_FAULT);
    CHECK_EQ(walked->packets, 3);
    if (!CHECK(notes->count == sizeof wanted / sizeof wanted[0] && walked->interfaces.count == 2))
        return;
    for (size_t i = 0; i < notes->count; i++) {
        const struct pf_note *note = &notes->list[i];
        CHECK(note->kind == wanted[i].kind && note->frame_number == wanted[i].frame_number);
        CHECK(note->size == wanted[i].size && memcmp(notes->text + note->at, wanted[i].text, note->size) == 0);
    }
    const struct pf_interface *first = walked->interfaces.list[0], *second = walked->interfaces.list[1];
    CHECK_TEXT(first->name, "eth0");
    CHECK_TEXT(first->description, "");
    CHECK(!first->has_received && !first->has_dropped);
    CHECK(second->has_received && second->received == UINT64_C(0x100000002));
    CHECK(second->has_dropped && second->dropped == 3);
    CHECK_EQ(notes->block_count, 2);
    CHECK(notes->blocks[0].type == 0x80000001u && notes->blocks[0].count == 2);
    CHECK(notes->blocks[1].type == 0x80000002u && notes->blocks[1].count == 1);
    CHECK(!notes->cut);
}

static void test_kept(bool big_endian)
{
    struct ng ng = {.big_endian = big_endian};
    struct walked walked;
    struct pf_error error;
    make(&ng);
    CHECK_OK(walk_all(&walked, true, ng.all.octets, ng.all.size, &error));
    check_kept(&walked);
    walked_clear(&walked);
    /* Nobody asks: nothing is kept, and the packets are the same. */
    CHECK_OK(walk_all(&walked, false, ng.all.octets, ng.all.size, &error));
    CHECK(walked.packets == 3 && walked.notes.count == 0 && walked.notes.block_count == 0);
    CHECK(!walked.interfaces.list[1]->has_received);
    walked_clear(&walked);
    built_clear(&ng.all);
}

/* Every truncation, behind a page that may not be touched: blocks before the cut count, and none of a part. */
static void test_truncated(bool big_endian)
{
    struct ng ng = {.big_endian = big_endian};
    struct guard guard;
    struct pf_error error;
    size_t whole = 0;
    make(&ng);
    guard_init(&guard, ng.all.size);
    for (size_t size = 0; size <= ng.all.size; size++) {
        struct walked walked;
        CHECK_OK(walk_all(&walked, true, guard_behind(&guard, ng.all.octets, size), size, &error));
        CHECK_EQ(walked.fault.kind, PF_NO_FAULT);
        CHECK(walked.end == size || walked.end == whole); /* a block that was whole before is whole now */
        whole = walked.end;
        walked_clear(&walked);
    }
    CHECK_EQ(whole, ng.all.size);
    guard_clear(&guard);
    built_clear(&ng.all);
}

static enum pf_status walk_once(void *context, struct pf_error *error)
{
    const struct ng *ng = context;
    struct walked walked;
    enum pf_status status = walk_all(&walked, true, ng->all.octets, ng->all.size, error);
    walked_clear(&walked);
    return status;
}

static void test_refused(void)
{
    struct ng ng = {.big_endian = false};
    make(&ng);
    CHECK(refuse_each(walk_once, &ng) > 5);
    built_clear(&ng.all);
}

/* Texts, notes and types of blocks are bounded each, and what was left out is told. */
static void test_bounds(void)
{
    static const char text[40000];
    struct pf_notes notes = {.text = NULL};
    struct pf_error error;
    CHECK_OK(pf_notes_add(NULL, PF_NOTE_COMMENT, 1, text, 1, &error));
    CHECK_OK(pf_notes_add(&notes, PF_NOTE_COMMENT, 1, text, sizeof text, &error));
    CHECK(!notes.cut);
    CHECK_OK(pf_notes_add(&notes, PF_NOTE_COMMENT, 1, text, sizeof text, &error));
    CHECK_OK(pf_notes_add(&notes, PF_NOTE_COMMENT, 1, text, 1, &error)); /* for which there would be room */
    CHECK(notes.cut && notes.count == 1 && notes.text_size == sizeof text);
    pf_notes_clear(&notes);
    for (size_t i = 0; i < PF_NOTES_OCTETS / 8; i++)
        CHECK_OK(pf_notes_add(&notes, PF_NOTE_COMMENT, i, "", 0, &error));
    CHECK(!notes.cut && notes.text_size == 0);
    CHECK_OK(pf_notes_add(&notes, PF_NOTE_COMMENT, 1, "", 0, &error));
    CHECK(notes.cut && notes.count == PF_NOTES_OCTETS / 8);
    pf_notes_clear(&notes);
    for (uint32_t type = 0; type < PF_NOTES_BLOCKS; type++)
        pf_notes_block(&notes, type);
    CHECK(!notes.more_types && notes.block_count == PF_NOTES_BLOCKS);
    pf_notes_block(&notes, PF_NOTES_BLOCKS);
    pf_notes_block(&notes, 3);
    CHECK(notes.more_types && !notes.cut && notes.block_count == PF_NOTES_BLOCKS && notes.blocks[3].count == 2);
    pf_notes_clear(&notes);
}

/* --- what is wrong ------------------------------------------------------------------------------------------------ */

/* One packet, then what `spoil` makes, which is the fault; `part` is of its text. */
static void check_fault(void (*spoil)(struct ng *ng), enum pf_fault_kind kind, const char *part)
{
    struct ng ng = {.big_endian = true};
    struct walked walked;
    struct pf_error error;
    ng_section(&ng);
    ng_interface(&ng);
    ng_packet(&ng, 0, 1, 3);
    size_t sound = ng.all.size;
    spoil(&ng);
    CHECK_OK(walk_all(&walked, true, ng.all.octets, ng.all.size, &error));
    CHECK_EQ(walked.fault.kind, kind);
    if (!CHECK(strstr(walked.fault.text, part) != NULL))
        (void)fprintf(stderr, "  \"%s\" lacks \"%s\"\n", walked.fault.text, part);
    CHECK_EQ(walked.end, sound);
    CHECK_EQ(walked.packets, 1);
    walked_clear(&walked);
    built_clear(&ng.all);
}

static void short_section(struct ng *ng)
{
    ng_begin(ng, NG_SECTION);
    ng_number(ng, 0x1a2b3c4d, 4);
    ng_end(ng);
}

static void later_section(struct ng *ng)
{
    ng_section(ng);
    ng->all.octets[ng->block + 13] = 2;
}

static void orderless_section(struct ng *ng)
{
    ng_section(ng);
    ng->all.octets[ng->block + 8] = 0;
}

static void short_interface(struct ng *ng)
{
    ng_begin(ng, NG_INTERFACE);
    ng_number(ng, 1, 4);
    ng_end(ng);
}

static void coarse_interface(struct ng *ng)
{
    ng_open_interface(ng);
    ng_option(ng, 9, &(uint8_t){20}, 1);
    ng_end(ng);
}

static void overrun_interface(struct ng *ng)
{
    ng_open_interface(ng);
    ng_text(ng, 2, "some name");
    ng_number(ng, 3, 2);
    ng_number(ng, 100, 2);
    ng_end(ng);
}

static void short_packet(struct ng *ng)
{
    ng_begin(ng, NG_ENHANCED);
    ng_number(ng, 0, 8);
    ng_end(ng);
}

static void strange_packet(struct ng *ng)
{
    ng_packet(ng, 1, 1, 3);
}

static void roomless_packet(struct ng *ng)
{
    ng_packet(ng, 0, 1, 8);
    ng->all.octets[ng->block + 23] = 9;
}

static void vast_packet(struct ng *ng)
{
    ng_packet(ng, 0, 1, 8);
    ng->all.octets[ng->block + 20] = 1;
}

static void unequal_lengths(struct ng *ng)
{
    ng_packet(ng, 0, 1, 8);
    ng->all.octets[ng->all.size - 1]++;
}

static void crooked_length(struct ng *ng)
{
    ng_packet(ng, 0, 1, 8);
    ng->all.octets[ng->block + 7]++;
}

static void vast_interface(struct ng *ng)
{
    ng_begin(ng, NG_INTERFACE);
    ng_number(ng, 0, 4);
    ng->all.octets[ng->block + 5] = 0x20;
}

static void zeros(struct ng *ng)
{
    put_number(&ng->all, 0, 64, true);
}

static void test_faults(void)
{
    check_fault(short_section, PF_BAD_BLOCK, "shorter than 28 octets");
    check_fault(later_section, PF_BAD_BLOCK, "version 2");
    check_fault(orderless_section, PF_BAD_BLOCK, "byte-order magic");
    check_fault(short_interface, PF_BAD_BLOCK, "shorter than 20 octets");
    check_fault(coarse_interface, PF_BAD_BLOCK, "time resolution");
    check_fault(overrun_interface, PF_BAD_BLOCK, "runs over its end");
    check_fault(short_packet, PF_BAD_BLOCK, "too short for its own fields");
    check_fault(strange_packet, PF_NO_INTERFACE, "interface 1 where the section has 1");
    check_fault(roomless_packet, PF_BAD_BLOCK, "room for 8");
    check_fault(vast_packet, PF_IMPOSSIBLE_LENGTH, "16777224 octets where at most 262144");
    check_fault(unequal_lengths, PF_BAD_BLOCK, "40 before it and 41 behind it");
    check_fault(crooked_length, PF_BAD_BLOCK, "length 41");
    check_fault(vast_interface, PF_IMPOSSIBLE_LENGTH, "type 0x00000001 and 2097152 octets");
    check_fault(zeros, PF_ZERO_RUN, "run of zeros");
}

/* All texts of interfaces together are bounded: a name beyond that is as if it were not said. */
static void test_interface_texts(void)
{
    static const char text[60000];
    struct ng ng = {.big_endian = false};
    struct walked walked;
    struct pf_error error;
    size_t named = 0, count = PF_MOST_INTERFACE_TEXT / sizeof text + 2;
    ng_section(&ng);
    for (size_t i = 0; i < count; i++) {
        ng_open_interface(&ng);
        ng_option(&ng, 2, text, sizeof text);
        ng_end(&ng);
    }
    CHECK_OK(walk_all(&walked, false, ng.all.octets, ng.all.size, &error));
    CHECK_EQ(walked.interfaces.count, count);
    for (size_t i = 0; i < walked.interfaces.count; i++)
        named += walked.interfaces.list[i]->name != NULL;
    CHECK_EQ(named, PF_MOST_INTERFACE_TEXT / sizeof text);
    walked_clear(&walked);
    built_clear(&ng.all);
}

int main(void)
{
    for (int big_endian = 0; big_endian < 2; big_endian++) {
        test_kept(big_endian != 0);
        test_truncated(big_endian != 0);
    }
    test_refused();
    test_bounds();
    test_faults();
    test_interface_texts();
    return checks_done();
}
