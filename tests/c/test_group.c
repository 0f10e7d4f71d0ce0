/* The tables and sketches of grouped counts, each against something slow and obvious. */
#include "base/name.h"
#include "base/sketch_distinct.h"
#include "base/sketch_top.h"
#include "base/stat.h"
#include "refuse.h"
#include "tally/group.h"
#include "tally/group_frame.h"
#include "tally/group_rows.h"
#include "tally/group_set.h"

#include <math.h>

/* --- names ------------------------------------------------------------------------------------------------------- */

static void test_names(void)
{
    const char *name = must((void *)(uintptr_t)pf_name_joined("sum_", "frame_len"));
    CHECK_TEXT(name, "sum_frame_len");
    CHECK(pf_name_joined("sum_f", "rame_len") == name);
    CHECK(pf_name_joined("sum_", "frame_le") != name);
}

/* --- moments ----------------------------------------------------------------------------------------------------- */

static void test_stat(void)
{
    struct pf_stat stat = {.n = 0};
    uint64_t sum;
    for (uint64_t i = 1; i <= 9; i++)
        pf_stat_add(&stat, i, false);
    CHECK(stat.n == 9 && stat.min == 1 && stat.max == 9);
    CHECK(pf_stat_sum(&stat, false, &sum) && sum == 45);
    CHECK(pf_stat_mean(&stat) == 5.0);
    CHECK(pf_stat_deviation(&stat) == sqrt(7.5)); /* 60 / 8, and sqrt rounds correctly */

    struct pf_stat few = {.n = 0};
    pf_stat_add(&few, (uint64_t)-3, true);
    pf_stat_add(&few, 1, true);
    CHECK(pf_stat_sum(&few, true, &sum) && (int64_t)sum == -2);
    CHECK(pf_stat_mean(&few) == -1.0 && (int64_t)few.min == -3 && few.max == 1);
    CHECK(pf_stat_deviation(&few) == sqrt(8.0));
}

/* At the ends of what words hold. */
static void test_stat_extremes(void)
{
    struct pf_stat large = {.n = 0}, wide = {.n = 0}, gap = {.n = 0}, same = {.n = 0};
    uint64_t sum;
    for (int i = 0; i < 4; i++)
        pf_stat_add(&large, UINT64_MAX, false);
    CHECK(!pf_stat_sum(&large, false, &sum));
    CHECK(pf_stat_mean(&large) == 0x1p64);
    CHECK(pf_stat_deviation(&large) == 0);
    pf_stat_add(&wide, (uint64_t)INT64_MIN, true);
    CHECK(pf_stat_sum(&wide, true, &sum) && sum == (uint64_t)INT64_MIN);
    pf_stat_add(&wide, (uint64_t)INT64_MIN, true);
    CHECK(!pf_stat_sum(&wide, true, &sum));
    pf_stat_add(&wide, INT64_MAX, true);
    pf_stat_add(&wide, INT64_MAX, true);
    CHECK(pf_stat_sum(&wide, true, &sum) && (int64_t)sum == -2);
    CHECK(pf_stat_mean(&wide) == -0.5);
    pf_stat_add_difference(&gap, INT64_MAX, INT64_MIN);
    pf_stat_add_difference(&gap, INT64_MIN, INT64_MAX);
    CHECK((int64_t)gap.min == INT64_MIN && (int64_t)gap.max == INT64_MAX);
    CHECK(pf_stat_mean(&gap) == 0 && pf_stat_deviation(&gap) == sqrt(2.0) * 0x1p64);
    /* More of them than 32 bits count: the same two numbers half a million million times. */
    pf_stat_add(&same, 0, false);
    pf_stat_add(&same, 2, false);
    same.n = (uint64_t)1 << 40;
    same.sum[0] = (uint64_t)1 << 40;
    same.squares[0] = (uint64_t)1 << 41;
    CHECK(pf_stat_mean(&same) == 1.0);
    CHECK(fabs(pf_stat_deviation(&same) - (1 + 0x1p-41)) <= 0x1p-52);
}

