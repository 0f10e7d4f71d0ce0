#include "capture/input.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Reads the head of a stream on a thread of its own, so that the calling thread stays awake. A stream that can't be
 * read again gives no more than recognising it takes: a live one may be silent for long after its header. */
static enum pf_status read_head(void *context, struct pf_crew *crew, unsigned worker, struct pf_error *error)
{
    struct pf_input *input = context;
    size_t want = input->source->once ? PF_HEAD_OCTETS : PF_KEPT_OCTETS;
    (void)worker;
    while (input->head_size < want) {
        size_t got;
        PF_TRY(input->source->ops->read(input->source, crew, input->head + input->head_size, want - input->head_size,
                                        &got, error));
        if (got == 0)
            break;
        input->head_size += got;
    }
    return PF_OK;
}

static enum pf_status look(struct pf_input *input, const struct pf_host *host, struct pf_error *error)
{
    struct pf_source *source = input->source;
    PF_TRY(source->ops->begin(source, error));
    enum pf_status status;
    if (pf_source_seekable(source))
        status = source->ops->read_at(source, input->head, sizeof input->head, 0, &input->head_size, error);
    else
        status = pf_crew_run(1, read_head, input, host, error);
    source->ops->end(source);
    return status;
}

static void look_at_first_packet(struct pf_input *input)
{
    const struct pf_walk *walk = &input->walk;
    struct pf_record record;
    struct pf_fault fault;
    size_t body, size;
    if (input->head_size <= walk->offset)
        return;
    if (walk->format->step(walk, input->head + walk->offset, input->head_size - (size_t)walk->offset, &record, &body,
                           &size, &fault) == PF_STEP_RECORD) {
        input->timed = record.timed;
        input->first_time = record.time;
    }
}

enum pf_status pf_input_open(struct pf_input *input, struct pf_source *source, const struct pf_host *host,
                             struct pf_error *error)
{
    memset(input, 0, sizeof *input);
    input->source = source;
    enum pf_status status = look(input, host, error);
    if (status == PF_OK)
        status = pf_recognise(&input->walk, source->name, input->head, input->head_size, error);
    if (status != PF_OK) {
        pf_input_close(input);
        return status;
    }
    look_at_first_packet(input);
    if (!source->once)
        input->head_size = 0;
    return PF_OK;
}

void pf_input_close(struct pf_input *input)
{
    pf_source_free(input->source);
    memset(input, 0, sizeof *input);
}

void pf_fault_message(const struct pf_fault *fault, const char *name, char *text, size_t size)
{
    if (fault->kind == PF_OVERLAP) {
        (void)snprintf(text, size, "%s: %s", name, fault->text);
        return;
    }
    if (fault->kind >= PF_COMPRESSED_CUT_SHORT && fault->kind <= PF_BOMB) {
        (void)snprintf(text, size, "%s: %s; the capture in it ends before packet %" PRIu64 ", at its octet %" PRIu64,
                       name, fault->text, fault->frame_number, fault->offset);
        return;
    }
    (void)snprintf(text, size,
                   "%s: packet %" PRIu64 " at octet %" PRIu64 ": %s; the %" PRIu64
                   " octets from there on were not read",
                   name, fault->frame_number, fault->offset, fault->text, fault->lost);
}
