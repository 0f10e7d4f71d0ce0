#include "pass/filter.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct pf_verdict_page {
    _Atomic(struct pf_verdict *) of[256];
};

enum pf_status pf_filter_init(struct pf_filter *filter, const struct pf_matcher *matcher, const char *expression,
                              struct pf_error *error)
{
    memset(filter, 0, sizeof *filter);
    size_t size = strlen(expression) + 1;
    if (size > PF_MOST_EXPRESSION + 1)
        return pf_fail(error, PF_NOT_FILTER, "filter \"%.40s...\": has %zu octets, at most %d are taken", expression,
                       size - 1, PF_MOST_EXPRESSION);
    filter->expression = pf_alloc(size);
    if (filter->expression == NULL)
        return pf_fail_memory(error);
    memcpy(filter->expression, expression, size);
    filter->matcher = matcher;
    pf_mutex_init(&filter->lock);
    return PF_OK;
}

static void free_page(const struct pf_filter *filter, struct pf_verdict_page *page)
{
    for (size_t i = 0; page != NULL && i < 256; i++) {
        struct pf_verdict *verdict = atomic_load(&page->of[i]);
        if (verdict != NULL)
            filter->matcher->free(verdict->program);
        pf_free(verdict);
    }
    pf_free(page);
}

void pf_filter_clear(struct pf_filter *filter)
{
    if (filter->expression == NULL)
        return;
    for (size_t i = 0; i < 2 * 256; i++)
        free_page(filter, atomic_load(&filter->pages[i / 256][i % 256]));
    pf_mutex_clear(&filter->lock);
    pf_free(filter->expression);
    memset(filter, 0, sizeof *filter);
}

static struct pf_verdict *look(struct pf_verdict_page *page, uint16_t link_type)
{
    return page != NULL ? atomic_load_explicit(&page->of[link_type & 0xff], memory_order_acquire) : NULL;
}

static enum pf_status compile(struct pf_filter *filter, uint16_t link_type, bool big_endian, struct pf_verdict **made,
                              struct pf_error *error)
{
    struct pf_verdict *verdict = pf_alloc(sizeof *verdict);
    if (verdict == NULL)
        return pf_fail_memory(error);
    struct pf_error refusal = {.status = PF_OK};
    enum pf_status status =
        filter->matcher->compile(filter->expression, link_type, big_endian, &verdict->program, &refusal);
    if (status != PF_OK && status != PF_NOT_FILTER) {
        pf_free(verdict);
        *error = refusal;
        return status;
    }
    (void)snprintf(verdict->refusal, sizeof verdict->refusal, "%s", refusal.text);
    *made = verdict;
    return PF_OK;
}

static enum pf_status verdict_lock_held(struct pf_filter *filter, uint16_t link_type, bool big_endian,
                                        struct pf_verdict **verdict, struct pf_error *error)
{
    _Atomic(struct pf_verdict_page *) *place = &filter->pages[big_endian][link_type >> 8];
    struct pf_verdict_page *page = atomic_load(place);
    if (page == NULL) {
        page = pf_alloc(sizeof *page);
        if (page == NULL)
            return pf_fail_memory(error);
        atomic_store_explicit(place, page, memory_order_release);
    }
    *verdict = look(page, link_type);
    if (*verdict != NULL)
        return PF_OK;
    PF_TRY(compile(filter, link_type, big_endian, verdict, error));
    atomic_store_explicit(&page->of[link_type & 0xff], *verdict, memory_order_release);
    return PF_OK;
}

enum pf_status pf_filter_verdict(struct pf_filter *filter, uint16_t link_type, bool big_endian,
                                 const struct pf_verdict **verdict, struct pf_error *error)
{
    struct pf_verdict *found =
        look(atomic_load_explicit(&filter->pages[big_endian][link_type >> 8], memory_order_acquire), link_type);
    enum pf_status status = PF_OK;
    if (found == NULL) {
        pf_mutex_lock(&filter->lock);
        status = verdict_lock_held(filter, link_type, big_endian, &found, error);
        pf_mutex_unlock(&filter->lock);
    }
    *verdict = found;
    return status;
}

