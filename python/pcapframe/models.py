"""Models that take flows: make, evaluate, explain, save, and score a capture.

Needs scikit-learn, pandas and skops: ``pip install 'pcapframe[ml]'``. docs/cicids2017.md has the figures.
"""

from __future__ import annotations

from ._models_estimators import KINDS, SigmaRule, SignedLog, XGBoostClassifier, make_model
from ._models_evaluate import SPLITS, Comparison, Evaluation, compare, evaluate
from ._models_explain import explain, importance
from ._models_features import FlowFeatures, feature_names
from ._models_save import card, load, save
from ._models_score import score

__all__ = [
    "KINDS",
    "SPLITS",
    "Comparison",
    "Evaluation",
    "FlowFeatures",
    "SigmaRule",
    "SignedLog",
    "XGBoostClassifier",
    "card",
    "compare",
    "evaluate",
    "explain",
    "feature_names",
    "importance",
    "load",
    "make_model",
    "save",
    "score",
]
