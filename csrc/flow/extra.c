#include "flow/extra.h"

#include "base/alloc.h"
#include "flow/flow.h"

#include <string.h>

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, ACK = 0x10 };

/* Bits of `seen`; of those of either side the source's come first. */
enum {
    ASKED = 1,     /* a SYN of the source */
    ANSWERED = 2,  /* a SYN with ACK of the other side */
    CONFIRMED = 4, /* an ACK of the source after that */
    FIN_SEEN = 8,
    OTHER_FIN = 16,
    RST_SEEN = 32,
    OTHER_RST = 64,
    RST_FIRST = 128,       /* the source's reset was the first */
    OTHER_RST_FIRST = 256, /* the other side's was */
    SENT = 512,            /* any packet */
    OTHER_SENT = 1024,
};

const char *const pf_flow_groups[] = {
    [PF_FLOW_SAYS_TLS] = "tls", [PF_FLOW_SAYS_DNS] = "dns", [PF_FLOW_SAYS_HTTP] = "http",
    [PF_FLOW_RTT] = "rtt",      [PF_FLOW_STATE] = "state",  [PF_FLOW_RETRANS] = "retrans",
};

const struct pf_flow_extra_info pf_flow_extras[PF_EXTRA_COUNT] = {
#define X(id, group, name, type, unit, definition) {PF_FLOW_SAYS_##group, {name, PF_##type, true}, unit, definition},
    PF_SAID(X)
#undef X
#define X(id, group, name, type, unit, definition) {PF_FLOW_##group, {name, PF_##type, true}, unit, definition},
        PF_FOUND_OUT(X)
#undef X
};

static void note_handshake(struct pf_flow_extra *extra, const struct pf_flow_event *event, bool forward)
{
    uint8_t flags = event->flags & (SYN | ACK | RST);
    if (forward && flags == SYN && (extra->seen & ANSWERED) == 0) {
        extra->seen |= ASKED;
        extra->asked = event->time;
    } else if (!forward && flags == (SYN | ACK) && (extra->seen & ANSWERED) == 0) {
        extra->seen |= ANSWERED;
        extra->answered = event->time;
    } else if (forward && flags == ACK && (extra->seen & (ANSWERED | CONFIRMED)) == ANSWERED) {
        extra->seen |= CONFIRMED;
        extra->confirmed = event->time;
    }
}

static void note_end(struct pf_flow_extra *extra, uint8_t flags, bool forward)
{
    bool closed = (extra->seen & (FIN_SEEN | OTHER_FIN)) == (FIN_SEEN | OTHER_FIN);
    if ((flags & RST) != 0 && (extra->seen & (RST_SEEN | OTHER_RST)) == 0 && !closed)
        extra->seen |= forward ? RST_FIRST : OTHER_RST_FIRST;
    if ((flags & RST) != 0)
        extra->seen |= forward ? RST_SEEN : OTHER_RST;
    if ((flags & FIN) != 0)
        extra->seen |= forward ? FIN_SEEN : OTHER_FIN;
}

void pf_flow_sayings_clear(struct pf_flow_sayings *sayings)
{
    pf_free(sayings->said);
    pf_free(sayings->text);
    pf_dictionary_clear(&sayings->texts);
    memset(sayings, 0, sizeof *sayings);
}

enum pf_status pf_flow_sayings_add(struct pf_flow_sayings *sayings, const struct pf_flow_said *said, const char *text,
                                   size_t size, uint32_t *number, struct pf_error *error)
{
    PF_TRY(pf_grow((void **)&sayings->said, &sayings->capacity, sayings->count + 1, sizeof *said, error));
    PF_TRY(pf_grow((void **)&sayings->text, &sayings->text_capacity, sayings->text_size + size, 1, error));
    sayings->said[sayings->count] = *said;
    sayings->said[sayings->count].text = sayings->text_size;
    if (size != 0)
        memcpy(sayings->text + sayings->text_size, text, size);
    sayings->text_size += size;
    *number = (uint32_t)++sayings->count;
    return PF_OK;
}

