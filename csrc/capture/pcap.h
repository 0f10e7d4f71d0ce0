/* Classic pcap (draft-ietf-opsawg-pcap). */
#ifndef PF_CAPTURE_PCAP_H
#define PF_CAPTURE_PCAP_H

#include "capture/format.h"

enum {
    PF_PCAP_HEADER = 24,
    PF_PCAP_RECORD_HEADER = 16,
};

extern const struct pf_format pf_pcap;

/* Whether these four octets are a magic number of ours; sets the flags of *walk that it tells. */
bool pf_pcap_magic(struct pf_walk *walk, const uint8_t *head);
/* The rest of the header, PF_PCAP_HEADER octets in all. */
enum pf_status pf_pcap_open(struct pf_walk *walk, const char *name, const uint8_t *head, struct pf_error *error);

/* The header and record headers that we write, little-endian. */
void pf_pcap_put_header(uint8_t header[PF_PCAP_HEADER], uint16_t link_type, uint8_t link_high, uint32_t snap_len,
                        bool nanoseconds);
/* False where the record's time does not fit. */
bool pf_pcap_put_record(uint8_t header[PF_PCAP_RECORD_HEADER], const struct pf_record *record, bool nanoseconds);

#endif
