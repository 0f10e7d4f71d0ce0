#define _DEFAULT_SOURCE
#include "build.h"
#include "field/field.h"
#include "guard.h"
#include "packet/packet.h"

#include <arpa/inet.h>

static struct guard guard;

/* --- packets by hand
 * ---------------------------------------------------------------------------------------------------- */

/* Every header is put before what it carries, so that its lengths are those of what is there already: from the inside
 * out. */
static void wrap(struct built *built, const struct built *header)
{
    struct built whole = {NULL, 0, 0};
    put(&whole, header->octets, header->size);
    put(&whole, built->octets, built->size);
    built_clear(built);
    *built = whole;
}

#define WRAP(inner, ...) \
    do { \
        struct built header_ = {NULL, 0, 0}, *h = &header_; \
        __VA_ARGS__; \
        wrap(inner, h); \
        built_clear(h); \
    } while (0)

static void eth(struct built *b, unsigned type)
{
    WRAP(b, put(h, "\2\0\0\0\0\xb\2\0\0\0\0\xa", 12), put_be(h, type, 2));
}

static void vlan(struct built *b, unsigned type)
{
    WRAP(b, put_be(h, 5, 2), put_be(h, type, 2));
}

static void snap(struct built *b, unsigned organisation, unsigned type)
{
    WRAP(b, put(h, "\xaa\xaa\3", 3), put_be(h, organisation, 3), put_be(h, type, 2));
}

static void ipv4(struct built *b, unsigned protocol, unsigned fragment, size_t options)
{
    WRAP(b, put_be(h, 0x45 + options / 4, 1), put_be(h, 0, 1), put_be(h, 20 + options + b->size, 2), put_be(h, 7, 2),
         put_be(h, fragment, 2), put_be(h, 64, 1), put_be(h, protocol, 1), put_be(h, 0, 2),
         put(h, "\xc0\0\2\1\xc0\0\2\2", 8), put_filler(h, options));
}

static void ipv6(struct built *b, unsigned next)
{
    WRAP(b, put_be(h, 0x60000000, 4), put_be(h, b->size, 2), put_be(h, next, 1), put_be(h, 33, 1),
         put_be(h, 0x20010db8, 4), put_be(h, 0, 8), put_be(h, 1, 4), put_be(h, 0x20010db8, 4), put_be(h, 0, 8),
         put_be(h, 2, 4));
}

static void extension(struct built *b, unsigned next, unsigned length, size_t size)
{
    WRAP(b, put_be(h, next, 1), put_be(h, length, 1), put_be(h, 0, 2), put_filler(h, size - 4));
}

static void gre(struct built *b, unsigned flags, unsigned type)
{
    size_t optional = ((flags >> 15 & 1) + (flags >> 13 & 1) + (flags >> 12 & 1)) * 4;
    WRAP(b, put_be(h, flags, 2), put_be(h, type, 2), put_filler(h, optional));
}

static void tcp(struct built *b, unsigned source, unsigned destination, size_t options)
{
    WRAP(b, put_be(h, source, 2), put_be(h, destination, 2), put_be(h, 0xdeadbeef, 4), put_be(h, 0x01020304, 4),
         put_be(h, (5 + options / 4) << 12 | 0x112, 2), put_be(h, 8192, 2), put_be(h, 0, 4), put_filler(h, options));
}

static void udp(struct built *b, unsigned source, unsigned destination)
{
    WRAP(b, put_be(h, source, 2), put_be(h, destination, 2), put_be(h, 8 + b->size, 2), put_be(h, 0, 2));
}

static void dns(struct built *b, unsigned flags, unsigned answers)
{
    WRAP(b, put_be(h, 1, 2), put_be(h, flags, 2), put_be(h, 1, 2), put_be(h, answers, 2), put_be(h, 0, 4));
}

/* --- looking at them
 * ---------------------------------------------------------------------------------------------------- */

static struct pf_packet decoded(const uint8_t *octets, size_t cap_len, size_t len, unsigned link_type,
                                enum pf_depth depth)
{
    static const struct pf_interface interface = {.number = 0};
    struct pf_packet packet;
    memset(&packet, 0xa5, sizeof packet); /* filled anew, whatever was there */
    packet.message = NULL;                /* these two are stamped, not decoded */
    packet.tcp = (struct pf_tcp_found){.known = false};
    packet.record = (struct pf_record){
        .octets = octets,
        .cap_len = (uint32_t)cap_len,
        .len = (uint32_t)len,
        .link_type = (uint16_t)link_type,
        .interface = &interface,
    };
    pf_packet_decode(&packet, depth);
    return packet;
}

