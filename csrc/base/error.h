/* How a function of the core fails: a status to branch on and one line for a person, with the place.
 *
 * Every fallible function returns enum pf_status and takes a struct pf_error * last (never NULL); on PF_OK the struct
 * is left alone. Any thread may call; a struct pf_error belongs to one thread at a time. */
#ifndef PF_BASE_ERROR_H
#define PF_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pf_status {
    PF_OK = 0,
    PF_NO_MEMORY,    /* an allocation was refused */
    PF_OS_ERROR,     /* the operating system said no: error.sys is its errno */
    PF_NOT_CAPTURE,  /* the input is nothing we can read */
    PF_FAULT,        /* a damaged capture, met in strict mode */
    PF_STOPPED,      /* told to stop by the calling thread, which knows why */
    PF_BUSY,         /* in use by another call */
    PF_INVALID,      /* an argument that can't be */
    PF_TOO_LARGE,    /* a number that its type cannot hold */
    PF_NOT_FILTER,   /* a filter expression that cannot be understood or served */
    PF_NOT_BUILT_IN, /* needs libpcap */
};

struct pf_error {
    enum pf_status status;
    int sys;         /* errno with PF_OS_ERROR, else 0 */
    char file[1024]; /* the file meant, or "" */
    char text[512];
};

#define PF_TRY(expression) \
    do { \
        enum pf_status pf_try_status_ = (expression); \
        if (pf_try_status_ != PF_OK) \
            return pf_try_status_; \
    } while (0)

/* Fills *error and returns status, so that a failing line reads `return pf_fail(error, ...)`. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
enum pf_status
pf_fail(struct pf_error *error, enum pf_status status, const char *format, ...);

/* The same for a refusal of the operating system; file may be NULL. */
enum pf_status pf_fail_sys(struct pf_error *error, int sys, const char *file, const char *doing);

enum pf_status pf_fail_memory(struct pf_error *error);

#endif
