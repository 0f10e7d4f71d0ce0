#include "base/arrow.h"

#include "base/alloc.h"

#include <errno.h>

/* --- schemas -------------------------------------------------------------------------------------------------- */

/* The name of a kind lives as long as the program, a format too: only structs and metadata are owned. */
static void release_schema(struct pf_arrow_schema *schema)
{
    for (int64_t i = 0; schema->children != NULL && i < schema->n_children; i++) {
        struct pf_arrow_schema *child = schema->children[i];
        if (child != NULL && child->release != NULL)
            child->release(child);
        pf_free(child);
    }
    pf_free(schema->children);
    if (schema->dictionary != NULL && schema->dictionary->release != NULL)
        schema->dictionary->release(schema->dictionary);
    pf_free(schema->dictionary);
    pf_free(schema->private_data);
    schema->release = NULL;
}

static struct pf_arrow_schema *new_schema(const char *format, const char *name, bool nullable)
{
    struct pf_arrow_schema *schema = pf_alloc(sizeof *schema);
    if (schema != NULL)
        *schema = (struct pf_arrow_schema){
            .format = format, .name = name, .flags = nullable ? PF_ARROW_NULLABLE : 0, .release = release_schema};
    return schema;
}

static struct pf_arrow_schema *schema_of(const struct pf_kind *kind)
{
    static const char *const formats[] = {
        [PF_UINT8] = "C",  [PF_UINT16] = "S",     [PF_UINT32] = "I", [PF_UINT64] = "L", [PF_INT64] = "l",
        [PF_DOUBLE] = "g", [PF_TIME] = "tsn:UTC", [PF_TEXT] = "i",   [PF_STRING] = "U", [PF_BINARY] = "Z",
    };
    struct pf_arrow_schema *schema = new_schema(formats[kind->type], kind->name, kind->nullable);
    if (schema == NULL || kind->type != PF_TEXT)
        return schema;
    schema->dictionary = new_schema("u", "", false);
    if (schema->dictionary == NULL) {
        release_schema(schema);
        pf_free(schema);
        return NULL;
    }
    return schema;
}

/* Metadata of one key: int32 1, int32 length, key, int32 length, value. */
static char *metadata_of(const char *note)
{
    static const char key[] = "pcapframe";
    size_t length = strlen(note);
    char *metadata = length <= INT32_MAX ? pf_alloc(3 * sizeof(int32_t) + sizeof key - 1 + length) : NULL;
    if (metadata == NULL)
        return NULL;
    int32_t numbers[] = {1, (int32_t)sizeof key - 1, (int32_t)length};
    char *to = metadata;
    memcpy(to, numbers, 2 * sizeof *numbers);
    to += 2 * sizeof *numbers;
    memcpy(to, key, sizeof key - 1);
    to += sizeof key - 1;
    memcpy(to, &numbers[2], sizeof *numbers);
    memcpy(to + sizeof *numbers, note, length);
    return metadata;
}

enum pf_status pf_arrow_schema_make(struct pf_arrow_schema *schema, const struct pf_kind *kinds, size_t columns,
                                    const char *note, struct pf_error *error)
{
    *schema =
        (struct pf_arrow_schema){.format = "+s", .name = "", .n_children = (int64_t)columns, .release = release_schema};
    schema->children = pf_alloc_array(columns, sizeof(struct pf_arrow_schema *));
    schema->private_data = note != NULL ? metadata_of(note) : NULL;
    schema->metadata = schema->private_data;
    bool whole = schema->children != NULL && (note == NULL || schema->metadata != NULL);
    for (size_t i = 0; i < columns && whole; i++) {
        schema->children[i] = schema_of(&kinds[i]);
        whole = schema->children[i] != NULL;
    }
    if (whole)
        return PF_OK;
    release_schema(schema);
    return pf_fail_memory(error);
}

/* --- arrays --------------------------------------------------------------------------------------------------- */

enum { MOST_BUFFERS = 3 };

struct shown {
    struct pf_column *column; /* NULL for the struct of all */
    const void *buffers[MOST_BUFFERS];
};

static const int64_t nothing[2]; /* where an empty buffer or the one offset 0 lies */

static void release_array(struct pf_arrow_array *array)
{
    for (int64_t i = 0; array->children != NULL && i < array->n_children; i++) {
        struct pf_arrow_array *child = array->children[i];
        if (child != NULL && child->release != NULL)
            child->release(child);
        pf_free(child);
    }
    pf_free(array->children);
    if (array->dictionary != NULL && array->dictionary->release != NULL)
        array->dictionary->release(array->dictionary);
    pf_free(array->dictionary);
    struct shown *shown = array->private_data;
    pf_column_drop(shown->column);
    pf_free(shown);
    array->release = NULL;
}

/* Rows of a column (which may be NULL), without its buffers. */
static bool begin_array(struct pf_arrow_array *array, struct pf_column *column, size_t first, size_t rows)
{
    struct shown *shown = pf_alloc(sizeof *shown);
    if (shown == NULL)
        return false;
    shown->column = column != NULL ? pf_column_keep(column) : NULL;
    *array = (struct pf_arrow_array){.length = (int64_t)rows,
                                     .offset = (int64_t)first,
                                     .n_buffers = 1,
                                     .buffers = shown->buffers,
                                     .release = release_array,
                                     .private_data = shown};
    return true;
}

