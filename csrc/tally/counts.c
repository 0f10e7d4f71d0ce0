#include "tally/counts.h"

#include "base/alloc.h"

#include <string.h>

void pf_counts_init(struct pf_counts *counts, enum pf_key_kind kind)
{
    counts->kind = kind;
    pf_keycount_init(&counts->narrow, 1);
    pf_keycount_init(&counts->wide, 2);
}

void pf_counts_clear(struct pf_counts *counts)
{
    pf_keycount_clear(&counts->narrow);
    pf_keycount_clear(&counts->wide);
}

size_t pf_counts_size(const struct pf_counts *counts)
{
    return pf_keycount_size(&counts->narrow) + pf_keycount_size(&counts->wide);
}

uint64_t pf_counts_get(const struct pf_counts *counts, const struct pf_address *key)
{
    return pf_keycount_get(key->size == 16 ? &counts->wide : &counts->narrow, key->word);
}

void pf_counts_moments(const struct pf_counts *counts, struct pf_moments *moments)
{
    memset(moments, 0, sizeof *moments);
    pf_keycount_moments(&counts->narrow, moments);
    pf_keycount_moments(&counts->wide, moments);
}

enum pf_status pf_counts_merge(struct pf_counts *counts, const struct pf_counts *from, struct pf_error *error)
{
    PF_TRY(pf_keycount_merge(&counts->narrow, &from->narrow, error));
    return pf_keycount_merge(&counts->wide, &from->wide, error);
}

enum pf_status pf_counts_add(struct pf_counts *counts, const struct pf_address *key, uint64_t by,
                             struct pf_error *error)
{
    return pf_keycount_add(key->size == 16 ? &counts->wide : &counts->narrow, key->word, 1, by, error);
}

bool pf_counts_next(const struct pf_counts *counts, struct pf_counts_place *place, struct pf_counted *counted)
{
    const uint64_t *key;
    if (!place->in_wide) {
        if (pf_keycount_next(&counts->narrow, &place->place, &key, &counted->count)) {
            counted->key = (struct pf_address){{key[0], 0}, 4};
            return true;
        }
        place->in_wide = true;
        place->place = (struct pf_keycount_place){.partition = 0};
    }
    if (!pf_keycount_next(&counts->wide, &place->place, &key, &counted->count))
        return false;
    counted->key = (struct pf_address){{key[0], key[1]}, 16};
    return true;
}

static int compare(const void *left, const void *right)
{
    const struct pf_counted *a = left, *b = right;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    if (a->key.size != b->key.size)
        return a->key.size < b->key.size ? -1 : 1;
    for (int i = 0; i < 2; i++) {
        if (a->key.word[i] != b->key.word[i])
            return a->key.word[i] < b->key.word[i] ? -1 : 1;
    }
    return 0;
}

/* A heap whose root is the last of the best `most` so far, so that a few of many cost no more than those few. */
static void sift_down(struct pf_counted *heap, size_t size)
{
    for (size_t at = 0;;) {
        size_t worst = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < size; child++) {
            if (compare(&heap[child], &heap[worst]) > 0)
                worst = child;
        }
        if (worst == at)
            return;
        struct pf_counted moved = heap[at];
        heap[at] = heap[worst];
        heap[worst] = moved;
        at = worst;
    }
}

static void sift_up(struct pf_counted *heap, size_t at)
{
    while (at != 0 && compare(&heap[at], &heap[(at - 1) / 2]) > 0) {
        struct pf_counted moved = heap[at];
        heap[at] = heap[(at - 1) / 2];
        heap[(at - 1) / 2] = moved;
        at = (at - 1) / 2;
    }
}

/* Octet `digit` of the sort key, least significant first: key words, size, then the count, which descends. */
static unsigned digit_of(const struct pf_counted *counted, unsigned digit)
{
    if (digit < 8)
        return (unsigned)(counted->key.word[1] >> (8 * digit)) & 0xff;
    if (digit < 16)
        return (unsigned)(counted->key.word[0] >> (8 * (digit - 8))) & 0xff;
    if (digit == 16)
        return counted->key.size;
    return (unsigned)(~counted->count >> (8 * (digit - 17))) & 0xff;
}

/* A radix sort, least significant digit first: linear, whatever an attacker chose; digits that are all alike cost one
 * look. */
static enum pf_status sort(struct pf_counted **list, size_t size, struct pf_error *error)
{
    struct pf_counted *from = *list, *to = pf_alloc_array(size, sizeof *to);
    if (to == NULL)
        return pf_fail_memory(error);
    for (unsigned digit = 0; digit < 25; digit++) {
        size_t starts[256] = {0}, at = 0;
        for (size_t i = 0; i < size; i++)
            starts[digit_of(&from[i], digit)]++;
        if (size != 0 && starts[digit_of(&from[0], digit)] == size)
            continue;
        for (size_t i = 0; i < 256; i++) {
            size_t count = starts[i];
            starts[i] = at;
            at += count;
        }
        for (size_t i = 0; i < size; i++)
            to[starts[digit_of(&from[i], digit)]++] = from[i];
        struct pf_counted *swapped = from;
        from = to;
        to = swapped;
    }
    pf_free(to);
    *list = from;
    return PF_OK;
}

enum pf_status pf_counts_sorted(const struct pf_counts *counts, uint64_t least, size_t most, struct pf_counted **list,
                                size_t *size, struct pf_error *error)
{
    size_t keys = pf_counts_size(counts), wanted = most < keys ? most : keys;
    struct pf_counted *kept = pf_alloc_array(wanted, sizeof *kept), counted;
    if (kept == NULL)
        return pf_fail_memory(error);
    struct pf_counts_place place = {.in_wide = false};
    bool heap = wanted < keys;
    *size = 0;
    while (wanted != 0 && pf_counts_next(counts, &place, &counted)) {
        if (counted.count < least)
            continue;
        if (*size < wanted) {
            kept[(*size)++] = counted;
            if (heap)
                sift_up(kept, *size - 1);
        } else if (compare(&counted, &kept[0]) < 0) {
            kept[0] = counted;
            sift_down(kept, *size);
        }
    }
    enum pf_status status = sort(&kept, *size, error);
    if (status != PF_OK)
        pf_free(kept);
    else
        *list = kept;
    return status;
}
