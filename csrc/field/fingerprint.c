#include "field/fingerprint.h"

#include "base/digest.h"

enum {
    MOST_NUMBERS = PF_TLS_MOST_RECORD / 2, /* of two octets in one hello */
    MOST_COUNT = 99,                       /* JA4 has two digits for it */
    DIGITS_OF_HASH = 12,
};

struct pf_cursor pf_tls_numbers(const struct pf_tls_hello *hello, uint16_t extension, unsigned length_width,
                                unsigned number_width)
{
    static const uint8_t nothing[1];
    struct pf_cursor content, numbers;
    if (pf_tls_find(hello, extension, &content) && pf_tls_list(&content, length_width, &numbers) &&
        pf_tls_is_whole(&numbers) && numbers.wire % number_width == 0)
        return numbers;
    return (struct pf_cursor){nothing, nothing, 0};
}

bool pf_tls_alpn(const struct pf_tls_hello *hello, struct pf_cursor *protocol)
{
    struct pf_cursor content, protocols;
    return pf_tls_find(hello, PF_TLS_ALPN, &content) && pf_tls_list(&content, 2, &protocols) &&
           pf_tls_list(&protocols, 1, protocol) && pf_tls_is_whole(protocol);
}

/* The next number of a list, GREASE left out; -1 at its end. */
static int next_number(struct pf_cursor *numbers, bool grease)
{
    for (const uint8_t *octets; (octets = pf_cursor_need(numbers, 2)) != NULL;) {
        (void)pf_cursor_skip(numbers, 2);
        if (grease || !pf_tls_is_grease(pf_be16(octets)))
            return pf_be16(octets);
    }
    return -1;
}

static int next_extension(struct pf_cursor *extensions, bool grease)
{
    struct pf_cursor content;
    uint16_t type;
    while (pf_tls_extension(extensions, &type, &content)) {
        if (grease || !pf_tls_is_grease(type))
            return type;
    }
    return -1;
}

static struct pf_cursor extensions_of(const struct pf_tls_hello *hello)
{
    static const uint8_t nothing[1];
    return hello->has_extensions ? hello->extensions : (struct pf_cursor){nothing, nothing, 0};
}

void pf_write_numbers(const struct pf_cursor *numbers, char between, bool grease, struct pf_writer *writer)
{
    struct pf_cursor rest = *numbers;
    bool first = true;
    for (int number; (number = next_number(&rest, grease)) >= 0; first = false) {
        if (!first)
            pf_write_char(writer, between);
        pf_write_number(writer, (uint64_t)number);
    }
}

void pf_write_extension_types(const struct pf_tls_hello *hello, char between, bool grease, struct pf_writer *writer)
{
    struct pf_cursor rest = extensions_of(hello);
    bool first = true;
    for (int type; (type = next_extension(&rest, grease)) >= 0; first = false) {
        if (!first)
            pf_write_char(writer, between);
        pf_write_number(writer, (uint64_t)type);
    }
}

/* Puts the begin of a digest in the place of what the writer holds from `start` on. */
static void hash(struct pf_writer *writer, size_t start, enum pf_digest_kind kind, size_t digits)
{
    struct pf_digest digest;
    uint8_t octets[PF_DIGEST_ROOM];
    pf_digest_init(&digest, kind);
    pf_digest_add(&digest, writer->octets + start, writer->length - start);
    (void)pf_digest_finish(&digest, octets);
    writer->length = start;
    for (size_t i = 0; i < digits / 2; i++)
        pf_write_hex(writer, octets[i], 2);
}

/* -------------------------------------------------------------------------------------------------------- JA3, JA3S */

static void write_point_formats(const struct pf_tls_hello *hello, struct pf_writer *writer)
{
    struct pf_cursor formats = pf_tls_numbers(hello, PF_TLS_POINT_FORMATS, 1, 1);
    for (size_t i = 0; i < pf_cursor_left(&formats); i++) {
        if (i != 0)
            pf_write_char(writer, '-');
        pf_write_number(writer, formats.at[i]);
    }
}

