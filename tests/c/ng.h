/* pcapng made by hand (draft-ietf-opsawg-pcapng), in either order of octets. */
#ifndef PF_TESTS_NG_H
#define PF_TESTS_NG_H

#include "build.h"

enum { NG_SECTION = 0x0a0d0d0a, NG_INTERFACE = 1, NG_OBSOLETE, NG_SIMPLE, NG_NAMES, NG_STATISTICS, NG_ENHANCED };

struct ng {
    struct built all;
    bool big_endian;
    size_t block; /* where the open one begins */
};

static inline void ng_number(struct ng *ng, uint64_t number, unsigned size)
{
    put_number(&ng->all, number, size, ng->big_endian);
}

static inline void ng_pad(struct ng *ng)
{
    put(&ng->all, "\0\0\0", (4 - ng->all.size % 4) % 4);
}

static inline void ng_begin(struct ng *ng, uint32_t type)
{
    ng->block = ng->all.size;
    ng_number(ng, type, 4);
    ng_number(ng, 0, 4);
}

static inline void ng_end(struct ng *ng)
{
    size_t length = ng->all.size - ng->block + 4;
    for (unsigned i = 0; i < 4; i++)
        ng->all.octets[ng->block + 4 + i] = (uint8_t)(length >> 8 * (ng->big_endian ? 3 - i : i));
    ng_number(ng, length, 4);
}

static inline void ng_option(struct ng *ng, unsigned code, const void *value, size_t size)
{
    ng_number(ng, code, 2);
    ng_number(ng, size, 2);
    put(&ng->all, value, size);
    ng_pad(ng);
}

static inline void ng_text(struct ng *ng, unsigned code, const char *text)
{
    ng_option(ng, code, text, strlen(text));
}

static inline void ng_eight(struct ng *ng, unsigned code, uint64_t value)
{
    ng_number(ng, code, 2);
    ng_number(ng, 8, 2);
    ng_number(ng, value, 8);
}

/* Blocks up to their options, and whole ones without any. */
static inline void ng_open_section(struct ng *ng)
{
    ng_begin(ng, NG_SECTION);
    ng_number(ng, 0x1a2b3c4d, 4);
    ng_number(ng, 1, 2);
    ng_number(ng, 0, 2);
    ng_number(ng, UINT64_MAX, 8);
}

static inline void ng_open_interface(struct ng *ng)
{
    ng_begin(ng, NG_INTERFACE);
    ng_number(ng, 1, 2);
    ng_number(ng, 0, 2);
    ng_number(ng, 65535, 4);
}

static inline void ng_open_packet(struct ng *ng, uint32_t interface, uint64_t time, uint32_t size)
{
    ng_begin(ng, NG_ENHANCED);
    ng_number(ng, interface, 4);
    ng_number(ng, time >> 32, 4);
    ng_number(ng, time & UINT32_MAX, 4);
    ng_number(ng, size, 4);
    ng_number(ng, size, 4);
    put_filler(&ng->all, size);
    ng_pad(ng);
}

static inline void ng_open_statistics(struct ng *ng, uint32_t interface)
{
    ng_begin(ng, NG_STATISTICS);
    ng_number(ng, interface, 4);
    ng_number(ng, 0, 8);
}

static inline void ng_section(struct ng *ng)
{
    ng_open_section(ng);
    ng_end(ng);
}

static inline void ng_interface(struct ng *ng)
{
    ng_open_interface(ng);
    ng_end(ng);
}

static inline void ng_packet(struct ng *ng, uint32_t interface, uint64_t time, uint32_t size)
{
    ng_open_packet(ng, interface, time, size);
    ng_end(ng);
}

static inline void ng_simple(struct ng *ng, uint32_t size)
{
    ng_begin(ng, NG_SIMPLE);
    ng_number(ng, size, 4);
    put_filler(&ng->all, size);
    ng_pad(ng);
    ng_end(ng);
}

#endif
