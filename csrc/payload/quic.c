#include "payload/payload.h"

bool pf_is_quic(const struct pf_cursor *cursor)
{
    (void)cursor;
    return false;
}

enum pf_protocol pf_step_quic(struct pf_packet *packet, struct pf_cursor *cursor)
{
    (void)packet;
    (void)cursor;
    return PF_END;
}
