#include "payload/kerberos.h"

#include "payload/der.h"
#include "payload/payload.h"

/* Tags of application class, constructed: 0x60 + number (RFC 4120, 5.10). */
enum {
    TICKET = 0x61,
    AS_REQ = 0x6a,
    AS_REP = 0x6b,
    TGS_REQ = 0x6c,
    TGS_REP = 0x6d,
    AP_REQ = 0x6e,
    AP_REP = 0x6f,
    SAFE = 0x74,
    PRIV = 0x75,
    CRED = 0x76,
    ERROR = 0x7e,
    MOST_COMPONENTS = 16, /* of a name; services have three at most */
    NONE = 0xff,          /* this message has no such part */
};

/* Where a message has its parts, by number of the field: in its own sequence, or in one within (`inner`, of which
 * `within` is the tag if it is a value of its own). */
struct form {
    uint8_t tag, type, error, cname, crealm; /* of the message's own sequence */
    uint8_t inner, within;
    uint8_t inner_cname, realm, sname; /* of the inner one, or of its own where there is none */
};

static const struct form forms[] = {
    {AS_REQ, 2, NONE, NONE, NONE, 4, 0, 1, 2, 3},           {TGS_REQ, 2, NONE, NONE, NONE, 4, 0, 1, 2, 3},
    {AS_REP, 1, NONE, 4, 3, 5, TICKET, NONE, 1, 2},         {TGS_REP, 1, NONE, 4, 3, 5, TICKET, NONE, 1, 2},
    {AP_REQ, 1, NONE, NONE, NONE, 3, TICKET, NONE, 1, 2},   {AP_REP, 1, NONE, NONE, NONE, NONE, 0, NONE, NONE, NONE},
    {SAFE, 1, NONE, NONE, NONE, NONE, 0, NONE, NONE, NONE}, {PRIV, 1, NONE, NONE, NONE, NONE, 0, NONE, NONE, NONE},
    {CRED, 1, NONE, NONE, NONE, NONE, 0, NONE, NONE, NONE}, {ERROR, 1, 6, 8, 7, NONE, 0, NONE, 9, 10},
};

static const struct form *form_of(const struct pf_cursor *message)
{
    const uint8_t *tag = pf_cursor_need(message, 1);
    for (size_t i = 0; tag != NULL && i < sizeof forms / sizeof forms[0]; i++) {
        if (forms[i].tag == *tag)
            return &forms[i];
    }
    return NULL;
}

bool pf_is_kerberos(const struct pf_cursor *cursor, bool over_tcp)
{
    struct pf_cursor message = *cursor, content;
    const uint8_t *length = pf_cursor_need(cursor, PF_KERBEROS_LENGTH);
    if (over_tcp && (length == NULL || !pf_cursor_skip(&message, PF_KERBEROS_LENGTH)))
        return false;
    const struct form *form = form_of(&message);
    if (form == NULL || !pf_der_open(&message, form->tag, &content))
        return false;
    const uint8_t *inner = pf_cursor_need(&content, 1);
    uint64_t whole =
        (uint64_t)(content.at - message.at) + content.wire; /* a size_t may have 32 bits, all of them told */
    return inner != NULL && *inner == PF_DER_SEQUENCE && (!over_tcp || pf_be32(length) == whole);
}

enum pf_protocol pf_step_kerberos(struct pf_packet *packet, struct pf_cursor *cursor)
{
    (void)packet;
    (void)cursor;
    return PF_END;
}

/* The sequence that a part is in, and the part's number there. */
static bool place_of(const struct pf_cursor *message, enum pf_kerberos_part part, struct pf_cursor *sequence,
                     unsigned *number)
{
    const struct form *form = form_of(message);
    struct pf_cursor content, value;
    if (form == NULL || !pf_der_open(message, form->tag, &content) || !pf_der_open(&content, PF_DER_SEQUENCE, sequence))
        return false;
    const unsigned outer[] = {
        [PF_KERBEROS_TYPE] = form->type, [PF_KERBEROS_ERROR] = form->error,   [PF_KERBEROS_CNAME] = form->cname,
        [PF_KERBEROS_SNAME] = NONE,      [PF_KERBEROS_CREALM] = form->crealm, [PF_KERBEROS_REALM] = NONE,
    };
    *number = outer[part];
    if (*number != NONE || part == PF_KERBEROS_ERROR || part == PF_KERBEROS_CREALM)
        return *number != NONE;
    *number = part == PF_KERBEROS_CNAME ? form->inner_cname : part == PF_KERBEROS_REALM ? form->realm : form->sname;
    if (*number == NONE || form->inner == NONE)
        return *number != NONE;
    if (!pf_der_find(sequence, PF_DER_CONTEXT + form->inner, &value) ||
        (form->within != 0 && !pf_der_open(&value, form->within, &value)))
        return false;
    return pf_der_open(&value, PF_DER_SEQUENCE, sequence);
}

static bool find_part(const struct pf_cursor *message, enum pf_kerberos_part part, struct pf_cursor *content)
{
    struct pf_cursor sequence;
    unsigned number;
    return place_of(message, part, &sequence, &number) && pf_der_find(&sequence, PF_DER_CONTEXT + number, content);
}

bool pf_kerberos_number(const struct pf_cursor *message, enum pf_kerberos_part part, int64_t *number)
{
    struct pf_cursor content;
    return find_part(message, part, &content) && pf_der_integer(&content, number);
}

/* PrincipalName (5.2.2): [0] its type, [1] its components. */
static bool write_name(const struct pf_cursor *content, struct pf_writer *writer)
{
    struct pf_cursor name, value, components, component;
    size_t begin = writer->length;
    uint8_t tag;
    if (!pf_der_open(content, PF_DER_SEQUENCE, &name) || !pf_der_find(&name, PF_DER_CONTEXT + 1, &value) ||
        !pf_der_open(&value, PF_DER_SEQUENCE, &components) || !pf_der_is_whole(&components))
        return false;
    for (unsigned i = 0; i < MOST_COMPONENTS && pf_der_next(&components, &tag, &component); i++) {
        if (tag != PF_DER_GENERAL_STRING || !pf_der_is_whole(&component)) {
            writer->length = begin;
            return false;
        }
        if (i != 0)
            pf_write_char(writer, '/');
        pf_write_text(writer, component.at, pf_cursor_left(&component), "/");
    }
    return writer->length != begin;
}

bool pf_kerberos_write(const struct pf_cursor *message, enum pf_kerberos_part part, struct pf_writer *writer)
{
    struct pf_cursor content, realm;
    if (!find_part(message, part, &content))
        return false;
    if (part == PF_KERBEROS_CNAME || part == PF_KERBEROS_SNAME)
        return write_name(&content, writer);
    if (!pf_der_open(&content, PF_DER_GENERAL_STRING, &realm) || !pf_der_is_whole(&realm) || realm.wire == 0)
        return false;
    pf_write_text(writer, realm.at, pf_cursor_left(&realm), NULL);
    return true;
}
