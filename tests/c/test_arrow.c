#include "base/arrow.h"
#include "base/os_thread.h"
#include "refuse.h"

/* Frames of every kind, read back through Arrow's structs alone, as the specification says a consumer does. */

static const struct pf_kind kinds[] = {
    {"u8", PF_UINT8, false},  {"u16?", PF_UINT16, true},    {"u32?", PF_UINT32, true},    {"u64", PF_UINT64, false},
    {"i64?", PF_INT64, true}, {"f64?", PF_DOUBLE, true},    {"time?", PF_TIME, true},     {"text", PF_TEXT, false},
    {"text?", PF_TEXT, true}, {"string", PF_STRING, false}, {"string?", PF_STRING, true}, {"binary?", PF_BINARY, true},
};
static const char *const formats[] = {"C", "S", "I", "L", "l", "g", "tsn:UTC", "i", "i", "U", "U", "Z"};
enum { COLUMNS = sizeof kinds / sizeof kinds[0], MOST_ROWS = 400, MOST_TEXT = 40 };

struct model {
    uint64_t cells[MOST_ROWS][COLUMNS];
    bool null[MOST_ROWS][COLUMNS];
    size_t rows;
};

/* What stands in a cell of text or octets: `value` % 40 times the same letter. */
static size_t text_of(uint64_t value, char text[MOST_TEXT])
{
    size_t length = value % MOST_TEXT;
    memset(text, 'a' + (int)(value % 26), MOST_TEXT);
    return length;
}

static bool is_number(enum pf_type type)
{
    return type != PF_TEXT && !pf_type_is_long(type);
}

static enum pf_status put_cell(struct pf_column *column, uint64_t value, bool null, struct pf_error *error)
{
    char text[MOST_TEXT];
    if (!null && !is_number(column->kind.type))
        return pf_column_put_octets(column, text, text_of(value, text), error);
    if (null)
        pf_column_put_null(column);
    else
        pf_column_put_number(column, value);
    return PF_OK;
}

static enum pf_status add_part(struct pf_frame *frame, struct model *model, uint64_t *state, size_t rows,
                               struct pf_error *error)
{
    struct pf_part *part = pf_part_new(kinds, COLUMNS);
    enum pf_status status = part != NULL ? PF_OK : pf_fail_memory(error);
    for (size_t i = 0; i < COLUMNS && status == PF_OK; i++) {
        uint64_t mask = is_number(kinds[i].type) ? UINT64_MAX >> (64 - 8 * pf_type_size(kinds[i].type)) : 63;
        status = pf_column_reserve(part->columns[i], rows, error);
        for (size_t row = 0; row < rows && status == PF_OK; row++) {
            size_t at = model->rows + row;
            model->null[at][i] = kinds[i].nullable && draw_below(state, 3) == 0;
            model->cells[at][i] = draw(state) & mask;
            status = put_cell(part->columns[i], model->cells[at][i], model->null[at][i], error);
        }
    }
    if (status != PF_OK) {
        pf_part_free(part, COLUMNS);
        return status;
    }
    part->rows = rows;
    model->rows += rows;
    return pf_frame_add(frame, part, error);
}

/* --- a consumer ------------------------------------------------------------------------------------------------ */

static bool array_valid(const struct pf_arrow_array *array, int64_t row)
{
    const uint8_t *bits = array->buffers[0];
    size_t at = (size_t)(array->offset + row);
    return bits == NULL || (bits[at / 8] >> (at % 8) & 1) != 0;
}

static bool is_octets(const void *octets, int64_t first, int64_t end, uint64_t value)
{
    char text[MOST_TEXT];
    size_t length = text_of(value, text);
    return (size_t)(end - first) == length && memcmp((const char *)octets + first, text, length) == 0;
}

static bool is_cell(const struct pf_arrow_array *array, enum pf_type type, int64_t row, uint64_t value)
{
    size_t at = (size_t)(array->offset + row), size = pf_type_size(type);
    if (pf_type_is_long(type)) {
        const int64_t *offsets = array->buffers[1];
        return array->n_buffers == 3 && is_octets(array->buffers[2], offsets[at], offsets[at + 1], value);
    }
    if (type == PF_TEXT) {
        const int32_t *codes = array->buffers[1], *offsets = array->dictionary->buffers[1];
        int32_t code = codes[at];
        return code >= 0 && code < array->dictionary->length && array->dictionary->n_buffers == 3 &&
               is_octets(array->dictionary->buffers[2], offsets[code], offsets[code + 1], value);
    }
    const void *cells = array->buffers[1];
    uint64_t found = size == 1   ? ((const uint8_t *)cells)[at]
                     : size == 2 ? ((const uint16_t *)cells)[at]
                     : size == 4 ? ((const uint32_t *)cells)[at]
                                 : ((const uint64_t *)cells)[at];
    return array->n_buffers == 2 && found == value;
}