static const char *fault_of(const struct pf_packet *packet)
{
    static char text[PF_TEXT_ROOM + 1];
    text[pf_fault_text(pf_fault_word(packet->malady, packet->faulty, packet->value), text)] = '\0';
    return text;
}

/* A field as text, "null" where the packet has none. */
static const char *field_of(const struct pf_packet *packet, const char *name)
{
    static char text[PF_WRITER_ROOM + 1];
    const struct pf_field *field = pf_field_find(name);
    struct pf_value value = {{0, 0}, 0};
    if (field->write != NULL) {
        struct pf_writer writer = {.octets = text, .room = PF_WRITER_ROOM};
        bool has = field->write(field, packet, &writer);
        text[writer.length] = '\0';
        return has ? text : "null";
    }
    if (!field->get(field, packet, &value))
        return "null";
    if (field->text != NULL)
        text[field->text(&value, text)] = '\0';
    else
        (void)snprintf(text, sizeof text, "%" PRIu64, value.word[0]);
    return text;
}

static void check_layers(const struct pf_packet *packet)
{
    CHECK(packet->layers <= PF_MOST_LAYERS);
    for (unsigned i = 0; i < packet->layers; i++) {
        const struct pf_layer *layer = &packet->layer[i];
        CHECK(layer->protocol > PF_END && layer->protocol < PF_PROTOCOL_COUNT);
        CHECK((uint64_t)layer->offset + layer->captured <= packet->record.cap_len);
        CHECK(layer->captured <= layer->wire && layer->captured != 0);
        CHECK(i == 0 ||
              (layer->offset >= packet->layer[i - 1].offset && layer->captured <= packet->layer[i - 1].captured));
    }
    for (unsigned protocol = 1; protocol < PF_PROTOCOL_COUNT; protocol++) {
        unsigned first = 0;
        while (first < packet->layers && packet->layer[first].protocol != protocol)
            first++;
        CHECK_EQ(packet->first[protocol], first < packet->layers ? first : PF_NO_LAYER);
    }
    CHECK(packet->ip == PF_NO_LAYER || packet->ip < packet->layers);
    CHECK((packet->ip == PF_NO_LAYER) == (packet->ip_version == 0));
}

/* At every depth and with every field asked for. */
static void check_all(const uint8_t *octets, size_t cap_len, size_t len, unsigned link_type)
{
    struct pf_packet packet;
    for (unsigned depth = 0; depth <= PF_DEPTH_APPLICATION; depth++) {
        packet = decoded(octets, cap_len, len, link_type, (enum pf_depth)depth);
        check_layers(&packet);
        for (size_t i = 0; pf_field_at(i) != NULL; i++)
            (void)field_of(&packet, pf_field_at(i)->kind.name);
        for (unsigned i = 0; i < packet.layers; i++)
            CHECK((unsigned)pf_protocols[packet.layer[i].protocol].depth <= depth);
    }
}

/* Where a packet's headers end: cut before that, the packet is `truncated name`, or still sound where the name is "".
 */
struct header {
    const char *name;
    size_t end;
};

static void check_cuts(const struct built *built, unsigned link_type, const struct header *headers)
{
    const struct header *header = headers;
    for (size_t size = 0; size <= built->size; size++) {
        char want[40] = "";
        while (header->name != NULL && size >= header->end)
            header++;
        const uint8_t *octets = guard_behind(&guard, built->octets, size);
        check_all(octets, size, built->size, link_type);
        struct pf_packet packet = decoded(octets, size, built->size, link_type, PF_DEPTH_APPLICATION);
        if (header->name != NULL && header->name[0] != '\0')
            (void)snprintf(want, sizeof want, "truncated %s", header->name);
        CHECK_TEXT(fault_of(&packet), want);
        /* As long on the wire as it is captured: its own lengths are wrong then, or there is no room for the header. */
        check_all(octets, size, size, link_type);
        packet = decoded(octets, size, size, link_type, PF_DEPTH_APPLICATION);
        CHECK(packet.malady == PF_SOUND || packet.malady == PF_MALFORMED);
        check_all(octets, size, 0, link_type); /* less on the wire than captured counts as captured */
        CHECK(decoded(octets, size, 0, link_type, PF_DEPTH_APPLICATION).malady == packet.malady);
        (void)guard_before(&guard, built->octets, size);
        check_all(guard.room, size, built->size, link_type);
    }
    CHECK(header->name == NULL);
}

