/* The ordered stage of a pass: what is to be known of the packets before one, for columns that ask for it.
 *
 *   workers         pf_stage_gather: packets -> segments, by chunk                      (in parallel)
 *   one at a time   pf_stage_sequence: segments -> what was found out                   (in file order)
 *   workers         pf_stage_stamp: the same packets, before predicates and sinks       (in parallel)
 *
 * It sees every packet of the capture, whatever the pass is narrowed to: so answers do not hang on filters. */
#ifndef PF_STREAM_STAGE_H
#define PF_STREAM_STAGE_H

#include "stream/analysis.h"
#include "stream/message.h"

struct pf_stage {
    uint8_t needs; /* enum pf_need */
    struct pf_analysis analysis;
    struct pf_messages messages;
};

/* What a worker has of its chunk. */
struct pf_stage_chunk {
    struct pf_segment *segments;
    uint32_t *places; /* of each: which packet of the chunk it is */
    size_t count, capacity;
    size_t stamped;
    struct pf_spool spool;
};

void pf_stage_init(struct pf_stage *stage, uint8_t needs);
void pf_stage_clear(struct pf_stage *stage); /* zeroed is fine */

/* Packets, decoded to PF_DEPTH_TRANSPORT, of which the first is number `place` of the chunk; octets must stay. */
enum pf_status pf_stage_gather(const struct pf_stage *stage, struct pf_stage_chunk *chunk,
                               struct pf_packet *const *packets, size_t count, size_t place, struct pf_error *error);
enum pf_status pf_stage_sequence(struct pf_stage *stage, struct pf_stage_chunk *chunk, struct pf_error *error);
/* Batch after batch, as they were gathered. */
enum pf_status pf_stage_stamp(struct pf_stage_chunk *chunk, struct pf_packet *const *packets, size_t count,
                              size_t place, struct pf_error *error);
void pf_stage_chunk_reset(struct pf_stage_chunk *chunk); /* for the next chunk */
void pf_stage_chunk_clear(struct pf_stage_chunk *chunk);

#endif
