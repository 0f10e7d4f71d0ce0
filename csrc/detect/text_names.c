#include "detect/text_names.h"

#include "detect/text_domain.h"
#include "detect/text_put.h"
#include "payload/dns.h"

#include <math.h>
#include <string.h>

enum {
    MOST_CLIENTS = 1 << 14, /* behind one sensor more ask through a resolver of their own than not */
    MOST_DOMAINS = 1 << 16, /* pairs of client and domain: at some 400 octets each 25 MiB */
    KEPT = 160,             /* of the first name of a domain, as an example */
    NXDOMAIN = 3,
    ASKED = 0,
    DENIED = 1, /* what a text was seen for: the last bit of `whose` */
};

static const int64_t minute = 60 * (int64_t)1000000000;

struct client {
    struct pf_value address;
    uint64_t queries, responses, nxdomain, nxdomain_names;
    struct pf_text_span span; /* of what failed */
    bool counting;
    int64_t now, worst;
    uint64_t now_responses, now_nxdomain, worst_responses, worst_nxdomain;
};

struct domain {
    struct pf_value client, server;
    uint32_t example_length;
    uint64_t queries, responses, answered, nxdomain, names, name_octets, longest, entropy, data, answer_octets;
    struct pf_text_span span;
    char example[KEPT];
};

const struct pf_kind pf_text_client_kinds[PF_TEXT_CLIENT_COLUMNS] = {
    {"client", PF_TEXT, false},
    {"queries", PF_UINT64, false},
    {"responses", PF_UINT64, false},
    {"nxdomain", PF_UINT64, false},
    {"nxdomain_names", PF_UINT64, false},
    {"minute", PF_TIME, true},
    {"minute_responses", PF_UINT64, false},
    {"minute_nxdomain", PF_UINT64, false},
    {"first_time", PF_TIME, true},
    {"last_time", PF_TIME, true},
    {"frame_number", PF_UINT64, false},
};

const struct pf_kind pf_text_domain_kinds[PF_TEXT_DOMAIN_COLUMNS] = {
    {"client", PF_TEXT, false},          {"server", PF_TEXT, false},         {"domain", PF_TEXT, false},
    {"queries", PF_UINT64, false},       {"responses", PF_UINT64, false},    {"answered", PF_UINT64, false},
    {"nxdomain", PF_UINT64, false},      {"names", PF_UINT64, false},        {"name_octets", PF_UINT64, false},
    {"longest", PF_UINT64, false},       {"entropy", PF_UINT64, false},      {"data_messages", PF_UINT64, false},
    {"answer_octets", PF_UINT64, false}, {"example", PF_STRING, false},      {"first_time", PF_TIME, true},
    {"last_time", PF_TIME, true},        {"frame_number", PF_UINT64, false},
};

void pf_text_names_init(struct pf_text_names *names)
{
    memset(names, 0, sizeof *names);
    names->clients.element = sizeof(struct client);
    names->clients.most = MOST_CLIENTS;
    names->domains.element = sizeof(struct domain);
    names->domains.most = MOST_DOMAINS;
}

void pf_text_names_clear(struct pf_text_names *names)
{
    pf_text_rows_clear(&names->clients);
    pf_text_rows_clear(&names->domains);
    pf_text_seen_clear(&names->seen);
}

static void lower(char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        text[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + ('a' - 'A')) : text[i];
}

/* Octets of the labels in an escaped text, and the entropy of their frequencies. */
static void measure(const char *text, size_t length, struct pf_text_event *event)
{
    uint32_t counts[256] = {0}, total = 0;
    for (size_t i = 0; i < length; i++) {
        uint8_t octet = (uint8_t)text[i];
        if (octet == '.')
            continue;
        if (octet == '\\' && length - i > 3) { /* a dot within a label is escaped too */
            octet = (uint8_t)((text[i + 1] - '0') * 100 + (text[i + 2] - '0') * 10 + (text[i + 3] - '0'));
            i += 3;
        }
        counts[octet]++;
        total++;
    }
    double sum = 0;
    for (unsigned i = 0; total != 0 && i < 256; i++) {
        if (counts[i] > 1)
            sum += counts[i] * log2(counts[i]);
    }
    event->is.name.octets = total;
    event->is.name.entropy = total != 0 ? (uint32_t)lround(1000 * (log2(total) - sum / total)) : 0;
}

