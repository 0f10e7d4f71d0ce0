#include "stream/message.h"

#include "base/alloc.h"
#include "payload/tls.h"

#include <string.h>

enum {
    MOST_PIECES = 8, /* of one direction, with gaps between: networks overtake a few segments at a time */
    DNS_PORT = 53,
    DNS_LENGTH = 2,
    DNS_HEADER = 12,
    TLS_TOLD = 11, /* octets after which a hello is told from other records */
    FEW_OCTETS = 2048,
};

struct pf_spool_block {
    struct pf_spool_block *next;
};

void *pf_spool_take(struct pf_spool *spool, size_t size)
{
    struct pf_spool_block *block = pf_alloc(sizeof *block + size);
    if (block == NULL)
        return NULL;
    block->next = spool->blocks;
    spool->blocks = block;
    return block + 1;
}

void pf_spool_clear(struct pf_spool *spool)
{
    while (spool->blocks != NULL) {
        struct pf_spool_block *block = spool->blocks;
        spool->blocks = block->next;
        pf_free(block);
    }
}

/* Octets [begin, end) behind a direction's start. */
struct piece {
    uint32_t begin, end;
};

struct direction {
    bool followed;
    bool told;      /* its hello was; what comes before `start` is sent again */
    uint32_t start; /* the sequence number where the next message begins */
    uint32_t room;
    uint8_t *octets;
    struct piece piece[MOST_PIECES]; /* in order, with gaps between */
    uint32_t pieces;
};

struct connection {
    struct pf_connection base;
    struct direction direction[2];
};

static void leave(struct pf_messages *messages, struct direction *direction)
{
    messages->kept -= direction->room;
    pf_free(direction->octets);
    *direction = (struct direction){.followed = false};
}

/* Its hello is whole and ends `size` octets behind the start. */
static void be_told(struct pf_messages *messages, struct direction *direction, uint32_t size)
{
    uint32_t start = direction->start + size;
    leave(messages, direction);
    direction->told = true;
    direction->start = start;
}

static void clear(void *context, struct pf_connection *base)
{
    struct connection *connection = (struct connection *)base;
    struct pf_messages *messages = context;
    bool begun = connection->direction[0].pieces != 0 || connection->direction[1].pieces != 0;
    messages->unfinished += begun && messages->connections.dropping;
    leave(context, &connection->direction[0]);
    leave(context, &connection->direction[1]);
}

void pf_messages_init(struct pf_messages *messages, bool dns, bool tls)
{
    memset(messages, 0, sizeof *messages);
    messages->dns = dns;
    messages->tls = tls;
    messages->most_kept = PF_MESSAGE_KEPT;
    messages->connections = (struct pf_connections){
        .size = sizeof(struct connection), .most = PF_MESSAGE_CONNECTIONS, .clear = clear, .context = messages};
}

void pf_messages_clear(struct pf_messages *messages)
{
    pf_connections_clear(&messages->connections);
}

static bool is_dns(const struct pf_ends *ends)
{
    return ends->port[0] == DNS_PORT || ends->port[1] == DNS_PORT;
}

/* RFC 1035 4.2.2: a length of two octets before each message. */
static enum pf_extent dns_extent(const uint8_t *octets, size_t size, size_t *whole)
{
    if (size < DNS_LENGTH)
        return PF_EXTENT_MORE;
    *whole = DNS_LENGTH + (size_t)pf_be16(octets);
    if (*whole < DNS_LENGTH + DNS_HEADER)
        return PF_EXTENT_NONE;
    return *whole <= size ? PF_EXTENT_WHOLE : PF_EXTENT_MORE;
}

static enum pf_extent extent(bool dns, const uint8_t *octets, size_t size, size_t *whole)
{
    return dns ? dns_extent(octets, size, whole) : pf_tls_extent(octets, size, whole);
}

/* -------------------------------------------------------------------------------------------- what has come so far */

static enum pf_status make_room(struct pf_messages *messages, struct direction *direction, uint32_t need,
                                struct pf_error *error)
{
    uint32_t room = direction->room != 0 ? direction->room : FEW_OCTETS;
    while (room < need)
        room *= 2; /* need is at most PF_MESSAGE_OCTETS */
    if (room == direction->room)
        return PF_OK;
    uint8_t *octets = pf_realloc(direction->octets, room);
    if (octets == NULL)
        return pf_fail_memory(error);
    messages->kept += room - direction->room;
    direction->octets = octets;
    direction->room = room;
    return PF_OK;
}

/* Puts octets where nothing is yet. */
static void fill_gaps(struct direction *direction, uint32_t begin, uint32_t end, const uint8_t *octets)
{
    uint32_t at = begin;
    for (uint32_t i = 0; i <= direction->pieces && at < end; i++) {
        uint32_t next = i < direction->pieces ? direction->piece[i].begin : end;
        if (next > end)
            next = end;
        if (next > at)
            memcpy(direction->octets + at, octets + (at - begin), next - at);
        if (i < direction->pieces && direction->piece[i].end > at)
            at = direction->piece[i].end;
    }
}

