/* The moments of whole numbers, kept as exact integers, so that no result depends on the order of what was added.
 *
 *   numbers of 64 bits, with or without a sign, up to 2^63 of them:
 *   sum < 2^127    squares < 2^192                 in words, the lowest first: no need of 16-octet alignment
 *
 * A zeroed struct is empty. It belongs to one thread at a time. */
#ifndef PF_BASE_STAT_H
#define PF_BASE_STAT_H

#include <stdbool.h>
#include <stdint.h>

struct pf_stat {
    uint64_t n;
    uint64_t sum[2]; /* two's complement */
    uint64_t squares[3];
    uint64_t min, max; /* as they were given; anything while n is 0 */
};

/* A number: `word` as it is, or an int64 in it. One stat is given numbers of one sort only. */
void pf_stat_add(struct pf_stat *stat, uint64_t word, bool is_signed);
/* The difference to - from, which has up to 65 bits: min and max of such stop at the ends of an int64. */
void pf_stat_add_difference(struct pf_stat *stat, int64_t from, int64_t to);

/* As if what `from` was given had been given to `stat`. */
void pf_stat_merge(struct pf_stat *stat, const struct pf_stat *from, bool is_signed);

/* The sum as a number of the sort that was added; false where it has more than 64 bits. */
bool pf_stat_sum(const struct pf_stat *stat, bool is_signed, uint64_t *sum);
/* The double nearest to the mean (n >= 1) and to the sample standard deviation (n >= 2), ties to even. */
double pf_stat_mean(const struct pf_stat *stat);
double pf_stat_deviation(const struct pf_stat *stat);

#endif
