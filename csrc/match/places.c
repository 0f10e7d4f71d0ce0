#include "match/places.h"

#include <arpa/inet.h>
#include <string.h>

enum { NO_PORT = UINT32_MAX };

typedef enum pf_status (*look)(struct pf_hits_sink *sink, struct pf_hits_worker *worker, struct pf_sighting *sighting,
                               struct pf_error *error);

struct pf_place_form {
    enum pf_match_kind kind;
    const char *field, *other, *port;
    look look;
};

/* The column's text, in worker->text; false where the packet has none. One that did not fit is no key. */
static bool read_text(struct pf_hits_worker *worker, const struct pf_field *field, const struct pf_packet *packet,
                      size_t *length)
{
    struct pf_writer writer = {.octets = worker->text, .room = PF_WRITER_ROOM};
    if (field == NULL || !field->write(field, pf_field_packet(field, packet), &writer) || writer.full)
        return false;
    *length = writer.length;
    return true;
}

/* Everything the set has of an address. */
static enum pf_status report_address(struct pf_hits_sink *sink, struct pf_hits_worker *worker,
                                     struct pf_sighting *sighting, const struct pf_value *address,
                                     struct pf_error *error)
{
    const struct pf_indicator_set *set = sink->set;
    char text[PF_TEXT_ROOM];
    unsigned place = 0;
    uint32_t number;
    while (pf_prefixes_next(&set->networks, address, &place, &number)) {
        if (sighting->seen == NULL) {
            if (pf_indicator_set_allows_address(set, address))
                break;
            sighting->seen = text;
            sighting->seen_length = pf_text_address(address, text);
        }
        PF_TRY(pf_hits_report(sink, worker, sighting, set->keys[PF_MATCH_IP].chains[number].first, error));
    }
    sighting->seen = NULL;
    return PF_OK;
}

static enum pf_status look_at_address(struct pf_hits_sink *sink, struct pf_hits_worker *worker,
                                      struct pf_sighting *sighting, struct pf_error *error)
{
    const struct pf_place *place = sighting->place;
    struct pf_value address, port;
    if (!place->field->get(place->field, sighting->packet, &address))
        return PF_OK;
    if (place->port != NULL && place->port->get(place->port, sighting->packet, &port))
        sighting->port = (uint32_t)port.word[0];
    return report_address(sink, worker, sighting, &address, error);
}

/* Everything the set has of a name and those it lies below. */
static enum pf_status report_name(struct pf_hits_sink *sink, struct pf_hits_worker *worker,
                                  struct pf_sighting *sighting, const struct pf_name *name, struct pf_error *error)
{
    const struct pf_indicator_set *set = sink->set;
    struct pf_name_step step = {false, 0};
    bool asked = false;
    while (pf_name_next(name, set->keys[PF_MATCH_DOMAIN].longest, &step)) {
        uint32_t first = pf_indicator_set_text(set, PF_MATCH_DOMAIN, name->text + step.at, name->length - step.at);
        if (first == 0)
            continue;
        if (!asked && pf_indicator_set_allows_name(set, name))
            return PF_OK;
        asked = true;
        sighting->is_below = step.at != 0;
        PF_TRY(pf_hits_report(sink, worker, sighting, first, error));
    }
    return PF_OK;
}

static enum pf_status look_at_name(struct pf_hits_sink *sink, struct pf_hits_worker *worker,
                                   struct pf_sighting *sighting, struct pf_error *error)
{
    struct pf_name name;
    if (!read_text(worker, sighting->place->field, sighting->packet, &sighting->seen_length))
        return PF_OK;
    sighting->seen = worker->text;
    pf_name_from(&name, sighting->seen, sighting->seen_length);
    return report_name(sink, worker, sighting, &name, error);
}

static enum pf_status look_at_host(struct pf_hits_sink *sink, struct pf_hits_worker *worker,
                                   struct pf_sighting *sighting, struct pf_error *error)
{
    struct pf_name name;
    if (!read_text(worker, sighting->place->field, sighting->packet, &sighting->seen_length))
        return PF_OK;
    sighting->seen = worker->text;
    pf_name_from_host(&name, sighting->seen, sighting->seen_length);
    return report_name(sink, worker, sighting, &name, error);
}

static enum pf_status look_at_text(struct pf_hits_sink *sink, struct pf_hits_worker *worker,
                                   struct pf_sighting *sighting, struct pf_error *error)
{
    if (!read_text(worker, sighting->place->field, sighting->packet, &sighting->seen_length))
        return PF_OK;
    sighting->seen = worker->text;
    uint32_t first =
        pf_indicator_set_text(sink->set, sighting->place->form->kind, sighting->seen, sighting->seen_length);
    return pf_hits_report(sink, worker, sighting, first, error);
}

