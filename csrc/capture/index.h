/* What a walk over a file found, kept so that the next one can begin in the middle of it.
 *
 *   | place 0 ....... | place 1 ....... | ... | end            a place: a record's offset, and all that went before it
 *
 * Between two places lies a *stretch* of at least `grain` octets; it is known between which times its packets are. What
 * describes interfaces is not copied: the index says where in the file that stands, and who jumps reads it there.
 *
 * An index is made by the walk itself (record, described, end) and put into octets and back by index_file.c. One thread
 * makes it; then it does not change and any may read it. */
#ifndef PF_CAPTURE_INDEX_H
#define PF_CAPTURE_INDEX_H

#include "base/digest.h"
#include "capture/format.h"

enum {
    /* Octets at either end of a file that are looked at to know it again. */
    PF_PFX_LOOKED_AT = 64 << 10,
    /* The grain is doubled until a file has no more stretches than this: some 600 KiB of index, read in 2 ms. */
    PF_PFX_STRETCHES = 8192,
    /* Blocks that describe, each read anew by who jumps: this many take 50 ms, and no capture tool writes them. */
    PF_PFX_DESCRIPTIONS = 16384,
};
#define PF_PFX_LEAST_GRAIN ((uint64_t)1 << 20)

/* A file as it was when it was walked. */
struct pf_identity {
    uint64_t size;
    int64_t modified; /* ns since the epoch */
    uint8_t head[PF_SHA256_SIZE], tail[PF_SHA256_SIZE];
};

struct pf_pfx_place {
    uint64_t offset, packets; /* of the record; before it */
    size_t descriptions;      /* before it */
    bool timed;               /* whether a packet before it had a time; */
    int64_t time, greatest;   /* the last such time, and the latest */
    int64_t least, most;      /* the times of its stretch; `least` above `most`: there are none */
};

struct pf_pfx {
    struct pf_identity of;
    uint64_t grain;
    struct pf_pfx_place *places;
    size_t count, capacity;
    uint64_t *descriptions; /* offsets of the blocks that change what the walk knows of interfaces */
    size_t description_capacity;
    bool first_timed;        /* whether the first packet has a time */
    int64_t first_time;      /* the first there is, when end.timed */
    struct pf_pfx_place end; /* where the walk ended; while the index is made, how far it came */
    struct pf_fault fault;   /* why, when it was not the end of the file */
};

/* Reads the file's ends. */
enum pf_status pf_identity_of(const char *path, struct pf_identity *identity, struct pf_error *error);
bool pf_identity_equal(const struct pf_identity *one, const struct pf_identity *other);
/* Whether size and time of modification are still those, without reading it. */
bool pf_identity_likely(const struct pf_identity *identity, const char *path);

void pf_pfx_begin(struct pf_pfx *index, uint64_t size);
enum pf_status pf_pfx_record(struct pf_pfx *index, uint64_t offset, const struct pf_record *record,
                             struct pf_error *error);
enum pf_status pf_pfx_described(struct pf_pfx *index, uint64_t offset, struct pf_error *error);
void pf_pfx_end(struct pf_pfx *index, uint64_t offset, const struct pf_fault *fault); /* NULL: at the file's end */
void pf_pfx_clear(struct pf_pfx *index);                                              /* zeroed is fine */

/* The stretches [*first, *last) outside of which no packet has a time from `low` to `high`. */
void pf_pfx_between(const struct pf_pfx *index, int64_t low, int64_t high, size_t *first, size_t *last);

/* As octets of a file, from pf_alloc. */
enum pf_status pf_pfx_encode(const struct pf_pfx *index, uint8_t **octets, size_t *size, struct pf_error *error);
/* PF_INVALID where they are no whole index of this version. */
enum pf_status pf_pfx_decode(struct pf_pfx *index, const uint8_t *octets, size_t size, struct pf_error *error);
size_t pf_pfx_most_octets(void);

#endif
