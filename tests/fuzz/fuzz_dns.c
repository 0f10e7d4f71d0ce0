/* Any octets as a DNS message: over UDP, where every record lies in it and all columns say the same twice; and over TCP
 * in one segment and in several, which must say the same. */
#include "mutate.h"
#include "payload/dns.h"
#include "pieces.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size);

enum { PORT = 53, LENGTH = 2 };

size_t LLVMFuzzerCustomMutator(uint8_t *octets, size_t size, size_t room, unsigned seed)
{
    return mutate_unless_plain(mutate_dns, octets, size, room, seed);
}

static void walk(const struct pf_packet *packet)
{
    static char room[PF_WRITER_ROOM];
    struct pf_dns message;
    struct pf_dns_walk walk;
    struct pf_dns_record record;
    uint64_t said = 0, met = 0;
    uint32_t before = 0;
    if (!pf_dns_of(packet, &message) || !pf_dns_records(&message, false, &walk))
        return;
    for (unsigned place = PF_DNS_ANSWERS; place <= PF_DNS_ADDITIONALS; place += 2)
        said += pf_dns_count(&message, place);
    for (; pf_dns_next(&walk, &record); met++) {
        struct pf_writer writer = {.octets = room, .room = sizeof room};
        uint32_t at = record.name;
        must_hold(record.name >= before && record.name >= PF_DNS_HEADER);
        must_hold(pf_dns_skip_name(&message, &at) && at + 10 == record.data);
        must_hold(pf_dns_octets(&message, record.data, record.size) != NULL);
        must_hold(pf_dns_write_name(&message, record.name, ".", &writer) == (writer.length != 0));
        before = record.data + record.size;
    }
    must_hold(met <= said);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size)
{
    static const uint16_t served[] = {53, 5353, 5355};
    uint64_t state = hash_of(octets, size);
    struct wrapped one, other;
    uint16_t ports[2] = {40000, served[draw_below(&state, 3)]};
    if (size > PF_MESSAGE_OCTETS - LENGTH)
        return 0;
    wrap(&one, false, ports, 0, 0, octets, size);
    wrap(&other, false, ports, 0, 0, octets, size);
    walk(&one.packet);
    same_fields("dns", &one.packet, &other.packet);
    free(one.octets);
    free(other.octets);
    if (size < PF_DNS_HEADER)
        return 0;
    bool answers = draw_below(&state, 2) == 0;
    ports[answers] = 40000;
    ports[!answers] = PORT;
    uint8_t *said = must(malloc(LENGTH + size));
    said[0] = (uint8_t)(size >> 8);
    said[1] = (uint8_t)size;
    memcpy(said + LENGTH, octets, size);
    wrap(&one, true, ports, 0, PF_ACK, said, LENGTH + size);
    in_pieces("dns", PF_NEED_DNS, ports, said, LENGTH + size, &one.packet, draw(&state));
    free(one.octets);
    free(said);
    return 0;
}
