#include "libpcap/bpf.h"

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
