/* The sums of talks, sightings and seconds as the rows of three tables. */
#ifndef PF_DETECT_ROWS_H
#define PF_DETECT_ROWS_H

#include "base/frame.h"
#include "detect/talk.h"

enum pf_detect_table { PF_DETECT_TALKS, PF_DETECT_SIGHTINGS, PF_DETECT_SECONDS, PF_DETECT_TABLES };

struct pf_detect_rows {
    struct pf_frame *frame;
    enum pf_detect_table table;
    struct pf_part *part; /* being filled */
};

/* The frame is made; it is the caller's. */
enum pf_status pf_detect_rows_init(struct pf_detect_rows *rows, enum pf_detect_table table, struct pf_frame *frame,
                                   struct pf_error *error);
void pf_detect_rows_clear(struct pf_detect_rows *rows);
/* `window` is the start of the one it belongs to; the entry is a struct of talk.h. Of a second `time` is its start. */
enum pf_status pf_detect_rows_add(struct pf_detect_rows *rows, int64_t window, int64_t time, const void *entry,
                                  struct pf_error *error);
enum pf_status pf_detect_rows_flush(struct pf_detect_rows *rows, struct pf_error *error);

#endif
