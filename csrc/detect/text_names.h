/* DNS names: what each client asked for and was denied, as a whole and by registered domain. */
#ifndef PF_DETECT_TEXT_NAMES_H
#define PF_DETECT_TEXT_NAMES_H

#include "base/frame.h"
#include "detect/text_event.h"
#include "detect/text_rows.h"

enum { PF_TEXT_CLIENT_COLUMNS = 11, PF_TEXT_DOMAIN_COLUMNS = 17 };

struct pf_text_names {
    struct pf_text_rows clients, domains;
    struct pf_text_seen seen;
};

extern const struct pf_kind pf_text_client_kinds[PF_TEXT_CLIENT_COLUMNS];
extern const struct pf_kind pf_text_domain_kinds[PF_TEXT_DOMAIN_COLUMNS];

void pf_text_names_init(struct pf_text_names *names);
void pf_text_names_clear(struct pf_text_names *names);
/* On a worker: a message of unicast DNS with a question that can be read. */
enum pf_status pf_text_names_note(const struct pf_packet *packet, struct pf_text_piece *piece, struct pf_error *error);
/* In file order. */
enum pf_status pf_text_names_add(struct pf_text_names *names, const struct pf_text_event *event,
                                 struct pf_error *error);
/* Rows into frames that have the columns above. */
enum pf_status pf_text_names_frames(const struct pf_text_names *names, struct pf_frame *clients,
                                    struct pf_frame *domains, struct pf_error *error);

#endif
