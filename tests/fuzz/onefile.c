/* Runs a fuzz target on the files named, once each, without libFuzzer: how `make test-c` replays a corpus. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size);

int main(int count, char **paths)
{
    for (int i = 1; i < count; i++) {
        FILE *file = fopen(paths[i], "rb");
        if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
            perror(paths[i]);
            return 1;
        }
        long size = ftell(file);
        rewind(file);
        /* As long as the file is, so that a sanitizer sees a read beyond its end. */
        uint8_t *octets = malloc(size > 0 ? (size_t)size : 1);
        if (size < 0 || octets == NULL || fread(octets, 1, (size_t)size, file) != (size_t)size) {
            perror(paths[i]);
            return 1;
        }
        (void)fclose(file);
        (void)printf("%s\n", paths[i]);
        (void)fflush(stdout); /* the last one named is the one that failed */
        (void)LLVMFuzzerTestOneInput(octets, (size_t)size);
        free(octets);
    }
    return 0;
}
