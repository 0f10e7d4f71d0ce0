#include "flow/rows.h"

#include "base/alloc.h"
#include "base/crew.h"
#include "field/community.h"
#include "field/field.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SORTED = 1 << 15 }; /* rows that are sorted in one go: some milliseconds */

static const char *name_of(const struct pf_feature_info *info, unsigned names)
{
    return names == PF_NAMES_V4 ? info->v4 : names == PF_NAMES_2021 ? info->y2021 : info->published;
}

enum pf_status pf_flow_rows_init(struct pf_flow_rows *rows, const struct pf_flow_options *options,
                                 struct pf_frame *frame, struct pf_error *error)
{
    memset(rows, 0, sizeof *rows);
    rows->options = options;
    rows->frame = frame;
    for (unsigned i = 0; i < PF_FEATURE_COUNT; i++) {
        int type = pf_features[i].type[options->cic ? 0 : 1];
        if (type == PF_ABSENT)
            continue;
        rows->features[rows->columns] = (enum pf_feature)i;
        rows->kinds[rows->columns++] =
            (struct pf_kind){name_of(&pf_features[i], options->names), (enum pf_type)type, i == PF_FEATURE_COMMUNITY};
    }
    rows->feature_count = rows->columns;
    for (unsigned i = 0; i < PF_EXTRA_COUNT; i++) {
        if ((options->extra >> pf_flow_extras[i].group & 1) == 0)
            continue;
        rows->extras[rows->columns - rows->feature_count] = (enum pf_flow_extra_column)i;
        rows->kinds[rows->columns++] = pf_flow_extras[i].kind;
    }
    return pf_frame_init(frame, rows->kinds, rows->columns, error);
}

void pf_flow_rows_clear(struct pf_flow_rows *rows)
{
    pf_part_free(rows->part, rows->columns);
    rows->part = NULL;
}

/* ------------------------------------------------------------------------------------------------------------- text */

static unsigned address_size(const struct pf_flow_key *key)
{
    return key->version == 4 ? 4 : 16;
}

/* The end of the key that a Flow ID begins with. cic: the one whose octets are lower, compared as signed ones. */
static unsigned first_end(const struct pf_flow_options *options, const struct pf_flow *flow)
{
    if (!options->cic)
        return flow->named_side;
    for (unsigned i = 0; i < sizeof flow->key.address[0]; i++) {
        uint8_t a = flow->key.address[0][i] ^ 0x80, b = flow->key.address[1][i] ^ 0x80;
        if (a != b)
            return a > b;
    }
    return flow->side;
}

static size_t write_flow_id(const struct pf_flow_options *options, const struct pf_flow *flow, char *text, size_t room)
{
    const struct pf_flow_key *key = &flow->key;
    char address[2][PF_TEXT_ROOM];
    unsigned first = first_end(options, flow);
    for (unsigned i = 0; i < 2; i++) {
        struct pf_value value = pf_value_octets(key->address[i], address_size(key));
        address[i][pf_text_address(&value, address[i])] = '\0';
    }
    int length = snprintf(text, room, "%s-%s-%u-%u-%u", address[first], address[!first], key->port[first],
                          key->port[!first], key->protocol);
    return (size_t)length;
}

/* Of ICMP the type is that of the first packet, so its sender is the source. */
static enum pf_status put_community(struct pf_column *column, const struct pf_flow *flow, struct pf_error *error)
{
    const struct pf_flow_key *key = &flow->key;
    unsigned from = flow->first_side;
    char text[PF_TEXT_ROOM];
    struct pf_writer writer = {.octets = text, .room = sizeof text};
    struct pf_community community = {
        .source = key->address[from],
        .destination = key->address[!from],
        .size = address_size(key),
        .protocol = key->protocol,
    };
    if (key->protocol == 0) {
        pf_column_put_null(column);
        return PF_OK;
    }
    if (key->protocol == 1 || key->protocol == 58) {
        pf_community_icmp(&community, flow->icmp_type, flow->icmp_code);
    } else if (key->protocol == 6 || key->protocol == 17 || key->protocol == 132) {
        community.ends_size = PF_COMMUNITY_ENDS;
        for (unsigned i = 0; i < 2; i++) {
            unsigned port = key->port[i == 0 ? from : !from];
            community.ends[2 * i] = (uint8_t)(port >> 8);
            community.ends[2 * i + 1] = (uint8_t)port;
        }
    }
    pf_write_community_id(&writer, &community);
    return pf_column_put_octets(column, writer.octets, writer.length, error);
}

