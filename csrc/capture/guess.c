/* Where in the middle of a capture a record begins, as far as the octets there let one guess.
 *
 *   from                  a record's rest    | record | record | record | ...
 *    |--------- LOOK: candidates -----------|
 *                          candidate ------ CHAIN: records, one behind the other ------|
 *
 * What lies within a packet cannot chain further than the packet reaches, unless somebody chose its octets for that: so
 * a capture that is carried in a packet is not taken for this one. */
#include "base/alloc.h"
#include "capture/input.h"

#define LOOK ((size_t)1 << 20)    /* octets; only a packet of more leaves no record to be found, and such are rare */
#define CHAIN ((size_t)256 << 10) /* the most that a capture tool takes of a packet */
#define WINDOW (LOOK + 3 * CHAIN) /* a chain's last record may lie behind its CHAIN octets, and is seen whole */
#define MOST_STEPS (1u << 22)     /* chains that end late, one within the other, would take LOOK * CHAIN / 16 */

struct window {
    uint8_t *octets;
    size_t size;
    bool ends; /* with the file */
};

/* Whether records go on from `at`. A file's last record may be cut short. */
static bool chains(const struct pf_walk *walk, const struct window *window, size_t at, unsigned *steps)
{
    enum { ENOUGH = 4 }; /* records before one that is cut short */
    size_t until = at + CHAIN, records = 0, size;
    bool behind = false;
    while (!behind && at < window->size) {
        behind = at >= until; /* the record that the chain leads to is looked at, too */
        switch (++*steps <= MOST_STEPS ? walk->format->likely(walk, window->octets + at, window->size - at, &size)
                                       : PF_UNLIKELY) {
        case PF_UNLIKELY:
            return false;
        case PF_LIKELY_MORE:
            return window->ends && records >= ENOUGH;
        default:
            records++;
        }
        if (size > window->size - at)
            return behind || (window->ends && records > ENOUGH);
        at += size;
    }
    return behind || window->ends;
}

enum pf_status pf_input_guess(const struct pf_input *input, uint64_t from, uint64_t *start, struct pf_error *error)
{
    struct pf_source *source = input->source;
    const struct pf_walk *walk = &input->walk;
    size_t want = from >= source->size ? 0 : source->size - from < WINDOW ? (size_t)(source->size - from) : WINDOW;
    struct window window = {.octets = pf_alloc_pages(want + 1)}; /* never of nothing */
    size_t aligned = walk->format->aligned, skipped = (size_t)((aligned - from % aligned) % aligned);
    unsigned steps = 0;
    *start = PF_SIZE_UNKNOWN;
    if (window.octets == NULL)
        return pf_fail_memory(error);
    enum pf_status status = pf_source_begin(source, error);
    if (status == PF_OK) {
        status = source->ops->read_at(source, window.octets, want, from, &window.size, error);
        pf_source_end(source);
    }
    window.ends = window.size < WINDOW;
    for (size_t at = skipped; status == PF_OK && at < window.size && at < LOOK; at += aligned) {
        if (!chains(walk, &window, at, &steps))
            continue;
        *start = from + at;
        break;
    }
    pf_free(window.octets);
    return status;
}
