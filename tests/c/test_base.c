#define _DEFAULT_SOURCE
#include "base/alloc.h"
#include "base/cursor.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/os_random.h"
#include "check.h"
#include "guard.h"

static void test_cursor_steps(void)
{
    const uint8_t octets[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    struct pf_cursor cursor = {octets, octets + 10, 15};
    CHECK(pf_cursor_need(&cursor, 10) == octets);
    CHECK(pf_cursor_need(&cursor, 11) == NULL);
    CHECK(pf_cursor_need(&cursor, SIZE_MAX) == NULL);
    CHECK(pf_cursor_skip(&cursor, 4));
    CHECK(cursor.at == octets + 4 && cursor.end == octets + 10);
    CHECK_EQ(cursor.wire, 11);
    CHECK(!pf_cursor_skip(&cursor, 7));
    CHECK(!pf_cursor_skip(&cursor, SIZE_MAX));
    CHECK_EQ(pf_cursor_left(&cursor), 6);
    CHECK_EQ(cursor.wire, 11);
    CHECK(pf_cursor_skip(&cursor, 6));
    CHECK_EQ(pf_cursor_left(&cursor), 0);
    CHECK(pf_cursor_need(&cursor, 0) != NULL);
    CHECK(pf_cursor_skip(&cursor, 0));
    CHECK(pf_cursor_need(&cursor, 1) == NULL);
}

static void test_cursor_clips(void)
{
    const uint8_t octets[10] = {0};
    for (size_t wire = 10; wire < 14; wire++) {
        for (size_t n = 0; n < 20; n++) {
            struct pf_cursor cursor = {octets, octets + 10, wire};
            pf_cursor_clip(&cursor, n);
            CHECK_EQ(cursor.wire, n < wire ? n : wire);
            CHECK_EQ(pf_cursor_left(&cursor), n < 10 ? n : 10);
            CHECK(cursor.at == octets);
        }
    }
}

static void test_numbers(void)
{
    struct guard guard;
    guard_init(&guard, 8);
    const uint8_t octets[8] = {0xf1, 0xe2, 0xd3, 0xc4, 0xb5, 0xa6, 0x97, 0x88};
    const uint8_t *p = guard_behind(&guard, octets, 8);
    CHECK_EQ(pf_be16(p + 6), 0x9788);
    CHECK_EQ(pf_le16(p + 6), 0x8897);
    CHECK_EQ(pf_be32(p + 4), 0xb5a69788);
    CHECK_EQ(pf_le32(p + 4), 0x8897a6b5);
    CHECK_EQ(pf_be(p + 8, 0), 0);
    CHECK_EQ(pf_be(p + 7, 1), 0x88);
    CHECK_EQ(pf_be(p + 5, 3), 0xa69788);
    CHECK_EQ(pf_be(p, 8), 0xf1e2d3c4b5a69788u);
    guard_clear(&guard);
}

/* The vectors were computed from the definition of SipHash-1-3 in Python, and that code checked against the published
 * SipHash-2-4 vector and against CPython's hash(): key 00 01 ... 0f, message 00 01 02 ... */
static void test_siphash(void)
{
    static const struct {
        size_t size;
        uint64_t hash;
    } vectors[] = {
        {0, 0xabac0158050fc4dc},  {1, 0xc9f49bf37d57ca93},   {7, 0xd3927d989bb11140},   {8, 0x369095118d299a8e},
        {9, 0x25a48eb36c063de4},  {15, 0xd320d86d2a519956},  {16, 0xcc4fdd1a7d908b66},  {17, 0x9cf2689063dbd80c},
        {63, 0x9d199062b7bbb3a8}, {255, 0xf76214e3153c4a15}, {256, 0x75b3e64e167de370},
    };
    const struct pf_secret secret = {.sip = {0x0706050403020100, 0x0f0e0d0c0b0a0908}};
    struct guard guard;
    uint8_t message[256];
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)i;
    guard_init(&guard, sizeof message);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        size_t size = vectors[i].size;
        CHECK_EQ(pf_hash_octets(&secret, guard_behind(&guard, message, size), size), vectors[i].hash);
    }
    guard_clear(&guard);
}

/* However regular the keys, each of 64 partitions gets its share: 1,000 of 64,000, give or take eight deviations. */
static void check_spread(const struct pf_secret *secret, uint64_t start, uint64_t step, bool wide)
{
    unsigned high[64] = {0}, low[64] = {0};
    for (uint64_t i = 0; i < 64000; i++) {
        uint64_t key[2] = {start + i * step, 0};
        uint64_t hash = wide ? pf_hash_octets(secret, key, sizeof key) : pf_hash_word(secret, key[0]);
        high[hash >> 58]++;
        low[hash >> 12 & 63]++;
    }
    for (int i = 0; i < 64; i++) {
        CHECK(high[i] > 0 && high[i] < 3000);
        CHECK(low[i] > 0 && low[i] < 3000);
    }
}

