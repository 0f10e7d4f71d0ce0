#define _DEFAULT_SOURCE
#include "base/hash.h"
#include "check.h"
#include "detect/sink.h"
#include "detect/text.h"
#include "flow/sink.h"
#include "guard.h"
#include "refuse.h"

/* Saved events: what is replayed is what was saved, every length and any octets are refused without a step beyond them,
 * and memory may be refused anywhere. */

enum { EVENTS = 300, PARTS = 3, ROOM = 1 << 16 };

static const struct pf_flow_options plain = {
    .ipv6 = true,
    .protocols = 0x3f,
    .flow_timeout = 120000000,
    .activity_timeout = 5000000,
    .min_packets = 1,
    .max_flows = 1000000,
    .extra = 1 << PF_FLOW_SAYS_HTTP | 1 << PF_FLOW_RTT,
};

static void draw_event(uint64_t *state, uint64_t number, int64_t *time, struct pf_flow_event *event)
{
    static const uint8_t protocols[] = {6, 6, 17, 1, 58, 132, 2};
    *time += (int64_t)draw_below(state, 5) == 0 ? -1000 : (int64_t)draw_below(state, 9) * 20000000000;
    memset(event, 0, sizeof *event);
    event->time = *time;
    event->frame_number = number;
    event->key.protocol = protocols[draw_below(state, sizeof protocols)];
    event->key.version = draw_below(state, 4) == 0 ? 6 : 4;
    event->key.address[0][3] = (uint8_t)draw_below(state, 3);
    event->key.address[1][3] = 9;
    event->side = draw_below(state, 2) != 0;
    event->payload = (uint32_t)draw_below(state, 1500);
    event->header = 20;
    event->wanted = true;
    if (event->key.protocol == 6) {
        event->flags = (uint8_t)draw(state);
        event->window = (uint16_t)draw(state);
        event->print = draw_below(state, 50) + 1;
    } else if (event->key.protocol == 1 || event->key.protocol == 58) {
        event->icmp_type = (uint8_t)draw_below(state, 2);
    }
    event->hash = pf_hash_octets(pf_secret(), &event->key, sizeof event->key);
}

/* Now and then a packet says its method and its status. */
static void draw_said(uint64_t *state, struct pf_flow_piece *piece)
{
    static const char method[] = {'G', 'E', 'T'};
    if (draw_below(state, 3) != 0)
        return;
    struct pf_flow_heard *heard = &piece->heard[piece->heard_count++];
    heard->event = piece->count;
    heard->said.text = piece->text_size;
    heard->said.has = 1 << PF_EXTRA_HTTP_METHOD | 1 << PF_EXTRA_HTTP_CODE;
    heard->said.value[PF_EXTRA_HTTP_CODE] = 200 + (uint32_t)draw_below(state, 300);
    heard->said.size[PF_EXTRA_HTTP_METHOD] = sizeof method;
    memcpy(piece->text + piece->text_size, method, sizeof method);
    piece->text_size += sizeof method;
}

static struct pf_flow_piece *draw_piece(uint64_t state)
{
    struct pf_flow_piece *piece = must(pf_alloc(sizeof *piece));
    int64_t time = 1499170000000000000;
    piece->events = must(pf_alloc_array(EVENTS, sizeof *piece->events));
    piece->heard = must(pf_alloc_array(EVENTS, sizeof *piece->heard));
    piece->text = must(pf_alloc_array(EVENTS, 3));
    for (; piece->count < EVENTS; piece->count++) {
        draw_said(&state, piece);
        draw_event(&state, piece->count + 1, &time, &piece->events[piece->count]);
    }
    return piece;
}

/* ------------------------------------------------------------------------------------------------------------ flows */