static enum pf_status put_text(struct pf_column *column, const struct pf_flow_rows *rows, enum pf_feature feature,
                               const struct pf_flow *flow, enum pf_flow_reason reason, struct pf_error *error)
{
    static const char *const reasons[] = {
        [PF_FLOW_END] = "end",         [PF_FLOW_FIN] = "fin",         [PF_FLOW_RST] = "rst",
        [PF_FLOW_TIMEOUT] = "timeout", [PF_FLOW_EVICTED] = "evicted",
    };
    if (feature == PF_FEATURE_FLOW_KEY) {
        char text[3 * PF_TEXT_ROOM];
        return pf_column_put_octets(column, text, write_flow_id(rows->options, flow, text, sizeof text), error);
    }
    if (feature == PF_FEATURE_COMMUNITY)
        return put_community(column, flow, error);
    if (feature == PF_FEATURE_REASON)
        return pf_column_put_octets(column, reasons[reason], strlen(reasons[reason]), error);
    unsigned end = feature == PF_FEATURE_SRC ? flow->side : !flow->side;
    struct pf_value value = pf_value_octets(flow->key.address[end], address_size(&flow->key));
    return pf_column_put_text(column, &value, pf_text_address, error);
}

static enum pf_status put_extra(const struct pf_flow_rows *rows, struct pf_column *column,
                                enum pf_flow_extra_column extra, const struct pf_flow *flow, struct pf_error *error)
{
    uint64_t number;
    if (extra == PF_EXTRA_STATE) {
        const char *state = pf_flow_conn_state(flow);
        return pf_column_put_octets(column, state, strlen(state), error);
    }
    if (!pf_flow_extra_number(flow, extra, &number)) {
        pf_column_put_null(column);
    } else if (column->kind.type == PF_TEXT) {
        size_t length;
        const char *text = pf_dictionary_at(rows->texts, (size_t)number, &length);
        return pf_column_put_octets(column, text, length, error);
    } else {
        pf_column_put_number(column, number);
    }
    return PF_OK;
}

/* ------------------------------------------------------------------------------------------------------------- rows */

enum pf_status pf_flow_rows_flush(struct pf_flow_rows *rows, struct pf_error *error)
{
    PF_TRY(pf_crew_check(error)); /* all open flows end at the end of a pass: millions of rows */
    struct pf_part *part = rows->part;
    rows->part = NULL;
    if (part == NULL)
        return PF_OK;
    return rows->ready != NULL ? rows->ready(rows->context, part, error) : pf_frame_add(rows->frame, part, error);
}

static enum pf_status begin_part(struct pf_flow_rows *rows, struct pf_error *error)
{
    rows->part = pf_part_new(rows->kinds, rows->columns);
    if (rows->part == NULL)
        return pf_fail_memory(error);
    for (size_t i = 0; i < rows->columns; i++)
        PF_TRY(pf_column_reserve(rows->part->columns[i], PF_FLOW_ROWS, error));
    return PF_OK;
}

static enum pf_status put_row(struct pf_flow_rows *rows, const struct pf_flow *flow, enum pf_flow_reason reason,
                              struct pf_error *error)
{
    uint64_t words[PF_FEATURE_COUNT] = {0};
    pf_flow_values(rows->options, flow, words);
    for (size_t i = 0; i < rows->feature_count; i++) {
        struct pf_column *column = rows->part->columns[i];
        if (column->kind.type == PF_TEXT || column->kind.type == PF_STRING)
            PF_TRY(put_text(column, rows, rows->features[i], flow, reason, error));
        else if (column->kind.type == PF_DOUBLE && rows->options->quantize)
            pf_column_put_double(column, pf_flow_quantized(words[rows->features[i]]));
        else
            pf_column_put_number(column, words[rows->features[i]]);
    }
    for (size_t i = rows->feature_count; i < rows->columns; i++)
        PF_TRY(put_extra(rows, rows->part->columns[i], rows->extras[i - rows->feature_count], flow, error));
    rows->part->rows++;
    return PF_OK;
}

