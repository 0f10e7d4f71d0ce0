#include "capture/format.h"

#include "capture/pcap.h"
#include "capture/pcapng.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *pf_fault_name(enum pf_fault_kind kind)
{
    static const char *const names[] = {
        [PF_NO_FAULT] = "none",
        [PF_CUT_SHORT] = "cut_short",
        [PF_IMPOSSIBLE_LENGTH] = "impossible_length",
        [PF_BAD_BLOCK] = "bad_block",
        [PF_NO_INTERFACE] = "no_interface",
        [PF_ZERO_RUN] = "zero_run",
        [PF_SHRANK] = "shrank",
        [PF_UNUSABLE] = "unusable",
        [PF_OVERLAP] = "overlap",
        [PF_COMPRESSED_CUT_SHORT] = "compressed_cut_short",
        [PF_COMPRESSED_DAMAGED] = "compressed_damaged",
        [PF_TRAILING_GARBAGE] = "trailing_garbage",
        [PF_BOMB] = "bomb",
    };
    return names[kind];
}

void pf_fault_set(struct pf_fault *fault, enum pf_fault_kind kind, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
    fault->kind = kind;
}

bool pf_all_zero(const uint8_t *octets, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (octets[i] != 0)
            return false;
    }
    return true;
}

uint32_t pf_most_captured(uint32_t link_type)
{
    enum { DBUS = 231, USBPCAP = 249, EBHSCR = 279 };
    bool large = link_type == DBUS || link_type == USBPCAP || link_type == EBHSCR;
    return large ? 16u << 20 : 262144;
}

/* What people open by mistake, or what another version of us may read one day. One layer of compression is taken off
 * before octets come here. */
static const struct {
    size_t size;
    const char *octets, *what;
} known[] = {
    {2, "\x1f\x8b", "compressed twice over: the gzip file within must be decompressed first"},
    {3, "BZh", "compressed twice over: the bzip2 file within must be decompressed first"},
    {6, "\xfd\x37zXZ\0", "compressed twice over: the xz file within must be decompressed first"},
    {4, "\x28\xb5\x2f\xfd", "compressed twice over: the zstd file within must be decompressed first"},
    {4, "\x04\x22\x4d\x18", "compressed twice over: the lz4 file within must be decompressed first"},
    {4, "\x93PFX", "the index of a capture, not a capture"},
    {2, "PK", "a zip archive: extract the capture first"},
    {5, "snoop", "a snoop capture, which cannot be read: `editcap -F pcap` converts it"},
};

static enum pf_status not_capture(const char *name, const uint8_t *head, size_t size, struct pf_error *error)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (size >= known[i].size && memcmp(head, known[i].octets, known[i].size) == 0)
            return pf_fail(error, PF_NOT_CAPTURE, "%s: is %s", name, known[i].what);
    }
    return pf_fail(error, PF_NOT_CAPTURE,
                   "%s: is no capture: it begins with the octets %02x %02x %02x %02x, a pcap file with a1 b2 c3 d4 or "
                   "a kin, a pcapng file with 0a 0d 0d 0a",
                   name, head[0], head[1], head[2], head[3]);
}

enum pf_status pf_recognise(struct pf_walk *walk, const char *name, const uint8_t *head, size_t size,
                            struct pf_error *error)
{
    memset(walk, 0, sizeof *walk);
    if (size == 0)
        return pf_fail(error, PF_NOT_CAPTURE, "%s: is empty: a capture begins with a header of %d octets", name,
                       PF_PCAP_HEADER);
    if (size < 4)
        return pf_fail(error, PF_NOT_CAPTURE, "%s: is no capture: it has only %zu octets", name, size);
    if (memcmp(head, "\x0a\x0d\x0d\x0a", 4) == 0)
        return pf_pcapng_open(walk, name, head, size, error);
    if (!pf_pcap_magic(walk, head))
        return not_capture(name, head, size, error);
    if (size < PF_PCAP_HEADER)
        return pf_fail(error, PF_NOT_CAPTURE, "%s: is cut short within the header of a pcap file: %zu of %d octets",
                       name, size, PF_PCAP_HEADER);
    return pf_pcap_open(walk, name, head, error);
}
