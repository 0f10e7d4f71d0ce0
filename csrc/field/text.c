#include "field/define.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

static void octets_of(const struct pf_value *value, uint8_t octets[16])
{
    for (unsigned i = 0; i < value->size && i < 16; i++) {
        unsigned in_word = (unsigned)(value->size < 8 ? value->size : i < 8 ? 8 : value->size - 8);
        octets[i] = (uint8_t)(value->word[i / 8] >> (8 * (in_word - 1 - i % 8)));
    }
}

size_t pf_text_mac(const struct pf_value *value, char text[PF_TEXT_ROOM])
{
    uint8_t octets[16] = {0};
    size_t length = 0;
    octets_of(value, octets);
    for (unsigned i = 0; i < value->size && i < 16; i++) {
        if (i != 0)
            text[length++] = ':';
        text[length++] = digits[octets[i] >> 4];
        text[length++] = digits[octets[i] & 15];
    }
    return length;
}

static size_t put_decimal(char *text, unsigned octet)
{
    size_t length = 0;
    if (octet >= 100)
        text[length++] = digits[octet / 100];
    if (octet >= 10)
        text[length++] = digits[octet / 10 % 10];
    text[length++] = digits[octet % 10];
    return length;
}

static size_t put_dotted(char *text, const uint8_t octets[4])
{
    size_t length = 0;
    for (unsigned i = 0; i < 4; i++) {
        if (i != 0)
            text[length++] = '.';
        length += put_decimal(text + length, octets[i]);
    }
    return length;
}

static size_t put_group(char *text, unsigned group)
{
    size_t length = 0;
    for (int shift = 12; shift >= 0; shift -= 4) {
        if (length != 0 || group >> shift != 0 || shift == 0)
            text[length++] = digits[group >> shift & 15];
    }
    return length;
}

/* RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as "::", and the last four
 * octets dotted for IPv4-mapped and IPv4-compatible addresses, as inet_ntop writes them. */
static size_t put_ipv6(char *text, const uint8_t octets[16])
{
    unsigned groups[8], at = 8, run = 0;
    for (unsigned i = 0; i < 8; i++)
        groups[i] = pf_be16(octets + 2 * i);
    for (unsigned i = 0; i < 8; i++) {
        unsigned n = 0;
        while (i + n < 8 && groups[i + n] == 0)
            n++;
        if (n >= 2 && n > run) {
            at = i;
            run = n;
        }
    }
    bool dotted = at == 0 && (run == 6 || (run == 5 && groups[5] == 0xffff) || (run == 7 && groups[7] != 1));
    size_t length = 0;
    for (unsigned i = 0; i < 8;) {
        if (i == at) {
            text[length++] = ':';
            if (i + run == 8)
                text[length++] = ':';
            i += run;
            continue;
        }
        if (i != 0)
            text[length++] = ':';
        if (dotted && i == 6)
            return length + put_dotted(text + length, octets + 12);
        length += put_group(text + length, groups[i++]);
    }
    return length;
}

size_t pf_text_address(const struct pf_value *value, char text[PF_TEXT_ROOM])
{
    uint8_t octets[16] = {0};
    octets_of(value, octets);
    return value->size == 4 ? put_dotted(text, octets) : put_ipv6(text, octets);
}

bool pf_field_write(const struct pf_field *field, const struct pf_packet *packet, const char *const *files,
                    struct pf_writer *writer)
{
    struct pf_value value;
    char text[PF_TEXT_ROOM];
    if (field->write != NULL)
        return field->write(field, pf_field_packet(field, packet), writer);
    if (!pf_field_get(field, packet, &value))
        return false;
    bool is_signed = field->kind.type == PF_INT64 || field->kind.type == PF_TIME;
    if (field->text != NULL) {
        pf_write(writer, text, field->text(&value, text));
    } else if (field->kind.type == PF_TEXT) {
        pf_write_string(writer, files[value.word[0]]);
    } else if (is_signed && (int64_t)value.word[0] < 0) {
        pf_write_char(writer, '-');
        pf_write_number(writer, 0 - value.word[0]);
    } else {
        pf_write_number(writer, value.word[0]);
    }
    return true;
}

/* Both have kinds 0 for the end, 1 for nothing, and all others a length after them that counts both octets. */
bool pf_write_option_kinds(const uint8_t *octets, size_t size, struct pf_writer *writer)
{
    for (size_t at = 0; at < size;) {
        if (at != 0)
            pf_write_char(writer, ',');
        pf_write_number(writer, octets[at]);
        if (octets[at] == 0)
            break;
        size_t length = octets[at] == 1 ? 1 : size - at >= 2 ? octets[at + 1] : 0;
        if (length < 1 || (length < 2 && octets[at] != 1) || length > size - at)
            break;
        at += length;
    }
    return size != 0;
}
