/* TCP (RFC 9293), its options (RFC 7323 window scale and timestamps, RFC 2018 selective acknowledgment): the first such
 * header at any depth. */
#include "field/define.h"

enum {
    HEADER = 20,
    END_OF_OPTIONS = 0,
    NO_OPERATION = 1,
    MSS = 2,
    WINDOW_SCALE = 3,
    SACK_PERMITTED = 4,
    TIMESTAMPS = 8
};

static bool get_len(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    value->word[0] = packet->tcp_len;
    return packet->has_tcp_len;
}

static bool get_hdr_len(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    const uint8_t *octet = pf_layer_octets(packet, packet->first[PF_TCP], 12, 1);
    (void)field;
    if (octet != NULL)
        value->word[0] = (*octet >> 4) * 4u;
    return octet != NULL;
}

/* The options: `size` captured octets of `told` that the header says there are. */
static const uint8_t *options(const struct pf_packet *packet, unsigned *size, unsigned *told)
{
    uint8_t layer = packet->first[PF_TCP];
    const uint8_t *header = pf_layer_octets(packet, layer, 0, HEADER);
    if (header == NULL || header[12] >> 4 <= HEADER / 4)
        return NULL;
    *told = (header[12] >> 4) * 4u - HEADER;
    uint32_t captured = packet->layer[layer].captured - HEADER;
    *size = *told < captured ? *told : captured;
    return header + HEADER;
}

/* The first option of kind field->offset, which has field->protocol octets: `field->size` of them from field->shift. */
static bool get_option(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    unsigned size, told, at = 0;
    const uint8_t *octets = options(packet, &size, &told);
    while (octets != NULL && at < size && octets[at] != END_OF_OPTIONS) {
        if (octets[at] == NO_OPERATION) {
            at++;
            continue;
        }
        unsigned length = size - at >= 2 ? octets[at + 1] : 0;
        if (length < 2 || length > told - at)
            return false;
        if (octets[at] == field->offset) {
            if (length != field->protocol || (unsigned)field->shift + field->size > size - at)
                return false;
            value->word[0] = field->size != 0 ? pf_be(octets + at + field->shift, field->size) : 1;
            return true;
        }
        at += length;
    }
    return false;
}

/* An option's kind and length; its number at an octet of it; size 0: it says all by being there. */
#define OPTION(kind_, length_, at_, size_) \
    .get = get_option, .offset = kind_, .protocol = length_, .shift = at_, .size = size_

static bool write_option_kinds(const struct pf_field *field, const struct pf_packet *packet, struct pf_writer *writer)
{
    unsigned size, told;
    const uint8_t *octets = options(packet, &size, &told);
    (void)field;
    return octets != NULL && pf_write_option_kinds(octets, size, writer);
}

static bool get_payload(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    return pf_transport_payload(packet, packet->first[PF_TCP], value);
}

/* What the segments before tell, as stream/analysis stamped it. */
enum { STREAM, RETRANSMISSION, DUPLICATE_ACK, ACK_RTT };

static bool get_found(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    const struct pf_tcp_found *found = &packet->tcp;
    const uint64_t words[] = {
        [STREAM] = found->stream,
        [RETRANSMISSION] = found->retransmission,
        [DUPLICATE_ACK] = found->duplicate_ack,
        [ACK_RTT] = (uint64_t)found->ack_rtt,
    };
    value->word[0] = words[field->offset];
    return field->offset == ACK_RTT ? found->has_ack_rtt : found->known;
}

/* Of a message that segments were put together to, which is what such a field is shown. */
static bool get_reassembled(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    (void)field;
    if (packet->message != NULL)
        value->word[0] = packet->record.cap_len - HEADER;
    return packet->message != NULL;
}

#define FOUND(what_) .get = get_found, .offset = what_, .needs = PF_NEED_TCP

#define FLAG(name, bit, doc) \
    PF_FIELD("tcp_flags_" name, UINT8, TRANSPORT, "tcp.flags." name, doc, PF_NUMBER_AT(TCP, 12, 2, bit, 1))

