/* What a TCP segment or UDP datagram carries that no tunnel and no DNS is: by port where one is registered (IANA), by
 * shape where that is certain. It may still be taken for what it is not, or be a piece of something longer: the steps
 * behind this one note no faults. */
#include "payload/payload.h"

enum { FTP = 21, MODBUS = 502, SSDP = 1900 };

/* Over TLS from the first octet on: HTTPS, submission, NNTP, LDAP, DNS, FTP data and control, Telnet, IMAP, IRC, POP3,
 * RadSec, global catalogue, SIP, STUN, AMQP, WS-Management, syslog, IRC, HTTPS of PCsync, MQTT. */
static const uint16_t tls_ports[] = {443,  465,  563,  636,  853,  989,  990,  992,  993,  994, 995,
                                     2083, 3269, 5061, 5349, 5671, 5986, 6514, 6697, 8443, 8883};

static bool either(const uint8_t *ports, uint16_t port)
{
    return pf_be16(ports) == port || pf_be16(ports + 2) == port;
}

static bool is_tls_port(const uint8_t *ports)
{
    for (size_t i = 0; i < sizeof tls_ports / sizeof tls_ports[0]; i++) {
        if (either(ports, tls_ports[i]))
            return true;
    }
    return false;
}

static enum pf_protocol over_tcp(const uint8_t *ports, const struct pf_cursor *cursor)
{
    if (pf_is_tls(cursor, is_tls_port(ports)))
        return PF_TLS;
    if (either(ports, MODBUS) && pf_is_modbus(cursor))
        return PF_MODBUS;
    if (either(ports, FTP) && pf_is_ftp(cursor, pf_be16(ports + 2) == FTP))
        return PF_FTP;
    return pf_is_http(cursor) ? PF_HTTP : PF_END;
}

static enum pf_protocol over_udp(const uint8_t *ports, const struct pf_cursor *cursor)
{
    if (either(ports, SSDP) && pf_is_http(cursor))
        return PF_SSDP;
    return pf_is_quic(cursor) ? PF_QUIC : PF_END;
}

enum pf_protocol pf_step_data(struct pf_packet *packet, struct pf_cursor *cursor)
{
    uint8_t layer = (uint8_t)(packet->layers - 1); /* TCP or UDP: nothing else comes here */
    const uint8_t *ports = pf_layer_octets(packet, layer, 0, 4);
    if (ports == NULL || pf_cursor_left(cursor) == 0 || packet->layers == PF_MOST_LAYERS)
        return PF_END;
    return packet->layer[layer].protocol == PF_TCP ? over_tcp(ports, cursor) : over_udp(ports, cursor);
}
