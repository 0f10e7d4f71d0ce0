#include "flow/save.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "flow/record.h"

#include <string.h>

/* Octets of a record at most, but for what is said: nine fixed fields, two addresses and four numbers. */
enum { MOST_OCTETS = 128, MOST_SAID = 2 + PF_EXTRA_SAID * PF_SAVED_NUMBER };

uint32_t pf_flow_shape(const struct pf_flow_options *options)
{
    const bool bits[] = {options->cic,         options->fork, options->count_padding, options->last_tcp_header,
                         options->ghost_flows, options->ipv6, options->dedup != 0,    options->sort != 0};
    uint32_t shape = options->protocols << 8 | options->extra << 16;
    for (unsigned i = 0; i < sizeof bits / sizeof bits[0]; i++)
        shape |= (uint32_t)bits[i] << i;
    return shape;
}

enum pf_status pf_flow_save_init(struct pf_flow_save *save, const struct pf_flow_options *options, unsigned parts,
                                 struct pf_error *error)
{
    memset(save, 0, sizeof *save);
    if (parts == 0 || parts > PF_MOST_PARTS)
        return pf_fail(error, PF_INVALID, "flows are dealt to 1 to %d parts, not %u", PF_MOST_PARTS, parts);
    if (parts > 1 && (options->dedup != 0 || options->sort != 0))
        return pf_fail(error, PF_INVALID, "%s looks at all packets in their order: flows go to one part then, not %u",
                       options->sort != 0 ? "sort" : "dedup_us", parts);
    save->parts = pf_alloc_array(parts, sizeof *save->parts);
    if (save->parts == NULL)
        return pf_fail_memory(error);
    save->options = *options;
    save->count = parts;
    save->clock = INT64_MIN;
    save->header = -1;
    const struct pf_secret *secret = options->secret != NULL ? options->secret : pf_secret();
    struct pf_saved_head head = {
        .kind = PF_SAVED_FLOWS,
        .parts = parts,
        .shape = pf_flow_shape(options),
        .job = pf_hash_octets(secret, "job", 3),
    };
    for (; head.part < parts; head.part++) {
        save->parts[head.part].clock = INT64_MIN;
        PF_TRY(pf_saved_begin(&save->parts[head.part].saved, &head, error));
    }
    return PF_OK;
}

void pf_flow_save_clear(struct pf_flow_save *save)
{
    for (unsigned i = 0; save->parts != NULL && i < save->count; i++)
        pf_saved_clear(&save->parts[i].saved);
    pf_free(save->parts);
    memset(save, 0, sizeof *save);
}

/* ---------------------------------------------------------------------------------------------------------- writing */

static uint8_t *put_packet(const struct pf_flow_options *options, const struct pf_flow_event *event, uint8_t *to)
{
    const struct pf_flow_key *key = &event->key;
    size_t size = key->version == 4 ? 4 : 16;
    *to++ = key->protocol;
    *to++ = (uint8_t)event->header;
    to = pf_put_number(to, event->payload);
    for (unsigned i = 0; i < 2; i++) {
        memcpy(to, key->address[i], size);
        to += size;
        if (pf_record_has_ports(key->protocol))
            to = pf_put_le16(to, key->port[i]);
    }
    if (key->protocol == PF_IPPROTO_TCP) {
        *to++ = event->flags;
        to = pf_put_le16(to, event->window);
        if (!options->cic) /* which tells no retransmissions */
            to = pf_put_le64(to, event->print);
    } else if (pf_record_is_icmp(key->protocol)) {
        *to++ = event->icmp_type;
        *to++ = event->icmp_code;
    }
    return options->dedup != 0 ? pf_put_le64(to, event->copy) : to;
}

static enum pf_status put_record(const struct pf_flow_save *save, struct pf_flow_part *part,
                                 const struct pf_flow_event *event, bool says, struct pf_error *error)
{
    uint8_t *start = pf_saved_room(&part->saved, MOST_OCTETS, error), *to = start;
    if (to == NULL)
        return error->status;
    *to++ =
        (uint8_t)((event->side != 0 ? PF_RECORD_SIDE : 0) | (event->wanted ? PF_RECORD_WANTED : 0) |
                  (event->one_address ? PF_RECORD_ONE_ADDRESS : 0) | (event->key.version == 6 ? PF_RECORD_IPV6 : 0) |
                  (event->clock ? PF_RECORD_CLOCK : 0) | (event->retransmission ? PF_RECORD_RETRANSMISSION : 0) |
                  (event->duplicate_ack ? PF_RECORD_DUPLICATE_ACK : 0) | (says ? PF_RECORD_SAID : 0));
    to = pf_put_number(to, event->frame_number - part->frame);
    to = pf_put_step(to, part->time, event->time);
    if (!event->clock)
        to = put_packet(&save->options, event, to);
    part->saved.size += (size_t)(to - start);
    part->frame = event->frame_number;
    part->time = event->time;
    part->clock = event->wanted || event->clock ? (event->time > part->clock ? event->time : part->clock) : part->clock;
    part->records++;
    return PF_OK;
}

