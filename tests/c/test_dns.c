/* DNS messages beside pages that may not be touched: names, records and the text of answers, at every length. */
#define _DEFAULT_SOURCE
#include "payload/dns.h"

#include "build.h"
#include "field/field.h"
#include "guard.h"

static struct guard guard;

/* Link type 101 is raw IP: the headers before a message are as few as they come. */
enum { HEADERS = 28, RAW = 101, MOST = 65536 };

static const uint8_t headers[HEADERS] = {0x45, 0, 0,   0, 0, 0, 0, 0,  64,   17,   0, 0, 192, 0,
                                         2,    1, 192, 0, 2, 2, 0, 53, 0x9c, 0x40, 0, 0, 0,   0};

/* A datagram with this message, cut to so many octets of it; its last octet stands before the page behind. */
static struct pf_packet decoded(const struct built *message, size_t captured)
{
    struct built whole = {NULL, 0, 0};
    struct pf_packet packet = {.record = {.cap_len = (uint32_t)(HEADERS + captured),
                                          .len = (uint32_t)(HEADERS + message->size),
                                          .link_type = RAW}};
    put(&whole, headers, HEADERS);
    put(&whole, message->octets, captured);
    packet.record.octets = guard_behind(&guard, whole.octets, whole.size);
    built_clear(&whole);
    pf_packet_decode(&packet, PF_DEPTH_APPLICATION);
    return packet;
}

/* What a written column holds; "" for null. */
static const char *written(const struct pf_packet *packet, const char *name)
{
    static char text[PF_WRITER_ROOM + 1];
    struct pf_writer writer = {.octets = text, .room = PF_WRITER_ROOM};
    const struct pf_field *field = pf_field_find(name);
    bool has = field->write(field, packet, &writer);
    text[has ? writer.length : 0] = 0;
    return text;
}

static void put_counts(struct built *message, unsigned questions, unsigned answers)
{
    put_be(message, 1, 2);
    put_be(message, 0x8000, 2);
    put_be(message, questions, 2);
    put_be(message, answers, 2);
    put_be(message, 0, 4);
}

static void put_record(struct built *message, const char *name, size_t name_size, unsigned type, const char *data,
                       size_t size)
{
    put(message, name, name_size);
    put_be(message, type, 2);
    put_be(message, 1, 2);
    put_be(message, 60, 4);
    put_be(message, size, 2);
    put(message, data, size);
}