static void test_spread(void)
{
    const struct pf_secret *secret = pf_secret();
    CHECK(secret == pf_secret());
    CHECK(secret->odd1 % 2 == 1 && secret->odd2 % 2 == 1);
    CHECK(secret->sip[0] != secret->sip[1]);
    static const uint64_t steps[] = {1, 3, 256, 65536, 1u << 24, (uint64_t)1 << 32, 0x100000001};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        check_spread(secret, 0, steps[i], false);
        check_spread(secret, 0, steps[i], true);
    }
}

static void test_random(void)
{
    uint8_t once[700] = {0}, again[700] = {0};
    size_t same = 0, zeros = 0;
    pf_os_random(once, sizeof once);
    pf_os_random(again, sizeof again);
    for (size_t i = 0; i < sizeof once; i++) {
        same += once[i] == again[i];
        zeros += once[i] == 0;
    }
    CHECK(same < 30 && zeros < 30);
    pf_os_random(once, 0);
}

static bool refuse_all(size_t size)
{
    (void)size;
    return true;
}

static void test_alloc(void)
{
    uint8_t *memory = pf_alloc(100);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(memory[i], 0);
    memory = pf_realloc(memory, 200);
    CHECK(memory != NULL && memory[99] == 0);
    CHECK(pf_alloc_array(SIZE_MAX / 2, 3) == NULL);
    CHECK(pf_alloc_pages(SIZE_MAX - 100) == NULL);
    uint8_t *pages = pf_alloc_pages(5000);
    CHECK((uintptr_t)pages % 4096 == 0);
    memset(pages, 1, 5000);
    void *nothing = pf_alloc_array(0, 8);
    CHECK(nothing != NULL);
    pf_alloc_refuse = refuse_all;
    CHECK(pf_alloc(1) == NULL);
    CHECK(pf_alloc_array(1, 1) == NULL);
    CHECK(pf_realloc(memory, 300) == NULL);
    CHECK(pf_alloc_pages(1) == NULL);
    pf_alloc_refuse = NULL;
    pf_free(nothing);
    pf_free(pages);
    pf_free(memory);
    pf_free(NULL);
}

static void test_grown(void)
{
    uint64_t state = 1;
    for (int i = 0; i < 1000; i++) {
        size_t capacity = draw_below(&state, 1000), need = draw_below(&state, 5000);
        size_t grown = pf_grown(capacity, need, 8);
        CHECK(grown >= need && grown >= capacity);
    }
    CHECK_EQ(pf_grown(0, 1, 1), 16);
    CHECK_EQ(pf_grown(16, 17, 1), 32);
    CHECK_EQ(pf_grown(16, SIZE_MAX / 2 + 1, 1), 0);
    CHECK_EQ(pf_grown(16, SIZE_MAX / 8, 8), 0);
    CHECK_EQ(pf_grown(16, SIZE_MAX / 2, 1), SIZE_MAX / 2);
    CHECK(pf_grown(0, 3, 0) >= 3);
}

static void test_errors(void)
{
    struct pf_error error;
    char longer[2000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    CHECK_EQ(pf_fail(&error, PF_FAULT, "%s %d", "text", 7), PF_FAULT);
    CHECK_EQ(error.status, PF_FAULT);
    CHECK_TEXT(error.text, "text 7");
    CHECK_TEXT(error.file, "");
    CHECK_EQ(pf_fail_sys(&error, 5, longer, longer), PF_OS_ERROR);
    CHECK_EQ(strlen(error.file), sizeof error.file - 1);
    CHECK_EQ(strlen(error.text), sizeof error.text - 1);
    CHECK_EQ(error.sys, 5);
    CHECK_EQ(pf_fail_sys(&error, 5, NULL, "doing"), PF_OS_ERROR);
    CHECK_TEXT(error.file, "");
    CHECK_EQ(pf_fail_memory(&error), PF_NO_MEMORY);
    CHECK_EQ(error.sys, 0);
}

int main(void)
{
    test_cursor_steps();
    test_cursor_clips();
    test_numbers();
    test_siphash();
    test_spread();
    test_random();
    test_alloc();
    test_grown();
    test_errors();
    return checks_done();
}
