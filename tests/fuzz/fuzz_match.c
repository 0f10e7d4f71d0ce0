#define _DEFAULT_SOURCE /* strsep, strncasecmp */
/* Any octets as what hosts say, and indicators of all kinds made of what is seen there: as it is, a little changed,
 * what it lies in or below, with its port or another. The rows of a pass are what a plain loop finds that compares each
 * sighting with each indicator; by one thread and by several in small chunks.
 *
 *   | seed | way | length | said ... | way | length | said ...       way: port, client, direction; port 7: an IP packet
 */
#include "frames.h"
#include "match/hits.h"
#include "naive.h"
#include "talk.h"

#include <arpa/inet.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size);

enum { MOST_SIGHTINGS = 400, MOST_INDICATORS = 40, MOST_TEXT = 300, MOST_KEYS = 5, MOST_HITS = 20000 };
enum { ANY_PORT = 0, NO_PORT = 1 << 16 };

struct text {
    char at[2 * MOST_TEXT + 1];
    size_t size;
};

/* What stands at a place of a packet: an address, or texts any of which may be an indicator, all of the host `of`. */
struct sighting {
    uint64_t frame;
    const char *where;
    enum pf_match_kind kind;
    uint32_t port;
    struct pf_value address;
    struct text keys[MOST_KEYS], of;
    unsigned count;
};

struct sightings {
    struct sighting list[MOST_SIGHTINGS];
    size_t count;
    bool full; /* of more or longer ones than there is room for: nothing is compared */
};

/* --- the twin: what is seen --------------------------------------------------------------------------------------- */

static struct text text_of(const char *at, size_t size)
{
    struct text text = {.size = size < 2 * MOST_TEXT ? size : 2 * MOST_TEXT};
    if (text.size != 0)
        memcpy(text.at, at, text.size);
    text.at[text.size] = '\0';
    return text;
}

static struct text as_name(struct text text)
{
    if (text.size != 0 && text.at[text.size - 1] == '.')
        text.at[--text.size] = '\0';
    for (size_t i = 0; i < text.size; i++)
        text.at[i] = text.at[i] >= 'A' && text.at[i] <= 'Z' ? (char)(text.at[i] + 32) : text.at[i];
    return text;
}

/* The host of "host:port" and "[host]:port". */
static struct text as_host(struct text text)
{
    char *colon = strrchr(text.at, ':');
    if (colon != NULL && strspn(colon + 1, "0123456789") == strlen(colon + 1) &&
        (strchr(text.at, ':') == colon || (colon != text.at && colon[-1] == ']')))
        text = text_of(text.at, (size_t)(colon - text.at));
    return as_name(text);
}

static bool read_column(struct sightings *seen, const struct pf_packet *packet, const char *name, struct text *text)
{
    static char room[PF_WRITER_ROOM];
    struct pf_writer writer = {.octets = room, .room = sizeof room};
    const struct pf_field *field = pf_field_find(name);
    if (!field->write(field, pf_field_packet(field, packet), &writer))
        return false;
    seen->full |= writer.length > MOST_TEXT;
    *text = text_of(room, writer.length);
    return true;
}

static uint32_t port_of(const struct pf_packet *packet, const char *name)
{
    struct pf_value port;
    const struct pf_field *field = pf_field_find(name);
    return field->get(field, packet, &port) ? (uint32_t)port.word[0] : NO_PORT;
}

static struct sighting *see(struct sightings *seen, const struct pf_packet *packet, const char *where,
                            enum pf_match_kind kind)
{
    seen->full |= seen->count == MOST_SIGHTINGS;
    struct sighting *sighting = &seen->list[seen->full ? MOST_SIGHTINGS - 1 : seen->count++];
    *sighting = (struct sighting){.frame = packet->record.frame_number, .where = where, .kind = kind, .port = NO_PORT};
    return sighting;
}

static void see_address(struct sightings *seen, const struct pf_packet *packet, const char *where, const char *port)
{
    const struct pf_field *field = pf_field_find(where);
    struct pf_value address;
    if (!field->get(field, packet, &address))
        return;
    struct sighting *sighting = see(seen, packet, where, PF_MATCH_IP);
    sighting->address = address;
    sighting->port = port_of(packet, port);
}

static void see_text(struct sightings *seen, const struct pf_packet *packet, const char *where, enum pf_match_kind kind,
                     struct text (*as)(struct text))
{
    struct text text;
    if (!read_column(seen, packet, where, &text))
        return;
    struct sighting *sighting = see(seen, packet, where, kind);
    sighting->keys[0] = sighting->of = as != NULL ? as(text) : text;
    sighting->count = 1;
}

