/* The sink behind `detect`: who talked to whom and how, who claimed what, and the busiest seconds of each target.
 *
 *   workers          accept:  packet -> events                                               in parallel, by chunk
 *   one at a time    emit:    event -> talk or sighting, second of its target                in file order
 *
 * What is kept is bounded. A book that is full is turned into rows and begun anew, so that one long talk may have
 * several rows; rows beyond their most are counted and left out. With a window the books are begun anew at the first
 * packet of each. So rows are the same for every number of threads, bounds included. */
#ifndef PF_DETECT_SINK_H
#define PF_DETECT_SINK_H

#include "detect/rows.h"
#include "detect/save.h"
#include "pass/sink.h"

enum {
    PF_MOST_TALKS = 1 << 20,     /* at once: 240 MiB; a million sources that say hello once */
    PF_MOST_SIGHTINGS = 1 << 16, /* more than hardware addresses in a network, unless they are made up */
    PF_MOST_TARGETS = 1 << 16,   /* ends that are talked to within one second */
    PF_MOST_TALK_ROWS = 1 << 21, /* of all: 360 MiB; two busy days of a company */
    PF_MOST_OTHER_ROWS = 1 << 20,
    PF_BUSY_PACKETS = 30, /* a second with fewer packets to one target is no row: no flood has fewer */
};

struct pf_detect_options {
    int64_t window; /* ns, or 0 */
    /* Smaller bounds for tests; 0: those above. */
    size_t most_talks, most_rows;
};

struct pf_detect_sink {
    struct pf_sink sink;
    struct pf_detect_options options;
    struct pf_detect_save *save; /* the caller's, set after init: where events go instead; then there are no rows */
    struct pf_book talks, sightings, targets;
    struct pf_detect_rows rows[PF_DETECT_TABLES];
    size_t row_count[PF_DETECT_TABLES];
    int64_t window, second; /* of the last event */
    bool begun;
    bool asked; /* the event before was an answer that somebody had asked for */
    /* After finish: */
    uint64_t rows_left_out, closed_early, targets_left_out;
};

/* The frames are made, in the order of enum pf_detect_table; they are the caller's. */
enum pf_status pf_detect_sink_init(struct pf_detect_sink *sink, const struct pf_detect_options *options,
                                   struct pf_frame *frames[PF_DETECT_TABLES], struct pf_error *error);
void pf_detect_sink_clear(struct pf_detect_sink *sink);

#endif
