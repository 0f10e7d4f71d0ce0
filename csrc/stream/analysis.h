/* What is told of a TCP segment by those before it: the number of its connection, whether it repeats what was sent or
 * acknowledged before, how long what it acknowledges took. docs/decoding.md has the rules, which are Wireshark's as
 * its documentation and its answers tell them. One thread at a time, in file order. */
#ifndef PF_STREAM_ANALYSIS_H
#define PF_STREAM_ANALYSIS_H

#include "stream/segment.h"

enum {
    /* Connections: a million cost 300 MB. What comes later of one that gave way is a new one. */
    PF_ANALYSIS_CONNECTIONS = 1 << 20,
    /* Segments of one direction that wait for their acknowledgment: more than a window of a megabyte holds. */
    PF_ANALYSIS_SENT = 1024,
};

struct pf_analysis {
    struct pf_connections connections;
    uint32_t streams; /* seen so far */
    size_t sent;      /* room for segments that wait, in all directions; at most: */
    size_t most_sent;
};

void pf_analysis_init(struct pf_analysis *analysis);
void pf_analysis_clear(struct pf_analysis *analysis); /* zeroed is fine */
/* Sets segment->found. */
enum pf_status pf_analysis_take(struct pf_analysis *analysis, struct pf_segment *segment, struct pf_error *error);

#endif
