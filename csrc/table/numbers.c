#include "table/numbers.h"

#include "base/search.h"

/* A batch is in file order, so that after one search both lists are walked side by side. */
static size_t keep(const struct pf_predicate *predicate, struct pf_packet **packets, size_t count)
{
    const struct pf_numbers *numbers = (const struct pf_numbers *)predicate;
    size_t kept = 0,
           at = count != 0 ? pf_lower_bound(numbers->numbers, numbers->count, packets[0]->record.frame_number) : 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t number = packets[i]->record.frame_number;
        while (at < numbers->count && numbers->numbers[at] < number)
            at++;
        if (at < numbers->count && numbers->numbers[at] == number)
            packets[kept++] = packets[i];
    }
    return kept;
}

void pf_numbers_init(struct pf_numbers *numbers, const uint64_t *ascending, size_t count)
{
    numbers->predicate = (struct pf_predicate){.keep = keep, .depth = PF_DEPTH_RECORD};
    numbers->numbers = ascending;
    numbers->count = count;
}