static enum pf_status replay(const struct pf_flow_octets *parts, size_t count, uint64_t *rows, uint64_t *flows,
                             struct pf_error *error)
{
    struct pf_flow_sink sink;
    struct pf_frame frame;
    struct pf_saved_head before = {.parts = 0};
    memset(&frame, 0, sizeof frame);
    enum pf_status status = pf_flow_sink_init(&sink, &plain, &frame, NULL, error);
    if (status == PF_OK)
        status = pf_flow_replay(&sink, parts, count, 7, &before, error);
    if (status == PF_OK)
        status = sink.sink.ops->finish(&sink.sink, error);
    *rows += frame.rows;
    *flows += sink.stage.seen;
    pf_flow_sink_clear(&sink);
    pf_frame_clear(&frame);
    return status;
}

static enum pf_status save_all(struct pf_flow_save *save, struct pf_error *error)
{
    struct pf_flow_piece *piece = draw_piece(5);
    enum pf_status status = pf_flow_save_init(save, &plain, PARTS, error);
    if (status == PF_OK)
        status = pf_flow_save_put(save, piece, error);
    if (status == PF_OK)
        status = pf_flow_save_end(save, error);
    pf_flow_piece_free(piece);
    return status;
}

static struct pf_flow_octets octets_of(const struct pf_flow_save *save, unsigned part)
{
    return (struct pf_flow_octets){save->parts[part].saved.octets, save->parts[part].saved.size};
}

static void test_flows(void)
{
    struct pf_flow_save save;
    struct pf_error error = {.status = PF_OK};
    struct pf_flow_octets parts[PARTS];
    uint64_t rows = 0, flows = 0, apart_rows = 0, apart_flows = 0;
    CHECK_OK(save_all(&save, &error));
    for (unsigned i = 0; i < PARTS; i++) {
        parts[i] = octets_of(&save, i);
        CHECK_OK(replay(&parts[i], 1, &apart_rows, &apart_flows, &error));
    }
    CHECK_OK(replay(parts, PARTS, &rows, &flows, &error));
    CHECK(rows > 30);
    CHECK_EQ(apart_rows, rows);
    CHECK_EQ(apart_flows, flows);
    pf_flow_save_clear(&save);
}

/* While every text is empty there are no octets of texts at all. */
static void test_empty_texts(void)
{
    struct pf_flow_piece *piece = draw_piece(21);
    struct pf_flow_save save;
    struct pf_flow_octets part;
    struct pf_error error = {.status = PF_OK};
    uint64_t rows = 0, flows = 0;
    CHECK(piece->heard_count > 10);
    for (size_t i = 0; i < piece->heard_count; i++) {
        piece->heard[i].said.size[PF_EXTRA_HTTP_METHOD] = 0;
        piece->heard[i].said.text = 0;
    }
    piece->text_size = 0;
    CHECK_OK(pf_flow_save_init(&save, &plain, 1, &error));
    CHECK_OK(pf_flow_save_put(&save, piece, &error));
    CHECK_OK(pf_flow_save_end(&save, &error));
    part = octets_of(&save, 0);
    CHECK_OK(replay(&part, 1, &rows, &flows, &error));
    CHECK(rows > 30);
    pf_flow_save_clear(&save);
    pf_flow_piece_free(piece);
}

static void test_hostile_flows(void)
{
    struct pf_flow_save save;
    struct pf_error error = {.status = PF_OK};
    struct guard guard;
    uint64_t state = 3, ignored = 0, refused = 0;
    CHECK_OK(save_all(&save, &error));
    struct pf_flow_octets whole = octets_of(&save, 1);
    guard_init(&guard, ROOM);
    for (size_t size = 0; size < whole.size; size++) {
        struct pf_flow_octets cut = {guard_behind(&guard, whole.octets, size), size};
        CHECK_STATUS(replay(&cut, 1, &ignored, &ignored, &error), PF_INVALID);
    }
    for (unsigned i = 0; i < 3000; i++) {
        struct pf_flow_octets changed = {guard_behind(&guard, whole.octets, whole.size), whole.size};
        uint8_t *octets = guard.room + guard.size - whole.size;
        for (size_t j = draw_below(&state, 6) + 1; j-- > 0;)
            octets[PF_SAVED_HEAD + draw_below(&state, whole.size - PF_SAVED_HEAD)] = (uint8_t)draw(&state);
        enum pf_status status = replay(&changed, 1, &ignored, &ignored, &error);
        CHECK(status == PF_OK || status == PF_INVALID);
        refused += status != PF_OK;
    }
    CHECK(refused > 100 && refused < 3000);
    guard_clear(&guard);
    pf_flow_save_clear(&save);
}

