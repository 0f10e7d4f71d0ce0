"""What tests of models share: small estimators, and where the real tables are."""

from __future__ import annotations

import os
from typing import Any

import pytest

CORPUS = os.environ.get("PCAPFRAME_CORPUS")
needs_corpus = pytest.mark.skipif(CORPUS is None, reason="PCAPFRAME_CORPUS names no folder of real tables")

# Small and on one thread: these are tests of what surrounds the estimators.
SMALL: dict[str, dict[str, Any]] = {
    "logistic": {"max_iter": 40},
    "random_forest": {"n_estimators": 12, "n_jobs": 1},
    "gradient_boosting": {"max_iter": 2, "max_leaf_nodes": 4},
    "xgboost": {"n_estimators": 3, "max_depth": 3, "n_jobs": 1},
    "isolation_forest": {"n_estimators": 12, "n_jobs": 1},
    "sigma": {},
}
CLASSIFIERS = ("logistic", "random_forest", "gradient_boosting", "xgboost")
ENDS = ["Source IP", "Source Port", "Destination IP", "Destination Port"]