/* "www.example.org CNAME 300 example.org; example.org A 60 192.0.2.1" */
static void see_answers(struct sightings *seen, const struct pf_packet *packet)
{
    static const char *const named[] = {"CNAME", "NS", "PTR", "MX", "SRV"};
    struct text text;
    if (!read_column(seen, packet, "dns_answers", &text))
        return;
    for (char *rest = text.at, *record; (record = strsep(&rest, ";")) != NULL;) {
        record += *record == ' ';
        (void)strsep(&record, " ");
        const char *type = strsep(&record, " ");
        (void)strsep(&record, " ");
        if (type == NULL || record == NULL)
            continue;
        struct text four = text_of(record, strlen(record));
        uint8_t octets[16];
        bool is_four = strcmp(type, "A") == 0;
        if ((is_four || strcmp(type, "AAAA") == 0) && inet_pton(is_four ? AF_INET : AF_INET6, four.at, octets) == 1)
            see(seen, packet, "dns_answers", PF_MATCH_IP)->address = pf_value_octets(octets, is_four ? 4 : 16);
        for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
            if (strcmp(type, named[i]) != 0)
                continue;
            const char *last = strrchr(record, ' ') != NULL ? strrchr(record, ' ') + 1 : record;
            struct sighting *sighting = see(seen, packet, "dns_answers", PF_MATCH_DOMAIN);
            sighting->keys[0] = sighting->of = as_name(text_of(last, strlen(last)));
            sighting->count = 1;
        }
    }
}

static void add_url(struct sighting *sighting, const char *host, const char *target)
{
    struct text *key = &sighting->keys[sighting->count++], *short_key = &sighting->keys[sighting->count++];
    int size = snprintf(key->at, sizeof key->at, "%s%s", host, target);
    must_hold(size >= 0 && (size_t)size < sizeof key->at);
    key->size = (size_t)size;
    *short_key = text_of(key->at, strcspn(key->at, "?"));
}

static void see_url(struct sightings *seen, const struct pf_packet *packet)
{
    struct text host = {.size = 0}, target;
    (void)read_column(seen, packet, "http_host", &host);
    if (!read_column(seen, packet, "http_request_uri", &target))
        return;
    host = as_host(host);
    const char *path = target.at;
    if (target.at[0] != '/') { /* to a proxy: a whole URL */
        if (strncasecmp(target.at, "http://", 7) != 0 || strchr(target.at + 7, '/') == NULL)
            return;
        path = strchr(target.at + 7, '/');
        if (path != target.at + 7)
            host = as_host(text_of(target.at + 7, (size_t)(path - target.at - 7)));
    }
    if (host.size > MOST_TEXT - 50)
        seen->full = true;
    struct sighting *sighting = see(seen, packet, "http_request_uri", PF_MATCH_URL);
    sighting->of = host;
    sighting->port = port_of(packet, "dstport");
    add_url(sighting, host.at, path);
    add_url(sighting, "", path);
    sighting->keys[sighting->count++] = host;
}

static void see_all(struct sightings *seen, const struct pf_packet *packet)
{
    see_address(seen, packet, "ip_src", "srcport");
    see_address(seen, packet, "ip_dst", "dstport");
    see_address(seen, packet, "inner_ip_src", "inner_srcport");
    see_address(seen, packet, "inner_ip_dst", "inner_dstport");
    see_answers(seen, packet);
    see_text(seen, packet, "dns_qry_name", PF_MATCH_DOMAIN, as_name);
    see_text(seen, packet, "tls_handshake_extensions_server_name", PF_MATCH_DOMAIN, as_name);
    see_text(seen, packet, "http_host", PF_MATCH_DOMAIN, as_host);
    see_url(seen, packet);
    see_text(seen, packet, "tls_handshake_ja3", PF_MATCH_JA3, NULL);
    see_text(seen, packet, "tls_handshake_ja4", PF_MATCH_JA4, NULL);
    see_text(seen, packet, "http_user_agent", PF_MATCH_USER_AGENT, NULL);
}

struct looker {
    struct pf_sink sink;
    struct sightings *seen;
};

static enum pf_status look_begin(struct pf_sink *base, unsigned workers, struct pf_error *error)
{
    (void)base;
    (void)error;
    must_hold(workers == 1);
    return PF_OK;
}

static enum pf_status look_at(struct pf_sink *base, unsigned worker, struct pf_packet *const *packets, size_t count,
                              struct pf_error *error)
{
    (void)worker;
    (void)error;
    for (size_t i = 0; i < count; i++)
        see_all(((struct looker *)base)->seen, packets[i]);
    return PF_OK;
}

