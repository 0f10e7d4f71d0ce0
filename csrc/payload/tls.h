/* TLS as one TCP segment shows it: its records, its first handshake message, and its first client or server hello.
 *
 *   | record: type, version, length | handshake: type, length | version, random, session id, ciphers, ..., extensions |
 *
 * Nothing is kept from one segment to the next. Everything is read through cursors whose `wire` is what a length says
 * and whose `end` is what is there: a list is whole where both agree. */
#ifndef PF_PAYLOAD_TLS_H
#define PF_PAYLOAD_TLS_H

#include "packet/packet.h"

enum {
    PF_TLS_CLIENT_HELLO = 1,
    PF_TLS_SERVER_HELLO = 2,
    PF_TLS_MOST_RECORD = (1 << 14) + 2048, /* RFC 5246 6.2.3; RFC 8446 allows less */
};

struct pf_tls_hello {
    uint8_t type; /* PF_TLS_CLIENT_HELLO or PF_TLS_SERVER_HELLO */
    uint16_t version;
    bool has_session_id, has_ciphers, has_extensions; /* their lengths were reached, and fit into what holds them */
    bool whole; /* all of it is there, and all lengths add up; within extensions they need not */
    size_t session_id_length;
    struct pf_cursor ciphers, extensions; /* a server's choice is a list of one */
    uint8_t joined[PF_TLS_MOST_RECORD];   /* a hello that goes through several records */
};

/* How far octets of a stream that begins with a hello, or a change of cipher and a hello, reach: they are none, there
 * is more to come, or the first `*whole` of them hold it. */
enum pf_extent { PF_EXTENT_NONE, PF_EXTENT_MORE, PF_EXTENT_WHOLE };
enum pf_extent pf_tls_extent(const uint8_t *octets, size_t size, size_t *whole);

/* The first handshake message of the packet's first TLS layer, as far as it can be told from encrypted ones. */
bool pf_tls_handshake_type(const struct pf_packet *packet, uint8_t *type);
/* The first hello of that layer; its cursors are good as long as the packet and the hello. */
bool pf_tls_hello(const struct pf_packet *packet, struct pf_tls_hello *hello);

/* Takes a list off the cursor that begins with its length in `width` octets; false where that is not there or more than
 * what holds it. Of a list that is cut, the list is what is there. */
bool pf_tls_list(struct pf_cursor *from, unsigned width, struct pf_cursor *list);
static inline bool pf_tls_is_whole(const struct pf_cursor *list)
{
    return pf_cursor_left(list) == list->wire;
}

/* Takes the next extension off a list of them. */
bool pf_tls_extension(struct pf_cursor *extensions, uint16_t *type, struct pf_cursor *content);
/* The first of a type. */
bool pf_tls_find(const struct pf_tls_hello *hello, uint16_t type, struct pf_cursor *content);

/* RFC 8701: values that clients throw in so that servers learn to ignore what they do not know. */
static inline bool pf_tls_is_grease(unsigned value)
{
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

#endif