bool pf_write_ja3_full(const struct pf_tls_hello *hello, struct pf_writer *writer)
{
    if (hello->type != PF_TLS_CLIENT_HELLO || !hello->whole)
        return false;
    struct pf_cursor groups = pf_tls_numbers(hello, PF_TLS_SUPPORTED_GROUPS, 2, 2);
    pf_write_number(writer, hello->version);
    pf_write_char(writer, ',');
    pf_write_numbers(&hello->ciphers, '-', false, writer);
    pf_write_char(writer, ',');
    pf_write_extension_types(hello, '-', false, writer);
    pf_write_char(writer, ',');
    pf_write_numbers(&groups, '-', false, writer);
    pf_write_char(writer, ',');
    write_point_formats(hello, writer);
    return true;
}

bool pf_write_ja3(const struct pf_tls_hello *hello, struct pf_writer *writer)
{
    size_t start = writer->length;
    if (!pf_write_ja3_full(hello, writer) || writer->full)
        return false;
    hash(writer, start, PF_MD5, 2 * (size_t)PF_MD5_SIZE);
    return true;
}

bool pf_write_ja3s(const struct pf_tls_hello *hello, struct pf_writer *writer)
{
    size_t start = writer->length;
    if (hello->type != PF_TLS_SERVER_HELLO || !hello->whole)
        return false;
    pf_write_number(writer, hello->version);
    pf_write_char(writer, ',');
    pf_write_numbers(&hello->ciphers, '-', true, writer);
    pf_write_char(writer, ',');
    pf_write_extension_types(hello, '-', false, writer);
    if (writer->full)
        return false;
    hash(writer, start, PF_MD5, 2 * (size_t)PF_MD5_SIZE);
    return true;
}

/* ------------------------------------------------------------------------------------------------------------- JA4 */

struct numbers {
    size_t count;
    uint16_t of[MOST_NUMBERS];
};

/* Shell's sort, whose steps 1, 4, 13, ... keep the worst that can be sent at n^1.5. */
static void sort(struct numbers *numbers)
{
    size_t step = 1;
    while (step < numbers->count)
        step = 3 * step + 1;
    for (; step > 0; step /= 3) {
        for (size_t i = step; i < numbers->count; i++) {
            uint16_t number = numbers->of[i];
            size_t at = i;
            for (; at >= step && numbers->of[at - step] > number; at -= step)
                numbers->of[at] = numbers->of[at - step];
            numbers->of[at] = number;
        }
    }
}

static void push(struct numbers *numbers, int number)
{
    if (numbers->count < MOST_NUMBERS)
        numbers->of[numbers->count++] = (uint16_t)number;
}

static void write_sorted(struct numbers *numbers, struct pf_writer *writer)
{
    sort(numbers);
    for (size_t i = 0; i < numbers->count; i++) {
        if (i != 0)
            pf_write_char(writer, ',');
        pf_write_hex(writer, numbers->of[i], 4);
    }
}

static void write_count(size_t count, struct pf_writer *writer)
{
    if (count > MOST_COUNT)
        count = MOST_COUNT;
    pf_write_char(writer, (char)('0' + count / 10));
    pf_write_char(writer, (char)('0' + count % 10));
}

/* The highest version offered, or what the hello itself says. */
static void write_version(const struct pf_tls_hello *hello, struct pf_writer *writer)
{
    static const struct {
        uint16_t version;
        char text[3];
    } names[] = {{0x0304, "13"}, {0x0303, "12"}, {0x0302, "11"}, {0x0301, "10"}, {0x0300, "s3"},
                 {0x0002, "s2"}, {0xfeff, "d1"}, {0xfefd, "d2"}, {0xfefc, "d3"}};
    struct pf_cursor versions = pf_tls_numbers(hello, PF_TLS_SUPPORTED_VERSIONS, 1, 2);
    int highest = -1;
    for (int version; (version = next_number(&versions, false)) >= 0;)
        highest = version > highest ? version : highest;
    if (highest < 0)
        highest = hello->version;
    const char *name = "00";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].version == highest)
            name = names[i].text;
    }
    pf_write_string(writer, name);
}

