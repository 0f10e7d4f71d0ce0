/* What packets are matched against: indicators by what they look like on the wire, and what is allowed.
 *
 *   kind, key --prefixes or dictionary--> the number of the key --chain--> indicator --next--> indicator ...
 *
 * Several indicators may have one key: with another port, or one for a name alone and one for what lies below it. What
 * is allowed is no indicator, wherever it is seen. Filled by one thread, then read by any number of passes and threads.
 */
#ifndef PF_MATCH_SET_H
#define PF_MATCH_SET_H

#include "base/dictionary.h"
#include "match/name.h"
#include "match/prefixes.h"

enum pf_match_kind {
    PF_MATCH_IP,
    PF_MATCH_DOMAIN,
    PF_MATCH_URL,
    PF_MATCH_JA3,
    PF_MATCH_JA4,
    PF_MATCH_USER_AGENT,
    PF_MATCH_KINDS
};

extern const char *const pf_match_kind_names[PF_MATCH_KINDS];

/* An indicator on its way into a set. Its key is as it looks on the wire: names in small letters without a dot at the
 * end; a URL is host and target, one of them may be missing; else the text of the column. */
struct pf_indicator {
    enum pf_match_kind kind;
    struct pf_value address; /* PF_MATCH_IP: the network, instead of a key */
    unsigned prefix;
    const char *key;
    size_t key_length;
    bool below;    /* PF_MATCH_DOMAIN: and all names below it */
    uint16_t port; /* only with this port; 0: any */
    const char *shown, *feed;
    size_t shown_length, feed_length;
};

struct pf_match_entry {
    int32_t shown, feed; /* in the set's dictionaries */
    uint32_t next;       /* an entry with the same key, and one; 0: none */
    uint16_t port;
    uint8_t kind;
    bool below;
};

struct pf_indicator_set {
    struct pf_match_entry *entries;
    size_t count, capacity;
    struct pf_dictionary shown, feeds;
    struct pf_prefixes networks;
    struct pf_match_keys {
        struct pf_dictionary texts; /* of all kinds but PF_MATCH_IP */
        struct pf_match_chain {
            uint32_t first, last; /* entries, and one */
        } *chains;                /* by number of the key */
        size_t capacity, longest, entries;
    } keys[PF_MATCH_KINDS];
    struct pf_prefixes allowed_networks;
    struct pf_dictionary allowed_names, allowed_below;
    size_t longest_allowed;
};

enum pf_status pf_indicator_set_add(struct pf_indicator_set *set, const struct pf_indicator *indicator,
                                    struct pf_error *error);
/* PF_MATCH_IP and PF_MATCH_DOMAIN only: of the other kinds nothing is wider than what is allowed. */
enum pf_status pf_indicator_set_allow(struct pf_indicator_set *set, const struct pf_indicator *allowed,
                                      struct pf_error *error);
void pf_indicator_set_clear(struct pf_indicator_set *set); /* zeroed is fine */

bool pf_indicator_set_allows_address(const struct pf_indicator_set *set, const struct pf_value *address);
bool pf_indicator_set_allows_name(const struct pf_indicator_set *set, const struct pf_name *name);
/* The first entry of a key, and one; 0: there is none. */
uint32_t pf_indicator_set_text(const struct pf_indicator_set *set, enum pf_match_kind kind, const char *text,
                               size_t length);

#endif
