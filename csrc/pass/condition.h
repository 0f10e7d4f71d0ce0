/* Conditions on fields, and the predicate that keeps the packets for which they hold.
 *
 *   struct pf_conditions   all of `all`, and one of `any` where there are any; made once, any number of passes and
 * threads use it struct pf_sieve        its use in one pass
 *
 * What a condition wants of its field is a set (of numbers, keys, texts or networks), a range [low, high), or that it
 * is null. */
#ifndef PF_PASS_CONDITION_H
#define PF_PASS_CONDITION_H

#include "base/keycount.h"
#include "field/field.h"
#include "pass/predicate.h"

/* Addresses of one family from `first` to `last`. */
struct pf_network {
    struct pf_value first, last;
};

struct pf_condition {
    const struct pf_field *field;
    bool null;                   /* a packet without the field is in */
    bool has_low, has_high;      /* a range of numbers: */
    uint64_t low, high;          /* as the column's type has them; `high` is the first that is out */
    struct pf_keycount narrow;   /* numbers, and keys of at most 8 octets, */
    struct pf_keycount wide;     /* keys of 16, */
    struct pf_dictionary texts;  /* texts */
    struct pf_network *networks; /* and ranges of addresses: packets with any of these are in */
    size_t network_count, network_capacity;
};

struct pf_clause { /* all of them */
    struct pf_condition *conditions;
    size_t count;
};

struct pf_conditions {
    struct pf_clause all;
    struct pf_clause *any;
    size_t any_count;
};

enum pf_status pf_clause_init(struct pf_clause *clause, size_t count, struct pf_error *error);
void pf_condition_init(struct pf_condition *condition, const struct pf_field *field);
enum pf_status pf_condition_add_key(struct pf_condition *condition, const struct pf_value *key, struct pf_error *error);
enum pf_status pf_condition_add_text(struct pf_condition *condition, const char *text, size_t length,
                                     struct pf_error *error);
enum pf_status pf_condition_add_network(struct pf_condition *condition, const struct pf_network *network,
                                        struct pf_error *error);
void pf_conditions_clear(struct pf_conditions *conditions); /* zeroed is fine */

struct pf_sieve {
    struct pf_predicate predicate;
    const struct pf_conditions *conditions;
    const char *const *files; /* the name of each input; the caller's */
};

void pf_sieve_init(struct pf_sieve *sieve, const struct pf_conditions *conditions, const char *const *files);

#endif
