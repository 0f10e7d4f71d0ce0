/* What a worker notes of a packet with words in it, for the one thread that adds such notes up in file order.
 *
 *   piece    | event | texts | event | texts | ...       the events of a chunk, one after the other, 8 octets aligned
 *
 * An event says who asked (source) and who was asked (target), whichever way the packet went; of lines, who sent. Texts
 * are copies: packets are gone when they are read. A piece belongs to one thread at a time. */
#ifndef PF_DETECT_TEXT_EVENT_H
#define PF_DETECT_TEXT_EVENT_H

#include "base/error.h"
#include "base/value.h"
#include "packet/packet.h"

/* Octets of a text at most; who notes an event cuts it. */
enum {
    PF_TEXT_NAME_OCTETS = 1024,   /* a name has 255 octets, each at most four when escaped */
    PF_TEXT_REQUEST_OCTETS = 256, /* of the text that matched, as an example */
    PF_TEXT_LINE_OCTETS = 1024,   /* a command line has 512 (RFC 5321, 4.5.3.1.4), with a long answer of SASL more */
};

enum pf_text_kind { PF_TEXT_NAME, PF_TEXT_REQUEST, PF_TEXT_LINE, PF_TEXT_BASIC };

struct pf_text_event {
    uint32_t size; /* of the event and its texts, a multiple of 8 */
    uint16_t source_port, target_port;
    uint8_t kind;
    bool timed;
    union {
        struct {                 /* text 0: the name, escaped, in small letters */
            uint32_t registered; /* where the registered domain begins in it */
            uint32_t octets;     /* in the labels before that */
            uint32_t entropy;    /* of those octets, thousandths of a bit each */
            uint32_t answer;     /* a response's octets behind its questions, had nothing been cut */
            uint16_t type;       /* of the question; 0: not captured */
            uint8_t rcode;
            bool response, answered;
        } name;
        struct { /* text 0: what matched, escaped */
            uint16_t pattern;
        } request;
        struct { /* text 0: what TCP carried */
            uint32_t seq;
        } line; /* PF_TEXT_BASIC: user and secret are texts 0 and 1, as they were */
    } is;
    uint32_t length[2];
    int64_t time;
    uint64_t frame;
    struct pf_value source, target;
};

struct pf_text_piece {
    uint8_t *octets;
    size_t size, capacity;
};

/* Fills what every event has; ports are those of the first header of the protocol, or 0. False without addresses. */
bool pf_text_event_of(const struct pf_packet *packet, enum pf_text_kind kind, enum pf_protocol transport,
                      struct pf_text_event *event);
/* Turns it round: who sent was asked. */
void pf_text_event_turn(struct pf_text_event *event);
/* Appends it with event->length[] octets of each text; a text of no octets may be NULL. */
enum pf_status pf_text_piece_put(struct pf_text_piece *piece, struct pf_text_event *event, const void *first,
                                 const void *second, struct pf_error *error);
void pf_text_piece_free(struct pf_text_piece *piece); /* NULL is fine */

static inline const char *pf_text_event_text(const struct pf_text_event *event, unsigned number)
{
    return (const char *)(event + 1) + (number != 0 ? event->length[0] : 0);
}

/* How many of the octets of an escaped text are kept, so that neither a character nor an escape is cut. */
size_t pf_text_clip(const char *text, size_t length, size_t most);

#endif
