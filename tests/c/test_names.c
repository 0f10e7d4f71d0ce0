/* DHCP, NetBIOS names, Kerberos and NTLM beside pages that may not be touched: at every length, and with every octet
 * changed. */
#define _DEFAULT_SOURCE
#include "build.h"
#include "field/field.h"
#include "guard.h"
#include "payload/der.h"
#include "payload/kerberos.h"
#include "payload/payload.h"

static struct guard guard;

enum { RAW = 101, MOST = 65536, IP_HEADER = 20, UDP_HEADER = 8, TCP_HEADER = 20 };

static const char *const groups[] = {"dhcp", "nbns", "kerberos", "ntlmssp"};

struct carried {
    bool tcp;
    unsigned source, destination;
    struct built message;
};

/* The packet cut to so many octets of its message; its last octet stands before the page behind. */
static struct pf_packet decoded(const struct carried *carried, size_t captured)
{
    struct built whole = {NULL, 0, 0};
    put_be(&whole, 0x4500, 2);
    put_be(&whole, 0, 6);
    put_be(&whole, 64, 1);
    put_be(&whole, carried->tcp ? 6 : 17, 1);
    put_be(&whole, 0, 2);
    put(&whole, "\300\0\2\1\300\0\2\2", 8);
    put_be(&whole, carried->source, 2);
    put_be(&whole, carried->destination, 2);
    if (carried->tcp) {
        put_be(&whole, 0, 8);
        put_be(&whole, 0x5018, 2);
        put_be(&whole, 0, 6);
    } else {
        put_be(&whole, 0, 4);
    }
    size_t head = whole.size;
    put(&whole, carried->message.octets, captured);
    struct pf_packet packet = {
        .record = {.cap_len = (uint32_t)whole.size, .len = (uint32_t)(head + carried->message.size), .link_type = RAW}};
    packet.record.octets = guard_behind(&guard, whole.octets, whole.size);
    built_clear(&whole);
    pf_packet_decode(&packet, PF_DEPTH_APPLICATION);
    return packet;
}

static const char *written(const struct pf_packet *packet, const char *name)
{
    static char text[PF_WRITER_ROOM + 1];
    struct pf_writer writer = {.octets = text, .room = PF_WRITER_ROOM};
    const struct pf_field *field = pf_field_find(name);
    bool has = field->write(field, packet, &writer);
    text[has ? writer.length : 0] = 0;
    return text;
}

/* Asks for every column of the four groups; how many are there. */
static size_t ask_all(const struct pf_packet *packet)
{
    static char room[PF_WRITER_ROOM];
    size_t there = 0;
    for (size_t i = 0; i < pf_group_count; i++) {
        bool ours = false;
        for (size_t j = 0; j < sizeof groups / sizeof groups[0]; j++)
            ours |= strcmp(pf_groups[i]->name, groups[j]) == 0;
        for (size_t j = 0; ours && j < pf_groups[i]->count; j++) {
            const struct pf_field *field = &pf_groups[i]->fields[j];
            struct pf_writer writer = {.octets = room, .room = PF_WRITER_ROOM};
            struct pf_value value;
            there += field->write != NULL ? field->write(field, packet, &writer) : field->get(field, packet, &value);
        }
    }
    return there;
}

/* What is told stays as more is captured, and no changed octet leads out of the packet. */
static void try_all(struct carried *carried)
{
    size_t before = 0;
    for (size_t size = 0; size <= carried->message.size; size++) {
        struct pf_packet packet = decoded(carried, size);
        size_t there = ask_all(&packet);
        CHECK(there >= before);
        before = there;
    }
    CHECK(before != 0);
    static const uint8_t changes[] = {0, 1, 0x7f, 0x80, 0x84, 0xff};
    for (size_t at = 0; at < carried->message.size; at++) {
        uint8_t was = carried->message.octets[at];
        for (size_t i = 0; i < sizeof changes; i++) {
            carried->message.octets[at] = changes[i];
            struct pf_packet packet = decoded(carried, carried->message.size);
            (void)ask_all(&packet);
        }
        carried->message.octets[at] = was;
    }
}

static void test_dhcp(void)
{
    struct carried carried = {false, 68, 67, {NULL, 0, 0}};
    put(&carried.message, "\1\1\6\0", 4);
    put_filler(&carried.message, 232);
    put(&carried.message, "\x63\x82\x53\x63\0\14\5desk\0\62\4\12\0\0\7\121\12\4\0\0\1a\3b.c\0\65\1\3\14\1x\377", 38);
    struct pf_packet packet = decoded(&carried, carried.message.size);
    CHECK_TEXT(written(&packet, "dhcp_option_hostname"), "desk");
    CHECK_TEXT(written(&packet, "dhcp_fqdn_name"), "a.b\\046c");
    try_all(&carried);
    built_clear(&carried.message);
}

