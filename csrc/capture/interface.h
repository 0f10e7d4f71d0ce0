/* What a capture says of the interfaces it was recorded on.
 *
 * Each interface is allocated by itself and stays where it is until the table is cleared, so that records may point to
 * it while the walk adds more. One thread adds at a time; what is there may be read by any. */
#ifndef PF_CAPTURE_INTERFACE_H
#define PF_CAPTURE_INTERFACE_H

#include "base/error.h"

/* 2^20: a capture of this many interfaces is an attack, at some 100 octets each. */
#define PF_MOST_INTERFACES ((size_t)1 << 20)

struct pf_interface {
    size_t number; /* over the whole pass, in order of appearance */
    const struct pf_interface *before;
    uint16_t link_type;
    uint8_t link_high; /* bits 26 to 31 of the link type of a classic pcap: the FCS length and its like */
    uint32_t snap_len; /* 0: no limit */
    bool big_endian;   /* the byte order of the file or section that describes it */
    bool binary;       /* times count 2^-exponent seconds, not 10^-exponent */
    uint8_t exponent;
    int64_t offset; /* seconds to add to each time */
    char *name;     /* or NULL */
    char *description;
    const char *filter;             /* to be written, by who records; not read, and not owned */
    bool has_received, has_dropped; /* from the last statistics block */
    uint64_t received, dropped;
};

/* Octets of all names and descriptions that are kept: a million interfaces must not cost their texts too. */
#define PF_MOST_INTERFACE_TEXT ((size_t)1 << 20)

struct pf_interfaces {
    struct pf_interface **list;
    size_t count, capacity;
    size_t text; /* octets of names and descriptions kept so far */
};

/* Adds a copy of `interface`, which then owns its texts, also on failure. */
enum pf_status pf_interfaces_add(struct pf_interfaces *interfaces, struct pf_interface *interface,
                                 struct pf_error *error);
/* Those from number `first` to `last`, in order: an array that is the caller's, NULL when memory is refused. */
const struct pf_interface **pf_interfaces_between(size_t first, const struct pf_interface *last);
void pf_interfaces_clear(struct pf_interfaces *interfaces);

/* Nanoseconds since the epoch of a count of an interface's units; false where they do not fit 63 bits. */
bool pf_interface_time(const struct pf_interface *interface, uint64_t count, int64_t *time);

#endif
