/* pcapng (draft-ietf-opsawg-pcapng). */
#ifndef PF_CAPTURE_PCAPNG_H
#define PF_CAPTURE_PCAPNG_H

#include "capture/format.h"

extern const struct pf_format pf_pcapng;

/* Looks at the section header that a file begins with, or at as much of it as there is. */
enum pf_status pf_pcapng_open(struct pf_walk *walk, const char *name, const uint8_t *head, size_t size,
                              struct pf_error *error);

/* What we write: little-endian, one section, nanoseconds. `to` has the room that the function before says; each
 * returns how many octets it wrote, the packet's own included. */
enum { PF_PCAPNG_SECTION = 28 };
size_t pf_pcapng_put_section(uint8_t to[PF_PCAPNG_SECTION]);

size_t pf_pcapng_interface_room(const struct pf_interface *interface);
size_t pf_pcapng_put_interface(uint8_t *to, const struct pf_interface *interface);

/* What is known of an interface when its recording ends. Counts that are PF_PCAPNG_UNKNOWN are left out. */
#define PF_PCAPNG_UNKNOWN UINT64_MAX
struct pf_pcapng_statistics {
    uint32_t interface;
    int64_t time;       /* when they were taken, ns since the epoch: that of the last packet */
    uint64_t received;  /* accepted by the filter, whether there was room for them or not */
    uint64_t dropped;   /* for want of room, in the system or in the interface */
    uint64_t delivered; /* those written */
};
enum { PF_PCAPNG_STATISTICS = 76 };
size_t pf_pcapng_put_statistics(uint8_t to[PF_PCAPNG_STATISTICS], const struct pf_pcapng_statistics *statistics);

/* An enhanced block on the interface's own number; a simple one for a packet without a time, which only interface 0 can
 * have: 0 where it can't be written. */
size_t pf_pcapng_packet_room(const struct pf_record *record);
size_t pf_pcapng_put_packet(uint8_t *to, const struct pf_record *record);

#endif
