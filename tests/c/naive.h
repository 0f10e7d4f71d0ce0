/* The slow twin of the pass: what records a pcap file in memory holds, and what is wrong with it, by one plain loop.
 * And a sink that gathers what a pass hands on, to compare. */
#ifndef PF_TESTS_NAIVE_H
#define PF_TESTS_NAIVE_H

#include "capture/fault.h"
#include "capture/format.h"
#include "check.h"
#include "pass/sink.h"

/* All of a record that can be told, its octets by a hash (FNV-1a). */
struct seen {
    uint64_t number, hash;
    int64_t time;
    uint32_t cap_len, len, input, link_type;
};

struct seen_list {
    struct seen *list;
    size_t size, capacity;
};

static inline void seen_add(struct seen_list *list, const struct seen *seen)
{
    if (list->size == list->capacity) {
        list->capacity = list->capacity * 2 + 16;
        list->list = must(realloc(list->list, list->capacity * sizeof *list->list));
    }
    list->list[list->size++] = *seen;
}

static inline void seen_clear(struct seen_list *list)
{
    free(list->list);
    *list = (struct seen_list){NULL, 0, 0};
}

static inline uint64_t hash_of(const uint8_t *octets, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ octets[i]) * 0x100000001b3u;
    return hash;
}

static inline bool seen_equal(const struct seen_list *a, const struct seen_list *b)
{
    for (size_t i = 0; i < a->size && i < b->size; i++) {
        const struct seen *x = &a->list[i], *y = &b->list[i];
        if (x->number != y->number || x->hash != y->hash || x->time != y->time || x->cap_len != y->cap_len ||
            x->len != y->len || x->input != y->input || x->link_type != y->link_type)
            return false;
    }
    return a->size == b->size;
}

static inline uint64_t naive_word(const uint8_t *p, bool big)
{
    return big ? (uint64_t)p[0] << 24 | (uint64_t)p[1] << 16 | (uint64_t)p[2] << 8 | p[3]
               : (uint64_t)p[3] << 24 | (uint64_t)p[2] << 16 | (uint64_t)p[1] << 8 | p[0];
}

/* Adds the records of a file whose header is known to be good; returns what is wrong with it and where. */
static inline enum pf_fault_kind naive_read(const uint8_t *octets, size_t size, uint32_t input, struct seen_list *list,
                                            uint64_t *fault_at)
{
    bool big = octets[0] == 0xa1, nanoseconds = octets[big ? 3 : 0] == 0x4d;
    size_t header = octets[big ? 3 : 0] == 0x34 ? 24 : 16, at = 24;
    uint32_t link_type = naive_word(octets + 20, big) & 0xffff;
    uint32_t most = link_type == 231 || link_type == 249 || link_type == 279 ? 16777216 : 262144;
    for (;; at += header) {
        const uint8_t *p = octets + at;
        size_t zeros = 0;
        *fault_at = at;
        while (zeros < 4 * header && at + zeros < size && p[zeros] == 0)
            zeros++;
        if (zeros == 4 * header)
            return PF_ZERO_RUN;
        if (at == size)
            return PF_NO_FAULT;
        if (size - at < header)
            return PF_CUT_SHORT;
        uint64_t cap_len = naive_word(p + 8, big);
        if (cap_len > most)
            return PF_IMPOSSIBLE_LENGTH;
        if (size - at - header < cap_len)
            return PF_CUT_SHORT;
        struct seen seen = {
            .number = list->size + 1,
            .hash = hash_of(p + header, cap_len),
            .time = (int64_t)(naive_word(p, big) * 1000000000 + naive_word(p + 4, big) * (nanoseconds ? 1 : 1000)),
            .cap_len = (uint32_t)cap_len,
            .len = (uint32_t)naive_word(p + 12, big),
            .input = input,
            .link_type = link_type,
        };
        seen_add(list, &seen);
        at += cap_len;
    }
}

/* --- a sink that gathers, in file order
 * ---------------------------------------------------------------------------------- */

enum { GATHER_WORKERS = 16 };

struct gather {
    struct pf_sink sink;
    struct seen_list gathered;
    unsigned workers, emits, finishes;
    atomic_uint accepted;
    atomic_int emitting, live; /* live: pieces that were not given back */
    /* To disturb it. */
    unsigned fail_at_accept, fail_at_emit; /* the n-th; 0: never */
    bool fail_at_begin, fail_at_finish;
    void (*pause)(void); /* NULL, or called in accept and emit */
};

static inline enum pf_status gather_begin(struct pf_sink *base, unsigned workers, struct pf_error *error)
{
    struct gather *gather = (struct gather *)base;
    gather->workers = workers;
    if (workers > GATHER_WORKERS)
        abort();
    return gather->fail_at_begin ? pf_fail(error, PF_INVALID, "begin") : PF_OK;
}

static inline enum pf_status gather_accept(struct pf_sink *base, unsigned worker, struct pf_packet *const *packets,
                                           size_t count, struct pf_error *error)
{
    struct gather *gather = (struct gather *)base;
    if (count == 0 || count > 64 || worker >= gather->workers)
        abort();
    if (gather->pause != NULL)
        gather->pause();
    if (base->open[worker] == NULL) {
        base->open[worker] = must(calloc(1, sizeof(struct seen_list)));
        atomic_fetch_add(&gather->live, 1);
    }
    for (size_t i = 0; i < count; i++) {
        const struct pf_record *record = &packets[i]->record;
        struct seen seen = {
            record->frame_number, hash_of(record->octets, record->cap_len),
            record->time,         record->cap_len,
            record->len,          record->input,
            record->link_type,
        };
        seen_add(base->open[worker], &seen);
    }
    return atomic_fetch_add(&gather->accepted, 1) + 1 == gather->fail_at_accept ? pf_fail(error, PF_INVALID, "accept")
                                                                                : PF_OK;
}

static inline void gather_discard(struct pf_sink *base, void *piece)
{
    struct gather *gather = (struct gather *)base;
    seen_clear(piece);
    free(piece);
    atomic_fetch_sub(&gather->live, 1);
}

static inline enum pf_status gather_emit(struct pf_sink *base, void *piece, struct pf_error *error)
{
    struct gather *gather = (struct gather *)base;
    struct seen_list *list = piece;
    if (atomic_fetch_add(&gather->emitting, 1) != 0)
        abort(); /* one thread at a time */
    if (gather->pause != NULL)
        gather->pause();
    for (size_t i = 0; i < list->size; i++)
        seen_add(&gather->gathered, &list->list[i]);
    gather_discard(base, piece);
    bool fails = ++gather->emits == gather->fail_at_emit;
    atomic_fetch_sub(&gather->emitting, 1);
    return fails ? pf_fail(error, PF_INVALID, "emit") : PF_OK;
}

static inline enum pf_status gather_finish(struct pf_sink *base, struct pf_error *error)
{
    struct gather *gather = (struct gather *)base;
    gather->finishes++;
    return gather->fail_at_finish ? pf_fail(error, PF_INVALID, "finish") : PF_OK;
}

static const struct pf_sink_ops gather_ops = {
    PF_ORDER_FILE, gather_begin, gather_accept, gather_emit, gather_discard, gather_finish,
};

static inline void gather_init(struct gather *gather)
{
    memset(gather, 0, sizeof *gather);
    gather->sink.ops = &gather_ops;
    gather->sink.depth = PF_DEPTH_RECORD;
}

static inline void gather_clear(struct gather *gather)
{
    seen_clear(&gather->gathered);
}

#endif
