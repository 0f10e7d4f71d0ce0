#include "detect/text.h"

#include "base/alloc.h"
#include "detect/text_put.h"

#include <string.h>

enum { DROPPED_COLUMNS = 2 };

static const struct pf_kind dropped_kinds[DROPPED_COLUMNS] = {{"what", PF_TEXT, false}, {"count", PF_UINT64, false}};

const char *const pf_text_table_names[PF_TEXT_TABLES] = {"dns_clients", "dns_domains", "web_requests", "logins",
                                                         "text_dropped"};

static enum pf_status note(const struct pf_packet *packet, struct pf_text_piece *piece, struct pf_error *error)
{
    if (packet->first[PF_DNS] != PF_NO_LAYER)
        return pf_text_names_note(packet, piece, error);
    if (packet->first[PF_TCP] == PF_NO_LAYER || packet->first[PF_TLS] != PF_NO_LAYER)
        return PF_OK;
    if (packet->first[PF_HTTP] != PF_NO_LAYER)
        return pf_text_requests_note(packet, piece, error);
    return pf_text_logins_note(packet, piece, error);
}

static enum pf_status accept(struct pf_sink *base, unsigned worker, struct pf_packet *const *packets, size_t count,
                             struct pf_error *error)
{
    if (base->open[worker] == NULL)
        base->open[worker] = pf_alloc(sizeof(struct pf_text_piece));
    if (base->open[worker] == NULL)
        return pf_fail_memory(error);
    for (size_t i = 0; i < count; i++)
        PF_TRY(note(packets[i], base->open[worker], error));
    return PF_OK;
}

static enum pf_status add(struct pf_text_sink *sink, const struct pf_text_event *event, struct pf_error *error)
{
    if (sink->save != NULL)
        return pf_text_save_put(sink->save, event, error);
    switch ((enum pf_text_kind)event->kind) {
    case PF_TEXT_NAME:
        return pf_text_names_add(&sink->names, event, error);
    case PF_TEXT_REQUEST:
        return pf_text_requests_add(&sink->requests, event, error);
    case PF_TEXT_LINE:
    case PF_TEXT_BASIC:
        return pf_text_logins_add(&sink->logins, event, error);
    }
    return PF_OK;
}

static enum pf_status emit(struct pf_sink *base, void *gathered, struct pf_error *error)
{
    struct pf_text_piece *piece = gathered;
    enum pf_status status = PF_OK;
    for (size_t at = 0; status == PF_OK && piece != NULL && at < piece->size;) {
        const struct pf_text_event *event = (const struct pf_text_event *)(const void *)(piece->octets + at);
        status = add((struct pf_text_sink *)base, event, error);
        at += event->size;
    }
    pf_text_piece_free(piece);
    return status;
}

static void discard(struct pf_sink *base, void *piece)
{
    (void)base;
    pf_text_piece_free(piece);
}

static enum pf_status put_dropped(struct pf_text_put *put, const struct pf_text_sink *sink, struct pf_error *error)
{
    const struct {
        const char *what;
        uint64_t count;
    } dropped[] = {
        {"messages of further DNS clients", sink->names.clients.dropped},
        {"messages of further DNS domains", sink->names.domains.dropped},
        {"DNS names beyond those told apart", sink->names.seen.dropped},
        {"requests of further attackers", sink->requests.rows.dropped},
        {"logins of further users", sink->logins.rows.dropped},
        {"secrets beyond those told apart", sink->logins.seen.dropped},
        {"logins whose answer was not awaited", sink->logins.forgotten},
    };
    for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++) {
        PF_TRY(pf_text_put_reserve(put, error));
        PF_TRY(pf_text_put_text(put, dropped[i].what, strlen(dropped[i].what), error));
        pf_text_put_number(put, dropped[i].count);
        pf_text_put_row(put);
    }
    return PF_OK;
}

static enum pf_status finish(struct pf_sink *base, struct pf_error *error)
{
    struct pf_text_sink *sink = (struct pf_text_sink *)base;
    struct pf_frame *frames = sink->frames;
    struct pf_text_put put;
    if (sink->save != NULL) {
        pf_text_save_end(sink->save);
        return PF_OK;
    }
    PF_TRY(pf_text_names_frames(&sink->names, &frames[PF_TEXT_CLIENTS], &frames[PF_TEXT_DOMAINS], error));
    PF_TRY(pf_text_requests_frame(&sink->requests, &frames[PF_TEXT_REQUESTS], error));
    PF_TRY(pf_text_logins_frame(&sink->logins, &frames[PF_TEXT_LOGINS], error));
    PF_TRY(pf_text_put_begin(&put, &frames[PF_TEXT_DROPPED], error));
    return pf_text_put_end(&put, &frames[PF_TEXT_DROPPED], put_dropped(&put, sink, error), error);
}

static const struct pf_sink_ops ops = {
    .order = PF_ORDER_FILE,
    .accept = accept,
    .emit = emit,
    .discard = discard,
    .finish = finish,
};

enum pf_status pf_text_sink_init(struct pf_text_sink *sink, struct pf_frame frames[PF_TEXT_TABLES],
                                 struct pf_error *error)
{
    memset(sink, 0, sizeof *sink);
    sink->sink.ops = &ops;
    sink->sink.depth = PF_DEPTH_APPLICATION;
    sink->frames = frames;
    pf_text_names_init(&sink->names);
    pf_text_requests_init(&sink->requests);
    pf_text_logins_init(&sink->logins);
    PF_TRY(pf_frame_init(&frames[PF_TEXT_CLIENTS], pf_text_client_kinds, PF_TEXT_CLIENT_COLUMNS, error));
    PF_TRY(pf_frame_init(&frames[PF_TEXT_DOMAINS], pf_text_domain_kinds, PF_TEXT_DOMAIN_COLUMNS, error));
    PF_TRY(pf_frame_init(&frames[PF_TEXT_REQUESTS], pf_text_request_kinds, PF_TEXT_REQUEST_COLUMNS, error));
    PF_TRY(pf_frame_init(&frames[PF_TEXT_LOGINS], pf_text_login_kinds, PF_TEXT_LOGIN_COLUMNS, error));
    return pf_frame_init(&frames[PF_TEXT_DROPPED], dropped_kinds, DROPPED_COLUMNS, error);
}

void pf_text_sink_clear(struct pf_text_sink *sink)
{
    pf_text_names_clear(&sink->names);
    pf_text_requests_clear(&sink->requests);
    pf_text_logins_clear(&sink->logins);
    memset(sink, 0, sizeof *sink);
}
