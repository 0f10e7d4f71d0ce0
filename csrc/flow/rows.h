/* Ended flows as rows of a frame, a column per feature that the variant has. One thread at a time. */
#ifndef PF_FLOW_ROWS_H
#define PF_FLOW_ROWS_H

#include "base/dictionary.h"
#include "base/frame.h"
#include "flow/feature.h"
#include "flow/stage.h"

/* Rows handed on together: the columns of a part stay within a core's second-level cache. */
enum { PF_FLOW_ROWS = 1024 };

struct pf_flow_rows {
    const struct pf_flow_options *options;
    struct pf_kind kinds[PF_FEATURE_COUNT + PF_EXTRA_COUNT];
    enum pf_feature features[PF_FEATURE_COUNT];       /* of each column, */
    enum pf_flow_extra_column extras[PF_EXTRA_COUNT]; /* and of those that come behind */
    size_t columns, feature_count;
    const struct pf_dictionary *texts; /* what codes of extras stand for: the caller's */
    struct pf_part *part;              /* being filled, or NULL */
    struct pf_frame *frame;            /* the caller's */
    /* Where rows go instead of into the frame, as they end; the part is the receiver's. Or NULL. */
    enum pf_status (*ready)(void *context, struct pf_part *part, struct pf_error *error);
    void *context;
};

/* The frame must have been initialised to nothing; it gets its columns here. */
enum pf_status pf_flow_rows_init(struct pf_flow_rows *rows, const struct pf_flow_options *options,
                                 struct pf_frame *frame, struct pf_error *error);
void pf_flow_rows_clear(struct pf_flow_rows *rows);
enum pf_status pf_flow_rows_add(struct pf_flow_rows *rows, const struct pf_flow *flow, enum pf_flow_reason reason,
                                struct pf_error *error);
/* Hands on what is not full. */
enum pf_status pf_flow_rows_flush(struct pf_flow_rows *rows, struct pf_error *error);
/* The frame's rows by start time, then first packet. */
enum pf_status pf_flow_rows_sort(struct pf_flow_rows *rows, struct pf_error *error);

/* values.c: the numbers of a row, by feature, as pf_column_put_number() takes them. */
void pf_flow_values(const struct pf_flow_options *options, const struct pf_flow *flow, uint64_t *words);

/* quantize.c: a double, given by its bits, as a spreadsheet left it in the published files: three digits from 10^7 on,
 * else what eleven characters hold. */
double pf_flow_quantized(uint64_t word);

#endif
