#include "capture/pcapng.h"

#include "base/alloc.h"
#include "base/cursor.h"

#include <inttypes.h>
#include <string.h>

/* Every block: | type | total length | body ... padded to four octets | total length |, in the octet order of its
 * section. */
enum { AROUND = 12, BEFORE_BODY = 8 };

enum block {
    SECTION = 0x0a0d0d0a, /* the same in either order */
    INTERFACE = 1,
    OBSOLETE = 2,
    SIMPLE = 3,
    NAMES = 4,
    STATISTICS = 5,
    ENHANCED = 6,
};

/* Nobody writes larger ones, and these must be looked at whole. */
#define MOST_DESCRIPTION ((uint32_t)1 << 20)
#define MOST_PACKET ((uint32_t)17 << 20) /* the longest packet of any link type, its fields and options */

enum { MAGIC_AT = 8, ZEROS = 64 };

/* A block that lies whole before us. */
struct block_view {
    uint32_t type, length;
    const uint8_t *body;
    size_t size; /* of the body */
};

static uint16_t half(const struct pf_walk *walk, const uint8_t *p)
{
    return walk->big_endian ? pf_be16(p) : pf_le16(p);
}

static uint32_t word(const struct pf_walk *walk, const uint8_t *p)
{
    return walk->big_endian ? pf_be32(p) : pf_le32(p);
}

static uint64_t two_words(const struct pf_walk *walk, const uint8_t *p)
{
    return (uint64_t)word(walk, p) << 32 | word(walk, p + 4);
}

/* A number of eight octets in the section's order. */
static uint64_t eight(const struct pf_walk *walk, const uint8_t *p)
{
    uint64_t first = word(walk, p), second = word(walk, p + 4);
    return walk->big_endian ? first << 32 | second : second << 32 | first;
}

/* Which order a section is in; false when the octets are no byte-order magic. */
static bool order_of(const uint8_t *magic, bool *big_endian)
{
    *big_endian = pf_be32(magic) == 0x1a2b3c4d;
    return *big_endian || pf_le32(magic) == 0x1a2b3c4d;
}

enum pf_status pf_pcapng_open(struct pf_walk *walk, const char *name, const uint8_t *head, size_t size,
                              struct pf_error *error)
{
    if (size >= MAGIC_AT + 4 && !order_of(head + MAGIC_AT, &walk->big_endian))
        return pf_fail(error, PF_NOT_CAPTURE,
                       "%s: is no capture: a pcapng file has 1a 2b 3c 4d at octet %d, and it has %02x %02x %02x %02x",
                       name, MAGIC_AT, head[MAGIC_AT], head[MAGIC_AT + 1], head[MAGIC_AT + 2], head[MAGIC_AT + 3]);
    if (size < PF_HEAD_OCTETS)
        return pf_fail(error, PF_NOT_CAPTURE,
                       "%s: is cut short within the section header of a pcapng file: it has only %zu octets", name,
                       size);
    walk->format = &pf_pcapng;
    return PF_OK;
}

/* --- options ----------------------------------------------------------------------------------------------------- */

enum option { END = 0, COMMENT = 1, NAME = 2, DESCRIPTION = 3, RESOLUTION = 9, TIME_OFFSET = 14 };
enum { SECTION_HARDWARE = 2, SECTION_SYSTEM = 3, SECTION_APPLICATION = 4 };
enum { STATISTICS_RECEIVED = 4, STATISTICS_DROPPED = 5 };

struct option_view {
    uint16_t code, size;
    const uint8_t *value;
};

/* The next option, or false at their end; *broken is set when it would run over that. */
static bool next_option(const struct pf_walk *walk, struct pf_cursor *options, struct option_view *option, bool *broken)
{
    const uint8_t *head = pf_cursor_need(options, 4);
    if (head == NULL)
        return false;
    option->code = half(walk, head);
    option->size = half(walk, head + 2);
    (void)pf_cursor_skip(options, 4);
    if (option->code == END)
        return false;
    option->value = options->at;
    if (!pf_cursor_skip(options, option->size)) {
        *broken = true;
        return false;
    }
    (void)pf_cursor_skip(options, (4u - option->size % 4u) % 4u); /* the last one's padding may be missing */
    return true;
}

