/* Keyed hashes: what keys an attacker can choose must not tell where they land.
 *
 * The secret is drawn once per process and never influences a result, only the order inside tables. Any thread may
 * call. */
#ifndef PF_BASE_HASH_H
#define PF_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct pf_secret {
    uint64_t add, odd1, odd2; /* for one word */
    uint64_t sip[2];          /* for octets */
};

const struct pf_secret *pf_secret(void);

/* One word: multiply, fold, multiply. A single multiply-shift is only 2-universal, which linear probing turns into long
 * runs on some key sets (Patrascu and Thorup 2010); the second round costs four cycles. */
static inline uint64_t pf_hash_word(const struct pf_secret *secret, uint64_t word)
{
    uint64_t hash = (word + secret->add) * secret->odd1;
    hash ^= hash >> 32;
    return hash * secret->odd2;
}

/* Octets of any length: SipHash-1-3 (Aumasson and Bernstein 2012). */
uint64_t pf_hash_octets(const struct pf_secret *secret, const void *octets, size_t size);

#endif
