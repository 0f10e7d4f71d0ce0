#include "base/frame.h"
#include "refuse.h"

/* A key's text is the letter `n` times; key 0 has none. */
static size_t text_of(const struct pf_value *key, char text[PF_TEXT_ROOM])
{
    size_t length = key->word[0] % PF_TEXT_ROOM;
    memset(text, 'a' + (int)(key->word[0] % 26), length);
    return length;
}

static bool has_text(const struct pf_dictionary *dictionary, size_t entry, uint64_t key)
{
    char text[PF_TEXT_ROOM];
    size_t length = text_of(&(struct pf_value){{key, 0}, 8}, text);
    return (size_t)(dictionary->offsets[entry + 1] - dictionary->offsets[entry]) == length &&
           (length == 0 || memcmp(dictionary->octets + dictionary->offsets[entry], text, length) == 0);
}

static void test_dictionary(void)
{
    enum { KEYS = 3000 };
    static int32_t codes[KEYS];
    struct pf_dictionary dictionary = {.count = 0}, adopted = {.count = 0};
    struct pf_error error;
    uint64_t state = 1;
    size_t seen = 0;
    int32_t code;
    memset(codes, 0xff, sizeof codes);
    CHECK_OK(pf_dictionary_code(&dictionary, &(struct pf_value){{0, 0}, 8}, text_of, &code,
                                &error)); /* an empty text first */
    CHECK_EQ(code, 0);
    codes[0] = (int32_t)seen++;
    for (int i = 0; i < 10000; i++) {
        uint64_t key = draw_below(&state, KEYS);
        CHECK_OK(pf_dictionary_code(&dictionary, &(struct pf_value){{key, 0}, 8}, text_of, &code, &error));
        if (codes[key] < 0)
            codes[key] = (int32_t)seen++; /* numbered in order of first appearance */
        CHECK_EQ(code, codes[key]);
    }
    CHECK_EQ(dictionary.count, seen);
    for (uint64_t key = 0; key < KEYS; key++) {
        if (codes[key] >= 0)
            CHECK(has_text(&dictionary, (size_t)codes[key], key));
    }
    for (size_t entry = dictionary.count; entry-- > 0;) {
        CHECK_OK(pf_dictionary_adopt(&adopted, &dictionary, entry, &code, &error));
        CHECK_EQ(code, dictionary.count - 1 - entry);
        CHECK(has_text(&adopted, (size_t)code, dictionary.keys[entry].word[0]));
        CHECK_OK(pf_dictionary_adopt(&adopted, &dictionary, entry, &code, &error));
    }
    CHECK_EQ(adopted.count, dictionary.count);
    /* Keys are told apart by every word and by their size. */
    static const struct pf_value alike[] = {{{5, 0}, 4}, {{5, 0}, 16}, {{5, 1}, 16}, {{0, 5}, 16}};
    for (size_t i = 0; i < 4; i++) {
        CHECK_OK(pf_dictionary_code(&dictionary, &alike[i], text_of, &code, &error));
        CHECK_EQ(code, seen + i);
    }
    pf_dictionary_clear(&adopted);
    pf_dictionary_clear(&dictionary);
    pf_dictionary_clear(&dictionary);
}

/* --- frames, against plain arrays of cells
 * ------------------------------------------------------------------------------ */

static const struct pf_kind kinds[] = {
    {"u8", PF_UINT8, false},      {"u8?", PF_UINT8, true},      {"u16?", PF_UINT16, true},
    {"u32", PF_UINT32, false},    {"u64?", PF_UINT64, true},    {"time?", PF_TIME, true},
    {"text", PF_TEXT, false},     {"text?", PF_TEXT, true},     {"i64?", PF_INT64, true},
    {"f64", PF_DOUBLE, false},    {"string", PF_STRING, false}, {"string?", PF_STRING, true},
    {"binary", PF_BINARY, false}, {"binary?", PF_BINARY, true},
};
enum { COLUMNS = sizeof kinds / sizeof kinds[0], MOST_ROWS = 4000 };