/* Octets of a message behind its first question, had nothing been cut. */
static uint32_t answer_size(const struct pf_packet *packet, const struct pf_dns *message)
{
    uint32_t wire = packet->layer[packet->first[PF_DNS]].wire, end = PF_DNS_HEADER;
    if (!pf_dns_skip_name(message, &end))
        return 0;
    end += 4; /* type and class */
    return wire > end ? wire - end : 0;
}

enum pf_status pf_text_names_note(const struct pf_packet *packet, struct pf_text_piece *piece, struct pf_error *error)
{
    struct pf_dns message;
    struct pf_text_event event;
    char room[PF_TEXT_NAME_OCTETS];
    struct pf_writer writer = {.octets = room, .room = sizeof room};
    uint8_t layer = packet->first[PF_DNS];
    bool over_tcp = layer != 0 && layer != PF_NO_LAYER && packet->layer[layer - 1].protocol == PF_TCP;
    if (!pf_dns_of(packet, &message) || pf_dns_kind(packet) != PF_DNS_UNICAST ||
        pf_dns_count(&message, PF_DNS_QUESTIONS) == 0 || !pf_dns_write_name(&message, PF_DNS_HEADER, ".", &writer) ||
        writer.full || !pf_text_event_of(packet, PF_TEXT_NAME, over_tcp ? PF_TCP : PF_UDP, &event))
        return PF_OK;
    const uint8_t *type = pf_dns_question(&message, 2);
    lower(room, writer.length);
    event.length[0] = (uint32_t)writer.length;
    event.is.name.registered = (uint32_t)pf_text_registered(room, writer.length);
    event.is.name.type = type != NULL ? pf_be16(type) : 0;
    event.is.name.response = message.octets[2] >> 7 != 0;
    measure(room, event.is.name.registered, &event);
    if (event.is.name.response) {
        event.is.name.rcode = message.octets[3] & 0x0f;
        event.is.name.answered = event.is.name.rcode == 0 && pf_dns_count(&message, PF_DNS_ANSWERS) != 0;
        event.is.name.answer = answer_size(packet, &message);
        pf_text_event_turn(&event);
    }
    return pf_text_piece_put(piece, &event, room, NULL, error);
}

/* Types whose data are free text or a name that a server can make up, and that end hosts hardly ask for: NULL, CNAME,
 * MX, TXT, KEY, SRV (which tunnels offer to use) and those for private use (RFC 6895, 3.1). */
static bool carries_data(uint16_t type)
{
    return type == 10 || type == PF_DNS_CNAME || type == PF_DNS_MX || type == PF_DNS_TXT || type == 25 ||
           type == PF_DNS_SRV || (type >= 65280 && type < 65535);
}

static void count_minute(struct client *client, const struct pf_text_event *event, bool failed)
{
    if (!event->timed)
        return;
    int64_t now = event->time / minute - (event->time % minute < 0);
    if (!client->counting || now != client->now) {
        client->now = now;
        client->now_responses = client->now_nxdomain = 0;
        client->counting = true;
    }
    client->now_responses++;
    client->now_nxdomain += failed;
    bool goes_on = now == client->worst && client->now_nxdomain == client->worst_nxdomain && client->now_nxdomain != 0;
    if (client->now_nxdomain > client->worst_nxdomain || goes_on) {
        client->worst = now;
        client->worst_nxdomain = client->now_nxdomain;
        client->worst_responses = client->now_responses;
    }
}

static enum pf_status add_client(struct pf_text_names *names, const struct pf_text_event *event, struct pf_error *error)
{
    void *row;
    bool is_new, first;
    PF_TRY(pf_text_rows_of(&names->clients, &event->source, sizeof event->source, &row, &is_new, error));
    if (row == NULL)
        return PF_OK;
    struct client *client = row;
    bool failed = event->is.name.response && event->is.name.rcode == NXDOMAIN;
    client->address = event->source;
    client->queries += !event->is.name.response;
    client->responses += event->is.name.response;
    if (event->is.name.response)
        count_minute(client, event, failed);
    if (!failed)
        return PF_OK;
    uint64_t whose = (uint64_t)pf_text_row_number(&names->clients, row) << 1 | DENIED;
    PF_TRY(pf_text_seen_first(&names->seen, whose, pf_text_event_text(event, 0), event->length[0], &first, error));
    client->nxdomain++;
    client->nxdomain_names += first;
    pf_text_span_add(&client->span, event);
    return PF_OK;
}

static void begin_domain(struct domain *domain, const struct pf_text_event *event)
{
    const char *name = pf_text_event_text(event, 0);
    domain->client = event->source;
    domain->server = event->target;
    domain->example_length = (uint32_t)pf_text_clip(name, event->length[0], KEPT);
    memcpy(domain->example, name, domain->example_length);
}

