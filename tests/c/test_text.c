#define _DEFAULT_SOURCE

#include "detect/text_attack.h"
#include "detect/text_domain.h"
#include "guard.h"
#include "refuse.h"
#include "talk.h"

/* --- pieces, beside a page that may not be touched -------------------------------------------------------------------
 */

static void check_attack(struct guard *guard, const char *text, enum pf_attack attack, const char *pattern)
{
    uint16_t found[PF_ATTACKS];
    const uint8_t *copy = guard_behind(guard, text, strlen(text));
    (void)pf_attack_look(copy, strlen(text), 1u << attack, found);
    if (pattern == NULL)
        CHECK_EQ(found[attack], PF_ATTACK_NONE);
    else if (CHECK(found[attack] != PF_ATTACK_NONE))
        CHECK_TEXT(pf_attack_patterns[found[attack]].text, pattern);
}

static void test_attacks(struct guard *guard)
{
    uint16_t found[PF_ATTACKS];
    check_attack(guard, "/?q=1%27%20OR%20%271", PF_ATTACK_SQL, "' or '");
    check_attack(guard, "/?q=1%2527+OR+%2527", PF_ATTACK_SQL, "' or '");
    check_attack(guard, "/a+b?q=union/**/select+", PF_ATTACK_SQL, "union select ");
    check_attack(guard, "/union+select+", PF_ATTACK_SQL, NULL); /* a plus sign in a path is one */
    check_attack(guard, "/?q=union/*select", PF_ATTACK_SQL, NULL);
    check_attack(guard, "/?q=%uoo27", PF_ATTACK_SQL, NULL);
    check_attack(guard, "/?q=1%20or%201=1", PF_ATTACK_SQL, "or #~=~#!");
    check_attack(guard, "/?q=1%20or%201=1a", PF_ATTACK_SQL, "=# or #");
    check_attack(guard, "%3", PF_ATTACK_SCRIPT, NULL);
    check_attack(guard, "%u003cscript", PF_ATTACK_SCRIPT, "<script");
    check_attack(guard, "%c0%ae%c0%ae%c0%af../", PF_ATTACK_TRAVERSAL, "../../");
    CHECK(!pf_attack_look(NULL, 0, ~0u, found));
    for (unsigned i = 0; i < pf_attack_pattern_count; i++) { /* one gap each: what matching costs depends on it */
        const char *gap = strchr(pf_attack_patterns[i].text, '*');
        CHECK(gap == NULL || strchr(gap + 1, '*') == NULL);
    }
}

/* A text of one octet, over and over, that every pattern begins with again and again. */
static void test_worst_texts(void)
{
    uint8_t *text = must(malloc(2 * PF_ATTACK_OCTETS));
    for (unsigned octet = 0; octet < 256; octet++) {
        uint16_t found[PF_ATTACKS];
        memset(text, (int)octet, 2 * PF_ATTACK_OCTETS);
        CHECK(!pf_attack_look(text, 2 * PF_ATTACK_OCTETS, ~0u, found));
    }
    free(text);
}

static void check_decoded(struct guard *guard, const char *text, const char *want)
{
    const uint8_t *copy = guard_behind(guard, text, strlen(text));
    struct pf_cursor cursor = {copy, copy + strlen(text), strlen(text)};
    uint8_t octets[PF_SECRET_DECODED];
    size_t size;
    if (CHECK(pf_secret_decode(&cursor, octets, &size) == (want != NULL)) && want != NULL)
        CHECK(size == strlen(want) && memcmp(octets, want, size) == 0);
}

static void test_base64(struct guard *guard)
{
    char longest[PF_SECRET_DECODED / 3 * 4 + 5];
    check_decoded(guard, "Zg==", "f"); /* RFC 4648, 10 */
    check_decoded(guard, "Zm8=", "fo");
    check_decoded(guard, "Zm9vYmFy", "foobar");
    check_decoded(guard, "Zm9vYg", "foob");
    check_decoded(guard, "", NULL);
    check_decoded(guard, "====", NULL);
    check_decoded(guard, "Zm9vY", NULL);
    check_decoded(guard, "Zm 9", NULL);
    memset(longest, 'A', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    check_decoded(guard, longest, NULL);
}

static void test_telnet(struct guard *guard)
{
    static const uint8_t said[] = {'a', 255, 255, 255, 253, 24, 'b', 255, 250, 24, 1, 255, 240, 'c', 255, 241, 'd'};
    static const uint8_t want[] = {'a', 255, 'b', 'c', 'd'};
    uint8_t text[sizeof said];
    for (size_t size = 0; size <= sizeof said; size++) {
        const uint8_t *copy = guard_behind(guard, said, size);
        size_t length = pf_telnet_data(copy, size, text);
        CHECK(length <= sizeof want && memcmp(text, want, length) == 0);
    }
    CHECK_EQ(pf_telnet_data(said, sizeof said, text), sizeof want);
}

static void test_domains(struct guard *guard)
{
    static const struct {
        const char *name, *domain;
    } names[] = {{"a.b.co.uk", "b.co.uk"},
                 {"b.co.uk", "b.co.uk"},
                 {"co.uk", "co.uk"},
                 {"a.co.example", "co.example"},
                 {"x", "x"},
                 {".", "."},
                 {"a..", ""},
                 {"a.b.\303\251", "b.\303\251"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t length = strlen(names[i].name);
        const char *copy = (const char *)guard_behind(guard, names[i].name, length);
        size_t at = pf_text_registered(copy, length);
        CHECK(at <= length);
        if (i + 2 < sizeof names / sizeof names[0] && strcmp(names[i].name, ".") != 0)
            CHECK_TEXT(names[i].name + at, names[i].domain);
    }
}

static void test_clip(void)
{
    CHECK_EQ(pf_text_clip("abc", 3, 3), 3);
    CHECK_EQ(pf_text_clip("abcd", 4, 3), 3);
    CHECK_EQ(pf_text_clip("ab\303\251", 4, 3), 2);
    CHECK_EQ(pf_text_clip("a\\255", 5, 4), 1);
    CHECK_EQ(pf_text_clip("\\255\\255", 8, 4), 4);
}

/* --- the limits ------------------------------------------------------------------------------------------------------
 */

static void test_rows(void)
{
    struct pf_text_rows rows = {.element = 3, .most = 20};
    struct pf_error error = {.status = PF_OK};
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 30; i++) {
            void *row;
            bool is_new;
            CHECK_OK(pf_text_rows_of(&rows, &i, sizeof i, &row, &is_new, &error));
            CHECK_EQ(row != NULL, i < 20);
            if (row == NULL)
                continue;
            CHECK_EQ(is_new, round == 0);
            CHECK_EQ(pf_text_row_number(&rows, row), i);
            CHECK_EQ(((uint8_t *)row)[2], round);
            ((uint8_t *)row)[2]++;
        }
    }
    CHECK_EQ(rows.dropped, 20);
    pf_text_rows_clear(&rows);
}

