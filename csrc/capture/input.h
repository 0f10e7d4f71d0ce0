/* One opened capture: a source, what its beginning says, and where its records begin. */
#ifndef PF_CAPTURE_INPUT_H
#define PF_CAPTURE_INPUT_H

#include "capture/format.h"
#include "capture/source.h"

/* What went before the records of an input that is the rest of a capture: numbers and times go on from there. */
struct pf_before {
    uint64_t packets;
    bool timed;
    int64_t first_time, time, latest; /* of the first packet, of the last one, and the greatest */
};

/* A part of a seekable capture: the records that begin in [walk.offset, end). `told` are the offsets of the blocks
 * before it that say how its octets are to be read; nothing else of what went before is known. */
struct pf_piece {
    uint64_t end; /* 0: the input is a whole capture */
    uint64_t *told;
    size_t told_count;
};

struct pf_input {
    struct pf_source *source;        /* owned */
    struct pf_walk walk;             /* where every pass begins; copied by it */
    struct pf_interfaces interfaces; /* those described before the first packet */
    uint8_t *head;
    size_t head_size,
        head_capacity; /* what was taken from a stream that can't be read again, to be put before the rest */
    bool timed;        /* whether the first packet's time was there to be seen */
    int64_t first_time;
    struct pf_before before; /* zeroed by opening; counts for the first input of a pass */
    struct pf_piece piece;   /* the same; owned */
};

/* Opens what `source` holds; the source is the input's from then on, also when this fails. A stream may block: the host
 * ticks meanwhile. */
enum pf_status pf_input_open(struct pf_input *input, struct pf_source *source, const struct pf_host *host,
                             struct pf_error *error);
void pf_input_close(struct pf_input *input);

/* piece.c: makes an opened input a piece of itself. `told` is copied. */
enum pf_status pf_input_cut(struct pf_input *input, uint64_t start, uint64_t end, const uint64_t *told,
                            size_t told_count, struct pf_error *error);
/* Where a piece's octets end: those of the source, for an input that is whole. */
uint64_t pf_input_end(const struct pf_input *input);
/* Lets the walk over a piece know what the blocks at `told` say; the source has begun. */
enum pf_status pf_input_tell(const struct pf_input *input, struct pf_walk *walk, struct pf_error *error);

/* guess.c: the first offset from `from` on at which a chain of plausible records begins, SIZE_UNKNOWN where none is
 * near. Whoever wrote the packets can make it wrong: it must be compared with where the records before it end. */
enum pf_status pf_input_guess(const struct pf_input *input, uint64_t from, uint64_t *start, struct pf_error *error);

/* "file: packet 3 at octet 120: what is wrong; 77 octets from there on were not read" */
void pf_fault_message(const struct pf_fault *fault, const char *name, char *text, size_t size);

#endif