static void test_dns_over_udp(void)
{
    struct built b = {NULL, 0, 0};
    dns(&b, 0x8183, 0x0102);
    udp(&b, 53, 4000);
    ipv4(&b, 17, 0, 8);
    vlan(&b, 0x0800);
    vlan(&b, 0x8100);
    eth(&b, 0x88a8);
    check_cuts(&b, 1,
               (const struct header[]){
                   {"eth", 14}, {"vlan", 18}, {"vlan", 22}, {"ipv4", 50}, {"udp", 58}, {"dns", 70}, {NULL, 0}});
    struct pf_packet packet = decoded(b.octets, b.size, b.size, 1, PF_DEPTH_APPLICATION);
    static const char *const want[][2] = {
        {"eth_src", "02:00:00:00:00:0a"},
        {"eth_dst", "02:00:00:00:00:0b"},
        {"ip_version", "4"},
        {"ip_src", "192.0.2.1"},
        {"ip_dst", "192.0.2.2"},
        {"ip_ttl", "64"},
        {"ip_proto", "17"},
        {"udp_srcport", "53"},
        {"udp_dstport", "4000"},
        {"tcp_srcport", "null"},
        {"tcp_len", "null"},
        {"dns_flags_response", "1"},
        {"dns_flags_rcode", "3"},
        {"dns_count_answers", "258"},
        {"protocol", "DNS"},
        {"frame_fault", "null"},
        {"frame_len", "70"},
        {"frame_cap_len", "70"},
        {"frame_time", "null"},
    };
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        CHECK_TEXT(field_of(&packet, want[i][0]), want[i][1]);
    CHECK(pf_field_find("no_such_field") == NULL);
    built_clear(&b);
}

static void test_dns_over_tcp(void)
{
    struct built b = {NULL, 0, 0};
    dns(&b, 0x8000, 0);
    WRAP(&b, put_be(h, 12, 2));
    tcp(&b, 4000, 53, 12);
    extension(&b, 6, 1, 16);  /* destination options */
    extension(&b, 60, 0, 8);  /* routing */
    extension(&b, 43, 4, 24); /* authentication: 4 x (4 + 2) */
    extension(&b, 51, 0, 8);  /* hop-by-hop */
    ipv6(&b, 0);
    size_t end = 40 + 8 + 24 + 8 + 16 + 32;
    check_cuts(&b, 229,
               (const struct header[]){{"ipv6", 96}, {"tcp", end}, {"", end + 2}, {"dns", end + 14}, {NULL, 0}});
    struct pf_packet packet = decoded(b.octets, b.size, b.size, 12, PF_DEPTH_APPLICATION);
    static const char *const want[][2] = {
        {"eth_src", "null"},
        {"ip_src", "2001:db8::1"},
        {"ip_dst", "2001:db8::2"},
        {"ip_ttl", "33"},
        {"ip_proto", "6"},
        {"tcp_srcport", "4000"},
        {"tcp_seq_raw", "3735928559"},
        {"tcp_ack_raw", "16909060"},
        {"tcp_flags", "274"},
        {"tcp_len", "14"},
        {"dns_flags_response", "1"},
        {"dns_flags_rcode", "0"},
        {"dns_count_answers", "0"},
        {"protocol", "DNS"},
    };
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        CHECK_TEXT(field_of(&packet, want[i][0]), want[i][1]);
    built_clear(&b);
}

