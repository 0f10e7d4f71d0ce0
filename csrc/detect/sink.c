#include "detect/sink.h"

#include "base/alloc.h"
#include "base/hash.h"

enum { FAR = 12, TCP = 6, SYN = 0x02, ACK = 0x10 };

static const int64_t SECOND = INT64_C(1000000000);
/* An answer comes within so long: hosts ask again after one second and give up after three (RFC 1122 2.3.2.1). */
static const uint64_t PATIENCE = UINT64_C(5000000000);

static enum pf_status accept(struct pf_sink *base, unsigned worker, struct pf_packet *const *packets, size_t count,
                             struct pf_error *error)
{
    if (base->open[worker] == NULL)
        base->open[worker] = pf_alloc(sizeof(struct pf_detect_piece));
    struct pf_detect_piece *piece = base->open[worker];
    if (piece == NULL)
        return pf_fail_memory(error);
    PF_TRY(pf_grow((void **)&piece->events, &piece->capacity, piece->count + PF_EVENTS_OF_PACKET * count,
                   sizeof *piece->events, error));
    for (size_t i = 0; i < count; i++)
        piece->count += pf_detect_events(packets[i], &piece->events[piece->count]);
    return PF_OK;
}

/* ------------------------------------------------------------------------------------------------- in file order */

static enum pf_status add_row(struct pf_detect_sink *sink, enum pf_detect_table table, int64_t time, const void *entry,
                              struct pf_error *error)
{
    size_t most = table == PF_DETECT_TALKS ? PF_MOST_TALK_ROWS : PF_MOST_OTHER_ROWS;
    if (sink->options.most_rows != 0)
        most = sink->options.most_rows;
    if (sink->row_count[table] == most) {
        sink->rows_left_out++;
        return PF_OK;
    }
    sink->row_count[table]++;
    return pf_detect_rows_add(&sink->rows[table], sink->window, time, entry, error);
}

static enum pf_status close_book(struct pf_detect_sink *sink, struct pf_book *book, enum pf_detect_table table,
                                 struct pf_error *error)
{
    for (size_t i = 0; i < book->count; i++)
        PF_TRY(add_row(sink, table, 0, pf_book_at(book, i), error));
    pf_book_empty(book);
    return PF_OK;
}

static enum pf_status close_second(struct pf_detect_sink *sink, struct pf_error *error)
{
    for (size_t i = 0; i < sink->targets.count; i++) {
        const struct pf_busy *busy = pf_book_at(&sink->targets, i);
        if (busy->packets >= PF_BUSY_PACKETS)
            PF_TRY(add_row(sink, PF_DETECT_SECONDS, sink->second, busy, error));
    }
    pf_book_empty(&sink->targets);
    return PF_OK;
}

static enum pf_status close_window(struct pf_detect_sink *sink, struct pf_error *error)
{
    PF_TRY(close_second(sink, error));
    PF_TRY(close_book(sink, &sink->talks, PF_DETECT_TALKS, error));
    return close_book(sink, &sink->sightings, PF_DETECT_SIGHTINGS, error);
}

/* The first period that an int64 tells begins before it, and is said to begin late: sums wrap. */
static int64_t start_of(int64_t time, int64_t length)
{
    int64_t rest = time % length;
    return (int64_t)((uint64_t)(time - rest) - (rest < 0 ? (uint64_t)length : 0));
}

/* Time goes forward; what comes late belongs to the window and the second that are open. */
static enum pf_status go_on(struct pf_detect_sink *sink, int64_t time, struct pf_error *error)
{
    int64_t second = start_of(time, SECOND);
    int64_t window = sink->options.window != 0 ? start_of(time, sink->options.window) : 0;
    if (sink->begun && window > sink->window)
        PF_TRY(close_window(sink, error));
    else if (sink->begun && second > sink->second)
        PF_TRY(close_second(sink, error));
    sink->window = !sink->begun || window > sink->window ? window : sink->window;
    sink->second = !sink->begun || second > sink->second ? second : sink->second;
    sink->begun = true;
    return PF_OK;
}

