/* TLS (RFC 5246, 6066, 7301, 8446): the first record, handshake message and hello of the first such segment. */
#include "field/define.h"

#include "field/fingerprint.h"

static bool get_handshake_type(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    uint8_t type;
    (void)field;
    if (!pf_tls_handshake_type(packet, &type))
        return false;
    value->word[0] = type;
    return true;
}

static bool get_version(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    struct pf_tls_hello hello;
    (void)field;
    if (!pf_tls_hello(packet, &hello))
        return false;
    value->word[0] = hello.version;
    return true;
}

static bool get_session_id_length(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    struct pf_tls_hello hello;
    (void)field;
    if (!pf_tls_hello(packet, &hello) || !hello.has_session_id)
        return false;
    value->word[0] = hello.session_id_length;
    return true;
}

static bool get_cipher(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    struct pf_tls_hello hello;
    (void)field;
    if (!pf_tls_hello(packet, &hello) || !hello.has_ciphers)
        return false;
    const uint8_t *first = pf_cursor_need(&hello.ciphers, 2);
    if (first != NULL)
        value->word[0] = pf_be16(first);
    return first != NULL;
}

/* A server says one version, a client lists those it can, the best first. */
static bool get_supported_version(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    struct pf_tls_hello hello;
    struct pf_cursor versions;
    (void)field;
    if (!pf_tls_hello(packet, &hello))
        return false;
    if (hello.type == PF_TLS_CLIENT_HELLO)
        versions = pf_tls_numbers(&hello, PF_TLS_SUPPORTED_VERSIONS, 1, 2);
    else if (!pf_tls_find(&hello, PF_TLS_SUPPORTED_VERSIONS, &versions))
        return false;
    for (const uint8_t *version; (version = pf_cursor_need(&versions, 2)) != NULL;) {
        value->word[0] = pf_be16(version);
        if (!pf_tls_is_grease(pf_be16(version)))
            return true;
        (void)pf_cursor_skip(&versions, 2);
    }
    return false;
}

/* RFC 6066 3: names by type, of which only that of a host was ever given out. */
static bool write_server_name(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    enum { HOST_NAME = 0 };
    struct pf_tls_hello hello;
    struct pf_cursor content, names, name;
    (void)field;
    if (!pf_tls_hello(packet, &hello) || !pf_tls_find(&hello, PF_TLS_SERVER_NAME, &content) ||
        !pf_tls_list(&content, 2, &names))
        return false;
    for (const uint8_t *type; (type = pf_cursor_need(&names, 1)) != NULL;) {
        (void)pf_cursor_skip(&names, 1);
        if (!pf_tls_list(&names, 2, &name) || !pf_tls_is_whole(&name))
            return false;
        if (*type == HOST_NAME) {
            pf_write_text(writer, name.at, pf_cursor_left(&name), 0);
            return true;
        }
    }
    return false;
}

static bool write_alpn(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_tls_hello hello;
    struct pf_cursor protocol;
    (void)field;
    if (!pf_tls_hello(packet, &hello) || !pf_tls_alpn(&hello, &protocol))
        return false;
    pf_write_text(writer, protocol.at, pf_cursor_left(&protocol), 0);
    return true;
}

static bool write_ciphers(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_tls_hello hello;
    (void)field;
    if (!pf_tls_hello(packet, &hello) || !hello.has_ciphers || !pf_tls_is_whole(&hello.ciphers) ||
        hello.ciphers.wire % 2 != 0)
        return false;
    pf_write_numbers(&hello.ciphers, ',', true, writer);
    return hello.ciphers.wire != 0;
}

static bool write_extensions(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_tls_hello hello;
    (void)field;
    if (!pf_tls_hello(packet, &hello) || !hello.whole || !hello.has_extensions)
        return false;
    pf_write_extension_types(&hello, ',', true, writer);
    return hello.extensions.wire != 0;
}

static bool write_groups(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_tls_hello hello;
    (void)field;
    if (!pf_tls_hello(packet, &hello))
        return false;
    struct pf_cursor groups = pf_tls_numbers(&hello, PF_TLS_SUPPORTED_GROUPS, 2, 2);
    pf_write_numbers(&groups, ',', true, writer);
    return groups.wire != 0;
}

static bool write_ja3(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_tls_hello hello;
    (void)field;
    return pf_tls_hello(packet, &hello) && pf_write_ja3(&hello, writer);
}