static struct pf_cursor options_from(const struct block_view *block, size_t at)
{
    const uint8_t *end = block->body + block->size;
    return (struct pf_cursor){block->body + at, end, block->size - at};
}

/* Keeps the options of these codes as notes. */
static enum pf_status note_options(struct pf_walk *walk, const struct block_view *block, size_t at,
                                   const uint8_t *kinds, size_t kind_count, uint64_t frame_number,
                                   struct pf_error *error)
{
    struct pf_cursor options = options_from(block, at);
    struct option_view option;
    bool broken = false;
    while (walk->notes != NULL && next_option(walk, &options, &option, &broken)) {
        if (option.code >= 1 && option.code <= kind_count)
            PF_TRY(pf_notes_add(walk->notes, kinds[option.code - 1], frame_number, option.value, option.size, error));
    }
    return PF_OK;
}

/* --- blocks that describe ---------------------------------------------------------------------------------------- */

static enum pf_step bad(struct pf_fault *fault, const char *what)
{
    pf_fault_set(fault, PF_BAD_BLOCK, "%s", what);
    return PF_STEP_FAULT;
}

static enum pf_step stepped(enum pf_status status)
{
    return status == PF_OK ? PF_STEP_SKIP : PF_STEP_FAILED;
}

static enum pf_step section(struct pf_walk *walk, const struct block_view *block, struct pf_fault *fault,
                            struct pf_error *error)
{
    static const uint8_t kinds[] = {PF_NOTE_COMMENT, PF_NOTE_HARDWARE, PF_NOTE_SYSTEM, PF_NOTE_APPLICATION};
    enum { FIXED = 16 };
    if (block->size < FIXED)
        return bad(fault, "a section header is shorter than 28 octets");
    if (half(walk, block->body + 4) != 1) {
        pf_fault_set(fault, PF_BAD_BLOCK, "a section of pcapng version %u where only 1 can be read",
                     half(walk, block->body + 4));
        return PF_STEP_FAULT;
    }
    walk->section = walk->interfaces->count;
    return stepped(note_options(walk, block, FIXED, kinds, sizeof kinds, 0, error));
}

/* A text from the capture, to be owned. */
static char *text_of(const struct option_view *option)
{
    char *text = pf_alloc((size_t)option->size + 1);
    if (text != NULL && option->size != 0)
        memcpy(text, option->value, option->size);
    return text;
}

/* What of an interface's options was met: the first of each kind counts. */
struct options_met {
    bool resolution, time_offset;
};

static bool take_option(const struct pf_walk *walk, const struct option_view *option, struct pf_interface *interface,
                        struct options_met *met)
{
    char **text = option->code == NAME          ? &interface->name
                  : option->code == DESCRIPTION ? &interface->description
                                                : NULL;
    if (text != NULL && *text == NULL && option->size <= PF_MOST_INTERFACE_TEXT - walk->interfaces->text) {
        walk->interfaces->text += option->size;
        return (*text = text_of(option)) != NULL;
    }
    if (option->code == RESOLUTION && option->size == 1 && !met->resolution) {
        met->resolution = true;
        interface->binary = option->value[0] >> 7 != 0;
        interface->exponent = option->value[0] & 0x7f;
    }
    if (option->code == TIME_OFFSET && option->size == 8 && !met->time_offset) {
        met->time_offset = true;
        interface->offset = (int64_t)eight(walk, option->value);
    }
    return true;
}

