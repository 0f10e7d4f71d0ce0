/* Hits as one row per indicator: how many, the first and the last time, the feed; those seen most often first. */
#ifndef PF_MATCH_SUMMARY_H
#define PF_MATCH_SUMMARY_H

#include "base/frame.h"

/* `hits` has the columns of a pf_hits_sink, or rows of one. The summary must have been initialised to nothing. */
enum pf_status pf_match_summarise(const struct pf_frame *hits, struct pf_frame *summary, struct pf_error *error);

#endif
