/* What the link layer carries, as far as flows go: shared by the two files that accept packets. */
#ifndef PF_FLOW_LINK_H
#define PF_FLOW_LINK_H

#include "flow/event.h"

/* A record's captured octets. */
struct pf_flow_view {
    const uint8_t *octets;
    size_t captured;
};

/* `size` octets at `offset`, or NULL when they are not all there. */
static inline const uint8_t *pf_flow_at(const struct pf_flow_view *view, size_t offset, size_t size)
{
    return offset <= view->captured && size <= view->captured - offset ? view->octets + offset : NULL;
}

enum { PF_FLOW_ETHERNET = 1, PF_FLOW_IPV4 = 0x0800, PF_FLOW_IPV6 = 0x86dd };

/* The EtherType that is carried and where it begins: TAKEN, NOT_IP (it is cut) or LINK_TYPE. */
enum pf_flow_verdict pf_flow_link(const struct pf_flow_options *options, uint16_t link_type,
                                  const struct pf_flow_view *view, unsigned *kind, size_t *at);

#endif
