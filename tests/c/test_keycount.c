#include "base/keycount.h"
#include "refuse.h"
#include "tally/counts.h"

/* The model: an array of keys and counts, searched from the front. */
enum { MOST_KEYS = 2000 };

struct model {
    uint64_t keys[MOST_KEYS][2], counts[MOST_KEYS];
    size_t size;
};

static void model_add(struct model *model, const uint64_t key[2], uint64_t by)
{
    size_t i = 0;
    while (i < model->size && (model->keys[i][0] != key[0] || model->keys[i][1] != key[1]))
        i++;
    if (i == MOST_KEYS)
        abort();
    if (i == model->size)
        memcpy(model->keys[model->size++], key, sizeof model->keys[0]);
    model->counts[i] += by;
}

/* Keys that are alike in all but a few bits, 0 among them. */
static void some_key(uint64_t *state, unsigned words, uint64_t key[2])
{
    key[0] = draw_below(state, 40);
    if (draw_below(state, 2) == 0)
        key[0] <<= 58;
    key[1] = words == 2 ? (uint64_t)draw_below(state, 25) << 32 : 0;
}

static void check_like(const struct pf_keycount *table, const struct model *model)
{
    struct pf_keycount_place place = {.partition = 0};
    const uint64_t *key;
    uint64_t count;
    size_t size = 0;
    CHECK_EQ(pf_keycount_size(table), model->size);
    for (size_t i = 0; i < model->size; i++) {
        pf_keycount_prefetch(table, model->keys[i]);
        CHECK_EQ(pf_keycount_get(table, model->keys[i]), model->counts[i]);
    }
    for (; pf_keycount_next(table, &place, &key, &count); size++)
        CHECK(count != 0 && count == pf_keycount_get(table, key));
    CHECK_EQ(size, model->size);
    CHECK_EQ(pf_keycount_get(table, (const uint64_t[2]){12345, 678}), 0);
}

static void test_model(unsigned words)
{
    static struct model model;
    struct pf_keycount table;
    struct pf_error error;
    uint64_t state = words;
    memset(&model, 0, sizeof model);
    pf_keycount_init(&table, words);
    check_like(&table, &model);
    for (int i = 0; i < 5000; i++) {
        uint64_t key[2], by = draw_below(&state, 4);
        some_key(&state, words, key);
        CHECK_OK(pf_keycount_add(&table, key, 1, by, &error));
        if (by != 0) /* nothing was added: no key either */
            model_add(&model, key, by);
    }
    check_like(&table, &model);
    pf_keycount_clear(&table);
    pf_keycount_clear(&table); /* once more is fine */
}

static void test_stage(unsigned words)
{
    static struct model model;
    struct pf_keycount table;
    struct pf_keystage stage;
    struct pf_error error;
    uint64_t state = words + 10;
    memset(&model, 0, sizeof model);
    pf_keycount_init(&table, words);
    CHECK_OK(pf_keystage_init(&stage, &table, &error));
    for (int i = 0; i < 40000; i++) {
        uint64_t key[2];
        some_key(&state, words, key);
        CHECK_OK(pf_keystage_push(&stage, key, &error));
        model_add(&model, key, 1);
    }
    CHECK_OK(pf_keystage_flush(&stage, &error));
    check_like(&table, &model);
    CHECK_OK(pf_keystage_flush(&stage, &error)); /* nothing is left to be counted twice */
    check_like(&table, &model);
    pf_keystage_clear(&stage);
    CHECK_OK(pf_keystage_flush(&stage, &error));
    pf_keycount_clear(&table);
}