/* False where there are too many gaps already. */
static bool add_piece(struct direction *direction, uint32_t begin, uint32_t end)
{
    uint32_t first = 0, behind;
    while (first < direction->pieces && direction->piece[first].end < begin)
        first++;
    for (behind = first; behind < direction->pieces && direction->piece[behind].begin <= end; behind++) {
        if (direction->piece[behind].begin < begin)
            begin = direction->piece[behind].begin;
        if (direction->piece[behind].end > end)
            end = direction->piece[behind].end;
    }
    if (behind == first && direction->pieces == MOST_PIECES)
        return false;
    memmove(direction->piece + first + 1, direction->piece + behind,
            (direction->pieces - behind) * sizeof *direction->piece);
    direction->piece[first] = (struct piece){begin, end};
    direction->pieces = direction->pieces - (behind - first) + 1;
    return true;
}

static enum pf_status keep(struct pf_messages *messages, struct direction *direction, uint32_t offset,
                           const uint8_t *octets, uint32_t size, struct pf_error *error)
{
    PF_TRY(make_room(messages, direction, offset + size, error));
    struct direction before = *direction;
    if (add_piece(direction, offset, offset + size))
        fill_gaps(&before, offset, offset + size, octets);
    return PF_OK;
}

/* How much there is from the start on without a gap. */
static uint32_t ready(const struct direction *direction)
{
    return direction->pieces != 0 && direction->piece[0].begin == 0 ? direction->piece[0].end : 0;
}

/* Takes whole messages off the front. */
static void consume(struct direction *direction, uint32_t size)
{
    uint32_t last = direction->piece[direction->pieces - 1].end, kept = 0;
    memmove(direction->octets, direction->octets + size, last - size);
    for (uint32_t i = 0; i < direction->pieces; i++) {
        struct piece piece = direction->piece[i];
        if (piece.end > size)
            direction->piece[kept++] = (struct piece){piece.begin > size ? piece.begin - size : 0, piece.end - size};
    }
    direction->pieces = kept;
    direction->start += size;
}

/* -------------------------------------------------------------------------------------------------------- segments */

/* A packet completes at most one message: the first. */
static enum pf_status hand_over(struct pf_segment *segment, struct pf_spool *spool, const uint8_t *octets,
                                uint32_t size, struct pf_error *error)
{
    if (segment->message != NULL)
        return PF_OK;
    uint8_t *message = pf_spool_take(spool, PF_MESSAGE_HEADER + (size_t)size);
    if (message == NULL)
        return pf_fail_memory(error);
    for (unsigned i = 0; i < 2; i++) {
        uint16_t port = segment->ends.port[i == 0 ? segment->side : !segment->side];
        message[2 * i] = (uint8_t)(port >> 8);
        message[2 * i + 1] = (uint8_t)port;
    }
    message[12] = PF_MESSAGE_HEADER / 4 << 4;
    memcpy(message + PF_MESSAGE_HEADER, octets, size);
    segment->message = message;
    segment->message_size = size;
    return PF_OK;
}

/* Looks for whole messages at the front of what was kept. One that the segment itself begins with and holds needs no
 * help, nor do those behind it. */
static enum pf_status complete(struct pf_messages *messages, struct direction *direction, bool dns,
                               struct pf_segment *segment, struct pf_spool *spool, struct pf_error *error)
{
    bool own = false;
    uint32_t done = 0; /* octets of whole messages at the front: they go at once, not one by one */
    for (;;) {
        size_t whole = 0;
        uint32_t size = ready(direction) - done;
        const uint8_t *front = direction->octets + done;
        enum pf_extent reach = size != 0 ? extent(dns, front, size, &whole) : PF_EXTENT_MORE;
        own |= reach == PF_EXTENT_WHOLE && direction->start + done == segment->seq && whole <= segment->captured;
        if (reach == PF_EXTENT_WHOLE && !own)
            PF_TRY(hand_over(segment, spool, front, (uint32_t)whole, error));
        if (reach == PF_EXTENT_WHOLE && dns) {
            done += (uint32_t)whole;
            continue;
        }
        if (reach == PF_EXTENT_WHOLE)
            be_told(messages, direction, (uint32_t)whole);
        else if (reach == PF_EXTENT_NONE || size == PF_MESSAGE_OCTETS)
            leave(messages, direction);
        else if (done != 0)
            consume(direction, done);
        return PF_OK;
    }
}

