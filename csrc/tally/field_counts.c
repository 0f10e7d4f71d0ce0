#include "tally/field_counts.h"

#include "base/alloc.h"

#include <string.h>

struct pf_field_worker {
    struct pf_keystage narrow, wide;
};

bool pf_field_key_kind(const struct pf_field *field, enum pf_key_kind *kind)
{
    switch (field->kind.type) {
    case PF_UINT8:
    case PF_UINT16:
    case PF_UINT32:
        *kind = PF_KEY_NUMBER;
        return true;
    case PF_UINT64:
        *kind = PF_KEY_UINT64;
        return true;
    case PF_INT64:
    case PF_TIME:
        *kind = PF_KEY_INT64;
        return true;
    default:
        *kind = PF_KEY_ADDRESS;
        return field->kind.type == PF_TEXT && field->text == pf_text_address;
    }
}

static enum pf_status begin(struct pf_sink *base, unsigned workers, struct pf_error *error)
{
    struct pf_field_sink *sink = (struct pf_field_sink *)base;
    sink->workers = pf_alloc_array(workers, sizeof *sink->workers);
    if (sink->workers == NULL)
        return pf_fail_memory(error);
    sink->worker_count = workers;
    for (unsigned i = 0; i < workers; i++) {
        PF_TRY(pf_keystage_init(&sink->workers[i].narrow, &sink->counts->narrow, error));
        if (sink->counts->kind == PF_KEY_ADDRESS)
            PF_TRY(pf_keystage_init(&sink->workers[i].wide, &sink->counts->wide, error));
    }
    return PF_OK;
}

static enum pf_status accept(struct pf_sink *base, unsigned number, struct pf_packet *const *packets, size_t count,
                             struct pf_error *error)
{
    struct pf_field_sink *sink = (struct pf_field_sink *)base;
    struct pf_field_worker *worker = &sink->workers[number];
    for (size_t i = 0; i < count; i++) {
        struct pf_value value;
        if (!pf_field_get(sink->field, packets[i], &value))
            continue;
        bool wide = sink->counts->kind == PF_KEY_ADDRESS && value.size == 16;
        if (sink->counts->kind == PF_KEY_INT64)
            value.word[0] = pf_key_turned(value.word[0]);
        PF_TRY(pf_keystage_push(wide ? &worker->wide : &worker->narrow, value.word, error));
    }
    return PF_OK;
}

static enum pf_status finish(struct pf_sink *base, struct pf_error *error)
{
    struct pf_field_sink *sink = (struct pf_field_sink *)base;
    for (unsigned i = 0; i < sink->worker_count; i++) {
        PF_TRY(pf_keystage_flush(&sink->workers[i].narrow, error));
        PF_TRY(pf_keystage_flush(&sink->workers[i].wide, error));
    }
    return PF_OK;
}

static const struct pf_sink_ops ops = {.order = PF_ORDER_ANY, .begin = begin, .accept = accept, .finish = finish};

void pf_field_sink_init(struct pf_field_sink *sink, const struct pf_field *field, struct pf_counts *counts)
{
    memset(sink, 0, sizeof *sink);
    sink->sink.ops = &ops;
    sink->sink.depth = field->depth;
    sink->sink.needs = field->needs;
    sink->field = field;
    sink->counts = counts;
}

void pf_field_sink_clear(struct pf_field_sink *sink)
{
    for (unsigned i = 0; i < sink->worker_count; i++) {
        pf_keystage_clear(&sink->workers[i].narrow);
        pf_keystage_clear(&sink->workers[i].wide);
    }
    pf_free(sink->workers);
    sink->workers = NULL;
    sink->worker_count = 0;
}
