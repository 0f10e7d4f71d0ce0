#include "detect/text_logins.h"

#include "base/alloc.h"
#include "base/sketch_distinct.h"
#include "base/writer.h"
#include "detect/text_put.h"
#include "field/define.h"

#include <string.h>

enum {
    MOST_ROWS = 1 << 14, /* client, server and user: at 500 octets 8 MiB */
    TALKS = 1 << 13,     /* at 500 octets 4 MiB; so many logins are not half done at once */
    ESCAPED = 4 * PF_SECRET_OCTETS,
};

struct row {
    struct pf_value client, server;
    uint16_t port;
    uint8_t protocol;
    bool has_accepted; /* the secret is one that was */
    uint64_t tries, accepted, refused, secrets;
    struct pf_text_span span;
    struct pf_secret_text user, secret;
};

const struct pf_kind pf_text_login_kinds[PF_TEXT_LOGIN_COLUMNS] = {
    {"client", PF_TEXT, false},         {"server", PF_TEXT, false},     {"port", PF_UINT16, false},
    {"protocol", PF_TEXT, false},       {"user", PF_STRING, false},     {"secret", PF_STRING, false},
    {"tries", PF_UINT64, false},        {"accepted", PF_UINT64, false}, {"refused", PF_UINT64, false},
    {"secrets", PF_UINT64, false},      {"first_time", PF_TIME, true},  {"last_time", PF_TIME, true},
    {"frame_number", PF_UINT64, false},
};

static const char *const protocols[] = {"ftp", "pop3", "smtp", "imap", "telnet", "http"};

void pf_text_logins_init(struct pf_text_logins *logins)
{
    memset(logins, 0, sizeof *logins);
    logins->rows.element = sizeof(struct row);
    logins->rows.most = MOST_ROWS;
}

void pf_text_logins_clear(struct pf_text_logins *logins)
{
    pf_text_rows_clear(&logins->rows);
    pf_text_seen_clear(&logins->seen);
    pf_free(logins->talks);
    logins->talks = NULL;
}

/* What a server says to a login, or a client to begin one: all that is looked at on other ports. */
static bool is_of_interest(const struct pf_cursor *payload)
{
    static const char *const replies[] = {"230", "235", "331", "530", "535", "+OK", "-ER"};
    const uint8_t *octets = pf_cursor_need(payload, 4);
    if (octets == NULL)
        return false;
    if (octets[0] > '5')
        return pf_talk_begins(payload);
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        if (memcmp(octets, replies[i], 3) == 0)
            return true;
    }
    return false;
}

enum pf_status pf_text_logins_note(const struct pf_packet *packet, struct pf_text_piece *piece, struct pf_error *error)
{
    struct pf_value span;
    struct pf_text_event event;
    uint8_t layer = packet->first[PF_TCP];
    const uint8_t *header = pf_layer_octets(packet, layer, 0, 8);
    if (header == NULL || !pf_transport_payload(packet, layer, &span) || span.size == 0 ||
        span.size > PF_TEXT_LINE_OCTETS)
        return PF_OK;
    struct pf_cursor payload = {pf_value_at(&span), pf_value_at(&span) + span.size, (size_t)span.size};
    bool by_port = pf_login_port(pf_be16(header)) >= 0 || pf_login_port(pf_be16(header + 2)) >= 0;
    if ((!by_port && !is_of_interest(&payload)) || !pf_text_event_of(packet, PF_TEXT_LINE, PF_TCP, &event))
        return PF_OK;
    event.is.line.seq = pf_be32(header + 4);
    event.length[0] = (uint32_t)span.size;
    return pf_text_piece_put(piece, &event, payload.at, NULL, error);
}

static enum pf_status put_try(struct pf_text_logins *logins, const struct pf_text_event *event,
                              enum pf_login_protocol protocol, const struct pf_secret_text *user,
                              const struct pf_secret_text *secret, uint32_t *number, struct pf_error *error)
{
    struct {
        struct pf_value client, server;
        uint32_t port, protocol;
        uint8_t user[PF_SECRET_OCTETS];
    } key;
    void *found;
    bool is_new, first;
    memset(&key, 0, sizeof key);
    key.client = event->source;
    key.server = event->target;
    key.port = event->target_port;
    key.protocol = protocol;
    if (user->size != 0)
        memcpy(key.user, user->octets, user->size);
    size_t length = sizeof key - sizeof key.user + user->size;
    *number = 0;
    PF_TRY(pf_text_rows_of(&logins->rows, &key, length, &found, &is_new, error));
    if (found == NULL)
        return PF_OK;
    struct row *row = found;
    if (is_new) {
        *row = (struct row){.client = event->source,
                            .server = event->target,
                            .port = event->target_port,
                            .protocol = (uint8_t)protocol,
                            .user = *user};
    }
    if (!row->has_accepted)
        row->secret = *secret;
    size_t place = pf_text_row_number(&logins->rows, row);
    PF_TRY(pf_text_seen_first(&logins->seen, place, (const char *)secret->octets, secret->size, &first, error));
    row->secrets += first;
    row->tries++;
    pf_text_span_add(&row->span, event);
    *number = (uint32_t)place + 1;
    return PF_OK;
}

