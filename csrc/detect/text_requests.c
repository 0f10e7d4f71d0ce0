#include "detect/text_requests.h"

#include "base/writer.h"
#include "detect/text_attack.h"
#include "detect/text_put.h"
#include "detect/text_secret.h"
#include "payload/http.h"

#include <string.h>

enum {
    MOST_ROWS = 1 << 14,    /* who attacks whom and how: more are nothing to read, at 400 octets 6 MiB */
    MOST_HEADER = 64 << 10, /* as payload/http */
};

struct row {
    struct pf_value source, target;
    uint16_t port;
    uint16_t pattern; /* the best so far: not weak before weak */
    uint64_t requests, weak;
    struct pf_text_span span;
    uint32_t example_length;
    char example[PF_TEXT_REQUEST_OCTETS];
};

const struct pf_kind pf_text_request_kinds[PF_TEXT_REQUEST_COLUMNS] = {
    {"source", PF_TEXT, false},   {"target", PF_TEXT, false},         {"port", PF_UINT16, false},
    {"attack", PF_TEXT, false},   {"requests", PF_UINT64, false},     {"weak", PF_UINT64, false},
    {"pattern", PF_TEXT, false},  {"example", PF_STRING, false},      {"first_time", PF_TIME, true},
    {"last_time", PF_TIME, true}, {"frame_number", PF_UINT64, false},
};

void pf_text_requests_init(struct pf_text_requests *requests)
{
    memset(requests, 0, sizeof *requests);
    requests->rows.element = sizeof(struct row);
    requests->rows.most = MOST_ROWS;
}

void pf_text_requests_clear(struct pf_text_requests *requests)
{
    pf_text_rows_clear(&requests->rows);
}

static enum pf_status note_text(const struct pf_packet *packet, const struct pf_cursor *text, unsigned wanted,
                                struct pf_text_piece *piece, struct pf_error *error)
{
    uint16_t found[PF_ATTACKS];
    char room[4 * PF_TEXT_REQUEST_OCTETS];
    struct pf_writer writer = {.octets = room, .room = sizeof room};
    struct pf_text_event event;
    size_t size = pf_cursor_left(text);
    if (!pf_attack_look(text->at, size, wanted, found) || !pf_text_event_of(packet, PF_TEXT_REQUEST, PF_TCP, &event))
        return PF_OK;
    pf_write_text(&writer, text->at, size < PF_TEXT_REQUEST_OCTETS ? size : PF_TEXT_REQUEST_OCTETS, 0);
    for (unsigned i = 0; i < PF_ATTACKS; i++) {
        if (found[i] == PF_ATTACK_NONE)
            continue;
        event.is.request.pattern = found[i];
        event.length[0] = (uint32_t)pf_text_clip(room, writer.length, PF_TEXT_REQUEST_OCTETS);
        PF_TRY(pf_text_piece_put(piece, &event, room, NULL, error));
    }
    return PF_OK;
}

static bool is_field(const struct pf_cursor *name, const char *wanted)
{
    size_t length = strlen(wanted);
    if (pf_cursor_left(name) != length)
        return false;
    for (size_t i = 0; i < length; i++) {
        uint8_t octet = name->at[i];
        if ((octet >= 'A' && octet <= 'Z' ? octet | 0x20 : octet) != (uint8_t)wanted[i])
            return false;
    }
    return true;
}

static bool has_pair(const struct pf_cursor *text, uint8_t first, uint8_t second)
{
    struct pf_cursor rest = *text;
    while (pf_cursor_left(&rest) != 0) {
        (void)pf_next_word(&rest, first);
        if (pf_cursor_left(&rest) != 0 && rest.at[0] == second)
            return true;
    }
    return false;
}

