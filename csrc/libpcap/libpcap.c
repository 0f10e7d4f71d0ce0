#define _DEFAULT_SOURCE /* pcap.h wants u_int, which -std=c11 hides */
#include "libpcap/bpf.h"

#include "base/alloc.h"
#include "base/os_thread.h"

#include <pcap.h>
#include <stdio.h>
#include <string.h>

struct pf_bpf {
    struct bpf_program program;
};

enum {
    MOST_CAPTURED = 262144, /* libpcap's own limit; a program returns it for "all of the packet" */
    SHOWN = 80,             /* octets of an expression in a message */
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
        *program = made;
    else
        pf_free(made);
    return status;
}

bool pf_bpf_matches(const struct pf_bpf *program, const uint8_t *octets, uint32_t len, uint32_t captured)
{
    return bpf_filter(program->program.bf_insns, octets, len, captured) != 0;
}

void pf_bpf_free(struct pf_bpf *program)
{
    if (program == NULL)
        return;
    pcap_freecode(&program->program);
    pf_free(program);
}