/* Parts that do not belong together, and options that do not go with parts. */
static void test_strange_flows(void)
{
    struct pf_flow_options other = plain;
    struct pf_flow_save save, unlike, single;
    struct pf_error error = {.status = PF_OK};
    struct pf_flow_octets parts[PARTS], turned[PARTS], one;
    uint64_t ignored = 0;
    CHECK_STATUS(pf_flow_save_init(&unlike, &plain, 0, &error), PF_INVALID);
    CHECK_STATUS(pf_flow_save_init(&unlike, &plain, PF_MOST_PARTS + 1, &error), PF_INVALID);
    other.sort = 1;
    CHECK_STATUS(pf_flow_save_init(&unlike, &other, 2, &error), PF_INVALID);
    CHECK_TEXT(error.text, "sort looks at all packets in their order: flows go to one part then, not 2");
    other.sort = 0;
    other.dedup = 1;
    CHECK_STATUS(pf_flow_save_init(&unlike, &other, 2, &error), PF_INVALID);
    CHECK_TEXT(error.text, "dedup_us looks at all packets in their order: flows go to one part then, not 2");
    CHECK_OK(pf_flow_save_init(&unlike, &other, 1, &error));
    CHECK_OK(pf_flow_save_end(&unlike, &error));
    one = octets_of(&unlike, 0);
    CHECK_STATUS(replay(&one, 1, &ignored, &ignored, &error), PF_INVALID);
    CHECK_TEXT(error.text, "saved events: of flows with other options");
    CHECK_OK(pf_flow_save_init(&single, &plain, 1, &error));
    CHECK_OK(pf_flow_save_end(&single, &error));
    CHECK_OK(save_all(&save, &error));
    for (unsigned i = 0; i < PARTS; i++)
        parts[i] = turned[i] = octets_of(&save, i);
    turned[0] = parts[1];
    CHECK_STATUS(replay(turned, PARTS, &ignored, &ignored, &error), PF_INVALID);
    CHECK_STATUS(replay(parts, PARTS - 1, &ignored, &ignored, &error), PF_INVALID);
    turned[0] = parts[0];
    turned[2] = octets_of(&single, 0); /* one of one among those of three */
    CHECK_STATUS(replay(turned, PARTS, &ignored, &ignored, &error), PF_INVALID);
    CHECK_TEXT(error.text, "saved events: of another job than those before");
    pf_flow_save_clear(&save);
    pf_flow_save_clear(&unlike);
    pf_flow_save_clear(&single);
}

static enum pf_status save_and_replay(void *context, struct pf_error *error)
{
    struct pf_flow_save save;
    struct pf_flow_octets parts[PARTS];
    uint64_t ignored = 0;
    const struct pf_flow_piece *piece = context;
    enum pf_status status = pf_flow_save_init(&save, &plain, PARTS, error);
    if (status == PF_OK)
        status = pf_flow_save_put(&save, piece, error);
    if (status == PF_OK)
        status = pf_flow_save_end(&save, error);
    for (unsigned i = 0; status == PF_OK && i < PARTS; i++)
        parts[i] = octets_of(&save, i);
    if (status == PF_OK)
        status = replay(parts, PARTS, &ignored, &ignored, error);
    pf_flow_save_clear(&save);
    return status;
}

static void test_refusal(void)
{
    struct pf_flow_piece *piece = draw_piece(9);
    CHECK(refuse_each(save_and_replay, piece) > 20);
    pf_flow_piece_free(piece);
}

