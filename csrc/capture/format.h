/* A capture format: how octets become records.
 *
 * struct pf_walk is the state of the walk over one input's records. It is small and copied freely: between chunks of a
 * parallel pass it is the baton that one worker hands to the next. Formats know nothing of files, threads or buffers:
 * they are shown octets and say what they need. */
#ifndef PF_CAPTURE_FORMAT_H
#define PF_CAPTURE_FORMAT_H

#include "capture/fault.h"

struct pf_record {
    const uint8_t *octets; /* cap_len of them */
    uint64_t frame_number; /* from 1, over all inputs, before any filter */
    int64_t time;          /* ns since the epoch, UTC */
    uint32_t cap_len, len; /* captured, on the wire */
    uint32_t input;
    uint16_t link_type;
    uint8_t link_high; /* bits 26 to 31 of the link type of a classic pcap: the FCS length and its like */
    bool timed; /* a record may come without a time */
};

/* Largest record that a capture tool writes: 262,144 octets (libpcap's and Wireshark's limit), but USB, D-Bus and
 * EBHSCR records may be larger. No memory is taken on the word of a length: a buffer grows as octets arrive. */
uint32_t pf_most_captured(uint32_t link_type);

enum pf_step {
    PF_STEP_RECORD, /* *record is filled but for its octets, frame number and input; it takes `size` octets in all */
    PF_STEP_SKIP,   /* no packet, but `size` octets to step over */
    PF_STEP_MORE,   /* the first `size` octets from here are needed to tell */
    PF_STEP_FAULT,  /* *fault says what is wrong with the record that begins here: kind and text are set */
};

struct pf_walk {
    const struct pf_format *format;
    uint64_t offset; /* of the next record */
    /* classic pcap */
    bool big_endian, nanoseconds, kuznetzov;
    uint16_t link_type;
    uint32_t snap_len;
    uint8_t minor; /* of the version */
    uint8_t link_high; /* bits 26 to 31 of the link type: the FCS length and its like */
};

struct pf_format {
    const char *name;
    size_t record_header; /* octets that step() needs to tell a record's size */
    /* Looks at the octets at walk->offset: `have` of them are there. *body is where in them the packet's octets begin.
     */
    enum pf_step (*step)(const struct pf_walk *walk, const uint8_t *octets, size_t have, struct pf_record *record,
                         size_t *body, size_t *size, struct pf_fault *fault);
};

enum { PF_HEAD_OCTETS = 24 }; /* what recognising a capture takes */

/* Sets the walk to the first record of the capture that begins with these octets; `name` is for the error's message. */
enum pf_status pf_recognise(struct pf_walk *walk, const char *name, const uint8_t *head, size_t size,
                            struct pf_error *error);

#endif
