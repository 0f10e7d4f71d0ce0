#include "capture/input.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    LOOKED_AT = 1 << 20, /* octets: who describes interfaces at such length before a packet is not waited for */
    READ_AT_ONCE = 4096,
};

/* Has at least `until` octets of the head, or all there are. Of a stream that can't be read again no more is taken. */
static enum pf_status reach(struct pf_input *input, struct pf_crew *crew, size_t until, struct pf_error *error)
{
    struct pf_source *source = input->source;
    while (input->head_size < until) {
        size_t want = until - input->head_size, got;
        if (!source->once && want < READ_AT_ONCE)
            want = READ_AT_ONCE;
        if (want > input->head_capacity - input->head_size) {
            size_t capacity = pf_grown(input->head_capacity, input->head_size + want, 1);
            uint8_t *head = capacity != 0 ? pf_realloc(input->head, capacity) : NULL;
            if (head == NULL)
                return pf_fail_memory(error);
            input->head = head;
            input->head_capacity = capacity;
        }
        uint8_t *to = input->head + input->head_size;
        if (pf_source_seekable(source))
            PF_TRY(source->ops->read_at(source, to, want, input->head_size, &got, error));
        else
            PF_TRY(source->ops->read(source, crew, to, want, &got, error));
        if (got == 0)
            break;
        input->head_size += got;
    }
    return PF_OK;
}

/* Steps up to the first packet. What is wrong on the way is for the pass to say. A stream that can't be read again is
 * looked at no further than to its first interface: a live one may be silent for long behind that. */
static enum pf_status look_at_blocks(struct pf_input *input, struct pf_crew *crew, struct pf_error *error)
{
    struct pf_walk walk = input->walk;
    walk.interfaces = &input->interfaces;
    PF_TRY(walk.format->begin(&walk, error));
    bool all = false;
    while (walk.offset < LOOKED_AT && !(input->source->once && input->interfaces.count != 0)) {
        size_t at = walk.offset < input->head_size ? (size_t)walk.offset : input->head_size;
        size_t have = input->head_size - at, body, size;
        struct pf_record record = {.octets = NULL};
        struct pf_fault fault;
        enum pf_step step = walk.format->step(&walk, input->head + at, have, all, &record, &body, &size, &fault, error);
        if (step == PF_STEP_FAILED)
            return error->status;
        if (step == PF_STEP_SKIP) {
            walk.offset += size;
            continue;
        }
        if (step == PF_STEP_RECORD) {
            input->timed = record.timed;
            input->first_time = record.time;
        }
        if (step != PF_STEP_MORE || all || size > LOOKED_AT)
            break;
        size_t until = (size_t)walk.offset + size;
        PF_TRY(reach(input, crew, until, error));
        all = input->head_size < until;
    }
    return PF_OK;
}

static enum pf_status look(void *context, struct pf_crew *crew, unsigned worker, struct pf_error *error)
{
    struct pf_input *input = context;
    (void)worker;
    PF_TRY(reach(input, crew, PF_HEAD_OCTETS, error));
    PF_TRY(pf_recognise(&input->walk, input->source->name, input->head, input->head_size, error));
    return look_at_blocks(input, crew, error);
}

enum pf_status pf_input_open(struct pf_input *input, struct pf_source *source, const struct pf_host *host,
                             struct pf_error *error)
{
    memset(input, 0, sizeof *input);
    input->source = source;
    enum pf_status status = pf_source_begin(source, error);
    if (status == PF_OK) {
        /* A stream is looked at on a thread of its own, so that the calling thread stays awake. */
        status = pf_source_seekable(source) ? look(input, NULL, 0, error) : pf_crew_run(1, look, input, host, error);
        pf_source_end(source);
    }
    if (status != PF_OK) {
        pf_input_close(input);
        return status;
    }
    if (!source->once) {
        pf_free(input->head);
        input->head = NULL;
        input->head_size = input->head_capacity = 0;
    }
    return PF_OK;
}

void pf_input_close(struct pf_input *input)
{
    pf_source_free(input->source);
    pf_interfaces_clear(&input->interfaces);
    pf_free(input->head);
    pf_free(input->piece.told);
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
