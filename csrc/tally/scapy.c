#include "tally/scapy.h"

void pf_scapy_indicators(const struct pf_indicator_rules *rules, const struct pf_record *record, struct pf_indicators *found)
{
    (void)rules;
    (void)record;
    (void)found;
}
