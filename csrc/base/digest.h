/* MD5 (RFC 1321), SHA-1 and SHA-256 (FIPS 180-4): the names that fingerprints and flow identifiers are given by,
 * nothing that anybody's security rests on.
 *
 *   init, add as often as there are octets, finish once. A digest belongs to one thread. */
#ifndef PF_BASE_DIGEST_H
#define PF_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum pf_digest_kind { PF_MD5, PF_SHA1, PF_SHA256 };
enum { PF_DIGEST_ROOM = 32, PF_MD5_SIZE = 16, PF_SHA1_SIZE = 20, PF_SHA256_SIZE = 32 };

struct pf_digest {
    enum pf_digest_kind kind;
    uint32_t state[8];
    uint64_t size; /* octets so far; size % 64 of them wait in `block` */
    uint8_t block[64];
};

void pf_digest_init(struct pf_digest *digest, enum pf_digest_kind kind);
void pf_digest_add(struct pf_digest *digest, const void *octets, size_t size);
/* Returns how many octets the kind has: those of the enum above. */
size_t pf_digest_finish(struct pf_digest *digest, uint8_t octets[PF_DIGEST_ROOM]);

#endif
