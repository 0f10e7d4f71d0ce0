#include "detect/event.h"

#include "base/hash.h"
#include "field/field.h"

#include <string.h>

_Static_assert(sizeof(struct pf_exchange_key) == PF_BOOK_KEY, "a talk's key is that of a book");
_Static_assert(sizeof(struct pf_sighting_key) == PF_BOOK_KEY, "a sighting's key is that of a book");

enum {
    ICMP = 1,
    TCP = 6,
    UDP = 17,
    ICMPV6 = 58,
    SYN = 0x02,
    ACK = 0x10,
    WELL_KNOWN = 1024,
    TCP_HEADER = 20,
    UDP_HEADER = 8,
    ICMP_HEADER = 8,
    MAC = 6,
};

/* An end of a talk. */
struct end {
    const uint8_t *address;
    uint16_t port;
};

static void set_talk(struct pf_detect_event *event, unsigned version, unsigned kind, struct end source,
                     struct end target)
{
    struct pf_exchange_key *key = &event->key.talk;
    size_t size = version == 4 ? 4 : 16;
    int order = memcmp(source.address, target.address, size);
    event->side = order > 0 || (order == 0 && source.port > target.port);
    struct end ends[2] = {event->side != 0 ? target : source, event->side != 0 ? source : target};
    memset(key, 0, sizeof *key);
    for (unsigned i = 0; i < 2; i++) {
        memcpy(key->address[i], ends[i].address, size);
        key->port[i] = ends[i].port;
    }
    key->kind = (uint16_t)kind;
    key->version = (uint8_t)version;
}

/* ------------------------------------------------------------------------------------------------------- payloads */

static bool is_any_of(const uint8_t *octets, const char words[][5], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(octets, words[i], 4) == 0)
            return true;
    }
    return false;
}

/* RFC 6520 4: type 1, the payload's length, the payload; a record of TLS before, in clear as long as nothing is agreed.
 */
static bool overclaims(const struct pf_packet *packet, uint8_t layer, uint32_t at)
{
    enum { RECORD = 5, HEARTBEAT = 24, REQUEST = 1, FIXED = 3 };
    const uint8_t *record = pf_layer_octets(packet, layer, at, RECORD + FIXED);
    if (record == NULL || record[0] != HEARTBEAT || record[1] != 3 || record[2] > 4 || record[5] != REQUEST)
        return false;
    return pf_be16(record + 6) + FIXED > pf_be16(record + 3);
}

static uint8_t marks_of(const struct pf_packet *packet, uint8_t layer, uint32_t at)
{
    static const char methods[][5] = {"GET ", "HEAD", "PUT ", "OPTI", "DELE", "PATC", "CONN"};
    static const char denials[][5] = {"530 ", "535 "}; /* RFC 959 4.2, RFC 4954 6 */
    const uint8_t *octets = pf_layer_octets(packet, layer, at, 4);
    if (octets == NULL)
        return 0;
    if (memcmp(octets, "POST", 4) == 0)
        return PF_MARK_REQUEST | PF_MARK_POST;
    if (is_any_of(octets, methods, sizeof methods / sizeof methods[0]))
        return PF_MARK_REQUEST;
    if (is_any_of(octets, denials, sizeof denials / sizeof denials[0]))
        return PF_MARK_DENIAL;
    if (memcmp(octets, "SSH-", 4) == 0)
        return PF_MARK_SSH;
    if (memcmp(octets, "HTTP", 4) == 0) { /* HTTP/1.1 401 */
        const uint8_t *status = pf_layer_octets(packet, layer, at + 9, 3);
        return status != NULL && (memcmp(status, "401", 3) == 0 || memcmp(status, "403", 3) == 0) ? PF_MARK_DENIAL : 0;
    }
    return overclaims(packet, layer, at) ? PF_MARK_OVERCLAIM : 0;
}

/* ---------------------------------------------------------------------------------------------------- transport */

