/* How many different things were seen, about: HyperLogLog (Flajolet, Fusy, Gandouet and Meunier 2007) with 2^14
 * registers, whose standard error is 1.04 / sqrt(2^14) = 0.81 %, and the estimator of Ertl (2017), which needs no
 * tables.
 *
 *   hash: | register 14 | 0 0 0 1 . . . |      a register holds the largest place of the first 1 behind its number
 *
 * Few registers are kept as a table of (register, place), many as 2^14 octets: the same content, so that neither the
 * order of what is added nor how it was merged changes the estimate. The hash has no secret, because sketches of
 * different processes must merge. Memory is the arena's of the caller, given back with it (pieces are below the size
 * that is mapped alone). A zeroed struct is empty. One thread at a time. */
#ifndef PF_BASE_SKETCH_DISTINCT_H
#define PF_BASE_SKETCH_DISTINCT_H

#include "base/arena.h"
#include "base/error.h"

struct pf_distinct {
    void *memory;
    uint32_t size; /* slots there are; 0: none yet, PF_DISTINCT_REGISTERS: one for each register */
    uint32_t used;
};

enum { PF_DISTINCT_BITS = 14, PF_DISTINCT_REGISTERS = 1 << PF_DISTINCT_BITS };

uint64_t pf_distinct_hash(const void *octets, size_t size); /* the same in every process */
enum pf_status pf_distinct_add(struct pf_distinct *sketch, struct pf_arena *arena, uint64_t hash,
                               struct pf_error *error);
/* Afterwards the sketch is that of what either has seen. */
enum pf_status pf_distinct_merge(struct pf_distinct *sketch, struct pf_arena *arena, const struct pf_distinct *from,
                                 struct pf_error *error);
uint64_t pf_distinct_estimate(const struct pf_distinct *sketch);

#endif