static void test_tunnels(void)
{
    struct built b = {NULL, 0, 0};
    WRAP(&b, put_be(h, 8, 1), put_be(h, 0, 7)); /* an echo request */
    ipv4(&b, 1, 0, 0);
    snap(&b, 0, 0x0800);
    eth(&b, (unsigned)b.size);
    gre(&b, 0xb000, 0x6558);
    ipv6(&b, 47);
    ipv4(&b, 41, 0, 0);
    WRAP(&b, put_be(h, 2, 4));
    check_cuts(&b, 108,
               (const struct header[]){{"null", 4},
                                       {"ipv4", 24},
                                       {"ipv6", 64},
                                       {"gre", 80},
                                       {"eth", 94},
                                       {"llc", 102},
                                       {"ipv4", 122},
                                       {"icmp", 126},
                                       {NULL, 0}});
    struct pf_packet packet = decoded(b.octets, b.size, b.size, 108, PF_DEPTH_APPLICATION);
    CHECK_TEXT(field_of(&packet, "ip_src"), "192.0.2.1");
    CHECK_TEXT(field_of(&packet, "eth_src"), "02:00:00:00:00:0a");
    CHECK_TEXT(field_of(&packet, "protocol"), "ICMP");
    CHECK_EQ(packet.layers, 8);
    built_clear(&b);
}

static void test_arp_and_cooked(void)
{
    struct built b = {NULL, 0, 0};
    WRAP(&b, put_be(h, 0x0001080006040001, 8), put_filler(h, 20));
    WRAP(&b, put_filler(h, 14), put_be(h, 0x0806, 2));
    check_cuts(&b, 113, (const struct header[]){{"sll", 16}, {"arp", 44}, {NULL, 0}});
    built_clear(&b);

    WRAP(&b, put_be(h, 0x80, 1), put_be(h, 0, 7));
    ipv6(&b, 58);
    vlan(&b, 0x86dd);
    WRAP(&b, put_be(h, 0x9100, 2), put_filler(h, 18));
    check_cuts(&b, 276, (const struct header[]){{"sll2", 20}, {"vlan", 24}, {"ipv6", 64}, {"icmpv6", 68}, {NULL, 0}});
    built_clear(&b);
}

/* One value in a sound packet is another, and the fault is this. */
struct change {
    unsigned link_type;
    size_t place, size;
    uint64_t value;
    const char *fault;
};

static void check_changes(const struct built *built, const struct change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct change *change = &changes[i];
        struct built changed = {NULL, 0, 0};
        put(&changed, built->octets, change->place);
        put_be(&changed, change->value, (unsigned)change->size);
        put(&changed, built->octets + change->place + change->size, built->size - change->place - change->size);
        const uint8_t *octets = guard_behind(&guard, changed.octets, changed.size);
        check_all(octets, changed.size, changed.size, change->link_type);
        struct pf_packet packet = decoded(octets, changed.size, changed.size, change->link_type, PF_DEPTH_APPLICATION);
        if (!CHECK_TEXT(fault_of(&packet), change->fault))
            (void)fprintf(stderr, "  change %zu: octet %zu\n", i, change->place);
        built_clear(&changed);
    }
}

#define CHANGES(built, ...) \
    do { \
        const struct change changes_[] = {__VA_ARGS__}; \
        check_changes(built, changes_, sizeof changes_ / sizeof changes_[0]); \
    } while (0)

static void test_faults_ipv4(void)
{
    struct built b = {NULL, 0, 0};
    put_filler(&b, 30);
    udp(&b, 4000, 4001);
    ipv4(&b, 17, 0, 0);
    eth(&b, 0x0800);
    CHANGES(&b, {1, 12, 2, 0x88cc, "unknown ethertype 0x88cc"}, {1, 12, 2, 0x05ff, "unknown llc 0x45"},
            {1, 12, 2, 2, "malformed llc"}, {1, 14, 1, 0x55, "malformed ipv4"}, {1, 14, 1, 0x44, "malformed ipv4"},
            {1, 14, 1, 0x4f, "malformed ipv4"}, {1, 16, 2, 19, "malformed ipv4"}, {1, 16, 2, 59, "malformed ipv4"},
            {1, 16, 2, 58, ""}, {1, 16, 2, 0, ""}, {1, 16, 2, 27, "malformed udp"}, {1, 16, 2, 20, "malformed udp"},
            {1, 20, 2, 0x4000, ""}, {1, 20, 2, 0x0001, ""}, {1, 20, 2, 0x2001, ""},
            {1, 23, 1, 253, "unknown ip protocol 253"}, {1, 23, 1, 41, "malformed ipv6"}, {1, 38, 2, 0, ""},
            {1, 38, 2, 7, "malformed udp"}, {1, 38, 2, 8, ""}, {1, 38, 2, 38, ""}, {1, 38, 2, 39, "malformed udp"},
            {147, 0, 1, 2, "unknown link type 147"}, {65535, 0, 1, 2, "unknown link type 65535"},
            {101, 0, 1, 0x50, "malformed raw"}, {0, 0, 4, 0x07000000, "unknown null 7"},
            {0, 0, 4, 0x00010000, "unknown null 256"}, {108, 0, 4, 0x02000000, "unknown null 33554432"},
            {108, 0, 4, 0xffffffff, "unknown null 4294967295"}, {113, 14, 2, 1, "unknown ethertype 0x0001"},
            {113, 14, 2, 4, "unknown llc 0x00"}, {276, 0, 2, 0x000c, "unknown ethertype 0x000c"});
    built_clear(&b);
}

