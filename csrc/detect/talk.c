#include "detect/talk.h"

#include <string.h>

enum {
    FIN = 0x01,
    SYN = 0x02,
    RST = 0x04,
    ACK = 0x10,
    TCP = 6,
    MS = 1000000,
};

/* A client that was silent for so long begins a new burst: longer than the pause of TCP's first repetition (RFC 6298: 1
 * s), shorter than the period of whoever calls home. */
static const uint64_t PAUSE = UINT64_C(1500000000);

void pf_exchange_begin(struct pf_exchange *talk, const struct pf_detect_event *event)
{
    const struct pf_exchange_key *key = &event->key.talk;
    bool alone = key->port[0] == key->port[1] && memcmp(key->address[0], key->address[1], 16) == 0;
    talk->client = event->answer && !alone ? !event->side : event->side;
    talk->first = talk->last = event->time;
    talk->asked = talk->second = INT64_MIN;
}

static void add_burst(struct pf_exchange *talk, int64_t time)
{
    if (talk->bursts != 0 && pf_elapsed(talk->asked, time) < PAUSE)
        return;
    if (talk->bursts++ == 0)
        return;
    uint64_t gap = pf_elapsed(talk->asked, time) / MS;
    talk->gap_sum += gap;
    uint64_t square = gap < UINT32_MAX ? gap * gap : UINT64_MAX;
    talk->gap_squares = square > UINT64_MAX - talk->gap_squares ? UINT64_MAX : talk->gap_squares + square;
}

static void add_tcp(struct pf_exchange *talk, const struct pf_detect_event *event, unsigned way)
{
    uint8_t flags = event->flags;
    if (way == 0 && talk->packets[0] == 0)
        talk->flags = flags;
    if ((flags & SYN) != 0) {
        if (way == 0 && talk->syns == 0)
            talk->header = event->header;
        talk->syns += way == 0 && (flags & ACK) == 0;
        talk->syn_acks += way == 1 && (flags & ACK) != 0;
    } else if (way == 0 && (flags & (ACK | RST)) == ACK) {
        talk->acks++;
        talk->shut_windows += event->window == 0;
    }
    talk->resets[way] += (flags & RST) != 0;
    talk->fins[way] += (flags & FIN) != 0;
}

bool pf_exchange_add(struct pf_exchange *talk, const struct pf_detect_event *event)
{
    if ((event->marks & PF_MARK_UNREACHABLE) != 0) {
        talk->unreachable++;
        return false;
    }
    unsigned way = event->side != talk->client;
    talk->first = event->time < talk->first ? event->time : talk->first;
    talk->last = event->time > talk->last ? event->time : talk->last;
    if (event->key.talk.kind == TCP)
        add_tcp(talk, event, way);
    talk->packets[way]++;
    talk->requests += (event->marks & PF_MARK_REQUEST) != 0 && way == 0;
    talk->posts += (event->marks & PF_MARK_POST) != 0 && way == 0;
    talk->denials += (event->marks & PF_MARK_DENIAL) != 0 && way == 1;
    talk->overclaims += (event->marks & PF_MARK_OVERCLAIM) != 0;
    talk->banners += (event->marks & PF_MARK_SSH) != 0;
    bool carries = event->payload != 0 || event->key.talk.kind != TCP;
    if (!carries)
        return false;
    talk->octets[way] += event->payload;
    talk->least[way] = talk->data[way] == 0 || event->payload < talk->least[way] ? event->payload : talk->least[way];
    talk->most[way] = event->payload > talk->most[way] ? event->payload : talk->most[way];
    talk->data[way]++;
    if (way == 0) {
        add_burst(talk, event->time);
        talk->asked = event->time > talk->asked ? event->time : talk->asked;
    }
    return way == 0 && talk->data[0] == 1;
}
