/* The only way to octets that came off the wire.
 *
 * A cursor knows two ends: `end`, up to which octets were captured and may be read, and `wire`, how many octets there
 * were from `at` on by the lengths seen so far. Invariant: end - at <= wire. A length is always compared as
 * n <= (what is left), never added to a pointer first. A pointer from pf_cursor_need() may be read for the n octets
 * asked for and no further. No function here fails or allocates. */
#ifndef PF_BASE_CURSOR_H
#define PF_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pf_cursor {
    const uint8_t *at;
    const uint8_t *end;
    size_t wire;
};

static inline size_t pf_cursor_left(const struct pf_cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

/* The next n octets, or NULL when they are not all there. */
static inline const uint8_t *pf_cursor_need(const struct pf_cursor *cursor, size_t n)
{
    return n <= pf_cursor_left(cursor) ? cursor->at : NULL;
}

/* Steps over n octets; when they are not all there nothing moves and false is returned. */
static inline bool pf_cursor_skip(struct pf_cursor *cursor, size_t n)
{
    if (n > pf_cursor_left(cursor))
        return false;
    cursor->at += n;
    cursor->wire -= n;
    return true;
}

/* Pulls both ends nearer, to n octets from here; never pushes them out. */
static inline void pf_cursor_clip(struct pf_cursor *cursor, size_t n)
{
    if (n < cursor->wire)
        cursor->wire = n;
    if (n < pf_cursor_left(cursor))
        cursor->end = cursor->at + n;
}

static inline uint16_t pf_be16(const uint8_t *p)
{
    return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

static inline uint32_t pf_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint16_t pf_le16(const uint8_t *p)
{
    return (uint16_t)((unsigned)p[1] << 8 | p[0]);
}

static inline uint32_t pf_le32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* Write and return the place behind; for the files we make, which are little-endian. */
static inline uint8_t *pf_put_le16(uint8_t *to, unsigned value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
    return to + 2;
}

static inline uint8_t *pf_put_le32(uint8_t *to, uint32_t value)
{
    return pf_put_le16(pf_put_le16(to, value & 0xffff), value >> 16);
}

/* An unsigned number of `size` (at most 8) octets, most significant first: a load each for the sizes that headers have,
 * because it is asked for every address of every packet. */
static inline uint64_t pf_be(const uint8_t *p, unsigned size)
{
    uint64_t value = 0;
    switch (size) {
    case 1:
        return *p;
    case 2:
        return pf_be16(p);
    case 4:
        return pf_be32(p);
    case 6:
        return (uint64_t)pf_be32(p) << 16 | pf_be16(p + 4);
    case 8:
        return (uint64_t)pf_be32(p) << 32 | pf_be32(p + 4);
    default:
        for (unsigned i = 0; i < size; i++)
            value = value << 8 | p[i];
        return value;
    }
}

#endif