struct cell {
    uint64_t value;
    bool null;
};

struct model {
    struct cell cells[MOST_ROWS][COLUMNS];
    size_t rows;
};

static struct cell some_cell(uint64_t *state, const struct pf_kind *kind)
{
    static const uint64_t masks[] = {
        [PF_UINT8] = 0xff,       [PF_UINT16] = 0xffff,     [PF_UINT32] = 0xffffffff, [PF_UINT64] = UINT64_MAX,
        [PF_INT64] = UINT64_MAX, [PF_DOUBLE] = UINT64_MAX, [PF_TIME] = UINT64_MAX,   [PF_TEXT] = 127,
        [PF_STRING] = 191,       [PF_BINARY] = 255,
    };
    struct cell cell = {draw(state) & masks[kind->type], kind->nullable && draw_below(state, 3) == 0};
    if (cell.null)
        cell.value = 0;
    return cell;
}

static enum pf_status put_cell(struct pf_column *column, const struct cell *cell, struct pf_error *error)
{
    char text[PF_TEXT_ROOM];
    struct pf_value key = {{cell->value, 0}, 8};
    if (cell->null)
        pf_column_put_null(column);
    else if (pf_type_is_long(column->kind.type))
        return pf_column_put_octets(column, text, text_of(&key, text), error);
    else if (column->kind.type == PF_TEXT)
        return pf_column_put_text(column, &key, text_of, error);
    else
        pf_column_put_number(column, cell->value);
    return PF_OK;
}

/* Adds a part of `rows` random rows to the frame and, where there is one, to the model. */
static enum pf_status add_part(struct pf_frame *frame, struct model *model, uint64_t *state, size_t rows,
                               struct pf_error *error)
{
    struct pf_part *part = pf_part_new(kinds, COLUMNS);
    if (part == NULL)
        return pf_fail_memory(error);
    enum pf_status status = PF_OK;
    for (size_t i = 0; i < COLUMNS && status == PF_OK; i++) {
        status = pf_column_reserve(part->columns[i], rows, error);
        for (size_t row = 0; row < rows && status == PF_OK; row++) {
            struct cell cell = some_cell(state, &kinds[i]);
            status = put_cell(part->columns[i], &cell, error);
            if (model != NULL)
                model->cells[model->rows + row][i] = cell;
        }
    }
    if (status != PF_OK) {
        pf_part_free(part, COLUMNS);
        return status;
    }
    part->rows = rows;
    if (model != NULL)
        model->rows += rows;
    return pf_frame_add(frame, part, error);
}

static bool is_long_cell(const struct pf_column *column, size_t row, const struct cell *want)
{
    char text[PF_TEXT_ROOM];
    size_t size, length = want->null ? 0 : text_of(&(struct pf_value){{want->value, 0}, 8}, text);
    const uint8_t *octets = pf_column_octets(column, row, &size);
    return pf_column_valid(column, row) != want->null && size == length &&
           (length == 0 || memcmp(octets, text, length) == 0);
}

static bool is_cell(const struct pf_column *column, size_t row, const struct cell *want)
{
    if (pf_type_is_long(column->kind.type))
        return is_long_cell(column, row, want);
    size_t size = pf_type_size(column->kind.type);
    const void *cells = column->values;
    uint64_t value = size == 1   ? ((const uint8_t *)cells)[row]
                     : size == 2 ? ((const uint16_t *)cells)[row]
                     : size == 4 ? ((const uint32_t *)cells)[row]
                                 : ((const uint64_t *)cells)[row];
    if (pf_column_valid(column, row) == want->null)
        return false;
    if (want->null || column->kind.type != PF_TEXT)
        return value == want->value;
    return has_text(&column->dictionary, value, want->value);
}

