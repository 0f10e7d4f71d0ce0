#include "payload/payload.h"

bool pf_is_http(const struct pf_cursor *cursor)
{
    (void)cursor;
    return false;
}

enum pf_protocol pf_step_http(struct pf_packet *packet, struct pf_cursor *cursor)
{
    (void)packet;
    (void)cursor;
    return PF_END;
}
