/* What is counted, by which fields and with what besides: the question of a grouped count, in a struct.
 *
 * A packet becomes an entry: its key, octets that compare as groups are shown, and the values it has. Groups are told
 * apart by their keys' octets alone.
 *
 *   key     | bin 8 | field | field | ...          bin: number of the bin since the epoch; only with `every`
 *   field   | 0 |                                  only where nulls are kept: 1, and nothing behind it, for null
 *           | number, most significant first |     1, 2, 4 or 8 octets; the sign bit of signed ones turned
 *           | size | octets of an address |        IPv4 goes before IPv6
 *           | text, 0 |                            no text off the wire has a zero octet
 *
 * No key begins another: each of its parts says itself where it ends. A plan is made by one thread and then only read.
 */
#ifndef PF_TALLY_GROUP_PLAN_H
#define PF_TALLY_GROUP_PLAN_H

#include "base/error.h"
#include "field/field.h"

enum {
    PF_TALLY_MOST_FIELDS = 16,  /* more than anyone reads side by side; each may need PF_WRITER_ROOM of a worker */
    PF_TALLY_MOST_INPUTS = 32,  /* bits of an entry tell which of them a packet has */
    PF_TALLY_MOST_OUTPUTS = 64, /* each of the inputs, twice */
};

/* How a field's value is put into octets. */
enum pf_tally_form {
    PF_TALLY_NUMBER,
    PF_TALLY_SIGNED,
    PF_TALLY_ADDRESS,  /* an IP or MAC address, by its octets */
    PF_TALLY_RENDERED, /* a key that stands for text */
    PF_TALLY_WRITTEN,  /* text */
    PF_TALLY_FILE,     /* the name of an input */
};

struct pf_tally_field {
    const struct pf_field *field;
    enum pf_tally_form form;
    unsigned size; /* octets of a number */
};

/* What is asked of an input, and the name of a column less the field's. */
enum pf_ask { PF_ASK_SUM, PF_ASK_MIN, PF_ASK_MAX, PF_ASK_MEAN, PF_ASK_STD, PF_ASK_DISTINCT, PF_ASKS };
extern const char *const pf_ask_names[PF_ASKS];

struct pf_tally_input {
    struct pf_tally_field of;
    bool has_stat, has_set;
    size_t stat_at, set_at; /* of its state within a record's cells */
};

struct pf_tally_output {
    enum pf_ask ask;
    size_t input;
};

struct pf_tally_plan {
    struct pf_tally_field fields[PF_TALLY_MOST_FIELDS];
    size_t field_count;
    struct pf_tally_input inputs[PF_TALLY_MOST_INPUTS];
    size_t input_count;
    struct pf_tally_output outputs[PF_TALLY_MOST_OUTPUTS];
    size_t output_count;
    int64_t every; /* ns of a bin; 0: no bins */
    bool gaps, fill, approximate, keep_nulls;
    size_t top;               /* groups that are kept, of each bin; 0: all */
    const char *const *files; /* the names of the inputs; the caller's */
    /* Set by pf_tally_plan_done(). */
    bool sketched; /* `top` by a sketch: nothing but keys is counted */
    bool ordered;  /* needs packets in file order */
    bool narrow;   /* keys of 8 octets at most, all of one size: */
    unsigned narrow_octets;
    size_t gap_at, cells;        /* octets of a record's state */
    size_t key_room, entry_room; /* octets that are enough */
    enum pf_depth depth;
    uint8_t needs; /* enum pf_need */
};

/* A zeroed plan is empty. Both fail where there are too many, and for what cannot be counted that way. */
enum pf_status pf_tally_plan_field(struct pf_tally_plan *plan, const struct pf_field *field, struct pf_error *error);
enum pf_status pf_tally_plan_ask(struct pf_tally_plan *plan, enum pf_ask ask, const struct pf_field *field,
                                 struct pf_error *error);
void pf_tally_plan_done(struct pf_tally_plan *plan);

/* A packet on its way to its group. Octets: the key, then the values of inputs that are no numbers. */
struct pf_tally_entry {
    uint64_t hash;
    uint32_t size; /* of all, a multiple of 8 */
    uint32_t key_size;
    uint32_t valid; /* a bit for each input */
    uint32_t timed;
    int64_t time;
    uint64_t words[]; /* of each input: a number, or place << 32 | size of its octets behind the words */
};

static inline uint8_t *pf_tally_octets(const struct pf_tally_plan *plan, struct pf_tally_entry *entry)
{
    return (uint8_t *)(entry->words + plan->input_count);
}

/* Fills an entry with room for plan->entry_room octets; false where the packet is in no group. */
bool pf_tally_entry_of(const struct pf_tally_plan *plan, const struct pf_packet *packet, struct pf_tally_entry *entry);

/* Takes the next field of a key apart: a number (its octets as an unsigned one), or octets. Returns where the next
 * begins; *size is SIZE_MAX for a null. */
const uint8_t *pf_tally_key_part(const struct pf_tally_plan *plan, const struct pf_tally_field *field,
                                 const uint8_t *key, const uint8_t **octets, size_t *size);

enum { PF_TALLY_BIN = 8 }; /* octets */

static inline int64_t pf_tally_bin(const uint8_t *key)
{
    return (int64_t)(pf_be(key, PF_TALLY_BIN) ^ (uint64_t)1 << 63);
}

static inline void pf_tally_put_bin(uint8_t *key, int64_t bin)
{
    uint64_t word = (uint64_t)bin ^ (uint64_t)1 << 63;
    for (int i = 0; i < PF_TALLY_BIN; i++)
        key[i] = (uint8_t)(word >> (56 - 8 * i));
}

#endif
