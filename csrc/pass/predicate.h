/* Which packets of a pass the sinks get to see.
 *
 * keep() is asked about a batch, so that look-ups in large tables can overlap: it moves the packets that pass to the
 * front and returns how many. Any number of workers call it at once. Implementations embed struct pf_predicate first.
 */
#ifndef PF_PASS_PREDICATE_H
#define PF_PASS_PREDICATE_H

#include "packet/packet.h"

enum { PF_BATCH = 64 }; /* packets handed on together: their layers fit a 32 KiB first-level cache */

struct pf_predicate {
    size_t (*keep)(const struct pf_predicate *predicate, struct pf_packet **packets, size_t count);
    /* Called once after all packets, on one thread: the pass fails with what it returns. May be NULL. */
    enum pf_status (*finish)(const struct pf_predicate *predicate, bool strict, struct pf_error *error);
    enum pf_depth depth; /* how deep keep() needs them decoded */
    uint8_t needs;       /* enum pf_need: what it asks of packets before */
};

#endif
