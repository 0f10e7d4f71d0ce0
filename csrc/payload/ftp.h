/* The first line of FTP's control connection (RFC 959, 4). The cursor is at its first octet and stays. Any thread may
 * call. */
#ifndef PF_PAYLOAD_FTP_H
#define PF_PAYLOAD_FTP_H

#include "base/cursor.h"

/* "RETR name": what is asked for, and the rest, which may be empty. False: it is no command. */
bool pf_ftp_command(const struct pf_cursor *message, struct pf_cursor *command, struct pf_cursor *argument);
/* "230 Welcome" or "230-Welcome": three digits, and the rest. */
bool pf_ftp_reply(const struct pf_cursor *message, struct pf_cursor *code, struct pf_cursor *argument);

#endif
