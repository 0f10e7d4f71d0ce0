/* Entries of one size found by a key of PF_BOOK_KEY octets that each begins with, up to a most; then the book is full.
 *
 *   slots   | 0 | 3 | 0 | 1 | 2 | ...          an entry's number + 1, 0 where empty; at most half of them are taken
 *   entries | key hash ... | key hash ... |     in the order in which they were added
 *
 * The hash is of a secret, so that who makes keys up cannot make them collide; it never influences a result. An entry's
 * place is good until the next one is added. One thread at a time. */
#ifndef PF_DETECT_BOOK_H
#define PF_DETECT_BOOK_H

#include "base/error.h"

enum { PF_BOOK_KEY = 40 };

struct pf_book_entry {
    uint8_t key[PF_BOOK_KEY];
    uint64_t hash;
};

struct pf_book {
    size_t size; /* of an entry */
    size_t most;
    uint8_t *entries;
    uint32_t *slots;
    size_t count, capacity, slot_count; /* slot_count: 0 or a power of two */
};

void pf_book_init(struct pf_book *book, size_t size, size_t most);
void pf_book_clear(struct pf_book *book);
void pf_book_empty(struct pf_book *book); /* forgets all entries, keeps the memory */

static inline bool pf_book_full(const struct pf_book *book)
{
    return book->count == book->most;
}

static inline void *pf_book_at(const struct pf_book *book, size_t number)
{
    return book->entries + number * book->size;
}

static inline size_t pf_book_number(const struct pf_book *book, const void *entry)
{
    return (size_t)((const uint8_t *)entry - book->entries) / book->size;
}

void *pf_book_find(const struct pf_book *book, uint64_t hash, const void *key); /* NULL: there is none */
/* A new entry, zeroed behind its key, which must not be there yet; the book must not be full. */
enum pf_status pf_book_add(struct pf_book *book, uint64_t hash, const void *key, void **entry, struct pf_error *error);
void pf_book_prefetch(const struct pf_book *book, uint64_t hash);

#endif