static bool take_tcp(const struct pf_packet *packet, uint8_t layer, struct pf_detect_event *event, struct end *source,
                     struct end *target)
{
    const uint8_t *header = pf_layer_octets(packet, layer, 0, TCP_HEADER - 4);
    if (header == NULL)
        return false;
    uint32_t size = (uint32_t)(header[12] >> 4) * 4, wire = packet->layer[layer].wire;
    source->port = pf_be16(header);
    target->port = pf_be16(header + 2);
    event->flags = header[13];
    event->window = pf_be16(header + 14);
    event->header = (uint8_t)size;
    event->payload = wire > size ? wire - size : 0;
    event->marks = event->payload != 0 ? marks_of(packet, layer, size) : 0;
    bool opens = (event->flags & SYN) != 0, acknowledges = (event->flags & ACK) != 0;
    event->answer = acknowledges && (opens || (source->port < WELL_KNOWN && target->port >= WELL_KNOWN));
    return true;
}

static bool take_udp(const struct pf_packet *packet, uint8_t layer, struct pf_detect_event *event, struct end *source,
                     struct end *target)
{
    const uint8_t *header = pf_layer_octets(packet, layer, 0, UDP_HEADER);
    if (header == NULL)
        return false;
    uint32_t wire = packet->layer[layer].wire, said = pf_be16(header + 4);
    source->port = pf_be16(header);
    target->port = pf_be16(header + 2);
    wire = said >= UDP_HEADER && said < wire ? said : wire;
    event->payload = wire > UDP_HEADER ? wire - UDP_HEADER : 0;
    return true;
}

/* What an error quotes: the talk of a packet that went the other way (RFC 792, RFC 4443 3). */
static bool take_quoted(const struct pf_packet *packet, uint8_t layer, unsigned version, struct pf_detect_event *event)
{
    enum { IPV4 = 20, IPV6 = 40, PORTS = 4 };
    const uint8_t *ip = pf_layer_octets(packet, layer, ICMP_HEADER, version == 4 ? IPV4 : IPV6);
    if (ip == NULL || ip[0] >> 4 != version)
        return false;
    uint32_t size = version == 4 ? (ip[0] & 15u) * 4 : IPV6;
    unsigned protocol = version == 4 ? ip[9] : ip[6];
    const uint8_t *ports = pf_layer_octets(packet, layer, ICMP_HEADER + size, PORTS);
    if (ports == NULL || (protocol != TCP && protocol != UDP))
        return false;
    struct end source = {ip + (version == 4 ? 12 : 8), pf_be16(ports)};
    struct end target = {ip + (version == 4 ? 16 : 24), pf_be16(ports + 2)};
    event->marks = PF_MARK_UNREACHABLE;
    set_talk(event, version, protocol, source, target);
    return true;
}

/* An identifier in the fifth and sixth octet: echo, timestamp, mask (RFC 792, RFC 950), ICMPv6 echo (RFC 4443 4). */
static bool asks(unsigned version, unsigned type, bool *answer)
{
    if (version == 6) {
        *answer = type == 129;
        return type == 128 || type == 129;
    }
    *answer = type == 0 || type == 14 || type == 18;
    return *answer || type == 8 || type == 13 || type == 17;
}

/* Neighbour solicitation and advertisement (RFC 4861 4.3, 4.4): the address asked for lies behind eight octets. */
static bool take_neighbour(const struct pf_packet *packet, uint8_t layer, struct pf_detect_event *event,
                           struct end source, struct end target)
{
    static const uint8_t nobody[16];
    enum { SOLICITATION = 135, MULTICAST = 0xff };
    const uint8_t *body = pf_layer_octets(packet, layer, 0, ICMP_HEADER + 16);
    if (body == NULL || memcmp(source.address, nobody, 16) == 0)
        return false;
    event->answer = body[0] != SOLICITATION;
    if (event->answer)
        source.address = body + ICMP_HEADER;
    else
        target.address = body + ICMP_HEADER;
    if (target.address[0] == MULTICAST)
        return false;
    source.port = event->answer;
    target.port = !event->answer;
    set_talk(event, 6, PF_TALK_RESOLVE, source, target);
    return true;
}

