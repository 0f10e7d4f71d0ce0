/* Provider backbone bridges (IEEE 802.1ah): the customer's frame behind a service tag of flags and I-SID */
#include "packet/packet.h"

enum { TAG = 4 };

enum pf_protocol pf_step_pbb(struct pf_packet *packet, struct pf_cursor *cursor)
{
    return pf_cursor_skip(cursor, TAG) ? PF_ETH : pf_lacking(packet, PF_PBB, cursor, TAG);
}
