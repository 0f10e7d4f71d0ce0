/* One cell on its way into a column or a table of keys. */
#ifndef PF_BASE_VALUE_H
#define PF_BASE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pf_type {
    PF_UINT8,
    PF_UINT16,
    PF_UINT32,
    PF_UINT64,
    PF_INT64,
    PF_DOUBLE,
    PF_TIME,   /* int64, ns since the epoch, UTC */
    PF_TEXT,   /* UTF-8 that repeats: codes into a dictionary */
    PF_STRING, /* UTF-8 that is nearly unique, one after the other */
    PF_BINARY, /* octets, the same way */
};

/* A number is word[0]. What is shown as text is told apart by a key of at most 16 octets, of which `size` count. Octets
 * are `size` of them at the address word[0]. */
struct pf_value {
    uint64_t word[2];
    uint64_t size;
};

/* The text of a key, at most PF_TEXT_ROOM octets (sixteen protocol names with colons between); returns its length. */
enum { PF_TEXT_ROOM = 192 };
typedef size_t (*pf_text)(const struct pf_value *value, char text[PF_TEXT_ROOM]);

static inline bool pf_value_equal(const struct pf_value *a, const struct pf_value *b)
{
    return a->word[0] == b->word[0] && a->word[1] == b->word[1] && a->size == b->size;
}

static inline struct pf_value pf_value_span(const void *octets, size_t size)
{
    return (struct pf_value){{(uint64_t)(uintptr_t)octets, 0}, size};
}

static inline const uint8_t *pf_value_at(const struct pf_value *value)
{
    return (const uint8_t *)(uintptr_t)value->word[0];
}

#endif
