/* The sink that turns packets into a frame: one row each, in file order, a column per field. */
#ifndef PF_TABLE_PACKETS_H
#define PF_TABLE_PACKETS_H

#include "base/frame.h"
#include "base/os_thread.h"
#include "field/field.h"
#include "pass/sink.h"

struct pf_packets_sink {
    struct pf_sink sink;
    const struct pf_field *const *fields; /* the caller's, as is the array */
    size_t field_count;
    const char *const *files; /* of each input: its name; the caller's */
    struct pf_kind *kinds;
    uint64_t *within; /* of each field, as of its group */
    char **texts;     /* and PF_WRITER_ROOM octets for each, where a field is written */
    unsigned worker_count;
    struct pf_mutex lock;    /* of the two below */
    struct pf_part **spares; /* emptied ones, for workers to fill again; at most as many as workers */
    unsigned spare_count;
    struct pf_frame *frame; /* the caller's */
};

/* The frame must have been initialised to nothing; it gets the fields' columns here. */
enum pf_status pf_packets_sink_init(struct pf_packets_sink *sink, const struct pf_field *const *fields, size_t count,
                                    const char *const *files, struct pf_frame *frame, struct pf_error *error);
void pf_packets_sink_clear(struct pf_packets_sink *sink);

#endif
