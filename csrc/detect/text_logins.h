/* Logins whose secret was readable: FTP (RFC 959), POP3 (RFC 1939, 5034), SMTP (RFC 4954), IMAP (RFC 3501), Telnet
 * (RFC 854) and HTTP's scheme Basic (RFC 7617), by client, server, protocol and user.
 *
 *   event    | what a segment carries |         on workers: a short one to or from a port of these protocols, or one
 * that ↓                         begins like a login or the answer to one, on any port talk     client and server: the
 * user, what comes next, the login that waits for its answer ↓ row      tries, accepted, refused, different secrets
 *
 * Segments count once: a client's octets before the highest seen are a retransmission. A line that goes on in another
 * segment is not read, but for Telnet, where every key is a segment. */
#ifndef PF_DETECT_TEXT_LOGINS_H
#define PF_DETECT_TEXT_LOGINS_H

#include "base/frame.h"
#include "detect/text_event.h"
#include "detect/text_rows.h"
#include "detect/text_talk.h"

enum { PF_TEXT_LOGIN_COLUMNS = 13 };

struct pf_text_logins {
    struct pf_text_rows rows;
    struct pf_text_seen seen; /* secrets, by row */
    struct pf_talk *talks;    /* by hash; one that is in another's place is forgotten */
    uint64_t forgotten;
};

extern const struct pf_kind pf_text_login_kinds[PF_TEXT_LOGIN_COLUMNS];

void pf_text_logins_init(struct pf_text_logins *logins);
void pf_text_logins_clear(struct pf_text_logins *logins);
/* On a worker. */
enum pf_status pf_text_logins_note(const struct pf_packet *packet, struct pf_text_piece *piece, struct pf_error *error);
/* In file order: PF_TEXT_LINE and PF_TEXT_BASIC. */
enum pf_status pf_text_logins_add(struct pf_text_logins *logins, const struct pf_text_event *event,
                                  struct pf_error *error);
enum pf_status pf_text_logins_frame(const struct pf_text_logins *logins, struct pf_frame *frame,
                                    struct pf_error *error);

#endif
