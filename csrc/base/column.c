#include "base/column.h"

#include "base/alloc.h"

#include <string.h>

size_t pf_type_size(enum pf_type type)
{
    static const size_t sizes[] = {
        [PF_UINT8] = 1,  [PF_UINT16] = 2, [PF_UINT32] = 4, [PF_UINT64] = 8, [PF_INT64] = 8,
        [PF_DOUBLE] = 8, [PF_TIME] = 8,   [PF_TEXT] = 4,   [PF_STRING] = 8, [PF_BINARY] = 8,
    };
    return sizes[type];
}

struct pf_column *pf_column_new(const struct pf_kind *kind)
{
    struct pf_column *column = pf_alloc(sizeof *column);
    if (column != NULL) {
        atomic_init(&column->references, 1);
        column->kind = *kind;
    }
    return column;
}

struct pf_column *pf_column_keep(struct pf_column *column)
{
    atomic_fetch_add_explicit(&column->references, 1, memory_order_relaxed);
    return column;
}

void pf_column_drop(struct pf_column *column)
{
    if (column == NULL || atomic_fetch_sub_explicit(&column->references, 1, memory_order_acq_rel) != 1)
        return;
    pf_dictionary_clear(&column->dictionary);
    if (!column->borrowed) {
        pf_free(column->values);
        pf_free(column->octets);
    }
    pf_free(column->valid);
    pf_free(column);
}

void pf_column_empty(struct pf_column *column)
{
    pf_dictionary_empty(&column->dictionary);
    if (column->valid != NULL)
        memset(column->valid, 0, (column->rows + 7) / 8);
    column->rows = 0;
}

enum pf_status pf_column_reserve(struct pf_column *column, size_t more, struct pf_error *error)
{
    size_t size = pf_type_size(column->kind.type), behind = pf_type_is_long(column->kind.type);
    if (more <= column->capacity - column->rows)
        return PF_OK;
    size_t capacity = more <= SIZE_MAX - column->rows ? pf_grown(column->capacity, column->rows + more, size) : 0;
    if (capacity == 0)
        return pf_fail_memory(error);
    uint8_t *values = pf_realloc(column->values, (capacity + behind) * size);
    if (values == NULL)
        return pf_fail_memory(error);
    if (column->values == NULL)
        memset(values, 0, size); /* the first offset */
    column->values = values;
    if (column->kind.nullable) {
        size_t before = (column->capacity + 7) / 8, after = (capacity + 7) / 8;
        uint8_t *valid = pf_realloc(column->valid, after);
        if (valid == NULL)
            return pf_fail_memory(error);
        memset(valid + before, 0, after - before);
        column->valid = valid;
    }
    column->capacity = capacity;
    return PF_OK;
}

static inline void set_valid(struct pf_column *column)
{
    if (column->valid != NULL)
        column->valid[column->rows / 8] |= (uint8_t)(1u << (column->rows % 8));
}

static inline void put(struct pf_column *column, uint64_t number)
{
    uint8_t *to = column->values + column->rows * pf_type_size(column->kind.type);
    switch (pf_type_size(column->kind.type)) {
    case 1:
        *to = (uint8_t)number;
        break;
    case 2:
        memcpy(to, &(uint16_t){(uint16_t)number}, 2);
        break;
    case 4:
        memcpy(to, &(uint32_t){(uint32_t)number}, 4);
        break;
    default:
        memcpy(to, &number, 8);
    }
}

void pf_column_put_null(struct pf_column *column)
{
    pf_column_put_nulls(column, 1);
}

void pf_column_put_nulls(struct pf_column *column, size_t count)
{
    size_t size = pf_type_size(column->kind.type);
    int64_t *offsets = (int64_t *)(void *)column->values + column->rows;
    if (pf_type_is_long(column->kind.type)) {
        for (size_t i = 1; i <= count; i++)
            offsets[i] = offsets[0];
    } else {
        memset(column->values + column->rows * size, 0, count * size);
    }
    column->rows += count;
}

/* Called with a literal `size` this is a tight loop for each. */
static inline void store(uint8_t *to, const uint64_t *numbers, size_t count, unsigned size)
{
    for (size_t i = 0; i < count; i++, to += size) {
        if (size == 1)
            *to = (uint8_t)numbers[i];
        else if (size == 2)
            memcpy(to, &(uint16_t){(uint16_t)numbers[i]}, 2);
        else if (size == 4)
            memcpy(to, &(uint32_t){(uint32_t)numbers[i]}, 4);
        else
            memcpy(to, &numbers[i], 8);
    }
}

