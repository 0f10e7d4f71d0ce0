/* LLVMFuzzerMutate where there is no libFuzzer: one small change at random. For tests of the mutators. */
#include "check.h"
#include "mutate.h"

static uint64_t state = 1;

size_t LLVMFuzzerMutate(uint8_t *octets, size_t size, size_t room)
{
    static const uint8_t telling[] = {0, 1, 4, 0x7f, 0x80, 0xc0, 0xff};
    size_t at = draw_below(&state, size + 1), other = draw_below(&state, size + 1);
    size_t low = at < other ? at : other, high = at < other ? other : at;
    switch (draw_below(&state, 5)) {
    case 0: /* a bit */
        if (at < size)
            octets[at] ^= (uint8_t)(1u << draw_below(&state, 8));
        return size;
    case 1: /* an octet */
        if (at < size)
            octets[at] = telling[draw_below(&state, sizeof telling)];
        return size;
    case 2: /* a few go */
        memmove(octets + low, octets + high, size - high);
        return size - (high - low);
    case 3: /* one comes */
        if (size == room)
            return size;
        memmove(octets + at + 1, octets + at, size - at);
        octets[at] = (uint8_t)draw_below(&state, 256);
        return size + 1;
    default: /* some go over others */
        memmove(octets + low, octets + high, size - high < high - low ? size - high : high - low);
        return size;
    }
}
