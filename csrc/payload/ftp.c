#include "payload/payload.h"

enum pf_protocol pf_step_ftp(struct pf_packet *packet, struct pf_cursor *cursor)
{
    (void)packet;
    (void)cursor;
    return PF_END;
}