void pf_column_put_numbers(struct pf_column *column, const uint64_t *numbers, uint64_t present, size_t count)
{
    size_t size = pf_type_size(column->kind.type);
    uint8_t *to = column->values + column->rows * size;
    if (size == 1)
        store(to, numbers, count, 1);
    else if (size == 2)
        store(to, numbers, count, 2);
    else if (size == 4)
        store(to, numbers, count, 4);
    else
        store(to, numbers, count, 8);
    if (column->valid != NULL && present != 0) {
        uint8_t *bits = column->valid + column->rows / 8;
        unsigned shift = column->rows % 8;
        *bits |= (uint8_t)(present << shift);
        for (present >>= 8 - shift; present != 0; present >>= 8)
            *++bits = (uint8_t)present;
    }
    column->rows += count;
}

void pf_column_put_number(struct pf_column *column, uint64_t number)
{
    put(column, number);
    set_valid(column);
    column->rows++;
}

enum pf_status pf_column_put_text(struct pf_column *column, const struct pf_value *key, pf_text text,
                                  struct pf_error *error)
{
    int32_t code;
    PF_TRY(pf_dictionary_code(&column->dictionary, key, text, &code, error));
    pf_column_put_number(column, (uint32_t)code);
    return PF_OK;
}

static enum pf_status reserve_octets(struct pf_column *column, size_t used, size_t more, struct pf_error *error)
{
    if (more <= column->octets_capacity - used)
        return PF_OK;
    size_t capacity = more <= SIZE_MAX - used ? pf_grown(column->octets_capacity, used + more, 1) : 0;
    uint8_t *grown = capacity != 0 ? pf_realloc(column->octets, capacity) : NULL;
    if (grown == NULL)
        return pf_fail_memory(error);
    column->octets = grown;
    column->octets_capacity = capacity;
    return PF_OK;
}

static enum pf_status put_long(struct pf_column *column, const void *octets, size_t size, struct pf_error *error)
{
    int64_t *offsets = (int64_t *)(void *)column->values;
    size_t used = (size_t)offsets[column->rows];
    PF_TRY(reserve_octets(column, used, size, error));
    if (size != 0)
        memcpy(column->octets + used, octets, size);
    offsets[column->rows + 1] = (int64_t)(used + size);
    set_valid(column);
    column->rows++;
    return PF_OK;
}

enum pf_status pf_column_put_octets(struct pf_column *column, const void *octets, size_t size, struct pf_error *error)
{
    int32_t code;
    if (pf_type_is_long(column->kind.type))
        return put_long(column, octets, size, error);
    PF_TRY(pf_dictionary_text(&column->dictionary, octets, size, &code, error));
    pf_column_put_number(column, (uint32_t)code);
    return PF_OK;
}

static enum pf_status room_for_codes(const struct pf_column *from, int32_t **codes, struct pf_error *error)
{
    size_t count = from->dictionary.count;
    *codes = count != 0 ? pf_alloc_array(count, sizeof **codes) : NULL;
    return count != 0 && *codes == NULL ? pf_fail_memory(error) : PF_OK;
}

/* Copies `count` bits to where all are 0. */
static void copy_bits(uint8_t *to, size_t at, const uint8_t *from, size_t first, size_t count)
{
    for (size_t i = 0; i < count;) {
        unsigned here = (unsigned)((at + i) % 8), there = (unsigned)((first + i) % 8);
        unsigned bits = 8 - (here > there ? here : there);
        if (bits > count - i)
            bits = (unsigned)(count - i);
        unsigned octet = (unsigned)from[(first + i) / 8] >> there & ((1u << bits) - 1);
        to[(at + i) / 8] |= (uint8_t)(octet << here);
        i += bits;
    }
}

static enum pf_status append_long(struct pf_column *column, const struct pf_column *from, size_t first, size_t rows,
                                  struct pf_error *error)
{
    int64_t *to = (int64_t *)(void *)column->values + column->rows;
    const int64_t *offsets = (const int64_t *)(const void *)from->values + first;
    size_t used = (size_t)to[0], size = (size_t)(offsets[rows] - offsets[0]);
    PF_TRY(reserve_octets(column, used, size, error));
    if (size != 0)
        memcpy(column->octets + used, from->octets + offsets[0], size);
    for (size_t i = 1; i <= rows; i++)
        to[i] = to[0] + (offsets[i] - offsets[0]);
    return PF_OK;
}

/* The code here of what `from` has in a row; `codes` remembers those of its entries, and one more. That of a null is 0
 * and stays so. */
static inline enum pf_status adopt(struct pf_column *column, const struct pf_column *from, size_t row, int32_t *codes,
                                   int32_t *code, struct pf_error *error)
{
    int32_t entry = ((const int32_t *)(const void *)from->values)[row];
    *code = 0;
    if (entry == 0 && !pf_column_valid(from, row))
        return PF_OK;
    if (codes[entry] == 0) {
        PF_TRY(pf_dictionary_adopt(&column->dictionary, &from->dictionary, (size_t)entry, &codes[entry], error));
        codes[entry]++;
    }
    *code = codes[entry] - 1;
    return PF_OK;
}

