/* How often each key of one kind occurred: numbers, or addresses of both families. */
#ifndef PF_TALLY_COUNTS_H
#define PF_TALLY_COUNTS_H

#include "base/keycount.h"
#include "tally/indicator.h"

/* Numbers are words that sort as they do: up to 32 bits, all 64, or an int64 with its sign bit turned. */
enum pf_key_kind { PF_KEY_NUMBER, PF_KEY_ADDRESS, PF_KEY_UINT64, PF_KEY_INT64 };

static inline uint64_t pf_key_turned(uint64_t word) /* and back */
{
    return word ^ (uint64_t)1 << 63;
}

struct pf_counts {
    enum pf_key_kind kind;
    struct pf_keycount narrow; /* numbers; IPv4 addresses */
    struct pf_keycount wide;   /* IPv6 addresses */
};

/* One key and its count, for sorted output. */
struct pf_counted {
    struct pf_address key; /* a number is word[0] with size 4 */
    uint64_t count;
};

void pf_counts_init(struct pf_counts *counts, enum pf_key_kind kind);
void pf_counts_clear(struct pf_counts *counts);

size_t pf_counts_size(const struct pf_counts *counts);
uint64_t pf_counts_get(const struct pf_counts *counts, const struct pf_address *key);
void pf_counts_moments(const struct pf_counts *counts, struct pf_moments *moments);
enum pf_status pf_counts_merge(struct pf_counts *counts, const struct pf_counts *from, struct pf_error *error);
enum pf_status pf_counts_add(struct pf_counts *counts, const struct pf_address *key, uint64_t by,
                             struct pf_error *error);

/* Steps through all keys in no order; start with a zeroed place. */
struct pf_counts_place {
    bool in_wide;
    struct pf_keycount_place place;
};
bool pf_counts_next(const struct pf_counts *counts, struct pf_counts_place *place, struct pf_counted *counted);

/* The keys with count >= least, at most `most` of them, by count descending, then key: numbers by value, IPv4 before
 * IPv6, each by octets. *list is from pf_alloc. */
enum pf_status pf_counts_sorted(const struct pf_counts *counts, uint64_t least, size_t most, struct pf_counted **list,
                                size_t *size, struct pf_error *error);

#endif
