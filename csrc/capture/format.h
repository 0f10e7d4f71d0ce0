/* A capture format: how octets become records.
 *
 * struct pf_walk is the state of the walk over one input's records. It is small and copied freely: between chunks of a
 * parallel pass it is the baton that one worker hands to the next. Formats know nothing of files, threads or buffers:
 * they are shown octets and say what they need. */
#ifndef PF_CAPTURE_FORMAT_H
#define PF_CAPTURE_FORMAT_H

#include "capture/fault.h"
#include "capture/interface.h"
#include "capture/notes.h"

struct pf_record {
    const uint8_t *octets; /* cap_len of them */
    const struct pf_interface *interface;
    uint64_t frame_number; /* from 1, over all inputs, before any filter */
    int64_t time;          /* ns since the epoch, UTC */
    int64_t last_time;     /* of the packet before it that had a time; its own for the first of the pass */
    int64_t first_time;    /* of the first packet of the pass that had a time */
    uint32_t cap_len, len; /* captured, on the wire */
    uint32_t input;
    uint16_t link_type;
    bool timed; /* a record may come without a time */
};

/* Nanoseconds from one time to another; false where an int64 does not hold them: a crafted capture may span more than
 * its 292 years. */
static inline bool pf_time_span(int64_t from, int64_t to, int64_t *span)
{
    return !__builtin_sub_overflow(to, from, span);
}

/* Largest record that a capture tool writes: 262,144 octets (libpcap's and Wireshark's limit), but USB, D-Bus and
 * EBHSCR records may be larger. No memory is taken on the word of a length: a buffer grows as octets arrive. */
uint32_t pf_most_captured(uint32_t link_type);

enum pf_step {
    PF_STEP_RECORD, /* *record is filled but for its octets, frame number and input; it takes `size` octets in all */
    PF_STEP_SKIP,   /* no packet, but `size` octets to step over; they need not be there yet */
    PF_STEP_MORE,   /* the first `size` octets from here are needed to tell */
    PF_STEP_FAULT,  /* *fault says what is wrong with the record that begins here: kind and text are set */
    PF_STEP_FAILED, /* no memory */
};

struct pf_walk {
    const struct pf_format *format;
    uint64_t offset;                  /* of the next record */
    struct pf_interfaces *interfaces; /* all of the pass; its owner is whoever walks */
    struct pf_notes *notes;           /* or NULL; the same */
    size_t section;                   /* the number of the section's first interface */
    bool big_endian;
    bool counts_skipped; /* the block being skipped is one of those that are counted by type */
    uint32_t skipped_type;
    /* classic pcap */
    bool nanoseconds, kuznetzov, swapped_lengths, maybe_swapped;
    uint16_t link_type;
    uint8_t link_high;
    uint32_t snap_len;
};

/* Whether a record may begin at these octets, for who has to guess. */
enum pf_likely { PF_UNLIKELY, PF_LIKELY, PF_LIKELY_MORE /* octets are needed to tell */ };

struct pf_format {
    const char *name;
    size_t look_ahead; /* octets behind a chunk's end that step() may want of what begins in it */
    bool nanoseconds;  /* whether its times may be finer than microseconds */
    /* Called where an input begins, with walk->interfaces set; adds what the head alone tells. */
    enum pf_status (*begin)(struct pf_walk *walk, struct pf_error *error);
    /* Whether `have` octets begin with a record that is as tools write them, of *size octets; offsets of records are
     * multiples of `aligned`. */
    enum pf_likely (*likely)(const struct pf_walk *walk, const uint8_t *octets, size_t have, size_t *size);
    size_t aligned;
    /* Looks at the octets at walk->offset: `have` of them are there, which is all to the end of the input when `all`.
     * Octet *body of them is the packet's first; record->frame_number is the number it will have. A step that asks for
     * more is called again, with more or with `all`; asking then still means that the input is cut short. */
    enum pf_step (*step)(struct pf_walk *walk, const uint8_t *octets, size_t have, bool all, struct pf_record *record,
                         size_t *body, size_t *size, struct pf_fault *fault, struct pf_error *error);
};

enum { PF_HEAD_OCTETS = 24 }; /* what recognising a capture takes */

/* Sets the walk to the first record of the capture that begins with these octets; `name` is for the error's message. */
enum pf_status pf_recognise(struct pf_walk *walk, const char *name, const uint8_t *head, size_t size,
                            struct pf_error *error);

/* For formats: whether these octets are a run of zeros where records should be. */
bool pf_all_zero(const uint8_t *octets, size_t size);

#endif
