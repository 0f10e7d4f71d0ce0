/* Text of bounded length, put together piece by piece: the one way in which octets off the wire become text.
 *
 * What does not fit is cut at a whole piece, and nothing is written after it. A writer belongs to one thread. */
#ifndef PF_BASE_WRITER_H
#define PF_BASE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets: longer than any name or header that a server takes (8 KiB), and a worker's buffer stays within its cache. */
enum { PF_WRITER_ROOM = 64 << 10 };

struct pf_writer {
    char *octets;
    size_t length, room;
    bool full;
};

void pf_write(struct pf_writer *writer, const void *octets, size_t size);
void pf_write_string(struct pf_writer *writer, const char *string);
void pf_write_number(struct pf_writer *writer, uint64_t number);
void pf_write_hex(struct pf_writer *writer, uint64_t number, unsigned digits);
/* Octets off the wire as valid UTF-8 that can be turned back: printable characters as they are, every other octet, the
 * backslash and those of `also` (ASCII; NULL: none) as \DDD, its decimal number. At most four octets come of one. */
void pf_write_text(struct pf_writer *writer, const uint8_t *octets, size_t size, const char *also);

/* The same for UTF-16, least significant octet first; half a pair of surrogates is escaped in the three octets that
 * UTF-8 would have for it, an octet too many at the end is left out. */
void pf_write_utf16le(struct pf_writer *writer, const uint8_t *octets, size_t size);

static inline void pf_write_char(struct pf_writer *writer, char octet)
{
    pf_write(writer, &octet, 1);
}

#endif
