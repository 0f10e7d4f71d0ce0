/* What a TCP segment or UDP datagram carries that no tunnel and no DNS is: by port where one is registered (IANA), by
 * shape where that is certain. It may still be taken for what it is not, or be a piece of something longer: the steps
 * behind this one note no faults. */
#include "payload/kerberos.h"
#include "payload/payload.h"

enum { FTP = 21, DHCP_SERVER = 67, DHCP_CLIENT = 68, KERBEROS = 88, NBNS = 137, MODBUS = 502, SSDP = 1900, PXE = 4011 };

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

/* These two begin behind what carries them. */
static enum pf_protocol kerberos_or_ntlm(const uint8_t *ports, struct pf_cursor *cursor)
{
    size_t at;
    if (either(ports, KERBEROS) && pf_is_kerberos(cursor, true))
        return pf_cursor_skip(cursor, PF_KERBEROS_LENGTH) ? PF_KERBEROS : PF_END;
    return pf_is_ntlmssp(cursor, &at) && pf_cursor_skip(cursor, at) ? PF_NTLMSSP : PF_END;
}

static enum pf_protocol over_tcp(const uint8_t *ports, struct pf_cursor *cursor)
{
    if (pf_is_tls(cursor, is_tls_port(ports)))
        return PF_TLS;
    if (either(ports, MODBUS) && pf_is_modbus(cursor))
        return PF_MODBUS;
    if (either(ports, FTP) && pf_is_ftp(cursor, pf_be16(ports + 2) == FTP))
        return PF_FTP;
    return pf_is_http(cursor) ? PF_HTTP : kerberos_or_ntlm(ports, cursor);
}

static enum pf_protocol over_udp(const uint8_t *ports, const struct pf_cursor *cursor)
{
    if ((either(ports, DHCP_SERVER) || either(ports, DHCP_CLIENT) || either(ports, PXE)) && pf_is_dhcp(cursor))
        return PF_DHCP;
    if (either(ports, NBNS) && pf_is_nbns(cursor))
        return PF_NBNS;
    if (either(ports, KERBEROS) && pf_is_kerberos(cursor, false))
        return PF_KERBEROS;
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
