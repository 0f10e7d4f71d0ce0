/* A capture that others read other parts of. */
#include "base/alloc.h"
#include "capture/input.h"

#include <inttypes.h>
#include <string.h>

enum {
    FIRST_LOOK = 64,            /* octets: a block's head tells how long it is */
    MOST_DESCRIPTION = 1 << 20, /* nobody describes at greater length */
};

enum pf_status pf_input_cut(struct pf_input *input, uint64_t start, uint64_t end, const uint64_t *told,
                            size_t told_count, struct pf_error *error)
{
    const char *name = input->source->name;
    if (!pf_source_seekable(input->source))
        return pf_fail(error, PF_INVALID, "%s: is read from its beginning on: it has no pieces", name);
    if (start < input->walk.offset || end == 0 || end > input->source->size)
        return pf_fail(error, PF_INVALID, "%s: has no piece from octet %" PRIu64 " to %" PRIu64, name, start, end);
    uint64_t *copied = pf_alloc_array(told_count, sizeof *copied);
    if (copied == NULL)
        return pf_fail_memory(error);
    if (told_count != 0)
        memcpy(copied, told, told_count * sizeof *copied);
    pf_free(input->piece.told);
    input->piece = (struct pf_piece){end, copied, told_count};
    input->walk.offset = start;
    return PF_OK;
}

uint64_t pf_input_end(const struct pf_input *input)
{
    return input->piece.end != 0 ? input->piece.end : input->source->size;
}

/* One step over the block at walk->offset, which must be one that describes. */
static enum pf_status tell_block(struct pf_source *source, struct pf_walk *walk, uint8_t **room, size_t *capacity,
                                 struct pf_error *error)
{
    struct pf_record record = {.octets = NULL};
    struct pf_fault fault = {.kind = PF_NO_FAULT};
    enum pf_step step = PF_STEP_MORE;
    size_t asked = 0, want = FIRST_LOOK, have = 0, body;
    while (step == PF_STEP_MORE && have == asked && want > asked && want <= MOST_DESCRIPTION) {
        asked = want;
        if (asked > *capacity) {
            uint8_t *grown = pf_realloc(*room, asked);
            if (grown == NULL)
                return pf_fail_memory(error);
            *room = grown;
            *capacity = asked;
        }
        PF_TRY(source->ops->read_at(source, *room, asked, walk->offset, &have, error));
        step = walk->format->step(walk, *room, have, have < asked, &record, &body, &want, &fault, error);
    }
    if (step == PF_STEP_FAILED)
        return error->status;
    return step == PF_STEP_SKIP ? PF_OK
                                : pf_fail(error, PF_NOT_CAPTURE,
                                          "%s: changed since it was cut: octet %" PRIu64 " describes no interface",
                                          source->name, walk->offset);
}

enum pf_status pf_input_tell(const struct pf_input *input, struct pf_walk *walk, struct pf_error *error)
{
    const struct pf_piece *piece = &input->piece;
    struct pf_notes *notes = walk->notes;
    uint64_t start = walk->offset;
    uint8_t *room = NULL;
    size_t capacity = 0;
    enum pf_status status = PF_OK;
    walk->notes = NULL; /* they belong to the piece that has the blocks */
    for (size_t i = 0; status == PF_OK && i < piece->told_count; i++) {
        walk->offset = piece->told[i];
        status = tell_block(input->source, walk, &room, &capacity, error);
    }
    walk->offset = start;
    walk->notes = notes;
    walk->counts_skipped = false;
    pf_free(room);
    return status;
}