/* --------------------------------------------------------------------------------------------------------- detectors
 */

static enum pf_status replay_detect(const uint8_t *octets, size_t size, size_t *rows, struct pf_error *error)
{
    static const struct pf_detect_options options = {.window = 1000000000};
    struct pf_detect_sink sink;
    struct pf_frame frames[PF_DETECT_TABLES], *given[PF_DETECT_TABLES];
    memset(frames, 0, sizeof frames);
    for (unsigned i = 0; i < PF_DETECT_TABLES; i++)
        given[i] = &frames[i];
    enum pf_status status = pf_detect_sink_init(&sink, &options, given, error);
    if (status == PF_OK)
        status = pf_detect_replay(&sink, octets, size, error);
    if (status == PF_OK)
        status = sink.sink.ops->finish(&sink.sink, error);
    *rows = frames[PF_DETECT_TALKS].rows + frames[PF_DETECT_SIGHTINGS].rows;
    pf_detect_sink_clear(&sink);
    for (unsigned i = 0; i < PF_DETECT_TABLES; i++)
        pf_frame_clear(&frames[i]);
    return status;
}

/* Half of them talks between ever new ports, half claims of ever new addresses: a row for each. */
static void draw_detected(struct pf_detect_event events[EVENTS])
{
    memset(events, 0, EVENTS * sizeof *events);
    for (unsigned i = 0; i < EVENTS; i++) {
        events[i].time = 1499170000000000000 + (int64_t)i * 1000;
        if (i % 2 == 0) {
            events[i].key.talk = (struct pf_exchange_key){.port = {(uint16_t)i, 80}, .kind = 6, .version = 4};
        } else {
            events[i].form = PF_EVENT_SIGHTING;
            events[i].key.sighting = (struct pf_sighting_key){
                .sighting = PF_SIGHT_CLAIM, .size = 4, .what = {(uint8_t)i, (uint8_t)(i >> 8)}};
        }
    }
}

static void test_detect(void)
{
    static struct pf_detect_event events[EVENTS];
    const struct pf_detect_piece piece = {events, EVENTS, EVENTS};
    struct pf_detect_save save;
    struct pf_error error = {.status = PF_OK};
    struct guard guard;
    uint64_t state = 4;
    size_t rows;
    draw_detected(events);
    CHECK_OK(pf_detect_save_init(&save, &error));
    CHECK_OK(pf_detect_save_put(&save, &piece, &error));
    pf_detect_save_end(&save);
    CHECK_OK(replay_detect(save.saved.octets, save.saved.size, &rows, &error));
    CHECK_EQ(rows, EVENTS);
    guard_init(&guard, ROOM);
    for (size_t size = 0; size < save.saved.size; size++)
        CHECK_STATUS(replay_detect(guard_behind(&guard, save.saved.octets, size), size, &rows, &error), PF_INVALID);
    for (unsigned i = 0; i < 2000; i++) {
        const uint8_t *changed = guard_behind(&guard, save.saved.octets, save.saved.size);
        uint8_t *octets = guard.room + guard.size - save.saved.size;
        for (size_t j = draw_below(&state, 6) + 1; j-- > 0;)
            octets[PF_SAVED_HEAD + draw_below(&state, save.saved.size - PF_SAVED_HEAD)] = (uint8_t)draw(&state);
        enum pf_status status = replay_detect(changed, save.saved.size, &rows, &error);
        CHECK(status == PF_OK || status == PF_INVALID);
    }
    guard_clear(&guard);
    pf_detect_save_clear(&save);
}

/* ------------------------------------------------------------------------------------------------------------- text */

static enum pf_status replay_text(const uint8_t *octets, size_t size, struct pf_error *error)
{
    struct pf_text_sink sink;
    struct pf_frame frames[PF_TEXT_TABLES];
    memset(frames, 0, sizeof frames);
    enum pf_status status = pf_text_sink_init(&sink, frames, error);
    if (status == PF_OK)
        status = pf_text_replay(&sink, octets, size, 7, error);
    if (status == PF_OK)
        status = sink.sink.ops->finish(&sink.sink, error);
    pf_text_sink_clear(&sink);
    for (unsigned i = 0; i < PF_TEXT_TABLES; i++)
        pf_frame_clear(&frames[i]);
    return status;
}

