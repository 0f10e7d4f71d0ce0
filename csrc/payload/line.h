/* Lines of the text protocols: up to a line feed, without it and a carriage return before it (RFC 9112, 2.2, lets a
 * recipient take a line feed alone for the end). Pure functions of octets; any thread may call. */
#ifndef PF_PAYLOAD_LINE_H
#define PF_PAYLOAD_LINE_H

#include "base/cursor.h"

struct pf_line {
    struct pf_cursor text; /* `wire` means nothing here */
    bool ended;            /* false: it goes on where nothing was captured, or in another segment */
};

/* The line at the cursor, which moves behind it; false at the end. */
bool pf_next_line(struct pf_cursor *cursor, struct pf_line *line);

/* What comes before the first `octet`, and the cursor moves behind that; all that is left where there is none. */
struct pf_cursor pf_next_word(struct pf_cursor *cursor, uint8_t octet);

/* Spaces and tabs at both ends are left out. */
void pf_trim(struct pf_cursor *text);

#endif