static void test_nbns(void)
{
    struct carried carried = {false, 137, 137, {NULL, 0, 0}};
    put(&carried.message, "\0\1\x29\x10\0\1\0\0\0\0\0\1\40", 13);
    put(&carried.message, "EEEFFDELCACACACACACACACACACACACA\0\0\40\0\1", 37);
    put(&carried.message, "\300\14\0\40\0\1\0\0\1\54\0\6\200\0\12\0\0\7", 18);
    struct pf_packet packet = decoded(&carried, carried.message.size);
    CHECK_TEXT(written(&packet, "nbns_name"), "DESK<20>");
    try_all(&carried);
    built_clear(&carried.message);
}

static void test_kerberos(void)
{
    /* AS-REQ: version, type, body { options, cname { 1, { "ann" } }, realm "R", sname { 2, { "a/", "b" } } } */
    static const char request[] = "\x6a\x46\x30\x44\xa1\3\2\1\5\xa2\3\2\1\12\xa4\x38\x30\x36\xa0\3\2\1\0"
                                  "\xa1\20\x30\16\xa0\3\2\1\1\xa1\7\x30\5\x1b\3ann\xa2\3\x1b\1R"
                                  "\xa3\22\x30\20\xa0\3\2\1\2\xa1\11\x30\7\x1b\2a/\x1b\1b\xa4\4\x30\2\5\0";
    struct carried carried = {true, 50000, 88, {NULL, 0, 0}};
    put_be(&carried.message, sizeof request - 1, 4);
    put(&carried.message, request, sizeof request - 1);
    struct pf_packet packet = decoded(&carried, carried.message.size);
    CHECK_TEXT(written(&packet, "kerberos_cnamestring"), "ann");
    CHECK_TEXT(written(&packet, "kerberos_realm"), "R");
    CHECK_TEXT(written(&packet, "kerberos_snamestring"), "a\\047/b");
    try_all(&carried);
    built_clear(&carried.message);
}

static void put_span(struct built *message, unsigned size, unsigned at)
{
    put_number(message, size, 2, false);
    put_number(message, size, 2, false);
    put_number(message, at, 4, false);
}

/* 6a 84 ffff fffc and that many octets are 2^32 + 2 in all, of which the length before them has room for the 2. */
static void test_kerberos_length(void)
{
    static const struct {
        const char *octets;
        bool is;
    } messages[] = {
        {"\0\0\0\4\x6a\x84\0\0\0\2\x30", false},
        {"\0\0\0\x08\x6a\x84\0\0\0\2\x30", true},
        {"\0\0\0\2\x6a\x84\xff\xff\xff\xfc\x30", false},
        {"\xff\xff\xff\xff\x6a\x84\xff\xff\xff\xf9\x30", true},
    };
    enum { SIZE = 11 };
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        const uint8_t *octets = guard_behind(&guard, messages[i].octets, SIZE);
        struct pf_cursor cursor = {octets, octets + SIZE, SIZE};
        CHECK(pf_is_kerberos(&cursor, true) == messages[i].is);
    }
}

static void test_ntlm(void)
{
    struct carried carried = {true, 50000, 445, {NULL, 0, 0}};
    put(&carried.message, "\0\0\0\1NNTLMSSP\0\3\0\0\0", 17);
    put_span(&carried.message, 0, 64);
    put_span(&carried.message, 0, 64);
    put_span(&carried.message, 2, 64);
    put_span(&carried.message, 8, 66);
    put_span(&carried.message, 65535, 64);
    put_span(&carried.message, 1, 0xffffffff);
    put(&carried.message, "\1\0\0\0C\0\x3d\xd8\0\xde\0\xd8\0\0", 14);
    struct pf_packet packet = decoded(&carried, carried.message.size);
    CHECK_TEXT(written(&packet, "ntlmssp_auth_domain"), "C");
    CHECK_TEXT(written(&packet, "ntlmssp_auth_username"), "\xf0\x9f\x98\x80\\237\\160\\128");
    CHECK_TEXT(written(&packet, "ntlmssp_auth_hostname"), "");
    try_all(&carried);
    built_clear(&carried.message);
}

static void test_integers(void)
{
    static const struct {
        const char *octets;
        size_t size;
        int64_t number; /* 99: none */
    } integers[] = {
        {"\2\1\31", 3, 25},   {"\2\1\377", 3, -1},
        {"\2\2\1\0", 4, 256}, {"\2\0", 2, 99},
        {"\2\2\1", 3, 99},    {"\3\1\1", 3, 99},
        {"\2\x81\1\5", 4, 5}, {"\2\11\0\0\0\0\0\0\0\0\1", 11, 99},
        {"\2\x80\1", 3, 99},  {"\2\x85\0\0\0\0\1\5", 8, 99},
        {"\x1f\1\5", 3, 99},  {"", 0, 99},
    };
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        const uint8_t *octets = guard_behind(&guard, integers[i].octets, integers[i].size);
        struct pf_cursor cursor = {octets, octets + integers[i].size, integers[i].size};
        int64_t number = 99;
        CHECK(pf_der_integer(&cursor, &number) == (integers[i].number != 99));
        CHECK_EQ(number, integers[i].number);
    }
}

int main(void)
{
    guard_init(&guard, MOST);
    test_dhcp();
    test_nbns();
    test_kerberos();
    test_kerberos_length();
    test_ntlm();
    test_integers();
    guard_clear(&guard);
    return checks_done();
}
