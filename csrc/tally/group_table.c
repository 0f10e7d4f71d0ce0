#include "tally/group_table.h"

#include "base/alloc.h"

#include <string.h>

enum {
    FIRST_SLOTS = 16, /* with a first piece of 1 KiB: 64 partitions of a small answer take less than 100 KiB */
    FIRST_PIECE = 1024,
    LARGEST_PIECE = 256 << 10,
};

struct pf_tally_slot {
    uint64_t hash;
    struct pf_tally_record *record; /* NULL: empty */
};

struct pf_tally_piece {
    struct pf_tally_piece *next;
    size_t size;
};

static struct pf_tally_part *part_of(struct pf_tally_table *table, uint64_t hash)
{
    return &table->parts[hash >> 58];
}

static size_t home_of(uint64_t hash, size_t size)
{
    return (size_t)(hash >> 12) & (size - 1);
}

void pf_tally_table_init(struct pf_tally_table *table, const struct pf_tally_plan *plan, pf_tally_apply apply)
{
    memset(table, 0, sizeof *table);
    table->plan = plan;
    table->apply = apply;
    table->secret = pf_secret();
    pf_arena_init(&table->arena);
    for (size_t i = 0; i < PF_PARTITIONS; i++) {
        pf_mutex_init(&table->parts[i].lock);
        table->parts[i].arena = &table->arena;
    }
}

void pf_tally_table_clear(struct pf_tally_table *table)
{
    if (table->secret == NULL)
        return;
    for (size_t i = 0; i < PF_PARTITIONS; i++) {
        struct pf_tally_part *part = &table->parts[i];
        pf_arena_give(&table->arena, part->slots, part->size * sizeof *part->slots);
        while (part->pieces != NULL) {
            struct pf_tally_piece *piece = part->pieces;
            part->pieces = piece->next;
            pf_arena_give(&table->arena, piece, piece->size);
        }
        pf_mutex_clear(&part->lock);
    }
    pf_arena_clear(&table->arena);
    memset(table, 0, sizeof *table);
}

void *pf_tally_take(void *context, size_t size)
{
    struct pf_tally_part *part = context;
    size = (size + 7) / 8 * 8;
    if (part->pieces == NULL || size > part->left) {
        size_t whole = part->pieces == NULL ? FIRST_PIECE : part->pieces->size * 2;
        if (whole > LARGEST_PIECE)
            whole = LARGEST_PIECE;
        if (whole < size + sizeof(struct pf_tally_piece))
            whole = size + sizeof(struct pf_tally_piece);
        struct pf_tally_piece *piece = pf_arena_take(part->arena, whole);
        if (piece == NULL)
            return NULL;
        *piece = (struct pf_tally_piece){part->pieces, whole};
        part->pieces = piece;
        part->left = whole - sizeof *piece;
    }
    part->left -= size;
    return (uint8_t *)part->pieces + (part->pieces->size - part->left - size);
}

static bool grow_lock_held(struct pf_tally_table *table, struct pf_tally_part *part)
{
    size_t size = part->size != 0 ? part->size * 2 : FIRST_SLOTS;
    struct pf_tally_slot *slots =
        size <= SIZE_MAX / sizeof *slots ? pf_arena_take(&table->arena, size * sizeof *slots) : NULL;
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < part->size; i++) {
        if (part->slots[i].record == NULL)
            continue;
        size_t at = home_of(part->slots[i].hash, size);
        while (slots[at].record != NULL)
            at = (at + 1) & (size - 1);
        slots[at] = part->slots[i];
    }
    pf_arena_give(&table->arena, part->slots, part->size * sizeof *slots);
    part->slots = slots;
    part->size = size;
    return true;
}

/* The slot of a key, or the empty one where it belongs. */
static struct pf_tally_slot *find(const struct pf_tally_table *table, const struct pf_tally_part *part, uint64_t hash,
                                  const void *key, size_t size)
{
    size_t at = home_of(hash, part->size);
    for (;;) {
        struct pf_tally_slot *slot = &part->slots[at];
        if (slot->record == NULL)
            return slot;
        if (slot->hash == hash && slot->record->key_size == size &&
            memcmp(pf_tally_record_key(table, slot->record), key, size) == 0)
            return slot;
        at = (at + 1) & (part->size - 1);
    }
}

/* The record of a key, which is made where there is none; NULL when memory is refused. */
static struct pf_tally_record *record_lock_held(struct pf_tally_table *table, struct pf_tally_part *part, uint64_t hash,
                                                const void *key, size_t size)
{
    if (part->used >= part->size / 4 * 3 && !grow_lock_held(table, part))
        return NULL;
    struct pf_tally_slot *slot = find(table, part, hash, key, size);
    if (slot->record != NULL)
        return slot->record;
    struct pf_tally_record *record = pf_tally_take(part, sizeof *record + table->plan->cells + size);
    if (record == NULL)
        return NULL;
    record->key_size = size;
    if (size != 0)
        memcpy((uint8_t *)record->cells + table->plan->cells, key, size);
    *slot = (struct pf_tally_slot){hash, record};
    part->used++;
    return record;
}

static enum pf_status add_lock_held(struct pf_tally_table *table, struct pf_tally_part *part,
                                    struct pf_tally_entry *entry, struct pf_error *error)
{
    const uint8_t *key = pf_tally_octets(table->plan, entry);
    struct pf_tally_record *record = record_lock_held(table, part, entry->hash, key, entry->key_size);
    if (record == NULL)
        return pf_fail_memory(error);
    record->count++;
    return table->apply != NULL ? table->apply(table, part, record, entry, error) : PF_OK;
}