/* --- the sketch of distinct values ---------------------------------------------------------------------------------
 */

static void add_numbers(struct pf_distinct *sketch, struct pf_arena *arena, uint64_t from, uint64_t to)
{
    struct pf_error error;
    for (uint64_t i = from; i < to; i++)
        CHECK_OK(pf_distinct_add(sketch, arena, pf_distinct_hash(&i, sizeof i), &error));
}

static void test_distinct(void)
{
    struct pf_arena arena;
    struct pf_error error;
    pf_arena_init(&arena);
    CHECK_EQ(pf_distinct_estimate(&(struct pf_distinct){.size = 0}), 0);
    static const uint64_t sizes[] = {1, 2, 11, 12, 13, 100, 1535, 1536, 1537, 5000, 20000, 100000, 300000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct pf_distinct whole = {.size = 0}, left = {.size = 0}, right = {.size = 0};
        uint64_t n = sizes[i];
        add_numbers(&whole, &arena, 0, n);
        add_numbers(&whole, &arena, 0, n); /* what was seen before changes nothing */
        add_numbers(&left, &arena, 0, n / 2 + n / 4);
        add_numbers(&right, &arena, n / 2, n);
        double off = (double)pf_distinct_estimate(&whole) - (double)n;
        CHECK(fabs(off) <= 3 * 1.04 / 128 * (double)n);
        CHECK_OK(pf_distinct_merge(&right, &arena, &left, &error));
        CHECK_EQ(pf_distinct_estimate(&right), pf_distinct_estimate(&whole));
        CHECK_OK(pf_distinct_merge(&left, &arena, &whole, &error));
        CHECK_EQ(pf_distinct_estimate(&left), pf_distinct_estimate(&whole));
    }
    pf_arena_clear(&arena);
}

/* --- the sketch of the most frequent keys ----------------------------------------------------------------------------
 */

enum { COUNTERS = 40, KEYS = 200 };

struct counter {
    uint64_t key, count, error, taken;
};

/* Searches all counters for everything. */
static void add_slowly(struct counter *counters, size_t *size, uint64_t key, uint64_t taken)
{
    size_t at = 0, least = 0;
    for (; at < *size && counters[at].key != key; at++) {
        const struct counter *a = &counters[at], *b = &counters[least];
        if (a->count < b->count || (a->count == b->count && a->taken < b->taken))
            least = at;
    }
    if (at < *size)
        counters[at].count++;
    else if (*size < COUNTERS)
        counters[(*size)++] = (struct counter){key, 1, 0, taken};
    else
        counters[least] = (struct counter){key, counters[least].count + 1, counters[least].count, taken};
}

static void check_top(const struct pf_top *top, const struct counter *counters, size_t size)
{
    CHECK_EQ(top->count, size);
    for (size_t i = 0; i < top->count; i++) {
        uint64_t key = *(const uint8_t *)top->counters[i].key;
        size_t at = 0;
        while (at < size && counters[at].key != key)
            at++;
        CHECK(at < size);
        if (at < size)
            CHECK(top->counters[i].count == counters[at].count && top->counters[i].error == counters[at].error);
    }
}

static void test_top(void)
{
    struct counter counters[COUNTERS];
    uint64_t exact[KEYS] = {0}, state = 9, added = 0;
    size_t size = 0;
    struct pf_top top;
    struct pf_error error;
    pf_top_init(&top, COUNTERS);
    for (; added < 30000; added++) {
        uint64_t key = draw_below(&state, 1 + draw_below(&state, KEYS)), again = added;
        exact[key]++;
        add_slowly(counters, &size, key, again);
        uint8_t octets[3] = {(uint8_t)key}; /* the first of them tells which it is, on any machine */
        CHECK_OK(pf_top_add(&top, octets, 1 + key % 3, &error)); /* keys of several lengths: what is cut off is 0 */
        if (added < 300 || added % 1000 == 0)
            check_top(&top, counters, size);
    }
    check_top(&top, counters, size);
    for (size_t i = 0; i < top.count; i++) {
        const struct pf_top_counter *counter = &top.counters[i];
        uint64_t key = counter->key[0];
        CHECK(counter->count - counter->error <= exact[key] && exact[key] <= counter->count);
        CHECK(counter->error <= added / COUNTERS);
    }
    pf_top_clear(&top);
    pf_top_clear(&top); /* once more is fine */
}

