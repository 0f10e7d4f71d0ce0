/* Community ID, version 1, seed 0: one name for both directions of a flow (github.com/corelight/community-id-spec). */
#ifndef PF_FIELD_COMMUNITY_H
#define PF_FIELD_COMMUNITY_H

#include "base/writer.h"

enum { PF_COMMUNITY_ENDS = 4 };

struct pf_community {
    const uint8_t *source, *destination; /* `size` octets each: 4 or 16 */
    size_t size;
    uint8_t protocol;
    uint8_t ends[PF_COMMUNITY_ENDS]; /* ports of source and destination, or what stands for them */
    size_t ends_size;                /* octets of them that count: 0 without ports */
    bool one_way;                    /* the order tells the direction and is kept */
};

/* ICMP and ICMPv6 have a type and what answers it, or type and code, for ports. */
void pf_community_icmp(struct pf_community *community, uint8_t type, uint8_t code);
/* "1:" and 28 characters. */
void pf_write_community_id(struct pf_writer *writer, const struct pf_community *community);

#endif