enum pf_status pf_flow_rows_add(struct pf_flow_rows *rows, const struct pf_flow *flow, enum pf_flow_reason reason,
                                struct pf_error *error)
{
    enum pf_status status = rows->part != NULL ? PF_OK : begin_part(rows, error);
    if (status == PF_OK)
        status = put_row(rows, flow, reason, error);
    if (status != PF_OK) {
        pf_flow_rows_clear(rows); /* its columns may be of unequal length */
        return status;
    }
    return rows->part->rows == PF_FLOW_ROWS ? pf_flow_rows_flush(rows, error) : PF_OK;
}

struct place {
    int64_t start;
    uint64_t number;
    size_t row;
};

static int by_start(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Two sorted runs, one behind the other, into one. */
static void join(struct place *to, const struct place *from, size_t first, size_t both)
{
    const struct place *a = from, *b = from + first;
    for (size_t i = 0; i < both; i++) {
        bool left = a < from + first && (b == from + both || by_start(a, b) <= 0);
        to[i] = *(left ? a++ : b++);
    }
}

/* Not one qsort over all, which could not be stopped: of millions it takes seconds. */
static enum pf_status sort_places(struct place *places, size_t count, struct pf_error *error)
{
    for (size_t i = 0; i < count; i += SORTED) {
        PF_TRY(pf_crew_check(error));
        qsort(places + i, count - i < SORTED ? count - i : SORTED, sizeof *places, by_start);
    }
    if (count <= SORTED)
        return PF_OK;
    struct place *other = pf_alloc_array(count, sizeof *other), *from = places, *to = other;
    if (other == NULL)
        return pf_fail_memory(error);
    enum pf_status status = PF_OK;
    for (size_t run = SORTED; run < count && status == PF_OK; run *= 2) {
        for (size_t i = 0; i < count && status == PF_OK; i += 2 * run) {
            size_t left = count - i, both = left < 2 * run ? left : 2 * run;
            join(to + i, from + i, left < run ? left : run, both);
            status = pf_crew_check(error);
        }
        struct place *swap = from;
        from = to;
        to = swap;
    }
    if (from != places)
        memcpy(places, from, count * sizeof *places);
    pf_free(other);
    return status;
}

static size_t column_of(const struct pf_flow_rows *rows, enum pf_feature feature)
{
    size_t i = 0;
    while (rows->features[i] != feature)
        i++;
    return i;
}

/* The frame's rows in order, into `order`. */
static enum pf_status find_order(struct pf_flow_rows *rows, struct place *places, size_t *order, struct pf_error *error)
{
    struct pf_column *starts, *numbers;
    PF_TRY(pf_frame_column(rows->frame, column_of(rows, PF_FEATURE_START), &starts, error));
    enum pf_status status = pf_frame_column(rows->frame, column_of(rows, PF_FEATURE_FLOW_ID), &numbers, error);
    for (size_t i = 0; status == PF_OK && i < rows->frame->rows; i++) {
        memcpy(&places[i].start, starts->values + 8 * i, 8);
        memcpy(&places[i].number, numbers->values + 8 * i, 8);
        places[i].row = i;
    }
    pf_column_drop(starts);
    if (status != PF_OK)
        return status;
    pf_column_drop(numbers);
    PF_TRY(sort_places(places, rows->frame->rows, error));
    for (size_t i = 0; i < rows->frame->rows; i++)
        order[i] = places[i].row;
    return PF_OK;
}

enum pf_status pf_flow_rows_sort(struct pf_flow_rows *rows, struct pf_error *error)
{
    size_t count = rows->frame->rows;
    struct pf_frame sorted;
    if (count == 0) /* also where they were handed on */
        return PF_OK;
    struct place *places = pf_alloc_array(count, sizeof *places);
    size_t *order = pf_alloc_array(count, sizeof *order);
    enum pf_status status = places != NULL && order != NULL ? PF_OK : pf_fail_memory(error);
    if (status == PF_OK)
        status = find_order(rows, places, order, error);
    if (status == PF_OK)
        status = pf_frame_take(&sorted, rows->frame, order, count, error);
    if (status == PF_OK) {
        pf_frame_clear(rows->frame);
        *rows->frame = sorted;
    }
    pf_free(places);
    pf_free(order);
    return status;
}
