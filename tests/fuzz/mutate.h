/* Mutators that know a form. A parser says what a message is made of: parts, and the lengths and counts around them.
 *
 *   length:  | n | part ... part |        what is done to a part, the lengths around it follow: all that hold it
 *
 * So most of what is made is well formed, and gets past the checks that stop octets changed at random. One time in
 * sixteen a length is off by little, and one time in sixteen libFuzzer changes whatever it likes. */
#ifndef PF_TESTS_MUTATE_H
#define PF_TESTS_MUTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What libFuzzer calls; tests/fuzz/mutate_plain.c has a small one for where there is no libFuzzer. */
size_t LLVMFuzzerMutate(uint8_t *octets, size_t size, size_t room);
size_t LLVMFuzzerCustomMutator(uint8_t *octets, size_t size, size_t room, unsigned seed);

/* What is of no form becomes a small message of it one time in four, else it is changed at random. */
size_t mutate_pcapng(uint8_t *octets, size_t size, size_t room, unsigned seed);
size_t mutate_dns(uint8_t *octets, size_t size, size_t room, unsigned seed);
size_t mutate_tls(uint8_t *octets, size_t size, size_t room, unsigned seed);
/* Any of these, or nothing but LLVMFuzzerMutate where the environment has FUZZ_PLAIN: to tell what they are worth. */
typedef size_t (*mutator)(uint8_t *octets, size_t size, size_t room, unsigned seed);
size_t mutate_unless_plain(mutator mutate, uint8_t *octets, size_t size, size_t room, unsigned seed);

/* --- for parsers ------------------------------------------------------------------------------------------------- */

enum { MOST_PARTS = 512, MOST_MADE = 512, MOST_DEPTH = 8, NOWHERE = -1 };

enum measure { EXACT, PADDED, COUNT }; /* octets; octets with what pads them; parts that can come and go */

struct length {
    size_t at, twin; /* twin: where it stands once more, behind the parts; 0: nowhere */
    uint8_t width, measure;
    bool little;
    int within; /* the length around it, or NOWHERE */
};

struct part {
    size_t at, size;
    int within, kind;
    bool whole;    /* can be left out, doubled and made anew, with its own length; else what it holds is changed */
    bool fixed;    /* its size stays */
    bool little;   /* the octet order of what is made in its place */
    uint32_t hint; /* for the maker */
};

struct form {
    const uint8_t *octets;
    size_t size, pad; /* pad: parts go on at multiples of it from their beginning, or 1 */
    struct part parts[MOST_PARTS];
    struct length lengths[MOST_PARTS];
    int part_count, length_count;
    /* Puts a new part (whole: to stand behind it) and returns its size; 0: there is none to make. */
    size_t (*make)(const struct part *part, const struct form *form, uint8_t made[MOST_MADE], uint64_t *state);
};

/* Both return the new one, to be filled further, and its number; none is lost when there is no room: the last is
 * written over. */
struct part *form_part(struct form *form, size_t at, size_t size, int within, int kind);
int form_length(struct form *form, size_t at, unsigned width, int within, enum measure measure);

uint64_t form_number(const uint8_t *octets, unsigned width, bool little);
uint8_t *form_put(uint8_t *to, uint64_t number, unsigned width, bool little);

/* One step on what was parsed; returns the new size. */
size_t form_mutate(struct form *form, uint8_t *octets, size_t room, uint64_t *state);

#endif
