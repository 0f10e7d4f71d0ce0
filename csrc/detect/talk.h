/* The sums of one talk, of one sighting, and of what one end of a network got within one second.
 *
 * [0] is what the client sent, who spoke first or was not answering, [1] what it got. */
#ifndef PF_DETECT_TALK_H
#define PF_DETECT_TALK_H

#include "detect/event.h"

struct pf_exchange {
    struct pf_book_entry entry; /* struct pf_exchange_key */
    int64_t first, last;
    int64_t asked; /* when the client last sent something that carries data */
    uint64_t octets[2];
    uint64_t gap_sum, gap_squares; /* ms, of the pauses between bursts; squares stop at the largest number */
    uint32_t packets[2], data[2];  /* data: those that carry something */
    uint32_t least[2], most[2];    /* payload of those */
    uint32_t syns, syn_acks, acks, resets[2], fins[2];
    uint32_t requests, posts, denials, overclaims, banners, unreachable, shut_windows;
    uint32_t bursts;
    uint32_t target; /* its struct pf_busy in the book of */
    int64_t second;  /* this second */
    uint8_t client;  /* its place in the key */
    uint8_t flags;   /* of the first packet of the client */
    uint8_t header;  /* octets of the first SYN's TCP header */
};

struct pf_sighted {
    struct pf_book_entry entry; /* struct pf_sighting_key */
    int64_t first, last;
    uint64_t seen, numbered; /* how often; of them those with event.numbers */
    uint64_t unasked;        /* answers to somebody who had not asked; what is told to all is none */
    int64_t second;
    uint32_t in_second, most_in_second;
};

/* Whoever is talked to: struct pf_exchange_key with one end alone. */
struct pf_busy {
    struct pf_book_entry entry;
    uint64_t octets;
    uint32_t packets, answers, syns, begun, carried, requests;
};

/* 0 where `to` is not later. Times of a hostile capture may lie further apart than an int64 tells. */
static inline uint64_t pf_elapsed(int64_t from, int64_t to)
{
    return to > from ? (uint64_t)to - (uint64_t)from : 0;
}

void pf_exchange_begin(struct pf_exchange *talk, const struct pf_detect_event *event);
/* Whether it is the first packet with data of its client. */
bool pf_exchange_add(struct pf_exchange *talk, const struct pf_detect_event *event);

#endif
