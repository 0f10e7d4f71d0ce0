/* What a client and a server say to each other until a login is complete. One thread at a time. */
#ifndef PF_DETECT_TEXT_TALK_H
#define PF_DETECT_TEXT_TALK_H

#include "detect/text_secret.h"
#include "payload/line.h"

enum pf_login_protocol { PF_LOGIN_FTP, PF_LOGIN_POP3, PF_LOGIN_SMTP, PF_LOGIN_IMAP, PF_LOGIN_TELNET, PF_LOGIN_HTTP };

/* What the client's next line is. */
enum pf_talk_next { PF_NEXT_COMMAND, PF_NEXT_PLAIN, PF_NEXT_USER, PF_NEXT_SECRET };

enum pf_talk_answer { PF_NO_ANSWER, PF_ACCEPTED, PF_REFUSED };

struct pf_talk_key {
    struct pf_value client, server;
    uint32_t client_port, server_port;
};

struct pf_secret_text {
    uint8_t octets[PF_SECRET_OCTETS];
    size_t size;
};

struct pf_talk {
    struct pf_talk_key key;
    bool used, has_user, has_seq;
    uint8_t protocol, next;
    uint32_t seq; /* behind the client's last octet */
    uint32_t row; /* the login that waits for its answer, + 1; 0: none does */
    struct pf_secret_text user, secret;
    struct pf_secret_text line; /* Telnet: what the client has typed of one */
};

/* Which protocol a port of a server means, or -1. */
int pf_login_port(uint16_t port);
/* Whether a line is one that a client begins a login with, whatever the port. */
bool pf_talk_begins(const struct pf_cursor *line);
/* A client's line; true: a login is complete, with what talk->user and ->secret say. */
bool pf_talk_client(struct pf_talk *talk, const struct pf_line *line);
/* A server's line: what it says to the login that waits for it. */
enum pf_talk_answer pf_talk_server(struct pf_talk *talk, const struct pf_cursor *line);
/* The same for Telnet, which has no lines: the next key a client sent (after pf_telnet_data), and a server's text. */
bool pf_talk_key(struct pf_talk *talk, uint8_t key);
enum pf_talk_answer pf_talk_screen(struct pf_talk *talk, const uint8_t *text, size_t size);
/* Takes Telnet's commands (RFC 854, 855) out of octets; what is left, at most `size`. */
size_t pf_telnet_data(const uint8_t *octets, size_t size, uint8_t *text);

#endif
