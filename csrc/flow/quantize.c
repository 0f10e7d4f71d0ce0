#include "flow/rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 11, DIGITS = 6 }; /* a cell's characters; significant digits of one below 10^-4, as d.dddddE-dd */

double pf_flow_quantized(uint64_t word)
{
    double value;
    char text[64];
    memcpy(&value, &word, sizeof value);
    double size = fabs(value);
    if (!isfinite(value) || size == 0)
        return value;
    if (size >= 1e7)
        (void)snprintf(text, sizeof text, "%.2e", value);
    else if (size < 1e-4)
        (void)snprintf(text, sizeof text, "%.*e", DIGITS - 1, value);
    else {
        int whole = snprintf(text, sizeof text, "%s%.0f", value < 0 ? "-" : "", floor(size));
        (void)snprintf(text, sizeof text, "%.*f", WIDTH - 1 - whole, value);
    }
    return strtod(text, NULL);
}