/* Codes of another dictionary, which are looked up in order of appearance. */
static enum pf_status append_codes(struct pf_column *column, const struct pf_column *from, size_t first, size_t rows,
                                   struct pf_error *error)
{
    int32_t *to = (int32_t *)(void *)column->values + column->rows, *codes = NULL;
    if (from->dictionary.count == 0) { /* nothing but nulls */
        memset(to, 0, rows * sizeof *to);
        return PF_OK;
    }
    PF_TRY(room_for_codes(from, &codes, error));
    enum pf_status status = PF_OK;
    for (size_t i = 0; i < rows && status == PF_OK; i++)
        status = adopt(column, from, first + i, codes, &to[i], error);
    pf_free(codes);
    return status;
}

enum pf_status pf_column_append(struct pf_column *column, const struct pf_column *from, size_t first, size_t rows,
                                struct pf_error *error)
{
    size_t size = pf_type_size(column->kind.type);
    if (rows == 0)
        return PF_OK;
    PF_TRY(pf_column_reserve(column, rows, error));
    if (column->kind.type == PF_TEXT)
        PF_TRY(append_codes(column, from, first, rows, error));
    else if (pf_type_is_long(column->kind.type))
        PF_TRY(append_long(column, from, first, rows, error));
    else
        memcpy(column->values + column->rows * size, from->values + first * size, rows * size);
    if (column->valid != NULL)
        copy_bits(column->valid, column->rows, from->valid, first, rows);
    column->rows += rows;
    return PF_OK;
}

/* Called with a literal `size` this is a tight loop for each. */
static inline void gather(uint8_t *to, const struct pf_column *const *from, const struct pf_row *which, size_t rows,
                          unsigned size)
{
    for (size_t i = 0; i < rows; i++)
        memcpy(to + size * i, from[which[i].part]->values + size * which[i].row, size);
}

static void take_values(struct pf_column *column, const struct pf_column *const *from, const struct pf_row *which,
                        size_t rows)
{
    size_t size = pf_type_size(column->kind.type);
    uint8_t *to = column->values + column->rows * size;
    if (size == 1)
        gather(to, from, which, rows, 1);
    else if (size == 2)
        gather(to, from, which, rows, 2);
    else if (size == 4)
        gather(to, from, which, rows, 4);
    else
        gather(to, from, which, rows, 8);
}

static enum pf_status take_codes(struct pf_column *column, const struct pf_column *const *from, size_t count,
                                 const struct pf_row *which, size_t rows, struct pf_error *error)
{
    int32_t *to = (int32_t *)(void *)column->values + column->rows;
    int32_t **codes = pf_alloc_array(count, sizeof *codes);
    enum pf_status status = codes != NULL ? PF_OK : pf_fail_memory(error);
    for (size_t i = 0; i < count && status == PF_OK; i++)
        status = room_for_codes(from[i], &codes[i], error);
    for (size_t i = 0; i < rows && status == PF_OK; i++)
        status = adopt(column, from[which[i].part], which[i].row, codes[which[i].part], &to[i], error);
    for (size_t i = 0; codes != NULL && i < count; i++)
        pf_free(codes[i]);
    pf_free(codes);
    return status;
}

static enum pf_status take_long(struct pf_column *column, const struct pf_column *const *from,
                                const struct pf_row *which, size_t rows, struct pf_error *error)
{
    int64_t *to = (int64_t *)(void *)column->values + column->rows;
    size_t size = 0;
    for (size_t i = 0; i < rows; i++) {
        size_t length;
        (void)pf_column_octets(from[which[i].part], which[i].row, &length);
        if (length > SIZE_MAX - size) /* the same row may be named often */
            return pf_fail_memory(error);
        size += length;
    }
    PF_TRY(reserve_octets(column, (size_t)to[0], size, error));
    for (size_t i = 0; i < rows; i++) {
        size_t length;
        const uint8_t *octets = pf_column_octets(from[which[i].part], which[i].row, &length);
        if (length != 0)
            memcpy(column->octets + to[i], octets, length);
        to[i + 1] = to[i] + (int64_t)length;
    }
    return PF_OK;
}

enum pf_status pf_column_take(struct pf_column *column, const struct pf_column *const *from, size_t count,
                              const struct pf_row *which, size_t rows, struct pf_error *error)
{
    if (rows == 0)
        return PF_OK;
    PF_TRY(pf_column_reserve(column, rows, error));
    if (column->kind.type == PF_TEXT)
        PF_TRY(take_codes(column, from, count, which, rows, error));
    else if (pf_type_is_long(column->kind.type))
        PF_TRY(take_long(column, from, which, rows, error));
    else
        take_values(column, from, which, rows);
    for (size_t i = 0; column->valid != NULL && i < rows; i++) {
        size_t at = column->rows + i;
        bool valid = pf_column_valid(from[which[i].part], which[i].row);
        column->valid[at / 8] |= (uint8_t)((unsigned)valid << (at % 8));
    }
    column->rows += rows;
    return PF_OK;
}
