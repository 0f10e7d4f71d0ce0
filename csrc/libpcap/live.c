#define _DEFAULT_SOURCE /* pcap.h wants u_int, which -std=c11 hides */
#include "libpcap/live.h"

#include "base/alloc.h"
#include "base/os_file.h"
#include "base/os_thread.h"
#include "base/writer.h"
#include "libpcap/bpf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pcap.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
    HEADER = 24,
    RECORD = 16,
    AT_ONCE = 256,    /* packets taken before they are handed on */
    RETIRE = 50,      /* ms after which the system hands on a part of its buffer that is not full */
    LOOK = 100,       /* ms: so often it is looked whether the interface is still there */
    LAST_LOOK = 10,   /* looks, RETIRE apart, at what arrived before the end */
    LAST_WAIT = 5000, /* ms for all of them: where nobody knows how many are due, packets may come for ever */
};

struct live {
    struct pf_source base;
    pcap_t *pcap;
    int fd; /* readable when there are packets; -1 where the system has no such thing */
    int wake[2];
    atomic_bool finishing;
    uint8_t *octets; /* records that were taken and not handed on */
    size_t at, size, capacity;
    bool no_memory;
    uint64_t taken;                /* packets */
    uint64_t counted[3], began[2]; /* received, dropped, missed so far, in 64 bits; and before all was set up */
    uint32_t said[3];              /* what libpcap said last, in its 32 bits */
    bool last_round;               /* the end was asked for, */
    uint64_t last[3];              /* when these were counted, */
    uint64_t due;                  /* and so many packets are to be taken; UINT64_MAX: nobody knows; */
    uint64_t until;                /* ms, no later than this */
};

/* --- opening ----------------------------------------------------------------------------------------------------- */

static bool put(struct live *live, const void *octets, size_t size)
{
    if (size > live->capacity - live->size) {
        size_t capacity = pf_grown(live->capacity, live->size + size, 1);
        uint8_t *grown = capacity != 0 ? pf_realloc(live->octets, capacity) : NULL;
        if (grown == NULL)
            return false;
        live->octets = grown;
        live->capacity = capacity;
    }
    if (size != 0)
        memcpy(live->octets + live->size, octets, size);
    live->size += size;
    return true;
}

/* libpcap writes the header itself: it alone knows which link type of files its own number is. */
static enum pf_status put_header(struct live *live, struct pf_error *error)
{
    char header[HEADER + 1]; /* fmemopen wants room for a zero */
    FILE *file = fmemopen(header, sizeof header, "wb");
    pcap_dumper_t *dumper = file != NULL ? pcap_dump_fopen(live->pcap, file) : NULL;
    if (dumper == NULL) {
        if (file != NULL)
            (void)fclose(file);
        return pf_fail(error, PF_NOT_CAPTURE, "%s: %s", live->base.name,
                       file != NULL ? pcap_geterr(live->pcap) : "out of memory");
    }
    pcap_dump_close(dumper); /* and the file */
    return put(live, header, HEADER) ? PF_OK : pf_fail_memory(error);
}

static enum pf_status refused(const struct live *live, int why, struct pf_error *error)
{
    const char *name = live->base.name;
    switch (why) {
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
        return pf_fail_sys(error, EPERM, name, "may not be opened");
    case PCAP_ERROR_NO_SUCH_DEVICE:
        return pf_fail_sys(error, ENODEV, name, "is not there");
    case PCAP_ERROR_IFACE_NOT_UP:
        return pf_fail_sys(error, ENETDOWN, name, "is down");
    default:
        return pf_fail(error, PF_NOT_CAPTURE, "%s: %s%s%s", name, pcap_statustostr(why),
                       *pcap_geterr(live->pcap) != '\0' ? ": " : "", pcap_geterr(live->pcap));
    }
}

