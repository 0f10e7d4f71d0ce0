#define _DEFAULT_SOURCE /* pcap.h wants u_int, which -std=c11 hides */
#include "libpcap/bpf.h"

#include "base/alloc.h"
#include "base/os_thread.h"

#include <pcap.h>
#include <stdio.h>
#include <string.h>

struct pf_bpf {
    struct bpf_program program;
    bool loops; /* of `protochain`: libpcap's interpreter may never come back from it, as on FDDI */
};

enum {
    MOST_CAPTURED = 262144, /* libpcap's own limit; a program returns it for "all of the packet" */
    SHOWN = 80,             /* octets of an expression in a message */
    MOST_STEPS = 100000,    /* of a program that loops: more headers than a packet has octets take no more */
};

/* pcap_compile is thread-safe since libpcap 1.8; older ones have one parser for all. */
static pf_once once = PF_ONCE_INIT;
static struct pf_mutex compiling;

static void init_mutex(void)
{
    pf_mutex_init(&compiling);
}

bool pf_libpcap(const char **says)
{
    *says = pcap_lib_version();
    return true;
}

static void put_word(uint8_t *at, size_t size, uint32_t value, bool big_endian)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> 8 * (big_endian ? size - 1 - i : i));
}

/* Only libpcap knows which of its DLT numbers a link type of a file is, and what its byte order means: so it opens a
 * capture without packets. */
static pcap_t *open_header(uint16_t link_type, bool big_endian, struct pf_error *error)
{
    static const struct {
        size_t offset, size;
        uint32_t value;
    } fields[] = {{0, 4, 0xa1b2c3d4}, {4, 2, 2}, {6, 2, 4}, {16, 4, MOST_CAPTURED}};
    uint8_t header[24] = {0};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        put_word(header + fields[i].offset, fields[i].size, fields[i].value, big_endian);
    put_word(header + 20, 4, link_type, big_endian);

    FILE *file = fmemopen(header, sizeof header, "rb");
    if (file == NULL) {
        (void)pf_fail_memory(error);
        return NULL;
    }
    char message[PCAP_ERRBUF_SIZE] = "";
    pcap_t *pcap = pcap_fopen_offline(file, message);
    if (pcap == NULL) {
        (void)fclose(file);
        (void)pf_fail(error, PF_NOT_FILTER, "link type %u: libpcap: %s", link_type, message);
    }
    return pcap;
}

/* At most size - 1 octets of `text`, on one line. */
static const char *shown(const char *text, char *line, size_t size)
{
    size_t length = strlen(text);
    bool whole = length < size;
    if (!whole) {
        for (length = size - 4; ((uint8_t)text[length] & 0xc0) == 0x80; length--) /* not within a character */
            continue;
    }
    for (size_t i = 0; i < length; i++)
        line[i] = (uint8_t)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i];
    memcpy(line + length, whole ? "" : "...", whole ? 1 : 4);
    return line;
}

enum pf_status pf_bpf_refused(const char *expression, uint16_t link_type, struct pcap *pcap, struct pf_error *error)
{
    static const char preamble[] = "can't parse filter expression: ";
    char expression_line[SHOWN], message_line[PCAP_ERRBUF_SIZE];
    const char *message = shown(pcap_geterr(pcap), message_line, sizeof message_line);
    (void)shown(expression, expression_line, sizeof expression_line);
    if (strncmp(message, preamble, strlen(preamble)) == 0)
        message += strlen(preamble);
    if (strstr(message, "syntax error") != NULL)
        return pf_fail(
            error, PF_NOT_FILTER,
            "filter \"%s\": %s; filters are written in BPF syntax as for tcpdump, such as \"tcp port 80\" (man "
            "pcap-filter), not as Wireshark's display filters",
            expression_line, message);
    const char *name = pcap_datalink_val_to_name(pcap_datalink(pcap));
    const char *description = pcap_datalink_val_to_description(pcap_datalink(pcap));
    if (name == NULL || description == NULL)
        return pf_fail(error, PF_NOT_FILTER, "filter \"%s\" on link type %u: %s", expression_line, link_type, message);
    return pf_fail(error, PF_NOT_FILTER, "filter \"%s\" on link type %s (%s): %s", expression_line, name, description,
                   message);
}

/* Only `protochain` jumps back. */
static bool loops(const struct bpf_program *program)
{
    for (u_int i = 0; i < program->bf_len; i++) {
        if (program->bf_insns[i].code == (BPF_JMP | BPF_JA) && (bpf_int32)program->bf_insns[i].k < 0)
            return true;
    }
    return false;
}

enum pf_status pf_bpf_compile(const char *expression, uint16_t link_type, bool big_endian, struct pf_bpf **program,
                              struct pf_error *error)
{
    *program = NULL;
    struct pf_bpf *made = pf_alloc(sizeof *made);
    if (made == NULL)
        return pf_fail_memory(error);
    pf_os_once(&once, init_mutex);
    pf_mutex_lock(&compiling);
    pcap_t *pcap = open_header(link_type, big_endian, error);
    enum pf_status status = pcap != NULL ? PF_OK : error->status;
    /* The netmask matters to `ip broadcast` alone, and tcpdump has none either when it reads a file. */
    if (pcap != NULL && pcap_compile(pcap, &made->program, expression, 1, 0) != 0)
        status = pf_bpf_refused(expression, link_type, pcap, error);
    if (pcap != NULL)
        pcap_close(pcap);
    pf_mutex_unlock(&compiling);
    if (status == PF_OK)
        made->loops = loops(&made->program);
    if (status == PF_OK)
        *program = made;
    else
        pf_free(made);
    return status;
}