static void test_faults_ipv6(void)
{
    struct built b = {NULL, 0, 0};
    put_filler(&b, 10);
    tcp(&b, 80, 4001, 4);
    extension(&b, 6, 0, 8);
    ipv6(&b, 60);
    CHANGES(&b, {101, 0, 1, 0x50, "malformed raw"}, {229, 0, 1, 0x40, "malformed ipv6"}, {101, 4, 2, 0, ""},
            {101, 4, 2, 42, ""}, {101, 4, 2, 43, "malformed ipv6"}, {101, 4, 2, 7, "malformed ipv6"},
            {101, 4, 2, 8, "malformed tcp"}, {101, 6, 1, 59, ""}, {101, 6, 1, 99, "unknown ip protocol 99"},
            {101, 40, 1, 59, ""}, {101, 40, 1, 50, ""}, {101, 41, 1, 5, "malformed ipv6"},
            {101, 60, 1, 0x40, "malformed tcp"}, {101, 60, 1, 0x90, "malformed tcp"}, {101, 60, 1, 0x80, ""});
    /* The same header read as a fragment header: what follows one that is not the first is no TCP header. */
    b.octets[6] = 44;
    b.octets[60] = 0x40;
    CHANGES(&b, {229, 42, 2, 0, "malformed tcp"}, {229, 42, 2, 1, "malformed tcp"}, {229, 42, 2, 8, ""},
            {229, 42, 2, 9, ""});
    built_clear(&b);
}

static void test_faults_of_the_rest(void)
{
    struct built b = {NULL, 0, 0};
    put_filler(&b, 30);
    tcp(&b, 4000, 53, 0);
    ipv4(&b, 6, 0, 0);
    snap(&b, 0, 0x0800);
    CHECK_EQ(b.size, 78);
    WRAP(&b, put_filler(h, 14), put_be(h, 4, 2)); /* sll */
    CHANGES(&b, {113, 16, 1, 0xab, "unknown llc 0xab"}, {113, 18, 1, 0, "unknown llc 0xaa"},
            {113, 19, 3, 0x0080c2, "unknown snap 0x0080c2"}, {113, 22, 2, 0x05dc, "unknown ethertype 0x05dc"},
            {113, 64, 2, 11, ""}, {113, 64, 2, 12, ""}, {113, 64, 2, 0xffff, ""});
    built_clear(&b);

    ipv4(&b, 6, 0, 0);
    gre(&b, 0, 0x0800);
    ipv4(&b, 47, 0, 0);
    CHANGES(&b, {228, 20, 2, 0x0002, "unknown gre version 2"}, {228, 20, 2, 0x0007, "unknown gre version 7"},
            {228, 20, 2, 0x4000, "unknown gre routing"}, {228, 22, 2, 0x880b, "unknown ppp 0x0045"},
            {228, 22, 2, 0x6558, "unknown ethertype 0xc000"}, {228, 9, 1, 47, "malformed tcp"});
    built_clear(&b);
}

