/* The mutators of tests/fuzz: most of what they make is well formed, far more of it than after changes at random, which
 * the same code makes where it is asked for none. */
#include "mutate.h"

#include "capture/input.h"
#include "naive.h"
#include "pass/pass.h"
#include "payload/dns.h"
#include "payload/tls.h"

enum { CHAINS = 400, STEPS = 8, ROOM = 4096, RAW = 101 };

/* Whether octets are what their form asks for. */
typedef bool (*judge)(const uint8_t *octets, size_t size);

static bool is_pcapng(const uint8_t *octets, size_t size)
{
    struct pf_error error;
    struct pf_source *source;
    struct pf_input input, *inputs = &input;
    struct gather gather;
    struct pf_sink *sinks[] = {&gather.sink};
    struct pf_pass pass = {.inputs = &inputs, .input_count = 1, .sinks = sinks, .sink_count = 1, .threads = 1};
    gather_init(&gather);
    if (!CHECK_OK(pf_source_memory("x", octets, size, &source, &error)))
        return false;
    bool fine = pf_input_open(&input, source, NULL, &error) == PF_OK;
    if (fine)
        CHECK_OK(pf_pass_run(&pass, &error));
    fine = fine && pass.fault_count == 0 && gather.gathered.size != 0;
    pf_pass_clear(&pass);
    pf_input_close(&input);
    gather_clear(&gather);
    return fine;
}

/* A message in a packet of raw IPv4 between two ports. */
static void decode(struct pf_packet *packet, uint8_t *room, bool tcp, unsigned port, const uint8_t *said, size_t size)
{
    size_t head = tcp ? 40 : 28;
    memset(room, 0, head);
    room[0] = 0x45;
    room[9] = tcp ? 6 : 17;
    (void)form_put(room + 22, port, 2, false);
    room[32] = 0x50;
    memcpy(room + head, said, size);
    memset(packet, 0, sizeof *packet);
    packet->record.octets = room;
    packet->record.cap_len = packet->record.len = (uint32_t)(head + size);
    packet->record.link_type = RAW;
    pf_packet_decode(packet, PF_DEPTH_APPLICATION);
}

/* All records that its counts tell of are there. */
static bool is_dns(const uint8_t *octets, size_t size)
{
    static uint8_t room[ROOM + 64];
    struct pf_packet packet;
    struct pf_dns message;
    struct pf_dns_walk walk;
    struct pf_dns_record record;
    uint32_t said = 0, met = 0;
    decode(&packet, room, false, 53, octets, size);
    if (!pf_dns_of(&packet, &message) || !pf_dns_records(&message, false, &walk))
        return false;
    for (unsigned place = PF_DNS_ANSWERS; place <= PF_DNS_ADDITIONALS; place += 2)
        said += pf_dns_count(&message, place);
    while (pf_dns_next(&walk, &record))
        met++;
    return met == said && walk.at == message.size;
}

/* A hello whose lengths add up. */
static bool is_tls(const uint8_t *octets, size_t size)
{
    static uint8_t room[ROOM + 64];
    static struct pf_tls_hello hello;
    struct pf_packet packet;
    decode(&packet, room, true, 443, octets, size);
    return pf_tls_hello(&packet, &hello) && hello.whole;
}

static unsigned sound(mutator mutate, judge judge, const uint8_t *seed, size_t seed_size)
{
    unsigned count = 0;
    uint64_t state = 7;
    for (unsigned chain = 0; chain < CHAINS; chain++) {
        uint8_t octets[ROOM];
        size_t size = seed_size;
        memcpy(octets, seed, size);
        for (unsigned step = 0; step < STEPS; step++) {
            unsigned number = (unsigned)draw(&state);
            size = mutate != NULL ? mutate(octets, size, ROOM, number) : LLVMFuzzerMutate(octets, size, ROOM);
            CHECK(size <= ROOM);
            count += judge(octets, size);
        }
    }
    return count;
}

static void compare(const char *name, mutator mutate, judge judge, const uint8_t *seed, size_t size)
{
    unsigned of = CHAINS * STEPS, knowing = sound(mutate, judge, seed, size), plain = sound(NULL, judge, seed, size);
    (void)printf("%s: %u %% well formed, %u %% when changed at random\n", name, 100 * knowing / of, 100 * plain / of);
    CHECK(judge(seed, size));
    CHECK(2 * knowing > of);
    CHECK(knowing > 2 * plain);
}

int main(void)
{
    static const uint8_t dns[] = "\0\7\x81\x80\0\1\0\2\0\0\0\0\3www\7example\3org\0\0\1\0\1"
                                 "\xc0\x0c\0\5\0\1\0\0\1\0\0\4\1a\xc0\x10\xc0\x0c\0\1\0\1\0\0\1\0\0\4\x0a\0\0\1";
    static const uint8_t tls[] = "\x16\3\1\0\x44\1\0\0\x40\3\3"
                                 "0123456789abcdef0123456789abcdef\0\0\4\x13\1\x13\2\1\0\0\x13"
                                 "\0\0\0\7\0\5\0\0\2ab\0\x10\0\4\0\2\1h";
    uint8_t pcapng[ROOM];
    size_t size = 0;
    /* From nothing: it begins with a section, an interface and a packet. */
    for (unsigned seed = 0; size == 0 || !is_pcapng(pcapng, size); seed++)
        size = mutate_pcapng(pcapng, 0, ROOM, seed);
    compare("pcapng", mutate_pcapng, is_pcapng, pcapng, size);
    compare("DNS", mutate_dns, is_dns, dns, sizeof dns - 1);
    compare("TLS", mutate_tls, is_tls, tls, sizeof tls - 1);
    return checks_done();
}