static enum pf_step interface_block(struct pf_walk *walk, const struct block_view *block, struct pf_fault *fault,
                                    struct pf_error *error)
{
    enum { FIXED = 8, MOST_DECIMAL = 19, MOST_BINARY = 63 };
    static const uint8_t kinds[] = {PF_NOTE_COMMENT};
    if (block->size < FIXED)
        return bad(fault, "an interface block is shorter than 20 octets");
    if (walk->interfaces->count == PF_MOST_INTERFACES) {
        pf_fault_set(fault, PF_IMPOSSIBLE_LENGTH, "more than %zu interfaces", PF_MOST_INTERFACES);
        return PF_STEP_FAULT;
    }
    struct pf_interface interface = {
        .link_type = half(walk, block->body),
        .snap_len = word(walk, block->body + 4),
        .big_endian = walk->big_endian,
        .exponent = 6,
    };
    struct pf_cursor options = options_from(block, FIXED);
    struct option_view option;
    struct options_met met = {false, false};
    bool broken = false, memory = true;
    while (memory && next_option(walk, &options, &option, &broken))
        memory = take_option(walk, &option, &interface, &met);
    bool fine = interface.exponent <= (interface.binary ? MOST_BINARY : MOST_DECIMAL);
    if (!memory || broken || !fine) {
        pf_free(interface.name);
        pf_free(interface.description);
        if (memory)
            return bad(fault, broken ? "an option of an interface block runs over its end"
                                     : "an interface block has a time resolution that no clock has");
        (void)pf_fail_memory(error);
        return PF_STEP_FAILED;
    }
    if (pf_interfaces_add(walk->interfaces, &interface, error) != PF_OK)
        return PF_STEP_FAILED;
    return stepped(note_options(walk, block, FIXED, kinds, sizeof kinds, 0, error));
}

/* Only names and statistics that are asked for are looked at; a wrong one costs nothing but itself. */
static enum pf_step names(struct pf_walk *walk, const struct block_view *block, struct pf_error *error)
{
    enum { IPV4 = 1, IPV6 = 2 };
    struct pf_cursor records = options_from(block, 0);
    struct option_view record;
    bool broken = false;
    while (walk->notes != NULL && next_option(walk, &records, &record, &broken)) {
        size_t address = record.code == IPV4 ? 4 : record.code == IPV6 ? 16 : SIZE_MAX;
        if (record.size > address &&
            pf_notes_add(walk->notes, PF_NOTE_NAME, address, record.value, record.size, error) != PF_OK)
            return PF_STEP_FAILED;
    }
    return PF_STEP_SKIP;
}

static void statistics(const struct pf_walk *walk, const struct block_view *block)
{
    enum { FIXED = 12 };
    if (walk->notes == NULL || block->size < FIXED ||
        word(walk, block->body) >= walk->interfaces->count - walk->section)
        return;
    struct pf_interface *interface = walk->interfaces->list[walk->section + word(walk, block->body)];
    struct pf_cursor options = options_from(block, FIXED);
    struct option_view option;
    bool broken = false;
    while (next_option(walk, &options, &option, &broken)) {
        uint64_t value = option.size == 8 ? eight(walk, option.value) : 0;
        if (option.size == 8 && option.code == STATISTICS_RECEIVED) {
            interface->has_received = true;
            interface->received = value;
        } else if (option.size == 8 && option.code == STATISTICS_DROPPED) {
            interface->has_dropped = true;
            interface->dropped = value;
        }
    }
}

/* --- blocks that carry a packet ---------------------------------------------------------------------------------- */

/* Where a packet block has its fields; 0xff: it has no such field. */
struct layout {
    uint8_t interface_size, time, cap_len, len, data;
};

static const struct layout layouts[] = {
    [ENHANCED] = {4, 4, 12, 16, 20},
    [OBSOLETE] = {2, 4, 12, 16, 20},
    [SIMPLE] = {0, 0xff, 0xff, 0, 4},
};

