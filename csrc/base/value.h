/* One cell on its way into a column or a table of keys. */
#ifndef PF_BASE_VALUE_H
#define PF_BASE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pf_type { PF_UINT8, PF_UINT16, PF_UINT32, PF_UINT64, PF_TIME, PF_TEXT };

/* A number is word[0]. What is shown as text is told apart by a key of at most 16 octets, of which `size` count. */
struct pf_value {
    uint64_t word[2];
    uint64_t size;
};

/* The text of a key, at most PF_TEXT_ROOM octets; returns its length. */
enum { PF_TEXT_ROOM = 64 };
typedef size_t (*pf_text)(const struct pf_value *value, char text[PF_TEXT_ROOM]);

static inline bool pf_value_equal(const struct pf_value *a, const struct pf_value *b)
{
    return a->word[0] == b->word[0] && a->word[1] == b->word[1] && a->size == b->size;
}

#endif
