/* The distinct texts of one column of one batch, numbered in order of first appearance.
 *
 * An entry is found by a key of fixed size, or by its text. Texts lie one after the other in `octets`, text i from
 * offsets[i] to offsets[i + 1] (Arrow's layout of utf8). One thread at a time. */
#ifndef PF_BASE_DICTIONARY_H
#define PF_BASE_DICTIONARY_H

#include "base/error.h"
#include "base/value.h"

struct pf_secret;

struct pf_dictionary {
    const struct pf_secret *secret; /* the process's, once there are slots */
    struct pf_value *keys;
    int32_t *offsets; /* count + 1 of them once there is one text */
    size_t count, capacity;
    char *octets;
    size_t octets_capacity;
    uint32_t *slots; /* number + 1, 0 for empty */
    size_t size;     /* slots there are: 0 or a power of two */
};

void pf_dictionary_clear(struct pf_dictionary *dictionary);
void pf_dictionary_empty(struct pf_dictionary *dictionary); /* keeps its memory, to be filled again */
/* The number of `key`; a new one gets its text from text(key). */
enum pf_status pf_dictionary_code(struct pf_dictionary *dictionary, const struct pf_value *key, pf_text text,
                                  int32_t *code, struct pf_error *error);
/* The number of a text of any length that is told apart by its octets. A dictionary has entries of one sort only. */
enum pf_status pf_dictionary_text(struct pf_dictionary *dictionary, const char *text, size_t length, int32_t *code,
                                  struct pf_error *error);
/* The text of an entry. While every text is empty there are no octets at all, but this is never NULL. */
static inline const char *pf_dictionary_at(const struct pf_dictionary *dictionary, size_t entry, size_t *length)
{
    *length = (size_t)(dictionary->offsets[entry + 1] - dictionary->offsets[entry]);
    return dictionary->octets != NULL ? dictionary->octets + dictionary->offsets[entry] : "";
}

bool pf_dictionary_find(const struct pf_dictionary *dictionary, const char *text, size_t length, int32_t *code);
/* The same for entry `entry` of another dictionary. */
enum pf_status pf_dictionary_adopt(struct pf_dictionary *dictionary, const struct pf_dictionary *from, size_t entry,
                                   int32_t *code, struct pf_error *error);

#endif
