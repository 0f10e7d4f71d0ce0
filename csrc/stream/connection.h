/* A bounded table of connections, by the two ends of each. What is kept of one is the user's: it embeds struct
 * pf_connection first. One thread at a time.
 *
 *   buckets[hash]  -> connection -> connection ...     by `next`
 *   oldest <-> ... <-> newest                          by when it was last touched
 *
 * When it is full the one touched longest ago gives way. */
#ifndef PF_STREAM_CONNECTION_H
#define PF_STREAM_CONNECTION_H

#include "base/error.h"

/* The two ends in an order that does not depend on who sends. */
struct pf_ends {
    uint8_t address[2][16]; /* of IPv4 the first four octets, the rest 0 */
    uint16_t port[2];
    uint32_t version;
};

struct pf_connection {
    struct pf_ends ends;
    uint64_t hash;
    struct pf_connection *next, *older, *newer;
};

struct pf_connections {
    size_t size;  /* octets of what embeds a connection */
    size_t most;  /* connections */
    size_t count; /* now */
    uint64_t dropped;
    bool dropping;  /* while clear() is called for one that gives way */
    size_t buckets; /* a power of two, or 0 */
    struct pf_connection **bucket;
    struct pf_connection *oldest, *newest;
    struct pf_connection *free; /* by `next` */
    void **blocks;              /* what connections are cut from: */
    size_t block_count, block_capacity;
    void (*clear)(void *context, struct pf_connection *connection); /* before its memory goes; or NULL */
    void *context;
};

void pf_connections_clear(struct pf_connections *table); /* zeroed is fine */
/* NULL: there is none. */
struct pf_connection *pf_connections_find(const struct pf_connections *table, const struct pf_ends *ends,
                                          uint64_t hash);
/* A new one, zeroed but for what stands above, the newest; it must not be there. */
enum pf_status pf_connections_open(struct pf_connections *table, const struct pf_ends *ends, uint64_t hash,
                                   struct pf_connection **opened, struct pf_error *error);
void pf_connections_touch(struct pf_connections *table, struct pf_connection *connection);
void pf_connections_close(struct pf_connections *table, struct pf_connection *connection);
/* Gives up the one touched longest ago, which must not be the only one's user's present one. */
void pf_connections_drop_oldest(struct pf_connections *table);

#endif