/* Whom a talk is with, in the book of this second: NULL where that is full. Of all but TCP the ports of a target count
 * together: a flood may spread over them. */
static enum pf_status target_of(struct pf_detect_sink *sink, struct pf_exchange *talk, struct pf_busy **target,
                                struct pf_error *error)
{
    if (talk->second == sink->second) {
        *target = pf_book_at(&sink->targets, talk->target);
        return PF_OK;
    }
    const struct pf_exchange_key *given = (const struct pf_exchange_key *)(const void *)talk->entry.key;
    unsigned server = !talk->client;
    *target = NULL;
    struct pf_exchange_key key = {.kind = given->kind, .version = given->version};
    memcpy(key.address[0], given->address[server], sizeof key.address[0]);
    key.port[0] = given->kind == TCP ? given->port[server] : 0;
    uint64_t hash = pf_hash_octets(pf_secret(), &key, sizeof key);
    void *found = pf_book_find(&sink->targets, hash, &key);
    if (found == NULL && pf_book_full(&sink->targets))
        return PF_OK;
    if (found == NULL)
        PF_TRY(pf_book_add(&sink->targets, hash, &key, &found, error));
    *target = found;
    talk->target = (uint32_t)pf_book_number(&sink->targets, found);
    talk->second = sink->second;
    return PF_OK;
}

static enum pf_status count_second(struct pf_detect_sink *sink, struct pf_exchange *talk,
                                   const struct pf_detect_event *event, bool begins, bool first_data,
                                   struct pf_error *error)
{
    struct pf_busy *busy;
    PF_TRY(target_of(sink, talk, &busy, error));
    if (busy == NULL) {
        sink->targets_left_out++;
        return PF_OK;
    }
    bool to_client = event->side != talk->client;
    busy->answers += to_client;
    busy->packets += !to_client;
    busy->octets += to_client ? 0 : event->payload;
    busy->syns += !to_client && event->key.talk.kind == TCP && (event->flags & (SYN | ACK)) == SYN;
    busy->begun += begins;
    busy->carried += first_data;
    busy->requests += !to_client && (event->marks & PF_MARK_REQUEST) != 0;
    return PF_OK;
}

static enum pf_status take_talk(struct pf_detect_sink *sink, const struct pf_detect_event *event,
                                struct pf_error *error)
{
    struct pf_exchange *talk = pf_book_find(&sink->talks, event->hash, &event->key);
    bool begins = talk == NULL;
    bool unreachable = (event->marks & PF_MARK_UNREACHABLE) != 0;
    sink->asked = !begins && talk->asked != INT64_MIN && pf_elapsed(talk->asked, event->time) <= PATIENCE;
    if (begins && unreachable) /* about a packet that is not in the capture */
        return PF_OK;
    if (begins) {
        void *added;
        if (pf_book_full(&sink->talks)) {
            sink->closed_early += sink->talks.count;
            PF_TRY(close_book(sink, &sink->talks, PF_DETECT_TALKS, error));
        }
        PF_TRY(pf_book_add(&sink->talks, event->hash, &event->key, &added, error));
        talk = added;
        pf_exchange_begin(talk, event);
    }
    bool first_data = pf_exchange_add(talk, event);
    return unreachable ? PF_OK : count_second(sink, talk, event, begins, first_data, error);
}

