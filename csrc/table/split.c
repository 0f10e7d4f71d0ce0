#include "table/split.h"

#include "base/alloc.h"

#include <string.h>

/* Files open at once: half of the 256 descriptors that macOS allows a process by default. */
enum { MOST_OPEN = 128 };

/* What one worker has gathered of one chunk: records by path. */
struct gathered {
    struct pf_dictionary paths;
    struct pf_copied **copied; /* by code */
    size_t capacity;
};

struct pf_split_worker {
    char text[PF_WRITER_ROOM], path[PF_WRITER_ROOM + 1];
};

static void free_gathered(struct gathered *gathered)
{
    for (size_t i = 0; gathered != NULL && i < gathered->paths.count; i++)
        pf_copied_free(gathered->copied[i]);
    if (gathered != NULL) {
        pf_dictionary_clear(&gathered->paths);
        pf_free(gathered->copied);
    }
    pf_free(gathered);
}

static enum pf_status begin(struct pf_sink *base, unsigned workers, struct pf_error *error)
{
    struct pf_split_sink *sink = (struct pf_split_sink *)base;
    sink->workers = pf_alloc_array(workers, sizeof *sink->workers);
    sink->worker_count = workers;
    return sink->workers != NULL ? PF_OK : pf_fail_memory(error);
}

/* FNV-1a: the same for every process, as names must be. */
static uint64_t digest(const char *text, size_t length)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3u;
    return hash;
}