/* From one slot array to the next, many times, and every key still there. */
static void test_growth(unsigned words)
{
    enum { KEYS = 200000 };
    struct pf_keycount table;
    struct pf_error error;
    pf_keycount_init(&table, words);
    for (uint64_t i = 0; i < KEYS; i++)
        CHECK_OK(pf_keycount_add(&table, (const uint64_t[2]){i << 20, i}, 1, i + 1, &error));
    CHECK_EQ(pf_keycount_size(&table), KEYS);
    bool all = true;
    for (uint64_t i = 0; i < KEYS; i++)
        all &= pf_keycount_get(&table, (const uint64_t[2]){i << 20, i}) == i + 1;
    CHECK(all);
    CHECK(table.arena.octets < 64u << 20);
    pf_keycount_clear(&table);
}

/* Keys and counts of 32 bits and more beside each other, and a count that grows out of 32 bits. */
static void test_widths(void)
{
    struct pf_keycount table;
    struct pf_error error;
    pf_keycount_init(&table, 1);
    for (uint64_t i = 0; i < 3000; i++)
        CHECK_OK(pf_keycount_add(&table, &i, 1, UINT32_MAX - i % 2, &error));
    for (uint64_t i = 0; i < 3000; i += 7) {
        CHECK_OK(pf_keycount_add(&table, &i, 1, 1, &error));
        CHECK_OK(pf_keycount_add(&table, &(uint64_t){i | (uint64_t)1 << 32}, 1, 9, &error)); /* the same low half */
    }
    CHECK_EQ(pf_keycount_size(&table), 3000 + 429);
    for (uint64_t i = 0; i < 3000; i++) {
        CHECK_EQ(pf_keycount_get(&table, &i), UINT32_MAX - i % 2 + (i % 7 == 0));
        CHECK_EQ(pf_keycount_get(&table, &(uint64_t){i | (uint64_t)1 << 32}), i % 7 == 0 ? 9 : 0);
    }
    pf_keycount_clear(&table);
}

enum { PUSHERS = 4, PUSHES = 100000, SHARED_KEYS = 5000 };

struct pusher {
    struct pf_keycount *table;
    uint64_t seed;
};

static void pushed_key(uint64_t *state, uint64_t key[2])
{
    key[0] = draw_below(state, SHARED_KEYS);
    key[1] = key[0] * 3;
}

static void *push(void *argument)
{
    struct pusher *pusher = argument;
    struct pf_keystage stage;
    struct pf_error error;
    uint64_t state = pusher->seed, key[2];
    CHECK_OK(pf_keystage_init(&stage, pusher->table, &error));
    for (int i = 0; i < PUSHES; i++) {
        pushed_key(&state, key);
        if (pf_keystage_push(&stage, key, &error) != PF_OK)
            CHECK(!"pushed");
    }
    CHECK_OK(pf_keystage_flush(&stage, &error));
    pf_keystage_clear(&stage);
    return NULL;
}

static void test_threads(unsigned words)
{
    static uint64_t expected[SHARED_KEYS];
    struct pf_keycount table;
    struct pf_thread threads[PUSHERS];
    struct pusher pushers[PUSHERS];
    memset(expected, 0, sizeof expected);
    pf_keycount_init(&table, words);
    for (unsigned i = 0; i < PUSHERS; i++) {
        uint64_t state = 50 + i, key[2];
        pushers[i] = (struct pusher){&table, state};
        CHECK_EQ(pf_thread_start(&threads[i], push, &pushers[i]), 0);
        for (int j = 0; j < PUSHES; j++) {
            pushed_key(&state, key);
            expected[key[0]]++;
        }
    }
    for (unsigned i = 0; i < PUSHERS; i++)
        pf_thread_join(&threads[i]);
    for (uint64_t i = 0; i < SHARED_KEYS; i++)
        CHECK_EQ(pf_keycount_get(&table, (const uint64_t[2]){i, i * 3}), expected[i]);
    pf_keycount_clear(&table);
}

