/* Fingerprints of TLS hellos: what a client or server can be known by without reading what it says. All of them need
 * the hello whole, and leave out GREASE.
 *
 *   JA3   MD5 of "version,ciphers,extensions,groups,point formats", decimal, in the client's order
 *   JA3S  MD5 of "version,cipher,extensions"
 *   JA4   "t13d1516h2_" sorted ciphers "_" sorted extensions and signature algorithms, both as begin of a SHA-256 */
#ifndef PF_FIELD_FINGERPRINT_H
#define PF_FIELD_FINGERPRINT_H

#include "base/writer.h"
#include "payload/tls.h"

/* Append to an empty writer with PF_WRITER_ROOM, which also serves as their scratch; false where there is none. */
bool pf_write_ja3(const struct pf_tls_hello *hello, struct pf_writer *writer);
bool pf_write_ja3_full(const struct pf_tls_hello *hello, struct pf_writer *writer);
bool pf_write_ja3s(const struct pf_tls_hello *hello, struct pf_writer *writer);
bool pf_write_ja4(const struct pf_tls_hello *hello, struct pf_writer *writer);

/* A list of numbers within an extension; of none where there is no such extension or its lengths do not add up. */
struct pf_cursor pf_tls_numbers(const struct pf_tls_hello *hello, uint16_t extension, unsigned length_width,
                                unsigned number_width);

enum {
    PF_TLS_SERVER_NAME = 0,
    PF_TLS_SUPPORTED_GROUPS = 10,
    PF_TLS_POINT_FORMATS = 11,
    PF_TLS_SIGNATURE_ALGORITHMS = 13,
    PF_TLS_ALPN = 16,
    PF_TLS_SUPPORTED_VERSIONS = 43,
};

/* The first protocol of the ALPN extension, whole. */
bool pf_tls_alpn(const struct pf_tls_hello *hello, struct pf_cursor *protocol);
/* The types of all extensions, GREASE left out or not. */
void pf_write_extension_types(const struct pf_tls_hello *hello, char between, bool grease, struct pf_writer *writer);
/* Numbers of two octets as decimals. */
void pf_write_numbers(const struct pf_cursor *numbers, char between, bool grease, struct pf_writer *writer);

#endif
