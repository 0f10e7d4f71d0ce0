#include "tally/group_rows.h"

#include "base/alloc.h"

#include <string.h>

enum { IN_WORDS = 16 }; /* octets of a key that lie in the words of its row */

enum pf_status pf_tally_rows_collect(struct pf_tally_rows *rows, const struct pf_tally *groups, uint64_t least,
                                     struct pf_error *error)
{
    struct pf_tally_place place = {.table = 0};
    struct pf_tally_row row;
    *rows = (struct pf_tally_rows){.groups = groups};
    rows->list = pf_alloc_array(pf_tally_size(groups), sizeof *rows->list);
    if (rows->list == NULL)
        return pf_fail_memory(error);
    while (pf_tally_next(groups, &place, &row)) {
        if (row.count >= least)
            rows->list[rows->size++] = row;
    }
    return PF_OK;
}

enum pf_status pf_tally_rows_copy(struct pf_tally_rows *rows, const struct pf_tally_rows *from, struct pf_error *error)
{
    *rows = *from;
    rows->list = pf_alloc_array(from->size, sizeof *rows->list);
    if (rows->list == NULL)
        return pf_fail_memory(error);
    if (from->size != 0)
        memcpy(rows->list, from->list, from->size * sizeof *rows->list);
    return PF_OK;
}

void pf_tally_rows_clear(struct pf_tally_rows *rows)
{
    pf_free(rows->list);
    memset(rows, 0, sizeof *rows);
}

/* What a key has behind the octets in its row's words. */
static const uint8_t *tail_of(const struct pf_tally *groups, const struct pf_tally_row *row, size_t *size)
{
    const uint8_t *key = NULL;
    size_t whole = 0;
    if (row->record != NULL) {
        key = pf_tally_record_key(&groups->table, row->record);
        whole = row->record->key_size;
    } else if (row->counter != NULL) {
        key = row->counter->key;
        whole = row->counter->size;
    }
    *size = whole > IN_WORDS ? whole - IN_WORDS : 0;
    return *size != 0 ? key + IN_WORDS : NULL;
}

static int compare_tails(const struct pf_tally *groups, const struct pf_tally_row *a, const struct pf_tally_row *b)
{
    size_t size, other;
    const uint8_t *left = tail_of(groups, a, &size), *right = tail_of(groups, b, &other);
    size_t common = size < other ? size : other;
    int order = common != 0 ? memcmp(left, right, common) : 0;
    return order != 0 ? order : (size > other) - (size < other);
}

int pf_tally_rows_compare(const struct pf_tally *groups, const struct pf_tally_row *a, const struct pf_tally_row *b)
{
    for (int i = groups->plan->every != 0; i < 2; i++) {
        if (a->word[i] != b->word[i])
            return a->word[i] < b->word[i] ? -1 : 1;
    }
    return compare_tails(groups, a, b);
}

/* The digits of the order, as words, the least significant first. */
static unsigned words_of(const struct pf_tally *groups, unsigned order, unsigned which[3])
{
    enum { FIRST, SECOND, COUNT };
    unsigned words = 0, binned = groups->plan->every != 0;
    which[words++] = SECOND;
    if (!binned)
        which[words++] = FIRST;
    if ((order & PF_TALLY_BY_COUNT) != 0)
        which[words++] = COUNT;
    if (binned && (order & PF_TALLY_BY_BIN) != 0)
        which[words++] = FIRST;
    return words;
}

static inline uint64_t word_of(const struct pf_tally_row *row, unsigned which)
{
    return which < 2 ? row->word[which] : ~row->count;
}

/* One pass of a radix sort over octet `digit` of a word; false where all rows have the same. */
static bool sort_digit(const struct pf_tally_row *from, struct pf_tally_row *to, size_t size, unsigned which,
                       unsigned digit)
{
    size_t starts[256] = {0}, at = 0;
    for (size_t i = 0; i < size; i++)
        starts[word_of(&from[i], which) >> (8 * digit) & 0xff]++;
    if (starts[word_of(&from[0], which) >> (8 * digit) & 0xff] == size)
        return false;
    for (size_t i = 0; i < 256; i++) {
        size_t count = starts[i];
        starts[i] = at;
        at += count;
    }
    for (size_t i = 0; i < size; i++)
        to[starts[word_of(&from[i], which) >> (8 * digit) & 0xff]++] = from[i];
    return true;
}

/* Sorts by tails, by merging runs that double: n log n, whatever an attacker chose. */
static void sort_tails(const struct pf_tally *groups, struct pf_tally_row *list, struct pf_tally_row *room, size_t size)
{
    struct pf_tally_row *from = list, *to = room;
    for (size_t run = 1; run < size; run *= 2) {
        for (size_t start = 0; start < size; start += 2 * run) {
            size_t middle = start + run < size ? start + run : size;
            size_t end = middle + run < size ? middle + run : size;
            for (size_t left = start, right = middle, at = start; at < end; at++) {
                bool take_left =
                    left < middle && (right == end || compare_tails(groups, &from[left], &from[right]) <= 0);
                to[at] = from[take_left ? left++ : right++];
            }
        }
        struct pf_tally_row *swapped = from;
        from = to;
        to = swapped;
    }
    if (from != list)
        memcpy(list, from, size * sizeof *list);
}