static enum pf_status activate(struct live *live, const struct pf_live_how *how, struct pf_error *error)
{
    (void)pcap_set_snaplen(live->pcap, (int)how->snap_len);
    (void)pcap_set_promisc(live->pcap, how->promiscuous);
    (void)pcap_set_timeout(live->pcap, RETIRE);
    (void)pcap_set_buffer_size(live->pcap, (int)how->buffer);
    (void)pcap_set_tstamp_precision(live->pcap, PCAP_TSTAMP_PRECISION_NANO);
    int status = pcap_activate(live->pcap);
    if (status < 0)
        return refused(live, status, error);
#ifdef DLT_LINUX_SLL2
    if (strcmp(how->interface, "any") == 0)
        (void)pcap_set_datalink(live->pcap, DLT_LINUX_SLL2); /* it tells the interfaces; not every libpcap has it */
#endif
    char message[PCAP_ERRBUF_SIZE] = "";
    if (pcap_setnonblock(live->pcap, 1, message) != 0)
        return pf_fail(error, PF_NOT_CAPTURE, "%s: %s", live->base.name, message);
    live->fd = pcap_get_selectable_fd(live->pcap);
    return PF_OK;
}

static enum pf_status set_filter(struct live *live, const char *filter, struct pf_error *error)
{
    struct bpf_program program;
    /* The netmask matters to `ip broadcast` alone. */
    if (pcap_compile(live->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN) != 0)
        return pf_bpf_refused(filter, 0, live->pcap, error);
    int status = pcap_setfilter(live->pcap, &program);
    pcap_freecode(&program);
    if (status != 0)
        return pf_bpf_refused(filter, 0, live->pcap, error);
    return PF_OK;
}

/* Linux gives of what a host sends to itself each packet twice, going out and coming in. libpcap throws one away, but
 * it was counted and took room. */
static void hear_once(struct live *live)
{
    char message[PCAP_ERRBUF_SIZE] = "";
    pcap_if_t *all = NULL;
    if (pcap_findalldevs(&all, message) != 0)
        return;
    for (const pcap_if_t *each = all; each != NULL; each = each->next) {
        if (strcmp(each->name, live->base.name) == 0 && (each->flags & PCAP_IF_LOOPBACK) != 0)
            (void)pf_os_ignore_outgoing(pcap_fileno(live->pcap));
    }
    pcap_freealldevs(all);
}