static enum pf_step packet(const struct pf_walk *walk, const struct block_view *block, struct pf_record *record,
                           size_t *body, struct pf_fault *fault)
{
    const struct layout *layout = &layouts[block->type];
    if (block->size < layout->data)
        return bad(fault, "a packet block is too short for its own fields");
    uint32_t number = layout->interface_size == 4   ? word(walk, block->body)
                      : layout->interface_size == 2 ? half(walk, block->body)
                                                    : 0;
    size_t interfaces = walk->interfaces->count - walk->section;
    if (number >= interfaces) {
        pf_fault_set(fault, PF_NO_INTERFACE, "a packet on interface %" PRIu32 " where the section has %zu", number,
                     interfaces);
        return PF_STEP_FAULT;
    }
    const struct pf_interface *interface = walk->interfaces->list[walk->section + number];
    record->interface = interface;
    record->link_type = interface->link_type;
    record->len = word(walk, block->body + layout->len);
    if (layout->cap_len != 0xff)
        record->cap_len = word(walk, block->body + layout->cap_len);
    else
        record->cap_len =
            interface->snap_len != 0 && interface->snap_len < record->len ? interface->snap_len : record->len;
    uint32_t most = pf_most_captured(interface->link_type);
    if (record->cap_len > most) {
        pf_fault_set(fault, PF_IMPOSSIBLE_LENGTH,
                     "a captured length of %" PRIu32 " octets where at most %" PRIu32 " are possible", record->cap_len,
                     most);
        return PF_STEP_FAULT;
    }
    if (record->cap_len > block->size - layout->data) {
        pf_fault_set(fault, PF_BAD_BLOCK, "a packet of %" PRIu32 " octets in a block that has room for %zu",
                     record->cap_len, block->size - layout->data);
        return PF_STEP_FAULT;
    }
    record->timed = layout->time != 0xff &&
                    pf_interface_time(interface, two_words(walk, block->body + layout->time), &record->time);
    if (!record->timed)
        record->time = 0;
    *body = BEFORE_BODY + layout->data;
    return PF_STEP_RECORD;
}

/* Comments of packets, when somebody wants them. */
static enum pf_status note_packet(struct pf_walk *walk, const struct block_view *block, const struct pf_record *record,
                                  uint64_t frame_number, struct pf_error *error)
{
    static const uint8_t kinds[] = {PF_NOTE_COMMENT};
    size_t options = layouts[block->type].data + ((size_t)record->cap_len + 3) / 4 * 4;
    if (walk->notes == NULL || block->type == SIMPLE || options > block->size)
        return PF_OK;
    return note_options(walk, block, options, kinds, sizeof kinds, frame_number, error);
}

/* --- the walk ---------------------------------------------------------------------------------------------------- */

static bool is_packet(uint32_t type)
{
    return type == ENHANCED || type == SIMPLE || type == OBSOLETE;
}

/* Type and length of the block at hand; a section header sets the octet order. PF_STEP_RECORD: go on. */
static enum pf_step frame_of(struct pf_walk *walk, const uint8_t *octets, size_t have, bool all,
                             struct block_view *block, size_t *size, struct pf_fault *fault)
{
    *size = AROUND;
    if (have < AROUND)
        return PF_STEP_MORE;
    block->type = word(walk, octets);
    bool zeros = pf_all_zero(octets, AROUND);
    if (zeros && have < ZEROS && !all) {
        *size = ZEROS;
        return PF_STEP_MORE;
    }
    if (zeros && have >= ZEROS && pf_all_zero(octets, ZEROS)) {
        pf_fault_set(fault, PF_ZERO_RUN, "a run of zeros where a block should be, as of a hole in the file");
        return PF_STEP_FAULT;
    }
    if (block->type == SECTION && !order_of(octets + MAGIC_AT, &walk->big_endian))
        return bad(fault, "a section header without the byte-order magic 1a 2b 3c 4d");
    block->length = word(walk, octets + 4);
    if (block->length < AROUND || block->length % 4 != 0) {
        pf_fault_set(fault, PF_BAD_BLOCK,
                     "a block of type 0x%08" PRIx32 " has the length %" PRIu32
                     ": at least %d and a multiple of 4 are needed",
                     block->type, block->length, AROUND);
        return PF_STEP_FAULT;
    }
    return PF_STEP_RECORD;
}

