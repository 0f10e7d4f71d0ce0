/* Strings that are part of attacks on web applications: what they are, and whether a text holds one.
 *
 * A text is looked at as a server would come to see it: percent signs decoded once, and once more where any are left,
 * letters small, white space and comments of SQL one space. Pure functions; any thread may call. */
#ifndef PF_DETECT_TEXT_ATTACK_H
#define PF_DETECT_TEXT_ATTACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pf_attack {
    PF_ATTACK_SQL,       /* CWE-89 */
    PF_ATTACK_SCRIPT,    /* CWE-79 */
    PF_ATTACK_TRAVERSAL, /* CWE-22, 98 */
    PF_ATTACK_COMMAND,   /* CWE-78 */
    PF_ATTACK_LOOKUP,    /* CWE-917 */
    PF_ATTACK_SCANNER,   /* of User-Agent: the name of a tool that looks for holes */
    PF_ATTACKS
};

extern const char *const pf_attack_names[PF_ATTACKS];

/* In `text` small letters and signs stand for themselves, a space for white space, and
 *    #  digits, at least one        ~  a space or nothing
 *    *  up to 40 octets             !  an end: no letter, digit or underscore follows
 * `weak`: honest requests have it too now and then. */
struct pf_attack_pattern {
    enum pf_attack attack;
    bool weak;
    const char *text;
};

extern const struct pf_attack_pattern pf_attack_patterns[];
extern const uint16_t pf_attack_pattern_count;

/* Octets of a text that are looked at: as long a request line as servers take by default (8 KiB, as RFC 9112, 3,
 * recommends at least). */
enum { PF_ATTACK_OCTETS = 8 << 10, PF_ATTACK_MOST = 512, PF_ATTACK_NONE = 0xffff };

/* For each attack of the set `wanted` (1 << attack) the first pattern of the list that the text holds, one that is not
 * weak before those that are, or PF_ATTACK_NONE. Whether there is any. */
bool pf_attack_look(const uint8_t *text, size_t size, unsigned wanted, uint16_t found[PF_ATTACKS]);

#endif