static const void *or_nothing(const void *buffer)
{
    return buffer != NULL ? buffer : nothing;
}

static struct pf_arrow_array *dictionary_of(struct pf_column *column)
{
    const struct pf_dictionary *dictionary = &column->dictionary;
    struct pf_arrow_array *array = pf_alloc(sizeof *array);
    if (array == NULL || !begin_array(array, column, 0, dictionary->count)) {
        pf_free(array);
        return NULL;
    }
    array->n_buffers = 3;
    array->buffers[1] = or_nothing(dictionary->offsets);
    array->buffers[2] = or_nothing(dictionary->octets);
    return array;
}

static struct pf_arrow_array *array_of(struct pf_column *column, size_t first, size_t rows)
{
    struct pf_arrow_array *array = pf_alloc(sizeof *array);
    if (array == NULL || !begin_array(array, column, first, rows)) {
        pf_free(array);
        return NULL;
    }
    array->null_count = column->kind.nullable ? -1 : 0; /* not counted */
    array->n_buffers = 2;
    array->buffers[0] = column->valid;
    array->buffers[1] = or_nothing(column->values);
    if (pf_type_is_long(column->kind.type)) {
        array->n_buffers = 3;
        array->buffers[2] = or_nothing(column->octets);
    }
    if (column->kind.type == PF_TEXT) {
        array->dictionary = dictionary_of(column);
        if (array->dictionary == NULL) {
            release_array(array);
            pf_free(array);
            return NULL;
        }
    }
    return array;
}

enum pf_status pf_arrow_array_make(struct pf_arrow_array *array, const struct pf_part *part, size_t columns,
                                   struct pf_error *error)
{
    if (!begin_array(array, NULL, 0, part->rows))
        return pf_fail_memory(error);
    array->n_children = (int64_t)columns;
    array->children = pf_alloc_array(columns, sizeof(struct pf_arrow_array *));
    bool whole = array->children != NULL;
    for (size_t i = 0; i < columns && whole; i++) {
        array->children[i] = array_of(part->columns[i], part->first, part->rows);
        whole = array->children[i] != NULL;
    }
    if (whole)
        return PF_OK;
    release_array(array);
    return pf_fail_memory(error);
}

/* --- a stream over a frame -------------------------------------------------------------------------------------- */

struct reading {
    struct pf_frame frame; /* shares the columns */
    size_t next;
    char *note;
    struct pf_error error;
};

int pf_arrow_errno(const struct pf_error *error)
{
    switch (error->status) {
    case PF_OK:
        return 0;
    case PF_NO_MEMORY:
        return ENOMEM;
    case PF_OS_ERROR:
        return error->sys != 0 ? error->sys : EIO;
    case PF_STOPPED:
        return ECANCELED;
    case PF_BUSY:
        return EBUSY;
    case PF_INVALID:
    case PF_NOT_FILTER:
        return EINVAL;
    default:
        return EIO;
    }
}

static int failed(struct reading *reading, enum pf_status status)
{
    return status == PF_OK ? 0 : pf_arrow_errno(&reading->error);
}

static int get_schema(struct pf_arrow_stream *stream, struct pf_arrow_schema *schema)
{
    struct reading *reading = stream->private_data;
    const struct pf_frame *frame = &reading->frame;
    return failed(reading, pf_arrow_schema_make(schema, frame->kinds, frame->columns, reading->note, &reading->error));
}

static int get_next(struct pf_arrow_stream *stream, struct pf_arrow_array *array)
{
    struct reading *reading = stream->private_data;
    const struct pf_frame *frame = &reading->frame;
    memset(array, 0, sizeof *array);
    if (reading->next == frame->count)
        return 0;
    enum pf_status status = pf_arrow_array_make(array, &frame->parts[reading->next], frame->columns, &reading->error);
    reading->next += status == PF_OK;
    return failed(reading, status);
}

static const char *get_last_error(struct pf_arrow_stream *stream)
{
    struct reading *reading = stream->private_data;
    return reading->error.status != PF_OK ? reading->error.text : NULL;
}

static void free_reading(struct reading *reading)
{
    pf_frame_clear(&reading->frame);
    pf_free(reading->note);
    pf_free(reading);
}

static void release_stream(struct pf_arrow_stream *stream)
{
    free_reading(stream->private_data);
    stream->release = NULL;
}

enum pf_status pf_arrow_stream_make(struct pf_arrow_stream *stream, const struct pf_frame *frame, const char *note,
                                    struct pf_error *error)
{
    struct reading *reading = pf_alloc(sizeof *reading);
    if (reading == NULL)
        return pf_fail_memory(error);
    if (note != NULL) {
        size_t size = strlen(note) + 1;
        reading->note = pf_alloc(size);
        if (reading->note == NULL) {
            pf_free(reading);
            return pf_fail_memory(error);
        }
        memcpy(reading->note, note, size);
    }
    enum pf_status status = pf_frame_slice(&reading->frame, frame, 0, frame->rows, error);
    if (status != PF_OK) {
        free_reading(reading);
        return status;
    }
    *stream = (struct pf_arrow_stream){get_schema, get_next, get_last_error, release_stream, reading};
    return PF_OK;
}
