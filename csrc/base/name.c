#include "base/name.h"

#include "base/alloc.h"
#include "base/os_thread.h"

#include <string.h>

struct kept {
    struct kept *next;
    char name[];
};

static struct pf_mutex lock;
static pf_once locked = PF_ONCE_INIT;
static struct kept *names;

static void init(void)
{
    pf_mutex_init(&lock);
}

static bool is_joined(const char *name, const char *first, const char *second)
{
    size_t length = strlen(first);
    return strncmp(name, first, length) == 0 && strcmp(name + length, second) == 0;
}

static struct kept *find_lock_held(const char *first, const char *second)
{
    struct kept *kept = names;
    while (kept != NULL && !is_joined(kept->name, first, second))
        kept = kept->next;
    return kept;
}

static struct kept *add_lock_held(const char *first, const char *second)
{
    size_t head = strlen(first), tail = strlen(second);
    struct kept *kept = pf_alloc(sizeof *kept + head + tail + 1);
    if (kept == NULL)
        return NULL;
    memcpy(kept->name, first, head);
    memcpy(kept->name + head, second, tail + 1);
    kept->next = names;
    names = kept;
    return kept;
}

const char *pf_name_joined(const char *first, const char *second)
{
    pf_os_once(&locked, init);
    pf_mutex_lock(&lock);
    struct kept *kept = find_lock_held(first, second);
    if (kept == NULL)
        kept = add_lock_held(first, second);
    pf_mutex_unlock(&lock);
    return kept != NULL ? kept->name : NULL;
}
