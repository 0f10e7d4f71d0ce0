/* What a Kerberos message (RFC 4120, 5) shows of who asks whom. The cursor is at the message's first octet, behind the
 * length that TCP has, and stays. Any thread may call. */
#ifndef PF_PAYLOAD_KERBEROS_H
#define PF_PAYLOAD_KERBEROS_H

#include "base/writer.h"
#include "packet/packet.h"

enum pf_kerberos_part {
    PF_KERBEROS_TYPE,   /* a number */
    PF_KERBEROS_ERROR,  /* a number */
    PF_KERBEROS_CNAME,  /* the client's name */
    PF_KERBEROS_SNAME,  /* the server's name */
    PF_KERBEROS_CREALM, /* the client's realm, of answers */
    PF_KERBEROS_REALM,  /* the realm that is asked; of an answer that of its ticket */
};

/* The octets over TCP before a message begins: its length (7.2.2). */
enum { PF_KERBEROS_LENGTH = 4 };

bool pf_kerberos_number(const struct pf_cursor *message, enum pf_kerberos_part part, int64_t *number);
/* A realm, or a name with slashes between its components; false, and nothing is written, where it is not all there. */
bool pf_kerberos_write(const struct pf_cursor *message, enum pf_kerberos_part part, struct pf_writer *writer);

#endif