static void write_octet(struct pf_writer *writer, char octet, bool is_address)
{
    static const char digits[] = "0123456789ABCDEF";
    bool letter = (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z'); /* whatever the locale */
    bool plain = letter || (octet >= '0' && octet <= '9') || octet == '_' || octet == '-' || octet == '.';
    if (plain || (is_address && octet == ':')) {
        pf_write_char(writer, plain ? octet : '-');
        return;
    }
    char escaped[3] = {'%', digits[(uint8_t)octet >> 4], digits[octet & 15]};
    pf_write(writer, escaped, sizeof escaped);
}

/* A text as part of a name. What would be hidden, or the name of no text or no field, begins with an escape; one that
 * is too long ends in a digest of it. */
static void write_safe(struct pf_writer *writer, const char *text, size_t length, bool is_address)
{
    size_t begin = writer->length;
    bool reserved = length == 0 || text[0] == '.' || (length == 4 && memcmp(text, "null", 4) == 0);
    if (reserved) {
        pf_write_char(writer, '%');
        pf_write_hex(writer, length != 0 ? (uint8_t)text[0] : 0, 2);
    }
    for (size_t i = reserved ? 1 : 0; i < length; i++)
        write_octet(writer, text[i], is_address);
    if (writer->length - begin > PF_MOST_SPLIT_NAME) {
        writer->length = begin + PF_MOST_SPLIT_NAME - 17;
        pf_write_char(writer, '~');
        pf_write_hex(writer, digest(text, length), 16);
    }
}

static void write_digits(struct pf_writer *writer, int64_t number, unsigned digits)
{
    char text[20];
    for (unsigned i = digits; i > 0; number /= 10)
        text[--i] = (char)('0' + number % 10);
    pf_write(writer, text, digits);
}

/* Days since 1970-01-01 as YYYYMMDD: years are taken to begin in March, so that the leap day is their last. */
static void write_date(struct pf_writer *writer, int64_t days)
{
    enum { TO_YEAR_0 = 719468, PERIOD = 146097, YEAR = 365, FOUR_YEARS = 1460, CENTURY = 36524 };
    int64_t day = days + TO_YEAR_0, period = (day >= 0 ? day : day - (PERIOD - 1)) / PERIOD;
    int64_t of_period = day - period * PERIOD;
    int64_t year = (of_period - of_period / FOUR_YEARS + of_period / CENTURY - of_period / (PERIOD - 1)) / YEAR;
    int64_t of_year = of_period - (YEAR * year + year / 4 - year / 100);
    int64_t from_march = (5 * of_year + 2) / 153, month = from_march < 10 ? from_march + 3 : from_march - 9;
    write_digits(writer, year + period * 400 + (month <= 2), 4);
    write_digits(writer, month, 2);
    write_digits(writer, of_year - (153 * from_march + 2) / 5 + 1, 2);
}

/* 20261124T040000Z, the start of a bin, with nanoseconds where bins are finer than seconds. */
static bool write_bin(struct pf_writer *writer, const struct pf_record *record, int64_t every)
{
    static const int64_t second = 1000000000, day = 86400;
    if (!record->timed)
        return false;
    int64_t bin = record->time / every - (record->time % every < 0), start;
    if (__builtin_mul_overflow(bin, every, &start)) /* it begins before all time that an int64 tells */
        start = INT64_MIN;
    int64_t seconds = start / second - (start % second < 0), days = seconds / day - (seconds % day < 0);
    int64_t of_day = seconds - days * day;
    write_date(writer, days);
    pf_write_char(writer, 'T');
    write_digits(writer, of_day / 3600, 2);
    write_digits(writer, of_day / 60 % 60, 2);
    write_digits(writer, of_day % 60, 2);
    if (every % second != 0) {
        pf_write_char(writer, '.');
        write_digits(writer, start - seconds * second, 9);
    }
    pf_write_char(writer, 'Z');
    return true;
}

static void write_part(const struct pf_split_sink *sink, const struct pf_split_part *part,
                       struct pf_split_worker *worker, const struct pf_packet *packet, struct pf_writer *path)
{
    struct pf_writer text = {.octets = worker->text, .room = sizeof worker->text};
    int32_t code;
    if (part->literal != NULL) {
        pf_write_string(path, part->literal);
    } else if (part->field == NULL) {
        if (!write_bin(path, &packet->record, part->every))
            pf_write_string(path, "null");
    } else if (!pf_field_write(part->field, packet, sink->input_names, &text)) {
        pf_write_string(path, "null");
    } else if (sink->renamed != NULL && pf_dictionary_find(sink->renamed, worker->text, text.length, &code)) {
        pf_write_string(path, sink->names[code]);
    } else {
        bool is_address = part->field->text == pf_text_mac || part->field->text == pf_text_address;
        write_safe(path, worker->text, text.length, is_address);
    }
}

/* The gathered records of a path, of which there may be none yet. */
static enum pf_status records_of(struct gathered *gathered, const struct pf_writer *path, struct pf_copied ***copied,
                                 struct pf_error *error)
{
    int32_t code;
    if (gathered->paths.count == gathered->capacity) {
        size_t capacity = pf_grown(gathered->capacity, gathered->capacity + 1, sizeof *gathered->copied);
        struct pf_copied **grown =
            capacity != 0 ? pf_realloc(gathered->copied, capacity * sizeof *gathered->copied) : NULL;
        if (grown == NULL)
            return pf_fail_memory(error);
        memset(grown + gathered->capacity, 0, (capacity - gathered->capacity) * sizeof *grown);
        gathered->copied = grown;
        gathered->capacity = capacity;
    }
    PF_TRY(pf_dictionary_text(&gathered->paths, path->octets, path->length, &code, error));
    *copied = &gathered->copied[code];
    return PF_OK;
}

static enum pf_status accept(struct pf_sink *base, unsigned number, struct pf_packet *const *packets, size_t count,
                             struct pf_error *error)
{
    struct pf_split_sink *sink = (struct pf_split_sink *)base;
    struct pf_split_worker *worker = &sink->workers[number];
    if (base->open[number] == NULL)
        base->open[number] = pf_alloc(sizeof(struct gathered));
    if (base->open[number] == NULL)
        return pf_fail_memory(error);
    for (size_t i = 0; i < count; i++) {
        struct pf_writer path = {.octets = worker->path, .room = PF_WRITER_ROOM};
        struct pf_copied **copied = NULL;
        for (size_t part = 0; part < sink->part_count; part++)
            write_part(sink, &sink->parts[part], worker, packets[i], &path);
        PF_TRY(records_of(base->open[number], &path, &copied, error));
        struct pf_copy_as as = sink->as;
        path.octets[path.length] = '\0';
        as.path = path.octets;
        PF_TRY(pf_copied_add(copied, &as, &packets[i]->record, error));
    }
    return PF_OK;
}

/* Lets go of all open files: those that are written to again come back one by one. */
static void rest_all(struct pf_split_sink *sink)
{
    for (size_t i = 0; i < sink->paths.count; i++) {
        if (sink->files[i] == NULL || sink->files[i]->resting)
            continue;
        pf_draft_rest(&sink->files[i]->draft);
        sink->files[i]->resting = true;
    }
    sink->open = 0;
}

static void path_at(const struct pf_dictionary *paths, size_t entry, char path[PF_WRITER_ROOM + 1])
{
    size_t length;
    const char *at = pf_dictionary_at(paths, entry, &length);
    memcpy(path, at, length);
    path[length] = '\0';
}

static enum pf_status begin_file(struct pf_split_sink *sink, size_t entry, struct pf_error *error)
{
    char path[PF_WRITER_ROOM + 1];
    path_at(&sink->paths, entry, path);
    struct pf_split_file *file = sink->files[entry] = pf_alloc(sizeof *file);
    if (file == NULL)
        return pf_fail_memory(error);
    int failed = pf_draft_begin(&file->draft, path);
    if (failed != 0)
        return pf_fail_sys(error, failed, path, "could not be created");
    sink->open++;
    return pf_copy_file_begin(&file->file, sink->as.format, &file->draft, sink->inputs, sink->input_count, error);
}

/* A file, open for writing. */
static enum pf_status file_at(struct pf_split_sink *sink, size_t entry, struct pf_split_file **file,
                              struct pf_error *error)
{
    *file = sink->files[entry];
    if (*file != NULL && !(*file)->resting)
        return PF_OK;
    if (sink->open >= MOST_OPEN)
        rest_all(sink);
    if (*file == NULL) {
        PF_TRY(begin_file(sink, entry, error));
        *file = sink->files[entry];
        return PF_OK;
    }
    int failed = pf_draft_resume(&(*file)->draft);
    if (failed != 0)
        return pf_fail_sys(error, failed, (*file)->draft.path, "could not be written");
    (*file)->resting = false;
    sink->open++;
    return PF_OK;
}

/* The number of a path's file. */
static enum pf_status entry_of(struct pf_split_sink *sink, const char *path, size_t length, size_t *entry,
                               struct pf_error *error)
{
    int32_t code;
    size_t known = sink->paths.count;
    if (known == sink->capacity) {
        size_t capacity = pf_grown(sink->capacity, known + 1, sizeof(struct pf_split_file *));
        struct pf_split_file **files = capacity != 0 ? pf_realloc(sink->files, capacity * sizeof *files) : NULL;
        if (files == NULL)
            return pf_fail_memory(error);
        memset(files + sink->capacity, 0, (capacity - sink->capacity) * sizeof *files);
        sink->files = files;
        sink->capacity = capacity;
    }
    PF_TRY(pf_dictionary_text(&sink->paths, path, length, &code, error));
    *entry = (size_t)code;
    if (*entry < PF_MOST_SPLIT_FILES)
        return PF_OK;
    return pf_fail(error, PF_INVALID, "split: these names make more than %d files", PF_MOST_SPLIT_FILES);
}

static enum pf_status write_one(struct pf_split_sink *sink, const struct gathered *gathered, size_t number,
                                struct pf_error *error)
{
    struct pf_split_file *file;
    size_t entry = 0, length;
    const char *path = pf_dictionary_at(&gathered->paths, number, &length);
    PF_TRY(entry_of(sink, path, length, &entry, error));
    PF_TRY(file_at(sink, entry, &file, error));
    return pf_copy_file_write(&file->file, gathered->copied[number], error);
}

/* Where packets can't be written, the first of them is told of, wherever chunks end. */
static enum pf_status write_gathered(struct pf_split_sink *sink, const struct gathered *gathered,
                                     struct pf_error *error)
{
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < gathered->paths.count; i++) {
        uint64_t at = pf_copied_refused_at(gathered->copied[i]);
        first = at < first ? at : first;
    }
    for (size_t i = 0; i < gathered->paths.count; i++) {
        if (first == UINT64_MAX || pf_copied_refused_at(gathered->copied[i]) == first)
            PF_TRY(write_one(sink, gathered, i, error));
    }
    return PF_OK;
}

