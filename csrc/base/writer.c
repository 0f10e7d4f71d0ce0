#include "base/writer.h"

#include "base/cursor.h"
#include "base/printable.h"

#include <string.h>

void pf_write(struct pf_writer *writer, const void *octets, size_t size)
{
    if (writer->full || size > writer->room - writer->length) {
        writer->full = true;
        return;
    }
    if (size != 0)
        memcpy(writer->octets + writer->length, octets, size);
    writer->length += size;
}

void pf_write_string(struct pf_writer *writer, const char *string)
{
    pf_write(writer, string, strlen(string));
}

void pf_write_number(struct pf_writer *writer, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    pf_write(writer, digits + at, sizeof digits - at);
}

void pf_write_hex(struct pf_writer *writer, uint64_t number, unsigned digits)
{
    while (digits-- > 0)
        pf_write_char(writer, "0123456789abcdef"[number >> (4 * digits) & 15]);
}

/* The length of the well-formed UTF-8 sequence (RFC 3629) that begins here, and its character; 0: none does. */
static size_t sequence(const uint8_t *octets, size_t size, uint32_t *character)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = octets[0];
    size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || length > size)
        return 0;
    uint32_t value = first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (octets[i] >> 6 != 2)
            return 0;
        value = value << 6 | (octets[i] & 0x3f);
    }
    *character = value;
    return value >= least[length] && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff) ? length : 0;
}

static bool is_printable(uint32_t character)
{
    size_t low = 0, high = sizeof pf_printable / sizeof pf_printable[0];
    while (low < high) { /* the first range that ends at the character or behind it */
        size_t middle = (low + high) / 2;
        if (pf_printable[middle][1] < character)
            low = middle + 1;
        else
            high = middle;
    }
    return low < sizeof pf_printable / sizeof pf_printable[0] && pf_printable[low][0] <= character;
}

/* How many of the octets are one character that is shown as it is; 0: the first octet is escaped. */
static size_t shown(const uint8_t *octets, size_t size, const char *also)
{
    uint8_t first = octets[0];
    uint32_t character;
    if (first < 0x80)
        return first >= 0x20 && first != 0x7f && first != '\\' && (also == NULL || strchr(also, first) == NULL);
    size_t length = sequence(octets, size, &character);
    return length != 0 && is_printable(character) ? length : 0;
}

void pf_write_text(struct pf_writer *writer, const uint8_t *octets, size_t size, const char *also)
{
    while (size != 0 && !writer->full) {
        size_t run = shown(octets, size, also);
        if (run != 0) {
            pf_write(writer, octets, run);
        } else {
            char escaped[4] = {'\\', (char)('0' + octets[0] / 100), (char)('0' + octets[0] / 10 % 10),
                               (char)('0' + octets[0] % 10)};
            pf_write(writer, escaped, sizeof escaped);
            run = 1;
        }
        octets += run;
        size -= run;
    }
}

static size_t put_utf8(uint32_t character, uint8_t octets[4])
{
    if (character < 0x80) {
        octets[0] = (uint8_t)character;
        return 1;
    }
    size_t length = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = length; i-- > 1; character >>= 6)
        octets[i] = (uint8_t)(0x80 | (character & 0x3f));
    octets[0] = (uint8_t)((0xf00u >> length & 0xff) | character);
    return length;
}

void pf_write_utf16le(struct pf_writer *writer, const uint8_t *octets, size_t size)
{
    while (size >= 2 && !writer->full) {
        uint32_t character = pf_le16(octets);
        size_t used = 2;
        if (character >= 0xd800 && character < 0xdc00 && size >= 4 && pf_le16(octets + 2) >> 10 == 0xdc00 >> 10) {
            character = 0x10000 + ((character & 0x3ff) << 10 | (pf_le16(octets + 2) & 0x3ffu));
            used = 4;
        }
        uint8_t encoded[4];
        pf_write_text(writer, encoded, put_utf8(character, encoded), NULL);
        octets += used;
        size -= used;
    }
}