static enum pf_status put_said(struct pf_flow_part *part, const struct pf_flow_said *said, const char *text,
                               struct pf_error *error)
{
    size_t size = MOST_SAID;
    for (unsigned i = 0; i < PF_EXTRA_SAID; i++)
        size += (said->has >> i & 1) != 0 && pf_said_is_text(i) ? said->size[i] : 0;
    uint8_t *start = pf_saved_room(&part->saved, size, error), *to = start;
    if (to == NULL)
        return error->status;
    to = pf_put_le16(to, said->has);
    for (unsigned i = 0; i < PF_EXTRA_SAID; i++) {
        if ((said->has >> i & 1) == 0)
            continue;
        to = pf_put_number(to, pf_said_is_text(i) ? said->size[i] : said->value[i]);
        if (!pf_said_is_text(i) || said->size[i] == 0)
            continue;
        memcpy(to, text + said->text + said->value[i], said->size[i]);
        to += said->size[i];
    }
    part->saved.size += (size_t)(to - start);
    return PF_OK;
}

/* Tells a part what time it is by the packets of all. */
static enum pf_status put_clock(const struct pf_flow_save *save, struct pf_flow_part *part, struct pf_error *error)
{
    struct pf_flow_event clock = {.time = save->clock, .frame_number = save->frame, .clock = true};
    return put_record(save, part, &clock, false, error);
}

/* What of an event the other parts know is added to it; false where it tells its own part nothing more. */
static bool settle(struct pf_flow_save *save, struct pf_flow_event *event)
{
    if (event->key.protocol == PF_IPPROTO_TCP)
        save->header = event->header;
    if (event->header < 0)
        event->header = (int8_t)save->header;
    return event->wanted;
}

static enum pf_status put_event(struct pf_flow_save *save, const struct pf_flow_event *given,
                                const struct pf_flow_said *said, const char *text, struct pf_error *error)
{
    struct pf_flow_event event = *given;
    struct pf_flow_part *part = &save->parts[(event.hash >> 32) * save->count >> 32];
    save->frame = event.frame_number;
    if (save->count > 1 && !settle(save, &event))
        return PF_OK;
    if (save->count > 1 && save->clock > event.time && save->clock > part->clock)
        PF_TRY(put_clock(save, part, error));
    save->clock = event.time > save->clock ? event.time : save->clock;
    PF_TRY(put_record(save, part, &event, said != NULL, error));
    return said != NULL ? put_said(part, said, text, error) : PF_OK;
}

enum pf_status pf_flow_save_refused(struct pf_flow_save *save, uint64_t frame_number, unsigned link_type,
                                    struct pf_error *error)
{
    struct pf_flow_part *part = &save->parts[0];
    struct pf_flow_event refused = {.time = part->time, .frame_number = frame_number, .clock = true};
    if (save->refused)
        return PF_OK;
    PF_TRY(put_record(save, part, &refused, true, error));
    uint8_t *to = pf_saved_room(&part->saved, PF_SAVED_NUMBER, error);
    if (to == NULL)
        return error->status;
    part->saved.size += (size_t)(pf_put_number(to, link_type) - to);
    save->refused = true;
    return PF_OK;
}

enum pf_status pf_flow_save_put(struct pf_flow_save *save, const struct pf_flow_piece *piece, struct pf_error *error)
{
    size_t heard = 0;
    for (size_t i = 0; i < piece->count && !save->refused; i++) {
        bool says = heard < piece->heard_count && piece->heard[heard].event == i;
        PF_TRY(put_event(save, &piece->events[i], says ? &piece->heard[heard].said : NULL, piece->text, error));
        heard += says;
    }
    return PF_OK;
}

/* The parts of the next piece go on where all parts of this one ended. */
enum pf_status pf_flow_save_end(struct pf_flow_save *save, struct pf_error *error)
{
    struct pf_flow_event header = {
        .time = save->clock,
        .frame_number = save->frame,
        .header = (int8_t)save->header,
        .print = 1,
        .key = {.protocol = PF_IPPROTO_TCP, .version = 4},
    };
    bool several = save->count > 1 && !save->refused;
    for (unsigned i = 0; i < save->count; i++) {
        struct pf_flow_part *part = &save->parts[i];
        if (several && save->clock > part->clock)
            PF_TRY(put_clock(save, part, error));
        if (several && save->header >= 0 && save->options.last_tcp_header)
            PF_TRY(put_record(save, part, &header, false, error));
        pf_saved_end(&part->saved, part->records);
    }
    return PF_OK;
}
