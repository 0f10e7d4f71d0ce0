#include "detect/text_attack.h"

#include "base/os_thread.h"

#include <string.h>

enum { GAP = 40 }; /* of `*`: an element's name and one attribute, not another sentence */

/* Patterns by their first octet: those of octet o are listed[from[o]] up to listed[from[o + 1]]. */
static uint16_t listed[PF_ATTACK_MOST], from[257];
static pf_once once = PF_ONCE_INIT;

static void list(void)
{
    unsigned count = 0;
    for (unsigned octet = 0; octet < 256; octet++) {
        from[octet] = (uint16_t)count;
        for (uint16_t i = 0; i < pf_attack_pattern_count; i++) {
            if ((uint8_t)pf_attack_patterns[i].text[0] == octet)
                listed[count++] = i;
        }
    }
    from[256] = (uint16_t)count;
}

static int hex_of(uint8_t octet)
{
    if (octet >= '0' && octet <= '9')
        return octet - '0';
    octet |= 0x20;
    return octet >= 'a' && octet <= 'f' ? octet - 'a' + 10 : -1;
}

/* "%41", "%u0041" (as IIS reads it) or the octet itself; moves `at` behind it. */
static uint8_t next_octet(const uint8_t *text, size_t size, size_t *at)
{
    size_t wide = *at + 1 < size && (text[*at + 1] | 0x20) == 'u' ? 3 : 0; /* "u00" */
    size_t digits = *at + 1 + wide;
    if (text[*at] == '%' && size - *at > 2 + wide && hex_of(text[digits]) >= 0 && hex_of(text[digits + 1]) >= 0 &&
        (wide == 0 || (text[*at + 2] == '0' && text[*at + 3] == '0'))) {
        *at = digits + 2;
        return (uint8_t)(hex_of(text[digits]) << 4 | hex_of(text[digits + 1]));
    }
    return text[(*at)++];
}

/* In place; `form`: a plus sign behind the first question mark is a space, as forms write it. */
static size_t decode(uint8_t *text, size_t size, bool form)
{
    size_t length = 0;
    bool query = false;
    for (size_t at = 0; at < size;) {
        uint8_t raw = text[at];
        uint8_t octet = next_octet(text, size, &at);
        query |= raw == '?';
        text[length++] = form && query && raw == '+' ? ' ' : octet;
    }
    return length;
}

/* RFC 3629 forbids them, some servers took them: a stop and a slash in two octets. */
static bool is_overlong(const uint8_t *text, size_t size, size_t at)
{
    return text[at] == 0xc0 && size - at > 1 && (text[at + 1] == 0xae || text[at + 1] == 0xaf);
}

static bool is_pair(const uint8_t *text, size_t size, size_t at, char first, char second)
{
    return size - at > 1 && text[at] == (uint8_t)first && text[at + 1] == (uint8_t)second;
}

/* Behind a comment of SQL that begins here, or `at`. Of one that MySQL runs ("/" "*!50000 ... *" "/") only the marks
 * are stepped over. */
static size_t skip_comment(const uint8_t *text, size_t size, size_t at)
{
    if (is_pair(text, size, at, '*', '/'))
        return at + 2;
    if (!is_pair(text, size, at, '/', '*'))
        return at;
    if (size - at > 2 && text[at + 2] == '!') {
        for (at += 3; at < size && text[at] >= '0' && text[at] <= '9';)
            at++;
        return at;
    }
    for (size_t end = at + 2; end + 1 < size; end++) {
        if (is_pair(text, size, end, '*', '/'))
            return end + 2;
    }
    return at;
}

/* Small letters; white space, controls and comments one space. A comment that does not end is searched for its end
 * once: `plain` says that no later one does either. */
static size_t fold(const uint8_t *text, size_t size, uint8_t *room)
{
    size_t length = 0;
    bool plain = false;
    for (size_t at = 0; at < size;) {
        uint8_t octet = text[at];
        size_t behind = plain ? at : skip_comment(text, size, at);
        plain |= behind == at && is_pair(text, size, at, '/', '*');
        bool space = octet <= ' ' || octet == 0x7f || behind != at;
        if (is_overlong(text, size, at)) {
            octet = text[at + 1] == 0xae ? '.' : '/';
            behind = at + 2;
        }
        at = behind != at ? behind : at + 1;
        if (!space)
            room[length++] = octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet | 0x20) : octet;
        else if (length == 0 || room[length - 1] != ' ')
            room[length++] = ' ';
    }
    return length;
}

static bool is_word(uint8_t octet)
{
    return (octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9') || octet == '_';
}

/* Whether the pattern, which has no more than one `*` from here on, is what the text begins with. */
static bool begins_with(const char *pattern, const uint8_t *text, size_t size)
{
    size_t at = 0;
    for (; *pattern != '\0'; pattern++) {
        switch (*pattern) {
        case '#': {
            size_t digits = at;
            while (at < size && text[at] >= '0' && text[at] <= '9')
                at++;
            if (at == digits)
                return false;
            break;
        }
        case '~':
            at += at < size && text[at] == ' ';
            break;
        case '!':
            if (at < size && is_word(text[at]))
                return false;
            break;
        case '*':
            for (size_t gap = 0; gap <= GAP && gap <= size - at; gap++) {
                if (begins_with(pattern + 1, text + at + gap, size - at - gap))
                    return true;
            }
            return false;
        default:
            if (at == size || text[at] != (uint8_t)*pattern)
                return false;
            at++;
        }
    }
    return true;
}

/* One that is not weak comes before those that are, then the first of the list. */
static bool is_better(uint16_t pattern, uint16_t than)
{
    if (than == PF_ATTACK_NONE)
        return true;
    bool weak = pf_attack_patterns[pattern].weak, weaker = pf_attack_patterns[than].weak;
    return weak != weaker ? weaker : pattern < than;
}

static void look(const uint8_t *text, size_t size, unsigned wanted, uint16_t found[PF_ATTACKS])
{
    for (size_t at = 0; at < size; at++) {
        for (unsigned i = from[text[at]]; i < from[text[at] + 1u]; i++) {
            const struct pf_attack_pattern *pattern = &pf_attack_patterns[listed[i]];
            if ((wanted >> pattern->attack & 1) != 0 && is_better(listed[i], found[pattern->attack]) &&
                begins_with(pattern->text, text + at, size - at))
                found[pattern->attack] = listed[i];
        }
    }
}

bool pf_attack_look(const uint8_t *text, size_t size, unsigned wanted, uint16_t found[PF_ATTACKS])
{
    uint8_t decoded[PF_ATTACK_OCTETS], room[PF_ATTACK_OCTETS];
    bool any = false;
    pf_os_once(&once, list);
    memset(found, 0xff, PF_ATTACKS * sizeof *found); /* PF_ATTACK_NONE */
    size = size < sizeof decoded ? size : sizeof decoded;
    if (size != 0)
        memcpy(decoded, text, size);
    for (unsigned round = 0; round < 2; round++) {
        if (round == 1 && (size == 0 || memchr(decoded, '%', size) == NULL))
            break;
        size = decode(decoded, size, round == 0);
        look(room, fold(decoded, size, room), wanted, found);
    }
    for (unsigned i = 0; i < PF_ATTACKS; i++)
        any |= found[i] != PF_ATTACK_NONE;
    return any;
}
