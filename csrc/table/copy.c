#include "table/copy.h"

#include "base/alloc.h"

#include <string.h>

static enum pf_status accept(struct pf_sink *base, unsigned worker, struct pf_packet *const *packets, size_t count,
                             struct pf_error *error)
{
    struct pf_copy_sink *sink = (struct pf_copy_sink *)base;
    struct pf_copied *copied = base->open[worker];
    enum pf_status status = PF_OK;
    for (size_t i = 0; i < count && status == PF_OK; i++)
        status = pf_copied_add(&copied, &sink->file.as, &packets[i]->record, error);
    base->open[worker] = copied;
    return status;
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
    .accept = accept,
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
