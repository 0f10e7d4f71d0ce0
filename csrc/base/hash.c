#include "base/hash.h"

#include "base/cursor.h"
#include "base/os_random.h"
#include "base/os_thread.h"

static struct pf_secret the_secret;
static pf_once drawn = PF_ONCE_INIT;

static void draw(void)
{
    pf_os_random(&the_secret, sizeof the_secret);
    the_secret.odd1 |= 1;
    the_secret.odd2 |= 1;
}

const struct pf_secret *pf_secret(void)
{
    pf_os_once(&drawn, draw);
    return &the_secret;
}

static inline uint64_t rotated(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

struct sip {
    uint64_t a, b, c, d;
};

static inline void sip_round(struct sip *v)
{
    v->a += v->b;
    v->c += v->d;
    v->b = rotated(v->b, 13) ^ v->a;
    v->d = rotated(v->d, 16) ^ v->c;
    v->a = rotated(v->a, 32);
    v->c += v->b;
    v->a += v->d;
    v->b = rotated(v->b, 17) ^ v->c;
    v->d = rotated(v->d, 21) ^ v->a;
    v->c = rotated(v->c, 32);
}

static inline void sip_word(struct sip *v, uint64_t word)
{
    v->d ^= word;
    sip_round(v);
    v->a ^= word;
}

uint64_t pf_hash_octets(const struct pf_secret *secret, const void *octets, size_t size)
{
    struct sip v = {
        secret->sip[0] ^ 0x736f6d6570736575u,
        secret->sip[1] ^ 0x646f72616e646f6du,
        secret->sip[0] ^ 0x6c7967656e657261u,
        secret->sip[1] ^ 0x7465646279746573u,
    };
    const uint8_t *p = octets;
    size_t left = size;
    for (; left >= 8; p += 8, left -= 8)
        sip_word(&v, (uint64_t)pf_le32(p + 4) << 32 | pf_le32(p));
    uint64_t last = (uint64_t)size << 56;
    for (size_t i = 0; i < left; i++)
        last |= (uint64_t)p[i] << (8 * i);
    sip_word(&v, last);
    v.c ^= 0xff;
    sip_round(&v);
    sip_round(&v);
    sip_round(&v);
    return v.a ^ v.b ^ v.c ^ v.d;
}
