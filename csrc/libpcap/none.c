#include "libpcap/bpf.h"
#include "libpcap/live.h"

#define HOW \
    "install libpcap's headers (apt install libpcap-dev | dnf install libpcap-devel | apk add libpcap-dev | " \
    "brew install libpcap), then `pip install --no-cache-dir --force-reinstall .`"

bool pf_libpcap(const char **says)
{
    *says = HOW;
    return false;
}

enum pf_status pf_bpf_compile(const char *expression, uint16_t link_type, bool big_endian, struct pf_bpf **program,
                              struct pf_error *error)
{
    (void)link_type;
    (void)big_endian;
    *program = NULL;
    return pf_fail(error, PF_NOT_FILTER, "filter \"%.80s\": needs libpcap, which is not built in: " HOW, expression);
}

bool pf_bpf_matches(const struct pf_bpf *program, const uint8_t *octets, uint32_t len, uint32_t captured)
{
    (void)program;
    (void)octets;
    (void)len;
    (void)captured;
    return false;
}

void pf_bpf_free(struct pf_bpf *program)
{
    (void)program;
}

enum pf_status pf_live_open(const struct pf_live_how *how, struct pf_source **source, struct pf_error *error)
{
    *source = NULL;
    return pf_fail(error, PF_NOT_BUILT_IN, "%.80s: to capture needs libpcap, which is not built in: " HOW,
                   how->interface);
}

void pf_live_finish(struct pf_source *source)
{
    (void)source;
}

bool pf_live_statistics(struct pf_source *source, uint64_t *received, uint64_t *dropped, uint64_t *missed)
{
    (void)source;
    *received = *dropped = *missed = 0;
    return false;
}

enum pf_status pf_live_interfaces(enum pf_status (*tell)(void *context, const struct pf_live_interface *interface,
                                                         struct pf_error *error),
                                  void *context, struct pf_error *error)
{
    (void)tell;
    (void)context;
    return pf_fail(error, PF_NOT_BUILT_IN, "interfaces: needs libpcap, which is not built in: " HOW);
}
