/* Groups as a table: time (the start of the bin), the fields, count, error, and a column for each aggregate; ordered by
 * bin, then count descending, then key. */
#ifndef PF_TALLY_GROUP_FRAME_H
#define PF_TALLY_GROUP_FRAME_H

#include "base/crew.h"
#include "base/frame.h"
#include "tally/group.h"

enum { PF_TALLY_MOST_FILLED = 10 * 1000 * 1000 }; /* rows, with those of no packet: some GiB at ten columns */

/* A new frame (init it not). Asks the host between parts, where there is one, whether to go on. */
enum pf_status pf_tally_frame(struct pf_frame *frame, const struct pf_tally *groups, const struct pf_host *host,
                              struct pf_error *error);

#endif
