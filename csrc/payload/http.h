/* What an HTTP/1 message's header says (RFC 9110, 9112), and one of SSDP, which has the same form (UPnP Device
 * Architecture 2.0, 1.1.2). The cursor is at its first octet and stays. Any thread may call. */
#ifndef PF_PAYLOAD_HTTP_H
#define PF_PAYLOAD_HTTP_H

#include "payload/line.h"

enum pf_http_part {
    PF_HTTP_METHOD,
    PF_HTTP_TARGET,
    PF_HTTP_REQUEST_VERSION,
    PF_HTTP_RESPONSE_VERSION,
    PF_HTTP_CODE, /* three digits */
};

/* A piece of the start line; false where there is none of the kind. */
bool pf_http_start(const struct pf_cursor *message, enum pf_http_part part, struct pf_cursor *piece);

/* The value of the first field line with the name, given in small letters, and whether it is whole. */
bool pf_http_field(const struct pf_cursor *message, const char *name, struct pf_line *value);
/* The same of up to 31 names in one reading; bit i of the answer: values[i] is there. */
unsigned pf_http_fields(const struct pf_cursor *message, const char *const names[], unsigned count,
                        struct pf_line values[]);

#endif
