/* Events of a pass as octets, dealt to parts by the key of their flow, and flows made of them elsewhere.
 *
 *   piece 1   pass -> events -> part 0 | part 1 | ...        part k of every piece, in order -> replay -> flows
 *   piece 2   pass -> events -> part 0 | part 1 | ...
 *
 * A flow is in one part, so that what the parts give is together what one pass over all pieces gives. What the stage
 * knows of packets of other flows goes with the events: where they are dealt to several parts, the time that has come
 * is told to a part whose own packets do not show it, and a UDP header that is as long as the TCP header before it is
 * already. Order by time and copies look at all packets: these need one part. The bounds on all flows together hold for
 * each replay: pf_flow_replay() says how near they came, and whoever finds that the parts exceed them together replays
 * all parts as one, which is exact again. */
#ifndef PF_FLOW_SAVE_H
#define PF_FLOW_SAVE_H

#include "base/saved.h"
#include "flow/piece.h"

/* Parts a job is dealt to at most: more than machines that are waited for. */
enum { PF_MOST_PARTS = 4096 };

struct pf_flow_part {
    struct pf_saved saved;
    uint64_t records, frame; /* frame, time: of the last record */
    int64_t time, clock;     /* ns; clock: the latest so far that the part knows of */
};

struct pf_flow_save {
    struct pf_flow_options options;
    struct pf_flow_part *parts;
    unsigned count;
    uint64_t frame; /* of the last event, */
    int64_t clock;  /* the latest time so far, INT64_MIN before there is one, */
    bool refused;   /* nothing behind matters */
    int32_t header; /* and the last TCP header's octets, -1 before there is one: of all parts */
};

enum pf_status pf_flow_save_init(struct pf_flow_save *save, const struct pf_flow_options *options, unsigned parts,
                                 struct pf_error *error);
void pf_flow_save_clear(struct pf_flow_save *save);
/* Pieces in file order, then the end. A packet that flows cannot take is told before those of its piece, and is the
 * error of whoever replays: where it is in the capture is known there, and whether it was a packet at all. */
enum pf_status pf_flow_save_refused(struct pf_flow_save *save, uint64_t frame_number, unsigned link_type,
                                    struct pf_error *error);
enum pf_status pf_flow_save_put(struct pf_flow_save *save, const struct pf_flow_piece *piece, struct pf_error *error);
enum pf_status pf_flow_save_end(struct pf_flow_save *save, struct pf_error *error);

struct pf_flow_sink;

/* Octets that were saved. */
struct pf_flow_octets {
    const uint8_t *octets;
    size_t size;
};

/* Puts one part of a piece, or several of them side by side, through a sink that is in no pass: `offset` packets were
 * before the piece. After the last, sink.ops->finish(). *before: the head of what the sink was given before, zeroed at
 * first; what does not belong to it is refused. */
enum pf_status pf_flow_replay(struct pf_flow_sink *sink, const struct pf_flow_octets *parts, size_t count,
                              uint64_t offset, struct pf_saved_head *before, struct pf_error *error);

#endif
