#include "base/keycount.h"

#include "base/alloc.h"
#include "base/wide.h"

#include <string.h>

enum { FIRST_SLOTS = 512 }; /* 4 KiB of narrow slots: most tables of most captures are small */

/* Functions marked inline that take a form are called with a literal one on the paths that matter, so that one source
 * gives three tight loops. */

static inline unsigned words_of(enum pf_form form)
{
    return form == PF_PAIR ? 2 : 1;
}

static inline uint64_t hash_of(const struct pf_secret *secret, const uint64_t *key, unsigned words)
{
    return words == 1 ? pf_hash_word(secret, key[0]) : pf_hash_octets(secret, key, 16);
}

static inline size_t partition_of(uint64_t hash)
{
    return (size_t)(hash >> 58);
}

static inline size_t home_of(uint64_t hash, size_t size)
{
    return (size_t)(hash >> 12) & (size - 1);
}

static inline uint64_t count_of(const uint64_t *slot, enum pf_form form)
{
    return form == PF_NARROW ? slot[0] >> 32 : slot[form - 1];
}

static inline bool holds(const uint64_t *slot, const uint64_t *key, enum pf_form form)
{
    if (form == PF_NARROW)
        return (uint32_t)slot[0] == key[0];
    return slot[0] == key[0] && (form == PF_WORD || slot[1] == key[1]);
}

/* Writes a slot; false where its form has no room for the key or the count. */
static inline bool put(uint64_t *slot, const uint64_t *key, uint64_t count, enum pf_form form)
{
    if (form == PF_NARROW) {
        if ((key[0] | count) > UINT32_MAX)
            return false;
        slot[0] = count << 32 | key[0];
        return true;
    }
    slot[0] = key[0];
    if (form == PF_PAIR)
        slot[1] = key[1];
    slot[form - 1] = count;
    return true;
}

static inline void get_key(const uint64_t *slot, uint64_t key[2], enum pf_form form)
{
    key[0] = form == PF_NARROW ? (uint32_t)slot[0] : slot[0];
    key[1] = form == PF_PAIR ? slot[1] : 0;
}

/* The slot of `key`, or the empty one where it belongs: at most 3/4 are taken, so there is one. */
static inline uint64_t *find(const struct pf_partition *part, const uint64_t *key, uint64_t hash, enum pf_form form)
{
    size_t at = home_of(hash, part->size);
    for (;;) {
        uint64_t *slot = part->slots + at * form;
        if (count_of(slot, form) == 0 || holds(slot, key, form))
            return slot;
        at = (at + 1) & (part->size - 1);
    }
}

/* Counts of one key add up to at most the packets of all captures ever read: 2^64 is out of reach, saturation is not.
 */
static inline uint64_t sum(uint64_t count, uint64_t by)
{
    return by <= UINT64_MAX - count ? count + by : UINT64_MAX;
}

static size_t octets_of(size_t size, enum pf_form form)
{
    return size * form * sizeof(uint64_t);
}

/* Moves all slots to a table of another size or form. */
static bool rebuild_lock_held(struct pf_keycount *table, struct pf_partition *part, size_t size, enum pf_form form)
{
    struct pf_partition built = {.size = size, .form = form};
    if (size > SIZE_MAX / octets_of(1, form))
        return false;
    built.slots = pf_arena_take(&table->arena, octets_of(size, form));
    if (built.slots == NULL)
        return false;
    for (size_t i = 0; i < part->size; i++) {
        const uint64_t *slot = part->slots + i * part->form;
        uint64_t key[2], count = count_of(slot, part->form);
        if (count == 0)
            continue;
        get_key(slot, key, part->form);
        (void)put(find(&built, key, hash_of(table->secret, key, words_of(form)), form), key, count, form);
    }
    pf_arena_give(&table->arena, part->slots, octets_of(part->size, part->form));
    part->slots = built.slots;
    part->size = size;
    part->form = form;
    return true;
}

/* Adds keys of this partition one after the other; returns how many were added before it must grow or get wider slots.
 */
static inline size_t add_some(const struct pf_keycount *table, struct pf_partition *part, const uint64_t *keys,
                              size_t n, uint64_t by, enum pf_form form)
{
    unsigned words = words_of(form);
    size_t limit = part->size / 4 * 3;
    for (size_t i = 0; part->size != 0 && i < n; i++) {
        uint64_t hash = hash_of(table->secret, keys + i * words, words);
        __builtin_prefetch(part->slots + home_of(hash, part->size) * form, 1);
    }
    for (size_t i = 0; i < n; i++) {
        const uint64_t *key = keys + i * words;
        if (part->used >= limit)
            return i;
        uint64_t *slot = find(part, key, hash_of(table->secret, key, words), form);
        uint64_t count = count_of(slot, form);
        if (!put(slot, key, sum(count, by), form))
            return i;
        part->used += count == 0;
    }
    return n;
}

