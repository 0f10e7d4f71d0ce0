/* Any octets as what one side of a connection says with TLS. All columns say the same twice; a hello that ends
 * somewhere is not whole before that; and in several segments it says what it says in one. */
#include "mutate.h"
#include "payload/tls.h"
#include "pieces.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size);

size_t LLVMFuzzerCustomMutator(uint8_t *octets, size_t size, size_t room, unsigned seed)
{
    return mutate_unless_plain(mutate_tls, octets, size, room, seed);
}

static void twice(const uint16_t ports[2], const uint8_t *octets, size_t size)
{
    static struct pf_tls_hello hello;
    struct wrapped one, other;
    wrap(&one, true, ports, 0, PF_ACK, octets, size);
    wrap(&other, true, ports, 0, PF_ACK, octets, size);
    same_fields("tls", &one.packet, &other.packet);
    if (pf_tls_hello(&one.packet, &hello) && hello.whole)
        must_hold(pf_tls_is_whole(&hello.ciphers));
    free(one.octets);
    free(other.octets);
}

/* What is not whole, or none, stays so however little of it has come. */
static void shorter(const uint8_t *octets, size_t size, size_t whole, enum pf_extent reach, uint64_t *state)
{
    enum { TRIES = 16 };
    for (unsigned i = 0; i < TRIES && size != 0; i++) {
        size_t less = draw_below(state, size), told = 0;
        enum pf_extent before = pf_tls_extent(octets, less, &told);
        if (reach == PF_EXTENT_WHOLE && less < whole)
            must_hold(before == PF_EXTENT_MORE);
        else if (reach == PF_EXTENT_WHOLE)
            must_hold(before == PF_EXTENT_WHOLE && told == whole);
        else
            must_hold(before != PF_EXTENT_WHOLE && (reach == PF_EXTENT_NONE || before == PF_EXTENT_MORE));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size)
{
    uint64_t state = hash_of(octets, size);
    uint16_t ports[2] = {40000, 443};
    struct wrapped one;
    size_t whole = 0;
    if (draw_below(&state, 2) == 0) {
        ports[0] = 443;
        ports[1] = 40000;
    }
    if (size < 2 || size > PF_MESSAGE_OCTETS)
        return 0;
    twice(ports, octets, size);
    enum pf_extent reach = pf_tls_extent(octets, size, &whole);
    shorter(octets, size, whole, reach, &state);
    if (reach == PF_EXTENT_WHOLE) {
        must_hold(whole >= 2 && whole <= size);
        wrap(&one, true, ports, 0, PF_ACK, octets, whole);
        in_pieces("tls", PF_NEED_TLS, ports, octets, whole, &one.packet, draw(&state));
        free(one.octets);
    } else {
        in_pieces("tls", PF_NEED_TLS, ports, octets, size, NULL, draw(&state));
    }
    return 0;
}
