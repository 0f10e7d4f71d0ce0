#include "base/keycount.h"

#include "base/alloc.h"

#include <string.h>

enum { FIRST_SLOTS = 256 }; /* 4 KiB of one-word slots: most tables of most captures are small */

typedef unsigned __int128 wide;

/* The functions marked `inline ... words` are called with a literal 1 or 2, so that one source gives two tight loops.
 */
static inline uint64_t hash_of(const struct pf_keycount *table, const uint64_t *key, unsigned words)
{
    return words == 1 ? pf_hash_word(table->secret, key[0]) : pf_hash_octets(table->secret, key, 16);
}

static inline size_t partition_of(uint64_t hash)
{
    return (size_t)(hash >> 58);
}

static inline size_t home_of(uint64_t hash, size_t size)
{
    return (size_t)(hash >> 12) & (size - 1);
}

static inline bool equal(const uint64_t *a, const uint64_t *b, unsigned words)
{
    return a[0] == b[0] && (words == 1 || a[1] == b[1]);
}

/* The slot of `key`, or the empty one where it belongs: load stays below 3/4, so there is one. */
static inline uint64_t *find(const struct pf_partition *part, const uint64_t *key, uint64_t hash, unsigned words)
{
    size_t at = home_of(hash, part->size);
    for (;;) {
        uint64_t *slot = part->slots + at * (words + 1);
        if (slot[words] == 0 || equal(slot, key, words))
            return slot;
        at = (at + 1) & (part->size - 1);
    }
}

/* Counts of one key add up to at most the packets of all captures ever read: 2^64 is out of reach, saturation is not.
 */
static inline void add(uint64_t *count, uint64_t by)
{
    *count = by <= UINT64_MAX - *count ? *count + by : UINT64_MAX;
}

static bool grow_lock_held(struct pf_keycount *table, struct pf_partition *part)
{
    unsigned words = table->words;
    size_t slot_octets = (words + 1) * sizeof(uint64_t);
    struct pf_partition bigger = {.size = part->size != 0 ? part->size * 2 : FIRST_SLOTS};
    if (bigger.size > SIZE_MAX / slot_octets)
        return false;
    bigger.slots = pf_arena_take(&table->arena, bigger.size * slot_octets);
    if (bigger.slots == NULL)
        return false;
    for (size_t i = 0; i < part->size; i++) {
        const uint64_t *slot = part->slots + i * (words + 1);
        if (slot[words] != 0)
            memcpy(find(&bigger, slot, hash_of(table, slot, words), words), slot, slot_octets);
    }
    pf_arena_give(&table->arena, part->slots, part->size * slot_octets);
    part->slots = bigger.slots;
    part->size = bigger.size;
    return true;
}

/* The keys all belong to this partition. */
static inline bool add_all(struct pf_keycount *table, struct pf_partition *part, const uint64_t *keys, size_t n,
                           uint64_t by, unsigned words)
{
    bool done = true;
    pf_mutex_lock(&part->lock);
    for (size_t i = 0; part->size != 0 && i < n; i++) {
        uint64_t hash = hash_of(table, keys + i * words, words);
        __builtin_prefetch(part->slots + home_of(hash, part->size) * (words + 1), 1);
    }
    for (size_t i = 0; i < n && done; i++) {
        if (part->used >= part->size / 4 * 3 && !grow_lock_held(table, part)) {
            done = false;
            break;
        }
        const uint64_t *key = keys + i * words;
        uint64_t *slot = find(part, key, hash_of(table, key, words), words);
        if (slot[words] == 0) {
            memcpy(slot, key, words * sizeof *key);
            part->used++;
        }
        add(&slot[words], by);
    }
    pf_mutex_unlock(&part->lock);
    return done;
}

static enum pf_status add_partition(struct pf_keycount *table, size_t partition, const uint64_t *keys, size_t n,
                                    uint64_t by, struct pf_error *error)
{
    struct pf_partition *part = &table->partitions[partition];
    bool done = table->words == 1 ? add_all(table, part, keys, n, by, 1) : add_all(table, part, keys, n, by, 2);
    return done ? PF_OK : pf_fail_memory(error);
}

void pf_keycount_init(struct pf_keycount *table, unsigned words)
{
    memset(table, 0, sizeof *table);
    table->words = words;
    table->secret = pf_secret();
    pf_arena_init(&table->arena);
    for (size_t i = 0; i < PF_PARTITIONS; i++)
        pf_mutex_init(&table->partitions[i].lock);
}

void pf_keycount_clear(struct pf_keycount *table)
{
    if (table->words == 0)
        return;
    for (size_t i = 0; i < PF_PARTITIONS; i++) {
        struct pf_partition *part = &table->partitions[i];
        pf_arena_give(&table->arena, part->slots, part->size * (table->words + 1) * sizeof(uint64_t));
        pf_mutex_clear(&part->lock);
    }
    pf_arena_clear(&table->arena);
    memset(table, 0, sizeof *table);
}