/* The array's rows are those of the model from `first` on; its i-th child is column columns[i]. */
static void check_array(const struct pf_arrow_array *array, const struct model *model, size_t first,
                        const size_t *columns, size_t width)
{
    bool equal = array->n_children == (int64_t)width && array->n_buffers == 1 && array->buffers[0] == NULL &&
                 array->offset == 0 && array->null_count == 0;
    for (size_t i = 0; i < width && equal; i++) {
        const struct pf_arrow_array *child = array->children[i];
        const struct pf_kind *kind = &kinds[columns[i]];
        equal = child->length == array->length && (kind->nullable || child->null_count == 0);
        for (int64_t row = 0; row < array->length && equal; row++) {
            bool null = model->null[first + (size_t)row][columns[i]];
            equal = array_valid(child, row) != null &&
                    (null || is_cell(child, kind->type, row, model->cells[first + (size_t)row][columns[i]]));
        }
    }
    CHECK(equal);
}

static void check_schema(const struct pf_arrow_schema *schema, const size_t *columns, size_t width, const char *note)
{
    CHECK_TEXT(schema->format, "+s");
    CHECK_EQ(schema->n_children, width);
    for (size_t i = 0; i < width; i++) {
        const struct pf_arrow_schema *child = schema->children[i];
        const struct pf_kind *kind = &kinds[columns[i]];
        CHECK_TEXT(child->name, kind->name);
        CHECK_TEXT(child->format, formats[columns[i]]);
        CHECK_EQ(child->flags, kind->nullable ? PF_ARROW_NULLABLE : 0);
        CHECK((child->dictionary != NULL) == (kind->type == PF_TEXT));
        if (child->dictionary != NULL)
            CHECK_TEXT(child->dictionary->format, "u");
    }
    if (note == NULL) {
        CHECK(schema->metadata == NULL);
        return;
    }
    int32_t numbers[2], length;
    memcpy(numbers, schema->metadata, sizeof numbers);
    CHECK(numbers[0] == 1 && numbers[1] == 9 && memcmp(schema->metadata + 8, "pcapframe", 9) == 0);
    memcpy(&length, schema->metadata + 17, sizeof length);
    CHECK(length == (int32_t)strlen(note) && memcmp(schema->metadata + 21, note, strlen(note)) == 0);
}

static void *release_elsewhere(void *argument)
{
    struct pf_arrow_array *array = argument;
    array->release(array);
    return NULL;
}

/* Moves a child, its dictionary and the rest apart, and releases each on its own, on another thread. */
static void release_in_pieces(struct pf_arrow_array *array)
{
    struct pf_arrow_array child = *array->children[7], dictionary = *child.dictionary;
    struct pf_thread thread;
    array->children[7]->release = NULL;
    child.dictionary->release = NULL;
    CHECK_EQ(pf_thread_start(&thread, release_elsewhere, array), 0);
    child.release(&child);
    CHECK(child.release == NULL);
    pf_thread_join(&thread);
    CHECK(array->release == NULL);
    CHECK(dictionary.length == 0 || ((const int32_t *)dictionary.buffers[1])[0] == 0);
    dictionary.release(&dictionary);
}

static void consume(struct pf_arrow_stream *stream, const struct model *model, size_t first, size_t rows,
                    const size_t *columns, size_t width, const char *note)
{
    struct pf_arrow_schema schema;
    struct pf_arrow_array array;
    size_t seen = 0;
    CHECK_EQ(stream->get_schema(stream, &schema), 0);
    check_schema(&schema, columns, width, note);
    schema.release(&schema);
    CHECK(schema.release == NULL);
    for (;;) {
        CHECK_EQ(stream->get_next(stream, &array), 0);
        if (array.release == NULL)
            break;
        check_array(&array, model, first + seen, columns, width);
        seen += (size_t)array.length;
        if (width == COLUMNS && seen % 2 == 0)
            release_in_pieces(&array);
        else
            array.release(&array);
    }
    CHECK_EQ(stream->get_next(stream, &array), 0);
    CHECK(array.release == NULL); /* the end stays the end */
    CHECK(stream->get_last_error(stream) == NULL);
    CHECK_EQ(seen, rows);
}