static bool alike(const struct pf_tally_row *a, const struct pf_tally_row *b, const unsigned *which, unsigned words)
{
    for (unsigned i = 0; i < words; i++) {
        if (word_of(a, which[i]) != word_of(b, which[i]))
            return false;
    }
    return true;
}

enum pf_status pf_tally_rows_sort(struct pf_tally_rows *rows, unsigned order, struct pf_error *error)
{
    unsigned which[3], words = words_of(rows->groups, order, which);
    struct pf_tally_row *from = rows->list, *to = pf_alloc_array(rows->size, sizeof *to);
    if (to == NULL)
        return pf_fail_memory(error);
    for (unsigned i = 0; i < words && rows->size > 1; i++) {
        for (unsigned digit = 0; digit < 8; digit++) {
            if (!sort_digit(from, to, rows->size, which[i], digit))
                continue;
            struct pf_tally_row *swapped = from;
            from = to;
            to = swapped;
        }
    }
    for (size_t start = 0, end; start < rows->size; start = end) {
        for (end = start + 1; end < rows->size && alike(&from[start], &from[end], which, words);)
            end++;
        if (end - start > 1)
            sort_tails(rows->groups, from + start, to, end - start);
    }
    rows->list = from;
    pf_free(to);
    return PF_OK;
}

void pf_tally_rows_unique(struct pf_tally_rows *rows)
{
    size_t kept = 0;
    for (size_t i = 0; i < rows->size; i++) {
        if (kept == 0 || pf_tally_rows_compare(rows->groups, &rows->list[kept - 1], &rows->list[i]) != 0)
            rows->list[kept++] = rows->list[i];
    }
    rows->size = kept;
}

void pf_tally_rows_cut(struct pf_tally_rows *rows, size_t most)
{
    size_t kept = 0, of_bin = 0;
    bool binned = rows->groups->plan->every != 0;
    for (size_t i = 0; i < rows->size; i++) {
        if (binned && kept != 0 && rows->list[kept - 1].word[0] != rows->list[i].word[0])
            of_bin = 0;
        if (of_bin++ < most)
            rows->list[kept++] = rows->list[i];
    }
    rows->size = kept;
}

/* By count descending, then key. */
static bool goes_before(const struct pf_tally *groups, const struct pf_tally_row *a, const struct pf_tally_row *b)
{
    return a->count != b->count ? a->count > b->count : pf_tally_rows_compare(groups, a, b) < 0;
}

static void swap(struct pf_tally_row *a, struct pf_tally_row *b)
{
    struct pf_tally_row moved = *a;
    *a = *b;
    *b = moved;
}

/* Puts a row on a heap whose root is the last of the best `most` so far, or in the root's place. */
static void keep_best(struct pf_tally_rows *rows, size_t most, const struct pf_tally_row *row)
{
    struct pf_tally_row *heap = rows->list;
    if (rows->size < most) {
        size_t at = rows->size++;
        heap[at] = *row;
        for (; at != 0 && goes_before(rows->groups, &heap[(at - 1) / 2], &heap[at]); at = (at - 1) / 2)
            swap(&heap[at], &heap[(at - 1) / 2]);
        return;
    }
    if (!goes_before(rows->groups, row, &heap[0]))
        return;
    heap[0] = *row;
    for (size_t at = 0, last = 0;; at = last) {
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < rows->size; child++) {
            if (goes_before(rows->groups, &heap[last], &heap[child]))
                last = child;
        }
        if (last == at)
            return;
        swap(&heap[at], &heap[last]);
    }
}

enum pf_status pf_tally_rows_best(struct pf_tally_rows *rows, const struct pf_tally *groups, uint64_t least,
                                  size_t most, struct pf_error *error)
{
    struct pf_tally_place place = {.table = 0};
    struct pf_tally_row row;
    enum pf_status status = PF_OK;
    if (most >= pf_tally_size(groups)) {
        status = pf_tally_rows_collect(rows, groups, least, error);
    } else {
        *rows = (struct pf_tally_rows){.groups = groups, .list = pf_alloc_array(most, sizeof *rows->list)};
        if (rows->list == NULL)
            return pf_fail_memory(error);
        while (most != 0 && pf_tally_next(groups, &place, &row)) {
            if (row.count >= least)
                keep_best(rows, most, &row);
        }
    }
    if (status == PF_OK)
        status = pf_tally_rows_sort(rows, PF_TALLY_BY_COUNT, error);
    if (status != PF_OK)
        pf_tally_rows_clear(rows);
    return status;
}
