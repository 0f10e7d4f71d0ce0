/* Octets put one after the other: captures and packets made by hand. */
#ifndef PF_TESTS_BUILD_H
#define PF_TESTS_BUILD_H

#include "check.h"

struct built {
    uint8_t *octets;
    size_t size, capacity;
};

static inline uint8_t *put(struct built *built, const void *octets, size_t size)
{
    if (built->size + size > built->capacity) {
        built->capacity = 2 * (built->size + size);
        built->octets = must(realloc(built->octets, built->capacity));
    }
    if (size == 0)
        return built->octets; /* which may be none at all */
    uint8_t *to = memcpy(built->octets + built->size, octets, size);
    built->size += size;
    return to;
}

static inline void built_clear(struct built *built)
{
    free(built->octets);
    *built = (struct built){NULL, 0, 0};
}

/* The lowest `size` octets of a number. */
static inline void put_number(struct built *built, uint64_t number, unsigned size, bool big_endian)
{
    for (unsigned i = 0; i < size; i++) {
        unsigned shift = 8 * (big_endian ? size - 1 - i : i);
        put(built, &(uint8_t){shift < 64 ? (uint8_t)(number >> shift) : 0}, 1);
    }
}

static inline void put_be(struct built *built, uint64_t number, unsigned size)
{
    put_number(built, number, size, true);
}

/* Octets that are none by accident: 1, 2, 3 ... */
static inline void put_filler(struct built *built, size_t size)
{
    for (size_t i = 0; i < size; i++)
        put(built, &(uint8_t){(uint8_t)(i + 1)}, 1);
}

/* --- captures
 * --------------------------------------------------------------------------------------------------------- */

struct form {
    uint32_t magic;
    bool big_endian;
};
static const struct form every_form[] = {
    {0xa1b2c3d4, false}, {0xa1b2c3d4, true},  {0xa1b23c4d, false},
    {0xa1b23c4d, true},  {0xa1b2cd34, false}, {0xa1b2cd34, true},
};
enum { FORMS = sizeof every_form / sizeof every_form[0] };

static inline bool is_kuznetzov(const struct form *form)
{
    return form->magic == 0xa1b2cd34;
}

static inline void put_header(struct built *built, const struct form *form, unsigned minor, uint32_t link)
{
    put_number(built, form->magic, 4, form->big_endian);
    put_number(built, 2, 2, form->big_endian);
    put_number(built, minor, 2, form->big_endian);
    put_number(built, 0, 8, form->big_endian);
    put_number(built, 65535, 4, form->big_endian);
    put_number(built, link, 4, form->big_endian);
}

static inline void put_record_header(struct built *built, const struct form *form, uint32_t seconds, uint32_t fraction,
                                     uint32_t cap_len, uint32_t len)
{
    put_number(built, seconds, 4, form->big_endian);
    put_number(built, fraction, 4, form->big_endian);
    put_number(built, cap_len, 4, form->big_endian);
    put_number(built, len, 4, form->big_endian);
    if (is_kuznetzov(form))
        put_filler(built, 8);
}

#endif
