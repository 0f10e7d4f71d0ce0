/* One opened capture: a source, what its beginning says, and where its records begin. */
#ifndef PF_CAPTURE_INPUT_H
#define PF_CAPTURE_INPUT_H

#include "capture/format.h"
#include "capture/source.h"

/* What went before the records of an input that is the rest of a capture: numbers and times go on from there. */
struct pf_before {
    uint64_t packets;
    bool timed;
    int64_t first_time, time; /* of the first packet and of the last one */
};

struct pf_input {
    struct pf_source *source;        /* owned */
    struct pf_walk walk;             /* where every pass begins; copied by it */
    struct pf_interfaces interfaces; /* those described before the first packet */
    uint8_t *head;
    size_t head_size,
        head_capacity; /* what was taken from a stream that can't be read again, to be put before the rest */
    bool timed;        /* whether the first packet's time was there to be seen */
    int64_t first_time;
    struct pf_before before; /* zeroed by opening; counts for the first input of a pass */
};

/* Opens what `source` holds; the source is the input's from then on, also when this fails. A stream may block: the host
 * ticks meanwhile. */
enum pf_status pf_input_open(struct pf_input *input, struct pf_source *source, const struct pf_host *host,
                             struct pf_error *error);
void pf_input_close(struct pf_input *input);

/* "file: packet 3 at octet 120: what is wrong; 77 octets from there on were not read" */
void pf_fault_message(const struct pf_fault *fault, const char *name, char *text, size_t size);

#endif