static void test_merge(void)
{
    struct pf_keycount some, more;
    struct pf_error error;
    pf_keycount_init(&some, 1);
    pf_keycount_init(&more, 1);
    for (uint64_t i = 0; i < 3000; i++) {
        CHECK_OK(pf_keycount_add(&some, &i, 1, 5, &error));
        CHECK_OK(pf_keycount_add(&more, &(uint64_t){i + 2000}, 1, i + 1, &error));
    }
    CHECK_OK(pf_keycount_merge(&some, &more, &error));
    CHECK_EQ(pf_keycount_size(&some), 5000);
    for (uint64_t i = 0; i < 5000; i++)
        CHECK_EQ(pf_keycount_get(&some, &i), (i < 3000 ? 5 : 0) + (i >= 2000 ? i - 1999 : 0));
    CHECK_EQ(pf_keycount_size(&more), 3000);
    pf_keycount_clear(&some);
    pf_keycount_clear(&more);
}

/* 2 x (2^63)^2 + 3^2 and 2^64 + 3 need more than 64 bits. */
static void test_moments(void)
{
    struct pf_keycount table;
    struct pf_error error;
    struct pf_moments moments = {0, {0, 0}, {0, 0}};
    pf_keycount_init(&table, 1);
    pf_keycount_moments(&table, &moments);
    CHECK(moments.n == 0 && moments.sum[1] == 0 && moments.squares[1] == 0);
    CHECK_OK(pf_keycount_add(&table, (const uint64_t[]){0, 7}, 2, (uint64_t)1 << 63, &error));
    CHECK_OK(pf_keycount_add(&table, (const uint64_t[]){9}, 1, 3, &error));
    pf_keycount_moments(&table, &moments);
    CHECK_EQ(moments.n, 3);
    CHECK_EQ(moments.sum[0], 1);
    CHECK_EQ(moments.sum[1], 3);
    CHECK_EQ(moments.squares[0], (uint64_t)1 << 63);
    CHECK_EQ(moments.squares[1], 9);
    CHECK_OK(pf_keycount_add(&table, (const uint64_t[]){0}, 1, UINT64_MAX, &error)); /* stops at the top */
    CHECK_EQ(pf_keycount_get(&table, (const uint64_t[]){0}), UINT64_MAX);
    pf_keycount_clear(&table);
}

static enum pf_status some_counting(void *context, struct pf_error *error)
{
    unsigned words = *(unsigned *)context;
    struct pf_keycount table;
    struct pf_keystage stage;
    pf_keycount_init(&table, words);
    enum pf_status status = pf_keystage_init(&stage, &table, error);
    for (uint64_t i = 0; i < 80000 && status == PF_OK; i++)
        status = pf_keystage_push(&stage, (const uint64_t[2]){i, i}, error);
    if (status == PF_OK)
        status = pf_keystage_flush(&stage, error);
    pf_keystage_clear(&stage);
    pf_keycount_clear(&table);
    return status;
}

/* --- pf_counts
 * -------------------------------------------------------------------------------------------------------- */

static struct pf_address some_address(uint64_t *state, enum pf_key_kind kind)
{
    struct pf_address address = {{draw_below(state, 300), 0}, 4};
    if (kind == PF_KEY_ADDRESS && draw_below(state, 2) == 0)
        address = (struct pf_address){{(uint64_t)draw_below(state, 3) << 60, draw_below(state, 100) << 7}, 16};
    return address;
}

static bool goes_before(const struct pf_counted *a, const struct pf_counted *b)
{
    if (a->count != b->count)
        return a->count > b->count;
    if (a->key.size != b->key.size)
        return a->key.size < b->key.size;
    if (a->key.word[0] != b->key.word[0])
        return a->key.word[0] < b->key.word[0];
    return a->key.word[1] < b->key.word[1];
}

/* All keys, put in order by insertion. */
static size_t sorted_slowly(const struct pf_counts *counts, struct pf_counted *list)
{
    struct pf_counts_place place = {.in_wide = false};
    struct pf_counted counted;
    size_t size = 0;
    while (pf_counts_next(counts, &place, &counted)) {
        size_t at = size++;
        for (; at > 0 && goes_before(&counted, &list[at - 1]); at--)
            list[at] = list[at - 1];
        list[at] = counted;
    }
    return size;
}

