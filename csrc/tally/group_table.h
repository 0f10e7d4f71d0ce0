/* Groups by keys of any length: one table that all workers share, as base/keycount for keys of a fixed one.
 *
 *   key --keyed hash--> high 6 bits: partition (a lock each)
 *   slot     | hash 64 | -> record |                  open addressing, at most 3/4 taken
 *   record   | count | key size | cells ... | key |   in pieces of the partition, never moved
 *
 * A worker collects entries per partition in a pf_tally_stage and hands them over as a batch with prefetching. What an
 * entry does to its record is the caller's `apply`, called while the partition's lock is held: an addition, in an order
 * that nobody knows. Memory is the table's own arena.
 *
 * pf_tally_table_add and the stage functions: any thread at once, one stage per thread. Everything else: one thread, or
 * many readers, while nobody adds. */
#ifndef PF_TALLY_GROUP_TABLE_H
#define PF_TALLY_GROUP_TABLE_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/keycount.h"
#include "tally/group_plan.h"

struct pf_tally_record {
    uint64_t count;
    size_t key_size;
    uint64_t cells[]; /* then the key */
};

struct pf_tally_part {
    struct pf_mutex lock;
    struct pf_tally_slot *slots;
    size_t size, used;
    struct pf_tally_piece *pieces; /* what records and octets are cut from; the first is the open one */
    size_t left;
    struct pf_arena *arena;
};

struct pf_tally_table;
typedef enum pf_status (*pf_tally_apply)(struct pf_tally_table *table, struct pf_tally_part *part,
                                         struct pf_tally_record *record, struct pf_tally_entry *entry,
                                         struct pf_error *error);

struct pf_tally_table {
    const struct pf_tally_plan *plan;
    pf_tally_apply apply; /* NULL: an entry counts and does nothing else */
    const struct pf_secret *secret;
    struct pf_arena arena;
    struct pf_tally_part parts[PF_PARTITIONS];
};

void pf_tally_table_init(struct pf_tally_table *table, const struct pf_tally_plan *plan, pf_tally_apply apply);
void pf_tally_table_clear(struct pf_tally_table *table);

static inline uint64_t pf_tally_hash(const struct pf_tally_table *table, const void *key, size_t size)
{
    return pf_hash_octets(table->secret, key, size);
}

static inline const uint8_t *pf_tally_record_key(const struct pf_tally_table *table,
                                                 const struct pf_tally_record *record)
{
    return (const uint8_t *)record->cells + table->plan->cells;
}

/* Adds `by` to a key's count without anything else: its record, or NULL when memory is refused. */
struct pf_tally_record *pf_tally_table_put(struct pf_tally_table *table, const void *key, size_t size, uint64_t by);
enum pf_status pf_tally_table_add(struct pf_tally_table *table, const void *key, size_t size, uint64_t by,
                                  struct pf_error *error);
/* One entry, whose hash is set. */
enum pf_status pf_tally_table_add_entry(struct pf_tally_table *table, struct pf_tally_entry *entry,
                                        struct pf_error *error);
/* `size` octets of a partition whose lock is held, aligned to 8; NULL when refused. A pf_tally_room. */
void *pf_tally_take(void *part, size_t size);

const struct pf_tally_record *pf_tally_table_get(const struct pf_tally_table *table, const void *key, size_t size);
size_t pf_tally_table_size(const struct pf_tally_table *table);

/* Steps through all records in no order: start with a zeroed place; NULL at the end. */
struct pf_tally_table_place {
    size_t partition, slot;
};
struct pf_tally_record *pf_tally_table_next(const struct pf_tally_table *table, struct pf_tally_table_place *place);

enum { PF_TALLY_STAGED = 8192 }; /* octets per partition: some hundred entries, half a MiB a worker */

struct pf_tally_stage {
    struct pf_tally_table *table;
    uint8_t *octets; /* PF_PARTITIONS x PF_TALLY_STAGED */
    size_t used[PF_PARTITIONS];
};

enum pf_status pf_tally_stage_init(struct pf_tally_stage *stage, struct pf_tally_table *table, struct pf_error *error);
void pf_tally_stage_clear(struct pf_tally_stage *stage);
enum pf_status pf_tally_stage_push(struct pf_tally_stage *stage, struct pf_tally_entry *entry, struct pf_error *error);
enum pf_status pf_tally_stage_flush(struct pf_tally_stage *stage, struct pf_error *error);

#endif
