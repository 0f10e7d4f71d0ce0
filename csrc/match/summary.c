#include "match/summary.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

enum { INDICATOR, KIND, FEED, TIME, USED, OUT = 6 };

static const char *const names[USED] = {"indicator", "kind", "feed", "frame_time"};

static const struct pf_kind out_kinds[OUT] = {
    {"indicator", PF_TEXT, false}, {"kind", PF_TEXT, false},     {"hits", PF_UINT64, false},
    {"first_time", PF_TIME, true}, {"last_time", PF_TIME, true}, {"feed", PF_TEXT, false},
};

struct group {
    int32_t code[3]; /* of indicator, kind and feed */
    bool timed;
    uint64_t hits, number;
    int64_t first, last;
};

struct work {
    struct pf_column *columns[USED];
    struct pf_dictionary known; /* the octets of `code` */
    struct group *groups;
    size_t capacity;
    struct pf_part *part;
};

static enum pf_status columns_of(const struct pf_frame *hits, struct work *work, struct pf_error *error)
{
    for (size_t i = 0; i < USED; i++) {
        size_t at = 0;
        while (at < hits->columns && strcmp(hits->kinds[at].name, names[i]) != 0)
            at++;
        if (at == hits->columns || hits->kinds[at].type != (i == TIME ? PF_TIME : PF_TEXT))
            return pf_fail(error, PF_INVALID, "hits without the column %s have no summary", names[i]);
        PF_TRY(pf_frame_column(hits, at, &work->columns[i], error));
    }
    return PF_OK;
}

static int32_t code_of(const struct pf_column *column, size_t row)
{
    int32_t code;
    memcpy(&code, column->values + row * sizeof code, sizeof code);
    return code;
}

static enum pf_status group_of(struct work *work, size_t row, struct group **group, struct pf_error *error)
{
    int32_t code[3], number;
    for (size_t i = 0; i < 3; i++)
        code[i] = code_of(work->columns[i], row);
    size_t before = work->known.count;
    PF_TRY(pf_dictionary_text(&work->known, (const char *)code, sizeof code, &number, error));
    if ((size_t)number >= work->capacity) {
        size_t capacity = pf_grown(work->capacity, (size_t)number + 1, sizeof **group);
        struct group *groups = capacity != 0 ? pf_realloc(work->groups, capacity * sizeof **group) : NULL;
        if (groups == NULL)
            return pf_fail_memory(error);
        work->groups = groups;
        work->capacity = capacity;
    }
    *group = &work->groups[number];
    if ((size_t)number == before) {
        **group = (struct group){.number = (uint64_t)number};
        memcpy((*group)->code, code, sizeof code);
    }
    return PF_OK;
}

static enum pf_status add(struct work *work, size_t row, struct pf_error *error)
{
    struct group *group = NULL;
    int64_t time;
    PF_TRY(group_of(work, row, &group, error));
    group->hits++;
    if (work->columns[TIME]->valid != NULL && !pf_column_valid(work->columns[TIME], row))
        return PF_OK;
    memcpy(&time, work->columns[TIME]->values + row * sizeof time, sizeof time);
    group->first = !group->timed || time < group->first ? time : group->first;
    group->last = !group->timed || time > group->last ? time : group->last;
    group->timed = true;
    return PF_OK;
}

/* The most hits first; of as many those that came first. */
static int compare(const void *one, const void *other)
{
    const struct group *a = one, *b = other;
    if (a->hits != b->hits)
        return a->hits > b->hits ? -1 : 1;
    return a->number < b->number ? -1 : 1;
}

static enum pf_status put_text(const struct work *work, size_t from, int32_t code, size_t to, struct pf_error *error)
{
    size_t length;
    const char *text = pf_dictionary_at(&work->columns[from]->dictionary, (size_t)code, &length);
    return pf_column_put_octets(work->part->columns[to], text, length, error);
}

static void put_time(struct pf_column *column, bool timed, int64_t time)
{
    if (timed)
        pf_column_put_number(column, (uint64_t)time);
    else
        pf_column_put_null(column);
}

static enum pf_status put_group(struct work *work, const struct group *group, struct pf_error *error)
{
    struct pf_column **columns = work->part->columns;
    for (size_t i = 0; i < OUT; i++)
        PF_TRY(pf_column_reserve(columns[i], 1, error));
    PF_TRY(put_text(work, INDICATOR, group->code[INDICATOR], 0, error));
    PF_TRY(put_text(work, KIND, group->code[KIND], 1, error));
    pf_column_put_number(columns[2], group->hits);
    put_time(columns[3], group->timed, group->first);
    put_time(columns[4], group->timed, group->last);
    PF_TRY(put_text(work, FEED, group->code[FEED], 5, error));
    work->part->rows++;
    return PF_OK;
}

static enum pf_status summarise(const struct pf_frame *hits, struct work *work, struct pf_error *error)
{
    PF_TRY(columns_of(hits, work, error));
    for (size_t i = 0; i < hits->rows; i++)
        PF_TRY(add(work, i, error));
    if (work->known.count != 0)
        qsort(work->groups, work->known.count, sizeof *work->groups, compare);
    work->part = pf_part_new(out_kinds, OUT);
    if (work->part == NULL)
        return pf_fail_memory(error);
    for (size_t i = 0; i < work->known.count; i++)
        PF_TRY(put_group(work, &work->groups[i], error));
    return PF_OK;
}

enum pf_status pf_match_summarise(const struct pf_frame *hits, struct pf_frame *summary, struct pf_error *error)
{
    struct work work;
    memset(&work, 0, sizeof work);
    enum pf_status status = summarise(hits, &work, error);
    if (status == PF_OK)
        status = pf_frame_init(summary, out_kinds, OUT, error);
    if (status == PF_OK) {
        status = pf_frame_add(summary, work.part, error);
        work.part = NULL;
    }
    pf_part_free(work.part, OUT);
    pf_dictionary_clear(&work.known);
    pf_free(work.groups);
    for (size_t i = 0; i < USED; i++)
        pf_column_drop(work.columns[i]);
    return status;
}
