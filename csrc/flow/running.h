/* Mean and sum of squared deviations, one value after the other (Welford 1962), in the order of operations of the
 * statistics class the Java tools use, so that even their last digits are near. */
#ifndef PF_FLOW_RUNNING_H
#define PF_FLOW_RUNNING_H

#include <math.h>
#include <stdint.h>

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF /* the same bits on every machine */
#endif

struct pf_running {
    double mean, squares;
};

/* `count` values, this one included. */
static inline void pf_running_add(struct pf_running *moments, uint64_t count, double value)
{
    double n = (double)count, deviation = value - moments->mean, step = deviation / n;
    moments->mean += step;
    moments->squares += (n - 1) * deviation * step;
}

static inline double pf_running_variance(const struct pf_running *moments, uint64_t count)
{
    return count > 1 ? moments->squares / (double)(count - 1) : 0;
}

static inline double pf_running_deviation(const struct pf_running *moments, uint64_t count)
{
    return sqrt(pf_running_variance(moments, count));
}

#endif
