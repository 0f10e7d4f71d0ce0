#include "flow/tomb.h"

#include "base/alloc.h"

#include <string.h>

enum { NONE = UINT32_MAX };

void pf_tombs_init(struct pf_tombs *tombs, uint32_t limit)
{
    memset(tombs, 0, sizeof *tombs);
    tombs->limit = limit;
    tombs->oldest = tombs->newest = tombs->free = (uint32_t)NONE;
}

void pf_tombs_clear(struct pf_tombs *tombs)
{
    uint64_t forgotten = tombs->forgotten;
    pf_free(tombs->list);
    pf_index_clear(&tombs->index);
    pf_tombs_init(tombs, tombs->limit);
    tombs->forgotten = forgotten;
}

static void unlink_tomb(struct pf_tombs *tombs, uint32_t number)
{
    const struct pf_tomb *tomb = &tombs->list[number];
    *(tomb->older != NONE ? &tombs->list[tomb->older].newer : &tombs->oldest) = tomb->newer;
    *(tomb->newer != NONE ? &tombs->list[tomb->newer].older : &tombs->newest) = tomb->older;
}

static void forget(struct pf_tombs *tombs, uint32_t number)
{
    pf_index_remove(&tombs->index, tombs->list[number].hash, number);
    unlink_tomb(tombs, number);
    tombs->list[number].older = tombs->free;
    tombs->free = number;
    tombs->count--;
}

static enum pf_status new_number(struct pf_tombs *tombs, uint32_t *number, struct pf_error *error)
{
    if (tombs->free != NONE) {
        *number = tombs->free;
        tombs->free = tombs->list[*number].older;
        return PF_OK;
    }
    if (tombs->used == tombs->capacity) {
        size_t capacity = pf_grown(tombs->capacity, (size_t)tombs->used + 1, sizeof *tombs->list);
        if (capacity > tombs->limit)
            capacity = tombs->limit;
        struct pf_tomb *list = capacity != 0 ? pf_realloc(tombs->list, capacity * sizeof *list) : NULL;
        if (list == NULL)
            return pf_fail_memory(error);
        tombs->list = list;
        tombs->capacity = (uint32_t)capacity;
    }
    *number = tombs->used++;
    return PF_OK;
}

enum pf_status pf_tombs_lay(struct pf_tombs *tombs, uint64_t hash, const struct pf_flow_past *past,
                            struct pf_error *error)
{
    uint32_t number = 0;
    if (tombs->count == tombs->limit) {
        forget(tombs, tombs->oldest);
        tombs->forgotten++;
    }
    PF_TRY(new_number(tombs, &number, error));
    enum pf_status status = pf_index_add(&tombs->index, hash, number, error);
    if (status != PF_OK) {
        tombs->list[number].older = tombs->free;
        tombs->free = number;
        return status;
    }
    tombs->list[number] = (struct pf_tomb){
        .hash = hash,
        .last = past->last,
        .connection = (uint64_t)past->connection << 3 | (uint64_t)past->side | (uint64_t)past->named_side << 1 |
                      (uint64_t)past->closed << 2,
        .older = tombs->newest,
        .newer = (uint32_t)NONE,
    };
    *(tombs->newest != NONE ? &tombs->list[tombs->newest].newer : &tombs->oldest) = number;
    tombs->newest = number;
    tombs->count++;
    return PF_OK;
}

bool pf_tombs_take(struct pf_tombs *tombs, uint64_t hash, struct pf_flow_past *past)
{
    size_t place = pf_index_home(&tombs->index, hash);
    uint32_t number = pf_index_next(&tombs->index, hash, &place);
    while (number != PF_INDEX_NONE && tombs->list[number].hash != hash)
        number = pf_index_next(&tombs->index, hash, &place);
    if (number == PF_INDEX_NONE)
        return false;
    const struct pf_tomb *tomb = &tombs->list[number];
    *past = (struct pf_flow_past){
        .last = tomb->last,
        .connection = (int64_t)tomb->connection >> 3,
        .side = (tomb->connection & 1) != 0,
        .named_side = (tomb->connection & 2) != 0,
        .closed = (tomb->connection & 4) != 0,
    };
    forget(tombs, number);
    return true;
}
