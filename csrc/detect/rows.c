#include "detect/rows.h"

#include "field/field.h"

enum { PART = 1 << 16 }; /* rows of a part: columns of some hundred KiB */

static const struct pf_kind talk_kinds[] = {
    {"window", PF_TIME, false},        {"protocol", PF_UINT16, false},      {"source", PF_TEXT, false},
    {"target", PF_TEXT, false},        {"source_port", PF_UINT16, false},   {"port", PF_UINT16, false},
    {"first_time", PF_TIME, false},    {"last_time", PF_TIME, false},       {"packets", PF_UINT32, false},
    {"answers", PF_UINT32, false},     {"octets", PF_UINT64, false},        {"answer_octets", PF_UINT64, false},
    {"data", PF_UINT32, false},        {"answer_data", PF_UINT32, false},   {"least", PF_UINT32, false},
    {"most", PF_UINT32, false},        {"answer_least", PF_UINT32, false},  {"answer_most", PF_UINT32, false},
    {"syns", PF_UINT32, false},        {"syn_acks", PF_UINT32, false},      {"acks", PF_UINT32, false},
    {"resets", PF_UINT32, false},      {"answer_resets", PF_UINT32, false}, {"fins", PF_UINT32, false},
    {"answer_fins", PF_UINT32, false}, {"requests", PF_UINT32, false},      {"posts", PF_UINT32, false},
    {"denials", PF_UINT32, false},     {"overclaims", PF_UINT32, false},    {"banners", PF_UINT32, false},
    {"unreachable", PF_UINT32, false}, {"shut_windows", PF_UINT32, false},  {"bursts", PF_UINT32, false},
    {"gap_sum", PF_UINT64, false},     {"gap_squares", PF_UINT64, false},   {"flags", PF_UINT8, false},
    {"header", PF_UINT8, false},
};

static const struct pf_kind sighting_kinds[] = {
    {"window", PF_TIME, false},      {"kind", PF_TEXT, false},       {"who", PF_TEXT, false},
    {"what", PF_TEXT, false},        {"first_time", PF_TIME, false}, {"last_time", PF_TIME, false},
    {"seen", PF_UINT64, false},      {"numbered", PF_UINT64, false}, {"unasked", PF_UINT64, false},
    {"in_second", PF_UINT32, false},
};

static const struct pf_kind second_kinds[] = {
    {"window", PF_TIME, false},    {"time", PF_TIME, false},      {"protocol", PF_UINT16, false},
    {"target", PF_TEXT, false},    {"port", PF_UINT16, false},    {"packets", PF_UINT32, false},
    {"answers", PF_UINT32, false}, {"octets", PF_UINT64, false},  {"syns", PF_UINT32, false},
    {"begun", PF_UINT32, false},   {"carried", PF_UINT32, false}, {"requests", PF_UINT32, false},
};

#define COUNT(kinds) (sizeof(kinds) / sizeof(kinds)[0])

static const struct {
    const struct pf_kind *kinds;
    size_t count;
} tables[PF_DETECT_TABLES] = {
    [PF_DETECT_TALKS] = {talk_kinds, COUNT(talk_kinds)},
    [PF_DETECT_SIGHTINGS] = {sighting_kinds, COUNT(sighting_kinds)},
    [PF_DETECT_SECONDS] = {second_kinds, COUNT(second_kinds)},
};

enum pf_status pf_detect_rows_init(struct pf_detect_rows *rows, enum pf_detect_table table, struct pf_frame *frame,
                                   struct pf_error *error)
{
    *rows = (struct pf_detect_rows){frame, table, NULL};
    return pf_frame_init(frame, tables[table].kinds, tables[table].count, error);
}

void pf_detect_rows_clear(struct pf_detect_rows *rows)
{
    pf_part_free(rows->part, tables[rows->table].count);
    rows->part = NULL;
}

enum pf_status pf_detect_rows_flush(struct pf_detect_rows *rows, struct pf_error *error)
{
    struct pf_part *part = rows->part;
    rows->part = NULL;
    return part != NULL ? pf_frame_add(rows->frame, part, error) : PF_OK;
}

static enum pf_status put_address(struct pf_column *column, const struct pf_exchange_key *key, unsigned end,
                                  struct pf_error *error)
{
    struct pf_value value = pf_value_octets(key->address[end], key->version == 4 ? 4 : 16);
    return pf_column_put_text(column, &value, pf_text_address, error);
}

static size_t text_of_word(const struct pf_value *value, char text[PF_TEXT_ROOM])
{
    static const char *const words[] = {
        [PF_SIGHT_CLAIM] = "claim", [PF_SIGHT_NETWORK] = "network", [PF_SIGHT_GOODBYE] = "goodbye"};
    const char *word = words[value->word[0]];
    size_t length = strlen(word);
    memcpy(text, word, length);
    return length;
}