/* The whole block must be there, and end as it began. PF_STEP_RECORD: go on. */
static enum pf_step whole(const struct pf_walk *walk, const uint8_t *octets, size_t have, struct block_view *block,
                          struct pf_fault *fault)
{
    if (have < block->length)
        return PF_STEP_MORE;
    uint32_t behind = word(walk, octets + block->length - 4);
    if (behind != block->length) {
        pf_fault_set(fault, PF_BAD_BLOCK, "a block has the length %" PRIu32 " before it and %" PRIu32 " behind it",
                     block->length, behind);
        return PF_STEP_FAULT;
    }
    block->body = octets + BEFORE_BODY;
    block->size = block->length - AROUND;
    return PF_STEP_RECORD;
}

static enum pf_step step(struct pf_walk *walk, const uint8_t *octets, size_t have, bool all, struct pf_record *record,
                         size_t *body, size_t *size, struct pf_fault *fault, struct pf_error *error)
{
    struct block_view block = {0, 0, NULL, 0};
    enum pf_step next = frame_of(walk, octets, have, all, &block, size, fault);
    if (next != PF_STEP_RECORD)
        return next;
    *size = block.length;
    bool description = block.type == SECTION || block.type == INTERFACE;
    uint32_t most = description ? MOST_DESCRIPTION : MOST_PACKET;
    if (block.length > most && !description && !is_packet(block.type)) {
        walk->counts_skipped = true; /* when it turns out to be there whole */
        walk->skipped_type = block.type;
        return PF_STEP_SKIP; /* too large to look at: its length is taken at its word, what follows shows if it was
                                wrong */
    }
    if (block.length > most) {
        pf_fault_set(fault, PF_IMPOSSIBLE_LENGTH,
                     "a block of type 0x%08" PRIx32 " and %" PRIu32 " octets where at most %" PRIu32 " are possible",
                     block.type, block.length, most);
        return PF_STEP_FAULT;
    }
    next = whole(walk, octets, have, &block, fault);
    if (next != PF_STEP_RECORD)
        return next;
    switch (block.type) {
    case SECTION:
        return section(walk, &block, fault, error);
    case INTERFACE:
        return interface_block(walk, &block, fault, error);
    case NAMES:
        return names(walk, &block, error);
    case STATISTICS:
        statistics(walk, &block);
        return PF_STEP_SKIP;
    case ENHANCED:
    case SIMPLE:
    case OBSOLETE:
        next = packet(walk, &block, record, body, fault);
        if (next == PF_STEP_RECORD && note_packet(walk, &block, record, record->frame_number, error) != PF_OK)
            return PF_STEP_FAILED;
        return next;
    default:
        pf_notes_block(walk->notes, block.type);
        return PF_STEP_SKIP;
    }
}

static enum pf_status begin(struct pf_walk *walk, struct pf_error *error)
{
    (void)error;
    walk->section = walk->interfaces->count;
    return PF_OK;
}

/* A block that says the same length before and behind it. */
static enum pf_likely likely(const struct pf_walk *walk, const uint8_t *octets, size_t have, size_t *size)
{
    if (have < AROUND)
        return PF_LIKELY_MORE;
    uint32_t length = word(walk, octets + 4);
    if (length < AROUND || length % 4 != 0 || length > MOST_PACKET)
        return PF_UNLIKELY;
    *size = length;
    if (have < length)
        return PF_LIKELY_MORE;
    return word(walk, octets + length - 4) == length ? PF_LIKELY : PF_UNLIKELY;
}

const struct pf_format pf_pcapng = {
    .name = "pcapng",
    .look_ahead = ZEROS,
    .nanoseconds = true,
    .likely = likely,
    .aligned = 4,
    .begin = begin,
    .step = step,
};