static enum pf_status emit(struct pf_sink *base, void *piece, struct pf_error *error)
{
    enum pf_status status = write_gathered((struct pf_split_sink *)base, piece, error);
    free_gathered(piece);
    return status;
}

static void discard(struct pf_sink *base, void *piece)
{
    (void)base;
    free_gathered(piece);
}

static const struct pf_sink_ops ops = {
    .order = PF_ORDER_FILE,
    .begin = begin,
    .accept = accept,
    .emit = emit,
    .discard = discard,
};

void pf_split_sink_init(struct pf_split_sink *sink, enum pf_copy_format format, const struct pf_split_part *parts,
                        size_t part_count, struct pf_input *const *inputs, size_t input_count)
{
    memset(sink, 0, sizeof *sink);
    sink->sink.ops = &ops;
    sink->parts = parts;
    sink->part_count = part_count;
    sink->inputs = inputs;
    sink->input_count = input_count;
    sink->as = pf_copy_as_of(format, inputs, input_count, NULL);
    for (size_t i = 0; i < part_count; i++) {
        if (parts[i].field != NULL)
            sink->sink.needs |= parts[i].field->needs;
        if (parts[i].field != NULL && parts[i].field->depth > sink->sink.depth)
            sink->sink.depth = parts[i].field->depth;
    }
}

/* All files are whole before the first has its name. */
static enum pf_status finish_all(struct pf_split_sink *sink, struct pf_error *error)
{
    for (size_t i = 0; i < sink->paths.count; i++) {
        struct pf_split_file *file;
        PF_TRY(file_at(sink, i, &file, error));
        PF_TRY(pf_copy_file_finish(&file->file, error));
    }
    pf_os_sync();
    return PF_OK;
}

enum pf_status pf_split_sink_commit(struct pf_split_sink *sink, struct pf_error *error)
{
    PF_TRY(finish_all(sink, error));
    for (size_t i = 0; i < sink->paths.count; i++) {
        char path[PF_WRITER_ROOM + 1];
        path_at(&sink->paths, i, path);
        struct pf_split_file *file;
        PF_TRY(file_at(sink, i, &file, error));
        sink->open--;
        int failed = pf_draft_publish(&file->draft);
        if (failed != 0)
            return pf_fail_sys(error, failed, path, "could not be written");
    }
    return PF_OK;
}

void pf_split_sink_clear(struct pf_split_sink *sink)
{
    for (size_t i = 0; i < sink->capacity; i++) {
        if (sink->files[i] != NULL)
            pf_draft_abandon(&sink->files[i]->draft);
        pf_free(sink->files[i]);
    }
    pf_free(sink->workers);
    pf_free(sink->files);
    pf_dictionary_clear(&sink->paths);
    memset(sink, 0, sizeof *sink);
}
