/* A filter expression, and the predicate that keeps the packets it matches.
 *
 *   struct pf_filter      the expression and what it compiled to, once for each link type met; any number of passes and
 *                         threads use it at once
 *   struct pf_filtering   its use in one pass: the predicate, and how many packets it could say nothing about
 *
 * Who compiles is told by a table of functions: this room knows no libpcap. An expression may be refused for one link
 * type and serve another; packets of a type that it is refused for do not match, and are counted. */
#ifndef PF_PASS_FILTER_H
#define PF_PASS_FILTER_H

#include "base/os_thread.h"
#include "capture/input.h"
#include "pass/predicate.h"

#include <stdatomic.h>

/* Octets: what a person writes is far below, and libpcap's time grows with the square and more, to 10 s for this many.
 */
enum { PF_MOST_EXPRESSION = 4096 };

struct pf_bpf;

struct pf_matcher { /* as libpcap/bpf.h */
    enum pf_status (*compile)(const char *expression, uint16_t link_type, bool big_endian, struct pf_bpf **program,
                              struct pf_error *error);
    bool (*matches)(const struct pf_bpf *program, const uint8_t *octets, uint32_t len, uint32_t captured);
    void (*free)(struct pf_bpf *program);
};

/* What came of compiling for one link type: a program, or NULL and why not. */
struct pf_verdict {
    struct pf_bpf *program;
    char refusal[512];
};

struct pf_verdict_page;

/* Verdicts are found by byte order and the halves of the link type. That needs no bound on how many types a capture
 * has, whose effect would hang on which thread comes first. */
struct pf_filter {
    const struct pf_matcher *matcher;
    char *expression;
    struct pf_mutex lock; /* of whoever compiles */
    _Atomic(struct pf_verdict_page *) pages[2][256];
};

/* PF_NOT_FILTER when it is too long. */
enum pf_status pf_filter_init(struct pf_filter *filter, const struct pf_matcher *matcher, const char *expression,
                              struct pf_error *error);
void pf_filter_clear(struct pf_filter *filter); /* zeroed is fine */
/* Fails only for want of memory. */
enum pf_status pf_filter_verdict(struct pf_filter *filter, uint16_t link_type, bool big_endian,
                                 const struct pf_verdict **verdict, struct pf_error *error);

struct pf_filtering {
    struct pf_predicate predicate;
    struct pf_filter *filter;
    struct pf_input *const *inputs; /* the pass's */
    struct pf_mutex *lock;          /* guards what follows */
    uint64_t refused;               /* packets of link types that it is refused for; the first of them: */
    uint64_t frame_number;
    uint32_t input;
    const struct pf_verdict *verdict;
    struct pf_error error; /* PF_OK, or why it could not be asked */
};

enum pf_status pf_filtering_init(struct pf_filtering *filtering, struct pf_filter *filter,
                                 struct pf_input *const *inputs, struct pf_error *error);
void pf_filtering_clear(struct pf_filtering *filtering); /* zeroed is fine */
/* One line on the packets it could say nothing about. */
void pf_filtering_message(const struct pf_filtering *filtering, char *text, size_t size);

#endif