static bool write_ja3_full(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_tls_hello hello;
    (void)field;
    return pf_tls_hello(packet, &hello) && pf_write_ja3_full(&hello, writer);
}

static bool write_ja3s(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_tls_hello hello;
    (void)field;
    return pf_tls_hello(packet, &hello) && pf_write_ja3s(&hello, writer);
}

static bool write_ja4(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    struct pf_tls_hello hello;
    (void)field;
    return pf_tls_hello(packet, &hello) && pf_write_ja4(&hello, writer);
}

/* Of the message that a segment completes, where it does. */
#define FIELD(...) PF_FIELD(__VA_ARGS__, .needs = PF_NEED_TLS)

static const struct pf_field fields[] = {
    FIELD("tls_record_content_type", UINT8, APPLICATION, "tls.record.content_type|tls.record.opaque_type",
          "Type of the first TLS record: 20 change of ciphers, 21 alert, 22 handshake, 23 data, 24 heartbeat.",
          PF_NUMBER_AT(TLS, 0, 1, 0, 0xff)),
    FIELD("tls_record_version", UINT16, APPLICATION, "tls.record.version",
          "Version of the first TLS record; it stays at 769 to 771 whatever is spoken.",
          PF_NUMBER_AT(TLS, 1, 2, 0, 0xffff)),
    FIELD("tls_handshake_type", UINT8, APPLICATION, "tls.handshake.type",
          "Type of the first TLS handshake message that is not encrypted: 1 client hello, 2 server hello, 11 "
          "certificate, ...",
          .get = get_handshake_type),
    FIELD("tls_handshake_version", UINT16, APPLICATION, "tls.handshake.version",
          "Version in a TLS hello, 771 (1.2) at most.", .get = get_version),
    FIELD("tls_handshake_session_id_length", UINT8, APPLICATION, "tls.handshake.session_id_length",
          "Octets of the session identifier in a TLS hello.", .get = get_session_id_length),
    FIELD("tls_handshake_ciphersuite", UINT16, APPLICATION, "tls.handshake.ciphersuite",
          "Cipher suite: the server's choice, the first that a client offers (IANA number).", .get = get_cipher),
    FIELD("tls_handshake_ciphersuites", TEXT, APPLICATION, "",
          "All cipher suites of a TLS hello in their order, such as `4865,4866,49195`.", .write = write_ciphers),
    FIELD("tls_handshake_extension_types", TEXT, APPLICATION, "",
          "Types of the extensions of a TLS hello in their order, such as `0,23,65281`.", .write = write_extensions),
    FIELD("tls_handshake_extensions_server_name", TEXT, APPLICATION, "tls.handshake.extensions_server_name",
          "Host name that a client asks for (SNI, RFC 6066).", .write = write_server_name),
    FIELD("tls_handshake_extensions_alpn_str", TEXT, APPLICATION, "tls.handshake.extensions_alpn_str",
          "Application protocol: the server's choice, the first that a client offers (ALPN, RFC 7301).",
          .write = write_alpn),
    FIELD("tls_handshake_extensions_supported_groups", TEXT, APPLICATION, "",
          "Groups for key exchange that a TLS hello lists, such as `29,23,24` (RFC 8422).", .write = write_groups),
    FIELD("tls_handshake_extensions_supported_version", UINT16, APPLICATION,
          "tls.handshake.extensions.supported_version",
          "Version from the extension: the server's choice, the first that a client offers and is no GREASE.",
          .get = get_supported_version),
    FIELD("tls_handshake_ja3", TEXT, APPLICATION, "tls.handshake.ja3", "JA3 fingerprint of a TLS client.",
          .write = write_ja3),
    FIELD("tls_handshake_ja3_full", STRING, APPLICATION, "tls.handshake.ja3_full",
          "What JA3 is a digest of: version, ciphers, extensions, groups, point formats.", .write = write_ja3_full),
    FIELD("tls_handshake_ja3s", TEXT, APPLICATION, "tls.handshake.ja3s", "JA3S fingerprint of a TLS server.",
          .write = write_ja3s),
    FIELD("tls_handshake_ja4", TEXT, APPLICATION, "",
          "JA4 fingerprint of a TLS client over TCP, such as `t13d1516h2_8daaf6152771_02713d6af862`.",
          .write = write_ja4),
};

const struct pf_group pf_group_tls = PF_GROUP_WITHIN("tls", fields, PF_BIT(TLS));