/* --- the table and the sets ------------------------------------------------------------------------------------------
 */

static const char *const names[] = {"dns_flags_rcode", "ip_src", "frame_file", NULL};

static void some_plan(struct pf_tally_plan *plan, bool distinct)
{
    struct pf_error error;
    memset(plan, 0, sizeof *plan);
    for (size_t i = 0; names[i] != NULL; i++)
        CHECK_OK(pf_tally_plan_field(plan, must((void *)(uintptr_t)pf_field_find(names[i])), &error));
    if (distinct) {
        CHECK_OK(pf_tally_plan_ask(plan, PF_ASK_DISTINCT, pf_field_find("frame_file"), &error));
        CHECK_OK(pf_tally_plan_ask(plan, PF_ASK_DISTINCT, pf_field_find("frame_len"), &error));
        CHECK_OK(pf_tally_plan_ask(plan, PF_ASK_STD, pf_field_find("frame_len"), &error));
    }
    pf_tally_plan_done(plan);
}

/* Keys of this plan: an octet, an address, text. Returns its size. */
static size_t some_key(uint64_t number, uint8_t key[64])
{
    size_t size = 0, letters = number % 23;
    key[size++] = (uint8_t)number;
    key[size++] = 4;
    for (int i = 0; i < 4; i++)
        key[size++] = (uint8_t)(number >> (8 * i));
    for (size_t i = 0; i < letters; i++)
        key[size++] = (uint8_t)('a' + i);
    key[size++] = 0;
    return size;
}

static void test_table(void)
{
    enum { GROUPS = 3000 };
    struct pf_tally_plan plan;
    struct pf_tally tally, other;
    struct pf_error error;
    struct pf_moments moments;
    uint8_t key[64];
    uint64_t all = 0;
    some_plan(&plan, false);
    pf_tally_init(&tally, &plan);
    pf_tally_init(&other, &plan);
    for (uint64_t i = 0; i < GROUPS; i++) {
        size_t size = some_key(i, key);
        CHECK_EQ(pf_tally_get(&tally, key, size), 0);
        CHECK_OK(pf_tally_add(&tally, key, size, i % 7 + 1, &error));
        CHECK_OK(pf_tally_add(&tally, key, size, 1, &error));
        all += i % 7 + 2;
    }
    CHECK_EQ(pf_tally_size(&tally), GROUPS);
    CHECK_OK(pf_tally_merge(&other, &tally, &error));
    CHECK_OK(pf_tally_merge(&other, &tally, &error));
    for (uint64_t i = 0; i < GROUPS; i++) {
        size_t size = some_key(i, key);
        CHECK_EQ(pf_tally_get(&tally, key, size), i % 7 + 2);
        CHECK_EQ(pf_tally_get(&other, key, size), 2 * (i % 7 + 2));
    }
    pf_tally_moments(&other, &moments);
    CHECK(moments.n == GROUPS && moments.sum[1] == 2 * all);

    struct pf_tally_rows rows;
    CHECK_OK(pf_tally_rows_best(&rows, &tally, 0, SIZE_MAX, &error));
    CHECK_EQ(rows.size, GROUPS);
    for (size_t i = 1; i < rows.size; i++) {
        const struct pf_tally_row *a = &rows.list[i - 1], *b = &rows.list[i];
        uint8_t left[16], right[16];
        const uint8_t *x = pf_tally_key(&tally, a, left), *y = pf_tally_key(&tally, b, right);
        CHECK(a->count > b->count || (a->count == b->count &&
                                      (memcmp(x, y, 6) < 0 || (memcmp(x, y, 6) == 0 &&
                                                               strcmp((const char *)x + 6, (const char *)y + 6) < 0))));
    }
    struct pf_tally_rows few;
    CHECK_OK(pf_tally_rows_best(&few, &tally, 8, 100, &error));
    CHECK_EQ(few.size, 100);
    for (size_t i = 0; i < few.size; i++)
        CHECK(few.list[i].count == rows.list[i].count &&
              pf_tally_rows_compare(&tally, &few.list[i], &rows.list[i]) == 0);
    pf_tally_rows_clear(&few);
    pf_tally_rows_clear(&rows);
    pf_tally_clear(&other);
    pf_tally_clear(&tally);
    pf_tally_clear(&tally); /* once more is fine */
}

