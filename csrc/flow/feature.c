#include "flow/feature.h"

const struct pf_feature_info pf_features[PF_FEATURE_COUNT] = {
#define X(id, published, v4, y2021, cic, corrected, unit, definition, section, differs) \
    {published, v4, y2021, {PF_##cic, PF_##corrected}, unit, definition, section, differs},
    PF_FEATURES(X)
#undef X
};
