/* Columns of flows that are there when their group is asked for, in one list; and what an open flow has of them.
 *
 *   X(identifier, group, name, type, unit, definition)
 *
 * Those of PF_SAID are columns of packets: a flow's is that of the first of its packets that has it. Where nothing is
 * asked for, nothing is kept and nothing is decoded. */
#ifndef PF_FLOW_EXTRA_H
#define PF_FLOW_EXTRA_H

#include "base/column.h"
#include "base/dictionary.h"
#include "flow/options.h"

enum pf_flow_group {
    PF_FLOW_SAYS_TLS,
    PF_FLOW_SAYS_DNS,
    PF_FLOW_SAYS_HTTP,
    PF_FLOW_RTT,
    PF_FLOW_STATE,
    PF_FLOW_RETRANS
};

#define PF_SAID(X) \
    X(TLS_NAME, TLS, "tls_handshake_extensions_server_name", TEXT, "", "Host name that the client asks for (SNI).") \
    X(TLS_ALPN, TLS, "tls_handshake_extensions_alpn_str", TEXT, "", \
      "Application protocol: of the first hello that has one.") \
    X(TLS_JA3, TLS, "tls_handshake_ja3", TEXT, "", "JA3 fingerprint of the client.") \
    X(TLS_JA3S, TLS, "tls_handshake_ja3s", TEXT, "", "JA3S fingerprint of the server.") \
    X(TLS_JA4, TLS, "tls_handshake_ja4", TEXT, "", "JA4 fingerprint of the client.") \
    X(DNS_NAME, DNS, "dns_qry_name", TEXT, "", "Name of the first DNS question.") \
    X(DNS_TYPE, DNS, "dns_qry_type", UINT16, "", "Type of the first DNS question (IANA number).") \
    X(DNS_CODE, DNS, "dns_flags_rcode", UINT8, "", "Code of the first DNS response (IANA number).") \
    X(HTTP_METHOD, HTTP, "http_request_method", TEXT, "", "Method of the first HTTP request.") \
    X(HTTP_HOST, HTTP, "http_host", TEXT, "", "Host of the first HTTP request that names one.") \
    X(HTTP_URI, HTTP, "http_request_uri", TEXT, "", "Target of the first HTTP request.") \
    X(HTTP_AGENT, HTTP, "http_user_agent", TEXT, "", "User agent of the first HTTP request that names one.") \
    X(HTTP_CODE, HTTP, "http_response_code", UINT16, "", "Status of the first HTTP response.")

#define PF_FOUND_OUT(X) \
    X(RTT, RTT, "handshake_rtt", INT64, "ns", \
      "TCP: from the source's last SYN before the answer to its first ACK after it: the round trip between both.") \
    X(RTT_SERVER, RTT, "handshake_rtt_server", INT64, "ns", \
      "The part of it up to the SYN with ACK: behind the capture.") \
    X(RTT_CLIENT, RTT, "handshake_rtt_client", INT64, "ns", "The part of it after that: before the capture.") \
    X(STATE, STATE, "conn_state", TEXT, "", "State of the connection in the terms of Zeek's conn.log; see below.") \
    X(FWD_AGAIN, RETRANS, "fwd_retransmissions", UINT64, "packets", \
      "Packets from the source with `tcp_analysis_retransmission`.") \
    X(BWD_AGAIN, RETRANS, "bwd_retransmissions", UINT64, "packets", \
      "Packets to the source with `tcp_analysis_retransmission`.") \
    X(FWD_REPEATED, RETRANS, "fwd_duplicate_acks", UINT64, "packets", \
      "Packets from the source with `tcp_analysis_duplicate_ack`.") \
    X(BWD_REPEATED, RETRANS, "bwd_duplicate_acks", UINT64, "packets", \
      "Packets to the source with `tcp_analysis_duplicate_ack`.")

enum pf_flow_extra_column {
#define X(id, group, name, type, unit, definition) PF_EXTRA_##id,
    PF_SAID(X) PF_FOUND_OUT(X)
#undef X
        PF_EXTRA_COUNT,
    PF_EXTRA_SAID = PF_EXTRA_RTT /* those before it are said */
};

struct pf_flow_extra_info {
    enum pf_flow_group group;
    struct pf_kind kind;
    const char *unit, *definition;
};
extern const struct pf_flow_extra_info pf_flow_extras[PF_EXTRA_COUNT];
extern const char *const pf_flow_groups[]; /* names, by enum pf_flow_group */
enum { PF_FLOW_GROUPS = PF_FLOW_RETRANS + 1 };

/* What a packet says: numbers, or where texts begin and how long they are. Bit i of `has`: value[i] is there. */
struct pf_flow_said {
    size_t text; /* in the list's texts: where those of this packet begin */
    uint32_t has;
    uint32_t value[PF_EXTRA_SAID], size[PF_EXTRA_SAID];
};

/* What packets say, in file order, and the texts of flows: once each. */
struct pf_flow_sayings {
    struct pf_flow_said *said;
    size_t count, capacity;
    char *text;
    size_t text_size, text_capacity;
    struct pf_dictionary texts;
};

struct pf_flow_extra {
    uint32_t has;
    uint32_t value[PF_EXTRA_SAID];      /* numbers, and codes of texts */
    uint32_t seen;                      /* of the handshake and what ended the connection */
    int64_t asked, answered, confirmed; /* ns */
    uint64_t again[2], repeated[2];
};

struct pf_flow_event;
struct pf_flow;

void pf_flow_sayings_clear(struct pf_flow_sayings *sayings); /* zeroed is fine */
/* Appends what a packet says, whose texts stand at `text`; *number is its number, from 1. */
enum pf_status pf_flow_sayings_add(struct pf_flow_sayings *sayings, const struct pf_flow_said *said, const char *text,
                                   size_t size, uint32_t *number, struct pf_error *error);

enum pf_status pf_flow_extra_add(struct pf_flow_extra *extra, const struct pf_flow_event *event,
                                 struct pf_flow_sayings *sayings, bool forward, struct pf_error *error);
/* A column's number; false where the flow has none. */
bool pf_flow_extra_number(const struct pf_flow *flow, enum pf_flow_extra_column column, uint64_t *number);
const char *pf_flow_conn_state(const struct pf_flow *flow);

#endif
