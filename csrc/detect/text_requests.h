/* Requests of HTTP/1 that hold strings of attacks: counted by who sent them to whom and what they try. */
#ifndef PF_DETECT_TEXT_REQUESTS_H
#define PF_DETECT_TEXT_REQUESTS_H

#include "base/frame.h"
#include "detect/text_event.h"
#include "detect/text_rows.h"

enum { PF_TEXT_REQUEST_COLUMNS = 11 };

struct pf_text_requests {
    struct pf_text_rows rows;
};

extern const struct pf_kind pf_text_request_kinds[PF_TEXT_REQUEST_COLUMNS];

void pf_text_requests_init(struct pf_text_requests *requests);
void pf_text_requests_clear(struct pf_text_requests *requests);
/* On a worker: events for what the target and the fields of a request hold; credentials of the scheme Basic too. */
enum pf_status pf_text_requests_note(const struct pf_packet *packet, struct pf_text_piece *piece,
                                     struct pf_error *error);
/* In file order: PF_TEXT_REQUEST. */
enum pf_status pf_text_requests_add(struct pf_text_requests *requests, const struct pf_text_event *event,
                                    struct pf_error *error);
enum pf_status pf_text_requests_frame(const struct pf_text_requests *requests, struct pf_frame *frame,
                                      struct pf_error *error);

#endif
