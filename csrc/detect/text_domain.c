#include "detect/text_domain.h"

#include <stdbool.h>
#include <string.h>

enum { COUNTRY = 2 };

/* Second-level labels that more than one country's registry sells names below (com.au, co.jp, or.kr, gob.mx, ...). */
static const char *const registries[] = {"ac",  "co", "com", "ed",  "edu", "gob", "go",  "gov", "gv",  "ltd", "me",
                                         "mil", "ne", "net", "nom", "or",  "org", "plc", "re",  "sch", "tm"};

static size_t label_before(const char *name, size_t end)
{
    while (end > 0 && name[end - 1] != '.')
        end--;
    return end;
}

static bool is_country(const char *label, size_t length)
{
    return length == COUNTRY && label[0] >= 'a' && label[0] <= 'z' && label[1] >= 'a' && label[1] <= 'z';
}

static bool is_registry(const char *label, size_t length)
{
    for (size_t i = 0; i < sizeof registries / sizeof registries[0]; i++) {
        if (strlen(registries[i]) == length && memcmp(registries[i], label, length) == 0)
            return true;
    }
    return false;
}

size_t pf_text_registered(const char *name, size_t length)
{
    size_t top = label_before(name, length);
    if (top == 0)
        return 0;
    size_t second = label_before(name, top - 1);
    if (second == 0 || !is_country(name + top, length - top) || !is_registry(name + second, top - 1 - second))
        return second;
    return label_before(name, second - 1);
}
