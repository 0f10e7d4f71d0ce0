/* Where in a packet indicators are looked for, and how what stands there becomes a key. For hits.c and places.c. */
#ifndef PF_MATCH_PLACES_H
#define PF_MATCH_PLACES_H

#include "match/hits.h"

struct pf_hits_worker {
    void **part;            /* where the one is that it fills, or NULL */
    char *text, *key, *own; /* PF_WRITER_ROOM octets each */
    uint64_t serial;        /* of the packet and place that it looks at */
    uint64_t *stamps;       /* of each entry: the serial it was last reported for */
};

/* What stood where. */
struct pf_sighting {
    const struct pf_packet *packet;
    const struct pf_place *place;
    uint32_t port; /* that belongs to it, or NO_PORT */
    bool is_below; /* what was looked up is a name that the one seen lies below */
    const char *seen;
    size_t seen_length;
};

/* Fills sink->places. */
enum pf_status pf_places_find(struct pf_hits_sink *sink, struct pf_error *error);
/* Reports whatever of the set stands at a place of a packet. */
enum pf_status pf_place_look(struct pf_hits_sink *sink, struct pf_hits_worker *worker, const struct pf_place *place,
                             const struct pf_packet *packet, struct pf_error *error);
/* hits.c: a row for each entry from `first` (and one) on that fits. */
enum pf_status pf_hits_report(struct pf_hits_sink *sink, struct pf_hits_worker *worker,
                              const struct pf_sighting *sighting, uint32_t first, struct pf_error *error);

#endif
