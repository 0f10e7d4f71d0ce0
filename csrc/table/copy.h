/* The sink that writes packets to a new capture, in file order. */
#ifndef PF_TABLE_COPY_H
#define PF_TABLE_COPY_H

#include "pass/sink.h"
#include "table/copy_file.h"

struct pf_copy_sink {
    struct pf_sink sink;
    struct pf_copy_file file;
};

enum pf_status pf_copy_sink_init(struct pf_copy_sink *sink, enum pf_copy_format format, struct pf_draft *draft,
                                 struct pf_input *const *inputs, size_t input_count, struct pf_error *error);

#endif
