/* Packets as they come, into a pcapng file or a series of them.
 *
 *   put ... put --> gathered --flush--> NAME.part --finish--> NAME
 *
 * What was flushed is whole packets, always: a mark says how far that goes, and who wants to may read up to it while
 * more is written. One thread puts, flushes and finishes; marks and names of files may be asked for by any. */
#ifndef PF_CAPTURE_RECORDER_H
#define PF_CAPTURE_RECORDER_H

#include "base/os_file.h"
#include "base/os_thread.h"
#include "capture/input.h"
#include "capture/pcapng.h"

struct pf_record_as {
    const char *path;   /* of a series: what comes before the number; NULL: an unnamed file in `folder` */
    const char *suffix; /* of a series: what comes behind the number, else NULL */
    const char *folder;
    const char *interface_name, *filter; /* what the file says where the source does not; or NULL */
    uint64_t file_octets;                /* of a series: a file takes no more, unless one packet does; 0: no limit */
    int64_t file_period;                 /* of a series: ns of packets' times, counted from the epoch; 0: no limit */
    unsigned keep;                       /* of a series: files that stay, the current one among them; 0: all */
    uint64_t packets, octets;            /* at which the recording is full; 0: never */
};

struct pf_mark {
    uint64_t offset; /* in the current file; all before it is whole */
    struct pf_before before;
};

enum { PF_FLUSH_AT = 256 << 10 }; /* octets gathered: below it a write costs more than the copy */

struct pf_recorder {
    struct pf_record_as as;
    struct pf_draft draft;
    uint8_t *octets;
    size_t size, capacity;
    struct pf_mark now;                             /* with what is gathered */
    uint64_t file_packets, closed_octets, captured; /* `captured`: octets of packets, without headers */
    int64_t period;
    const struct pf_interface *interface; /* the last one described in this file */
    bool full_packets, full_octets;

    struct pf_mutex lock;  /* guards what follows */
    int shared;            /* one more descriptor of the current file, to read from; -1 for a series */
    struct pf_mark mark;   /* what is flushed */
    struct pf_mark *marks; /* some of the earlier ones, in order */
    size_t mark_count, mark_capacity;
    uint64_t first_record; /* the offset behind the interfaces that were known at the beginning */
    uint64_t flushed_octets;
    char **files; /* finished, still there, oldest first */
    size_t file_count, file_capacity;
    unsigned long numbered; /* files begun */
};

/* What `as` points to must stay. */
enum pf_status pf_recorder_begin(struct pf_recorder *recorder, const struct pf_record_as *as,
                                 const struct pf_interfaces *interfaces, struct pf_error *error);
/* Takes a record. *full: no more is to come, because so many packets are there, or because this one would have been too
 * much and was left out. */
enum pf_status pf_recorder_put(struct pf_recorder *recorder, const struct pf_record *record, bool *full,
                               struct pf_error *error);
/* On a full disk what fits stays, cut behind the last whole packet; the status is PF_OS_ERROR all the same. */
enum pf_status pf_recorder_flush(struct pf_recorder *recorder, struct pf_error *error);
/* Writes the statistics (NULL: none) and gives the file its name. */
enum pf_status pf_recorder_finish(struct pf_recorder *recorder, const struct pf_pcapng_statistics *statistics,
                                  struct pf_error *error);
void pf_recorder_clear(struct pf_recorder *recorder); /* what is not finished stays NAME.part; zeroed is fine */

struct pf_mark pf_recorder_mark(struct pf_recorder *recorder);
/* The latest mark kept at which no more than so many packets were there. */
struct pf_mark pf_recorder_mark_before(struct pf_recorder *recorder, uint64_t packets);

#endif
