/* The sink that turns packets into flows.
 *
 *   workers        accept: packets -> events, by chunk                          (any order, in parallel)
 *   one at a time  emit: events -> [by time] -> [without copies] -> stage -> rows     (file order)
 *
 * Reading packets costs more than their flows do, so one thread keeps up with the others (docs/performance.md). */
#ifndef PF_FLOW_SINK_H
#define PF_FLOW_SINK_H

#include "field/field.h"
#include "flow/dedup.h"
#include "flow/reorder.h"
#include "flow/rows.h"
#include "flow/save.h"
#include "pass/sink.h"

/* Where packets went, for those who ask: the flow_id of each packet of a flow that is wanted. */
struct pf_flow_map {
    const uint64_t *wanted; /* sorted; the caller's */
    size_t wanted_count;
    bool all;                  /* every flow is wanted */
    uint64_t *numbers, *flows; /* of each packet: frame number, flow_id; from pf_realloc */
    uint8_t *directions;
    size_t count, capacity;
};

struct pf_flow_sink {
    struct pf_sink sink;
    struct pf_flow_options options;
    struct pf_flow_stage stage;
    struct pf_flow_rows rows;
    struct pf_flow_reorder reorder;
    struct pf_flow_dedup dedup;
    struct pf_flow_map *map;   /* the caller's; then there are no rows. Or NULL */
    struct pf_flow_save *save; /* the caller's, set after init: where events go instead; then there are no rows */
    bool any_link;             /* packets of link types that cannot be taken are in no flow, instead of an error */
    unsigned worker_count;
    uint64_t verdicts[PF_FLOW_VERDICTS]; /* of all packets */
    uint64_t copies;                     /* packets left out as copies of others */
    uint64_t turns;                      /* packets that had their turn in the stage */
    /* With options.extra: the fields that packets are asked for, and room for a text of each worker. */
    const struct pf_field *fields[PF_EXTRA_SAID];
    char **rooms;
    struct pf_flow_sayings sayings;
};

/* Rows go into `frame`, which must have been initialised to nothing; or with `map` into that. */
enum pf_status pf_flow_sink_init(struct pf_flow_sink *sink, const struct pf_flow_options *options,
                                 struct pf_frame *frame, struct pf_flow_map *map, struct pf_error *error);
void pf_flow_sink_clear(struct pf_flow_sink *sink);
/* The error of a packet whose link type the flows cannot take. */
enum pf_status pf_flow_refuse(const struct pf_flow_options *options, uint64_t frame_number, unsigned link_type,
                              struct pf_error *error);
void pf_flow_map_clear(struct pf_flow_map *map);

#endif