/* The frame shows, for its i-th row and column, cells[rows[i]][columns[j]]. */
static void check_frame(const struct pf_frame *frame, const struct model *model, const size_t *rows, size_t count,
                        const size_t *columns, size_t width)
{
    struct pf_error error;
    CHECK_EQ(frame->rows, count);
    CHECK_EQ(frame->columns, width);
    for (size_t j = 0; j < width; j++) {
        struct pf_column *whole;
        bool equal = true;
        CHECK_OK(pf_frame_column(frame, j, &whole, &error));
        CHECK_TEXT(whole->kind.name, kinds[columns[j]].name);
        CHECK(whole->rows == count && (whole->valid != NULL || !whole->kind.nullable || count == 0));
        for (size_t i = 0; i < count; i++)
            equal &= is_cell(whole, i, &model->cells[rows[i]][columns[j]]);
        CHECK(equal);
        pf_column_drop(whole);
    }
}

static const size_t every_column[COLUMNS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};

static void check_slice(const struct pf_frame *frame, const struct model *model, size_t first, size_t rows)
{
    size_t which[MOST_ROWS], count = 0;
    struct pf_frame slice;
    struct pf_error error;
    for (size_t i = first; i < model->rows && count < rows; i++)
        which[count++] = i;
    CHECK_OK(pf_frame_slice(&slice, frame, first, rows, &error));
    check_frame(&slice, model, which, count, every_column, COLUMNS);
    if (count > 3) { /* a slice of a slice, and rows of it */
        struct pf_frame inner, taken;
        size_t odd[] = {2, 0, 2};
        CHECK_OK(pf_frame_slice(&inner, &slice, 1, count - 2, &error));
        pf_frame_clear(&slice); /* what is shared stays */
        check_frame(&inner, model, which + 1, count - 2, every_column, COLUMNS);
        size_t picked[] = {which[1], which[1]};
        odd[0] = odd[1] = 0;
        CHECK_OK(pf_frame_take(&taken, &inner, odd, 2, &error));
        check_frame(&taken, model, picked, 2, every_column, COLUMNS);
        pf_frame_clear(&taken);
        pf_frame_clear(&inner);
    } else {
        pf_frame_clear(&slice);
    }
}

static void check_take(const struct pf_frame *frame, const struct model *model, uint64_t *state)
{
    size_t which[MOST_ROWS], rows = model->rows != 0 ? draw_below(state, model->rows) : 0;
    struct pf_frame taken;
    struct pf_error error;
    for (size_t i = 0; i < rows; i++)
        which[i] = draw_below(state, model->rows);
    CHECK_OK(pf_frame_take(&taken, frame, which, rows, &error));
    check_frame(&taken, model, which, rows, every_column, COLUMNS);
    pf_frame_clear(&taken);
}

static void check_project(const struct pf_frame *frame, const struct model *model, const size_t *all)
{
    static const size_t which[] = {7, 2, 7, 0, 11};
    struct pf_frame chosen;
    struct pf_error error;
    for (size_t width = 0; width <= 5; width++) {
        CHECK_OK(pf_frame_project(&chosen, frame, which, width, &error));
        check_frame(&chosen, model, all, model->rows, which, width);
        pf_frame_clear(&chosen);
    }
}