static enum pf_status take_sighting(struct pf_detect_sink *sink, const struct pf_detect_event *event,
                                    struct pf_error *error)
{
    struct pf_sighted *sighted = pf_book_find(&sink->sightings, event->hash, &event->key);
    if (sighted == NULL) {
        void *added;
        if (pf_book_full(&sink->sightings)) {
            sink->closed_early += sink->sightings.count;
            PF_TRY(close_book(sink, &sink->sightings, PF_DETECT_SIGHTINGS, error));
        }
        PF_TRY(pf_book_add(&sink->sightings, event->hash, &event->key, &added, error));
        sighted = added;
        sighted->first = sighted->last = event->time;
        sighted->second = sink->second;
    }
    sighted->first = event->time < sighted->first ? event->time : sighted->first;
    sighted->last = event->time > sighted->last ? event->time : sighted->last;
    sighted->seen++;
    sighted->numbered += event->numbers;
    sighted->unasked += event->numbers && event->answer && !sink->asked;
    if (sighted->second != sink->second)
        sighted->in_second = 0;
    sighted->second = sink->second;
    if (++sighted->in_second > sighted->most_in_second)
        sighted->most_in_second = sighted->in_second;
    return PF_OK;
}

static enum pf_status emit(struct pf_sink *base, void *given, struct pf_error *error)
{
    struct pf_detect_sink *sink = (struct pf_detect_sink *)base;
    struct pf_detect_piece *piece = given;
    enum pf_status status = sink->save != NULL ? pf_detect_save_put(sink->save, piece, error) : PF_OK;
    for (size_t i = 0; sink->save == NULL && status == PF_OK && i < piece->count; i++) {
        const struct pf_detect_event *event = &piece->events[i];
        if (i + FAR < piece->count && event[FAR].form == PF_EVENT_TALK)
            pf_book_prefetch(&sink->talks, event[FAR].hash);
        status = go_on(sink, event->time, error);
        if (status == PF_OK)
            status = (event->form == PF_EVENT_TALK ? take_talk : take_sighting)(sink, event, error);
    }
    pf_detect_piece_free(piece);
    return status;
}

static void discard(struct pf_sink *base, void *piece)
{
    (void)base;
    pf_detect_piece_free(piece);
}

static enum pf_status finish(struct pf_sink *base, struct pf_error *error)
{
    struct pf_detect_sink *sink = (struct pf_detect_sink *)base;
    if (sink->save != NULL) {
        pf_detect_save_end(sink->save);
        return PF_OK;
    }
    PF_TRY(close_window(sink, error));
    pf_book_clear(&sink->talks); /* before the rows are looked at */
    for (unsigned i = 0; i < PF_DETECT_TABLES; i++)
        PF_TRY(pf_detect_rows_flush(&sink->rows[i], error));
    return PF_OK;
}

static const struct pf_sink_ops ops = {
    .order = PF_ORDER_FILE,
    .accept = accept,
    .emit = emit,
    .discard = discard,
    .finish = finish,
};

enum pf_status pf_detect_sink_init(struct pf_detect_sink *sink, const struct pf_detect_options *options,
                                   struct pf_frame *frames[PF_DETECT_TABLES], struct pf_error *error)
{
    memset(sink, 0, sizeof *sink);
    sink->sink.ops = &ops;
    sink->sink.depth = PF_DEPTH_TRANSPORT;
    sink->options = *options;
    size_t most = options->most_talks != 0 ? options->most_talks : PF_MOST_TALKS;
    pf_book_init(&sink->talks, sizeof(struct pf_exchange), most);
    pf_book_init(&sink->sightings, sizeof(struct pf_sighted), most < PF_MOST_SIGHTINGS ? most : PF_MOST_SIGHTINGS);
    pf_book_init(&sink->targets, sizeof(struct pf_busy), most < PF_MOST_TARGETS ? most : PF_MOST_TARGETS);
    for (unsigned i = 0; i < PF_DETECT_TABLES; i++)
        PF_TRY(pf_detect_rows_init(&sink->rows[i], i, frames[i], error));
    return PF_OK;
}

void pf_detect_sink_clear(struct pf_detect_sink *sink)
{
    pf_book_clear(&sink->talks);
    pf_book_clear(&sink->sightings);
    pf_book_clear(&sink->targets);
    for (unsigned i = 0; i < PF_DETECT_TABLES; i++)
        pf_detect_rows_clear(&sink->rows[i]);
    memset(sink, 0, sizeof *sink);
}
