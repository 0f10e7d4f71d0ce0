#include "payload/payload.h"

bool pf_is_tls(const struct pf_cursor *cursor, bool registered)
{
    (void)cursor;
    (void)registered;
    return false;
}

enum pf_protocol pf_step_tls(struct pf_packet *packet, struct pf_cursor *cursor)
{
    (void)packet;
    (void)cursor;
    return PF_END;
}
