#include "base/dictionary.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <string.h>

/* The key of what is told apart by its text: a hash of it, and its length in a form that no key of octets has. */
enum { BY_TEXT = 17 };

static inline uint64_t hash_of(const struct pf_secret *secret, const struct pf_value *key)
{
    uint64_t rest = key->word[1] != 0 ? pf_hash_word(secret, key->word[1] ^ key->size) : key->size;
    return pf_hash_word(secret, key->word[0] ^ rest);
}

void pf_dictionary_clear(struct pf_dictionary *dictionary)
{
    pf_free(dictionary->keys);
    pf_free(dictionary->offsets);
    pf_free(dictionary->octets);
    pf_free(dictionary->slots);
    memset(dictionary, 0, sizeof *dictionary);
}

void pf_dictionary_empty(struct pf_dictionary *dictionary)
{
    dictionary->count = 0;
    if (dictionary->size != 0)
        memset(dictionary->slots, 0, dictionary->size * sizeof *dictionary->slots);
}

static bool is_entry(const struct pf_dictionary *dictionary, size_t entry, const struct pf_value *key, const char *text)
{
    if (!pf_value_equal(&dictionary->keys[entry], key))
        return false;
    if (text == NULL || key->size != BY_TEXT || key->word[1] == 0) /* the key says all */
        return true;
    size_t length;
    return memcmp(pf_dictionary_at(dictionary, entry, &length), text, (size_t)key->word[1]) == 0;
}

/* The slot of `key`, or the empty one where it belongs: at most half of the slots are taken. */
static inline uint32_t *find(const struct pf_dictionary *dictionary, const struct pf_value *key, const char *text)
{
    size_t at = (size_t)(hash_of(dictionary->secret, key) >> 20) & (dictionary->size - 1);
    while (dictionary->slots[at] != 0 && !is_entry(dictionary, dictionary->slots[at] - 1, key, text))
        at = (at + 1) & (dictionary->size - 1);
    return &dictionary->slots[at];
}

static bool more_slots(struct pf_dictionary *dictionary)
{
    size_t size = dictionary->size != 0 ? dictionary->size * 2 : 32, length;
    uint32_t *slots = pf_alloc_array(size, sizeof *slots);
    if (slots == NULL)
        return false;
    dictionary->secret = pf_secret();
    pf_free(dictionary->slots);
    dictionary->slots = slots;
    dictionary->size = size;
    for (size_t i = 0; i < dictionary->count; i++)
        *find(dictionary, &dictionary->keys[i], pf_dictionary_at(dictionary, i, &length)) = (uint32_t)i + 1;
    return true;
}

static bool more_entries(struct pf_dictionary *dictionary)
{
    size_t capacity = pf_grown(dictionary->capacity, dictionary->count + 1, sizeof *dictionary->keys);
    if (capacity == 0 || capacity > INT32_MAX / 2)
        return false;
    struct pf_value *keys = pf_realloc(dictionary->keys, capacity * sizeof *keys);
    if (keys == NULL)
        return false;
    dictionary->keys = keys;
    int32_t *offsets = pf_realloc(dictionary->offsets, (capacity + 1) * sizeof *offsets);
    if (offsets == NULL)
        return false;
    dictionary->offsets = offsets;
    dictionary->offsets[0] = 0;
    dictionary->capacity = capacity;
    return true;
}

static bool more_octets(struct pf_dictionary *dictionary, size_t need)
{
    if (need <= dictionary->octets_capacity)
        return true;
    size_t capacity = pf_grown(dictionary->octets_capacity, need, 1);
    if (need > INT32_MAX || capacity == 0) /* offsets are 32 bits, as in Arrow's utf8 */
        return false;
    char *octets = pf_realloc(dictionary->octets, capacity);
    if (octets == NULL)
        return false;
    dictionary->octets = octets;
    dictionary->octets_capacity = capacity;
    return true;
}

static enum pf_status append(struct pf_dictionary *dictionary, const struct pf_value *key, const char *text,
                             size_t length, int32_t *code, struct pf_error *error)
{
    size_t count = dictionary->count;
    if (count == dictionary->capacity && !more_entries(dictionary))
        return pf_fail_memory(error);
    if (!more_octets(dictionary, (size_t)dictionary->offsets[count] + length))
        return pf_fail_memory(error);
    if ((count + 1) * 2 > dictionary->size && !more_slots(dictionary))
        return pf_fail_memory(error);
    if (length != 0)
        memcpy(dictionary->octets + dictionary->offsets[count], text, length);
    dictionary->offsets[count + 1] = dictionary->offsets[count] + (int32_t)length;
    dictionary->keys[count] = *key;
    *find(dictionary, key, text) = (uint32_t)count + 1;
    *code = (int32_t)count;
    dictionary->count++;
    return PF_OK;
}

static inline bool known(const struct pf_dictionary *dictionary, const struct pf_value *key, const char *text,
                         int32_t *code)
{
    uint32_t number = dictionary->size != 0 ? *find(dictionary, key, text) : 0;
    *code = (int32_t)number - 1;
    return number != 0;
}

enum pf_status pf_dictionary_code(struct pf_dictionary *dictionary, const struct pf_value *key, pf_text text,
                                  int32_t *code, struct pf_error *error)
{
    if (known(dictionary, key, NULL, code))
        return PF_OK;
    char room[PF_TEXT_ROOM];
    size_t length = text(key, room);
    return append(dictionary, key, room, length, code, error);
}

static struct pf_value key_of_text(const char *text, size_t length)
{
    return (struct pf_value){{pf_hash_octets(pf_secret(), text, length), length}, BY_TEXT};
}

bool pf_dictionary_find(const struct pf_dictionary *dictionary, const char *text, size_t length, int32_t *code)
{
    struct pf_value key = key_of_text(text, length);
    return known(dictionary, &key, text, code);
}

enum pf_status pf_dictionary_text(struct pf_dictionary *dictionary, const char *text, size_t length, int32_t *code,
                                  struct pf_error *error)
{
    struct pf_value key = key_of_text(text, length);
    return known(dictionary, &key, text, code) ? PF_OK : append(dictionary, &key, text, length, code, error);
}

enum pf_status pf_dictionary_adopt(struct pf_dictionary *dictionary, const struct pf_dictionary *from, size_t entry,
                                   int32_t *code, struct pf_error *error)
{
    size_t length;
    const char *text = pf_dictionary_at(from, entry, &length);
    if (known(dictionary, &from->keys[entry], text, code))
        return PF_OK;
    return append(dictionary, &from->keys[entry], text, length, code, error);
}