static const struct pf_sink_ops look_ops = {.order = PF_ORDER_ANY, .begin = look_begin, .accept = look_at};

/* --- indicators --------------------------------------------------------------------------------------------------- */

struct indicators {
    struct pf_indicator list[MOST_INDICATORS];
    struct text keys[MOST_INDICATORS];
    char shown[MOST_INDICATORS][4];
    size_t count, allowed; /* the last `allowed` of them are allow lists */
};

static void change(struct text *text, uint64_t *state)
{
    size_t at = draw_below(state, text->size);
    switch (draw_below(state, 6)) {
    case 0: /* another character */
        text->at[at] = (char)('a' + draw_below(state, 26));
        break;
    case 1: { /* what it lies in */
        const char *dot = strchr(text->at, '.');
        if (dot != NULL && dot[1] != '\0')
            *text = text_of(dot + 1, strlen(dot + 1));
        break;
    }
    case 2: /* without its end */
        *text = text_of(text->at, at + 1);
        break;
    default:
        break;
    }
}

static void make_indicator(const struct sighting *sighting, uint64_t *state, struct pf_indicator *made,
                           struct text *key)
{
    made->kind = sighting->kind;
    made->below = made->kind == PF_MATCH_DOMAIN && draw_below(state, 2) != 0;
    bool has_port = made->kind == PF_MATCH_IP || made->kind == PF_MATCH_URL;
    if (has_port && draw_below(state, 3) == 0)
        made->port = draw_below(state, 2) != 0 && sighting->port < NO_PORT ? (uint16_t)sighting->port
                                                                           : (uint16_t)(1 + draw_below(state, 100));
    if (made->kind == PF_MATCH_IP) {
        unsigned bits = sighting->address.size == 4 ? 32 : 128;
        made->address = sighting->address;
        made->prefix = draw_below(state, 2) != 0 ? bits : bits - (unsigned)draw_below(state, 20);
        if (draw_below(state, 40) == 0) /* seldom: the shortest take a millisecond */
            made->prefix = (unsigned)draw_below(state, bits + 1);
        if (draw_below(state, 4) == 0)
            made->address.word[0] ^= 1u << draw_below(state, 8);
        return;
    }
    *key = sighting->keys[draw_below(state, sighting->count)];
    if (key->size != 0)
        change(key, state);
    if (made->kind == PF_MATCH_DOMAIN)
        *key = as_name(*key);
    made->key = key->at;
    made->key_length = key->size;
}

/* As those who read feeds hand them over: domains have 1 to 253 characters, others some. */
static bool is_fit(const struct pf_indicator *indicator)
{
    return indicator->kind == PF_MATCH_IP ||
           (indicator->key_length != 0 && (indicator->kind != PF_MATCH_DOMAIN || indicator->key_length <= 253));
}

static void make_indicators(const struct sightings *seen, uint64_t *state, struct indicators *indicators)
{
    size_t most = draw_below(state, 2) != 0 ? MOST_INDICATORS : 3;
    size_t wanted = seen->count != 0 ? 1 + draw_below(state, most) : 0, allowed = draw_below(state, 6);
    indicators->count = indicators->allowed = 0;
    for (size_t i = 0; i < wanted; i++) {
        size_t number = indicators->count;
        struct pf_indicator *made = &indicators->list[number];
        *made = (struct pf_indicator){.feed = "feed", .feed_length = 4};
        make_indicator(&seen->list[draw_below(state, seen->count)], state, made, &indicators->keys[number]);
        bool allows = made->kind == PF_MATCH_IP || made->kind == PF_MATCH_DOMAIN;
        if (!is_fit(made) || (i + allowed >= wanted && !allows))
            continue;
        (void)snprintf(indicators->shown[number], sizeof indicators->shown[number], "%zu", number);
        made->shown = indicators->shown[number];
        made->shown_length = strlen(made->shown);
        indicators->allowed += i + allowed >= wanted;
        indicators->count++;
    }
}

/* --- the twin: what is a hit -------------------------------------------------------------------------------------- */

static bool in_network(const struct pf_indicator *indicator, const struct pf_value *address)
{
    unsigned bits = address->size == 4 ? 32 : 128;
    if (indicator->address.size != address->size)
        return false;
    for (unsigned i = 0; i < indicator->prefix; i++) {
        unsigned word = bits == 32 ? 0 : i / 64, shift = bits == 32 ? 31 - i : 63 - i % 64;
        if (((indicator->address.word[word] ^ address->word[word]) >> shift & 1) != 0)
            return false;
    }
    return true;
}

