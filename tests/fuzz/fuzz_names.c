/* Any octets as a message that names hosts and users: one octet that says over what and between which ports, one of how
 * many octets more there were on the wire, and the message. All columns of the four protocols are asked for, twice, and
 * must say the same. */
#include "field/field.h"
#include "hold.h"
#include "packet/packet.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size);

enum { HEAD = 2, IP_HEADER = 20, TCP_HEADER = 20, UDP_HEADER = 8, RAW = 101 };

static const struct carrier {
    bool tcp;
    uint8_t source, destination;
} carriers[] = {{false, 68, 67}, {false, 137, 137}, {false, 9, 88}, {true, 9, 88}, {true, 9, 139}, {true, 9, 80}};

/* The headers before a message; how long they are. */
static size_t headers(const struct carrier *carrier, uint8_t *to)
{
    size_t length = IP_HEADER + (carrier->tcp ? TCP_HEADER : UDP_HEADER);
    memset(to, 0, length);
    to[0] = 0x45;
    to[9] = carrier->tcp ? 6 : 17;
    to[IP_HEADER + 1] = carrier->source;
    to[IP_HEADER + 3] = carrier->destination;
    if (carrier->tcp)
        to[IP_HEADER + 12] = 0x50;
    return length;
}

static void look_at(const struct pf_field *field, const struct pf_packet *packet)
{
    static char rooms[2][PF_WRITER_ROOM];
    if (field->write == NULL) {
        struct pf_value a = {{0, 0}, 0}, b = {{0, 0}, 0};
        char text[PF_TEXT_ROOM];
        bool has = field->get(field, packet, &a);
        must_hold(has == field->get(field, packet, &b) && (!has || pf_value_equal(&a, &b)));
        if (has && field->kind.type == PF_TEXT)
            must_hold(field->text(&a, text) <= PF_TEXT_ROOM);
        return;
    }
    struct pf_writer a = {.octets = rooms[0], .room = PF_WRITER_ROOM}, b = {.octets = rooms[1], .room = PF_WRITER_ROOM};
    bool has = field->write(field, packet, &a);
    must_hold(has == field->write(field, packet, &b) && a.length == b.length);
    must_hold(has ? a.length != 0 && memcmp(rooms[0], rooms[1], a.length) == 0 : a.length == 0);
    must_hold(a.length <= 6 * (size_t)packet->record.cap_len); /* half a pair of surrogates becomes twelve */
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size)
{
    static const char *const names[] = {"dhcp", "nbns", "kerberos", "ntlmssp"};
    static const struct pf_interface interface = {.number = 0};
    if (size < HEAD)
        return 0;
    uint8_t *whole = malloc(IP_HEADER + TCP_HEADER + size);
    if (whole == NULL)
        return 0;
    size_t head = headers(&carriers[octets[0] % (sizeof carriers / sizeof carriers[0])], whole);
    uint8_t *exact = realloc(whole, head + size - HEAD); /* so that one octet too many is seen */
    must_hold(exact != NULL);
    memcpy(exact + head, octets + HEAD, size - HEAD);
    struct pf_packet packet = {.record = {.octets = exact,
                                          .cap_len = (uint32_t)(head + size - HEAD),
                                          .len = (uint32_t)(head + size - HEAD) + octets[1],
                                          .link_type = RAW,
                                          .frame_number = 1,
                                          .interface = &interface}};
    pf_packet_decode(&packet, PF_DEPTH_APPLICATION);
    for (size_t i = 0; i < pf_group_count; i++) {
        for (size_t j = 0; j < sizeof names / sizeof names[0]; j++) {
            for (size_t k = 0; strcmp(pf_groups[i]->name, names[j]) == 0 && k < pf_groups[i]->count; k++)
                look_at(&pf_groups[i]->fields[k], &packet);
        }
    }
    free(exact);
    return 0;
}
