/* Messages that go through several segments: TLS hellos, and DNS over TCP. What a direction sends is kept while a
 * message in it is not whole, and handed over with the segment that completes it. One thread at a time, in file order.
 *
 * A direction is followed from its SYN on, or from a segment that begins a message whose end is not in it:
 *
 *   start                      16 KiB at most
 *   |xxxxxxxxxx....xxxx........|            pieces: what has come, in whatever order; what came first counts
 *
 * and no longer once it turns out to carry nothing of the kind, or its hello is whole. */
#ifndef PF_STREAM_MESSAGE_H
#define PF_STREAM_MESSAGE_H

#include "stream/segment.h"

enum {
    PF_MESSAGE_OCTETS = 16 << 10,      /* of a direction: hellos are below 4 KiB, a server takes no longer ones */
    PF_MESSAGE_CONNECTIONS = 64 << 10, /* that are followed: those in which nothing was said yet are most of them */
    PF_MESSAGE_KEPT = 256 << 20,       /* octets in all directions */
    PF_MESSAGE_HEADER = 20,            /* a TCP header, which comes before each message handed over */
};

/* Octets that belong to one chunk: blocks in a list. */
struct pf_spool {
    struct pf_spool_block *blocks;
};
void *pf_spool_take(struct pf_spool *spool, size_t size); /* NULL when memory is refused */
void pf_spool_clear(struct pf_spool *spool);

struct pf_messages {
    struct pf_connections connections;
    bool dns, tls; /* which are wanted */
    size_t kept, most_kept;
    uint64_t unfinished; /* connections that gave way with a message begun */
};

void pf_messages_init(struct pf_messages *messages, bool dns, bool tls);
void pf_messages_clear(struct pf_messages *messages); /* zeroed is fine */
/* Sets segment->message where the segment completes one, from the spool. */
enum pf_status pf_messages_take(struct pf_messages *messages, struct pf_segment *segment, struct pf_spool *spool,
                                struct pf_error *error);

#endif
