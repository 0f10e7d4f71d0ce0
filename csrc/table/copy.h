/* The sink that writes packets to a new capture: original octets, times, lengths and interfaces, in file order. */
#ifndef PF_TABLE_COPY_H
#define PF_TABLE_COPY_H

#include "base/os_file.h"
#include "capture/input.h"
#include "pass/sink.h"

enum pf_copy_format { PF_COPY_PCAP, PF_COPY_PCAPNG };

struct pf_copy_sink {
    struct pf_sink sink;
    struct pf_draft *draft; /* the caller's, begun; the caller commits it */
    enum pf_copy_format format;
    bool nanoseconds;                     /* pcap: whether any input may have them */
    const struct pf_interface *interface; /* pcap: the first packet's; pcapng: the last one described */
    struct pf_interface fallback;         /* pcap: what the header of a file without packets says */
    uint32_t snap_len;
    uint64_t written; /* packets, after finish */
    struct pf_copied **open;
    unsigned worker_count;
};

/* Begins the new file. What it can't hold is PF_INVALID, when it comes: in pcap one link type and packets with a time.
 */
enum pf_status pf_copy_sink_init(struct pf_copy_sink *sink, enum pf_copy_format format, struct pf_draft *draft,
                                 struct pf_input *const *inputs, size_t input_count, struct pf_error *error);
void pf_copy_sink_clear(struct pf_copy_sink *sink);

#endif
