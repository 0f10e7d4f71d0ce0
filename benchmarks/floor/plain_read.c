/* One sequential read of a file, 1 MiB at a time: the least that anything that looks at all of it must take.
 * Prints the number of octets and the seconds from opening the file to its end. */
#define _DEFAULT_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    enum { SIZE = 1 << 20 };
    if (argc != 2)
        return 2;
    char *buffer = aligned_alloc(4096, SIZE); /* a buffer 16 octets into a page, as malloc gives, is far slower */
    double start = now();
    int file = open(argv[1], O_RDONLY);
    if (!buffer || file < 0) {
        perror(argv[1]);
        return 1;
    }
    unsigned long octets = 0;
    ssize_t got;
    while ((got = read(file, buffer, SIZE)) > 0)
        octets += (unsigned long)got;
    close(file);
    double seconds = now() - start;
    free(buffer);
    printf("%lu %.6f\n", octets, seconds);
    return got < 0;
}