static bool take_icmp(const struct pf_packet *packet, uint8_t layer, unsigned version, struct pf_detect_event *event,
                      struct end *source, struct end *target)
{
    const uint8_t *header = pf_layer_octets(packet, layer, 0, ICMP_HEADER);
    if (header == NULL)
        return false;
    if (!asks(version, header[0], &event->answer))
        return false;
    uint32_t wire = packet->layer[layer].wire;
    source->port = target->port = pf_be16(header + 4);
    event->payload = wire > ICMP_HEADER ? wire - ICMP_HEADER : 0;
    return true;
}

static bool icmp_aside(const struct pf_packet *packet, uint8_t layer, unsigned version, struct pf_detect_event *event,
                       struct end source, struct end target)
{
    const uint8_t *type = pf_layer_octets(packet, layer, 0, 1);
    if (type == NULL)
        return false;
    if (type[0] == (version == 4 ? 3 : 1))
        return take_quoted(packet, layer, version, event);
    return version == 6 && (type[0] == 135 || type[0] == 136) && take_neighbour(packet, layer, event, source, target);
}

/* The innermost transport header, and the IP header it lies in; without one the outermost IP header alone. */
static void find_layers(const struct pf_packet *packet, uint8_t *transport, uint8_t *ip)
{
    *transport = *ip = PF_NO_LAYER;
    for (uint8_t i = packet->layers; i-- > 0;) {
        unsigned protocol = packet->layer[i].protocol;
        bool carries = protocol == PF_TCP || protocol == PF_UDP || protocol == PF_ICMP || protocol == PF_ICMPV6;
        if (*transport == PF_NO_LAYER && carries)
            *transport = i;
        if (*transport != PF_NO_LAYER && (protocol == PF_IPV4 || protocol == PF_IPV6)) {
            *ip = i;
            return;
        }
    }
    *transport = PF_NO_LAYER;
    *ip = packet->ip;
}

static bool take_talk(const struct pf_packet *packet, struct pf_detect_event *event)
{
    uint8_t transport, ip;
    find_layers(packet, &transport, &ip);
    if (ip == PF_NO_LAYER)
        return false;
    unsigned version = packet->layer[ip].protocol == PF_IPV4 ? 4 : 6, size = version == 4 ? 4 : 16;
    const uint8_t *addresses = pf_layer_octets(packet, ip, version == 4 ? 12 : 8, 2 * size);
    if (addresses == NULL)
        return false;
    struct end source = {addresses, 0}, target = {addresses + size, 0};
    unsigned kind = packet->has_ip_proto ? packet->ip_proto : 0;
    unsigned protocol = transport != PF_NO_LAYER ? packet->layer[transport].protocol : PF_END;
    if (protocol == PF_TCP || protocol == PF_UDP) {
        kind = protocol == PF_TCP ? TCP : UDP;
        if (!(protocol == PF_TCP ? take_tcp : take_udp)(packet, transport, event, &source, &target))
            return false;
    } else if (protocol == PF_ICMP || protocol == PF_ICMPV6) {
        kind = protocol == PF_ICMP ? ICMP : ICMPV6;
        if (!take_icmp(packet, transport, version, event, &source, &target))
            return icmp_aside(packet, transport, version, event, source, target);
    } else {
        event->payload = packet->layer[ip].wire;
    }
    set_talk(event, version, kind, source, target);
    return true;
}

/* ------------------------------------------------------------------------------------------------------ sightings */

static void set_sighting(struct pf_detect_event *event, enum pf_sighting sighting, const uint8_t *who, const void *what,
                         size_t size)
{
    struct pf_sighting_key *key = &event->key.sighting;
    memset(key, 0, sizeof *key);
    key->sighting = (uint8_t)sighting;
    key->size = (uint8_t)(size < sizeof key->what ? size : sizeof key->what);
    memcpy(key->who, who, MAC);
    memcpy(key->what, what, key->size);
    event->form = PF_EVENT_SIGHTING;
}

