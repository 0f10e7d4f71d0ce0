/* A new capture that packets are written to: original octets, times, lengths and interfaces.
 *
 *   chunk ... records --pf_copied_add--> struct pf_copied --pf_copy_file_write--> struct pf_copy_file
 *
 * Workers gather what their chunks bring, each for itself; one thread at a time writes it, in file order. */
#ifndef PF_TABLE_COPY_FILE_H
#define PF_TABLE_COPY_FILE_H

#include "base/os_file.h"
#include "capture/input.h"

enum pf_copy_format { PF_COPY_PCAP, PF_COPY_PCAPNG };

struct pf_copy_as {
    enum pf_copy_format format;
    bool nanoseconds; /* pcap: whether any input may have them */
    const char *path; /* for messages */
};

struct pf_copy_as pf_copy_as_of(enum pf_copy_format format, struct pf_input *const *inputs, size_t input_count,
                                const char *path);

struct pf_copied; /* records ready to be written */

/* Adds a record to what *gathered has, NULL for nothing. What the format can't hold, in pcap two link types and packets
 * without a time, is PF_INVALID when it is written: then the first of it is met first, however many threads gather. */
enum pf_status pf_copied_add(struct pf_copied **gathered, const struct pf_copy_as *as, const struct pf_record *record,
                             struct pf_error *error);
uint64_t pf_copied_refused_at(const struct pf_copied *copied); /* which packet that is; UINT64_MAX: none */
void pf_copied_free(struct pf_copied *copied);                 /* NULL is fine */

struct pf_copy_file {
    struct pf_draft *draft; /* the caller's, begun; the caller commits it */
    struct pf_copy_as as;
    const struct pf_interface *interface; /* pcap: the first packet's; pcapng: the last one described */
    struct pf_interface fallback;         /* pcap: what the header of a file without packets says */
    uint32_t snap_len;
    uint64_t packets, octets; /* written so far */
};

enum pf_status pf_copy_file_begin(struct pf_copy_file *file, enum pf_copy_format format, struct pf_draft *draft,
                                  struct pf_input *const *inputs, size_t input_count, struct pf_error *error);
enum pf_status pf_copy_file_write(struct pf_copy_file *file, const struct pf_copied *copied, struct pf_error *error);
enum pf_status pf_copy_file_finish(struct pf_copy_file *file,
                                   struct pf_error *error); /* before the draft is committed */

#endif
