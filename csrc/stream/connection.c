#include "stream/connection.h"

#include "base/alloc.h"

#include <string.h>

enum {
    FEW_BUCKETS = 256,
    BLOCK = 64 << 10, /* octets of connections taken together: one by one they cost more than all else */
};

static struct pf_connection **home(const struct pf_connections *table, uint64_t hash)
{
    return &table->bucket[hash & (table->buckets - 1)];
}

static void unlink_age(struct pf_connections *table, struct pf_connection *connection)
{
    *(connection->older != NULL ? &connection->older->newer : &table->oldest) = connection->newer;
    *(connection->newer != NULL ? &connection->newer->older : &table->newest) = connection->older;
}

static void link_newest(struct pf_connections *table, struct pf_connection *connection)
{
    connection->older = table->newest;
    connection->newer = NULL;
    *(table->newest != NULL ? &table->newest->newer : &table->oldest) = connection;
    table->newest = connection;
}

struct pf_connection *pf_connections_find(const struct pf_connections *table, const struct pf_ends *ends, uint64_t hash)
{
    if (table->buckets == 0)
        return NULL;
    struct pf_connection *found = *home(table, hash);
    while (found != NULL && (found->hash != hash || memcmp(&found->ends, ends, sizeof *ends) != 0))
        found = found->next;
    return found;
}

void pf_connections_touch(struct pf_connections *table, struct pf_connection *connection)
{
    if (table->newest == connection)
        return;
    unlink_age(table, connection);
    link_newest(table, connection);
}

void pf_connections_close(struct pf_connections *table, struct pf_connection *connection)
{
    struct pf_connection **link = home(table, connection->hash);
    while (*link != connection)
        link = &(*link)->next;
    *link = connection->next;
    unlink_age(table, connection);
    if (table->clear != NULL)
        table->clear(table->context, connection);
    connection->next = table->free;
    table->free = connection;
    table->count--;
}

void pf_connections_drop_oldest(struct pf_connections *table)
{
    table->dropping = true;
    pf_connections_close(table, table->oldest);
    table->dropping = false;
    table->dropped++;
}

static enum pf_status grow(struct pf_connections *table, struct pf_error *error)
{
    size_t buckets = table->buckets != 0 ? table->buckets * 2 : FEW_BUCKETS;
    struct pf_connection **bucket = pf_alloc_array(buckets, sizeof(struct pf_connection *));
    if (bucket == NULL)
        return pf_fail_memory(error);
    pf_free(table->bucket);
    table->bucket = bucket;
    table->buckets = buckets;
    for (struct pf_connection *each = table->oldest; each != NULL; each = each->newer) {
        struct pf_connection **first = home(table, each->hash);
        each->next = *first;
        *first = each;
    }
    return PF_OK;
}

/* One that is not in use; NULL when memory is refused. */
static struct pf_connection *take(struct pf_connections *table)
{
    if (table->free == NULL) {
        if (table->block_count == table->block_capacity) {
            size_t capacity = pf_grown(table->block_capacity, table->block_count + 1, sizeof *table->blocks);
            void **blocks = capacity != 0 ? pf_realloc(table->blocks, capacity * sizeof *blocks) : NULL;
            if (blocks == NULL)
                return NULL;
            table->blocks = blocks;
            table->block_capacity = capacity;
        }
        uint8_t *block = pf_alloc(BLOCK);
        if (block == NULL)
            return NULL;
        table->blocks[table->block_count++] = block;
        for (size_t at = BLOCK / table->size * table->size; at >= table->size;) {
            at -= table->size;
            struct pf_connection *connection = (struct pf_connection *)(void *)(block + at);
            connection->next = table->free;
            table->free = connection;
        }
    }
    struct pf_connection *taken = table->free;
    table->free = taken->next;
    memset(taken, 0, table->size);
    return taken;
}

enum pf_status pf_connections_open(struct pf_connections *table, const struct pf_ends *ends, uint64_t hash,
                                   struct pf_connection **opened, struct pf_error *error)
{
    if (table->count >= table->most)
        pf_connections_drop_oldest(table);
    if (table->count >= table->buckets)
        PF_TRY(grow(table, error));
    struct pf_connection *connection = take(table);
    if (connection == NULL)
        return pf_fail_memory(error);
    connection->ends = *ends;
    connection->hash = hash;
    struct pf_connection **first = home(table, hash);
    connection->next = *first;
    *first = connection;
    link_newest(table, connection);
    table->count++;
    *opened = connection;
    return PF_OK;
}

void pf_connections_clear(struct pf_connections *table)
{
    for (struct pf_connection *each = table->oldest; each != NULL && table->clear != NULL; each = each->newer)
        table->clear(table->context, each);
    for (size_t i = 0; i < table->block_count; i++)
        pf_free(table->blocks[i]);
    pf_free(table->blocks);
    pf_free(table->bucket);
    table->blocks = NULL;
    table->bucket = NULL;
    table->oldest = table->newest = table->free = NULL;
    table->block_count = table->block_capacity = table->buckets = table->count = 0;
}
