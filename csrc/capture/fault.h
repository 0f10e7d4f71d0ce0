/* What is wrong with a capture, and where. */
#ifndef PF_CAPTURE_FAULT_H
#define PF_CAPTURE_FAULT_H

#include "base/error.h"

enum pf_fault_kind {
    PF_NO_FAULT = 0,
    PF_CUT_SHORT,         /* the file ends within a record */
    PF_IMPOSSIBLE_LENGTH, /* a record says more than any capture tool writes */
    PF_BAD_BLOCK,         /* a pcapng block that does not add up */
    PF_NO_INTERFACE,      /* a packet on an interface that was not described */
    PF_ZERO_RUN,          /* zeros where records should be */
    PF_SHRANK,            /* the file became shorter than when it was opened */
    PF_UNUSABLE,          /* one input of several is no capture and was left out */
    PF_OVERLAP,           /* an input begins before the one ahead of it ends: nothing is lost but the order of times */
    /* What a decompressor found: the capture in a compressed file ends before its time, or octets follow it. */
    PF_COMPRESSED_CUT_SHORT,
    PF_COMPRESSED_DAMAGED,
    PF_TRAILING_GARBAGE,
    PF_BOMB, /* it holds more than it may */
};

struct pf_fault {
    enum pf_fault_kind kind;
    size_t input;          /* which of the capture's inputs */
    uint64_t frame_number; /* of the packet that could not be read */
    uint64_t offset;       /* of its record */
    uint64_t lost;         /* octets from there to the end, given up */
    char text[200];        /* what was found and what was expected */
};

const char *pf_fault_name(enum pf_fault_kind kind);

/* Sets kind and text. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void pf_fault_set(struct pf_fault *fault, enum pf_fault_kind kind, const char *format, ...);

#endif
