#include "base/arena.h"
#include "base/os_memory.h"
#include "base/os_thread.h"
#include "refuse.h"

/* Pieces as they should be: zeroed when they come, and nobody else's while they are held. */
struct held {
    uint8_t *piece;
    size_t size;
    uint8_t mark;
};

static size_t some_size(uint64_t *state)
{
    size_t below = (size_t)1 << draw_below(state, 23); /* up to 4 MiB, small ones as often as large ones */
    return 1 + draw_below(state, below);
}

static void take(struct pf_arena *arena, struct held *held, uint64_t *state)
{
    held->size = some_size(state);
    held->piece = pf_arena_take(arena, held->size);
    held->mark = (uint8_t)(1 + draw_below(state, 255));
    CHECK(held->piece != NULL);
    CHECK((uintptr_t)held->piece % 64 == 0);
    bool zeroed = true;
    for (size_t i = 0; i < held->size; i++)
        zeroed &= held->piece[i] == 0;
    CHECK(zeroed);
    memset(held->piece, held->mark, held->size);
}

static void give(struct pf_arena *arena, struct held *held)
{
    bool ours = true;
    for (size_t i = 0; i < held->size; i++)
        ours &= held->piece[i] == held->mark;
    CHECK(ours); /* nobody wrote into it: no two pieces overlap */
    pf_arena_give(arena, held->piece, held->size);
    held->piece = NULL;
}

static void take_and_give(struct pf_arena *arena, uint64_t state, int rounds)
{
    enum { MOST = 40 };
    struct held held[MOST] = {{NULL, 0, 0}};
    for (int round = 0; round < rounds; round++) {
        struct held *one = &held[draw_below(&state, MOST)];
        if (one->piece != NULL)
            give(arena, one);
        else
            take(arena, one, &state);
    }
    for (int i = 0; i < MOST; i++) {
        if (held[i].piece != NULL)
            give(arena, &held[i]);
    }
}

static void test_model(void)
{
    struct pf_arena arena;
    pf_arena_init(&arena);
    take_and_give(&arena, 1, 1000);
    uint64_t before = arena.octets;
    CHECK(before != 0 && before % PF_BLOCK_SIZE == 0);
    take_and_give(&arena, 1, 1000); /* what was given back suffices for the same again */
    CHECK_EQ(arena.octets, before);
    pf_arena_clear(&arena);
    CHECK_EQ(arena.octets, 0);
}

/* Nothing of a block is lost: pieces of 64 octets fill it to the last, and then what an early large piece left over. */
static void test_whole_block(void)
{
    struct pf_arena arena;
    pf_arena_init(&arena);
    for (size_t i = 0; i < PF_BLOCK_SIZE / 64; i++)
        CHECK(pf_arena_take(&arena, 64) != NULL);
    CHECK_EQ(arena.octets, PF_BLOCK_SIZE);
    CHECK(pf_arena_take(&arena, 64) != NULL);
    CHECK_EQ(arena.octets, 2 * PF_BLOCK_SIZE);
    CHECK(pf_arena_take(&arena, (size_t)1 << 20) != NULL);
    CHECK(pf_arena_take(&arena, (size_t)1 << 20) != NULL); /* does not fit behind the 64: a third block */
    CHECK_EQ(arena.octets, 3 * PF_BLOCK_SIZE);
    for (size_t left = ((size_t)1 << 20) - 64; left != 0; left -= left & -left)
        CHECK(pf_arena_take(&arena, left & -left) != NULL); /* the rest of the second, piece by piece */
    CHECK_EQ(arena.octets, 3 * PF_BLOCK_SIZE);
    pf_arena_clear(&arena);
}

static void test_large(void)
{
    struct pf_arena arena;
    pf_arena_init(&arena);
    uint8_t *large = pf_arena_take(&arena, ((size_t)1 << 20) + 1);
    CHECK(large != NULL);
    CHECK_EQ(arena.octets, PF_BLOCK_SIZE);
    large[1 << 20] = 1;
    pf_arena_give(&arena, large, ((size_t)1 << 20) + 1);
    CHECK_EQ(arena.octets, 0);
    CHECK(pf_arena_take(&arena, SIZE_MAX) == NULL);
    CHECK(pf_arena_take(&arena, SIZE_MAX - PF_BLOCK_SIZE) == NULL);
    pf_arena_give(&arena, NULL, 64);
    CHECK(pf_arena_take(&arena, 0) != NULL);
    pf_arena_clear(&arena);
}

struct user {
    struct pf_arena *arena;
    uint64_t seed;
};

static void *use(void *argument)
{
    struct user *user = argument;
    take_and_give(user->arena, user->seed, 150);
    return NULL;
}

static void test_threads(void)
{
    struct pf_arena arena;
    struct pf_thread threads[4];
    struct user users[4];
    pf_arena_init(&arena);
    for (unsigned i = 0; i < 4; i++) {
        users[i] = (struct user){&arena, 100 + i};
        CHECK_EQ(pf_thread_start(&threads[i], use, &users[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++)
        pf_thread_join(&threads[i]);
    pf_arena_clear(&arena);
}

static enum pf_status fill(void *context, struct pf_error *error)
{
    struct pf_arena arena;
    enum pf_status status = PF_OK;
    (void)context;
    pf_arena_init(&arena);
    for (int i = 0; i < 100 && status == PF_OK; i++) {
        if (pf_arena_take(&arena, (size_t)1 << 20) == NULL)
            status = pf_fail_memory(error);
    }
    void *large = status == PF_OK ? pf_arena_take(&arena, (size_t)3 << 20) : NULL;
    if (status == PF_OK && large == NULL)
        status = pf_fail_memory(error);
    pf_arena_give(&arena, large, (size_t)3 << 20);
    pf_arena_clear(&arena);
    return status;
}

int main(void)
{
    test_model();
    test_whole_block();
    test_large();
    test_threads();
    CHECK(refuse_each(fill, NULL) >= 50);
    return checks_done();
}