static void count_name(struct domain *domain, const struct pf_text_event *event)
{
    domain->names++;
    domain->name_octets += event->is.name.octets;
    domain->entropy += event->is.name.entropy;
    if (event->is.name.octets > domain->longest)
        domain->longest = event->is.name.octets;
}

enum pf_status pf_text_names_add(struct pf_text_names *names, const struct pf_text_event *event, struct pf_error *error)
{
    uint8_t key[sizeof event->source + PF_TEXT_NAME_OCTETS];
    const char *name = pf_text_event_text(event, 0);
    size_t length = event->length[0] - event->is.name.registered;
    void *row;
    bool is_new, first;
    PF_TRY(add_client(names, event, error));
    memcpy(key, &event->source, sizeof event->source);
    memcpy(key + sizeof event->source, name + event->is.name.registered, length);
    PF_TRY(pf_text_rows_of(&names->domains, key, sizeof event->source + length, &row, &is_new, error));
    if (row == NULL)
        return PF_OK;
    struct domain *domain = row;
    if (is_new)
        begin_domain(domain, event);
    uint64_t whose = (uint64_t)pf_text_row_number(&names->domains, row) << 1 | ASKED;
    PF_TRY(pf_text_seen_first(&names->seen, whose, name, event->length[0], &first, error));
    if (first)
        count_name(domain, event);
    domain->queries += !event->is.name.response;
    domain->responses += event->is.name.response;
    domain->answered += event->is.name.answered;
    domain->nxdomain += event->is.name.response && event->is.name.rcode == NXDOMAIN;
    domain->data += carries_data(event->is.name.type);
    domain->answer_octets += event->is.name.answer;
    pf_text_span_add(&domain->span, event);
    return PF_OK;
}

static enum pf_status put_client(struct pf_text_put *put, const struct client *client, struct pf_error *error)
{
    PF_TRY(pf_text_put_reserve(put, error));
    PF_TRY(pf_text_put_address(put, &client->address, error));
    pf_text_put_number(put, client->queries);
    pf_text_put_number(put, client->responses);
    pf_text_put_number(put, client->nxdomain);
    pf_text_put_number(put, client->nxdomain_names);
    pf_text_put_time(put, client->worst_nxdomain != 0, (int64_t)((uint64_t)client->worst * (uint64_t)minute));
    pf_text_put_number(put, client->worst_responses);
    pf_text_put_number(put, client->worst_nxdomain);
    pf_text_put_times(put, &client->span);
    pf_text_put_row(put);
    return PF_OK;
}

static enum pf_status put_domain(struct pf_text_put *put, const struct domain *domain, const char *name, size_t length,
                                 struct pf_error *error)
{
    PF_TRY(pf_text_put_reserve(put, error));
    PF_TRY(pf_text_put_address(put, &domain->client, error));
    PF_TRY(pf_text_put_address(put, &domain->server, error));
    PF_TRY(pf_text_put_text(put, name, length, error));
    const uint64_t numbers[] = {domain->queries, domain->responses,    domain->answered, domain->nxdomain,
                                domain->names,   domain->name_octets,  domain->longest,  domain->entropy,
                                domain->data,    domain->answer_octets};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        pf_text_put_number(put, numbers[i]);
    PF_TRY(pf_text_put_text(put, domain->example, domain->example_length, error));
    pf_text_put_times(put, &domain->span);
    pf_text_put_row(put);
    return PF_OK;
}

enum pf_status pf_text_names_frames(const struct pf_text_names *names, struct pf_frame *clients,
                                    struct pf_frame *domains, struct pf_error *error)
{
    struct pf_text_put put;
    enum pf_status status = PF_OK;
    PF_TRY(pf_text_put_begin(&put, clients, error));
    for (size_t i = 0; status == PF_OK && i < names->clients.keys.count; i++)
        status = put_client(&put, pf_text_row(&names->clients, i), error);
    PF_TRY(pf_text_put_end(&put, clients, status, error));
    PF_TRY(pf_text_put_begin(&put, domains, error));
    for (size_t i = 0; status == PF_OK && i < names->domains.keys.count; i++) {
        size_t length;
        const char *key = pf_dictionary_at(&names->domains.keys, i, &length);
        status = put_domain(&put, pf_text_row(&names->domains, i), key + sizeof(struct pf_value),
                            length - sizeof(struct pf_value), error);
    }
    return pf_text_put_end(&put, domains, status, error);
}