/* RFC 826 with Ethernet and IPv4; a sender without an address asks whether one is free (RFC 5227). */
static unsigned arp_events(const struct pf_packet *packet, struct pf_detect_event *events)
{
    static const uint8_t fixed[6] = {0, 1, 8, 0, 6, 4}, nobody[4];
    const uint8_t *arp = pf_layer_octets(packet, packet->first[PF_ARP], 0, 28);
    if (arp == NULL || memcmp(arp, fixed, sizeof fixed) != 0 || arp[6] != 0 || (arp[7] != 1 && arp[7] != 2))
        return 0;
    const uint8_t *mac = arp + 8, *sender = arp + 14, *asked = arp + 24;
    unsigned count = 0;
    if (memcmp(sender, nobody, 4) == 0)
        return 0;
    if (memcmp(sender, asked, 4) != 0) { /* else it tells everybody */
        bool answer = arp[7] == 2;
        events[count].answer = answer;
        set_talk(&events[count++], 4, PF_TALK_RESOLVE, (struct end){sender, answer}, (struct end){asked, !answer});
    }
    events[count].numbers = arp[7] == 2;
    events[count].answer = count != 0;
    set_sighting(&events[count++], PF_SIGHT_CLAIM, mac, sender, 4);
    return count;
}

/* The hardware address in an advertisement (RFC 4861 4.6.1): the option that comes first in practice. */
static bool advertised(const struct pf_packet *packet, struct pf_detect_event *event, bool behind)
{
    enum { ADVERTISEMENT = 136, TARGET_OPTION = 2 };
    const uint8_t *body = pf_layer_octets(packet, packet->first[PF_ICMPV6], 0, 32);
    if (body == NULL || body[0] != ADVERTISEMENT || body[24] != TARGET_OPTION || body[25] != 1)
        return false;
    event->numbers = true;
    event->answer = behind;
    set_sighting(event, PF_SIGHT_CLAIM, body + 26, body + ICMP_HEADER, 16);
    return true;
}

/* Frame control, receiver, transmitter, BSSID (IEEE 802.11-2020 9.3.3). */
static unsigned wlan_events(const struct pf_packet *packet, struct pf_detect_event *event)
{
    enum {
        PROBE_RESPONSE = 0x50,
        BEACON = 0x80,
        DISASSOCIATION = 0xa0,
        DEAUTHENTICATION = 0xc0,
        HEADER = 24,
        FIXED = 12
    };
    const uint8_t *frame = pf_layer_octets(packet, packet->first[PF_WLAN], 0, HEADER);
    if (frame == NULL)
        return 0;
    event->numbers = frame[0] == DISASSOCIATION;
    if (frame[0] == DISASSOCIATION || frame[0] == DEAUTHENTICATION) {
        set_sighting(event, PF_SIGHT_GOODBYE, frame + 10, frame + 4, MAC);
        return 1;
    }
    /* The name is the first element of a beacon and of an answer to a probe (tables 9-32, 9-39). */
    const uint8_t *name = pf_layer_octets(packet, packet->first[PF_WLAN], HEADER + FIXED, 2);
    if ((frame[0] != BEACON && frame[0] != PROBE_RESPONSE) || name == NULL || name[0] != 0 || name[1] == 0)
        return 0;
    const uint8_t *text = pf_layer_octets(packet, packet->first[PF_WLAN], HEADER + FIXED + 2, name[1]);
    if (text == NULL)
        return 0;
    set_sighting(event, PF_SIGHT_NETWORK, frame + 16, text, name[1]);
    return 1;
}

static unsigned events_of(const struct pf_packet *packet, struct pf_detect_event *events)
{
    if (packet->first[PF_ARP] != PF_NO_LAYER)
        return arp_events(packet, events);
    if (packet->first[PF_WLAN] != PF_NO_LAYER && packet->ip == PF_NO_LAYER)
        return wlan_events(packet, events);
    unsigned count = take_talk(packet, &events[0]);
    if (packet->first[PF_ICMPV6] != PF_NO_LAYER)
        count += advertised(packet, &events[count], count != 0);
    return count;
}

unsigned pf_detect_events(const struct pf_packet *packet, struct pf_detect_event events[PF_EVENTS_OF_PACKET])
{
    if (!packet->record.timed)
        return 0;
    memset(events, 0, PF_EVENTS_OF_PACKET * sizeof *events);
    unsigned count = events_of(packet, events);
    for (unsigned i = 0; i < count; i++) {
        events[i].time = packet->record.time;
        events[i].hash = pf_hash_octets(pf_secret(), &events[i].key, PF_BOOK_KEY);
    }
    return count;
}
