/* The sink that counts the values of one field: a number, or an IP address. */
#ifndef PF_TALLY_FIELD_COUNTS_H
#define PF_TALLY_FIELD_COUNTS_H

#include "field/field.h"
#include "pass/sink.h"
#include "tally/counts.h"

struct pf_field_sink {
    struct pf_sink sink;
    const struct pf_field *field;
    struct pf_counts *counts; /* the caller's */
    struct pf_field_worker *workers;
    unsigned worker_count;
};

/* Whether a field's values are numbers or IP addresses, and of which kind. */
bool pf_field_key_kind(const struct pf_field *field, enum pf_key_kind *kind);

void pf_field_sink_init(struct pf_field_sink *sink, const struct pf_field *field, struct pf_counts *counts);
void pf_field_sink_clear(struct pf_field_sink *sink);

#endif
