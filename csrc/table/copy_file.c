#include "table/copy_file.h"

#include "base/alloc.h"
#include "capture/pcap.h"
#include "capture/pcapng.h"

#include <inttypes.h>
#include <string.h>

/* A place in what was gathered, before the first packet of an interface with a higher number than those ahead. */
struct mark {
    size_t at;
    const struct pf_interface *interface;
};

/* Records ready to be written, gathered from one chunk. */
struct pf_copied {
    uint8_t *octets;
    size_t size, capacity;
    struct mark *marks; /* the first one is at 0 */
    size_t mark_count, mark_capacity;
    uint64_t packets, captured;
    uint32_t snap_len;        /* the largest of snap lengths and records */
    uint64_t refused_at;      /* the number of the first packet that can't be in the file, */
    struct pf_error *refused; /* and why; or NULL. Told when it is its turn: so it is the first of all chunks */
};

static enum pf_status write_out(struct pf_copy_file *file, const void *octets, size_t size, struct pf_error *error)
{
    int failed = pf_draft_write(file->draft, octets, size);
    return failed == 0 ? PF_OK : pf_fail_sys(error, failed, file->as.path, "could not be written");
}

void pf_copied_free(struct pf_copied *copied)
{
    if (copied != NULL) {
        pf_free(copied->octets);
        pf_free(copied->marks);
        pf_free(copied->refused);
    }
    pf_free(copied);
}

/* Room for `size` more octets, or NULL. */
static uint8_t *room_for(struct pf_copied *copied, size_t size)
{
    if (size > copied->capacity - copied->size) {
        size_t capacity = pf_grown(copied->capacity, copied->size + size, 1);
        uint8_t *grown = capacity != 0 ? pf_realloc(copied->octets, capacity) : NULL;
        if (grown == NULL)
            return NULL;
        copied->octets = grown;
        copied->capacity = capacity;
    }
    return copied->octets + copied->size;
}

static bool same_link(const struct pf_interface *one, const struct pf_interface *other)
{
    return one->link_type == other->link_type && one->link_high == other->link_high;
}

static enum pf_status other_link(const char *path, const struct pf_interface *one, const struct pf_interface *other,
                                 struct pf_error *error)
{
    return pf_fail(error, PF_INVALID,
                   "%s: a pcap file holds one link type, and there are packets of %u and %u: write a .pcapng file",
                   path, one->link_type, other->link_type);
}

/* A few such records in a row are what a hole in a pcap file looks like, and a reader stops there. */
static bool is_hole(const struct pf_copy_as *as, const struct pf_record *record)
{
    return as->format == PF_COPY_PCAP && record->time == 0 && record->len == 0 && record->cap_len == 0;
}

static enum pf_status unfit(const struct pf_copy_as *as, const struct pf_record *record, struct pf_error *error)
{
    if (record->timed && is_hole(as, record))
        return pf_fail(error, PF_INVALID,
                       "%s: packet %" PRIu64 " has neither octets nor a length nor a time but 0, which in a pcap file "
                       "looks like a hole: write a .pcapng file",
                       as->path, record->frame_number);
    const char *why = record->timed ? "a time that does not fit" : "no time";
    return pf_fail(error, PF_INVALID, "%s: packet %" PRIu64 " has %s%s", as->path, record->frame_number, why,
                   as->format == PF_COPY_PCAP ? " into a pcap file: write a .pcapng file"
                   : record->timed            ? " into a pcapng file: it is before 1970"
                                              : ", and is not on the first interface");
}

/* Packet after packet into `copied`; what a record takes in the file, 0 when it can't be there. */
static size_t put_record(const struct pf_copy_as *as, uint8_t *to, const struct pf_record *record)
{
    if (as->format == PF_COPY_PCAPNG)
        return pf_pcapng_put_packet(to, record);
    if (!record->timed || !pf_pcap_put_record(to, record, as->nanoseconds))
        return 0;
    if (record->cap_len != 0)
        memcpy(to + PF_PCAP_RECORD_HEADER, record->octets, record->cap_len);
    return PF_PCAP_RECORD_HEADER + (size_t)record->cap_len;
}

static enum pf_status mark(struct pf_copied *copied, const struct pf_interface *interface, struct pf_error *error)
{
    if (copied->mark_count != 0 && interface->number <= copied->marks[copied->mark_count - 1].interface->number)
        return PF_OK;
    if (copied->mark_count == copied->mark_capacity) {
        size_t capacity = pf_grown(copied->mark_capacity, copied->mark_count + 1, sizeof *copied->marks);
        struct mark *marks = capacity != 0 ? pf_realloc(copied->marks, capacity * sizeof *marks) : NULL;
        if (marks == NULL)
            return pf_fail_memory(error);
        copied->marks = marks;
        copied->mark_capacity = capacity;
    }
    copied->marks[copied->mark_count++] = (struct mark){copied->size, interface};
    return PF_OK;
}

static enum pf_status add(struct pf_copied *copied, const struct pf_copy_as *as, const struct pf_record *record,
                          struct pf_error *error)
{
    const struct pf_interface *interface = record->interface;
    PF_TRY(mark(copied, interface, error));
    if (as->format == PF_COPY_PCAP && !same_link(copied->marks[0].interface, interface))
        return other_link(as->path, copied->marks[0].interface, interface, error);
    uint32_t longest = interface->snap_len > record->cap_len ? interface->snap_len : record->cap_len;
    if (longest > copied->snap_len)
        copied->snap_len = longest;
    uint8_t *to = room_for(copied, pf_pcapng_packet_room(record)); /* the larger of both formats */
    if (to == NULL)
        return pf_fail_memory(error);
    size_t size = put_record(as, to, record);
    copied->size += size;
    copied->packets++;
    copied->captured += record->cap_len;
    return size != 0 && !is_hole(as, record) ? PF_OK : unfit(as, record, error);
}

