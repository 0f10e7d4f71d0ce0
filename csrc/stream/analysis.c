#include "stream/analysis.h"

#include "base/alloc.h"

#include <string.h>

enum {
    FEW_SENT = 2, /* as many as a handshake and a request; connections that carry little need no memory of their own */
    MOST_SENT = 16 << 20,      /* entries of 16 octets in all: 256 MiB */
    FAST = 20000000,           /* ns: how soon after its acknowledgment a segment is asked for again */
    OUT_OF_ORDER = 3000000,    /* ns: within it a segment was overtaken, where the round trip is not known */
    DUPLICATES_FOR_A_LOSS = 2, /* acknowledgments that repeat one */
};

/* A segment that waits for its acknowledgment. */
struct sent {
    int64_t time;
    uint32_t end;
};

/* What is known of a sender. */
struct direction {
    bool has_base, has_next, has_ack, has_window;
    bool kept_alive, probed; /* its last segment was to keep the connection alive, to probe a window of zero */
    uint16_t window;
    uint32_t base, next, ack; /* where numbers begin; what is expected next; what it acknowledged last */
    uint32_t duplicates;      /* how often in a row it said so */
    int64_t next_time, ack_time;
    struct sent *sent; /* NULL while they fit `few` */
    uint32_t sent_count, sent_room;
    struct sent few[FEW_SENT];
};

struct connection {
    struct pf_connection base;
    uint32_t stream;
    bool asked; /* a SYN was seen, at: */
    int64_t ask_time;
    int64_t trip; /* from that to the first acknowledgment; 0: not known */
    struct direction direction[2];
};

static void forget_sent(struct pf_analysis *analysis, struct direction *direction)
{
    analysis->sent -= direction->sent_room;
    pf_free(direction->sent);
    direction->sent = NULL;
    direction->sent_room = 0;
}

static void clear(void *context, struct pf_connection *base)
{
    struct connection *connection = (struct connection *)base;
    forget_sent(context, &connection->direction[0]);
    forget_sent(context, &connection->direction[1]);
}

void pf_analysis_init(struct pf_analysis *analysis)
{
    memset(analysis, 0, sizeof *analysis);
    analysis->most_sent = MOST_SENT;
    analysis->connections = (struct pf_connections){
        .size = sizeof(struct connection), .most = PF_ANALYSIS_CONNECTIONS, .clear = clear, .context = analysis};
}

void pf_analysis_clear(struct pf_analysis *analysis)
{
    pf_connections_clear(&analysis->connections);
}

static struct sent *waiting(struct direction *direction)
{
    return direction->sent != NULL ? direction->sent : direction->few;
}

/* Room for one more of a direction's segments; *made is false where the limit forbids it. */
static enum pf_status make_room(struct pf_analysis *analysis, struct direction *from, bool *made,
                                struct pf_error *error)
{
    *made = from->sent_count < (from->sent != NULL ? from->sent_room : FEW_SENT);
    if (*made)
        return PF_OK;
    uint32_t room = from->sent_count < PF_ANALYSIS_SENT / 4 ? from->sent_count * 4 : PF_ANALYSIS_SENT;
    uint32_t more = room - from->sent_room;
    if (more > analysis->most_sent - analysis->sent)
        return PF_OK;
    struct sent *sent = pf_realloc(from->sent, room * sizeof *sent);
    if (sent == NULL)
        return pf_fail_memory(error);
    if (from->sent == NULL)
        memcpy(sent, from->few, sizeof from->few);
    from->sent = sent;
    from->sent_room = room;
    analysis->sent += more;
    *made = true;
    return PF_OK;
}

/* A segment that does not fit any more, or has no time, has no round trip. */
static enum pf_status note_sent(struct pf_analysis *analysis, struct direction *from, uint32_t end,
                                const struct pf_segment *segment, struct pf_error *error)
{
    bool made;
    if (!segment->timed)
        return PF_OK;
    if (from->sent_count == PF_ANALYSIS_SENT) {
        from->sent_count--;
        memmove(from->sent, from->sent + 1, from->sent_count * sizeof *from->sent);
    }
    PF_TRY(make_room(analysis, from, &made, error));
    if (made)
        waiting(from)[from->sent_count++] = (struct sent){segment->time, end};
    return PF_OK;
}

/* The first segment that ends where this one acknowledges; and all up to there wait no longer. Numbers that are no
 * acknowledgment count too, as they do for Wireshark. What few are left need no memory of their own: that is for as
 * many as wait now, not for as many as ever did. */
static void acknowledge(struct pf_analysis *analysis, struct direction *to, struct pf_segment *segment)
{
    struct sent *sent = waiting(to);
    uint32_t kept = 0;
    bool found = false;
    for (uint32_t i = 0; i < to->sent_count; i++) {
        if (sent[i].end == segment->ack && !found) {
            found = true;
            segment->found.has_ack_rtt = segment->timed &&
                                         pf_time_span(sent[i].time, segment->time, &segment->found.ack_rtt) &&
                                         segment->found.ack_rtt != 0;
        }
        if (pf_seq_after(sent[i].end, segment->ack))
            sent[kept++] = sent[i];
    }
    to->sent_count = kept;
    if (to->sent != NULL && kept <= FEW_SENT) {
        memcpy(to->few, sent, kept * sizeof *sent);
        forget_sent(analysis, to);
    }
}

