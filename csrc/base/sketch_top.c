#include "base/sketch_top.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <string.h>

void pf_top_init(struct pf_top *top, size_t most)
{
    memset(top, 0, sizeof *top);
    top->most = most;
}

void pf_top_clear(struct pf_top *top)
{
    for (size_t i = 0; i < top->count; i++)
        pf_free(top->counters[i].key);
    pf_free(top->counters);
    pf_free(top->heap);
    pf_free(top->slots);
    memset(top, 0, sizeof *top);
}

static size_t home_of(const struct pf_top *top, uint64_t hash)
{
    return (size_t)(hash >> 12) & (top->size - 1);
}

/* The slot of a key, or the empty one where it belongs: at most half of them are taken. */
static size_t find(const struct pf_top *top, uint64_t hash, const void *key, size_t size)
{
    size_t at = home_of(top, hash);
    for (; top->slots[at] != 0; at = (at + 1) & (top->size - 1)) {
        const struct pf_top_counter *counter = &top->counters[top->slots[at] - 1];
        if (counter->hash == hash && counter->size == size && memcmp(counter->key, key, size) == 0)
            break;
    }
    return at;
}

/* Empties a slot and moves up those behind it that would not be found any more. */
static void empty(struct pf_top *top, size_t hole)
{
    for (size_t at = hole;;) {
        at = (at + 1) & (top->size - 1);
        if (top->slots[at] == 0)
            break;
        size_t home = home_of(top, top->counters[top->slots[at] - 1].hash);
        if (((at - home) & (top->size - 1)) >= ((at - hole) & (top->size - 1))) {
            top->slots[hole] = top->slots[at];
            hole = at;
        }
    }
    top->slots[hole] = 0;
}

static bool goes_first(const struct pf_top *top, size_t left, size_t right)
{
    const struct pf_top_counter *a = &top->counters[top->heap[left]], *b = &top->counters[top->heap[right]];
    return a->count != b->count ? a->count < b->count : a->taken < b->taken;
}

static void swap(struct pf_top *top, size_t left, size_t right)
{
    size_t counter = top->heap[left];
    top->heap[left] = top->heap[right];
    top->heap[right] = counter;
    top->counters[top->heap[left]].place = left;
    top->counters[top->heap[right]].place = right;
}

static void sift_down(struct pf_top *top, size_t at)
{
    for (;;) {
        size_t first = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < top->count; child++) {
            if (goes_first(top, child, first))
                first = child;
        }
        if (first == at)
            return;
        swap(top, at, first);
        at = first;
    }
}

static void sift_up(struct pf_top *top, size_t at)
{
    for (; at != 0 && goes_first(top, at, (at - 1) / 2); at = (at - 1) / 2)
        swap(top, at, (at - 1) / 2);
}

static bool more_counters(struct pf_top *top)
{
    size_t capacity = pf_grown(top->capacity, top->count + 1, sizeof *top->counters), size = 16;
    if (capacity == 0)
        return false;
    struct pf_top_counter *counters = pf_realloc(top->counters, capacity * sizeof *counters);
    if (counters == NULL)
        return false;
    top->counters = counters;
    size_t *heap = pf_realloc(top->heap, capacity * sizeof *heap);
    if (heap == NULL)
        return false;
    top->heap = heap;
    while (size / 2 < capacity)
        size *= 2;
    size_t *slots = pf_alloc_array(size, sizeof *slots);
    if (slots == NULL)
        return false;
    pf_free(top->slots);
    top->slots = slots;
    top->size = size;
    top->capacity = capacity;
    for (size_t i = 0; i < top->count; i++)
        top->slots[find(top, top->counters[i].hash, top->counters[i].key, top->counters[i].size)] = i + 1;
    return true;
}

static bool set_key(struct pf_top_counter *counter, const void *key, size_t size)
{
    if (size > counter->room || counter->key == NULL) {
        uint8_t *grown = pf_realloc(counter->key, size);
        if (grown == NULL)
            return false;
        counter->key = grown;
        counter->room = size;
    }
    if (size != 0)
        memcpy(counter->key, key, size);
    counter->size = size;
    return true;
}

static enum pf_status add_counter(struct pf_top *top, uint64_t hash, const void *key, size_t size,
                                  struct pf_error *error)
{
    if (top->count == top->capacity && !more_counters(top))
        return pf_fail_memory(error);
    size_t number = top->count;
    struct pf_top_counter *counter = &top->counters[number];
    *counter = (struct pf_top_counter){.count = 1, .taken = top->taken++, .hash = hash, .place = number};
    if (!set_key(counter, key, size))
        return pf_fail_memory(error);
    top->slots[find(top, hash, key, size)] = number + 1;
    top->heap[number] = number;
    top->count++;
    sift_up(top, number);
    return PF_OK;
}

static enum pf_status take_over(struct pf_top *top, uint64_t hash, const void *key, size_t size, struct pf_error *error)
{
    size_t number = top->heap[0];
    struct pf_top_counter *counter = &top->counters[number];
    empty(top, find(top, counter->hash, counter->key, counter->size));
    /* Out of the slots before anything can fail: after a failure the sketch can only be cleared. */
    if (!set_key(counter, key, size))
        return pf_fail_memory(error);
    counter->hash = hash;
    counter->error = counter->count++;
    counter->taken = top->taken++;
    top->slots[find(top, hash, key, size)] = number + 1;
    sift_down(top, 0);
    return PF_OK;
}

enum pf_status pf_top_add(struct pf_top *top, const void *key, size_t size, struct pf_error *error)
{
    uint64_t hash = pf_hash_octets(pf_secret(), key, size);
    size_t slot = top->size != 0 ? top->slots[find(top, hash, key, size)] : 0;
    if (slot != 0) {
        top->counters[slot - 1].count++;
        sift_down(top, top->counters[slot - 1].place);
        return PF_OK;
    }
    return top->count < top->most ? add_counter(top, hash, key, size, error) : take_over(top, hash, key, size, error);
}
