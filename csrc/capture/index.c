#include "capture/index.h"

#include "base/alloc.h"
#include "base/os_file.h"

#include <string.h>

/* --- which file it is of ------------------------------------------------------------------------------------------ */

static int digest_at(int fd, uint64_t offset, size_t size, uint8_t *octets, uint8_t *to)
{
    uint8_t made[PF_DIGEST_ROOM];
    struct pf_digest digest;
    size_t got;
    int failed = pf_os_read_at(fd, octets, size, offset, &got);
    pf_digest_init(&digest, PF_SHA256);
    pf_digest_add(&digest, octets, got);
    (void)pf_digest_finish(&digest, made);
    memcpy(to, made, PF_SHA256_SIZE);
    return failed;
}

static int identify(int fd, struct pf_identity *identity, uint8_t *octets)
{
    struct pf_file_facts facts;
    int failed = pf_os_facts(fd, &facts);
    if (failed != 0)
        return failed;
    uint64_t size = facts.size;
    size_t looked_at = size < PF_PFX_LOOKED_AT ? (size_t)size : PF_PFX_LOOKED_AT;
    identity->size = size;
    identity->modified = facts.modified;
    failed = digest_at(fd, 0, looked_at, octets, identity->head);
    return failed != 0 ? failed : digest_at(fd, size - looked_at, looked_at, octets, identity->tail);
}

enum pf_status pf_identity_of(const char *path, struct pf_identity *identity, struct pf_error *error)
{
    int fd = -1;
    uint8_t *octets = pf_alloc(PF_PFX_LOOKED_AT);
    if (octets == NULL)
        return pf_fail_memory(error);
    int failed = pf_os_open(path, &fd);
    if (failed == 0)
        failed = identify(fd, identity, octets);
    pf_os_close(fd);
    pf_free(octets);
    return failed == 0 ? PF_OK : pf_fail_sys(error, failed, path, "could not be read");
}

bool pf_identity_equal(const struct pf_identity *one, const struct pf_identity *other)
{
    return one->size == other->size && one->modified == other->modified &&
           memcmp(one->head, other->head, sizeof one->head) == 0 &&
           memcmp(one->tail, other->tail, sizeof one->tail) == 0;
}

bool pf_identity_likely(const struct pf_identity *identity, const char *path)
{
    struct pf_file_facts facts;
    int fd = -1;
    bool same = pf_os_open(path, &fd) == 0 && pf_os_facts(fd, &facts) == 0 && facts.size == identity->size &&
                facts.modified == identity->modified;
    pf_os_close(fd);
    return same;
}

/* --- while it is made --------------------------------------------------------------------------------------------- */

void pf_pfx_begin(struct pf_pfx *index, uint64_t size)
{
    memset(index, 0, sizeof *index);
    index->grain = PF_PFX_LEAST_GRAIN;
    while (size / index->grain >= PF_PFX_STRETCHES)
        index->grain *= 2;
}

static enum pf_status add_place(struct pf_pfx *index, uint64_t offset, struct pf_error *error)
{
    if (index->count > PF_PFX_STRETCHES) /* only of a grain of the caller's own */
        return pf_fail(error, PF_INVALID, "more than %d stretches", PF_PFX_STRETCHES);
    PF_TRY(pf_grow((void **)&index->places, &index->capacity, index->count + 1, sizeof *index->places, error));
    struct pf_pfx_place *place = &index->places[index->count++];
    *place = index->end;
    place->offset = offset;
    place->least = INT64_MAX;
    place->most = INT64_MIN;
    return PF_OK;
}

enum pf_status pf_pfx_record(struct pf_pfx *index, uint64_t offset, const struct pf_record *record,
                             struct pf_error *error)
{
    struct pf_pfx_place *end = &index->end;
    if (index->count == 0) {
        index->first_timed = record->timed;
        PF_TRY(add_place(index, offset, error));
    } else if (offset - index->places[index->count - 1].offset >= index->grain) {
        PF_TRY(add_place(index, offset, error));
    }
    end->packets++;
    if (!record->timed)
        return PF_OK;
    struct pf_pfx_place *place = &index->places[index->count - 1];
    if (!end->timed)
        index->first_time = end->greatest = record->time;
    end->timed = true;
    end->time = record->time;
    if (record->time > end->greatest)
        end->greatest = record->time;
    if (record->time < place->least)
        place->least = record->time;
    if (record->time > place->most)
        place->most = record->time;
    return PF_OK;
}

enum pf_status pf_pfx_described(struct pf_pfx *index, uint64_t offset, struct pf_error *error)
{
    struct pf_pfx_place *end = &index->end;
    if (end->descriptions == PF_PFX_DESCRIPTIONS)
        return pf_fail(error, PF_INVALID, "no index is made of a capture with more than %d interfaces and sections",
                       PF_PFX_DESCRIPTIONS);
    PF_TRY(pf_grow((void **)&index->descriptions, &index->description_capacity, end->descriptions + 1,
                   sizeof *index->descriptions, error));
    index->descriptions[end->descriptions++] = offset;
    return PF_OK;
}

void pf_pfx_end(struct pf_pfx *index, uint64_t offset, const struct pf_fault *fault)
{
    index->end.offset = offset;
    index->end.least = index->end.most = 0;
    if (fault == NULL)
        return;
    index->fault = *fault;
    index->fault.input = 0;
}

void pf_pfx_clear(struct pf_pfx *index)
{
    pf_free(index->places);
    pf_free(index->descriptions);
    memset(index, 0, sizeof *index);
}

void pf_pfx_between(const struct pf_pfx *index, int64_t low, int64_t high, size_t *first, size_t *last)
{
    *first = *last = 0;
    for (size_t i = 0; i < index->count; i++) {
        const struct pf_pfx_place *place = &index->places[i];
        if (place->least > place->most || place->least > high || place->most < low)
            continue;
        if (*last == 0)
            *first = i;
        *last = i + 1;
    }
}