/* An event of every kind, each with its texts behind it. */
static void save_texts(struct pf_text_save *save)
{
    static const char text[] = "USER someone.example\n";
    struct pf_error error = {.status = PF_OK};
    struct {
        struct pf_text_event event;
        char text[2 * sizeof text];
    } said;
    CHECK_OK(pf_text_save_init(save, &error));
    for (unsigned kind = PF_TEXT_NAME; kind <= PF_TEXT_BASIC; kind++) {
        memset(&said, 0, sizeof said);
        said.event.kind = (uint8_t)kind;
        said.event.source = (struct pf_value){{0x0a000001, 0}, 4};
        said.event.target = (struct pf_value){{0x0a000002, 0}, 4};
        said.event.target_port = 21;
        said.event.frame = kind + 1;
        said.event.length[0] = sizeof text - 2;
        said.event.length[1] = kind == PF_TEXT_BASIC ? 3 : 0;
        memcpy(said.text, text, sizeof text);
        CHECK_OK(pf_text_save_put(save, &said.event, &error));
    }
    pf_text_save_end(save);
}

static void test_text(void)
{
    struct pf_text_save save;
    struct pf_error error = {.status = PF_OK};
    struct guard guard;
    uint64_t state = 8, refused = 0;
    save_texts(&save);
    size_t whole = save.saved.size;
    CHECK_OK(replay_text(save.saved.octets, whole, &error));
    guard_init(&guard, ROOM);
    for (size_t size = 0; size < whole; size++)
        CHECK_STATUS(replay_text(guard_behind(&guard, save.saved.octets, size), size, &error), PF_INVALID);
    for (unsigned i = 0; i < 5000; i++) {
        const uint8_t *changed = guard_behind(&guard, save.saved.octets, whole);
        for (size_t j = draw_below(&state, 3) + 1; j-- > 0;)
            guard.room[guard.size - whole + PF_SAVED_HEAD + draw_below(&state, whole - PF_SAVED_HEAD)] =
                (uint8_t)draw(&state);
        enum pf_status status = replay_text(changed, whole, &error);
        CHECK(status == PF_OK || status == PF_INVALID);
        refused += status != PF_OK;
    }
    CHECK(refused > 100 && refused < 5000);
    guard_clear(&guard);
    pf_text_save_clear(&save);
}

/* ----------------------------------------------------------------------------------------------------------- numbers
 */

static void test_numbers(void)
{
    static const int64_t numbers[] = {0, 1, -1, 63, 64, -64, -65, 1 << 20, INT64_MAX, INT64_MIN};
    uint8_t room[PF_SAVED_NUMBER];
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        for (size_t j = 0; j < sizeof numbers / sizeof numbers[0]; j++) {
            int64_t read = numbers[i];
            size_t size = (size_t)(pf_put_step(room, numbers[i], numbers[j]) - room);
            struct pf_cursor cursor = {room, room + size, size}, cut = {room, room + size - 1, size - 1};
            CHECK(size <= sizeof room);
            CHECK(pf_take_step(&cursor, &read) && read == numbers[j]);
            CHECK_EQ(pf_cursor_left(&cursor), 0);
            CHECK(!pf_take_step(&cut, &read));
        }
    }
    memset(room, 0xff, sizeof room); /* 70 bits */
    struct pf_cursor cursor = {room, room + sizeof room, sizeof room};
    uint64_t number;
    CHECK(!pf_take_number(&cursor, &number));
}

int main(void)
{
    test_numbers();
    test_flows();
    test_empty_texts();
    test_hostile_flows();
    test_strange_flows();
    test_refusal();
    test_detect();
    test_text();
    return checks_done();
}
