"""Trees from a file, checked before anything walks them: native code follows their indices without looking."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

_Array = np.ndarray[Any, Any]

LEAF = -1
OBJECTIVES = ("binary:logistic", "multi:softprob")


def check_walk(left: _Array, right: _Array, feature: _Array, features: int) -> None:
    """Refuse a tree that leads out of itself, comes back to a node, or asks for a feature that is not there.

    Leaves have -1 as both children. The first node is the root.
    """
    nodes = len(left)
    if not nodes or len(right) != nodes or len(feature) != nodes:
        raise ValueError("a tree whose parts are not equally long")
    inner = left != LEAF
    if ((right != LEAF) != inner).any():
        raise ValueError("a tree with half a node")
    children = np.concatenate([left[inner], right[inner]]).astype(np.int64)
    if len(children) and (children.min() < 1 or children.max() >= nodes):
        raise ValueError("a tree that leads out of itself")
    if len(np.unique(children)) != len(children):  # with one parent each, and none of the root, no way is a circle
        raise ValueError("a tree that comes back to a node")
    asked = feature[inner].astype(np.int64)
    if len(asked) and (asked.min() < 0 or asked.max() >= features):
        raise ValueError("a tree that asks for a feature that is not there")


def _check_sklearn_tree(tree: Any, features: int) -> None:
    if tree.n_features != features:
        raise ValueError("a tree for another number of features")
    check_walk(tree.children_left, tree.children_right, tree.feature, features)


def _check_predictor(predictor: Any, features: int) -> None:
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

    nodes = predictor.nodes
    if not isinstance(nodes, np.ndarray) or nodes.dtype != PREDICTOR_RECORD_DTYPE or nodes.ndim != 1:
        raise ValueError("a tree that is no array of nodes")
    if nodes["is_categorical"].any():
        raise ValueError("a tree with categories, which flows have none of")
    leaf = nodes["is_leaf"].astype(bool)
    left, right = (np.where(leaf, LEAF, nodes[side].astype(np.int64)) for side in ("left", "right"))
    check_walk(left, right, nodes["feature_idx"], features)


def check_model(model: Any) -> None:
    """Check all trees of a pipeline that came from a file.

    Raises
    ------
    ValueError
        A tree could not have been grown by scikit-learn.
    """
    last, features = model[-1], int(model[0].n_features_in_)
    for member in np.ravel(np.asarray(getattr(last, "estimators_", []), dtype=object)):
        if hasattr(member, "tree_"):
            _check_sklearn_tree(member.tree_, features)
    if hasattr(last, "tree_"):
        _check_sklearn_tree(last.tree_, features)
    for stage in getattr(last, "_predictors", []):
        for predictor in stage:
            _check_predictor(predictor, features)


def _integers(given: Any, length: int) -> _Array:
    if not isinstance(given, list) or len(given) != length or not all(type(item) is int for item in given):
        raise ValueError("a tree whose parts are not equally long")
    return np.array(given, dtype=np.int64)


def check_booster(octets: bytes, classes: int, features: int) -> None:
    """Check what XGBoost wrote as JSON before it reads it again.

    Raises
    ------
    ValueError
        It is not what `XGBoostClassifier` writes.
    """
    try:
        learner = json.loads(octets)["learner"]
        objective, params = learner["objective"]["name"], learner["learner_model_param"]
        booster = learner["gradient_booster"]
        trees, info = booster["model"]["trees"], booster["model"]["tree_info"]
        if booster["name"] != "gbtree" or objective not in OBJECTIVES or int(params["num_feature"]) != features:
            raise ValueError("another kind of XGBoost model")
        groups = 1 if objective == OBJECTIVES[0] else int(params["num_class"])
        if groups != (1 if classes == 2 else classes):
            raise ValueError("another number of classes")
        groups_of = _integers(info, len(trees))
        if len(groups_of) and (groups_of.min() < 0 or groups_of.max() >= groups):
            raise ValueError("a tree of a class that is not there")
        for tree in trees:
            nodes = int(tree["tree_param"]["num_nodes"])
            left, right, split = (
                _integers(tree[n], nodes) for n in ("left_children", "right_children", "split_indices")
            )
            if _integers(tree["split_type"], nodes).any() or tree.get("categories"):
                raise ValueError("a tree with categories, which flows have none of")
            for name in ("split_conditions", "default_left", "base_weights", "loss_changes", "sum_hessian"):
                if not isinstance(tree[name], list) or len(tree[name]) != nodes:
                    raise ValueError("a tree whose parts are not equally long")
            check_walk(left, right, np.where(left == LEAF, 0, split), features)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"no XGBoost model: {type(error).__name__}") from None
