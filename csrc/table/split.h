/* The sink that writes each packet to the capture whose name its fields make.
 *
 *   parts:  "out/" | eth_src | "-" | time | ".pcap"    -->  out/00-00-5e-00-53-01-20261124T040000Z.pcap
 *
 * Names are made of letters, digits, '.', '_' and '-': in addresses colons become '-', every other octet %XX. A packet
 * without the field goes to the name `null`. All files appear when the pass has gone well, or none. */
#ifndef PF_TABLE_SPLIT_H
#define PF_TABLE_SPLIT_H

#include "field/field.h"
#include "pass/sink.h"
#include "table/copy_file.h"

enum {
    PF_MOST_SPLIT_FILES = 65536, /* more is a mistake: a column that is different for every packet */
    PF_MOST_SPLIT_NAME = 200,    /* octets of one part of a name: file systems take 255 for all */
    PF_MOST_SPLIT_PARTS = 32,
};

struct pf_split_part { /* one of the three */
    const char *literal;
    const struct pf_field *field;
    int64_t every; /* the start of the bin of so many ns, of the packet's time */
};

struct pf_split_file {
    struct pf_draft draft;
    struct pf_copy_file file;
    bool resting;
};

struct pf_split_sink {
    struct pf_sink sink;
    const struct pf_split_part *parts; /* the caller's, as what follows */
    size_t part_count;
    const struct pf_dictionary *renamed; /* texts of the first field with names of their own: names[code]; or NULL */
    const char *const *names;
    const char *const *input_names;
    struct pf_input *const *inputs;
    size_t input_count;
    struct pf_copy_as as;
    struct pf_split_worker *workers;
    unsigned worker_count;
    struct pf_dictionary paths; /* of files, in order of first appearance */
    struct pf_split_file **files;
    size_t capacity, open;
};

void pf_split_sink_init(struct pf_split_sink *sink, enum pf_copy_format format, const struct pf_split_part *parts,
                        size_t part_count, struct pf_input *const *inputs, size_t input_count);
/* Makes the files appear, after a pass that went well; and abandons what did not appear. */
enum pf_status pf_split_sink_commit(struct pf_split_sink *sink, struct pf_error *error);
void pf_split_sink_clear(struct pf_split_sink *sink);

#endif