/* A message over TCP counts where its length and header fit the segment. */
static void test_dns_over_tcp_begins(void)
{
    for (unsigned length = 0; length < 20; length++) {
        for (unsigned there = 0; there < 20; there++) {
            struct built b = {NULL, 0, 0};
            put_filler(&b, there);
            WRAP(&b, put_be(h, length, 2));
            tcp(&b, 53, 4000, 0);
            ipv4(&b, 6, 0, 0);
            struct pf_packet packet = decoded(b.octets, b.size, b.size, 101, PF_DEPTH_APPLICATION);
            CHECK_EQ(packet.first[PF_DNS] != PF_NO_LAYER, length >= 12 && there >= 12);
            CHECK_TEXT(fault_of(&packet), "");
            if (packet.first[PF_DNS] != PF_NO_LAYER)
                CHECK_EQ(packet.layer[packet.first[PF_DNS]].wire, length < there ? length : there);
            built_clear(&b);
        }
    }
}

/* A record with a client's hello: three cipher suites, a server name, versions. */
static void put_hello(struct built *b)
{
    static const uint8_t rest[] = {
        0x00, 0x00, 0x06, 0x0a, 0x0a, 0x13, 0x01, 0xc0, 0x2b, 0x01, 0x00, 0x00, 0x15, /* 21 */
        0x00, 0x00, 0x00, 0x08, 0x00, 0x06, 0x00, 0x00, 0x03, 'a',  '.',  'b',  0x00,
        0x2b, 0x00, 0x05, 0x04, 0x1a, 0x1a, 0x03, 0x04};
    put_be(b, 0x1603010000 | (4 + 2 + 32 + sizeof rest), 5);
    put_be(b, 0x01000000 | (2 + 32 + sizeof rest), 4);
    put_be(b, 0x0303, 2);
    put_filler(b, 32);
    put(b, rest, sizeof rest);
}

static void test_tls_and_quic(void)
{
    struct built b = {NULL, 0, 0};
    put_hello(&b);
    size_t hello = b.size;
    tcp(&b, 50000, 4433, 0);
    ipv4(&b, 6, 0, 0);
    check_cuts(&b, 228, (const struct header[]){{"ipv4", 20}, {"tcp", 40}, {"", 40 + hello}, {NULL, 0}});
    struct pf_packet packet = decoded(b.octets, b.size, b.size, 228, PF_DEPTH_APPLICATION);
    CHECK_TEXT(field_of(&packet, "frame_protocols"), "ip:tcp:tls");
    CHECK_TEXT(field_of(&packet, "tls_handshake_ciphersuites"), "2570,4865,49195");
    CHECK_TEXT(field_of(&packet, "tls_handshake_extension_types"), "0,43");
    CHECK_TEXT(field_of(&packet, "tls_handshake_extensions_server_name"), "a.b");
    CHECK_TEXT(field_of(&packet, "tls_handshake_extensions_supported_version"), "772");
    CHECK_TEXT(field_of(&packet, "tls_handshake_ja3_full"), "771,4865-49195,0-43,,");
    packet = decoded(b.octets, b.size - 1, b.size, 228, PF_DEPTH_APPLICATION);
    CHECK_TEXT(field_of(&packet, "tls_handshake_extensions_server_name"), "a.b");
    CHECK_TEXT(field_of(&packet, "tls_handshake_ja3"), "null");
    built_clear(&b);

    put_be(&b, 0xc000000001, 5);
    put_be(&b, 0x03aabbcc, 4);
    put_be(&b, 0x00, 1);
    put_filler(&b, 16);
    size_t header = b.size;
    udp(&b, 50000, 443);
    ipv4(&b, 17, 0, 0);
    check_cuts(&b, 228, (const struct header[]){{"ipv4", 20}, {"udp", 28}, {"", 28 + header}, {NULL, 0}});
    packet = decoded(b.octets, b.size, b.size, 228, PF_DEPTH_APPLICATION);
    CHECK_TEXT(field_of(&packet, "quic_dcid"), "aabbcc");
    CHECK_TEXT(field_of(&packet, "quic_scid"), "");
    built_clear(&b);
}