static enum pf_status hear(struct pf_flow_extra *extra, const struct pf_flow_said *said,
                           struct pf_flow_sayings *sayings, struct pf_error *error)
{
    for (unsigned i = 0; i < PF_EXTRA_SAID; i++) {
        uint32_t bit = (uint32_t)1 << i;
        if ((said->has & ~extra->has & bit) == 0)
            continue;
        extra->value[i] = said->value[i];
        if (pf_flow_extras[i].kind.type == PF_TEXT) {
            const char *text = said->size[i] != 0 ? sayings->text + said->text + said->value[i] : "";
            int32_t code;
            PF_TRY(pf_dictionary_text(&sayings->texts, text, said->size[i], &code, error));
            extra->value[i] = (uint32_t)code;
        }
        extra->has |= bit;
    }
    return PF_OK;
}

enum pf_status pf_flow_extra_add(struct pf_flow_extra *extra, const struct pf_flow_event *event,
                                 struct pf_flow_sayings *sayings, bool forward, struct pf_error *error)
{
    if (event->said != 0)
        PF_TRY(hear(extra, &sayings->said[event->said - 1], sayings, error));
    extra->seen |= forward ? SENT : OTHER_SENT;
    if (event->key.protocol != PF_IPPROTO_TCP)
        return PF_OK;
    extra->again[!forward] += event->retransmission;
    extra->repeated[!forward] += event->duplicate_ack;
    note_handshake(extra, event, forward);
    note_end(extra, event->flags, forward);
    return PF_OK;
}

static bool span(bool known, int64_t from, int64_t to, uint64_t *number)
{
    int64_t ns;
    if (!known || !pf_time_span(from, to, &ns) || ns < 0)
        return false;
    *number = (uint64_t)ns;
    return true;
}

bool pf_flow_extra_number(const struct pf_flow *flow, enum pf_flow_extra_column column, uint64_t *number)
{
    const struct pf_flow_extra *extra = flow->extra;
    bool answered = (extra->seen & (ASKED | ANSWERED)) == (ASKED | ANSWERED),
         confirmed = (extra->seen & (ANSWERED | CONFIRMED)) == (ANSWERED | CONFIRMED),
         tcp = flow->key.protocol == PF_IPPROTO_TCP;
    switch (column) {
    case PF_EXTRA_RTT:
        return span(answered && confirmed, extra->asked, extra->confirmed, number);
    case PF_EXTRA_RTT_SERVER:
        return span(answered, extra->asked, extra->answered, number);
    case PF_EXTRA_RTT_CLIENT:
        return span(confirmed, extra->answered, extra->confirmed, number);
    case PF_EXTRA_FWD_AGAIN:
    case PF_EXTRA_BWD_AGAIN:
        *number = extra->again[column - PF_EXTRA_FWD_AGAIN];
        return tcp;
    case PF_EXTRA_FWD_REPEATED:
    case PF_EXTRA_BWD_REPEATED:
        *number = extra->repeated[column - PF_EXTRA_FWD_REPEATED];
        return tcp;
    default:
        *number = extra->value[column];
        return (extra->has >> column & 1) != 0;
    }
}

/* As the documentation of Zeek's conn.log tells the states of TCP apart. A side that was met in the middle counts as
 * one that sent no SYN. `replied`: the other side sent anything at all. */
static const char *tcp_state(uint32_t seen, bool replied)
{
    bool asked = (seen & ASKED) != 0, answered = (seen & ANSWERED) != 0;
    bool fin = (seen & FIN_SEEN) != 0, other_fin = (seen & OTHER_FIN) != 0;
    if ((seen & OTHER_RST_FIRST) != 0)
        return !asked ? "RSTRH" : answered ? "RSTR" : "REJ";
    if ((seen & RST_FIRST) != 0)
        return answered ? "RSTO" : "RSTOS0";
    if (fin && other_fin)
        return "SF";
    if (fin)
        return answered ? "S2" : "SH";
    if (other_fin)
        return asked ? "S3" : "SHR";
    if (asked && answered)
        return "S1";
    return asked && !replied ? "S0" : "OTH";
}

const char *pf_flow_conn_state(const struct pf_flow *flow)
{
    bool forward = (flow->extra->seen & SENT) != 0, backward = (flow->extra->seen & OTHER_SENT) != 0;
    if (flow->key.protocol == PF_IPPROTO_TCP)
        return tcp_state(flow->extra->seen, backward);
    if (flow->key.protocol == PF_IPPROTO_UDP)
        return forward && backward ? "SF" : forward ? "S0" : "SHR";
    return "OTH";
}
