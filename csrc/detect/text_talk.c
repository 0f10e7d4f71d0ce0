#include "detect/text_talk.h"

#include <string.h>

int pf_login_port(uint16_t port)
{
    switch (port) { /* IANA; 2323 and 2525 are what devices and providers use beside them */
    case 21:
        return PF_LOGIN_FTP;
    case 23:
    case 2323:
        return PF_LOGIN_TELNET;
    case 25:
    case 587:
    case 2525:
        return PF_LOGIN_SMTP;
    case 110:
        return PF_LOGIN_POP3;
    case 143:
        return PF_LOGIN_IMAP;
    default:
        return -1;
    }
}

static uint8_t small(uint8_t octet)
{
    return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet | 0x20) : octet;
}

/* `words` in small letters. */
static bool begins_with(const struct pf_cursor *text, const char *words)
{
    size_t length = strlen(words);
    if (pf_cursor_need(text, length) == NULL)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (small(text->at[i]) != (uint8_t)words[i])
            return false;
    }
    return true;
}

/* Steps over words; false where the text does not begin with them. */
static bool take(struct pf_cursor *text, const char *words)
{
    return begins_with(text, words) && pf_cursor_skip(text, strlen(words));
}

bool pf_talk_begins(const struct pf_cursor *line)
{
    return begins_with(line, "user ") || begins_with(line, "pass ") || begins_with(line, "auth ");
}

static void set(struct pf_secret_text *text, const uint8_t *octets, size_t size)
{
    text->size = size < PF_SECRET_OCTETS ? size : PF_SECRET_OCTETS;
    if (text->size != 0)
        memcpy(text->octets, octets, text->size);
}

/* authorization NUL authentication NUL secret (RFC 4616) */
static bool plain(struct pf_talk *talk, const struct pf_cursor *text)
{
    uint8_t octets[PF_SECRET_DECODED];
    size_t size;
    if (!pf_secret_decode(text, octets, &size))
        return false;
    const uint8_t *user = memchr(octets, 0, size);
    user = user != NULL ? user + 1 : NULL;
    const uint8_t *secret = user != NULL ? memchr(user, 0, size - (size_t)(user - octets)) : NULL;
    if (secret == NULL)
        return false;
    set(&talk->user, user, (size_t)(secret - user));
    set(&talk->secret, secret + 1, size - (size_t)(secret + 1 - octets));
    return true;
}

static bool decoded(const struct pf_cursor *text, struct pf_secret_text *into)
{
    uint8_t octets[PF_SECRET_DECODED];
    size_t size;
    if (!pf_secret_decode(text, octets, &size))
        return false;
    set(into, octets, size);
    return true;
}

/* The answer to a challenge of SASL. */
static bool answer(struct pf_talk *talk, const struct pf_cursor *text)
{
    uint8_t next = talk->next;
    talk->next = PF_NEXT_COMMAND;
    if (next == PF_NEXT_PLAIN)
        return plain(talk, text);
    if (next == PF_NEXT_SECRET)
        return decoded(text, &talk->secret);
    if (decoded(text, &talk->user))
        talk->next = PF_NEXT_SECRET;
    return false;
}

/* Behind "AUTH" or "AUTHENTICATE": the mechanism and, perhaps, its first answer. */
static bool authenticate(struct pf_talk *talk, struct pf_cursor text)
{
    if (take(&text, "plain"))
        talk->next = PF_NEXT_PLAIN;
    else if (take(&text, "login"))
        talk->next = PF_NEXT_USER;
    else
        return false;
    pf_trim(&text);
    return pf_cursor_left(&text) != 0 && answer(talk, &text);
}

/* The next word of IMAP, which may stand in quotes. */
static struct pf_cursor word_of(struct pf_cursor *text)
{
    bool quoted = pf_cursor_left(text) != 0 && text->at[0] == '"';
    (void)pf_cursor_skip(text, quoted);
    struct pf_cursor word = pf_next_word(text, quoted ? '"' : ' ');
    while (quoted && pf_cursor_left(text) != 0 && text->at[0] == ' ')
        text->at++;
    return word;
}

static bool imap(struct pf_talk *talk, struct pf_cursor text)
{
    (void)pf_next_word(&text, ' '); /* the tag */
    if (take(&text, "authenticate "))
        return authenticate(talk, text);
    if (!take(&text, "login "))
        return false;
    struct pf_cursor user = word_of(&text), secret = word_of(&text);
    set(&talk->user, user.at, pf_cursor_left(&user));
    set(&talk->secret, secret.at, pf_cursor_left(&secret));
    return pf_cursor_left(&user) != 0 && pf_cursor_left(&secret) != 0;
}

