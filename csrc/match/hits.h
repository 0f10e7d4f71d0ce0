/* The sink that gives a row for each indicator seen in a packet, in file order.
 *
 *   place        e.g. dns_qry_name: a column, the kind of indicator it may hold, and how its text becomes a key
 *   row          time and number of the packet, the indicator, its kind, the place, what stood there, who spoke to
 * whom, the feed
 *
 * Only places of kinds that the set has are looked at, and packets are decoded no deeper than those need. A place is
 * found by the name of its column; one that the catalogue lacks is not looked at. */
#ifndef PF_MATCH_HITS_H
#define PF_MATCH_HITS_H

#include "base/frame.h"
#include "field/field.h"
#include "match/set.h"
#include "pass/sink.h"

enum { PF_MOST_PLACES = 24, PF_HIT_COLUMNS = 13 };

struct pf_place {
    const struct pf_field *field, *other, *port; /* `other` is what its key needs besides, or NULL */
    const struct pf_place_form *form;
};

struct pf_hits_sink {
    struct pf_sink sink;
    const struct pf_indicator_set *set; /* the caller's */
    struct pf_place places[PF_MOST_PLACES];
    size_t place_count;
    const struct pf_field *fields[PF_HIT_COLUMNS]; /* of the columns that a packet has itself */
    struct pf_kind kinds[PF_HIT_COLUMNS];
    struct pf_hits_worker *workers;
    unsigned worker_count;
    struct pf_frame *frame; /* the caller's */
};

/* The columns that indicators of a kind are looked for in: its place-th name, NULL behind the last. */
const char *pf_match_place(enum pf_match_kind kind, size_t place);

/* The frame must have been initialised to nothing; it gets its columns here. PF_INVALID where the catalogue has no
 * place for a kind that the set has. */
enum pf_status pf_hits_sink_init(struct pf_hits_sink *sink, const struct pf_indicator_set *set, struct pf_frame *frame,
                                 struct pf_error *error);
void pf_hits_sink_clear(struct pf_hits_sink *sink);

#endif
