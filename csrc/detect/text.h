/* The sink of what detectors read of text: DNS names, requests of HTTP, logins in clear text, each as a plain table.
 *
 *   workers          accept:  packet -> events (text_event.h)                            in parallel, by chunk
 *   one at a time    emit:    event -> rows of text_names, text_requests, text_logins    in file order
 *
 * Rows and limits are the same for every number of threads and chunk size. What the limits left out is counted in the
 * last table: where a count there is not 0, the tables are lower bounds. */
#ifndef PF_DETECT_TEXT_H
#define PF_DETECT_TEXT_H

#include "detect/text_logins.h"
#include "detect/text_names.h"
#include "detect/text_requests.h"
#include "detect/text_save.h"
#include "pass/sink.h"

enum pf_text_table {
    PF_TEXT_CLIENTS,  /* a row per client of DNS */
    PF_TEXT_DOMAINS,  /* a row per client and registered domain */
    PF_TEXT_REQUESTS, /* a row per source, target, port and kind of attack */
    PF_TEXT_LOGINS,   /* a row per client, server, port, protocol and user; the secret is in it, readable */
    PF_TEXT_DROPPED,  /* what was left out, and how often */
    PF_TEXT_TABLES
};

extern const char *const pf_text_table_names[PF_TEXT_TABLES];

struct pf_text_sink {
    struct pf_sink sink;
    struct pf_text_save *save; /* the caller's, set after init: where events go instead; then there are no rows */
    struct pf_text_names names;
    struct pf_text_requests requests;
    struct pf_text_logins logins;
    struct pf_frame *frames; /* the caller's, PF_TEXT_TABLES of them */
};

/* The frames must have been initialised to nothing; they get their columns here and their rows in finish(). */
enum pf_status pf_text_sink_init(struct pf_text_sink *sink, struct pf_frame frames[PF_TEXT_TABLES],
                                 struct pf_error *error);
void pf_text_sink_clear(struct pf_text_sink *sink);

#endif