/* Like pf_time_span, but stops at the ends of an int64. */
static int64_t span(int64_t from, int64_t to)
{
    int64_t span;
    return pf_time_span(from, to, &span) ? span : to < from ? INT64_MIN : INT64_MAX;
}

static bool is_repeated_ack(const struct direction *from, const struct direction *to, const struct pf_segment *segment)
{
    return segment->length == 0 && segment->window != 0 && (segment->flags & (PF_SYN | PF_FIN | PF_RST)) == 0 &&
           from->has_next && segment->seq == from->next && from->has_ack && segment->ack == from->ack &&
           segment->window == from->window && !to->kept_alive;
}

static bool is_retransmission(const struct connection *connection, const struct direction *from,
                              const struct direction *to, const struct pf_segment *segment, uint32_t end)
{
    if (segment->length != 0 && to->has_ack && !pf_seq_after(segment->seq + segment->length, to->ack))
        return true; /* the other side has it already */
    if (segment->length == 0 && (segment->flags & (PF_SYN | PF_FIN)) == 0)
        return false;
    if (!from->has_next || !pf_seq_after(from->next, segment->seq))
        return false;
    if (segment->length > 1 && segment->seq == from->next - 1)
        return false; /* the octet of a probe, with those behind it */
    if (to->duplicates >= DUPLICATES_FOR_A_LOSS && to->has_ack && segment->seq == to->ack &&
        span(to->ack_time, segment->time) < FAST)
        return true; /* it was asked for */
    int64_t limit = connection->trip != 0 ? connection->trip : OUT_OF_ORDER;
    bool overtaken = span(from->next_time, segment->time) < limit && end != from->next;
    return !overtaken;
}

static void judge(struct connection *connection, struct direction *from, struct direction *to,
                  struct pf_segment *segment, uint32_t end)
{
    bool quiet = (segment->flags & (PF_SYN | PF_FIN | PF_RST)) == 0;
    bool probes =
        segment->length == 1 && from->has_next && segment->seq == from->next && to->has_window && to->window == 0;
    bool keeps_alive = !probes && segment->length <= 1 && quiet && from->has_next && segment->seq == from->next - 1;
    bool repeats = !probes && is_repeated_ack(from, to, segment);
    from->duplicates = from->has_ack && segment->ack == from->ack ? from->duplicates + repeats : 0;
    segment->found.duplicate_ack = repeats;
    segment->found.retransmission = !keeps_alive && is_retransmission(connection, from, to, segment, end);
    from->kept_alive = keeps_alive;
    from->probed = probes;
}

static void begin_numbers(struct direction *from, struct direction *to, const struct pf_segment *segment)
{
    if (!from->has_base || (segment->flags & PF_SYN) != 0)
        from->base = (segment->flags & PF_SYN) != 0 ? segment->seq : segment->seq - 1;
    from->has_base = true;
    if (!to->has_base && (segment->flags & PF_ACK) != 0) {
        to->base = segment->ack - 1;
        to->has_base = true;
    }
}

static enum pf_status analyse(struct pf_analysis *analysis, struct connection *connection, struct pf_segment *segment,
                              struct pf_error *error)
{
    struct direction *from = &connection->direction[segment->side], *to = &connection->direction[!segment->side];
    bool counts = (segment->flags & (PF_SYN | PF_FIN)) != 0, acks = (segment->flags & PF_ACK) != 0;
    uint32_t end = segment->seq + segment->length + counts;
    begin_numbers(from, to, segment);
    if ((segment->flags & (PF_SYN | PF_ACK)) == PF_SYN && connection->trip == 0) {
        connection->asked = true;
        connection->ask_time = segment->time;
    }
    judge(connection, from, to, segment, end);
    if (connection->trip == 0 && connection->asked && (segment->flags & (PF_SYN | PF_ACK)) == PF_ACK)
        connection->trip = span(connection->ask_time, segment->time);
    if (!from->has_next || (pf_seq_after(end, from->next) && !from->probed)) {
        from->has_next = true;
        from->next = end;
        from->next_time = segment->time;
    }
    if (segment->length != 0 || counts)
        PF_TRY(note_sent(analysis, from, end, segment, error));
    acknowledge(analysis, to, segment);
    from->has_window = true;
    from->window = segment->window;
    from->has_ack = acks;
    from->ack = segment->ack;
    from->ack_time = segment->time;
    return PF_OK;
}

/* A SYN with another number than the connection began with begins a new one. */
static bool is_reused(const struct connection *connection, const struct pf_segment *segment)
{
    const struct direction *from = &connection->direction[segment->side];
    return (segment->flags & (PF_SYN | PF_ACK)) == PF_SYN && from->has_base && from->base != segment->seq;
}

enum pf_status pf_analysis_take(struct pf_analysis *analysis, struct pf_segment *segment, struct pf_error *error)
{
    struct pf_connections *table = &analysis->connections;
    struct pf_connection *found = pf_connections_find(table, &segment->ends, segment->hash);
    if (found != NULL && is_reused((struct connection *)found, segment)) {
        pf_connections_close(table, found);
        found = NULL;
    }
    if (found == NULL) {
        PF_TRY(pf_connections_open(table, &segment->ends, segment->hash, &found, error));
        ((struct connection *)found)->stream = analysis->streams++;
    } else {
        pf_connections_touch(table, found);
    }
    struct connection *connection = (struct connection *)found;
    segment->found.known = true;
    segment->found.stream = connection->stream;
    return analyse(analysis, connection, segment, error);
}