static bool is_name(const struct pf_indicator *indicator, const struct text *name)
{
    size_t size = indicator->key_length;
    if (name->size == size)
        return memcmp(name->at, indicator->key, size) == 0;
    return indicator->below && name->size > size && name->at[name->size - size - 1] == '.' &&
           memcmp(name->at + name->size - size, indicator->key, size) == 0;
}

static bool is_allowed(const struct indicators *indicators, const struct sighting *sighting)
{
    for (size_t i = indicators->count - indicators->allowed; i < indicators->count; i++) {
        const struct pf_indicator *allowed = &indicators->list[i];
        bool named = sighting->kind == PF_MATCH_DOMAIN || sighting->kind == PF_MATCH_URL;
        if (allowed->kind == PF_MATCH_IP ? sighting->kind == PF_MATCH_IP && in_network(allowed, &sighting->address)
                                         : named && is_name(allowed, &sighting->of))
            return true;
    }
    return false;
}

static bool is_hit(const struct pf_indicator *indicator, const struct sighting *sighting)
{
    if (indicator->kind != sighting->kind || (indicator->port != ANY_PORT && indicator->port != sighting->port))
        return false;
    if (indicator->kind == PF_MATCH_IP)
        return in_network(indicator, &sighting->address);
    if (indicator->kind == PF_MATCH_DOMAIN)
        return is_name(indicator, &sighting->of);
    for (unsigned i = 0; i < sighting->count; i++) {
        const struct text *key = &sighting->keys[i];
        if (key->size == indicator->key_length && memcmp(key->at, indicator->key, key->size) == 0)
            return true;
    }
    return false;
}

/* Each once for a packet, a place and an indicator. */
struct hit {
    uint64_t frame;
    char where[40];
    unsigned indicator;
};

struct hits {
    struct hit list[MOST_HITS];
    size_t count;
};

static int compare_hits(const void *one, const void *other)
{
    const struct hit *a = one, *b = other;
    int where = strcmp(a->where, b->where);
    return a->frame != b->frame ? (a->frame < b->frame ? -1 : 1)
           : where != 0         ? where
                                : (a->indicator > b->indicator) - (a->indicator < b->indicator);
}

static void add_hit(struct hits *hits, uint64_t frame, const char *where, unsigned indicator)
{
    must_hold(hits->count < MOST_HITS);
    struct hit *hit = &hits->list[hits->count++];
    memset(hit, 0, sizeof *hit);
    *hit = (struct hit){.frame = frame, .indicator = indicator};
    (void)snprintf(hit->where, sizeof hit->where, "%s", where);
}

static void find_hits(const struct sightings *seen, const struct indicators *indicators, struct hits *hits)
{
    size_t kept = 0;
    hits->count = 0;
    for (size_t i = 0; i < seen->count; i++) {
        for (size_t j = 0; j + indicators->allowed < indicators->count; j++) {
            const struct sighting *sighting = &seen->list[i];
            if (is_hit(&indicators->list[j], sighting) && !is_allowed(indicators, sighting))
                add_hit(hits, sighting->frame, sighting->where, (unsigned)j);
        }
    }
    qsort(hits->list, hits->count, sizeof hits->list[0], compare_hits);
    for (size_t i = 0; i < hits->count; i++) { /* two answers of a packet may say the same */
        if (kept == 0 || compare_hits(&hits->list[kept - 1], &hits->list[i]) != 0)
            hits->list[kept++] = hits->list[i];
    }
    hits->count = kept;
}

static size_t column_named(const struct pf_frame *frame, const char *name)
{
    for (size_t i = 0; i < frame->columns; i++) {
        if (strcmp(frame->kinds[i].name, name) == 0)
            return i;
    }
    must_hold(false);
    return 0;
}

static struct text cell_text(const struct pf_column *column, size_t row)
{
    size_t size;
    const char *text = cell_at(column, row, &size);
    return text_of(text, size);
}

static void read_hits(const struct pf_frame *frame, struct hits *hits)
{
    struct pf_column *frames = column_of(frame, column_named(frame, "frame_number")),
                     *wheres = column_of(frame, column_named(frame, "where")),
                     *indicators = column_of(frame, column_named(frame, "indicator"));
    hits->count = 0;
    for (size_t i = 0; i < frame->rows; i++) {
        struct text where = cell_text(wheres, i), indicator = cell_text(indicators, i);
        uint64_t number;
        memcpy(&number, frames->values + i * sizeof number, sizeof number);
        add_hit(hits, number, where.at, (unsigned)strtoul(indicator.at, NULL, 10));
    }
    pf_column_drop(frames);
    pf_column_drop(wheres);
    pf_column_drop(indicators);
    qsort(hits->list, hits->count, sizeof hits->list[0], compare_hits);
}

