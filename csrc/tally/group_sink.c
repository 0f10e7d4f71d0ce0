#include "base/alloc.h"
#include "tally/group.h"

#include <string.h>

enum { WIDE = 16 };

/* Entries of one chunk on their way to the ordered stage. */
struct piece {
    uint8_t *octets;
    size_t used, room;
};

struct pf_tally_worker {
    struct pf_tally_entry *entry;
    struct pf_keystage narrow, wide;
    struct pf_tally_stage stage;
};

static bool is_plain(const struct pf_tally_plan *plan)
{
    return plan->output_count == 0 && !plan->ordered;
}

static enum pf_status begin(struct pf_sink *base, unsigned workers, struct pf_error *error)
{
    struct pf_tally_sink *sink = (struct pf_tally_sink *)base;
    struct pf_tally *groups = sink->groups;
    sink->workers = pf_alloc_array(workers, sizeof *sink->workers);
    if (sink->workers == NULL)
        return pf_fail_memory(error);
    sink->worker_count = workers;
    for (unsigned i = 0; i < workers; i++) {
        struct pf_tally_worker *worker = &sink->workers[i];
        worker->entry = pf_alloc(groups->plan->entry_room);
        if (worker->entry == NULL)
            return pf_fail_memory(error);
        if (groups->plan->ordered)
            continue;
        if (is_plain(groups->plan) && groups->plan->narrow)
            PF_TRY(pf_keystage_init(&worker->narrow, &groups->narrow, error));
        else if (is_plain(groups->plan))
            PF_TRY(pf_keystage_init(&worker->wide, &groups->wide, error));
        if (!groups->plan->narrow || !is_plain(groups->plan))
            PF_TRY(pf_tally_stage_init(&worker->stage, &groups->table, error));
    }
    return PF_OK;
}

/* Nothing but a count: where the key fits, it is all there is. */
static enum pf_status count(const struct pf_tally_plan *plan, struct pf_tally_worker *worker, struct pf_error *error)
{
    struct pf_tally_entry *entry = worker->entry;
    uint8_t *key = pf_tally_octets(plan, entry);
    if (plan->narrow)
        return pf_keystage_push(&worker->narrow, &(uint64_t){pf_be(key, entry->key_size)}, error);
    if (entry->key_size > WIDE)
        return pf_tally_stage_push(&worker->stage, entry, error);
    uint8_t octets[WIDE] = {0};
    memcpy(octets, key, entry->key_size);
    return pf_keystage_push(&worker->wide, (const uint64_t[]){pf_be(octets, 8), pf_be(octets + 8, 8)}, error);
}

static enum pf_status gather(const struct pf_tally_worker *worker, void **open, struct pf_error *error)
{
    if (*open == NULL)
        *open = pf_alloc(sizeof(struct piece));
    struct piece *piece = *open;
    if (piece == NULL)
        return pf_fail_memory(error);
    if (worker->entry->size > piece->room - piece->used) {
        size_t room = pf_grown(piece->room, piece->used + worker->entry->size, 1);
        uint8_t *octets = room != 0 ? pf_realloc(piece->octets, room) : NULL;
        if (octets == NULL)
            return pf_fail_memory(error);
        piece->octets = octets;
        piece->room = room;
    }
    memcpy(piece->octets + piece->used, worker->entry, worker->entry->size);
    piece->used += worker->entry->size;
    return PF_OK;
}

static enum pf_status accept(struct pf_sink *base, unsigned number, struct pf_packet *const *packets, size_t n,
                             struct pf_error *error)
{
    struct pf_tally_sink *sink = (struct pf_tally_sink *)base;
    struct pf_tally_worker *worker = &sink->workers[number];
    const struct pf_tally_plan *plan = sink->groups->plan;
    for (size_t i = 0; i < n; i++) {
        if (!pf_tally_entry_of(plan, packets[i], worker->entry))
            continue;
        if (plan->ordered)
            PF_TRY(gather(worker, &base->open[number], error));
        else if (is_plain(plan))
            PF_TRY(count(plan, worker, error));
        else
            PF_TRY(pf_tally_stage_push(&worker->stage, worker->entry, error));
    }
    return PF_OK;
}

static void discard(struct pf_sink *base, void *piece)
{
    (void)base;
    if (piece != NULL)
        pf_free(((struct piece *)piece)->octets);
    pf_free(piece);
}

static enum pf_status emit(struct pf_sink *base, void *given, struct pf_error *error)
{
    struct pf_tally *groups = ((struct pf_tally_sink *)base)->groups;
    struct piece *piece = given;
    enum pf_status status = PF_OK;
    struct pf_tally_entry *entry;
    for (size_t at = 0; status == PF_OK && at < piece->used; at += entry->size) {
        entry = (struct pf_tally_entry *)(void *)(piece->octets + at);
        const uint8_t *key = pf_tally_octets(groups->plan, entry);
        if (groups->plan->sketched) {
            status = pf_top_add(&groups->top, key, entry->key_size, error);
            continue;
        }
        entry->hash = pf_tally_hash(&groups->table, key, entry->key_size);
        status = pf_tally_table_add_entry(&groups->table, entry, error);
    }
    discard(base, piece);
    return status;
}

static enum pf_status finish(struct pf_sink *base, struct pf_error *error)
{
    struct pf_tally_sink *sink = (struct pf_tally_sink *)base;
    for (unsigned i = 0; i < sink->worker_count; i++) {
        PF_TRY(pf_keystage_flush(&sink->workers[i].narrow, error));
        PF_TRY(pf_keystage_flush(&sink->workers[i].wide, error));
        PF_TRY(pf_tally_stage_flush(&sink->workers[i].stage, error));
    }
    return PF_OK;
}

static const struct pf_sink_ops any = {.order = PF_ORDER_ANY, .begin = begin, .accept = accept, .finish = finish};
static const struct pf_sink_ops ordered = {
    .order = PF_ORDER_FILE,
    .begin = begin,
    .accept = accept,
    .emit = emit,
    .discard = discard,
    .finish = finish,
};

void pf_tally_sink_init(struct pf_tally_sink *sink, struct pf_tally *groups)
{
    memset(sink, 0, sizeof *sink);
    sink->sink.ops = groups->plan->ordered ? &ordered : &any;
    sink->sink.depth = groups->plan->depth;
    sink->sink.needs = groups->plan->needs;
    sink->groups = groups;
}

void pf_tally_sink_clear(struct pf_tally_sink *sink)
{
    for (unsigned i = 0; i < sink->worker_count; i++) {
        struct pf_tally_worker *worker = &sink->workers[i];
        pf_free(worker->entry);
        pf_keystage_clear(&worker->narrow);
        pf_keystage_clear(&worker->wide);
        pf_tally_stage_clear(&worker->stage);
    }
    pf_free(sink->workers);
    sink->workers = NULL;
    sink->worker_count = 0;
}
