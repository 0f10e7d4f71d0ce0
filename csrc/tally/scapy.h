/* What scapy 2.8 sees of a packet, as far as the three indicator counts depend on it.
 *
 * Found out by running it; docs/differences.md lists what it reaches and tests/scapy_twin.py is the same in plain
 * Python. Any thread may call. */
#ifndef PF_TALLY_SCAPY_H
#define PF_TALLY_SCAPY_H

#include "tally/indicator.h"

void pf_scapy_indicators(const struct pf_indicator_rules *rules, const struct pf_record *record,
                         struct pf_indicators *found);

#endif
