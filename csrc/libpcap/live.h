/* Interfaces of this machine: what there is, and their packets as a source.
 *
 * One header, two faces, as in bpf.h: live.c where libpcap is, none.c where it is not. */
#ifndef PF_LIBPCAP_LIVE_H
#define PF_LIBPCAP_LIVE_H

#include "capture/source.h"

struct pf_live_how {
    const char *interface;
    const char *filter; /* as in tcpdump; NULL: none */
    uint32_t snap_len;  /* octets of a packet at most */
    uint32_t buffer;    /* octets that the system keeps for us until we come */
    bool promiscuous;
};

/* A stream of octets in the classic pcap format with nanoseconds, as libpcap's own tools write it. It ends when told to
 * (pf_live_finish) with all that had arrived by then; where the interface is gone, reading fails with libpcap's words.
 * PF_OS_ERROR with EPERM, ENODEV or ENETDOWN where it can't be opened for that reason, PF_NOT_FILTER. */
enum pf_status pf_live_open(const struct pf_live_how *how, struct pf_source **source, struct pf_error *error);
/* Any thread may call. */
void pf_live_finish(struct pf_source *source);
/* Packets that the filter let pass since it was opened, those of them that had no room in the buffer, and those that
 * the interface itself dropped. Called by the thread that reads; false where the system doesn't say. */
bool pf_live_statistics(struct pf_source *source, uint64_t *received, uint64_t *dropped, uint64_t *missed);

struct pf_live_interface {
    const char *name, *description; /* the latter may be NULL */
    const char *addresses;          /* IP addresses with the lengths of their prefixes, a space between them */
    bool up, running, loopback, wireless;
};

/* Tells of each; a status that is not PF_OK ends it. */
enum pf_status pf_live_interfaces(enum pf_status (*tell)(void *context, const struct pf_live_interface *interface,
                                                         struct pf_error *error),
                                  void *context, struct pf_error *error);

#endif
