/* Events of text as octets, and the tables they make when they are replayed elsewhere, piece after piece.
 *
 *   bits | step of time | of frame number | ports | addresses | what the kind has | lengths | texts
 *
 * In one part: what is kept of all events is bounded in their order. One thread at a time. */
#ifndef PF_DETECT_TEXT_SAVE_H
#define PF_DETECT_TEXT_SAVE_H

#include "base/saved.h"
#include "detect/text_event.h"

struct pf_text_save {
    struct pf_saved saved;
    uint64_t records, frame;
    int64_t time; /* frame, time: of the last record */
};

enum pf_status pf_text_save_init(struct pf_text_save *save, struct pf_error *error);
void pf_text_save_clear(struct pf_text_save *save);
enum pf_status pf_text_save_put(struct pf_text_save *save, const struct pf_text_event *event, struct pf_error *error);
void pf_text_save_end(struct pf_text_save *save);

struct pf_text_sink;
/* Puts what was saved of a piece, before which there were `offset` packets, through a sink that is in no pass; after
 * the last piece, sink.ops->finish(). */
enum pf_status pf_text_replay(struct pf_text_sink *sink, const uint8_t *octets, size_t size, uint64_t offset,
                              struct pf_error *error);

#endif