static void *room_of(void *context, size_t size)
{
    return pf_arena_take(context, size);
}

static void test_sets(void)
{
    struct pf_arena arena;
    struct pf_tally_set words = {.size = 0}, octets = {.size = 0};
    struct pf_error error;
    pf_arena_init(&arena);
    for (uint64_t i = 0; i < 30000; i++) {
        uint64_t word = i % 7001;
        CHECK_OK(pf_tally_set_add_word(&words, &arena, word << 40, &error));
        const uint8_t number[3] = {(uint8_t)word, (uint8_t)(word >> 8)}; /* the same on any machine */
        CHECK_OK(pf_tally_set_add_octets(&octets, &arena, number, word % 2 + 2, room_of, &arena, &error));
    }
    CHECK_EQ(pf_tally_set_size(&words), 7001);
    CHECK_EQ(pf_tally_set_size(&octets), 7001);
    pf_tally_set_give(&words, &arena);
    pf_tally_set_give(&octets, &arena);
    pf_arena_clear(&arena);
}

/* --- many threads ------------------------------------------------------------------------------------------------- */

enum { PUSHERS = 4, PUSHES = 20000, SHARED = 700 };

struct pusher {
    struct pf_tally *tally;
    uint64_t seed;
};

/* An entry of a key with two inputs: a text of the key's number, and that number. */
static void fill_entry(const struct pf_tally_plan *plan, struct pf_tally_entry *entry, uint64_t number)
{
    uint8_t *octets = pf_tally_octets(plan, entry);
    entry->key_size = (uint32_t)some_key(number % SHARED, octets);
    octets[entry->key_size] = (uint8_t)('a' + number % 5);
    octets[entry->key_size + 1] = 0;
    entry->words[0] = (uint64_t)entry->key_size << 32 | 2;
    entry->words[1] = number % 3;
    entry->valid = number % 11 == 0 ? 1 : 3;
    size_t size = sizeof *entry + plan->input_count * sizeof(uint64_t) + entry->key_size + 2;
    entry->size = (uint32_t)((size + 7) / 8 * 8);
}

static void *push(void *argument)
{
    struct pusher *pusher = argument;
    const struct pf_tally_plan *plan = pusher->tally->plan;
    struct pf_tally_entry *entry = must(pf_alloc(plan->entry_room));
    struct pf_tally_stage stage;
    struct pf_error error;
    uint64_t state = pusher->seed;
    CHECK_OK(pf_tally_stage_init(&stage, &pusher->tally->table, &error));
    for (int i = 0; i < PUSHES; i++) {
        fill_entry(plan, entry, draw_below(&state, 100000));
        if (pf_tally_stage_push(&stage, entry, &error) != PF_OK)
            CHECK(!"pushed");
    }
    CHECK_OK(pf_tally_stage_flush(&stage, &error));
    pf_tally_stage_clear(&stage);
    pf_free(entry);
    return NULL;
}

static struct pf_column *column_of(const struct pf_frame *frame, size_t number)
{
    struct pf_column *column = NULL;
    struct pf_error error;
    CHECK_OK(pf_frame_column(frame, number, &column, &error));
    return must(column);
}

