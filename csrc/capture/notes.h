/* What a capture says beside its packets: comments, names, who made it. Kept only when asked for, and bounded. */
#ifndef PF_CAPTURE_NOTES_H
#define PF_CAPTURE_NOTES_H

#include "base/error.h"

enum {
    PF_NOTES_OCTETS = 64 << 10, /* all texts together: comments are for people to read */
    PF_NOTES_BLOCKS = 64,       /* different types of unknown blocks told apart */
};

enum pf_note_kind { PF_NOTE_COMMENT, PF_NOTE_HARDWARE, PF_NOTE_SYSTEM, PF_NOTE_APPLICATION, PF_NOTE_NAME };

struct pf_note {
    enum pf_note_kind kind;
    uint64_t frame_number; /* of a packet's comment, else 0 */
    size_t at, size;       /* in pf_notes.text */
};

struct pf_notes {
    char *text;
    size_t text_size;
    struct pf_note *list;
    size_t count, capacity;
    bool cut; /* there were more texts than are kept: those from the first on that had no room are left out */
    struct {
        uint32_t type;
        uint64_t count;
    } blocks[PF_NOTES_BLOCKS]; /* stepped over, by type */
    size_t block_count;
    bool more_types; /* than are told apart */
};

/* Both do nothing when notes is NULL. */
enum pf_status pf_notes_add(struct pf_notes *notes, enum pf_note_kind kind, uint64_t frame_number, const void *text,
                            size_t size, struct pf_error *error);
void pf_notes_block(struct pf_notes *notes, uint32_t type);
void pf_notes_clear(struct pf_notes *notes);

#endif