static void answer(struct pf_text_logins *logins, struct pf_talk *talk, enum pf_talk_answer what)
{
    if (talk->row == 0 || what == PF_NO_ANSWER)
        return;
    struct row *row = pf_text_row(&logins->rows, talk->row - 1);
    row->accepted += what == PF_ACCEPTED;
    row->refused += what == PF_REFUSED;
    row->has_accepted |= what == PF_ACCEPTED;
    talk->row = 0;
}

static struct pf_talk_key key_of(const struct pf_text_event *event)
{
    struct pf_talk_key key;
    memset(&key, 0, sizeof key);
    key.client = event->source;
    key.server = event->target;
    key.client_port = event->source_port;
    key.server_port = event->target_port;
    return key;
}

/* Where a talk lies: by a hash that is the same in every process, so that what is forgotten is too. */
static struct pf_talk *place_of(struct pf_text_logins *logins, const struct pf_talk_key *key)
{
    return &logins->talks[pf_distinct_hash(key, sizeof *key) & (TALKS - 1)];
}

static struct pf_talk *talk_of(struct pf_text_logins *logins, const struct pf_talk_key *key)
{
    struct pf_talk *talk = place_of(logins, key);
    return talk->used && memcmp(&talk->key, key, sizeof *key) == 0 ? talk : NULL;
}

static struct pf_talk *begin(struct pf_text_logins *logins, const struct pf_talk_key *key, int protocol)
{
    struct pf_talk *talk = place_of(logins, key);
    logins->forgotten += talk->used && talk->row != 0;
    memset(talk, 0, sizeof *talk);
    talk->key = *key;
    talk->used = true;
    talk->protocol = (uint8_t)(protocol >= 0 ? protocol : PF_LOGIN_FTP);
    return talk;
}

/* Octets that were not seen before: a segment as a whole counts as new or as old. */
static bool is_new_data(struct pf_talk *talk, const struct pf_text_event *event)
{
    uint32_t end = event->is.line.seq + event->length[0];
    if (talk->has_seq && (int32_t)(event->is.line.seq - talk->seq) < 0)
        return false;
    talk->has_seq = true;
    talk->seq = end;
    return true;
}

static enum pf_status complete(struct pf_text_logins *logins, struct pf_talk *talk, const struct pf_text_event *event,
                               struct pf_error *error)
{
    bool on_pop3_port = talk->key.server_port == 110;
    if (talk->protocol == PF_LOGIN_FTP && on_pop3_port)
        talk->protocol = PF_LOGIN_POP3;
    return put_try(logins, event, talk->protocol, &talk->user, &talk->secret, &talk->row, error);
}

static enum pf_status from_client(struct pf_text_logins *logins, struct pf_talk *talk,
                                  const struct pf_text_event *event, struct pf_error *error)
{
    const uint8_t *octets = (const uint8_t *)pf_text_event_text(event, 0);
    struct pf_cursor rest = {octets, octets + event->length[0], event->length[0]};
    struct pf_line line;
    if (!is_new_data(talk, event))
        return PF_OK;
    if (talk->protocol != PF_LOGIN_TELNET) {
        while (pf_next_line(&rest, &line)) {
            if (pf_talk_client(talk, &line))
                PF_TRY(complete(logins, talk, event, error));
        }
        return PF_OK;
    }
    uint8_t keys[PF_TEXT_LINE_OCTETS];
    size_t count = pf_telnet_data(octets, event->length[0], keys);
    for (size_t i = 0; i < count; i++) {
        if (pf_talk_key(talk, keys[i]))
            PF_TRY(complete(logins, talk, event, error));
    }
    return PF_OK;
}

