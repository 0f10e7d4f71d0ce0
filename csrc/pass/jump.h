/* Walking only what may hold a packet of the pass's times, where an index says where that begins and ends.
 *
 *   enter    what the stretches that are skipped would have left behind is put in place
 *   border   at each place that the walk meets it must be where the index says, after as many packets
 *   leave    at the last border: as enter, for what follows, its fault included
 *
 * So records, faults and interfaces are those of a walk over all. What is walked is compared with the index, and the
 * pass fails where they differ. What follows enter is for the baton's holder. */
#ifndef PF_PASS_JUMP_H
#define PF_PASS_JUMP_H

#include "capture/index.h"

struct pf_driver;

/* The part of an input that is walked: stretches [first, last) of its index, all of it without one. */
struct pf_span {
    const struct pf_pfx *index;
    size_t first, last;
};

struct pf_jump {
    struct pf_span *spans; /* one per input; NULL: nothing is skipped */
    uint64_t border;       /* the offset of the place that is met next; UINT64_MAX: none */
    size_t place;          /* its number */
    uint64_t frames;       /* before this input */
    size_t described;      /* blocks of this input that described, so far */
    int64_t least, most;   /* between which times this stretch has its packets */
};

enum pf_status pf_jump_init(struct pf_driver *driver, struct pf_error *error);
void pf_jump_clear(struct pf_driver *driver);
/* Octets of a seekable input, the record after which is not walked; the chunk of its first ticket. */
uint64_t pf_jump_stop(const struct pf_driver *driver, size_t input);
uint64_t pf_jump_start(const struct pf_driver *driver, size_t input);
/* Whether nothing of the input is walked. It has one ticket all the same, in which what it leaves behind is put in
 * place. */
bool pf_jump_skips(const struct pf_driver *driver, size_t input);

enum pf_status pf_jump_enter(struct pf_driver *driver, size_t input, struct pf_error *error);
enum pf_status pf_jump_border(struct pf_driver *driver, size_t input, struct pf_error *error);
/* Whether an input that was walked to its end ended as the index says. */
enum pf_status pf_jump_check_end(struct pf_driver *driver, size_t input, struct pf_error *error);
enum pf_status pf_jump_misfit(const struct pf_driver *driver, size_t input, struct pf_error *error);

#endif