static const struct pf_field fields[] = {
    PF_COMMON_FIELD("tcp_srcport", UINT16, true, TRANSPORT, "tcp.srcport", "TCP source port.",
                    PF_NUMBER_AT(TCP, 0, 2, 0, 0xffff)),
    PF_COMMON_FIELD("tcp_dstport", UINT16, true, TRANSPORT, "tcp.dstport", "TCP destination port.",
                    PF_NUMBER_AT(TCP, 2, 2, 0, 0xffff)),
    PF_COMMON_FIELD("tcp_seq_raw", UINT32, true, TRANSPORT, "tcp.seq_raw", "TCP sequence number as on the wire.",
                    PF_NUMBER_AT(TCP, 4, 4, 0, UINT32_MAX)),
    PF_COMMON_FIELD("tcp_ack_raw", UINT32, true, TRANSPORT, "tcp.ack_raw", "TCP acknowledgment number as on the wire.",
                    PF_NUMBER_AT(TCP, 8, 4, 0, UINT32_MAX)),
    PF_COMMON_FIELD("tcp_flags", UINT16, true, TRANSPORT, "tcp.flags", "TCP flags, 12 bits, FIN lowest.",
                    PF_NUMBER_AT(TCP, 12, 2, 0, 0x0fff)),
    PF_COMMON_FIELD("tcp_len", UINT32, true, TRANSPORT, "tcp.len", "Octets of TCP payload on the wire.",
                    .get = get_len),
    FLAG("fin", 0, "The sender has no more to send."),
    FLAG("syn", 1, "Sequence numbers begin here."),
    FLAG("reset", 2, "The connection is refused or broken off."),
    FLAG("push", 3, "The receiver is to hand the data on at once."),
    FLAG("ack", 4, "The acknowledgment number counts."),
    FLAG("urg", 5, "The urgent pointer counts."),
    FLAG("ece", 6, "Congestion was met (RFC 3168)."),
    FLAG("cwr", 7, "The congestion window was made smaller (RFC 3168)."),
    FLAG("ae", 8, "Accurate ECN (RFC 7560), once the nonce sum."),
    PF_FIELD("tcp_hdr_len", UINT8, TRANSPORT, "tcp.hdr_len", "Octets of the TCP header.", .get = get_hdr_len),
    PF_FIELD("tcp_window_size_value", UINT16, TRANSPORT, "tcp.window_size_value",
             "Window as in the header, not scaled.", PF_NUMBER_AT(TCP, 14, 2, 0, 0xffff)),
    PF_FIELD("tcp_checksum", UINT16, TRANSPORT, "tcp.checksum", "TCP checksum, as on the wire.",
             PF_NUMBER_AT(TCP, 16, 2, 0, 0xffff)),
    PF_FIELD("tcp_urgent_pointer", UINT16, TRANSPORT, "tcp.urgent_pointer", "Urgent pointer.",
             PF_NUMBER_AT(TCP, 18, 2, 0, 0xffff)),
    PF_FIELD("tcp_option_kinds", TEXT, TRANSPORT, "", "Kinds of the TCP options in their order, such as `2,4,8,1,3`.",
             .write = write_option_kinds),
    PF_FIELD("tcp_options_mss_val", UINT16, TRANSPORT, "tcp.options.mss_val", "Maximum segment size, where it is told.",
             OPTION(MSS, 4, 2, 2)),
    PF_FIELD("tcp_options_wscale_shift", UINT8, TRANSPORT, "tcp.options.wscale.shift",
             "How many bits the window is to be shifted left.", OPTION(WINDOW_SCALE, 3, 2, 1)),
    PF_FIELD("tcp_options_sack_perm", UINT8, TRANSPORT, "", "1 where selective acknowledgment is permitted.",
             OPTION(SACK_PERMITTED, 2, 0, 0)),
    PF_FIELD("tcp_options_timestamp_tsval", UINT32, TRANSPORT, "tcp.options.timestamp.tsval",
             "Timestamp of the sender.", OPTION(TIMESTAMPS, 10, 2, 4)),
    PF_FIELD("tcp_options_timestamp_tsecr", UINT32, TRANSPORT, "tcp.options.timestamp.tsecr",
             "Timestamp that is answered.", OPTION(TIMESTAMPS, 10, 6, 4)),
    PF_FIELD("tcp_stream", UINT32, TRANSPORT, "tcp.stream", "Number of the TCP connection, from 0, in file order.",
             FOUND(STREAM)),
    PF_FIELD("tcp_analysis_retransmission", UINT8, TRANSPORT, "tcp.analysis.retransmission",
             "1 where a segment is taken to have been sent before, else 0.", FOUND(RETRANSMISSION)),
    PF_FIELD("tcp_analysis_duplicate_ack", UINT8, TRANSPORT, "tcp.analysis.duplicate_ack",
             "1 where a segment does nothing but repeat an acknowledgment, else 0.", FOUND(DUPLICATE_ACK)),
    PF_FIELD("tcp_analysis_ack_rtt", INT64, TRANSPORT, "tcp.analysis.ack_rtt",
             "Nanoseconds since the segment that this one acknowledges.", FOUND(ACK_RTT)),
    PF_FIELD("tcp_reassembled_length", UINT32, TRANSPORT, "tcp.reassembled.length",
             "Octets of the TLS hello or DNS message that this segment completes, where it began in another.",
             .get = get_reassembled, .needs = PF_NEED_DNS | PF_NEED_TLS),
    PF_OCTETS_FIELD("tcp_payload", TRANSPORT, "tcp.payload", "The captured octets that the TCP segment carries.",
                    get_payload),
};

const struct pf_group pf_group_tcp = PF_GROUP("tcp", fields);