static void test_threads(void)
{
    static uint64_t expected[SHARED];
    struct pf_tally_plan plan;
    struct pf_tally tally;
    struct pf_thread threads[PUSHERS];
    struct pusher pushers[PUSHERS];
    struct pf_error error;
    struct pf_frame frame;
    some_plan(&plan, true);
    pf_tally_init(&tally, &plan);
    for (unsigned i = 0; i < PUSHERS; i++) {
        uint64_t state = 70 + i;
        pushers[i] = (struct pusher){&tally, state};
        CHECK_EQ(pf_thread_start(&threads[i], push, &pushers[i]), 0);
        for (int j = 0; j < PUSHES; j++)
            expected[draw_below(&state, 100000) % SHARED]++;
    }
    for (unsigned i = 0; i < PUSHERS; i++)
        pf_thread_join(&threads[i]);
    CHECK_EQ(pf_tally_size(&tally), SHARED);
    CHECK_OK(pf_tally_frame(&frame, &tally, NULL, &error));
    CHECK_EQ(frame.rows, SHARED);
    CHECK_EQ(frame.columns, 7); /* three fields, count, two distinct_, std_ */
    struct pf_column *counts = column_of(&frame, 3), *texts = column_of(&frame, 4), *numbers = column_of(&frame, 5);
    uint64_t sum = 0, last = UINT64_MAX, want = 0, count, distinct;
    for (size_t i = 0; i < SHARED; i++) {
        memcpy(&count, counts->values + 8 * i, 8);
        CHECK(count <= last);
        last = count;
        sum += count;
        want += expected[i];
        memcpy(&distinct, texts->values + 8 * i, 8);
        CHECK_EQ(distinct, 1); /* SHARED is a multiple of 5, */
        memcpy(&distinct, numbers->values + 8 * i, 8);
        CHECK_EQ(distinct, 3); /* and none of 3 */
    }
    CHECK(sum == want && sum == (uint64_t)PUSHERS * PUSHES);
    pf_column_drop(counts);
    pf_column_drop(texts);
    pf_column_drop(numbers);
    pf_frame_clear(&frame);
    pf_tally_clear(&tally);
}

/* --- refused memory -------------------------------------------------------------------------------------------------
 */

static enum pf_status some_tallying(void *context, struct pf_error *error)
{
    const struct pf_tally_plan *plan = context;
    struct pf_tally tally;
    struct pf_tally_stage stage = {.table = NULL};
    struct pf_frame frame;
    pf_tally_init(&tally, plan);
    struct pf_tally_entry *entry = pf_alloc(plan->entry_room);
    enum pf_status status = entry != NULL ? PF_OK : pf_fail_memory(error);
    if (status == PF_OK)
        status = pf_tally_stage_init(&stage, &tally.table, error);
    for (uint64_t i = 0; i < 900 && status == PF_OK; i++) {
        fill_entry(plan, entry, i);
        status = pf_tally_stage_push(&stage, entry, error);
    }
    if (status == PF_OK)
        status = pf_tally_stage_flush(&stage, error);
    if (status == PF_OK)
        status = pf_tally_frame(&frame, &tally, NULL, error);
    if (status == PF_OK)
        pf_frame_clear(&frame);
    pf_tally_stage_clear(&stage);
    pf_free(entry);
    pf_tally_clear(&tally);
    return status;
}

static enum pf_status some_sketching(void *context, struct pf_error *error)
{
    struct pf_top top;
    enum pf_status status = PF_OK;
    (void)context;
    pf_top_init(&top, COUNTERS);
    for (uint64_t i = 0; i < 100 && status == PF_OK; i++)
        status = pf_top_add(&top, "some longer key that differs in its size alone", (size_t)(i % 47), error);
    pf_top_clear(&top);
    return status;
}

int main(void)
{
    struct pf_tally_plan plan;
    test_names();
    test_stat();
    test_stat_extremes();
    test_distinct();
    test_top();
    test_table();
    test_sets();
    test_threads();
    some_plan(&plan, true);
    CHECK(refuse_each(some_tallying, &plan) >= 10);
    CHECK(refuse_each(some_sketching, NULL) >= COUNTERS);
    return checks_done();
}