/* Steps over whole messages of a segment that begins where one is expected; those at its very begin need no help. */
static enum pf_status step_over(struct pf_messages *messages, struct direction *direction, bool dns,
                                struct pf_segment *segment, struct pf_spool *spool, const uint8_t **octets,
                                uint32_t *size, struct pf_error *error)
{
    bool begun = false;
    while (*size != 0 && direction->followed) {
        size_t whole = 0;
        enum pf_extent reach = extent(dns, *octets, *size, &whole);
        if (reach == PF_EXTENT_MORE)
            break;
        begun |= *octets == segment->payload;
        if (reach == PF_EXTENT_WHOLE && !begun)
            PF_TRY(hand_over(segment, spool, *octets, (uint32_t)whole, error));
        if (reach == PF_EXTENT_NONE)
            leave(messages, direction);
        else if (!dns)
            be_told(messages, direction, (uint32_t)whole);
        if (!direction->followed)
            break;
        *octets += whole;
        *size -= (uint32_t)whole;
        direction->start += (uint32_t)whole;
    }
    return PF_OK;
}

static enum pf_status follow(struct pf_messages *messages, struct direction *direction, bool dns,
                             struct pf_segment *segment, struct pf_spool *spool, struct pf_error *error)
{
    const uint8_t *octets = segment->payload;
    uint32_t size = segment->captured, offset = segment->seq - direction->start;
    if (segment->captured < segment->length) { /* there is a hole that nothing fills */
        leave(messages, direction);
        return PF_OK;
    }
    if (offset > UINT32_MAX / 2) { /* begins before: sent again */
        uint32_t known = 0 - offset;
        if (known >= size)
            return PF_OK;
        octets += known;
        size -= known;
        offset = 0;
    }
    if (offset == 0 && direction->pieces == 0)
        PF_TRY(step_over(messages, direction, dns, segment, spool, &octets, &size, error));
    if (!direction->followed || size == 0 || offset >= PF_MESSAGE_OCTETS)
        return PF_OK;
    if (size > PF_MESSAGE_OCTETS - offset)
        size = PF_MESSAGE_OCTETS - offset;
    PF_TRY(keep(messages, direction, offset, octets, size, error));
    return complete(messages, direction, dns, segment, spool, error);
}

/* A segment of a direction that is not followed: whether it begins a message that goes on behind it. */
static bool begins(const struct pf_segment *segment, bool dns)
{
    size_t whole;
    uint32_t told = dns ? DNS_LENGTH + DNS_HEADER : TLS_TOLD;
    return segment->captured == segment->length && segment->captured >= told &&
           extent(dns, segment->payload, segment->captured, &whole) == PF_EXTENT_MORE;
}

static bool is_idle(const struct direction *direction)
{
    return !direction->followed && !direction->told;
}

static enum pf_status take(struct pf_messages *messages, struct connection *connection, bool dns,
                           struct pf_segment *segment, struct pf_spool *spool, struct pf_error *error)
{
    struct direction *direction = &connection->direction[segment->side];
    bool syn = (segment->flags & PF_SYN) != 0;
    if (syn)
        leave(messages, direction);
    if (!direction->followed) {
        direction->followed = true;
        direction->told = false;
        direction->start = segment->seq + syn;
    }
    if (segment->captured != 0 && !syn)
        PF_TRY(follow(messages, direction, dns, segment, spool, error));
    return PF_OK;
}

enum pf_status pf_messages_take(struct pf_messages *messages, struct pf_segment *segment, struct pf_spool *spool,
                                struct pf_error *error)
{
    struct pf_connections *table = &messages->connections;
    bool dns = is_dns(&segment->ends), syn = (segment->flags & PF_SYN) != 0, reset = (segment->flags & PF_RST) != 0;
    if (!(dns ? messages->dns : messages->tls))
        return PF_OK;
    struct pf_connection *found = pf_connections_find(table, &segment->ends, segment->hash);
    const struct direction *known = found != NULL ? &((struct connection *)found)->direction[segment->side] : NULL;
    bool followed = known != NULL && known->followed,
         again = known != NULL && known->told && pf_seq_after(known->start, segment->seq);
    if (reset) {
        if (found != NULL)
            pf_connections_close(table, found);
        return PF_OK;
    }
    if (!syn && (segment->length == 0 || (!followed && (again || !begins(segment, dns)))))
        return PF_OK;
    if (found == NULL)
        PF_TRY(pf_connections_open(table, &segment->ends, segment->hash, &found, error));
    else
        pf_connections_touch(table, found);
    struct connection *connection = (struct connection *)found;
    PF_TRY(take(messages, connection, dns, segment, spool, error));
    if (is_idle(&connection->direction[0]) && is_idle(&connection->direction[1]))
        pf_connections_close(table, found);
    while (messages->kept > messages->most_kept && table->count > 1)
        pf_connections_drop_oldest(table);
    return PF_OK;
}