static void check_sorted(const struct pf_counts *counts, const struct pf_counted *all, size_t keys, uint64_t least,
                         size_t most)
{
    struct pf_counted *list = NULL;
    struct pf_error error;
    size_t size = 99, want = 0;
    while (want < keys && want < most && all[want].count >= least)
        want++;
    CHECK_OK(pf_counts_sorted(counts, least, most, &list, &size, &error));
    CHECK_EQ(size, want);
    for (size_t i = 0; i < size && i < want; i++) {
        CHECK(list[i].count == all[i].count && list[i].key.size == all[i].key.size);
        CHECK(list[i].key.word[0] == all[i].key.word[0] && list[i].key.word[1] == all[i].key.word[1]);
        CHECK_EQ(pf_counts_get(counts, &list[i].key), list[i].count);
    }
    pf_free(list);
}

static void test_sorted(enum pf_key_kind kind)
{
    static struct pf_counted all[1000];
    struct pf_counts counts, copy;
    struct pf_error error;
    uint64_t state = 3;
    pf_counts_init(&counts, kind);
    pf_counts_init(&copy, kind);
    check_sorted(&counts, all, 0, 0, 10);
    for (int i = 0; i < 900; i++) {
        struct pf_address key = some_address(&state, kind);
        CHECK_OK(pf_counts_add(&counts, &key, i % 100 == 0 ? (uint64_t)1 << 40 : 1, &error));
    }
    size_t keys = sorted_slowly(&counts, all);
    CHECK_EQ(keys, pf_counts_size(&counts));
    static const size_t mosts[] = {0, 1, 2, 3, 10, 100, SIZE_MAX};
    static const uint64_t leasts[] = {0, 1, 2, 3, (uint64_t)1 << 40, UINT64_MAX};
    for (size_t i = 0; i < sizeof mosts / sizeof mosts[0]; i++) {
        for (size_t j = 0; j < sizeof leasts / sizeof leasts[0]; j++)
            check_sorted(&counts, all, keys, leasts[j], mosts[i]);
    }
    for (size_t most = keys - 2; most <= keys + 2; most++)
        check_sorted(&counts, all, keys, 0, most);
    CHECK_OK(pf_counts_merge(&copy, &counts, &error));
    check_sorted(&copy, all, keys, 0, SIZE_MAX);
    struct pf_moments moments, merged;
    pf_counts_moments(&counts, &moments);
    pf_counts_moments(&copy, &merged);
    CHECK_EQ(moments.n, keys);
    CHECK(memcmp(&moments, &merged, sizeof moments) == 0);
    pf_counts_clear(&copy);
    pf_counts_clear(&counts);
}

static enum pf_status some_sorting(void *context, struct pf_error *error)
{
    struct pf_counted *list = NULL;
    size_t size;
    enum pf_status status = pf_counts_sorted(context, 0, 5, &list, &size, error);
    if (status == PF_OK)
        pf_free(list);
    return status;
}

static void test_sorted_refused(void)
{
    struct pf_counts counts;
    struct pf_error error;
    pf_counts_init(&counts, PF_KEY_NUMBER);
    for (uint64_t i = 0; i < 20; i++)
        CHECK_OK(pf_counts_add(&counts, &(struct pf_address){{i, 0}, 4}, i + 1, &error));
    CHECK_EQ(refuse_each(some_sorting, &counts), 2);
    pf_counts_clear(&counts);
}

int main(void)
{
    for (unsigned words = 1; words <= 2; words++) {
        test_model(words);
        test_stage(words);
        test_growth(words);
        test_threads(words);
        CHECK(refuse_each(some_counting, &words) >= 3);
    }
    test_widths();
    test_merge();
    test_moments();
    test_sorted(PF_KEY_NUMBER);
    test_sorted(PF_KEY_ADDRESS);
    test_sorted_refused();
    return checks_done();
}