static enum pf_status note_field(const struct pf_packet *packet, const struct pf_line *line,
                                 struct pf_text_piece *piece, struct pf_error *error)
{
    struct pf_cursor value = line->text, name = pf_next_word(&value, ':');
    pf_trim(&value);
    unsigned wanted = is_field(&name, "user-agent") ? 1u << PF_ATTACK_SCANNER : 0;
    if (has_pair(&value, '$', '{')) /* any field may end up in a log */
        wanted |= 1u << PF_ATTACK_LOOKUP;
    if (has_pair(&value, ')', ' ') && pf_cursor_left(&value) > 3 && memcmp(value.at, "() {", 4) == 0)
        wanted |= 1u << PF_ATTACK_COMMAND;
    if (wanted != 0)
        PF_TRY(note_text(packet, &value, wanted, piece, error));
    if (line->ended && (is_field(&name, "authorization") || is_field(&name, "proxy-authorization")))
        return pf_secret_note_basic(packet, &value, piece, error);
    return PF_OK;
}

enum pf_status pf_text_requests_note(const struct pf_packet *packet, struct pf_text_piece *piece,
                                     struct pf_error *error)
{
    const struct pf_layer *layer = &packet->layer[packet->first[PF_HTTP]];
    const uint8_t *octets = pf_layer_octets(packet, packet->first[PF_HTTP], 0, layer->captured);
    struct pf_cursor message = {octets, octets + layer->captured, layer->captured}, target;
    struct pf_line line;
    if (!pf_http_start(&message, PF_HTTP_TARGET, &target))
        return PF_OK;
    PF_TRY(note_text(packet, &target, (1u << PF_ATTACK_SCANNER) - 1, piece, error));
    pf_cursor_clip(&message, MOST_HEADER);
    (void)pf_next_line(&message, &line);
    while (pf_next_line(&message, &line) && pf_cursor_left(&line.text) != 0)
        PF_TRY(note_field(packet, &line, piece, error));
    return PF_OK;
}

static bool is_better(uint16_t pattern, uint16_t than)
{
    return pf_attack_patterns[than].weak && !pf_attack_patterns[pattern].weak;
}

enum pf_status pf_text_requests_add(struct pf_text_requests *requests, const struct pf_text_event *event,
                                    struct pf_error *error)
{
    const struct pf_attack_pattern *pattern = &pf_attack_patterns[event->is.request.pattern];
    struct {
        struct pf_value source, target;
        uint32_t port, attack;
    } key = {event->source, event->target, event->target_port, pattern->attack};
    void *found;
    bool is_new;
    PF_TRY(pf_text_rows_of(&requests->rows, &key, sizeof key, &found, &is_new, error));
    if (found == NULL)
        return PF_OK;
    struct row *row = found;
    if (is_new || is_better(event->is.request.pattern, row->pattern)) {
        row->source = event->source;
        row->target = event->target;
        row->port = event->target_port;
        row->pattern = event->is.request.pattern;
        row->example_length = event->length[0];
        memcpy(row->example, pf_text_event_text(event, 0), event->length[0]);
    }
    row->requests += !pattern->weak;
    row->weak += pattern->weak;
    pf_text_span_add(&row->span, event);
    return PF_OK;
}

static enum pf_status put_row(struct pf_text_put *put, const struct row *row, struct pf_error *error)
{
    const struct pf_attack_pattern *pattern = &pf_attack_patterns[row->pattern];
    const char *attack = pf_attack_names[pattern->attack];
    PF_TRY(pf_text_put_reserve(put, error));
    PF_TRY(pf_text_put_address(put, &row->source, error));
    PF_TRY(pf_text_put_address(put, &row->target, error));
    pf_text_put_number(put, row->port);
    PF_TRY(pf_text_put_text(put, attack, strlen(attack), error));
    pf_text_put_number(put, row->requests);
    pf_text_put_number(put, row->weak);
    PF_TRY(pf_text_put_text(put, pattern->text, strlen(pattern->text), error));
    PF_TRY(pf_text_put_text(put, row->example, row->example_length, error));
    pf_text_put_times(put, &row->span);
    pf_text_put_row(put);
    return PF_OK;
}

enum pf_status pf_text_requests_frame(const struct pf_text_requests *requests, struct pf_frame *frame,
                                      struct pf_error *error)
{
    struct pf_text_put put;
    enum pf_status status = PF_OK;
    PF_TRY(pf_text_put_begin(&put, frame, error));
    for (size_t i = 0; status == PF_OK && i < requests->rows.keys.count; i++)
        status = put_row(&put, pf_text_row(&requests->rows, i), error);
    return pf_text_put_end(&put, frame, status, error);
}