static void from_server(struct pf_text_logins *logins, struct pf_talk *talk, const struct pf_text_event *event)
{
    const uint8_t *octets = (const uint8_t *)pf_text_event_text(event, 0);
    struct pf_cursor rest = {octets, octets + event->length[0], event->length[0]};
    struct pf_line line;
    if (talk->protocol == PF_LOGIN_TELNET) {
        uint8_t screen[PF_TEXT_LINE_OCTETS];
        size_t size = pf_telnet_data(octets, event->length[0], screen);
        answer(logins, talk, pf_talk_screen(talk, screen, size));
        return;
    }
    while (pf_next_line(&rest, &line))
        answer(logins, talk, pf_talk_server(talk, &line.text));
}

static enum pf_status add_line(struct pf_text_logins *logins, const struct pf_text_event *event, struct pf_error *error)
{
    struct pf_text_event turned = *event;
    pf_text_event_turn(&turned);
    struct pf_talk_key forward = key_of(event), back = key_of(&turned);
    const uint8_t *octets = (const uint8_t *)pf_text_event_text(event, 0);
    struct pf_cursor payload = {octets, octets + event->length[0], event->length[0]};
    int to_port = pf_login_port(event->target_port), from_port = pf_login_port(event->source_port);
    struct pf_talk *talk;
    if (logins->talks == NULL)
        logins->talks = pf_alloc_array(TALKS, sizeof *logins->talks);
    if (logins->talks == NULL)
        return pf_fail_memory(error);
    if ((talk = talk_of(logins, &forward)) != NULL)
        return from_client(logins, talk, event, error);
    if ((talk = talk_of(logins, &back)) != NULL) {
        from_server(logins, talk, event);
        return PF_OK;
    }
    if (to_port >= 0 || (from_port < 0 && pf_talk_begins(&payload)))
        return from_client(logins, begin(logins, &forward, to_port), event, error);
    if (from_port >= 0)
        from_server(logins, begin(logins, &back, from_port), event);
    return PF_OK;
}

static enum pf_status add_basic(struct pf_text_logins *logins, const struct pf_text_event *event,
                                struct pf_error *error)
{
    struct pf_secret_text user = {.size = event->length[0]}, secret = {.size = event->length[1]};
    uint32_t number;
    if (user.size != 0)
        memcpy(user.octets, pf_text_event_text(event, 0), user.size);
    if (secret.size != 0)
        memcpy(secret.octets, pf_text_event_text(event, 1), secret.size);
    return put_try(logins, event, PF_LOGIN_HTTP, &user, &secret, &number, error);
}

enum pf_status pf_text_logins_add(struct pf_text_logins *logins, const struct pf_text_event *event,
                                  struct pf_error *error)
{
    return event->kind == PF_TEXT_BASIC ? add_basic(logins, event, error) : add_line(logins, event, error);
}

static enum pf_status put_escaped(struct pf_text_put *put, const struct pf_secret_text *text, struct pf_error *error)
{
    char room[ESCAPED];
    struct pf_writer writer = {.octets = room, .room = sizeof room};
    pf_write_text(&writer, text->octets, text->size, 0);
    return pf_text_put_text(put, room, writer.length, error);
}

static enum pf_status put_row(struct pf_text_put *put, const struct row *row, struct pf_error *error)
{
    const char *protocol = protocols[row->protocol];
    PF_TRY(pf_text_put_reserve(put, error));
    PF_TRY(pf_text_put_address(put, &row->client, error));
    PF_TRY(pf_text_put_address(put, &row->server, error));
    pf_text_put_number(put, row->port);
    PF_TRY(pf_text_put_text(put, protocol, strlen(protocol), error));
    PF_TRY(put_escaped(put, &row->user, error));
    PF_TRY(put_escaped(put, &row->secret, error));
    pf_text_put_number(put, row->tries);
    pf_text_put_number(put, row->accepted);
    pf_text_put_number(put, row->refused);
    pf_text_put_number(put, row->secrets);
    pf_text_put_times(put, &row->span);
    pf_text_put_row(put);
    return PF_OK;
}

enum pf_status pf_text_logins_frame(const struct pf_text_logins *logins, struct pf_frame *frame, struct pf_error *error)
{
    struct pf_text_put put;
    enum pf_status status = PF_OK;
    PF_TRY(pf_text_put_begin(&put, frame, error));
    for (size_t i = 0; status == PF_OK && i < logins->rows.keys.count; i++)
        status = put_row(&put, pf_text_row(&logins->rows, i), error);
    return pf_text_put_end(&put, frame, status, error);
}
