/* Any octets as what hosts say to each other: by one thread in one piece, and by several in small chunks. Both must
 * give the same tables.
 *
 *   | port, direction, client | length | said ... | port, direction ...                                            */
#include "frames.h"
#include "talk.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size)
{
    static const uint16_t ports[] = {53, 80, 21, 23, 25, 110, 143, 9999};
    struct built built = {NULL, 0, 0};
    struct pf_frame plain[PF_TEXT_TABLES], other[PF_TEXT_TABLES];
    struct pf_error error = {.status = PF_OK};
    put_header(&built, &talk_form, 4, TALK_LINK);
    for (unsigned second = 0; size >= 2; second++) {
        size_t said = octets[1] < size - 2 ? octets[1] : size - 2;
        put_said(&built, second, (octets[0] & 8) != 0, octets[0] >> 7, ports[octets[0] & 7], octets + 2, said);
        octets += 2 + said;
        size -= 2 + said;
    }
    must_hold(text_tables(built.octets, built.size, 1, PF_CHUNK, plain, &error) == PF_OK);
    must_hold(text_tables(built.octets, built.size, 3, 100 + built.size % 1000, other, &error) == PF_OK);
    for (unsigned i = 0; i < PF_TEXT_TABLES; i++)
        same_frames(&plain[i], &other[i]);
    frames_clear(plain);
    frames_clear(other);
    built_clear(&built);
    return 0;
}