enum pf_status pf_copied_add(struct pf_copied **gathered, const struct pf_copy_as *as, const struct pf_record *record,
                             struct pf_error *error)
{
    if (*gathered == NULL)
        *gathered = pf_alloc(sizeof **gathered);
    struct pf_copied *copied = *gathered;
    if (copied == NULL)
        return pf_fail_memory(error);
    if (copied->refused != NULL)
        return PF_OK;
    enum pf_status status = add(copied, as, record, error);
    if (status != PF_INVALID)
        return status;
    copied->refused = pf_alloc(sizeof *copied->refused);
    if (copied->refused == NULL)
        return pf_fail_memory(error);
    *copied->refused = *error;
    copied->refused_at = record->frame_number;
    return PF_OK;
}

uint64_t pf_copied_refused_at(const struct pf_copied *copied)
{
    return copied->refused != NULL ? copied->refused_at : UINT64_MAX;
}

/* Describes the interfaces behind file->interface up to `last`, so that each has its number of the pass as its own. */
static enum pf_status describe(struct pf_copy_file *file, const struct pf_interface *last, struct pf_error *error)
{
    size_t known = file->interface != NULL ? file->interface->number + 1 : 0;
    if (last->number < known)
        return PF_OK;
    const struct pf_interface **order = pf_interfaces_between(known, last);
    if (order == NULL)
        return pf_fail_memory(error);
    enum pf_status status = PF_OK;
    for (size_t i = 0; i <= last->number - known && status == PF_OK; i++) {
        uint8_t *block = pf_alloc(pf_pcapng_interface_room(order[i]));
        status = block != NULL ? write_out(file, block, pf_pcapng_put_interface(block, order[i]), error)
                               : pf_fail_memory(error);
        pf_free(block);
    }
    pf_free(order);
    file->interface = last;
    return status;
}

/* Each interface is described right before the first packet that needs it, wherever chunks end. */
static enum pf_status write_pcapng(struct pf_copy_file *file, const struct pf_copied *copied, struct pf_error *error)
{
    for (size_t i = 0; i < copied->mark_count; i++) {
        size_t from = copied->marks[i].at, to = i + 1 < copied->mark_count ? copied->marks[i + 1].at : copied->size;
        PF_TRY(describe(file, copied->marks[i].interface, error));
        PF_TRY(write_out(file, copied->octets + from, to - from, error));
    }
    return PF_OK;
}

static enum pf_status write_pcap(struct pf_copy_file *file, const struct pf_copied *copied, struct pf_error *error)
{
    const struct pf_interface *interface = copied->marks[0].interface;
    if (file->interface == NULL)
        file->interface = interface;
    if (!same_link(file->interface, interface))
        return other_link(file->as.path, file->interface, interface, error);
    if (copied->snap_len > file->snap_len)
        file->snap_len = copied->snap_len;
    return write_out(file, copied->octets, copied->size, error);
}

enum pf_status pf_copy_file_write(struct pf_copy_file *file, const struct pf_copied *copied, struct pf_error *error)
{
    file->packets += copied->packets;
    file->octets += copied->captured;
    PF_TRY(file->as.format == PF_COPY_PCAPNG ? write_pcapng(file, copied, error) : write_pcap(file, copied, error));
    if (copied->refused == NULL)
        return PF_OK;
    *error = *copied->refused;
    return error->status;
}

/* The header of a pcap file can be written now that the packets' link type and the longest of them are known: readers
 * cut packets to the snap length it gives. */
enum pf_status pf_copy_file_finish(struct pf_copy_file *file, struct pf_error *error)
{
    if (file->as.format == PF_COPY_PCAPNG)
        return PF_OK;
    const struct pf_interface *interface = file->interface != NULL ? file->interface : &file->fallback;
    uint8_t header[PF_PCAP_HEADER];
    pf_pcap_put_header(header, interface->link_type, interface->link_high, file->snap_len, file->as.nanoseconds);
    int failed = pf_draft_write_at(file->draft, header, sizeof header, 0);
    return failed == 0 ? PF_OK : pf_fail_sys(error, failed, file->as.path, "could not be written");
}

struct pf_copy_as pf_copy_as_of(enum pf_copy_format format, struct pf_input *const *inputs, size_t input_count,
                                const char *path)
{
    struct pf_copy_as as = {.format = format, .path = path};
    for (size_t i = 0; i < input_count; i++)
        as.nanoseconds |= inputs[i]->walk.format->nanoseconds || inputs[i]->walk.nanoseconds;
    return as;
}

enum pf_status pf_copy_file_begin(struct pf_copy_file *file, enum pf_copy_format format, struct pf_draft *draft,
                                  struct pf_input *const *inputs, size_t input_count, struct pf_error *error)
{
    enum { ETHERNET = 1 };
    memset(file, 0, sizeof *file);
    file->draft = draft;
    file->as = pf_copy_as_of(format, inputs, input_count, draft->path);
    file->fallback.link_type = ETHERNET;
    for (size_t i = input_count; i != 0; i--) {
        const struct pf_input *input = inputs[i - 1];
        if (input->interfaces.count != 0)
            file->fallback = *input->interfaces.list[0];
    }
    file->snap_len = file->fallback.snap_len;
    uint8_t begin[PF_PCAPNG_SECTION] = {0};
    size_t size =
        format == PF_COPY_PCAPNG ? pf_pcapng_put_section(begin) : PF_PCAP_HEADER; /* the latter comes at the end */
    return write_out(file, begin, size, error);
}
