#include "capture/pcap.h"

#include "base/cursor.h"

#include <inttypes.h>

/* Record headers (four octets each; Kuznetzov's form adds interface, protocol and packet type, 8 octets):
 *
 *    seconds | fraction | captured length | length on the wire |
 */
enum { KUZNETZOV_RECORD_HEADER = 24 };

static const struct {
    uint32_t magic;
    bool nanoseconds, kuznetzov;
} magics[] = {
    {0xa1b2c3d4, false, false},
    {0xa1b23c4d, true, false},
    {0xa1b2cd34, false, true},
};

bool pf_pcap_magic(struct pf_walk *walk, const uint8_t *head)
{
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        bool big = pf_be32(head) == magics[i].magic;
        if (big || pf_le32(head) == magics[i].magic) {
            walk->big_endian = big;
            walk->nanoseconds = magics[i].nanoseconds;
            walk->kuznetzov = magics[i].kuznetzov;
            return true;
        }
    }
    return false;
}

static uint32_t word(const struct pf_walk *walk, const uint8_t *p)
{
    return walk->big_endian ? pf_be32(p) : pf_le32(p);
}

enum pf_status pf_pcap_open(struct pf_walk *walk, const char *name, const uint8_t *head, struct pf_error *error)
{
    uint16_t major = walk->big_endian ? pf_be16(head + 4) : pf_le16(head + 4);
    uint16_t minor = walk->big_endian ? pf_be16(head + 6) : pf_le16(head + 6);
    uint32_t link = word(walk, head + 20);
    if (major != 2)
        return pf_fail(error, PF_NOT_CAPTURE, "%s: pcap version %u.%u at octet 4: only version 2 can be read", name,
                       major, minor);
    if ((link & 0x03ff0000) != 0)
        return pf_fail(error, PF_NOT_CAPTURE,
                       "%s: the link type at octet 20 is 0x%08" PRIx32 ": its bits 16 to 25 are reserved and must be 0",
                       name, link);
    walk->format = &pf_pcap;
    walk->offset = PF_PCAP_HEADER;
    walk->swapped_lengths = minor < 3;
    walk->maybe_swapped = minor == 3;
    walk->snap_len = word(walk, head + 16);
    walk->link_type = (uint16_t)link;
    walk->link_high = (uint8_t)(link >> 26);
    return PF_OK;
}

/* A fraction of a second or more is kept as it stands: that cannot leave 63 bits. */
static int64_t time_of(const struct pf_walk *walk, uint32_t seconds, uint32_t fraction)
{
    return (int64_t)seconds * 1000000000 + (int64_t)fraction * (walk->nanoseconds ? 1 : 1000);
}

static enum pf_status begin(struct pf_walk *walk, struct pf_error *error)
{
    struct pf_interface interface = {
        .link_type = walk->link_type,
        .link_high = walk->link_high,
        .snap_len = walk->snap_len,
        .big_endian = walk->big_endian,
        .exponent = walk->nanoseconds ? 9 : 6,
    };
    walk->section = walk->interfaces->count;
    return pf_interfaces_add(walk->interfaces, &interface, error);
}

enum { ZERO_RUN = 4 }; /* record headers */

