#include "capture/interface.h"

#include "base/alloc.h"

#include <string.h>

enum pf_status pf_interfaces_add(struct pf_interfaces *interfaces, struct pf_interface *interface,
                                 struct pf_error *error)
{
    struct pf_interface *kept = NULL;
    if (interfaces->count == interfaces->capacity) {
        size_t capacity = pf_grown(interfaces->capacity, interfaces->count + 1, sizeof(struct pf_interface *));
        struct pf_interface **list = capacity != 0 ? pf_realloc(interfaces->list, capacity * sizeof *list) : NULL;
        if (list == NULL)
            goto failed;
        interfaces->list = list;
        interfaces->capacity = capacity;
    }
    kept = pf_alloc(sizeof *kept);
    if (kept == NULL)
        goto failed;
    *kept = *interface;
    kept->number = interfaces->count;
    kept->before = interfaces->count != 0 ? interfaces->list[interfaces->count - 1] : NULL;
    interfaces->list[interfaces->count++] = kept;
    return PF_OK;
failed:
    pf_free(interface->name);
    pf_free(interface->description);
    return pf_fail_memory(error);
}

void pf_interfaces_clear(struct pf_interfaces *interfaces)
{
    for (size_t i = 0; i < interfaces->count; i++) {
        pf_free(interfaces->list[i]->name);
        pf_free(interfaces->list[i]->description);
        pf_free(interfaces->list[i]);
    }
    pf_free(interfaces->list);
    memset(interfaces, 0, sizeof *interfaces);
}

static __int128 power_of_ten(unsigned exponent)
{
    __int128 power = 1;
    while (exponent-- != 0)
        power *= 10;
    return power;
}

/* In 128 bits: 2^64 x 10^9 is below 2^94. */
bool pf_interface_time(const struct pf_interface *interface, uint64_t count, int64_t *time)
{
    __int128 whole = count;
    if (interface->binary)
        whole = whole * 1000000000 >> interface->exponent;
    else if (interface->exponent <= 9)
        whole *= power_of_ten(9u - interface->exponent);
    else
        whole /= power_of_ten(interface->exponent - 9u);
    whole += (__int128)interface->offset * 1000000000;
    *time = (int64_t)whole;
    return whole >= INT64_MIN && whole <= INT64_MAX;
}
