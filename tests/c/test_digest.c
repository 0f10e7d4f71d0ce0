#define _DEFAULT_SOURCE
#include "base/digest.h"

#include "check.h"
#include "guard.h"

/* As text, for the message fed in pieces of `step` octets. */
static void check_digest(enum pf_digest_kind kind, const uint8_t *message, size_t size, size_t step, const char *want)
{
    struct pf_digest digest;
    uint8_t octets[PF_DIGEST_ROOM];
    char text[2 * PF_DIGEST_ROOM + 1] = "";
    memset(&digest, 0xa5, sizeof digest);
    pf_digest_init(&digest, kind);
    for (size_t at = 0; at < size; at += step)
        pf_digest_add(&digest, message + at, step < size - at ? step : size - at);
    size_t length = pf_digest_finish(&digest, octets);
    for (size_t i = 0; i < length; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", octets[i]);
    CHECK_TEXT(text, want);
}

/* RFC 1321 A.5; FIPS 180-4's examples "abc" and of two blocks. */
static void test_vectors(void)
{
    static const struct {
        enum pf_digest_kind kind;
        const char *message, *digest;
    } vectors[] = {
        {PF_MD5, "", "d41d8cd98f00b204e9800998ecf8427e"},
        {PF_MD5, "a", "0cc175b9c0f1b6a831c399e269772661"},
        {PF_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72"},
        {PF_MD5, "message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
        {PF_MD5, "abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
        {PF_MD5, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"},
        {PF_MD5, "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
         "57edf4a22be3c955ac49da2e2107b67a"},
        {PF_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {PF_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {PF_SHA1, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
        {PF_SHA256, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    struct guard guard;
    guard_init(&guard, 128);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        size_t size = strlen(vectors[i].message);
        const uint8_t *message = guard_behind(&guard, (const uint8_t *)vectors[i].message, size);
        for (size_t step = 1; step <= size + 1; step++)
            check_digest(vectors[i].kind, message, size, step, vectors[i].digest);
    }
    guard_clear(&guard);
}

/* The same documents' million of the letter a, in pieces around the size of a block. */
static void test_a_million(void)
{
    enum { MILLION = 1000000 };
    uint8_t *message = malloc(MILLION);
    if (!CHECK(message != NULL))
        return;
    memset(message, 'a', MILLION);
    static const size_t steps[] = {63, 64, 65, 4096, MILLION};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        check_digest(PF_MD5, message, MILLION, steps[i], "7707d6ae4e027c70eea2a935c2296f21");
        check_digest(PF_SHA1, message, MILLION, steps[i], "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
        check_digest(PF_SHA256, message, MILLION, steps[i],
                     "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
    free(message);
}

int main(void)
{
    test_vectors();
    test_a_million();
    return checks_done();
}