static enum pf_step step(struct pf_walk *walk, const uint8_t *octets, size_t have, bool all, struct pf_record *record,
                         size_t *body, size_t *size, struct pf_fault *fault, struct pf_error *error)
{
    (void)error;
    size_t header = walk->kuznetzov ? KUZNETZOV_RECORD_HEADER : PF_PCAP_RECORD_HEADER;
    *size = header;
    if (have < header)
        return PF_STEP_MORE;
    uint32_t cap_len = word(walk, octets + 8), len = word(walk, octets + 12);
    if (walk->swapped_lengths || (walk->maybe_swapped && cap_len > len)) { /* before version 2.3, and by some in it */
        uint32_t first = cap_len;
        cap_len = len;
        len = first;
    }
    bool zeros = cap_len == 0 && pf_all_zero(octets, header);
    if (zeros && have < ZERO_RUN * header && !all) {
        *size = ZERO_RUN * header;
        return PF_STEP_MORE;
    }
    if (zeros && have >= ZERO_RUN * header && pf_all_zero(octets, ZERO_RUN * header)) {
        pf_fault_set(fault, PF_ZERO_RUN, "a run of zeros where a record should be, as of a hole in the file");
        return PF_STEP_FAULT;
    }
    if (cap_len > pf_most_captured(walk->link_type)) {
        pf_fault_set(fault, PF_IMPOSSIBLE_LENGTH,
                     "a captured length of %" PRIu32 " octets where at most %" PRIu32 " are possible", cap_len,
                     pf_most_captured(walk->link_type));
        return PF_STEP_FAULT;
    }
    record->interface = walk->interfaces->list[walk->section];
    record->time = time_of(walk, word(walk, octets), word(walk, octets + 4));
    record->timed = true;
    record->cap_len = cap_len;
    record->len = len;
    record->link_type = walk->link_type;
    *body = header;
    *size = header + cap_len;
    return PF_STEP_RECORD;
}

/* Longer than anything on a wire, segments before they are cut among them. Without it headers four octets on, whose
 * length is part of an address, would chain as well as the right ones. */
#define MOST_LIKELY ((uint32_t)1 << 20)

/* A fraction of less than a second, and no more captured than there was on the wire, which was something. */
static enum pf_likely likely(const struct pf_walk *walk, const uint8_t *octets, size_t have, size_t *size)
{
    size_t header = walk->kuznetzov ? KUZNETZOV_RECORD_HEADER : PF_PCAP_RECORD_HEADER;
    if (have < header)
        return PF_LIKELY_MORE;
    uint32_t cap_len = word(walk, octets + 8), len = word(walk, octets + 12);
    if (walk->swapped_lengths || (walk->maybe_swapped && cap_len > len)) {
        uint32_t first = cap_len;
        cap_len = len;
        len = first;
    }
    *size = header + cap_len;
    bool good = word(walk, octets + 4) < (walk->nanoseconds ? 1000000000u : 1000000u) && cap_len <= len && len != 0 &&
                (len <= MOST_LIKELY || len <= pf_most_captured(walk->link_type)) &&
                cap_len <= pf_most_captured(walk->link_type);
    return good ? PF_LIKELY : PF_UNLIKELY;
}

const struct pf_format pf_pcap = {
    .name = "pcap",
    .look_ahead = ZERO_RUN * KUZNETZOV_RECORD_HEADER,
    .likely = likely,
    .aligned = 1,
    .begin = begin,
    .step = step,
};

void pf_pcap_put_header(uint8_t header[PF_PCAP_HEADER], uint16_t link_type, uint8_t link_high, uint32_t snap_len,
                        bool nanoseconds)
{
    (void)pf_put_le32(header, nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4);
    (void)pf_put_le32(header + 4, 4u << 16 | 2); /* version 2.4 */
    (void)pf_put_le32(header + 8, 0);
    (void)pf_put_le32(header + 12, 0);
    (void)pf_put_le32(header + 16, snap_len);
    (void)pf_put_le32(header + 20, (uint32_t)link_high << 26 | link_type);
}

bool pf_pcap_put_record(uint8_t header[PF_PCAP_RECORD_HEADER], const struct pf_record *record, bool nanoseconds)
{
    /* The last second that fits may carry a fraction of more than one: what could be read can be written. */
    int64_t unit = nanoseconds ? 1 : 1000, seconds = record->time / 1000000000;
    if (seconds > UINT32_MAX)
        seconds = UINT32_MAX;
    int64_t fraction = (record->time - seconds * 1000000000) / unit;
    if (record->time < 0 || fraction > UINT32_MAX)
        return false;
    (void)pf_put_le32(header, (uint32_t)seconds);
    (void)pf_put_le32(header + 4, (uint32_t)fraction);
    (void)pf_put_le32(header + 8, record->cap_len);
    (void)pf_put_le32(header + 12, record->len);
    return true;
}
