/* What a pass knows of those it hands packets to.
 *
 *   begin(workers)                      once, on the calling thread; NULL: there is nothing to prepare
 *   accept(worker, packets)             on every worker at once; packets in file order within a chunk
 *                                       of order `file`: what it gathers is in open[worker], NULL at first; at the
 *                                       end of the chunk that is taken out as a piece
 *   emit(piece)                         order `file`: pieces in chunk order, one thread at a time
 *   finish()                            once, on one thread, when all went well; NULL: nothing is left to do. What may
 *                                       take long calls pf_crew_check() now and then
 *
 * Packets and their octets are lent for the call. Implementations embed struct pf_sink first and own themselves: a pass
 * that fails leaves a sink that can be cleared. */
#ifndef PF_PASS_SINK_H
#define PF_PASS_SINK_H

#include "packet/packet.h"

enum pf_order { PF_ORDER_ANY, PF_ORDER_FILE };

struct pf_sink;

struct pf_sink_ops {
    enum pf_order order;
    enum pf_status (*begin)(struct pf_sink *sink, unsigned workers, struct pf_error *error);
    enum pf_status (*accept)(struct pf_sink *sink, unsigned worker, struct pf_packet *const *packets, size_t count,
                             struct pf_error *error);
    enum pf_status (*emit)(struct pf_sink *sink, void *piece,
                           struct pf_error *error);     /* the piece is the sink's, also on failure */
    void (*discard)(struct pf_sink *sink, void *piece); /* a piece that will not be emitted */
    enum pf_status (*finish)(struct pf_sink *sink, struct pf_error *error);
};

struct pf_sink {
    const struct pf_sink_ops *ops;
    enum pf_depth depth; /* how deep accept() needs its packets decoded */
    uint8_t needs;       /* enum pf_need: what it asks of packets before */
    void **open;         /* order `file`: what each worker gathers, while a pass runs; the pass's */
};

#endif
