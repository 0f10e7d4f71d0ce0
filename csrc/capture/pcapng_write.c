#include "capture/pcapng.h"

#include "base/cursor.h"

#include <string.h>

enum { SECTION = 0x0a0d0d0a, INTERFACE = 1, SIMPLE = 3, STATISTICS = 5, ENHANCED = 6, MAGIC = 0x1a2b3c4d };
enum { NAME = 2, DESCRIPTION = 3, RESOLUTION = 9, FILTER = 11, NANOSECONDS = 9 };
enum { RECEIVED = 4, DROPPED = 5, DELIVERED = 8 };
enum { AROUND = 12, INTERFACE_FIXED = 8, ENHANCED_FIXED = 20, OPTION = 4 };

static size_t padded(size_t size)
{
    return (size + 3) / 4 * 4;
}

static uint8_t *put_padded(uint8_t *to, const void *octets, size_t size)
{
    if (size != 0)
        memcpy(to, octets, size);
    memset(to + size, 0, padded(size) - size);
    return to + padded(size);
}

/* The length before and behind what was written from `block` up to `end`. */
static size_t close_block(uint8_t *block, uint32_t type, uint8_t *end)
{
    size_t length = (size_t)(end - block) + 4;
    (void)pf_put_le32(block, type);
    (void)pf_put_le32(block + 4, (uint32_t)length);
    (void)pf_put_le32(end, (uint32_t)length);
    return length;
}

size_t pf_pcapng_put_section(uint8_t to[PF_PCAPNG_SECTION])
{
    uint8_t *at = pf_put_le32(to + 8, MAGIC);
    at = pf_put_le16(pf_put_le16(at, 1), 0);                   /* version 1.0 */
    at = pf_put_le32(pf_put_le32(at, UINT32_MAX), UINT32_MAX); /* its length is not said */
    return close_block(to, SECTION, at);
}

static size_t text_size(const char *text)
{
    return text != NULL ? strlen(text) : 0;
}

static size_t option_room(const char *text)
{
    return text != NULL ? OPTION + padded(text_size(text)) : 0;
}

static uint8_t *put_text(uint8_t *to, unsigned code, const char *text)
{
    if (text == NULL)
        return to;
    to = pf_put_le16(pf_put_le16(to, code), (unsigned)text_size(text));
    return put_padded(to, text, text_size(text));
}

/* As libpcap's text, which octet 0 before it says. */
static uint8_t *put_filter(uint8_t *to, const char *text)
{
    if (text == NULL)
        return to;
    size_t size = text_size(text);
    to = pf_put_le16(pf_put_le16(to, FILTER), (unsigned)size + 1);
    *to = 0;
    if (size != 0)
        memcpy(to + 1, text, size);
    memset(to + 1 + size, 0, padded(size + 1) - (size + 1));
    return to + padded(size + 1);
}

size_t pf_pcapng_interface_room(const struct pf_interface *interface)
{
    return AROUND + INTERFACE_FIXED + option_room(interface->name) + option_room(interface->description) +
           (interface->filter != NULL ? OPTION + padded(text_size(interface->filter) + 1) : 0) + OPTION + 4 + OPTION;
}

size_t pf_pcapng_put_interface(uint8_t *to, const struct pf_interface *interface)
{
    uint8_t *at = pf_put_le16(pf_put_le16(to + 8, interface->link_type), 0);
    at = pf_put_le32(at, interface->snap_len);
    at = put_text(at, NAME, interface->name);
    at = put_text(at, DESCRIPTION, interface->description);
    at = pf_put_le16(pf_put_le16(at, RESOLUTION), 1);
    at = put_padded(at, &(uint8_t){NANOSECONDS}, 1);
    at = put_filter(at, interface->filter);
    at = pf_put_le32(at, 0); /* the end of the options */
    return close_block(to, INTERFACE, at);
}

static uint8_t *put_count(uint8_t *to, unsigned code, uint64_t count)
{
    if (count == PF_PCAPNG_UNKNOWN)
        return to;
    to = pf_put_le16(pf_put_le16(to, code), sizeof count);
    return pf_put_le32(pf_put_le32(to, (uint32_t)count), (uint32_t)(count >> 32));
}

size_t pf_pcapng_put_statistics(uint8_t to[PF_PCAPNG_STATISTICS], const struct pf_pcapng_statistics *statistics)
{
    uint8_t *at = pf_put_le32(to + 8, statistics->interface);
    at = pf_put_le32(pf_put_le32(at, (uint32_t)((uint64_t)statistics->time >> 32)), (uint32_t)statistics->time);
    at = put_count(at, RECEIVED, statistics->received);
    at = put_count(at, DROPPED, statistics->dropped);
    at = put_count(at, DELIVERED, statistics->delivered);
    at = pf_put_le32(at, 0);
    return close_block(to, STATISTICS, at);
}

size_t pf_pcapng_packet_room(const struct pf_record *record)
{
    return AROUND + ENHANCED_FIXED + padded(record->cap_len);
}

static size_t put_simple(uint8_t *to, const struct pf_record *record)
{
    uint32_t snap_len = record->interface->snap_len;
    uint32_t captured = snap_len != 0 && snap_len < record->len ? snap_len : record->len;
    if (record->interface->number != 0 || captured != record->cap_len)
        return 0;
    uint8_t *at = pf_put_le32(to + 8, record->len);
    return close_block(to, SIMPLE, put_padded(at, record->octets, record->cap_len));
}

size_t pf_pcapng_put_packet(uint8_t *to, const struct pf_record *record)
{
    if (!record->timed)
        return put_simple(to, record);
    if (record->time < 0)
        return 0;
    uint8_t *at = pf_put_le32(to + 8, (uint32_t)record->interface->number);
    at = pf_put_le32(at, (uint32_t)(record->time >> 32));
    at = pf_put_le32(at, (uint32_t)record->time);
    at = pf_put_le32(pf_put_le32(at, record->cap_len), record->len);
    return close_block(to, ENHANCED, put_padded(at, record->octets, record->cap_len));
}