/* One record of each form, whose names point back to the question. */
static void put_forms(struct built *message)
{
    put_counts(message, 1, 9);
    put(message, "\1a\2bc\0\0\1\0\1", 10);
    put_record(message, "\300\14", 2, PF_DNS_CNAME, "\1x\300\16", 4);
    put_record(message, "\1x\300\16", 4, PF_DNS_A, "\300\0\2\1", 4);
    put_record(message, "\0", 1, PF_DNS_AAAA, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    put_record(message, "\300\14", 2, PF_DNS_MX, "\0\12\1y\300\14", 6);
    put_record(message, "\300\14", 2, PF_DNS_TXT, "\3a\"b\0", 5);
    put_record(message, "\300\14", 2, PF_DNS_SOA, "\300\14\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5", 23);
    put_record(message, "\300\14", 2, PF_DNS_SRV, "\0\1\0\2\0\3\0", 7);
    put_record(message, "\300\14", 2, PF_DNS_PTR, "\300\14\0", 3);
    put_record(message, "\300\14", 2, 999, "\1\2\xff", 3);
}

static const char *const forms[] = {
    "a.bc CNAME 60 x.bc",   "x.bc A 60 192.0.2.1",          ". AAAA 60 ::1",
    "a.bc MX 60 10 y.a.bc", "a.bc TXT 60 \"a\\034b\" \"\"", "a.bc SOA 60 a.bc . 1 2 3 4 5",
    "a.bc SRV 60 1 2 3 .",  "a.bc PTR 60 \\# 3 c00c00",     "a.bc TYPE999 60 \\# 3 0102ff",
};

/* The first `count` answers, and the mark where they are not all; where the text is written is the caller's. */
static void expected_answers(size_t count, char *text, size_t room)
{
    size_t all = sizeof forms / sizeof forms[0], length = 0;
    text[0] = 0;
    for (size_t i = 0; i < count; i++)
        length += (size_t)snprintf(text + length, room - length, "%s%s", i != 0 ? "; " : "", forms[i]);
    if (count != all)
        (void)snprintf(text + length, room - length, "%s...", count != 0 ? "; " : "");
}

static void test_answers_at_every_length(void)
{
    struct built message = {NULL, 0, 0};
    put_forms(&message);
    for (size_t size = PF_DNS_HEADER; size <= message.size; size++) {
        char text[1000];
        struct pf_packet packet = decoded(&message, size);
        struct pf_dns found;
        struct pf_dns_walk walk;
        struct pf_dns_record record;
        size_t records = 0;
        CHECK(pf_dns_of(&packet, &found) && found.size == size);
        for (bool some = pf_dns_records(&found, true, &walk); some && pf_dns_next(&walk, &record);)
            records++;
        expected_answers(records, text, sizeof text);
        CHECK_TEXT(written(&packet, "dns_answers"), text);
        CHECK_TEXT(written(&packet, "dns_qry_name"), size >= PF_DNS_HEADER + 6 ? "a.bc" : "");
        CHECK(records != 0 || written(&packet, "dns_cname")[0] == 0);
    }
    built_clear(&message);
}

/* A name that ends at the last octet, in each way in which it is none. */
static void test_names_at_the_end(void)
{
    static const struct {
        const char *octets;
        size_t size;
        const char *text;
    } names[] = {
        {"\0", 1, "."},         {"\1.\0", 3, "\\046"}, {"\1a", 2, ""},
        {"\2a", 2, ""},         {"\300", 1, ""},       {"\300\14", 2, ""},
        {"\300\377", 2, ""},    {"\377\377", 2, ""},   {"\300\4", 2, "."},
        {"\100a", 2, ""},       {"\200", 1, ""},       {"\1a\300\14", 4, ""},
        {"\1a\300\13", 4, "a"}, {"\77", 1, ""},        {"\3a\300\5\0", 5, "a\\192\\005"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct built message = {NULL, 0, 0};
        put_counts(&message, 1, 0);
        put(&message, names[i].octets, names[i].size);
        struct pf_packet packet = decoded(&message, message.size);
        CHECK_TEXT(written(&packet, "dns_qry_name"), names[i].text);
        built_clear(&message);
    }
}

/* The longest text: all of the room, and not one octet more. */
static void test_text_ends_where_its_room_does(void)
{
    struct built message = {NULL, 0, 0};
    put_counts(&message, 1, 0xffff);
    for (unsigned i = 0; i < 127; i++)
        put(&message, "\1x", 2);
    put(&message, "\0\0\1\0\1", 5);
    while (message.size < 60000)
        put_record(&message, "\300\14", 2, PF_DNS_CNAME, "\300\14", 2);
    struct pf_packet packet = decoded(&message, message.size);
    const char *text = written(&packet, "dns_answers");
    size_t length = strlen(text), one = strcspn(text, ";") + 2;
    CHECK(length <= PF_WRITER_ROOM && length + one > PF_WRITER_ROOM);
    CHECK_TEXT(text + length - 5, "; ...");
    packet = decoded(&message, 1000);
    length = strlen(written(&packet, "dns_answers"));
    CHECK(length <= 16 * 1000 && length + one > 16 * 1000);
    built_clear(&message);
}

static void test_type_names(void)
{
    CHECK_TEXT(pf_dns_type_name(1), "A");
    CHECK_TEXT(pf_dns_type_name(255), "ANY");
    CHECK_TEXT(pf_dns_type_name(32769), "DLV");
    CHECK(pf_dns_type_name(0) == NULL && pf_dns_type_name(54) == NULL && pf_dns_type_name(65535) == NULL);
}

int main(void)
{
    guard_init(&guard, MOST);
    test_answers_at_every_length();
    test_names_at_the_end();
    test_text_ends_where_its_room_does();
    test_type_names();
    guard_clear(&guard);
    return checks_done();
}
