#include "base/digest.h"

#include "base/cursor.h"

#include <string.h>

static uint32_t left(uint32_t word, unsigned by)
{
    return word << by | word >> (32 - by);
}

static uint32_t right(uint32_t word, unsigned by)
{
    return word >> by | word << (32 - by);
}

/* RFC 1321, 3.4: the integer parts of 2^32 |sin i|. */
static const uint32_t sines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static void md5_block(uint32_t state[8], const uint8_t *block)
{
    static const uint8_t shifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    static const uint8_t from[4] = {0, 1, 5, 0}, step[4] = {1, 5, 3, 7}; /* which word each round takes next */
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    for (unsigned i = 0; i < 64; i++) {
        unsigned round = i / 16;
        uint32_t mixed = round == 0   ? (b & c) | (~b & d)
                         : round == 1 ? (b & d) | (c & ~d)
                         : round == 2 ? b ^ c ^ d
                                      : c ^ (b | ~d);
        uint32_t word = pf_le32(block + 4 * ((from[round] + step[round] * i) % 16));
        uint32_t next = b + left(a + mixed + word + sines[i], shifts[round][i % 4]);
        a = d;
        d = c;
        c = b;
        b = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

static void sha1_block(uint32_t state[8], const uint8_t *block)
{
    static const uint32_t constants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    uint32_t words[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (unsigned i = 0; i < 80; i++)
        words[i] =
            i < 16 ? pf_be32(block + 4 * i) : left(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    for (unsigned i = 0; i < 80; i++) {
        unsigned round = i / 20;
        uint32_t mixed = round == 0 ? (b & c) ^ (~b & d) : round == 2 ? (b & c) ^ (b & d) ^ (c & d) : b ^ c ^ d;
        uint32_t next = left(a, 5) + mixed + e + constants[round] + words[i];
        e = d;
        d = c;
        c = left(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

/* FIPS 180-4, 4.2.2: the first 32 bits of what follows the point in the cube roots of the first 64 primes. */
static const uint32_t roots[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static void sha256_block(uint32_t state[8], const uint8_t *block)
{
    uint32_t words[64], v[8];
    for (unsigned i = 0; i < 64; i++) {
        if (i < 16) {
            words[i] = pf_be32(block + 4 * i);
            continue;
        }
        uint32_t low = words[i - 15], high = words[i - 2];
        words[i] = words[i - 16] + (right(low, 7) ^ right(low, 18) ^ low >> 3) + words[i - 7] +
                   (right(high, 17) ^ right(high, 19) ^ high >> 10);
    }
    memcpy(v, state, sizeof v);
    for (unsigned i = 0; i < 64; i++) {
        uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]), most = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        uint32_t one = v[7] + (right(v[4], 6) ^ right(v[4], 11) ^ right(v[4], 25)) + choice + roots[i] + words[i];
        uint32_t two = (right(v[0], 2) ^ right(v[0], 13) ^ right(v[0], 22)) + most;
        memmove(v + 1, v, 7 * sizeof v[0]);
        v[4] += one;
        v[0] = one + two;
    }
    for (unsigned i = 0; i < 8; i++)
        state[i] += v[i];
}

static const struct {
    void (*block)(uint32_t state[8], const uint8_t *block);
    size_t size;
    uint32_t state[8];
} kinds[] = {
    [PF_MD5] = {md5_block, PF_MD5_SIZE, {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}},
    [PF_SHA1] = {sha1_block, PF_SHA1_SIZE, {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}},
    [PF_SHA256] = {sha256_block,
                   PF_SHA256_SIZE,
                   {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}},
};

void pf_digest_init(struct pf_digest *digest, enum pf_digest_kind kind)
{
    digest->kind = kind;
    digest->size = 0;
    memcpy(digest->state, kinds[kind].state, sizeof digest->state);
}

void pf_digest_add(struct pf_digest *digest, const void *octets, size_t size)
{
    const uint8_t *from = octets;
    while (size != 0) {
        size_t waiting = (size_t)(digest->size % sizeof digest->block), room = sizeof digest->block - waiting;
        size_t taken = size < room ? size : room;
        memcpy(digest->block + waiting, from, taken);
        digest->size += taken;
        from += taken;
        size -= taken;
        if (taken == room)
            kinds[digest->kind].block(digest->state, digest->block);
    }
}

/* A bit of one, zeros up to eight octets before the end of a block, and there the length in bits. */
size_t pf_digest_finish(struct pf_digest *digest, uint8_t octets[PF_DIGEST_ROOM])
{
    static const uint8_t padding[64] = {0x80};
    bool little = digest->kind == PF_MD5;
    uint64_t bits = digest->size * 8;
    uint8_t length[8];
    for (unsigned i = 0; i < 8; i++)
        length[i] = (uint8_t)(bits >> (little ? 8 * i : 56 - 8 * i));
    pf_digest_add(digest, padding, 1 + (size_t)((119 - digest->size % 64) % 64));
    pf_digest_add(digest, length, sizeof length);
    size_t size = kinds[digest->kind].size;
    for (unsigned i = 0; i < size; i++)
        octets[i] = (uint8_t)(digest->state[i / 4] >> (little ? 8 * (i % 4) : 24 - 8 * (i % 4)));
    return size;
}