/* --- answers of DNS: "www.example.org CNAME 300 example.org; example.org A 60 192.0.2.1" ----------------------------
 * Spaces and semicolons in names and strings are escaped there. */

/* What the text has before `mark`, which is taken off with it; all of it where there is none. */
struct piece {
    const char *at;
    size_t size;
};

static struct piece take(struct piece *text, char mark)
{
    const char *end = text->size != 0 ? memchr(text->at, mark, text->size) : NULL;
    struct piece taken = {text->at, end != NULL ? (size_t)(end - text->at) : text->size};
    size_t gone = taken.size + (end != NULL);
    text->at += gone;
    text->size -= gone;
    return taken;
}

static bool is(struct piece piece, const char *text)
{
    return piece.size == strlen(text) && memcmp(piece.at, text, piece.size) == 0;
}

static bool address_from(struct piece text, bool is_four, struct pf_value *address)
{
    char room[INET6_ADDRSTRLEN];
    uint8_t octets[16];
    if (text.size >= sizeof room)
        return false;
    memcpy(room, text.at, text.size);
    room[text.size] = '\0';
    if (inet_pton(is_four ? AF_INET : AF_INET6, room, octets) != 1)
        return false;
    *address = pf_value_octets(octets, is_four ? 4 : 16);
    return true;
}

/* The last word of what a record says: a name, for types whose data end with one. */
static bool name_in(struct piece type, struct piece data, struct piece *name)
{
    static const char *const types[] = {"CNAME", "NS", "PTR", "MX", "SRV"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (!is(type, types[i]))
            continue;
        do
            *name = take(&data, ' ');
        while (data.size != 0);
        return true;
    }
    return false;
}

static enum pf_status look_at_answers(struct pf_hits_sink *sink, struct pf_hits_worker *worker,
                                      struct pf_sighting *sighting, struct pf_error *error)
{
    enum pf_match_kind kind = sighting->place->form->kind;
    size_t length;
    if (!read_text(worker, sighting->place->field, sighting->packet, &length))
        return PF_OK;
    for (struct piece rest = {worker->text, length}; rest.size != 0;) {
        struct piece record = take(&rest, ';'), target;
        if (record.size != 0 && *record.at == ' ')
            (void)take(&record, ' ');
        (void)take(&record, ' ');
        struct piece type = take(&record, ' ');
        (void)take(&record, ' ');
        struct pf_value address;
        struct pf_name name;
        if (kind == PF_MATCH_IP) {
            if ((is(type, "A") || is(type, "AAAA")) && address_from(record, is(type, "A"), &address))
                PF_TRY(report_address(sink, worker, sighting, &address, error));
        } else if (name_in(type, record, &target)) {
            sighting->seen = target.at;
            sighting->seen_length = target.size;
            pf_name_from(&name, target.at, target.size);
            PF_TRY(report_name(sink, worker, sighting, &name, error));
        }
    }
    return PF_OK;
}

/* --- URLs: host and target, one of them, and each without the query ------------------------------------------------
 */

static size_t without_query(const char *text, size_t length)
{
    const char *mark = length != 0 ? memchr(text, '?', length) : NULL;
    return mark != NULL ? (size_t)(mark - text) : length;
}

static enum pf_status report_url(struct pf_hits_sink *sink, struct pf_hits_worker *worker, struct pf_sighting *sighting,
                                 struct piece url, struct pf_error *error)
{
    size_t shorter = without_query(url.at, url.size);
    PF_TRY(pf_hits_report(sink, worker, sighting, pf_indicator_set_text(sink->set, PF_MATCH_URL, url.at, url.size),
                          error));
    if (shorter == url.size)
        return PF_OK;
    return pf_hits_report(sink, worker, sighting, pf_indicator_set_text(sink->set, PF_MATCH_URL, url.at, shorter),
                          error);
}

/* A target is a path, or, to a proxy, a whole URL that has the host in it. */
static bool split_target(struct piece *target, struct piece *host)
{
    static const char scheme[] = "http://";
    if (target->size != 0 && *target->at == '/')
        return true;
    for (size_t i = 0; i < sizeof scheme - 1; i++) {
        if (i >= target->size || (target->at[i] != scheme[i] && (target->at[i] | 0x20) != scheme[i]))
            return false;
    }
    struct piece rest = {target->at + sizeof scheme - 1, target->size - (sizeof scheme - 1)};
    *host = take(&rest, '/');
    if (rest.at == host->at + host->size) /* no slash */
        return false;
    *target = (struct piece){rest.at - 1, rest.size + 1};
    return true;
}