enum pf_status pf_keycount_add(struct pf_keycount *table, const uint64_t *keys, size_t n, uint64_t by,
                               struct pf_error *error)
{
    for (size_t i = 0; by != 0 && i < n; i++) {
        const uint64_t *key = keys + i * table->words;
        PF_TRY(add_partition(table, partition_of(hash_of(table, key, table->words)), key, 1, by, error));
    }
    return PF_OK;
}

enum pf_status pf_keycount_merge(struct pf_keycount *table, const struct pf_keycount *from, struct pf_error *error)
{
    struct pf_keycount_place place = {0, 0};
    const uint64_t *key;
    uint64_t count;
    while (pf_keycount_next(from, &place, &key, &count))
        PF_TRY(pf_keycount_add(table, key, 1, count, error));
    return PF_OK;
}

uint64_t pf_keycount_get(const struct pf_keycount *table, const uint64_t *key)
{
    uint64_t hash = hash_of(table, key, table->words);
    const struct pf_partition *part = &table->partitions[partition_of(hash)];
    return part->size != 0 ? find(part, key, hash, table->words)[table->words] : 0;
}

void pf_keycount_prefetch(const struct pf_keycount *table, const uint64_t *key)
{
    uint64_t hash = hash_of(table, key, table->words);
    const struct pf_partition *part = &table->partitions[partition_of(hash)];
    if (part->size != 0)
        __builtin_prefetch(part->slots + home_of(hash, part->size) * (table->words + 1));
}

size_t pf_keycount_size(const struct pf_keycount *table)
{
    size_t size = 0;
    for (size_t i = 0; i < PF_PARTITIONS; i++)
        size += table->partitions[i].used;
    return size;
}

static void put_wide(uint64_t halves[2], wide value)
{
    halves[0] = (uint64_t)(value >> 64);
    halves[1] = (uint64_t)value;
}

void pf_keycount_moments(const struct pf_keycount *table, struct pf_moments *moments)
{
    wide sum = (wide)moments->sum[0] << 64 | moments->sum[1];
    wide squares = (wide)moments->squares[0] << 64 | moments->squares[1];
    struct pf_keycount_place place = {0, 0};
    const uint64_t *key;
    uint64_t count;
    while (pf_keycount_next(table, &place, &key, &count)) {
        moments->n++;
        sum += count;
        squares += (wide)count * count;
    }
    put_wide(moments->sum, sum);
    put_wide(moments->squares, squares);
}

bool pf_keycount_next(const struct pf_keycount *table, struct pf_keycount_place *place, const uint64_t **key,
                      uint64_t *count)
{
    unsigned words = table->words;
    for (; place->partition < PF_PARTITIONS; place->partition++, place->slot = 0) {
        const struct pf_partition *part = &table->partitions[place->partition];
        while (place->slot < part->size) {
            const uint64_t *slot = part->slots + place->slot++ * (words + 1);
            if (slot[words] != 0) {
                *key = slot;
                *count = slot[words];
                return true;
            }
        }
    }
    return false;
}

enum pf_status pf_keystage_init(struct pf_keystage *stage, struct pf_keycount *table, struct pf_error *error)
{
    memset(stage, 0, sizeof *stage);
    stage->table = table;
    stage->keys = pf_alloc_array((size_t)PF_PARTITIONS * PF_STAGED, table->words * sizeof *stage->keys);
    return stage->keys != NULL ? PF_OK : pf_fail_memory(error);
}

void pf_keystage_clear(struct pf_keystage *stage)
{
    pf_free(stage->keys);
    memset(stage, 0, sizeof *stage);
}

static enum pf_status flush_one(struct pf_keystage *stage, size_t partition, struct pf_error *error)
{
    unsigned count = stage->count[partition];
    stage->count[partition] = 0;
    return add_partition(stage->table, partition, stage->keys + partition * PF_STAGED * stage->table->words, count, 1,
                         error);
}

enum pf_status pf_keystage_push(struct pf_keystage *stage, const uint64_t *key, struct pf_error *error)
{
    unsigned words = stage->table->words;
    size_t partition = partition_of(hash_of(stage->table, key, words));
    uint64_t *to = stage->keys + (partition * PF_STAGED + stage->count[partition]) * words;
    to[0] = key[0];
    if (words == 2)
        to[1] = key[1];
    return ++stage->count[partition] == PF_STAGED ? flush_one(stage, partition, error) : PF_OK;
}

enum pf_status pf_keystage_flush(struct pf_keystage *stage, struct pf_error *error)
{
    for (size_t i = 0; stage->keys != NULL && i < PF_PARTITIONS; i++) {
        if (stage->count[i] != 0)
            PF_TRY(flush_one(stage, i, error));
    }
    return PF_OK;
}
