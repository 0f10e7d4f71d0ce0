#include "capture/notes.h"

#include "base/alloc.h"

#include <string.h>

enum pf_status pf_notes_add(struct pf_notes *notes, enum pf_note_kind kind, uint64_t frame_number, const void *text,
                            size_t size, struct pf_error *error)
{
    if (notes == NULL)
        return PF_OK;
    notes->cut |= size > PF_NOTES_OCTETS - notes->text_size || notes->count == PF_NOTES_OCTETS / 8;
    if (notes->cut)
        return PF_OK;
    if (notes->text == NULL && (notes->text = pf_alloc(PF_NOTES_OCTETS)) == NULL)
        return pf_fail_memory(error);
    if (notes->count == notes->capacity) {
        size_t capacity = pf_grown(notes->capacity, notes->count + 1, sizeof *notes->list);
        struct pf_note *list = capacity != 0 ? pf_realloc(notes->list, capacity * sizeof *list) : NULL;
        if (list == NULL)
            return pf_fail_memory(error);
        notes->list = list;
        notes->capacity = capacity;
    }
    if (size != 0)
        memcpy(notes->text + notes->text_size, text, size);
    notes->list[notes->count++] = (struct pf_note){kind, frame_number, notes->text_size, size};
    notes->text_size += size;
    return PF_OK;
}

void pf_notes_block(struct pf_notes *notes, uint32_t type)
{
    if (notes == NULL)
        return;
    size_t at = 0;
    while (at < notes->block_count && notes->blocks[at].type != type)
        at++;
    if (at == PF_NOTES_BLOCKS) {
        notes->more_types = true;
        return;
    }
    if (at == notes->block_count) {
        notes->blocks[at].type = type;
        notes->block_count++;
    }
    notes->blocks[at].count++;
}

void pf_notes_clear(struct pf_notes *notes)
{
    pf_free(notes->text);
    pf_free(notes->list);
    memset(notes, 0, sizeof *notes);
}
