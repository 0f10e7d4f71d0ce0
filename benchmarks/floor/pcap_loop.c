/* libpcap's own loop with nothing in it: what reading packets one by one costs before anything is done with them.
 * Prints the number of packets and the seconds from opening the file to its end. */
#define _DEFAULT_SOURCE
#include <pcap/pcap.h>
#include <stdio.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    char why[PCAP_ERRBUF_SIZE];
    if (argc != 2) {
        printf("%s\n", pcap_lib_version());
        return 0;
    }
    double start = now();
    pcap_t *capture = pcap_open_offline(argv[1], why);
    if (!capture) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    struct pcap_pkthdr *header;
    const u_char *octets;
    unsigned long packets = 0;
    while (pcap_next_ex(capture, &header, &octets) == 1)
        packets++;
    pcap_close(capture);
    double seconds = now() - start;
    printf("%lu %.6f\n", packets, seconds);
    return 0;
}
