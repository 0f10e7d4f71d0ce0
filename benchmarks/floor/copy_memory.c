/* Copies as many octets as the file has from one place in memory to another, both far larger than caches: the least
 * that a read of the file out of the system's cache must take. Prints the number of octets and the seconds. */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    enum { SIZE = 256 << 20, STEP = 1 << 20 };
    struct stat file;
    if (argc != 2 || stat(argv[1], &file) != 0) {
        perror(argc == 2 ? argv[1] : "copy_memory");
        return 2;
    }
    char *from = aligned_alloc(4096, SIZE), *to = aligned_alloc(4096, SIZE);
    if (from == NULL || to == NULL)
        return 1;
    memset(from, 1, SIZE); /* so that pages are there */
    memset(to, 2, SIZE);
    double start = now();
    for (off_t done = 0; done < file.st_size; done += STEP)
        memcpy(to + done % SIZE, from + done % SIZE, STEP);
    double seconds = now() - start;
    volatile char used = to[SIZE / 2]; /* else a compiler may leave the copy out */
    (void)used;
    printf("%lld %.6f\n", (long long)file.st_size, seconds);
    free(from);
    free(to);
    return 0;
}
