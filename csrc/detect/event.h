/* What the detectors want of a packet: taken by any worker, then handed on in file order.
 *
 * A *talk* is what two ends say to each other: its key names them in an order that does not depend on who sends, `side`
 * is the sender's place in it. A *sighting* is a claim that anybody may make without being asked: an address of a
 * hardware address (ARP, neighbour advertisements), the name of a wireless network, a wireless goodbye. */
#ifndef PF_DETECT_EVENT_H
#define PF_DETECT_EVENT_H

#include "detect/book.h"
#include "packet/packet.h"

/* Talks by the number of their IP protocol, and: */
enum { PF_TALK_RESOLVE = 256 }; /* who has this address? (RFC 826, RFC 4861 4.3) */

struct pf_exchange_key {
    uint8_t address[2][16]; /* of IPv4 the first four octets, the rest 0 */
    uint16_t port[2];       /* of ICMP twice the identifier; of PF_TALK_RESOLVE 1 at who is asked for, 0 at who asks */
    uint16_t kind;
    uint8_t version; /* 4 or 6 */
    uint8_t zero;
};

enum pf_sighting { PF_SIGHT_CLAIM = 1, PF_SIGHT_NETWORK, PF_SIGHT_GOODBYE };

struct pf_sighting_key {
    uint8_t sighting; /* an enum pf_sighting */
    uint8_t size;     /* of `what` */
    uint8_t who[6];   /* hardware address of who says it */
    uint8_t what[32]; /* address, name of a network (IEEE 802.11-2020 9.4.2.2: at most 32 octets), receiver */
};

enum pf_mark {
    PF_MARK_REQUEST = 1,     /* an HTTP request begins */
    PF_MARK_POST = 2,        /* one that sends something */
    PF_MARK_DENIAL = 4,      /* an answer that refuses a login: FTP 530, SMTP 535, HTTP 401 and 403 */
    PF_MARK_OVERCLAIM = 8,   /* a TLS heartbeat that claims more than it carries (CVE-2014-0160) */
    PF_MARK_SSH = 16,        /* the line that SSH begins with (RFC 4253 4.2) */
    PF_MARK_UNREACHABLE = 32 /* an ICMP error about this talk, from whoever */
};

enum pf_event_form { PF_EVENT_TALK, PF_EVENT_SIGHTING };

struct pf_detect_event {
    int64_t time;
    uint64_t hash; /* of the key */
    union {
        struct pf_exchange_key talk;
        struct pf_sighting_key sighting;
    } key;
    uint32_t payload;
    uint16_t window;
    uint8_t form;
    uint8_t side, flags, marks, header;
    bool answer;  /* the sender is who was talked to, should the talk begin with it; of a sighting: the event before is
                     the talk of the same packet */
    bool numbers; /* of a sighting: an answer and no question, a disassociation and no deauthentication */
};

enum { PF_EVENTS_OF_PACKET = 2 };

/* How many of *events were filled. Any thread may call. */
unsigned pf_detect_events(const struct pf_packet *packet, struct pf_detect_event events[PF_EVENTS_OF_PACKET]);

#endif