static void test_frame(uint64_t seed, size_t parts, size_t most_rows)
{
    static struct model model;
    struct pf_frame frame;
    struct pf_error error;
    size_t all[MOST_ROWS];
    uint64_t state = seed;
    model.rows = 0;
    for (size_t i = 0; i < MOST_ROWS; i++)
        all[i] = i;
    CHECK_OK(pf_frame_init(&frame, kinds, COLUMNS, &error));
    for (size_t i = 0; i < parts; i++) {
        struct pf_frame holder; /* who shares the last part keeps it from growing */
        bool hold = draw_below(&state, 3) == 0;
        if (hold)
            CHECK_OK(pf_frame_slice(&holder, &frame, 0, SIZE_MAX, &error));
        size_t held = model.rows;
        CHECK_OK(add_part(&frame, &model, &state, draw_below(&state, most_rows), &error));
        if (hold) {
            check_frame(&holder, &model, all, held, every_column, COLUMNS);
            pf_frame_clear(&holder);
        }
    }
    check_frame(&frame, &model, all, model.rows, every_column, COLUMNS);
    for (int i = 0; i < 10; i++) {
        check_slice(&frame, &model, draw_below(&state, model.rows + 2), draw_below(&state, model.rows + 2));
        check_take(&frame, &model, &state);
    }
    check_slice(&frame, &model, 0, SIZE_MAX);
    check_slice(&frame, &model, SIZE_MAX, SIZE_MAX);
    check_project(&frame, &model, all);
    pf_frame_clear(&frame);
}

/* Parts are put together up to 65,536 rows and no further. */
static void test_parts(void)
{
    static const struct pf_kind kind = {"n", PF_UINT32, false};
    struct pf_frame frame;
    struct pf_error error;
    CHECK_OK(pf_frame_init(&frame, &kind, 1, &error));
    for (uint64_t i = 0; i < 70; i++) {
        struct pf_part *part = must(pf_part_new(&kind, 1));
        CHECK_OK(pf_column_reserve(part->columns[0], 1000, &error));
        for (uint64_t row = 0; row < 1000; row++)
            pf_column_put_number(part->columns[0], i * 1000 + row);
        part->rows = 1000;
        CHECK_OK(pf_frame_add(&frame, part, &error));
    }
    CHECK_EQ(frame.count, 2);
    CHECK_EQ(frame.parts[0].rows, 65000);
    struct pf_column *whole;
    CHECK_OK(pf_frame_column(&frame, 0, &whole, &error));
    bool in_order = whole->rows == 70000;
    for (uint32_t i = 0; in_order && i < 70000; i++)
        in_order = memcmp(whole->values + 4 * i, &i, 4) == 0;
    CHECK(in_order);
    pf_column_drop(whole);
    pf_column_drop(NULL);
    pf_part_free(NULL, 1);
    CHECK_OK(pf_frame_add(&frame, must(pf_part_new(&kind, 1)), &error)); /* an empty one leaves no trace */
    CHECK_EQ(frame.count, 2);
    pf_frame_clear(&frame);
}

static enum pf_status build_and_use(void *context, struct pf_error *error)
{
    struct pf_frame frame, other;
    uint64_t state = 9;
    (void)context;
    PF_TRY(pf_frame_init(&frame, kinds, COLUMNS, error));
    enum pf_status status = PF_OK;
    for (int i = 0; i < 3 && status == PF_OK; i++)
        status = add_part(&frame, NULL, &state, 40, error);
    if (status == PF_OK && (status = pf_frame_take(&other, &frame, (const size_t[]){3, 50, 90}, 3, error)) == PF_OK)
        pf_frame_clear(&other);
    if (status == PF_OK && (status = pf_frame_slice(&other, &frame, 3, 50, error)) == PF_OK)
        pf_frame_clear(&other);
    if (status == PF_OK && (status = pf_frame_project(&other, &frame, (const size_t[]){6, 1}, 2, error)) == PF_OK) {
        struct pf_column *whole;
        status = pf_frame_column(&other, 0, &whole, error);
        pf_column_drop(status == PF_OK ? whole : NULL);
        pf_frame_clear(&other);
    }
    pf_frame_clear(&frame);
    return status;
}

int main(void)
{
    test_dictionary();
    for (uint64_t seed = 1; seed <= 20; seed++) {
        test_frame(seed, 8, 100);
        test_frame(seed, 3, 3);
    }
    test_frame(77, 3, 1300);
    test_frame(78, 0, 1);
    test_parts();
    CHECK(refuse_each(build_and_use, NULL) > 50);
    return checks_done();
}
