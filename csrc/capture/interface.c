#include "capture/interface.h"

#include "base/alloc.h"
#include "base/wide.h"

#include <string.h>

#define SECOND UINT64_C(1000000000) /* nanoseconds */

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

const struct pf_interface **pf_interfaces_between(size_t first, const struct pf_interface *last)
{
    size_t count = last->number + 1 - first;
    const struct pf_interface **order = pf_alloc_array(count, sizeof *order);
    for (const struct pf_interface *at = last; order != NULL && count != 0; at = at->before)
        order[--count] = at;
    return order;
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

static uint64_t power_of_ten(unsigned exponent)
{
    uint64_t power = 1;
    while (exponent-- != 0)
        power *= 10;
    return power;
}

static pf_wide nanoseconds(const struct pf_interface *interface, uint64_t count)
{
    if (interface->binary)
        return pf_wide_halved(pf_wide_product(count, SECOND), interface->exponent);
    if (interface->exponent <= 9)
        return pf_wide_product(count, power_of_ten(9u - interface->exponent));
    return pf_wide_of(0, count / power_of_ten(interface->exponent - 9u));
}

/* 2^64 seconds of 10^9 are below 2^94. An offset below zero looks like one of 2^64 more, which are taken off again. */
bool pf_interface_time(const struct pf_interface *interface, uint64_t count, int64_t *time)
{
    pf_wide offset = pf_wide_product((uint64_t)interface->offset, SECOND);
    if (interface->offset < 0)
        offset = pf_wide_difference(offset, pf_wide_of(SECOND, 0));
    pf_wide whole = pf_wide_sum(nanoseconds(interface, count), offset);
    *time = (int64_t)pf_wide_low(whole);
    return pf_wide_same(whole, pf_wide_signed(*time));
}