/* --- passes ------------------------------------------------------------------------------------------------------- */

static void run(const struct built *built, struct pf_sink *sink, unsigned threads, size_t chunk)
{
    struct pf_error error;
    struct pf_source *source;
    struct pf_input input, *inputs = &input;
    struct pf_pass pass = {
        .inputs = &inputs, .input_count = 1, .sinks = &sink, .sink_count = 1, .threads = threads, .chunk = chunk};
    must_hold(pf_source_memory("input", built->octets, built->size, &source, &error) == PF_OK);
    must_hold(pf_input_open(&input, source, NULL, &error) == PF_OK);
    must_hold(pf_pass_run(&pass, &error) == PF_OK);
    pf_pass_clear(&pass);
    pf_input_close(&input);
}

static void match(const struct built *built, const struct pf_indicator_set *set, unsigned threads, size_t chunk,
                  struct pf_frame *frame)
{
    struct pf_error error;
    struct pf_hits_sink sink;
    memset(frame, 0, sizeof *frame);
    must_hold(pf_hits_sink_init(&sink, set, frame, &error) == PF_OK);
    run(built, &sink.sink, threads, chunk);
    pf_hits_sink_clear(&sink);
}

static void match_all(const struct built *built, const struct sightings *seen, const struct indicators *indicators)
{
    static struct hits expected, found;
    struct pf_indicator_set set;
    struct pf_frame plain, other;
    struct pf_error error;
    memset(&set, 0, sizeof set);
    for (size_t i = 0; i < indicators->count; i++) {
        bool allows = i >= indicators->count - indicators->allowed;
        must_hold((allows ? pf_indicator_set_allow : pf_indicator_set_add)(&set, &indicators->list[i], &error) ==
                  PF_OK);
    }
    match(built, &set, 1, 0, &plain);
    match(built, &set, 3, 100 + built->size % 1000, &other);
    same_frames(&plain, &other);
    sound_frame(&plain);
    find_hits(seen, indicators, &expected);
    read_hits(&plain, &found);
    must_hold(found.count == expected.count);
    for (size_t i = 0; i < found.count; i++)
        must_hold(compare_hits(&found.list[i], &expected.list[i]) == 0);
    pf_indicator_set_clear(&set);
    pf_frame_clear(&plain);
    pf_frame_clear(&other);
}

static uint8_t needs_of_all(void)
{
    uint8_t needs = 0;
    for (unsigned kind = 0; kind < PF_MATCH_KINDS; kind++) {
        for (size_t i = 0; pf_match_place((enum pf_match_kind)kind, i) != NULL; i++)
            needs |= pf_field_find(pf_match_place((enum pf_match_kind)kind, i))->needs;
    }
    return needs;
}

static void put_talk(struct built *built, const uint8_t *octets, size_t size)
{
    static const uint16_t ports[] = {53, 80, 443, 8080, 53, 443, 9999};
    enum { RAW = 7 };
    put_header(built, &talk_form, 4, TALK_LINK);
    for (unsigned second = 0; size >= 2; second++) {
        size_t said = octets[1] < size - 2 ? octets[1] : size - 2;
        if ((octets[0] & 7) == RAW) {
            put_record_header(built, &talk_form, second, 0, (uint32_t)said, (uint32_t)said);
            put(built, octets + 2, said);
        } else {
            put_said(built, second, (octets[0] & 8) != 0, octets[0] >> 7, ports[octets[0] & 7], octets + 2, said);
        }
        octets += 2 + said;
        size -= 2 + said;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size)
{
    static struct sightings seen;
    static struct indicators indicators;
    struct built built = {NULL, 0, 0};
    struct looker looker = {{.ops = &look_ops, .depth = PF_DEPTH_APPLICATION, .needs = needs_of_all()}, &seen};
    if (size == 0)
        return 0;
    uint64_t state = octets[0];
    put_talk(&built, octets + 1, size - 1);
    seen.count = 0;
    seen.full = false;
    run(&built, &looker.sink, 1, 0);
    make_indicators(&seen, &state, &indicators);
    if (!seen.full)
        match_all(&built, &seen, &indicators);
    built_clear(&built);
    return 0;
}
