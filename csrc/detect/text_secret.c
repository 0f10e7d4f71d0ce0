#include "detect/text_secret.h"

#include <string.h>

static int value_of(uint8_t digit)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = digit != 0 ? strchr(digits, digit) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

bool pf_secret_decode(const struct pf_cursor *text, uint8_t octets[PF_SECRET_DECODED], size_t *size)
{
    size_t length = pf_cursor_left(text);
    uint32_t bits = 0;
    unsigned count = 0;
    *size = 0;
    for (unsigned pads = 0; pads < 2 && length > 0 && text->at[length - 1] == '='; pads++)
        length--;
    for (size_t i = 0; i < length; i++) {
        int value = value_of(text->at[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count < 8)
            continue;
        if (*size == PF_SECRET_DECODED)
            return false;
        count -= 8;
        octets[(*size)++] = (uint8_t)(bits >> count);
    }
    return *size != 0 && length % 4 != 1;
}

static bool is_basic(const struct pf_cursor *scheme)
{
    static const char name[] = "basic";
    if (pf_cursor_left(scheme) != strlen(name))
        return false;
    for (size_t i = 0; i < strlen(name); i++) {
        if ((scheme->at[i] | 0x20) != (uint8_t)name[i])
            return false;
    }
    return true;
}

static uint32_t kept(size_t size)
{
    return size < PF_SECRET_OCTETS ? (uint32_t)size : PF_SECRET_OCTETS;
}

enum pf_status pf_secret_note_basic(const struct pf_packet *packet, const struct pf_cursor *value,
                                    struct pf_text_piece *piece, struct pf_error *error)
{
    struct pf_cursor rest = *value, scheme = rest;
    uint8_t octets[PF_SECRET_DECODED];
    struct pf_text_event event;
    size_t size;
    while (rest.at != rest.end && rest.at[0] != ' ')
        rest.at++;
    scheme.end = rest.at;
    while (rest.at != rest.end && rest.at[0] == ' ')
        rest.at++;
    if (!is_basic(&scheme) || !pf_secret_decode(&rest, octets, &size))
        return PF_OK;
    const uint8_t *colon = memchr(octets, ':', size);
    if (colon == NULL || !pf_text_event_of(packet, PF_TEXT_BASIC, PF_TCP, &event))
        return PF_OK;
    size_t length = (size_t)(colon - octets);
    event.length[0] = kept(length);
    event.length[1] = kept(size - length - 1);
    return pf_text_piece_put(piece, &event, octets, colon + 1, error);
}
