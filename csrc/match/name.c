#include "match/name.h"

#include <string.h>

void pf_name_from(struct pf_name *name, const char *text, size_t length)
{
    if (length != 0 && text[length - 1] == '.')
        length--;
    name->whole = length <= PF_MOST_NAME;
    name->length = name->whole ? length : PF_MOST_NAME;
    for (size_t i = 0; i < name->length; i++) {
        char c = text[length - name->length + i];
        name->text[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
}

void pf_name_from_host(struct pf_name *name, const char *text, size_t length)
{
    size_t end = length;
    while (end != 0 && text[end - 1] >= '0' && text[end - 1] <= '9')
        end--;
    if (end != 0 && text[end - 1] == ':' && memchr(text, ':', end - 1) == NULL)
        length = end - 1; /* the only colon */
    else if (end > 1 && text[end - 1] == ':' && text[end - 2] == ']')
        length = end - 1;
    pf_name_from(name, text, length);
}

bool pf_name_next(const struct pf_name *name, size_t longest, struct pf_name_step *step)
{
    if (!step->begun) {
        step->begun = true;
        if (name->whole && name->length != 0 && name->length <= longest)
            return true;
    }
    while (step->at < name->length) {
        const char *dot = memchr(name->text + step->at, '.', name->length - step->at);
        if (dot == NULL)
            return false;
        step->at = (size_t)(dot - name->text) + 1;
        if (step->at < name->length && name->length - step->at <= longest)
            return true;
    }
    return false;
}