static void test_seen(void)
{
    struct pf_text_seen seen = {.size = 0};
    struct pf_error error = {.status = PF_OK};
    for (unsigned i = 0; i < 3000; i++) {
        bool first;
        unsigned number = i % 1000, whose = i / 1000 == 1; /* the last thousand again for the first */
        CHECK_OK(pf_text_seen_first(&seen, whose, (const char *)&number, sizeof number, &first, &error));
        CHECK_EQ(first, i < 2000);
    }
    CHECK_EQ(seen.count, 2000);
    pf_text_seen_clear(&seen);
}

/* --- the whole -------------------------------------------------------------------------------------------------------
 */

enum { CLIENTS = 40 };

static void put_all(struct built *built)
{
    static const char user[] = "USER bob\r\n", secret[] = "PASS s3cr3t\r\n", good[] = "230 in\r\n";
    static const char request[] = "GET /?q=%3Cscript%3E HTTP/1.1\r\nUser-Agent: sqlmap\r\n"
                                  "Authorization: Basic Ym9iOnMzY3IzdA==\r\n\r\n";
    put_header(built, &talk_form, 4, TALK_LINK);
    for (unsigned i = 0; i < CLIENTS; i++) {
        uint8_t query[] = "\0\7\1\0\0\1\0\0\0\0\0\0\3aaa\7example\3org\0\0\1\0\1";
        query[13] = (uint8_t)('a' + i % 26);
        put_said(built, 6 * i, true, i, 53, query, sizeof query - 1);
        query[2] |= 0x80;
        query[3] |= 3;
        put_said(built, 6 * i + 1, false, i, 53, query, sizeof query - 1);
        put_said(built, 6 * i + 2, true, i, 21, user, sizeof user - 1);
        put_said(built, 6 * i + 3, true, i, 21, secret, sizeof secret - 1);
        put_said(built, 6 * i + 4, false, i, 21, good, sizeof good - 1);
        put_said(built, 6 * i + 5, true, i, 80, request, sizeof request - 1);
    }
}

static void test_tables(const struct built *built)
{
    for (unsigned threads = 1; threads <= 4; threads++) {
        struct pf_frame frames[PF_TEXT_TABLES];
        struct pf_error error = {.status = PF_OK};
        CHECK_OK(text_tables(built->octets, built->size, threads, 600, frames, &error));
        CHECK_EQ(frames[PF_TEXT_CLIENTS].rows, CLIENTS);
        CHECK_EQ(frames[PF_TEXT_DOMAINS].rows, CLIENTS);
        CHECK_EQ(frames[PF_TEXT_REQUESTS].rows, 2 * CLIENTS); /* what they ask for, and what they say they are */
        CHECK_EQ(frames[PF_TEXT_LOGINS].rows, 2 * CLIENTS);   /* FTP and HTTP */
        frames_clear(frames);
    }
}

static enum pf_status tables_once(void *context, struct pf_error *error)
{
    const struct built *built = context;
    struct pf_frame frames[PF_TEXT_TABLES];
    enum pf_status status = text_tables(built->octets, built->size, 2, 900, frames, error);
    frames_clear(frames);
    return status;
}

int main(void)
{
    struct guard guard;
    struct built built = {NULL, 0, 0};
    guard_init(&guard, 4096);
    test_attacks(&guard);
    test_worst_texts();
    test_base64(&guard);
    test_telnet(&guard);
    test_domains(&guard);
    test_clip();
    test_rows();
    test_seen();
    put_all(&built);
    test_tables(&built);
    CHECK(refuse_each(tables_once, &built) > 60);
    built_clear(&built);
    guard_clear(&guard);
    return checks_done();
}
