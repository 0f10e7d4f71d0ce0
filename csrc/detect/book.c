#include "detect/book.h"

#include "base/alloc.h"

#include <string.h>

enum { FEW = 64 };

void pf_book_init(struct pf_book *book, size_t size, size_t most)
{
    memset(book, 0, sizeof *book);
    book->size = size;
    book->most = most;
}

void pf_book_clear(struct pf_book *book)
{
    pf_free(book->entries);
    pf_free(book->slots);
    pf_book_init(book, book->size, book->most);
}

static inline size_t home_of(const struct pf_book *book, uint64_t hash)
{
    return (size_t)hash & (book->slot_count - 1);
}

/* A book of few entries in many slots is emptied entry by entry: one is emptied every second of a capture. */
void pf_book_empty(struct pf_book *book)
{
    if (book->count > book->slot_count / 8) {
        memset(book->slots, 0, book->slot_count * sizeof *book->slots);
    } else {
        for (size_t i = book->count; i-- > 0;) { /* the last first: each then lies where its run ends or before */
            const struct pf_book_entry *entry = pf_book_at(book, i);
            size_t place = home_of(book, entry->hash);
            while (book->slots[place] != i + 1)
                place = (place + 1) & (book->slot_count - 1);
            book->slots[place] = 0;
        }
    }
    book->count = 0;
}

static void put(struct pf_book *book, uint64_t hash, size_t number)
{
    size_t place = home_of(book, hash);
    while (book->slots[place] != 0)
        place = (place + 1) & (book->slot_count - 1);
    book->slots[place] = (uint32_t)(number + 1);
}

static enum pf_status grow_slots(struct pf_book *book, struct pf_error *error)
{
    size_t slot_count = book->slot_count != 0 ? 2 * book->slot_count : 2 * FEW;
    uint32_t *slots = pf_alloc_array(slot_count, sizeof *slots);
    if (slots == NULL)
        return pf_fail_memory(error);
    pf_free(book->slots);
    book->slots = slots;
    book->slot_count = slot_count;
    for (size_t i = 0; i < book->count; i++)
        put(book, ((const struct pf_book_entry *)pf_book_at(book, i))->hash, i);
    return PF_OK;
}

static enum pf_status grow_entries(struct pf_book *book, struct pf_error *error)
{
    size_t capacity = pf_grown(book->capacity, book->count < FEW ? FEW : book->count + 1, book->size);
    uint8_t *entries = capacity != 0 ? pf_realloc(book->entries, capacity * book->size) : NULL;
    if (entries == NULL)
        return pf_fail_memory(error);
    book->entries = entries;
    book->capacity = capacity;
    return PF_OK;
}

void *pf_book_find(const struct pf_book *book, uint64_t hash, const void *key)
{
    if (book->slot_count == 0)
        return NULL;
    for (size_t place = home_of(book, hash); book->slots[place] != 0; place = (place + 1) & (book->slot_count - 1)) {
        struct pf_book_entry *entry = pf_book_at(book, book->slots[place] - 1);
        if (entry->hash == hash && memcmp(entry->key, key, PF_BOOK_KEY) == 0)
            return entry;
    }
    return NULL;
}

enum pf_status pf_book_add(struct pf_book *book, uint64_t hash, const void *key, void **entry, struct pf_error *error)
{
    if (2 * book->count >= book->slot_count)
        PF_TRY(grow_slots(book, error));
    if (book->count == book->capacity)
        PF_TRY(grow_entries(book, error));
    struct pf_book_entry *added = pf_book_at(book, book->count);
    memset(added, 0, book->size);
    memcpy(added->key, key, PF_BOOK_KEY);
    added->hash = hash;
    put(book, hash, book->count++);
    *entry = added;
    return PF_OK;
}

void pf_book_prefetch(const struct pf_book *book, uint64_t hash)
{
    if (book->slot_count == 0)
        return;
    const uint32_t *slot = &book->slots[hash & (book->slot_count - 1)];
    __builtin_prefetch(slot);
}