/* A column of text is told apart by keys or by octets, not both: all but names of networks are short keys as well. */
static enum pf_status put_what(struct pf_column *column, const struct pf_sighting_key *key, struct pf_error *error)
{
    char text[PF_TEXT_ROOM];
    if (key->sighting == PF_SIGHT_NETWORK) {
        struct pf_writer writer = {text, 0, sizeof text, false}; /* at most 4 x 32 octets */
        pf_write_text(&writer, key->what, key->size, NULL);
        return pf_column_put_octets(column, text, writer.length, error);
    }
    struct pf_value value = pf_value_octets(key->what, key->size);
    size_t length = (key->sighting == PF_SIGHT_CLAIM ? pf_text_address : pf_text_mac)(&value, text);
    return pf_column_put_octets(column, text, length, error);
}

static enum pf_status put_talk(struct pf_column **columns, int64_t window, const struct pf_exchange *talk,
                               struct pf_error *error)
{
    const struct pf_exchange_key *key = (const struct pf_exchange_key *)(const void *)talk->entry.key;
    unsigned client = talk->client, server = !client;
    PF_TRY(put_address(columns[2], key, client, error));
    PF_TRY(put_address(columns[3], key, server, error));
    pf_column_put_number(columns[0], (uint64_t)window);
    pf_column_put_number(columns[1], key->kind);
    const uint64_t numbers[] = {
        key->port[client], key->port[server], (uint64_t)talk->first, (uint64_t)talk->last, talk->packets[0],
        talk->packets[1],  talk->octets[0],   talk->octets[1],       talk->data[0],        talk->data[1],
        talk->least[0],    talk->most[0],     talk->least[1],        talk->most[1],        talk->syns,
        talk->syn_acks,    talk->acks,        talk->resets[0],       talk->resets[1],      talk->fins[0],
        talk->fins[1],     talk->requests,    talk->posts,           talk->denials,        talk->overclaims,
        talk->banners,     talk->unreachable, talk->shut_windows,    talk->bursts,         talk->gap_sum,
        talk->gap_squares, talk->flags,       talk->header,
    };
    _Static_assert(COUNT(numbers) + 4 == COUNT(talk_kinds), "a number for every column");
    for (size_t i = 0; i < COUNT(numbers); i++)
        pf_column_put_number(columns[4 + i], numbers[i]);
    return PF_OK;
}

static enum pf_status put_sighting(struct pf_column **columns, int64_t window, const struct pf_sighted *sighted,
                                   struct pf_error *error)
{
    const struct pf_sighting_key *key = (const struct pf_sighting_key *)(const void *)sighted->entry.key;
    struct pf_value word = {{key->sighting, 0}, 1}, who = pf_value_octets(key->who, sizeof key->who);
    PF_TRY(pf_column_put_text(columns[1], &word, text_of_word, error));
    PF_TRY(pf_column_put_text(columns[2], &who, pf_text_mac, error));
    PF_TRY(put_what(columns[3], key, error));
    pf_column_put_number(columns[0], (uint64_t)window);
    const uint64_t numbers[] = {
        (uint64_t)sighted->first, (uint64_t)sighted->last, sighted->seen,
        sighted->numbered,        sighted->unasked,        sighted->most_in_second,
    };
    for (size_t i = 0; i < COUNT(numbers); i++)
        pf_column_put_number(columns[4 + i], numbers[i]);
    return PF_OK;
}

static enum pf_status put_second(struct pf_column **columns, int64_t window, int64_t time, const struct pf_busy *busy,
                                 struct pf_error *error)
{
    const struct pf_exchange_key *key = (const struct pf_exchange_key *)(const void *)busy->entry.key;
    PF_TRY(put_address(columns[3], key, 0, error));
    pf_column_put_number(columns[0], (uint64_t)window);
    pf_column_put_number(columns[1], (uint64_t)time);
    pf_column_put_number(columns[2], key->kind);
    const uint64_t numbers[] = {key->port[0], busy->packets, busy->answers, busy->octets,
                                busy->syns,   busy->begun,   busy->carried, busy->requests};
    for (size_t i = 0; i < COUNT(numbers); i++)
        pf_column_put_number(columns[4 + i], numbers[i]);
    return PF_OK;
}

enum pf_status pf_detect_rows_add(struct pf_detect_rows *rows, int64_t window, int64_t time, const void *entry,
                                  struct pf_error *error)
{
    size_t count = tables[rows->table].count;
    if (rows->part == NULL)
        rows->part = pf_part_new(tables[rows->table].kinds, count);
    if (rows->part == NULL)
        return pf_fail_memory(error);
    for (size_t i = 0; i < count; i++)
        PF_TRY(pf_column_reserve(rows->part->columns[i], 1, error));
    if (rows->table == PF_DETECT_TALKS)
        PF_TRY(put_talk(rows->part->columns, window, entry, error));
    else if (rows->table == PF_DETECT_SIGHTINGS)
        PF_TRY(put_sighting(rows->part->columns, window, entry, error));
    else
        PF_TRY(put_second(rows->part->columns, window, time, entry, error));
    rows->part->rows++;
    return rows->part->rows == PART ? pf_detect_rows_flush(rows, error) : PF_OK;
}