/* Notes `packets` that the filter could say nothing about, of which this is the first, or that it failed. */
static void note(struct pf_filtering *filtering, const struct pf_record *first, const struct pf_verdict *verdict,
                 uint64_t packets, const struct pf_error *error)
{
    pf_mutex_lock(filtering->lock);
    if (error->status != PF_OK)
        filtering->error = *error;
    if (packets != 0 && (filtering->refused == 0 || first->frame_number < filtering->frame_number)) {
        filtering->frame_number = first->frame_number;
        filtering->input = first->input;
        filtering->verdict = verdict;
    }
    filtering->refused += packets;
    pf_mutex_unlock(filtering->lock);
}

static size_t keep(const struct pf_predicate *predicate, struct pf_packet **packets, size_t count)
{
    struct pf_filtering *filtering = (struct pf_filtering *)predicate;
    bool (*matches)(const struct pf_bpf *, const uint8_t *, uint32_t, uint32_t) = filtering->filter->matcher->matches;
    struct pf_record first = {.octets = NULL};
    const struct pf_verdict *verdict = NULL, *first_verdict = NULL;
    struct pf_error error = {.status = PF_OK};
    uint16_t link_type = 0;
    bool big_endian = false;
    uint64_t refused = 0;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        const struct pf_record *record = &packets[i]->record;
        if (verdict == NULL || record->link_type != link_type || record->interface->big_endian != big_endian) {
            link_type = record->link_type;
            big_endian = record->interface->big_endian;
            if (pf_filter_verdict(filtering->filter, link_type, big_endian, &verdict, &error) != PF_OK)
                break;
        }
        if (verdict->program == NULL && refused++ == 0) {
            first = *record;
            first_verdict = verdict;
        }
        if (verdict->program != NULL && matches(verdict->program, record->octets, record->len, record->cap_len))
            packets[kept++] = packets[i];
    }
    if (refused != 0 || error.status != PF_OK)
        note(filtering, &first, first_verdict, refused, &error);
    return kept;
}

static enum pf_status finish(const struct pf_predicate *predicate, bool strict, struct pf_error *error)
{
    const struct pf_filtering *filtering = (const struct pf_filtering *)predicate;
    if (filtering->error.status != PF_OK) {
        *error = filtering->error;
        return error->status;
    }
    if (!strict || filtering->refused == 0)
        return PF_OK;
    char text[sizeof error->text];
    pf_filtering_message(filtering, text, sizeof text);
    return pf_fail(error, PF_NOT_FILTER, "%s", text);
}

enum pf_status pf_filtering_init(struct pf_filtering *filtering, struct pf_filter *filter,
                                 struct pf_input *const *inputs, struct pf_error *error)
{
    memset(filtering, 0, sizeof *filtering);
    filtering->lock = pf_alloc(sizeof *filtering->lock);
    if (filtering->lock == NULL)
        return pf_fail_memory(error);
    pf_mutex_init(filtering->lock);
    filtering->predicate = (struct pf_predicate){.keep = keep, .finish = finish, .depth = PF_DEPTH_RECORD};
    filtering->filter = filter;
    filtering->inputs = inputs;
    return PF_OK;
}

void pf_filtering_clear(struct pf_filtering *filtering)
{
    if (filtering->lock == NULL)
        return;
    pf_mutex_clear(filtering->lock);
    pf_free(filtering->lock);
    filtering->lock = NULL;
}

void pf_filtering_message(const struct pf_filtering *filtering, char *text, size_t size)
{
    (void)snprintf(text, size, "%.120s: packet %" PRIu64 ": %.280s; %" PRIu64 " packet%s did not match for this",
                   filtering->inputs[filtering->input]->source->name, filtering->frame_number,
                   filtering->verdict->refusal, filtering->refused, filtering->refused == 1 ? "" : "s");
}