bool pf_talk_client(struct pf_talk *talk, const struct pf_line *line)
{
    struct pf_cursor text = line->text;
    if (!line->ended)
        return false;
    if (talk->next != PF_NEXT_COMMAND)
        return answer(talk, &text);
    if (talk->protocol == PF_LOGIN_IMAP)
        return imap(talk, text);
    if (take(&text, "auth "))
        return authenticate(talk, text);
    if (talk->protocol == PF_LOGIN_SMTP)
        return false;
    if (take(&text, "user ")) {
        talk->has_user = true;
        set(&talk->user, text.at, pf_cursor_left(&text));
    } else if (take(&text, "pass ") && talk->has_user) {
        set(&talk->secret, text.at, pf_cursor_left(&text));
        return true;
    }
    return false;
}

static enum pf_talk_answer imap_answer(struct pf_cursor text)
{
    struct pf_cursor tag = pf_next_word(&text, ' ');
    if (pf_cursor_left(&tag) == 0 || tag.at[0] == '*' || tag.at[0] == '+')
        return PF_NO_ANSWER;
    return begins_with(&text, "ok") ? PF_ACCEPTED : begins_with(&text, "no") ? PF_REFUSED : PF_NO_ANSWER;
}

enum pf_talk_answer pf_talk_server(struct pf_talk *talk, const struct pf_cursor *line)
{
    if (talk->protocol == PF_LOGIN_IMAP)
        return imap_answer(*line);
    if (begins_with(line, "+ok") || begins_with(line, "-err")) {
        talk->protocol = talk->protocol == PF_LOGIN_FTP ? PF_LOGIN_POP3 : talk->protocol;
        return line->at[0] == '+' ? PF_ACCEPTED : PF_REFUSED;
    }
    if (begins_with(line, "230") || begins_with(line, "235")) /* RFC 959; RFC 4954 */
        return PF_ACCEPTED;
    return begins_with(line, "5") || begins_with(line, "4") ? PF_REFUSED : PF_NO_ANSWER;
}

bool pf_talk_key(struct pf_talk *talk, uint8_t key)
{
    enum { BACKSPACE = 8, DELETE = 127 };
    struct pf_secret_text *line = &talk->line;
    if (talk->next == PF_NEXT_COMMAND || key == 0)
        return false;
    if (key == BACKSPACE || key == DELETE) {
        line->size -= line->size != 0;
        return false;
    }
    if (key != '\r' && key != '\n') {
        if (line->size < PF_SECRET_OCTETS)
            line->octets[line->size++] = key;
        return false;
    }
    if (line->size == 0) /* the second half of an end */
        return false;
    bool complete = talk->next == PF_NEXT_SECRET;
    struct pf_secret_text *to = complete ? &talk->secret : &talk->user;
    *to = *line;
    line->size = 0;
    talk->next = PF_NEXT_COMMAND;
    return complete;
}

static bool ends_with(const struct pf_cursor *text, const char *words)
{
    size_t length = strlen(words);
    if (pf_cursor_left(text) < length)
        return false;
    struct pf_cursor end = {text->end - length, text->end, length};
    return begins_with(&end, words);
}

static bool holds(const struct pf_cursor *text, const char *words)
{
    for (struct pf_cursor rest = *text; pf_cursor_left(&rest) >= strlen(words); rest.at++) {
        if (begins_with(&rest, words))
            return true;
    }
    return false;
}

static void expect(struct pf_talk *talk, enum pf_talk_next next)
{
    talk->next = (uint8_t)next;
    talk->line.size = 0;
}

enum pf_talk_answer pf_talk_screen(struct pf_talk *talk, const uint8_t *text, size_t size)
{
    struct pf_cursor screen = {text, text + size, size};
    bool refused = holds(&screen, "incorrect") || holds(&screen, "failed") || holds(&screen, "denied") ||
                   holds(&screen, "invalid");
    while (screen.end != screen.at && screen.end[-1] <= ' ')
        screen.end--;
    if (ends_with(&screen, "login:") || ends_with(&screen, "username:") || ends_with(&screen, "user:")) {
        expect(talk, PF_NEXT_USER);
        return PF_REFUSED; /* it asks again */
    }
    if (ends_with(&screen, "password:")) {
        expect(talk, PF_NEXT_SECRET);
        return PF_NO_ANSWER;
    }
    if (refused)
        return PF_REFUSED;
    bool prompt = ends_with(&screen, "$") || ends_with(&screen, "#") || ends_with(&screen, ">");
    return prompt ? PF_ACCEPTED : PF_NO_ANSWER;
}

size_t pf_telnet_data(const uint8_t *octets, size_t size, uint8_t *text)
{
    enum { SE = 240, SB = 250, WILL = 251, IAC = 255 };
    size_t length = 0;
    for (size_t at = 0; at < size;) {
        if (octets[at] != IAC) {
            text[length++] = octets[at++];
            continue;
        }
        uint8_t command = size - at > 1 ? octets[at + 1] : SE;
        if (command == IAC)
            text[length++] = IAC;
        at += command >= WILL && command != IAC ? 3 : 2;
        while (command == SB && at < size && octets[at - 1] != SE)
            at++;
    }
    return length;
}
