/* The features of a flow, in one list: columns, their names in the three header sets, documentation.
 *
 *   X(identifier, published name, name of 2018 (V4), name of 2021, type in cic2017, type in corrected, unit,
 * definition, section of the specification, how the variants differ)
 *
 * In the order of the columns. A definition says what `corrected` means by it. ABSENT: the variant has no such column.
 */
#ifndef PF_FLOW_FEATURE_H
#define PF_FLOW_FEATURE_H

#include "base/column.h"

enum { PF_ABSENT = -1 };

#define PF_FEATURES(X) \
    X(FLOW_KEY, "Flow ID", "Flow ID", "Flow ID", STRING, STRING, "", \
      "Addresses, ports and protocol, joined by hyphens.", "1.2", \
      "cic2017: the address whose octets, taken as signed, are lower comes first; corrected: the source first") \
    X(SRC, "Source IP", "Src IP", "Src IP", TEXT, TEXT, "", "Address of the side that the flow takes for its opener.", \
      "1.2", "corrected: where a SYN with ACK opens the flow, its receiver") \
    X(SPORT, "Source Port", "Src Port", "Src Port", UINT16, UINT16, "", "Port of that side; 0 where there are none.", \
      "1.2", "") \
    X(DST, "Destination IP", "Dst IP", "Dst IP", TEXT, TEXT, "", "Address of the other side.", "1.2", "") \
    X(DPORT, "Destination Port", "Dst Port", "Dst Port", UINT16, UINT16, "", "Port of the other side.", "1.2", "") \
    X(PROTOCOL, "Protocol", "Protocol", "Protocol", UINT8, UINT8, "", \
      "IP protocol number; 0 for all that is told no further.", "1.1", "cic2017: 6, 17 or 0") \
    X(TIMESTAMP, "Timestamp", "Timestamp", "Timestamp", TIME, TIME, "ns", "Time of the first packet.", "1.7", \
      "published text: cic2017 a 12-hour clock without AM or PM in local time") \
    X(DURATION, "Flow Duration", "Flow Duration", "Flow Duration", INT64, INT64, "us", \
      "Time of the last packet less that of the first.", "3.1", "cic2017: the last as it came, so it may be negative") \
    X(FWD_PACKETS, "Total Fwd Packets", "Tot Fwd Pkts", "Total Fwd Packet", INT64, INT64, "packets", \
      "Packets from the source.", "3.1", "") \
    X(BWD_PACKETS, "Total Backward Packets", "Tot Bwd Pkts", "Total Bwd packets", INT64, INT64, "packets", \
      "Packets to the source.", "3.1", "") \
    X(FWD_OCTETS, "Total Length of Fwd Packets", "TotLen Fwd Pkts", "Total Length of Fwd Packet", DOUBLE, DOUBLE, \
      "octets", "Sum of the transport payloads of that direction.", "3.1", \
      "cic2017: Ethernet padding counts, what the snap length cut does not") \
    X(BWD_OCTETS, "Total Length of Bwd Packets", "TotLen Bwd Pkts", "Total Length of Bwd Packet", DOUBLE, DOUBLE, \
      "octets", "Sum of the transport payloads of that direction.", "3.1", \
      "cic2017: Ethernet padding counts, what the snap length cut does not") \
    X(FWD_LENGTH_MAX, "Fwd Packet Length Max", "Fwd Pkt Len Max", "Fwd Packet Length Max", DOUBLE, DOUBLE, "octets", \
      "Greatest payload of that direction; 0 where it is empty.", "3.1", "") \
    X(FWD_LENGTH_MIN, "Fwd Packet Length Min", "Fwd Pkt Len Min", "Fwd Packet Length Min", DOUBLE, DOUBLE, "octets", \
      "Least payload of that direction; 0 where it is empty.", "3.1", "") \
    X(FWD_LENGTH_MEAN, "Fwd Packet Length Mean", "Fwd Pkt Len Mean", "Fwd Packet Length Mean", DOUBLE, DOUBLE, \
      "octets", "Mean payload of that direction; 0 where it is empty.", "3.1", "") \
    X(FWD_LENGTH_STD, "Fwd Packet Length Std", "Fwd Pkt Len Std", "Fwd Packet Length Std", DOUBLE, DOUBLE, "octets", \
      "Sample standard deviation of the payloads of that direction; 0 where it is empty.", "3.1", "") \
    X(BWD_LENGTH_MAX, "Bwd Packet Length Max", "Bwd Pkt Len Max", "Bwd Packet Length Max", DOUBLE, DOUBLE, "octets", \
      "Greatest payload of that direction; 0 where it is empty.", "3.1", "") \
    X(BWD_LENGTH_MIN, "Bwd Packet Length Min", "Bwd Pkt Len Min", "Bwd Packet Length Min", DOUBLE, DOUBLE, "octets", \
      "Least payload of that direction; 0 where it is empty.", "3.1", "") \
    X(BWD_LENGTH_MEAN, "Bwd Packet Length Mean", "Bwd Pkt Len Mean", "Bwd Packet Length Mean", DOUBLE, DOUBLE, \
      "octets", "Mean payload of that direction; 0 where it is empty.", "3.1", "") \
    X(BWD_LENGTH_STD, "Bwd Packet Length Std", "Bwd Pkt Len Std", "Bwd Packet Length Std", DOUBLE, DOUBLE, "octets", \
      "Sample standard deviation of the payloads of that direction; 0 where it is empty.", "3.1", "") \
    X(OCTETS_RATE, "Flow Bytes/s", "Flow Byts/s", "Flow Bytes/s", DOUBLE, DOUBLE, "octets/s", \
      "Payload of both directions by the duration.", "3.2", "no duration: cic2017 NaN or Infinity, corrected -1") \
    X(PACKETS_RATE, "Flow Packets/s", "Flow Pkts/s", "Flow Packets/s", DOUBLE, DOUBLE, "packets/s", \
      "Packets by the duration.", "3.2", "no duration: cic2017 Infinity, corrected -1") \
    X(FLOW_IAT_MEAN, "Flow IAT Mean", "Flow IAT Mean", "Flow IAT Mean", DOUBLE, DOUBLE, "us", \
      "Mean time difference of consecutive packets; 0 where there is none.", "3.3", "") \
    X(FLOW_IAT_STD, "Flow IAT Std", "Flow IAT Std", "Flow IAT Std", DOUBLE, DOUBLE, "us", \
      "Sample standard deviation of the time differences of consecutive packets; 0 where there is none.", "3.3", "") \
    X(FLOW_IAT_MAX, "Flow IAT Max", "Flow IAT Max", "Flow IAT Max", DOUBLE, DOUBLE, "us", \
      "Greatest time difference of consecutive packets; 0 where there is none.", "3.3", "") \
    X(FLOW_IAT_MIN, "Flow IAT Min", "Flow IAT Min", "Flow IAT Min", DOUBLE, DOUBLE, "us", \
      "Least time difference of consecutive packets; 0 where there is none.", "3.3", \
      "cic2017: disordered packets give negative ones; corrected: they count as 0") \
    X(FWD_IAT_TOTAL, "Fwd IAT Total", "Fwd IAT Tot", "Fwd IAT Total", DOUBLE, DOUBLE, "us", \
      "Sum of the time differences of consecutive packets of that direction.", "3.3", "") \
    X(FWD_IAT_MEAN, "Fwd IAT Mean", "Fwd IAT Mean", "Fwd IAT Mean", DOUBLE, DOUBLE, "us", \
      "Mean time difference of consecutive packets of that direction; 0 where there is none.", "3.3", "") \
    X(FWD_IAT_STD, "Fwd IAT Std", "Fwd IAT Std", "Fwd IAT Std", DOUBLE, DOUBLE, "us", \
      "Sample standard deviation of the time differences of consecutive packets of that direction; 0 where there is " \
      "none.", \
      "3.3", "") \
    X(FWD_IAT_MAX, "Fwd IAT Max", "Fwd IAT Max", "Fwd IAT Max", DOUBLE, DOUBLE, "us", \
      "Greatest time difference of consecutive packets of that direction; 0 where there is none.", "3.3", "") \
    X(FWD_IAT_MIN, "Fwd IAT Min", "Fwd IAT Min", "Fwd IAT Min", DOUBLE, DOUBLE, "us", \
      "Least time difference of consecutive packets of that direction; 0 where there is none.", "3.3", \
      "cic2017: disordered packets give negative ones; corrected: they count as 0") \
    X(BWD_IAT_TOTAL, "Bwd IAT Total", "Bwd IAT Tot", "Bwd IAT Total", DOUBLE, DOUBLE, "us", \
      "Sum of the time differences of consecutive packets of that direction.", "3.3", "") \
    X(BWD_IAT_MEAN, "Bwd IAT Mean", "Bwd IAT Mean", "Bwd IAT Mean", DOUBLE, DOUBLE, "us", \
      "Mean time difference of consecutive packets of that direction; 0 where there is none.", "3.3", "") \
    X(BWD_IAT_STD, "Bwd IAT Std", "Bwd IAT Std", "Bwd IAT Std", DOUBLE, DOUBLE, "us", \
      "Sample standard deviation of the time differences of consecutive packets of that direction; 0 where there is " \
      "none.", \
      "3.3", "") \
    X(BWD_IAT_MAX, "Bwd IAT Max", "Bwd IAT Max", "Bwd IAT Max", DOUBLE, DOUBLE, "us", \
      "Greatest time difference of consecutive packets of that direction; 0 where there is none.", "3.3", "") \
    X(BWD_IAT_MIN, "Bwd IAT Min", "Bwd IAT Min", "Bwd IAT Min", DOUBLE, DOUBLE, "us", \
      "Least time difference of consecutive packets of that direction; 0 where there is none.", "3.3", \
      "cic2017: disordered packets give negative ones; corrected: they count as 0") \
    X(FWD_PSH, "Fwd PSH Flags", "Fwd PSH Flags", "Fwd PSH Flags", INT64, INT64, "packets", \
      "Packets of that direction with PSH.", "3.5", "cic2017: of the first packet alone") \
    X(BWD_PSH, "Bwd PSH Flags", "Bwd PSH Flags", "Bwd PSH Flags", INT64, INT64, "packets", \
      "Packets of that direction with PSH.", "3.5", "cic2017: always 0") \
    X(FWD_URG, "Fwd URG Flags", "Fwd URG Flags", "Fwd URG Flags", INT64, INT64, "packets", \
      "Packets of that direction with URG.", "3.5", "cic2017: of the first packet alone") \
    X(BWD_URG, "Bwd URG Flags", "Bwd URG Flags", "Bwd URG Flags", INT64, INT64, "packets", \
      "Packets of that direction with URG.", "3.5", "cic2017: always 0") \
    X(FWD_HEADERS, "Fwd Header Length", "Fwd Header Len", "Fwd Header Length", INT64, INT64, "octets", \
      "Sum of the transport headers of that direction.", "3.1", \
      "cic2017: a UDP header counts as the TCP header before it, anywhere") \
    X(BWD_HEADERS, "Bwd Header Length", "Bwd Header Len", "Bwd Header Length", INT64, INT64, "octets", \
      "Sum of the transport headers of that direction.", "3.1", \
      "cic2017: a UDP header counts as the TCP header before it, anywhere") \
    X(FWD_RATE, "Fwd Packets/s", "Fwd Pkts/s", "Fwd Packets/s", DOUBLE, DOUBLE, "packets/s", \
      "Packets of that direction by the duration; 0 where there is no duration.", "3.2", "") \
    X(BWD_RATE, "Bwd Packets/s", "Bwd Pkts/s", "Bwd Packets/s", DOUBLE, DOUBLE, "packets/s", \
      "Packets of that direction by the duration; 0 where there is no duration.", "3.2", "") \
    X(LENGTH_MIN, "Min Packet Length", "Pkt Len Min", "Packet Length Min", DOUBLE, DOUBLE, "octets", \
      "Least payload of both directions.", "3.1", "") \
    X(LENGTH_MAX, "Max Packet Length", "Pkt Len Max", "Packet Length Max", DOUBLE, DOUBLE, "octets", \
      "Greatest payload of both directions.", "3.1", "") \
    X(LENGTH_MEAN, "Packet Length Mean", "Pkt Len Mean", "Packet Length Mean", DOUBLE, DOUBLE, "octets", \
      "Mean payload of both directions.", "3.1", "cic2017: the first packet's counts twice") \
    X(LENGTH_STD, "Packet Length Std", "Pkt Len Std", "Packet Length Std", DOUBLE, DOUBLE, "octets", \
      "Sample standard deviation of the payloads of both directions.", "3.1", \
      "cic2017: the first packet's counts twice") \
    X(LENGTH_VAR, "Packet Length Variance", "Pkt Len Var", "Packet Length Variance", DOUBLE, DOUBLE, "octets^2", \
      "Sample variance of the payloads of both directions.", "3.1", "cic2017: the first packet's counts twice") \
    X(FIN_COUNT, "FIN Flag Count", "FIN Flag Cnt", "FIN Flag Count", INT64, INT64, "packets", "Packets with FIN.", \
      "3.5", "cic2017: RST of the first packet alone") \
    X(SYN_COUNT, "SYN Flag Count", "SYN Flag Cnt", "SYN Flag Count", INT64, INT64, "packets", "Packets with SYN.", \
      "3.5", "cic2017: PSH of the first packet alone") \
    X(RST_COUNT, "RST Flag Count", "RST Flag Cnt", "RST Flag Count", INT64, INT64, "packets", "Packets with RST.", \
      "3.5", "cic2017: ECE of the first packet alone") \
    X(PSH_COUNT, "PSH Flag Count", "PSH Flag Cnt", "PSH Flag Count", INT64, INT64, "packets", "Packets with PSH.", \
      "3.5", "cic2017: SYN of the first packet alone") \
    X(ACK_COUNT, "ACK Flag Count", "ACK Flag Cnt", "ACK Flag Count", INT64, INT64, "packets", "Packets with ACK.", \
      "3.5", "cic2017: ACK of the first packet alone") \
    X(URG_COUNT, "URG Flag Count", "URG Flag Cnt", "URG Flag Count", INT64, INT64, "packets", "Packets with URG.", \
      "3.5", "cic2017: FIN of the first packet alone") \
    X(CWR_COUNT, "CWE Flag Count", "CWE Flag Count", "CWR Flag Count", INT64, INT64, "packets", "Packets with CWR.", \
      "3.5", "cic2017: URG of the first packet alone") \
    X(ECE_COUNT, "ECE Flag Count", "ECE Flag Cnt", "ECE Flag Count", INT64, INT64, "packets", "Packets with ECE.", \
      "3.5", "cic2017: CWR of the first packet alone") \
    X(DOWN_UP, "Down/Up Ratio", "Down/Up Ratio", "Down/Up Ratio", DOUBLE, DOUBLE, "", \
      "Packets to the source by packets from it.", "3.1", "cic2017: rounded down") \
    X(AVERAGE_SIZE, "Average Packet Size", "Pkt Size Avg", "Average Packet Size", DOUBLE, DOUBLE, "octets", \
      "Sum of the payloads by the packets.", "3.1", "cic2017: the first packet's payload is in the sum twice") \
    X(FWD_SEGMENT, "Avg Fwd Segment Size", "Fwd Seg Size Avg", "Fwd Segment Size Avg", DOUBLE, DOUBLE, "octets", \
      "Mean payload of that direction, once more.", "3.1", "") \
    X(BWD_SEGMENT, "Avg Bwd Segment Size", "Bwd Seg Size Avg", "Bwd Segment Size Avg", DOUBLE, DOUBLE, "octets", \
      "Mean payload of that direction, once more.", "3.1", "") \
    X(FWD_BULK_OCTETS, "Fwd Avg Bytes/Bulk", "Fwd Byts/b Avg", "Fwd Bytes/Bulk Avg", INT64, DOUBLE, "octets", \
      "Mean payload of the bulks of that direction: four or more payloads without one of the other side or 1 s " \
      "between.", \
      "3.7", "cic2017: always 0") \
    X(FWD_BULK_PACKETS, "Fwd Avg Packets/Bulk", "Fwd Pkts/b Avg", "Fwd Packet/Bulk Avg", INT64, DOUBLE, "packets", \
      "Mean number of packets of these bulks.", "3.7", "cic2017: always 0") \
    X(FWD_BULK_RATE, "Fwd Avg Bulk Rate", "Fwd Blk Rate Avg", "Fwd Bulk Rate Avg", INT64, DOUBLE, "octets/s", \
      "Payload of these bulks by their duration.", "3.7", "cic2017: always 0") \
    X(BWD_BULK_OCTETS, "Bwd Avg Bytes/Bulk", "Bwd Byts/b Avg", "Bwd Bytes/Bulk Avg", INT64, DOUBLE, "octets", \
      "Mean payload of the bulks of that direction: four or more payloads without one of the other side or 1 s " \
      "between.", \
      "3.7", "cic2017: always 0") \
    X(BWD_BULK_PACKETS, "Bwd Avg Packets/Bulk", "Bwd Pkts/b Avg", "Bwd Packet/Bulk Avg", INT64, DOUBLE, "packets", \
      "Mean number of packets of these bulks.", "3.7", "cic2017: always 0") \
    X(BWD_BULK_RATE, "Bwd Avg Bulk Rate", "Bwd Blk Rate Avg", "Bwd Bulk Rate Avg", INT64, DOUBLE, "octets/s", \
      "Payload of these bulks by their duration.", "3.7", "cic2017: always 0") \
    X(FWD_SUBFLOW_PACKETS, "Subflow Fwd Packets", "Subflow Fwd Pkts", "Subflow Fwd Packets", INT64, DOUBLE, "packets", \
      "Packets of that direction by the number of subflows.", "3.4", \
      "cic2017: one subflow; corrected: one more than gaps above 1 s (fork: as many as gaps)") \
    X(FWD_SUBFLOW_OCTETS, "Subflow Fwd Bytes", "Subflow Fwd Byts", "Subflow Fwd Bytes", INT64, DOUBLE, "octets", \
      "Payload of that direction by the number of subflows.", "3.4", \
      "cic2017: one subflow; corrected: one more than gaps above 1 s (fork: as many as gaps)") \
    X(BWD_SUBFLOW_PACKETS, "Subflow Bwd Packets", "Subflow Bwd Pkts", "Subflow Bwd Packets", INT64, DOUBLE, "packets", \
      "Packets of that direction by the number of subflows.", "3.4", \
      "cic2017: one subflow; corrected: one more than gaps above 1 s (fork: as many as gaps)") \
    X(BWD_SUBFLOW_OCTETS, "Subflow Bwd Bytes", "Subflow Bwd Byts", "Subflow Bwd Bytes", INT64, DOUBLE, "octets", \
      "Payload of that direction by the number of subflows.", "3.4", \
      "cic2017: one subflow; corrected: one more than gaps above 1 s (fork: as many as gaps)") \
    X(FWD_WINDOW, "Init_Win_bytes_forward", "Init Fwd Win Byts", "FWD Init Win Bytes", INT64, INT64, "", \
      "Unscaled window of the first TCP packet from the source; -1 where there is none.", "3.1", \
      "cic2017: of the flow's first packet; fork: 0 where that came from the other side") \
    X(BWD_WINDOW, "Init_Win_bytes_backward", "Init Bwd Win Byts", "Bwd Init Win Bytes", INT64, INT64, "", \
      "Unscaled window of the first TCP packet to the source; -1 where there is none.", "3.1", \
      "cic2017: of the last one; fork: the first that is not 0") \
    X(FWD_DATA, "act_data_pkt_fwd", "Fwd Act Data Pkts", "Fwd Act Data Pkts", INT64, INT64, "packets", \
      "Packets from the source with payload.", "3.1", "cic2017: the flow's first packet does not count") \
    X(FWD_LEAST_HEADER, "min_seg_size_forward", "Fwd Seg Size Min", "Fwd Seg Size Min", INT64, INT64, "octets", \
      "Least transport header of packets from the source; 0 where there are none.", "3.1", \
      "fork: 0 where the first packet came from the other side") \
    X(ACTIVE_MEAN, "Active Mean", "Active Mean", "Active Mean", DOUBLE, DOUBLE, "us", \
      "Mean time active: from the end of one gap above the activity timeout to the begin of the next.", "3.6", "") \
    X(ACTIVE_STD, "Active Std", "Active Std", "Active Std", DOUBLE, DOUBLE, "us", \
      "Sample standard deviation of the times active: from the end of one gap above the activity timeout to the " \
      "begin of the next.", \
      "3.6", "") \
    X(ACTIVE_MAX, "Active Max", "Active Max", "Active Max", DOUBLE, DOUBLE, "us", \
      "Greatest time active: from the end of one gap above the activity timeout to the begin of the next.", "3.6", "") \
    X(ACTIVE_MIN, "Active Min", "Active Min", "Active Min", DOUBLE, DOUBLE, "us", \
      "Least time active: from the end of one gap above the activity timeout to the begin of the next.", "3.6", "") \
    X(IDLE_MEAN, "Idle Mean", "Idle Mean", "Idle Mean", DOUBLE, DOUBLE, "us", \
      "Mean time idle: a gap above the activity timeout.", "3.6", "") \
    X(IDLE_STD, "Idle Std", "Idle Std", "Idle Std", DOUBLE, DOUBLE, "us", \
      "Sample standard deviation of the times idle: a gap above the activity timeout.", "3.6", "") \
    X(IDLE_MAX, "Idle Max", "Idle Max", "Idle Max", DOUBLE, DOUBLE, "us", \
      "Greatest time idle: a gap above the activity timeout.", "3.6", "") \
    X(IDLE_MIN, "Idle Min", "Idle Min", "Idle Min", DOUBLE, DOUBLE, "us", \
      "Least time idle: a gap above the activity timeout.", "3.6", "") \
    X(FWD_RST, "Fwd RST Flags", "Fwd RST Flags", "Fwd RST Flags", ABSENT, INT64, "packets", \
      "Packets from the source with RST.", "2.2", "") \
    X(BWD_RST, "Bwd RST Flags", "Bwd RST Flags", "Bwd RST Flags", ABSENT, INT64, "packets", \
      "Packets to the source with RST.", "2.2", "") \
    X(BWD_DATA, "Bwd Act Data Pkts", "Bwd Act Data Pkts", "Bwd Act Data Pkts", ABSENT, INT64, "packets", \
      "Packets to the source with payload.", "2.2", "") \
    X(BWD_LEAST_HEADER, "Bwd Seg Size Min", "Bwd Seg Size Min", "Bwd Seg Size Min", ABSENT, INT64, "octets", \
      "Least transport header of packets to the source; 0 where there are none.", "2.2", \
      "fork: 0 where the first packet came from the source") \
    X(ICMP_CODE, "ICMP Code", "ICMP Code", "ICMP Code", ABSENT, INT64, "", \
      "Code of the first packet; -1 where it is not ICMP.", "1.6", "") \
    X(ICMP_TYPE, "ICMP Type", "ICMP Type", "ICMP Type", ABSENT, INT64, "", \
      "Type of the first packet; -1 where it is not ICMP.", "1.6", "") \
    X(FWD_RETRANS, "Fwd TCP Retrans. Count", "Fwd TCP Retrans. Count", "Fwd TCP Retrans. Count", ABSENT, INT64, \
      "packets", \
      "TCP packets from the source whose sequence and acknowledgment number, payload length and window were seen " \
      "before.", \
      "3.8", "fork: those without payload, SYN and FIN too") \
    X(BWD_RETRANS, "Bwd TCP Retrans. Count", "Bwd TCP Retrans. Count", "Bwd TCP Retrans. Count", ABSENT, INT64, \
      "packets", \
      "TCP packets to the source whose sequence and acknowledgment number, payload length and window were seen " \
      "before.", \
      "3.8", "fork: those without payload, SYN and FIN too") \
    X(ALL_RETRANS, "Total TCP Retrans. Count", "Total TCP Retrans. Count", "Total TCP Retrans. Count", ABSENT, INT64, \
      "packets", \
      "TCP packets of both directions whose sequence and acknowledgment number, payload length and window were seen " \
      "before.", \
      "3.8", "fork: those without payload, SYN and FIN too") \
    X(CONNECTION, "Total Connection Flow Time", "Total Connection Flow Time", "Total Connection Flow Time", ABSENT, \
      INT64, "us", \
      "Duration with that of the parts split off by the timeout, and the gaps between; 0 but for TCP and UDP.", "3.8", \
      "") \
    X(FLOW_ID, "flow_id", "flow_id", "flow_id", UINT64, UINT64, "", "frame_number of the flow's first packet.", \
      "ours", "") \
    X(COMMUNITY, "community_id", "community_id", "community_id", STRING, STRING, "", \
      "Community ID, version 1, seed 0, as Zeek, Suricata and Arkime write it; null for protocol 0.", "ours", \
      "cic2017: of outer addresses and inner ports where a packet is quoted") \
    X(START, "flow_start", "flow_start", "flow_start", TIME, TIME, "ns", "Time of the first packet.", "ours", "") \
    X(END, "flow_end", "flow_end", "flow_end", TIME, TIME, "ns", "Time of the last packet.", "ours", \
      "corrected: the latest") \
    X(PACKETS, "flow_packets", "flow_packets", "flow_packets", UINT64, UINT64, "packets", \
      "Packets of both directions.", "ours", "") \
    X(REASON, "flow_end_reason", "flow_end_reason", "flow_end_reason", TEXT, TEXT, "", \
      "fin, rst, timeout, evicted (more flows were open than max_flows), or end (of the capture, or of one kind of " \
      "ICMP).", \
      "ours", "corrected: fin and rst where both sides had closed, whenever the flow was given up") \
    X(EXACT, "retrans_exact", "retrans_exact", "retrans_exact", UINT8, UINT8, "", \
      "0 where so many packets were to be remembered that retransmissions may be missing.", "ours", \
      "cic2017: always 1")

enum pf_feature {
#define X(id, published, v4, y2021, cic, corrected, unit, definition, section, differs) PF_FEATURE_##id,
    PF_FEATURES(X)
#undef X
        PF_FEATURE_COUNT
};

struct pf_feature_info {
    const char *published, *v4, *y2021;
    int type[2]; /* of cic2017, of corrected: an enum pf_type or PF_ABSENT */
    const char *unit, *definition, *section, *differs;
};
extern const struct pf_feature_info pf_features[PF_FEATURE_COUNT];

#endif
