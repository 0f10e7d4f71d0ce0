#include "table/copy.h"

#include "base/alloc.h"

#include <string.h>

static enum pf_status begin(struct pf_sink *base, unsigned workers, struct pf_error *error)
{
    struct pf_copy_sink *sink = (struct pf_copy_sink *)base;
    sink->open = pf_alloc_array(workers, sizeof(struct pf_copied *));
    sink->worker_count = workers;
    return sink->open != NULL ? PF_OK : pf_fail_memory(error);
}

static enum pf_status accept(struct pf_sink *base, unsigned worker, struct pf_packet *const *packets, size_t count,
                             struct pf_error *error)
{
    struct pf_copy_sink *sink = (struct pf_copy_sink *)base;
    for (size_t i = 0; i < count; i++)
        PF_TRY(pf_copied_add(&sink->open[worker], &sink->file.as, &packets[i]->record, error));
    return PF_OK;
}

static enum pf_status cut(struct pf_sink *base, unsigned worker, void **piece, struct pf_error *error)
{
    struct pf_copy_sink *sink = (struct pf_copy_sink *)base;
    (void)error;
    *piece = sink->open[worker];
    sink->open[worker] = NULL;
    return PF_OK;
}

static enum pf_status emit(struct pf_sink *base, void *piece, struct pf_error *error)
{
    enum pf_status status = pf_copy_file_write(&((struct pf_copy_sink *)base)->file, piece, error);
    pf_copied_free(piece);
    return status;
}

static void discard(struct pf_sink *base, void *piece)
{
    (void)base;
    pf_copied_free(piece);
}

static enum pf_status finish(struct pf_sink *base, struct pf_error *error)
{
    return pf_copy_file_finish(&((struct pf_copy_sink *)base)->file, error);
}

static const struct pf_sink_ops ops = {
    .order = PF_ORDER_FILE,
    .begin = begin,
    .accept = accept,
    .cut = cut,
    .emit = emit,
    .discard = discard,
    .finish = finish,
};

enum pf_status pf_copy_sink_init(struct pf_copy_sink *sink, enum pf_copy_format format, struct pf_draft *draft,
                                 struct pf_input *const *inputs, size_t input_count, struct pf_error *error)
{
    memset(sink, 0, sizeof *sink);
    sink->sink.ops = &ops;
    sink->sink.depth = PF_DEPTH_RECORD;
    return pf_copy_file_begin(&sink->file, format, draft, inputs, input_count, error);
}

void pf_copy_sink_clear(struct pf_copy_sink *sink)
{
    for (unsigned i = 0; sink->open != NULL && i < sink->worker_count; i++)
        pf_copied_free(sink->open[i]);
    pf_free(sink->open);
    sink->open = NULL;
}
