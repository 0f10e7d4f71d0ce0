#include "payload/ftp.h"

#include "payload/line.h"
#include "payload/payload.h"

/* RFC 959, 5.3.1: commands are three or four letters; those added since have up to eight. */
enum { SHORTEST = 3, LONGEST = 8, CODE_DIGITS = 3 };

static bool is_letter(uint8_t octet)
{
    return (octet | 0x20) >= 'a' && (octet | 0x20) <= 'z';
}

static bool is_digit(uint8_t octet)
{
    return octet >= '0' && octet <= '9';
}

bool pf_ftp_command(const struct pf_cursor *message, struct pf_cursor *command, struct pf_cursor *argument)
{
    struct pf_cursor rest = *message;
    struct pf_line line;
    if (!pf_next_line(&rest, &line))
        return false;
    *command = pf_next_word(&line.text, ' ');
    size_t length = pf_cursor_left(command);
    if (length < SHORTEST || length > LONGEST || !is_letter(command->at[0]))
        return false;
    for (size_t i = 1; i < length; i++) {
        if (!is_letter(command->at[i]) && !is_digit(command->at[i]))
            return false;
    }
    while (line.text.at != line.text.end && line.text.at[0] == ' ')
        line.text.at++;
    *argument = line.text;
    return true;
}

bool pf_ftp_reply(const struct pf_cursor *message, struct pf_cursor *code, struct pf_cursor *argument)
{
    struct pf_cursor rest = *message;
    struct pf_line line;
    if (!pf_next_line(&rest, &line))
        return false;
    const uint8_t *digits = pf_cursor_need(&line.text, CODE_DIGITS);
    if (digits == NULL || !is_digit(digits[0]) || !is_digit(digits[1]) || !is_digit(digits[2]))
        return false;
    *code = *argument = line.text;
    code->end = argument->at = digits + CODE_DIGITS;
    if (pf_cursor_left(argument) != 0 && argument->at[0] != ' ' && argument->at[0] != '-')
        return false;
    (void)pf_cursor_skip(argument, pf_cursor_left(argument) != 0);
    return true;
}

bool pf_is_ftp(const struct pf_cursor *cursor, bool to_server)
{
    struct pf_cursor word, rest;
    return to_server ? pf_ftp_command(cursor, &word, &rest) : pf_ftp_reply(cursor, &word, &rest);
}

enum pf_protocol pf_step_ftp(struct pf_packet *packet, struct pf_cursor *cursor)
{
    (void)packet;
    (void)cursor;
    return PF_END;
}
