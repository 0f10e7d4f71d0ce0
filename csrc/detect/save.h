/* Events of the detectors as octets, and what they give when they are replayed elsewhere, piece after piece.
 *
 *   bits | step of time | kind | address, port | address, port | payload | window | flags | marks | header      a talk
 *   bits | step of time | sighting | who | size | what                                                    a sighting
 *
 * Second by second all talks count together, so there is one part. One thread at a time. */
#ifndef PF_DETECT_SAVE_H
#define PF_DETECT_SAVE_H

#include "base/saved.h"
#include "detect/event.h"

struct pf_detect_piece {
    struct pf_detect_event *events;
    size_t count, capacity;
};

void pf_detect_piece_free(struct pf_detect_piece *piece); /* NULL is fine */

struct pf_detect_save {
    struct pf_saved saved;
    uint64_t records;
    int64_t time; /* of the last record */
};

enum pf_status pf_detect_save_init(struct pf_detect_save *save, struct pf_error *error);
void pf_detect_save_clear(struct pf_detect_save *save);
enum pf_status pf_detect_save_put(struct pf_detect_save *save, const struct pf_detect_piece *piece,
                                  struct pf_error *error);
void pf_detect_save_end(struct pf_detect_save *save);

struct pf_detect_sink;
/* Puts what was saved of a piece through a sink that is in no pass; after the last piece, sink.ops->finish(). */
enum pf_status pf_detect_replay(struct pf_detect_sink *sink, const uint8_t *octets, size_t size,
                                struct pf_error *error);

#endif
