/* Networks of both families, found by an address they contain.
 *
 *   address --near--> cut to each prefix length that occurs, longest first --keyed hash--> the network's number
 *
 * `near` has a bit for the first 20 bits of every IPv4 address: with it most addresses cost one look into 128 KiB,
 * which stay in the second-level cache; 2^24 bits would not. An address is a pf_value of 4 or 16 octets. Filled by one
 * thread, then read by any. */
#ifndef PF_MATCH_PREFIXES_H
#define PF_MATCH_PREFIXES_H

#include "base/error.h"
#include "base/value.h"

enum { PF_FAMILIES = 2, PF_PREFIX_LENGTHS = 129 };

struct pf_prefix {
    uint64_t word[2];
    uint32_t number; /* and one; 0: an empty slot */
    uint8_t size, length;
};

struct pf_prefixes {
    struct pf_prefix *slots;
    size_t size; /* 0 or a power of two */
    uint32_t count;
    uint8_t *near;
    struct pf_lengths {
        uint8_t list[PF_PREFIX_LENGTHS]; /* descending */
        uint8_t count;
    } lengths[PF_FAMILIES];
};

/* The number of a network, from 0 on in the order in which they came; bits behind the prefix are ignored. */
enum pf_status pf_prefixes_add(struct pf_prefixes *prefixes, const struct pf_value *address, unsigned length,
                               uint32_t *number, struct pf_error *error);
void pf_prefixes_clear(struct pf_prefixes *prefixes); /* zeroed is fine */

/* Steps through the networks that contain an address, the longest prefix first: start with *place 0; false at the end.
 */
bool pf_prefixes_next(const struct pf_prefixes *prefixes, const struct pf_value *address, unsigned *place,
                      uint32_t *number);
static inline bool pf_prefixes_have(const struct pf_prefixes *prefixes, const struct pf_value *address)
{
    unsigned place = 0;
    uint32_t number;
    return pf_prefixes_next(prefixes, address, &place, &number);
}

#endif
