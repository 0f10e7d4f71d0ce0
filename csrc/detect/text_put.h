/* Cells of a row being put, one column after the other: the small change of all tables of this sink. */
#ifndef PF_DETECT_TEXT_PUT_H
#define PF_DETECT_TEXT_PUT_H

#include "base/frame.h"
#include "detect/text_event.h"

struct pf_text_span {
    bool timed;
    int64_t first, last;
    uint64_t frame; /* of the first packet */
};

void pf_text_span_add(struct pf_text_span *span, const struct pf_text_event *event);

/* Writes a table: begin, for each row reserve and put its cells in order and end the row, finish. */
struct pf_text_put {
    struct pf_part *part;
    size_t columns, at;
};

enum pf_status pf_text_put_begin(struct pf_text_put *put, const struct pf_frame *frame, struct pf_error *error);
enum pf_status pf_text_put_reserve(struct pf_text_put *put, struct pf_error *error);
void pf_text_put_number(struct pf_text_put *put, uint64_t number);
void pf_text_put_time(struct pf_text_put *put, bool timed, int64_t time);
void pf_text_put_times(struct pf_text_put *put, const struct pf_text_span *span); /* two columns, and the frame */
enum pf_status pf_text_put_address(struct pf_text_put *put, const struct pf_value *address, struct pf_error *error);
enum pf_status pf_text_put_text(struct pf_text_put *put, const char *text, size_t length, struct pf_error *error);
void pf_text_put_row(struct pf_text_put *put);
/* The part is the frame's, or freed when `status` is a failure, which is returned. */
enum pf_status pf_text_put_end(struct pf_text_put *put, struct pf_frame *frame, enum pf_status status,
                               struct pf_error *error);

#endif
