/* How often each key occurred: one table that all workers share.
 *
 *   key --keyed hash--> high 6 bits: partition (a lock each)      the bits below: slot, then linear probing
 *
 * A key is one or two 64-bit words (`words`). A slot is empty where its count is 0 and has one of three forms:
 *
 *   PF_NARROW   | key 32 | count 32 |                  while all keys and counts of a partition fit: half the memory,
 *   PF_WORD     |     key 64     |     count 64     |  half the cache misses
 *   PF_PAIR     |     key 64     |      key 64      |     count 64     |
 *
 * A worker collects keys per partition in a pf_keystage and adds them as a batch with prefetching, so that the cache
 * misses of a batch overlap and a lock is taken once per batch. Slots come from the table's own arena. Results never
 * depend on the order of slots.
 *
 * pf_keycount_add and the stage functions: any thread at once, one stage per thread. Everything else: one thread, or
 * many readers, while nobody adds. */
#ifndef PF_BASE_KEYCOUNT_H
#define PF_BASE_KEYCOUNT_H

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"

enum {
    PF_PARTITIONS = 64, /* many more than cores, so that two workers seldom want the same */
    PF_STAGED = 128,    /* keys collected per partition: enough to hide misses, 64 KiB a worker and one-word table */
};

enum pf_form { PF_NARROW = 1, PF_WORD, PF_PAIR }; /* the value is the slot's size in words */

struct pf_keycount {
    unsigned words; /* per key: 1 or 2 */
    const struct pf_secret *secret;
    struct pf_arena arena;
    struct pf_partition {
        struct pf_mutex lock;
        uint64_t *slots;
        size_t size; /* slots there are: 0 or a power of two */
        size_t used;
        enum pf_form form;
    } partitions[PF_PARTITIONS];
};

struct pf_keystage {
    struct pf_keycount *table;
    uint64_t *keys; /* PF_PARTITIONS x PF_STAGED x words */
    unsigned count[PF_PARTITIONS];
};

/* n, the sum and the sum of squares of the counts, exactly (128 bits as high and low halves). */
struct pf_moments {
    uint64_t n;
    uint64_t sum[2], squares[2]; /* [0] high, [1] low */
};

void pf_keycount_init(struct pf_keycount *table, unsigned words);
void pf_keycount_clear(struct pf_keycount *table);

/* Adds `by` to each of n keys, one after the other in `keys`. */
enum pf_status pf_keycount_add(struct pf_keycount *table, const uint64_t *keys, size_t n, uint64_t by,
                               struct pf_error *error);
/* Adds every count of `from`; the tables must be of one width. */
enum pf_status pf_keycount_merge(struct pf_keycount *table, const struct pf_keycount *from, struct pf_error *error);

uint64_t pf_keycount_get(const struct pf_keycount *table, const uint64_t *key); /* 0: never seen */
void pf_keycount_prefetch(const struct pf_keycount *table, const uint64_t *key);
void pf_moments_add(struct pf_moments *moments, uint64_t count);
size_t pf_keycount_size(const struct pf_keycount *table);                              /* distinct keys */
void pf_keycount_moments(const struct pf_keycount *table, struct pf_moments *moments); /* adds to *moments */

/* Steps through all keys in no order: start with a zeroed place; false at the end. *key is good until the next step. */
struct pf_keycount_place {
    size_t partition, slot;
    uint64_t key[2];
};
bool pf_keycount_next(const struct pf_keycount *table, struct pf_keycount_place *place, const uint64_t **key,
                      uint64_t *count);

enum pf_status pf_keystage_init(struct pf_keystage *stage, struct pf_keycount *table, struct pf_error *error);
void pf_keystage_clear(struct pf_keystage *stage);
enum pf_status pf_keystage_push(struct pf_keystage *stage, const uint64_t *key, struct pf_error *error);
enum pf_status pf_keystage_flush(struct pf_keystage *stage, struct pf_error *error); /* before the stage is cleared */

#endif
