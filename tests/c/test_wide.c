/* The 128 bits that need no help of the compiler, against its own where it has them, and against arithmetic in digits
 * of 16 bits everywhere. */
#define PF_WIDE_PLAIN
#include "base/wide.h"

#include "check.h"

enum { DIGITS = 8, ROUNDS = 200000 };

struct digits {
    uint32_t at[DIGITS]; /* of 16 bits, the lowest first */
};

static struct digits digits_of(pf_wide a)
{
    struct digits digits;
    for (unsigned i = 0; i < DIGITS; i++)
        digits.at[i] = (uint16_t)((i < 4 ? pf_wide_low(a) : pf_wide_high(a)) >> i % 4 * 16);
    return digits;
}

static void check_same(pf_wide got, const struct digits *want)
{
    struct digits digits = digits_of(got);
    CHECK(memcmp(&digits, want, sizeof digits) == 0);
}

static struct digits slow_sum(struct digits a, struct digits b)
{
    uint32_t carry = 0;
    for (unsigned i = 0; i < DIGITS; i++) {
        carry += a.at[i] + b.at[i];
        a.at[i] = (uint16_t)carry;
        carry >>= 16;
    }
    return a;
}

static struct digits slow_negative(struct digits a)
{
    for (unsigned i = 0; i < DIGITS; i++)
        a.at[i] ^= 0xffff;
    return slow_sum(a, digits_of(pf_wide_of(0, 1)));
}

static struct digits slow_product(struct digits a, struct digits b)
{
    struct digits product = {{0}};
    for (unsigned i = 0; i < DIGITS; i++) {
        uint32_t carry = 0;
        for (unsigned j = 0; i + j < DIGITS; j++) {
            carry += a.at[i] * b.at[j] + product.at[i + j]; /* (2^16 - 1)^2 + 2 (2^16 - 1) < 2^32 */
            product.at[i + j] = (uint16_t)carry;
            carry >>= 16;
        }
    }
    return product;
}

static bool slow_below(struct digits a, struct digits b)
{
    unsigned i = DIGITS - 1;
    while (i > 0 && a.at[i] == b.at[i])
        i--;
    return a.at[i] < b.at[i];
}

/* The digits from bit `bits` on. */
static struct digits slow_halved(struct digits a, unsigned bits)
{
    struct digits halved = {{0}};
    for (unsigned i = 0; i < DIGITS * 16 - bits; i++)
        halved.at[i / 16] |= (a.at[(i + bits) / 16] >> (i + bits) % 16 & 1) << i % 16;
    return halved;
}

/* Words at the ends of their range, near a half of it, short and random ones. */
static uint64_t some_word(uint64_t *state)
{
    switch (draw_below(state, 5)) {
    case 0:
        return 0 - (uint64_t)draw_below(state, 3);
    case 1:
        return draw_below(state, 3);
    case 2:
        return ((uint64_t)1 << draw_below(state, 64)) - draw_below(state, 2);
    case 3:
        return draw(state) >> draw_below(state, 64);
    default:
        return draw(state);
    }
}

static void test_digits(void)
{
    uint64_t state = 1;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t word = some_word(&state), other = some_word(&state);
        pf_wide a = pf_wide_of(word, some_word(&state)), b = pf_wide_of(other, some_word(&state));
        unsigned bits = (unsigned)draw_below(&state, 64);
        struct digits x = digits_of(a), y = digits_of(b), want;
        check_same(pf_wide_sum(a, b), (want = slow_sum(x, y), &want));
        check_same(pf_wide_difference(a, b), (want = slow_sum(x, slow_negative(y)), &want));
        check_same(pf_wide_negative(a), (want = slow_negative(x), &want));
        check_same(pf_wide_twice(a, bits & 1), (want = slow_sum(x, x), want.at[0] |= bits & 1, &want));
        check_same(pf_wide_halved(a, bits), (want = slow_halved(x, bits), &want));
        want = slow_product(digits_of(pf_wide_of(0, word)), digits_of(pf_wide_of(0, other)));
        check_same(pf_wide_product(word, other), &want);
        CHECK(pf_wide_below(a, b) == slow_below(x, y));
        CHECK(pf_wide_same(a, b) == (memcmp(&x, &y, sizeof x) == 0) && pf_wide_same(a, a));
    }
}

static void test_signed(void)
{
    CHECK(pf_wide_same(pf_wide_signed(-1), pf_wide_of(UINT64_MAX, UINT64_MAX)));
    CHECK(pf_wide_same(pf_wide_signed(INT64_MIN), pf_wide_of(UINT64_MAX, (uint64_t)1 << 63)));
    CHECK(pf_wide_same(pf_wide_signed(INT64_MAX), pf_wide_of(0, INT64_MAX)));
    CHECK(pf_wide_same(pf_wide_negative(pf_wide_signed(INT64_MIN)), pf_wide_of(0, (uint64_t)1 << 63)));
}

#ifdef __SIZEOF_INT128__
typedef unsigned __int128 native;

static bool same(pf_wide got, native want)
{
    return pf_wide_high(got) == (uint64_t)(want >> 64) && pf_wide_low(got) == (uint64_t)want;
}

static void test_native(void)
{
    uint64_t state = 2;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t word[4] = {some_word(&state), some_word(&state), some_word(&state), some_word(&state)};
        pf_wide a = pf_wide_of(word[0], word[1]), b = pf_wide_of(word[2], word[3]);
        native x = (native)word[0] << 64 | word[1], y = (native)word[2] << 64 | word[3];
        unsigned bits = (unsigned)draw_below(&state, 64);
        CHECK(same(pf_wide_sum(a, b), x + y));
        CHECK(same(pf_wide_difference(a, b), x - y));
        CHECK(same(pf_wide_negative(a), -x));
        CHECK(same(pf_wide_product(word[0], word[2]), (native)word[0] * word[2]));
        CHECK(same(pf_wide_twice(a, bits & 1), x << 1 | (bits & 1)));
        CHECK(same(pf_wide_halved(a, bits), x >> bits));
        CHECK(same(pf_wide_signed((int64_t)word[0]), (native)(__int128)(int64_t)word[0]));
        CHECK(pf_wide_below(a, b) == (x < y) && pf_wide_same(a, b) == (x == y));
    }
}
#endif

int main(void)
{
    test_digits();
    test_signed();
#ifdef __SIZEOF_INT128__
    test_native();
#endif
    return checks_done();
}