static size_t add_by_form(const struct pf_keycount *table, struct pf_partition *part, const uint64_t *keys, size_t n,
                          uint64_t by)
{
    switch (part->form) {
    case PF_NARROW:
        return add_some(table, part, keys, n, by, PF_NARROW);
    case PF_WORD:
        return add_some(table, part, keys, n, by, PF_WORD);
    default:
        return add_some(table, part, keys, n, by, PF_PAIR);
    }
}

/* The keys all belong to this partition. */
static enum pf_status add_partition(struct pf_keycount *table, size_t partition, const uint64_t *keys, size_t n,
                                    uint64_t by, struct pf_error *error)
{
    struct pf_partition *part = &table->partitions[partition];
    bool good = true;
    pf_mutex_lock(&part->lock);
    for (size_t done = 0; good && done < n;) {
        done += add_by_form(table, part, keys + done * table->words, n - done, by);
        if (done == n)
            break;
        bool full = part->used >= part->size / 4 * 3;
        size_t size = part->size == 0 ? FIRST_SLOTS : full ? part->size * 2 : part->size;
        good = rebuild_lock_held(table, part, size, full ? part->form : PF_WORD);
    }
    pf_mutex_unlock(&part->lock);
    return good ? PF_OK : pf_fail_memory(error);
}

void pf_keycount_init(struct pf_keycount *table, unsigned words)
{
    memset(table, 0, sizeof *table);
    table->words = words;
    table->secret = pf_secret();
    pf_arena_init(&table->arena);
    for (size_t i = 0; i < PF_PARTITIONS; i++) {
        pf_mutex_init(&table->partitions[i].lock);
        table->partitions[i].form = words == 1 ? PF_NARROW : PF_PAIR;
    }
}

void pf_keycount_clear(struct pf_keycount *table)
{
    if (table->words == 0)
        return;
    for (size_t i = 0; i < PF_PARTITIONS; i++) {
        struct pf_partition *part = &table->partitions[i];
        pf_arena_give(&table->arena, part->slots, octets_of(part->size, part->form));
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
        PF_TRY(add_partition(table, partition_of(hash_of(table->secret, key, table->words)), key, 1, by, error));
    }
    return PF_OK;
}

enum pf_status pf_keycount_merge(struct pf_keycount *table, const struct pf_keycount *from, struct pf_error *error)
{
    struct pf_keycount_place place = {.partition = 0};
    const uint64_t *key;
    uint64_t count;
    while (pf_keycount_next(from, &place, &key, &count))
        PF_TRY(pf_keycount_add(table, key, 1, count, error));
    return PF_OK;
}

uint64_t pf_keycount_get(const struct pf_keycount *table, const uint64_t *key)
{
    uint64_t hash = hash_of(table->secret, key, table->words);
    const struct pf_partition *part = &table->partitions[partition_of(hash)];
    return part->size != 0 ? count_of(find(part, key, hash, part->form), part->form) : 0;
}

void pf_keycount_prefetch(const struct pf_keycount *table, const uint64_t *key)
{
    uint64_t hash = hash_of(table->secret, key, table->words);
    const struct pf_partition *part = &table->partitions[partition_of(hash)];
    if (part->size != 0)
        __builtin_prefetch(part->slots + home_of(hash, part->size) * part->form);
}

size_t pf_keycount_size(const struct pf_keycount *table)
{
    size_t size = 0;
    for (size_t i = 0; i < PF_PARTITIONS; i++)
        size += table->partitions[i].used;
    return size;
}

static void add_wide(uint64_t halves[2], pf_wide value)
{
    pf_wide sum = pf_wide_sum(pf_wide_of(halves[0], halves[1]), value);
    halves[0] = pf_wide_high(sum);
    halves[1] = pf_wide_low(sum);
}

void pf_moments_add(struct pf_moments *moments, uint64_t count)
{
    moments->n++;
    add_wide(moments->sum, pf_wide_of(0, count));
    add_wide(moments->squares, pf_wide_product(count, count));
}

void pf_keycount_moments(const struct pf_keycount *table, struct pf_moments *moments)
{
    struct pf_keycount_place place = {.partition = 0};
    const uint64_t *key;
    uint64_t count;
    while (pf_keycount_next(table, &place, &key, &count))
        pf_moments_add(moments, count);
}

bool pf_keycount_next(const struct pf_keycount *table, struct pf_keycount_place *place, const uint64_t **key,
                      uint64_t *count)
{
    for (; place->partition < PF_PARTITIONS; place->partition++, place->slot = 0) {
        const struct pf_partition *part = &table->partitions[place->partition];
        while (place->slot < part->size) {
            const uint64_t *slot = part->slots + place->slot++ * part->form;
            *count = count_of(slot, part->form);
            if (*count != 0) {
                get_key(slot, place->key, part->form);
                *key = place->key;
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
    size_t partition = partition_of(hash_of(stage->table->secret, key, words));
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
