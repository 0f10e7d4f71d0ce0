#define _DEFAULT_SOURCE
#include "base/os_random.h"

#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/random.h>
#endif

void pf_os_random(void *memory, size_t size)
{
#ifdef __linux__
    uint8_t *octets = memory;
    while (size != 0) {
        ssize_t got = getrandom(octets, size < 256 ? size : 256, 0); /* up to 256 octets are never cut short */
        if (got <= 0)
            abort(); /* no kernel we run on refuses; a guessable secret must not pass for one */
        octets += got;
        size -= (size_t)got;
    }
#else
    arc4random_buf(memory, size);
#endif
}
