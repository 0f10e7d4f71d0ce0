"""Models in files that cannot run code when they are loaded, with a card beside each."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import zipfile
from collections.abc import Iterator
from typing import Any

from . import _cicids_columns as known
from . import _given
from ._export import atomically, drafted
from ._models_features import FlowFeatures
from ._models_trust import check_model
from ._text import display

SUFFIX = ".skops"
CARD = 1  # the version of its layout
LARGEST = 4 << 30  # octets, unpacked: no model of ours is near it, and a small file must not fill the disk or memory

# Beyond what skops trusts by itself: our own types, and scikit-learn's trees. Each is a container of numbers; none
# calls what a file names. Trees are checked before they are walked (_models_trust).
TRUSTED = frozenset(
    {
        "pcapframe._cicids_tables.Definition",
        "pcapframe.models.FlowFeatures",
        "pcapframe.models.SignedLog",
        "pcapframe.models.SigmaRule",
        "pcapframe.models.XGBoostClassifier",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.tree._tree.Tree",
    }
)
# Where whatever a file names may come from, trusted by skops or not.
ROOTS = frozenset({"builtins", "collections", "numpy", "pcapframe", "scipy", "sklearn"})


def _skops() -> Any:
    try:
        import skops.io
    except ImportError as error:
        raise ImportError("models are saved with skops: pip install 'pcapframe[ml]'") from error
    return skops.io


def check_fitted(model: Any, caller: str) -> None:
    from sklearn.exceptions import NotFittedError
    from sklearn.pipeline import Pipeline
    from sklearn.utils.validation import check_is_fitted

    if not isinstance(model, Pipeline) or not isinstance(model[0], FlowFeatures):
        needed = "a Pipeline whose first step is FlowFeatures, as make_model gives it"
        raise ValueError(f"{caller}: model: {needed}, not {_given.shown(model)}")
    try:
        check_is_fitted(model[0])
        check_is_fitted(model[-1])
    except NotFittedError:
        raise ValueError(f"{caller}: the model is not fitted") from None


def _versions() -> dict[str, str]:
    names = ("pcapframe", "numpy", "pandas", "scikit-learn", "skops", "xgboost", "xgboost-cpu")
    found = {}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def card(model: Any, evaluation: Any = None) -> dict[str, Any]:
    """Return what is to be known of a model, as plain data.

    Parameters
    ----------
    model : Pipeline
        A fitted one, of `make_model`.
    evaluation : Evaluation, optional
        Of `evaluate`; its figures become the card's ``metrics``.

    Returns
    -------
    dict
        ``card`` (the version of this layout), ``estimator``, ``parameters``, ``definitions`` (variant, compat,
        version), ``features`` (name, what it holds, unit), ``classes``, ``training`` (rows, labels, digest),
        ``metrics``, ``versions``.
    """
    check_fitted(model, "card")
    if evaluation is not None and not hasattr(evaluation, "to_dict"):
        raise _given.wrong("evaluation", "what models.evaluate returned", evaluation)
    first, last = model[0], model[-1]
    definition = first.definition_
    variant = definition.variant if definition else None
    features = [
        {
            "name": str(name),
            "holds": known.holds(str(name), variant),
            "unit": known.COLUMNS[name].unit if name in known.COLUMNS else "",
        }
        for name in first.get_feature_names_out()
    ]
    return {
        "card": CARD,
        "estimator": type(last).__name__,
        "parameters": {name: value for name, value in last.get_params().items() if _is_plain(value)},
        "definitions": {
            "variant": variant,
            "compat": definition.compat if definition else None,
            "version": definition.version if definition else None,
        },
        "features": features,
        "classes": [str(name) for name in getattr(last, "classes_", [])],
        "training": first.training_,
        "metrics": evaluation.to_dict() if evaluation is not None else None,
        "versions": _versions(),
    }


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def card_path(path: str) -> str:
    """Where a model's card is: beside it."""
    return path.removesuffix(SUFFIX) + ".card.json"


def save(model: Any, path: str | os.PathLike[str], evaluation: Any = None) -> str:
    """Save a model, and a card beside it.

    Parameters
    ----------
    model : Pipeline
        A fitted one, of `make_model`.
    path : path
        Ends in ``.skops``; the card has ``.card.json`` instead.
    evaluation : Evaluation, optional
        Its figures go into the card.

    Returns
    -------
    str
        The path of the card.

    Raises
    ------
    ValueError
        Another suffix; no fitted model; parts in it that `load` would refuse.
    OSError
        What cannot be written.
    """
    skops = _skops()
    target = _given.path("path", path)
    if not target.endswith(SUFFIX):
        raise ValueError(f"{target}: a name that ends in {SUFFIX} is needed")
    told = card(model, evaluation)
    with drafted(target) as draft:
        skops.dump(model, draft, compression=zipfile.ZIP_DEFLATED, compresslevel=1)
        strange = _strange(skops, draft)
        if strange:
            raise ValueError(f"save: the model holds types that load would refuse: {', '.join(strange)}")
    with atomically(card_path(target)) as file:
        json.dump(told, file, indent=2)
        file.write("\n")
    return card_path(target)


def _named(schema: Any) -> Iterator[str]:
    """Every type and function that a file names."""
    stack = [schema]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            module, name = node.get("__module__"), node.get("__class__")
            if isinstance(module, str) and isinstance(name, str):
                yield f"{module}.{name}"
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)


def _strange(skops: Any, path: str) -> list[str]:
    """The types of a file that have no place in a model of ours. Nothing is imported or called for it."""
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > LARGEST:
            raise ValueError(f"larger than {LARGEST >> 30} GiB when unpacked")
        schema = json.loads(archive.read("schema.json"))
    found = {name for name in _named(schema) if name.split(".")[0] not in ROOTS}
    found |= {str(name) for name in skops.get_untrusted_types(file=path)} - TRUSTED
    return sorted(display(name) for name in found)


def load(path: str | os.PathLike[str]) -> Any:
    """Load a model that `save` wrote. Nothing in the file is run.

    Raises
    ------
    ValueError
        No model, a damaged one, one with types that have no place in it, or one whose features are defined otherwise
        than this version of pcapframe defines them.
    OSError
        A file that cannot be read.
    """
    skops = _skops()
    source = _given.path("path", path)
    with open(source, "rb"):
        pass
    if not zipfile.is_zipfile(source):
        raise ValueError(f"{source}: no saved model")
    try:
        strange = _strange(skops, source)
    except Exception as error:  # whatever a hostile or damaged file brings about
        raise ValueError(f"{source}: no saved model, or a damaged one: {_line(error)}") from None
    if strange:
        listed = ", ".join(strange[:5]) + (f" and {len(strange) - 5} more" if len(strange) > 5 else "")
        raise ValueError(f"{source}: refused: it names what no model needs: {listed}")
    try:
        model = skops.load(source, trusted=sorted(TRUSTED & {str(t) for t in skops.get_untrusted_types(file=source)}))
        check_fitted(model, source)
        check_model(model)
    except ImportError:
        raise
    except Exception as error:
        raise ValueError(f"{source}: no saved model, or a damaged one: {_line(error)}") from None
    definition = model[0].definition_
    if definition is not None and definition.version != known.DEFINITIONS:
        raise ValueError(
            f"{source}: trained on version {definition.version} of the feature definitions, and this is version "
            f"{known.DEFINITIONS}: train it again"
        )
    return model


def _line(error: BaseException) -> str:
    return display(" ".join(str(error).split())[:200]) or type(error).__name__
