/* Columns for other libraries: Arrow's C data and C stream interfaces (arrow.apache.org/docs/format/CDataInterface).
 *
 * Nothing is copied. An array keeps the columns it shows by counting references, so it outlives what it was made from,
 * and is released by whoever has it, on any thread. What is moved (its struct copied, `release` of the old one set to
 * NULL) is released where it is then; children and dictionaries may be moved alone. One thread at a time per struct.
 *
 *   PF_UINT8 ... PF_INT64   C S I L l      PF_DOUBLE   g             PF_TIME     tsn:UTC
 *   PF_TEXT                 i, with a dictionary of u, one per batch and not the same in each
 *   PF_STRING               U              PF_BINARY   Z */
#ifndef PF_BASE_ARROW_H
#define PF_BASE_ARROW_H

#include "base/frame.h"

enum { PF_ARROW_NULLABLE = 2 };

struct pf_arrow_schema {
    const char *format, *name, *metadata;
    int64_t flags, n_children;
    struct pf_arrow_schema **children, *dictionary;
    void (*release)(struct pf_arrow_schema *schema);
    void *private_data;
};

struct pf_arrow_array {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    struct pf_arrow_array **children, *dictionary;
    void (*release)(struct pf_arrow_array *array);
    void *private_data;
};

/* The functions return 0 or an errno; last_error's text lives until the next call. */
struct pf_arrow_stream {
    int (*get_schema)(struct pf_arrow_stream *stream, struct pf_arrow_schema *schema);
    int (*get_next)(struct pf_arrow_stream *stream, struct pf_arrow_array *array); /* a released array is the end */
    const char *(*get_last_error)(struct pf_arrow_stream *stream);
    void (*release)(struct pf_arrow_stream *stream);
    void *private_data;
};

/* A struct of the columns. `note` is JSON that says where they come from: metadata under the key "pcapframe"; may be
 * NULL. */
enum pf_status pf_arrow_schema_make(struct pf_arrow_schema *schema, const struct pf_kind *kinds, size_t columns,
                                    const char *note, struct pf_error *error);
/* A part's rows; the part may go then. */
enum pf_status pf_arrow_array_make(struct pf_arrow_array *array, const struct pf_part *part, size_t columns,
                                   struct pf_error *error);
/* A frame's parts, one after the other; the frame may go then. */
enum pf_status pf_arrow_stream_make(struct pf_arrow_stream *stream, const struct pf_frame *frame, const char *note,
                                    struct pf_error *error);

int pf_arrow_errno(const struct pf_error *error); /* what a stream's function returns for it */

#endif
