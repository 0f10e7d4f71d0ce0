#include "flow/link.h"

#include "base/cursor.h"

enum { VLAN = 0x8100, PROVIDER_VLAN = 0x88a8, OLD_VLAN = 0x9100, TAG = 4 };

/* Link types by their number at tcpdump.org/linktypes. */
enum {
    NULL_LINK = 0,
    RAW_BSD = 12,
    RAW_OPENBSD = 14,
    RAW = 101,
    LOOP = 108,
    SLL = 113,
    V4 = 228,
    V6 = 229,
    SLL2 = 276
};

static unsigned by_version(const struct pf_flow_view *view)
{
    const uint8_t *first = pf_flow_at(view, 0, 1);
    unsigned version = first != NULL ? first[0] >> 4 : 0;
    return version == 4 ? PF_FLOW_IPV4 : version == 6 ? PF_FLOW_IPV6 : 0;
}

/* Address families as their systems number them (docs/decoding.md), in the octet order of the machine that captured. */
static unsigned by_family(const uint8_t *header, bool big_endian)
{
    uint32_t family = pf_le32(header);
    if (big_endian || family > 0xffff)
        family = pf_be32(header);
    switch (family) {
    case 2:
        return PF_FLOW_IPV4;
    case 10:
    case 24:
    case 28:
    case 30:
        return PF_FLOW_IPV6;
    default:
        return 0;
    }
}

/* A type of two octets at `place`, what it is the type of at `behind`. */
static bool typed(const struct pf_flow_view *view, size_t place, size_t behind, unsigned *kind, size_t *at)
{
    const uint8_t *header = pf_flow_at(view, 0, behind);
    if (header == NULL)
        return false;
    *kind = pf_be16(header + place);
    *at = behind;
    while (*kind == VLAN || *kind == PROVIDER_VLAN || *kind == OLD_VLAN) { /* each takes four octets of what there is */
        const uint8_t *tag = pf_flow_at(view, *at, TAG);
        if (tag == NULL)
            return false;
        *kind = pf_be16(tag + 2);
        *at += TAG;
    }
    return true;
}

enum pf_flow_verdict pf_flow_link(const struct pf_flow_options *options, uint16_t link_type,
                                  const struct pf_flow_view *view, unsigned *kind, size_t *at)
{
    const uint8_t *header;
    if (options->cic && link_type != PF_FLOW_ETHERNET)
        return PF_FLOW_LINK_TYPE;
    *at = 0;
    switch (link_type) {
    case PF_FLOW_ETHERNET:
        return typed(view, 12, 14, kind, at) ? PF_FLOW_TAKEN : PF_FLOW_NOT_IP;
    case SLL:
        return typed(view, 14, 16, kind, at) ? PF_FLOW_TAKEN : PF_FLOW_NOT_IP;
    case SLL2:
        return typed(view, 0, 20, kind, at) ? PF_FLOW_TAKEN : PF_FLOW_NOT_IP;
    case RAW:
    case RAW_BSD:
    case RAW_OPENBSD:
        *kind = by_version(view);
        return PF_FLOW_TAKEN;
    case V4:
        *kind = PF_FLOW_IPV4;
        return PF_FLOW_TAKEN;
    case V6:
        *kind = PF_FLOW_IPV6;
        return PF_FLOW_TAKEN;
    case NULL_LINK:
    case LOOP:
        header = pf_flow_at(view, 0, 4);
        if (header == NULL)
            return PF_FLOW_NOT_IP;
        *kind = by_family(header, link_type == LOOP);
        *at = 4;
        return PF_FLOW_TAKEN;
    default:
        return PF_FLOW_LINK_TYPE;
    }
}