static bool is_alphanumeric(uint8_t octet)
{
    return (octet >= '0' && octet <= '9') || (octet >= 'A' && octet <= 'Z') || (octet >= 'a' && octet <= 'z');
}

/* Its first and last character; of what is no text, its first and last hexadecimal digit. */
static void write_alpn(const struct pf_tls_hello *hello, struct pf_writer *writer)
{
    struct pf_cursor protocol;
    if (!pf_tls_alpn(hello, &protocol) || pf_cursor_left(&protocol) == 0) {
        pf_write_string(writer, "00");
        return;
    }
    uint8_t first = protocol.at[0], last = protocol.end[-1];
    if (is_alphanumeric(first) && is_alphanumeric(last)) {
        pf_write_char(writer, (char)first);
        pf_write_char(writer, (char)last);
    } else {
        pf_write_hex(writer, first >> 4, 1);
        pf_write_hex(writer, last & 15, 1);
    }
}

/* A hash of what the writer holds from `start` on; zeros where `count`, of what it is a hash of, is 0. */
static void write_hash(size_t start, size_t count, struct pf_writer *writer)
{
    if (count != 0) {
        hash(writer, start, PF_SHA256, DIGITS_OF_HASH);
    } else {
        writer->length = start;
        pf_write_string(writer, "000000000000");
    }
}

/* Extensions but for server name and ALPN, which say where the client goes; returns how many there are with them. */
static size_t gather_extensions(const struct pf_tls_hello *hello, struct numbers *numbers)
{
    struct pf_cursor extensions = extensions_of(hello);
    size_t count = 0;
    for (int type; (type = next_extension(&extensions, false)) >= 0; count++) {
        if (type != PF_TLS_SERVER_NAME && type != PF_TLS_ALPN)
            push(numbers, type);
    }
    return count;
}

static void write_extension_hash(const struct pf_tls_hello *hello, struct numbers *extensions, struct pf_writer *writer)
{
    struct pf_cursor algorithms = pf_tls_numbers(hello, PF_TLS_SIGNATURE_ALGORITHMS, 2, 2);
    size_t start = writer->length;
    char before = '_';
    write_sorted(extensions, writer);
    for (int algorithm; (algorithm = next_number(&algorithms, false)) >= 0; before = ',') {
        pf_write_char(writer, before);
        pf_write_hex(writer, (uint64_t)algorithm, 4);
    }
    write_hash(start, extensions->count, writer);
}

bool pf_write_ja4(const struct pf_tls_hello *hello, struct pf_writer *writer)
{
    if (hello->type != PF_TLS_CLIENT_HELLO || !hello->whole)
        return false;
    struct pf_cursor rest = hello->ciphers, content;
    struct numbers numbers, extensions;
    numbers.count = extensions.count = 0;
    for (int cipher; (cipher = next_number(&rest, false)) >= 0;)
        push(&numbers, cipher);
    pf_write_char(writer, 't');
    write_version(hello, writer);
    pf_write_char(writer, pf_tls_find(hello, PF_TLS_SERVER_NAME, &content) ? 'd' : 'i');
    write_count(numbers.count, writer);
    write_count(gather_extensions(hello, &extensions), writer);
    write_alpn(hello, writer);
    pf_write_char(writer, '_');
    size_t start = writer->length;
    write_sorted(&numbers, writer);
    write_hash(start, numbers.count, writer);
    pf_write_char(writer, '_');
    write_extension_hash(hello, &extensions, writer);
    return !writer->full;
}
