#include "payload/line.h"

#include <string.h>

static const uint8_t *find(const struct pf_cursor *cursor, uint8_t octet)
{
    size_t left = pf_cursor_left(cursor);
    return left != 0 ? memchr(cursor->at, octet, left) : NULL;
}

struct pf_cursor pf_next_word(struct pf_cursor *cursor, uint8_t octet)
{
    struct pf_cursor word = *cursor;
    const uint8_t *end = find(cursor, octet);
    if (end != NULL)
        word.end = end;
    cursor->at = end != NULL ? end + 1 : cursor->end;
    return word;
}

bool pf_next_line(struct pf_cursor *cursor, struct pf_line *line)
{
    if (pf_cursor_left(cursor) == 0)
        return false;
    line->text = pf_next_word(cursor, '\n');
    line->ended = line->text.end != cursor->at;
    if (line->text.end != line->text.at && line->text.end[-1] == '\r')
        line->text.end--;
    return true;
}

static bool is_space(uint8_t octet)
{
    return octet == ' ' || octet == '\t';
}

void pf_trim(struct pf_cursor *text)
{
    while (text->at != text->end && is_space(text->at[0]))
        text->at++;
    while (text->at != text->end && is_space(text->end[-1]))
        text->end--;
}