static void test_depth(void)
{
    for (unsigned tags = 13; tags < 18; tags++) {
        struct built b = {NULL, 0, 0};
        put_filler(&b, 8);
        udp(&b, 1, 2);
        ipv4(&b, 17, 0, 0);
        for (unsigned i = 0; i < tags; i++)
            vlan(&b, i == 0 ? 0x0800 : 0x8100);
        eth(&b, 0x8100);
        const uint8_t *octets = guard_behind(&guard, b.octets, b.size);
        check_all(octets, b.size, b.size, 1);
        struct pf_packet packet = decoded(octets, b.size, b.size, 1, PF_DEPTH_APPLICATION);
        CHECK_TEXT(fault_of(&packet), tags <= 13 ? "" : "malformed depth");
        CHECK_EQ(packet.layers, 16);
        built_clear(&b);
    }
    for (unsigned count = 15; count < 19; count++) {
        struct built b = {NULL, 0, 0};
        put_filler(&b, 8);
        udp(&b, 1, 2);
        for (unsigned i = 0; i < count; i++)
            extension(&b, i == 0 ? 17 : 60, 0, 8);
        ipv6(&b, 60);
        struct pf_packet packet = decoded(b.octets, b.size, b.size, 101, PF_DEPTH_APPLICATION);
        CHECK_TEXT(fault_of(&packet), count <= 16 ? "" : "malformed ipv6");
        built_clear(&b);
    }
}

/* Sound packets with octets changed at random: nothing is read that is not there. */
static void test_random(void)
{
    static const unsigned link_types[] = {1, 101, 12, 14, 228, 229, 0, 108, 113, 276, 7};
    uint64_t state = 4;
    struct built b = {NULL, 0, 0};
    dns(&b, 0x8183, 0);
    udp(&b, 53, 4000);
    extension(&b, 17, 0, 8);
    ipv6(&b, 44);
    gre(&b, 0x8000, 0x86dd);
    ipv4(&b, 47, 0, 4);
    eth(&b, 0x0800);
    for (int i = 0; i < 20000; i++) {
        size_t size = draw_below(&state, b.size + 1), from = draw_below(&state, 4) == 0 ? 14 : 0;
        uint8_t *octets = (uint8_t *)(uintptr_t)guard_behind(&guard, b.octets, b.size) + from;
        for (size_t changes = draw_below(&state, 4); changes-- > 0;)
            octets[draw_below(&state, b.size - from)] ^= (uint8_t)(1u << draw_below(&state, 8));
        size = size > b.size - from ? b.size - from : size;
        octets = memmove(octets + (b.size - from - size), octets, size);
        check_all(octets, size, size + draw_below(&state, 40),
                  from == 14 ? 101 : link_types[draw_below(&state, 22) % 11]);
    }
    built_clear(&b);
}

/* --- text
 * ---------------------------------------------------------------------------------------------------------------- */

static void test_address_text(void)
{
    uint64_t state = 5;
    for (int i = 0; i < 50000; i++) {
        uint8_t octets[16];
        char got[PF_TEXT_ROOM + 1], want[64];
        bool four = i % 4 == 0;
        for (int j = 0; j < 16; j++) /* zeros more often than not */
            octets[j] = draw_below(&state, 3) == 0 ? (uint8_t)draw(&state) : 0;
        if (i % 8 == 1)
            memset(octets, 0, 10 + 2 * draw_below(&state, 4));
        if (i % 16 == 1)
            memset(octets + 10, 0xff, 2);
        struct pf_value value = pf_value_octets(octets, four ? 4 : 16);
        got[pf_text_address(&value, got)] = '\0';
        CHECK(inet_ntop(four ? AF_INET : AF_INET6, octets, want, sizeof want) != NULL);
        CHECK_TEXT(got, want);
    }
}

static void test_fault_texts_fit(void)
{
    for (unsigned malady = PF_SOUND; malady <= PF_UNKNOWN; malady++) {
        unsigned most = malady == PF_UNKNOWN ? PF_UNKNOWN_GRE_ROUTING + 1 : PF_PROTOCOL_COUNT;
        for (unsigned faulty = 0; faulty < most; faulty++) {
            char text[PF_TEXT_ROOM];
            CHECK(pf_fault_text(pf_fault_word((uint8_t)malady, (uint8_t)faulty, UINT32_MAX), text) < PF_TEXT_ROOM);
        }
    }
}

int main(void)
{
    guard_init(&guard, 8192);
    test_dns_over_udp();
    test_dns_over_tcp();
    test_tunnels();
    test_arp_and_cooked();
    test_faults_ipv4();
    test_faults_ipv6();
    test_faults_of_the_rest();
    test_dns_over_tcp_begins();
    test_tls_and_quic();
    test_depth();
    test_random();
    test_address_text();
    test_fault_texts_fit();
    guard_clear(&guard);
    return checks_done();
}