static const size_t every[COLUMNS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

static void test_frame(uint64_t seed)
{
    static struct model model;
    struct pf_frame frame, slice, chosen;
    struct pf_arrow_stream stream, again, part;
    struct pf_error error;
    uint64_t state = seed;
    model.rows = 0;
    CHECK_OK(pf_frame_init(&frame, kinds, COLUMNS, &error));
    for (size_t i = 0; i < 4; i++) {
        struct pf_frame holder; /* keeps parts from being put together */
        CHECK_OK(add_part(&frame, &model, &state, draw_below(&state, MOST_ROWS / 4), &error));
        CHECK_OK(pf_frame_slice(&holder, &frame, 0, frame.rows, &error));
        CHECK_OK(add_part(&frame, &model, &state, draw_below(&state, 2), &error));
        pf_frame_clear(&holder);
    }
    size_t first = draw_below(&state, model.rows + 1), rows = draw_below(&state, model.rows - first + 1);
    static const size_t some[] = {8, 1, 8};
    CHECK_OK(pf_frame_slice(&slice, &frame, first, rows, &error));
    CHECK_OK(pf_frame_project(&chosen, &slice, some, 3, &error));
    CHECK_OK(pf_arrow_stream_make(&stream, &frame, NULL, &error));
    CHECK_OK(pf_arrow_stream_make(&again, &slice, "{\"a\": 1}", &error));
    CHECK_OK(pf_arrow_stream_make(&part, &chosen, "", &error));
    pf_frame_clear(&frame); /* streams outlive them */
    pf_frame_clear(&slice);
    pf_frame_clear(&chosen);
    consume(&stream, &model, 0, model.rows, every, COLUMNS, NULL);
    consume(&again, &model, first, rows, every, COLUMNS, "{\"a\": 1}");
    consume(&part, &model, first, rows, some, 3, "");
    stream.release(&stream);
    CHECK(stream.release == NULL);
    again.release(&again);
    part.release(&part);
}

/* An array outlives its stream. */
static void test_array_outlives_stream(void)
{
    static struct model model;
    struct pf_frame frame;
    struct pf_arrow_stream stream;
    struct pf_arrow_array array;
    struct pf_error error;
    uint64_t state = 5;
    model.rows = 0;
    CHECK_OK(pf_frame_init(&frame, kinds, COLUMNS, &error));
    CHECK_OK(add_part(&frame, &model, &state, 50, &error));
    CHECK_OK(pf_arrow_stream_make(&stream, &frame, NULL, &error));
    pf_frame_clear(&frame);
    CHECK_EQ(stream.get_next(&stream, &array), 0);
    stream.release(&stream);
    check_array(&array, &model, 0, every, COLUMNS);
    array.release(&array);
}

static enum pf_status give_error(const struct pf_arrow_stream *stream, int number, struct pf_error *error)
{
    CHECK(stream->get_last_error((struct pf_arrow_stream *)stream) != NULL);
    CHECK_EQ(number, 12); /* ENOMEM */
    return pf_fail_memory(error);
}

static enum pf_status build_and_consume(void *context, struct pf_error *error)
{
    static struct model model;
    struct pf_frame frame;
    struct pf_arrow_stream stream;
    struct pf_arrow_schema schema;
    struct pf_arrow_array array;
    uint64_t state = 3;
    (void)context;
    model.rows = 0;
    PF_TRY(pf_frame_init(&frame, kinds, COLUMNS, error));
    enum pf_status status = add_part(&frame, &model, &state, 20, error);
    if (status == PF_OK)
        status = pf_arrow_stream_make(&stream, &frame, "{}", error);
    pf_frame_clear(&frame);
    if (status != PF_OK)
        return status;
    int failed = stream.get_schema(&stream, &schema);
    if (failed == 0)
        schema.release(&schema);
    if (failed == 0)
        failed = stream.get_next(&stream, &array);
    if (failed == 0)
        array.release(&array);
    status = failed != 0 ? give_error(&stream, failed, error) : PF_OK;
    stream.release(&stream);
    return status;
}

int main(void)
{
    for (uint64_t seed = 1; seed <= 60; seed++)
        test_frame(seed);
    test_array_outlives_stream();
    CHECK(refuse_each(build_and_consume, NULL) > 60);
    return checks_done();
}
