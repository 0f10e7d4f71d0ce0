#include "detect/text_rows.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <string.h>

enum { FIRST_SLOTS = 256 };

enum pf_status pf_text_rows_of(struct pf_text_rows *rows, const void *key, size_t length, void **row, bool *is_new,
                               struct pf_error *error)
{
    int32_t code;
    *row = NULL;
    *is_new = !pf_dictionary_find(&rows->keys, key, length, &code);
    if (*is_new) {
        if (rows->keys.count == rows->most) {
            rows->dropped++;
            return PF_OK;
        }
        if (rows->keys.count == rows->capacity) {
            size_t capacity = pf_grown(rows->capacity, rows->capacity + 1, rows->element);
            uint8_t *grown = capacity != 0 ? pf_realloc(rows->rows, capacity * rows->element) : NULL;
            if (grown == NULL)
                return pf_fail_memory(error);
            rows->rows = grown;
            rows->capacity = capacity;
        }
        PF_TRY(pf_dictionary_text(&rows->keys, key, length, &code, error));
        memset(pf_text_row(rows, (size_t)code), 0, rows->element);
    }
    *row = pf_text_row(rows, (size_t)code);
    return PF_OK;
}

void pf_text_rows_clear(struct pf_text_rows *rows)
{
    pf_dictionary_clear(&rows->keys);
    pf_free(rows->rows);
    rows->rows = NULL;
    rows->capacity = 0;
}

static uint64_t *find(const struct pf_text_seen *seen, uint64_t print)
{
    size_t at = (size_t)print & (seen->size - 1);
    while (seen->slots[at] != 0 && seen->slots[at] != print)
        at = (at + 1) & (seen->size - 1);
    return &seen->slots[at];
}

static bool more_slots(struct pf_text_seen *seen)
{
    struct pf_text_seen larger = {.size = seen->size != 0 ? seen->size * 2 : FIRST_SLOTS};
    larger.slots = pf_alloc_array(larger.size, sizeof *larger.slots);
    if (larger.slots == NULL)
        return false;
    for (size_t i = 0; i < seen->size; i++) {
        if (seen->slots[i] != 0)
            *find(&larger, seen->slots[i]) = seen->slots[i];
    }
    pf_free(seen->slots);
    seen->slots = larger.slots;
    seen->size = larger.size;
    return true;
}

enum pf_status pf_text_seen_first(struct pf_text_seen *seen, uint64_t whose, const char *text, size_t length,
                                  bool *first, struct pf_error *error)
{
    const struct pf_secret *secret = pf_secret();
    uint64_t print = pf_hash_octets(secret, text, length) ^ pf_hash_word(secret, whose);
    print += print == 0;
    if ((seen->count + 1) * 2 > seen->size && seen->count < PF_TEXT_MOST_SEEN && !more_slots(seen))
        return pf_fail_memory(error);
    uint64_t *slot = find(seen, print);
    *first = *slot == 0 && seen->count < PF_TEXT_MOST_SEEN;
    if (*first) {
        *slot = print;
        seen->count++;
    } else if (*slot == 0) {
        seen->dropped++;
    }
    return PF_OK;
}

void pf_text_seen_clear(struct pf_text_seen *seen)
{
    pf_free(seen->slots);
    memset(seen, 0, sizeof *seen);
}