static enum pf_status look_at_url(struct pf_hits_sink *sink, struct pf_hits_worker *worker,
                                  struct pf_sighting *sighting, struct pf_error *error)
{
    const struct pf_packet *packet = sighting->packet;
    const struct pf_place *place = sighting->place;
    struct pf_writer key = {.octets = worker->key, .room = PF_WRITER_ROOM};
    struct piece target, host = {"", 0};
    struct pf_name name;
    struct pf_value port;
    size_t length;
    if (!read_text(worker, place->other, packet, &length))
        length = 0;
    pf_name_from_host(&name, worker->text, length);
    if (!read_text(worker, place->field, packet, &length))
        return PF_OK;
    target = (struct piece){worker->text, length};
    if (!split_target(&target, &host))
        return PF_OK;
    if (host.size != 0)
        pf_name_from_host(&name, host.at, host.size);
    if (!name.whole || pf_indicator_set_allows_name(sink->set, &name))
        return PF_OK;
    if (place->port != NULL && place->port->get(place->port, packet, &port))
        sighting->port = (uint32_t)port.word[0];
    pf_write(&key, name.text, name.length);
    pf_write(&key, target.at, target.size);
    if (key.full)
        return PF_OK;
    sighting->seen = worker->key;
    sighting->seen_length = key.length;
    PF_TRY(report_url(sink, worker, sighting, (struct piece){key.octets, key.length}, error));
    PF_TRY(report_url(sink, worker, sighting, target, error));
    return pf_hits_report(sink, worker, sighting,
                          pf_indicator_set_text(sink->set, PF_MATCH_URL, name.text, name.length), error);
}

/* --- the places -----------------------------------------------------------------------------------------------------
 */

static const struct pf_place_form forms[] = {
    {PF_MATCH_IP, "ip_src", NULL, "srcport", look_at_address},
    {PF_MATCH_IP, "ip_dst", NULL, "dstport", look_at_address},
    {PF_MATCH_IP, "inner_ip_src", NULL, "inner_srcport", look_at_address},
    {PF_MATCH_IP, "inner_ip_dst", NULL, "inner_dstport", look_at_address},
    {PF_MATCH_IP, "dns_answers", NULL, NULL, look_at_answers},
    {PF_MATCH_DOMAIN, "dns_qry_name", NULL, NULL, look_at_name},
    {PF_MATCH_DOMAIN, "dns_answers", NULL, NULL, look_at_answers},
    {PF_MATCH_DOMAIN, "tls_handshake_extensions_server_name", NULL, NULL, look_at_name},
    {PF_MATCH_DOMAIN, "http_host", NULL, NULL, look_at_host},
    {PF_MATCH_URL, "http_request_uri", "http_host", "dstport", look_at_url},
    {PF_MATCH_JA3, "tls_handshake_ja3", NULL, NULL, look_at_text},
    {PF_MATCH_JA4, "tls_handshake_ja4", NULL, NULL, look_at_text},
    {PF_MATCH_USER_AGENT, "http_user_agent", NULL, NULL, look_at_text},
};
enum { FORMS = sizeof forms / sizeof forms[0] };
_Static_assert(sizeof forms / sizeof forms[0] <= PF_MOST_PLACES, "room for all places");

const char *pf_match_place(enum pf_match_kind kind, size_t place)
{
    for (size_t i = 0; i < FORMS; i++) {
        if (forms[i].kind == kind && place-- == 0)
            return forms[i].field;
    }
    return NULL;
}

static const struct pf_field *find(const char *name)
{
    return name != NULL ? pf_field_find(name) : NULL;
}

enum pf_status pf_places_find(struct pf_hits_sink *sink, struct pf_error *error)
{
    bool found[PF_MATCH_KINDS] = {false};
    for (size_t i = 0; i < FORMS; i++) {
        const struct pf_place_form *form = &forms[i];
        const struct pf_field *field = find(form->field);
        if (field == NULL || sink->set->keys[form->kind].entries == 0)
            continue;
        found[form->kind] = true;
        sink->places[sink->place_count++] = (struct pf_place){field, find(form->other), find(form->port), form};
    }
    for (unsigned kind = 0; kind < PF_MATCH_KINDS; kind++) {
        if (sink->set->keys[kind].entries != 0 && !found[kind])
            return pf_fail(error, PF_INVALID, "indicators of kind %s need the column %s, which there is not",
                           pf_match_kind_names[kind], pf_match_place((enum pf_match_kind)kind, 0));
    }
    return PF_OK;
}

enum pf_status pf_place_look(struct pf_hits_sink *sink, struct pf_hits_worker *worker, const struct pf_place *place,
                             const struct pf_packet *packet, struct pf_error *error)
{
    struct pf_sighting sighting = {.packet = packet, .place = place, .port = NO_PORT};
    return place->form->look(sink, worker, &sighting, error);
}