/* What was counted before all was set up is not ours. */
static void count_from_here(struct live *live)
{
    uint64_t missed;
    if (!pf_live_statistics(&live->base, &live->began[0], &live->began[1], &missed))
        live->began[0] = live->began[1] = 0;
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static void take(u_char *context, const struct pcap_pkthdr *header, const u_char *octets)
{
    struct live *live = (struct live *)(void *)context;
    uint32_t record[RECORD / 4] = {(uint32_t)header->ts.tv_sec, (uint32_t)header->ts.tv_usec /* ns: as was asked */,
                                   header->caplen, header->len};
    size_t before = live->size;
    if (!put(live, record, sizeof record) || !put(live, octets, header->caplen)) {
        live->size = before;
        live->no_memory = true;
        pcap_breakloop(live->pcap);
        return;
    }
    live->taken++;
}

/* Sets *ended when, after the end was asked for, all is there that had been received by then. */
static enum pf_status last_round(struct live *live, bool *ended, struct pf_error *error)
{
    if (!live->last_round) {
        uint64_t *last = live->last;
        live->due = UINT64_MAX;
        if (pf_live_statistics(&live->base, &last[0], &last[1], &last[2]))
            live->due = last[0] - last[1];
        live->until = pf_os_milliseconds() + LAST_WAIT;
        live->last_round = true;
    }
    for (int look = 0; look < LAST_LOOK && live->taken < live->due && pf_os_milliseconds() < live->until; look++) {
        bool ready = false;
        int found = pcap_dispatch(live->pcap, AT_ONCE, take, (u_char *)live);
        if (found < 0 && found != PCAP_ERROR_BREAK)
            break; /* it is gone, and what it had with it */
        if (live->no_memory)
            return pf_fail_memory(error);
        if (found > 0)
            return PF_OK;
        (void)pf_os_wait(&live->fd, 1, RETIRE, &ready);
        /* A part of the buffer that is not full is handed on when its time is over, however readable. */
    }
    *ended = true;
    return PF_OK;
}

/* Takes packets, waiting for the first of them; *ended: there are no more. */
static enum pf_status refill(struct live *live, struct pf_crew *crew, bool *ended, struct pf_error *error)
{
    live->at = live->size = 0;
    while (live->size == 0 && !*ended) {
        if (atomic_load(&live->finishing)) {
            PF_TRY(last_round(live, ended, error));
            continue;
        }
        int found = pcap_dispatch(live->pcap, AT_ONCE, take, (u_char *)live);
        if (live->no_memory)
            return pf_fail_memory(error);
        if (found < 0 && found != PCAP_ERROR_BREAK)
            return pf_fail(error, PF_NOT_CAPTURE, "%s: %s", live->base.name, pcap_geterr(live->pcap));
        if (live->size != 0)
            break;
        int fds[] = {live->fd, live->wake[0], pf_crew_wake_fd(crew)};
        bool ready[3];
        int failed = pf_os_wait(fds, 3, LOOK, ready);
        if (failed != 0)
            return pf_fail_sys(error, failed, live->base.name, "could not be read");
        if (ready[2])
            return pf_fail(error, PF_STOPPED, "stopped");
    }
    return PF_OK;
}

static enum pf_status read_live(struct pf_source *source, struct pf_crew *crew, void *memory, size_t size, size_t *got,
                                struct pf_error *error)
{
    struct live *live = (struct live *)source;
    bool ended = false;
    if (live->at == live->size)
        PF_TRY(refill(live, crew, &ended, error));
    size_t left = live->size - live->at;
    *got = size < left ? size : left;
    if (*got != 0)
        memcpy(memory, live->octets + live->at, *got);
    live->at += *got;
    return PF_OK;
}

static void free_live(struct pf_source *source)
{
    struct live *live = (struct live *)source;
    if (live->pcap != NULL)
        pcap_close(live->pcap);
    pf_os_close(live->wake[0]);
    pf_os_close(live->wake[1]);
    pf_free(live->octets);
    pf_free(live);
}

static const struct pf_source_ops live_ops = {.read = read_live, .free = free_live};

enum pf_status pf_live_open(const struct pf_live_how *how, struct pf_source **source, struct pf_error *error)
{
    char message[PCAP_ERRBUF_SIZE] = "";
    struct live *live = pf_alloc(sizeof *live);
    if (live == NULL)
        return pf_fail_memory(error);
    live->fd = live->wake[0] = live->wake[1] = -1;
    enum pf_status status = pf_source_init(&live->base, &live_ops, how->interface, error);
    live->base.once = true;
    int failed = status == PF_OK ? pf_os_wake_pipe(live->wake) : 0;
    if (failed != 0)
        status = pf_fail_sys(error, failed, NULL, "could not make a pipe");
    if (status == PF_OK) {
        live->pcap = pcap_create(how->interface, message);
        status = live->pcap != NULL ? activate(live, how, error)
                                    : pf_fail(error, PF_NOT_CAPTURE, "%s: %s", how->interface, message);
    }
    if (status == PF_OK)
        status = put_header(live, error);
    if (status == PF_OK && how->filter != NULL)
        status = set_filter(live, how->filter, error);
    if (status == PF_OK) {
        hear_once(live);
        count_from_here(live);
        *source = &live->base;
    }
    if (status != PF_OK)
        pf_source_free(&live->base);
    return status;
}

void pf_live_finish(struct pf_source *source)
{
    struct live *live = (struct live *)source;
    if (!atomic_exchange(&live->finishing, true))
        pf_os_wake(live->wake[1]);
}

/* libpcap counts in 32 bits, which go round in minutes at 10 Gbit/s. On Linux what was received has in it what was
 * dropped for want of room. After the end what comes counts only where it was taken nevertheless. */
bool pf_live_statistics(struct pf_source *source, uint64_t *received, uint64_t *dropped, uint64_t *missed)
{
    struct live *live = (struct live *)source;
    struct pcap_stat stat;
    if (live->last_round && live->due != UINT64_MAX) {
        *received = live->last[1] + (live->taken > live->due ? live->taken : live->due);
        *dropped = live->last[1];
        *missed = live->last[2];
        return true;
    }
    memset(&stat, 0, sizeof stat);
    if (pcap_stats(live->pcap, &stat) != 0)
        return false;
    uint32_t now[] = {stat.ps_recv, stat.ps_drop, stat.ps_ifdrop};
    for (int i = 0; i < 3; i++) {
        live->counted[i] += (uint32_t)(now[i] - live->said[i]);
        live->said[i] = now[i];
    }
    *received = live->counted[0] - live->began[0];
    *dropped = live->counted[1] - live->began[1];
    *missed = live->counted[2];
    return true;
}

/* --- what there is ----------------------------------------------------------------------------------------------- */

static unsigned prefix_length(const uint8_t *mask, size_t size)
{
    unsigned bits = 0;
    while (bits < 8 * size && (mask[bits / 8] >> (7 - bits % 8) & 1) != 0)
        bits++;
    return bits;
}

static void put_address(struct pf_writer *writer, const struct pcap_addr *address)
{
    char text[INET6_ADDRSTRLEN];
    const struct sockaddr *at = address->addr, *mask = address->netmask;
    if (at == NULL || (at->sa_family != AF_INET && at->sa_family != AF_INET6))
        return;
    bool v4 = at->sa_family == AF_INET;
    const void *octets = v4 ? (const void *)&((const struct sockaddr_in *)(const void *)at)->sin_addr
                            : (const void *)&((const struct sockaddr_in6 *)(const void *)at)->sin6_addr;
    if (inet_ntop(at->sa_family, octets, text, sizeof text) == NULL)
        return;
    if (writer->length != 0)
        pf_write_char(writer, ' ');
    pf_write_string(writer, text);
    if (mask == NULL)
        return;
    const void *bits = v4 ? (const void *)&((const struct sockaddr_in *)(const void *)mask)->sin_addr
                          : (const void *)&((const struct sockaddr_in6 *)(const void *)mask)->sin6_addr;
    pf_write_char(writer, '/');
    pf_write_number(writer, prefix_length(bits, v4 ? 4 : 16));
}

enum pf_status pf_live_interfaces(enum pf_status (*tell)(void *context, const struct pf_live_interface *interface,
                                                         struct pf_error *error),
                                  void *context, struct pf_error *error)
{
    enum { ROOM = 4096 };
    char message[PCAP_ERRBUF_SIZE] = "", addresses[ROOM];
    pcap_if_t *all = NULL;
    if (pcap_findalldevs(&all, message) != 0)
        return pf_fail(error, PF_NOT_CAPTURE, "the interfaces could not be listed: %s", message);
    enum pf_status status = PF_OK;
    for (const pcap_if_t *each = all; each != NULL && status == PF_OK; each = each->next) {
        struct pf_writer writer = {.octets = addresses, .room = ROOM - 1};
        for (const struct pcap_addr *address = each->addresses; address != NULL; address = address->next)
            put_address(&writer, address);
        addresses[writer.length] = '\0';
        struct pf_live_interface interface = {
            .name = each->name,
            .description = each->description,
            .addresses = addresses,
            .up = (each->flags & PCAP_IF_UP) != 0,
            .running = (each->flags & PCAP_IF_RUNNING) != 0,
            .loopback = (each->flags & PCAP_IF_LOOPBACK) != 0,
#ifdef PCAP_IF_WIRELESS
            .wireless = (each->flags & PCAP_IF_WIRELESS) != 0,
#endif
        };
        status = tell(context, &interface, error);
    }
    pcap_freealldevs(all);
    return status;
}
