/* The sink that writes packets to a new pcap file: original octets, times and lengths, in file order. */
#ifndef PF_TABLE_COPY_H
#define PF_TABLE_COPY_H

#include "base/os_file.h"
#include "capture/input.h"
#include "pass/sink.h"

struct pf_copy_sink {
    struct pf_sink sink;
    struct pf_draft *draft; /* the caller's, begun; the caller commits it */
    struct pf_walk like;    /* what the header says */
    uint32_t snap_len;
    bool nanoseconds;
    uint64_t written; /* packets, after finish */
    struct pf_copied **open;
    unsigned worker_count;
};

/* Writes the header of the new file, which must hold what these inputs hold: one link type. */
enum pf_status pf_copy_sink_init(struct pf_copy_sink *sink, struct pf_draft *draft, struct pf_input *const *inputs,
                                 size_t input_count, struct pf_error *error);
void pf_copy_sink_clear(struct pf_copy_sink *sink);

#endif