struct machine {
    const uint8_t *octets;
    uint32_t len, captured;
    uint32_t a, x, memory[BPF_MEMWORDS];
};

/* What a load gives; false where it is beyond the packet. */
static bool load(struct machine *machine, const struct bpf_insn *one, uint32_t *value)
{
    uint32_t size = BPF_SIZE(one->code) == BPF_W ? 4 : BPF_SIZE(one->code) == BPF_H ? 2 : 1;
    uint32_t at = one->k;
    *value = 0;
    switch (BPF_MODE(one->code)) {
    case BPF_IMM:
        *value = one->k;
        return true;
    case BPF_LEN:
        *value = machine->len;
        return true;
    case BPF_MEM:
        *value = one->k < BPF_MEMWORDS ? machine->memory[one->k] : 0;
        return one->k < BPF_MEMWORDS;
    case BPF_IND:
        if (machine->x > UINT32_MAX - at)
            return false;
        at += machine->x;
        break;
    default:
        break;
    }
    if (at > machine->captured || size > machine->captured - at)
        return false;
    for (uint32_t i = 0; i < size; i++)
        *value = *value << 8 | machine->octets[at + i];
    if (BPF_MODE(one->code) == BPF_MSH)
        *value = (*value & 15) << 2;
    return true;
}

static bool compute(struct machine *machine, uint16_t code, uint32_t with)
{
    uint32_t a = machine->a;
    switch (BPF_OP(code)) {
    case BPF_ADD:
        a += with;
        break;
    case BPF_SUB:
        a -= with;
        break;
    case BPF_MUL:
        a *= with;
        break;
    case BPF_DIV:
    case BPF_MOD:
        if (with == 0)
            return false;
        a = BPF_OP(code) == BPF_DIV ? a / with : a % with;
        break;
    case BPF_AND:
        a &= with;
        break;
    case BPF_OR:
        a |= with;
        break;
    case BPF_XOR:
        a ^= with;
        break;
    case BPF_LSH:
        a = with < 32 ? a << with : 0;
        break;
    case BPF_RSH:
        a = with < 32 ? a >> with : 0;
        break;
    case BPF_NEG:
        a = 0 - a;
        break;
    default:
        return false;
    }
    machine->a = a;
    return true;
}

static bool holds(uint32_t a, uint16_t code, uint32_t with)
{
    switch (BPF_OP(code)) {
    case BPF_JEQ:
        return a == with;
    case BPF_JGT:
        return a > with;
    case BPF_JGE:
        return a >= with;
    default:
        return (a & with) != 0;
    }
}

/* McCanne and Jacobson 1993 with an end: a program that takes too many steps does not match. */
static bool run_bounded(const struct bpf_program *program, const uint8_t *octets, uint32_t len, uint32_t captured)
{
    struct machine machine = {.octets = octets, .len = len, .captured = captured};
    uint32_t at = 0;
    for (unsigned step = 0; step < MOST_STEPS && at < program->bf_len; step++) {
        const struct bpf_insn *one = &program->bf_insns[at++];
        uint32_t with = BPF_SRC(one->code) == BPF_X ? machine.x : one->k;
        switch (BPF_CLASS(one->code)) {
        case BPF_RET:
            return (BPF_RVAL(one->code) == BPF_A ? machine.a : one->k) != 0;
        case BPF_LD:
            if (!load(&machine, one, &machine.a))
                return false;
            break;
        case BPF_LDX:
            if (!load(&machine, one, &machine.x))
                return false;
            break;
        case BPF_ST:
        case BPF_STX:
            if (one->k >= BPF_MEMWORDS)
                return false;
            machine.memory[one->k] = BPF_CLASS(one->code) == BPF_ST ? machine.a : machine.x;
            break;
        case BPF_ALU:
            if (!compute(&machine, one->code, with))
                return false;
            break;
        case BPF_JMP:
            if (BPF_OP(one->code) == BPF_JA)
                at += one->k; /* back: it wraps */
            else
                at += holds(machine.a, one->code, with) ? one->jt : one->jf;
            break;
        default: /* BPF_MISC */
            if (BPF_MISCOP(one->code) == BPF_TAX)
                machine.x = machine.a;
            else
                machine.a = machine.x;
            break;
        }
    }
    return false;
}

bool pf_bpf_matches(const struct pf_bpf *program, const uint8_t *octets, uint32_t len, uint32_t captured)
{
    if (program->loops)
        return run_bounded(&program->program, octets, len, captured);
    return bpf_filter(program->program.bf_insns, octets, len, captured) != 0;
}

void pf_bpf_free(struct pf_bpf *program)
{
    if (program == NULL)
        return;
    pcap_freecode(&program->program);
    pf_free(program);
}