struct pf_tally_record *pf_tally_table_put(struct pf_tally_table *table, const void *key, size_t size, uint64_t by)
{
    uint64_t hash = pf_tally_hash(table, key, size);
    struct pf_tally_part *part = part_of(table, hash);
    pf_mutex_lock(&part->lock);
    struct pf_tally_record *record = record_lock_held(table, part, hash, key, size);
    if (record != NULL)
        record->count = by <= UINT64_MAX - record->count ? record->count + by : UINT64_MAX;
    pf_mutex_unlock(&part->lock);
    return record;
}

enum pf_status pf_tally_table_add(struct pf_tally_table *table, const void *key, size_t size, uint64_t by,
                                  struct pf_error *error)
{
    return pf_tally_table_put(table, key, size, by) != NULL ? PF_OK : pf_fail_memory(error);
}

enum pf_status pf_tally_table_add_entry(struct pf_tally_table *table, struct pf_tally_entry *entry,
                                        struct pf_error *error)
{
    struct pf_tally_part *part = part_of(table, entry->hash);
    pf_mutex_lock(&part->lock);
    enum pf_status status = add_lock_held(table, part, entry, error);
    pf_mutex_unlock(&part->lock);
    return status;
}

const struct pf_tally_record *pf_tally_table_get(const struct pf_tally_table *table, const void *key, size_t size)
{
    uint64_t hash = pf_tally_hash(table, key, size);
    const struct pf_tally_part *part = &table->parts[hash >> 58];
    return part->size != 0 ? find(table, part, hash, key, size)->record : NULL;
}

size_t pf_tally_table_size(const struct pf_tally_table *table)
{
    size_t size = 0;
    for (size_t i = 0; i < PF_PARTITIONS; i++)
        size += table->parts[i].used;
    return size;
}

struct pf_tally_record *pf_tally_table_next(const struct pf_tally_table *table, struct pf_tally_table_place *place)
{
    for (; place->partition < PF_PARTITIONS; place->partition++, place->slot = 0) {
        const struct pf_tally_part *part = &table->parts[place->partition];
        while (place->slot < part->size) {
            struct pf_tally_record *record = part->slots[place->slot++].record;
            if (record != NULL)
                return record;
        }
    }
    return NULL;
}

enum pf_status pf_tally_stage_init(struct pf_tally_stage *stage, struct pf_tally_table *table, struct pf_error *error)
{
    memset(stage, 0, sizeof *stage);
    stage->table = table;
    stage->octets = pf_alloc_array(PF_PARTITIONS, PF_TALLY_STAGED);
    return stage->octets != NULL ? PF_OK : pf_fail_memory(error);
}

void pf_tally_stage_clear(struct pf_tally_stage *stage)
{
    pf_free(stage->octets);
    memset(stage, 0, sizeof *stage);
}

static struct pf_tally_entry *entry_at(uint8_t *octets, size_t at)
{
    return (struct pf_tally_entry *)(void *)(octets + at); /* entries are multiples of 8 */
}

static void prefetch(const struct pf_tally_part *part, uint8_t *octets, size_t used)
{
    for (size_t at = 0; part->size != 0 && at < used; at += entry_at(octets, at)->size)
        __builtin_prefetch(&part->slots[home_of(entry_at(octets, at)->hash, part->size)]);
    for (size_t at = 0; part->size != 0 && at < used; at += entry_at(octets, at)->size) {
        const struct pf_tally_slot *slot = &part->slots[home_of(entry_at(octets, at)->hash, part->size)];
        if (slot->record != NULL)
            __builtin_prefetch(slot->record, 1);
    }
}

static enum pf_status flush_one(struct pf_tally_stage *stage, size_t partition, struct pf_error *error)
{
    struct pf_tally_part *part = &stage->table->parts[partition];
    uint8_t *octets = stage->octets + partition * PF_TALLY_STAGED;
    size_t used = stage->used[partition];
    enum pf_status status = PF_OK;
    stage->used[partition] = 0;
    pf_mutex_lock(&part->lock);
    prefetch(part, octets, used);
    for (size_t at = 0; status == PF_OK && at < used; at += entry_at(octets, at)->size)
        status = add_lock_held(stage->table, part, entry_at(octets, at), error);
    pf_mutex_unlock(&part->lock);
    return status;
}

enum pf_status pf_tally_stage_push(struct pf_tally_stage *stage, struct pf_tally_entry *entry, struct pf_error *error)
{
    const uint8_t *key = pf_tally_octets(stage->table->plan, entry);
    entry->hash = pf_tally_hash(stage->table, key, entry->key_size);
    if (entry->size > PF_TALLY_STAGED) /* long text: it needs no company */
        return pf_tally_table_add_entry(stage->table, entry, error);
    size_t partition = (size_t)(entry->hash >> 58);
    if (entry->size > PF_TALLY_STAGED - stage->used[partition])
        PF_TRY(flush_one(stage, partition, error));
    memcpy(stage->octets + partition * PF_TALLY_STAGED + stage->used[partition], entry, entry->size);
    stage->used[partition] += entry->size;
    return PF_OK;
}

enum pf_status pf_tally_stage_flush(struct pf_tally_stage *stage, struct pf_error *error)
{
    for (size_t i = 0; stage->octets != NULL && i < PF_PARTITIONS; i++) {
        if (stage->used[i] != 0)
            PF_TRY(flush_one(stage, i, error));
    }
    return PF_OK;
}
