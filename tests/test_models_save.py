"""Saved models: files that cannot run code."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_tables import CLASSIFIERS, SMALL
from pcapframe import _cicids_columns as known

pd = pytest.importorskip("pandas", reason="pandas is not installed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pytest.importorskip("sklearn", reason="scikit-learn is not installed")
skops = pytest.importorskip("skops.io", reason="skops is not installed")
pytest.importorskip("xgboost", reason="XGBoost is not installed")


from pcapframe import _models_save, _models_trust, models  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:lbfgs failed to converge")


@pytest.mark.parametrize("kind", models.KINDS)
def test_a_loaded_model_is_the_saved_one(table: Any, fitted: Callable[[str], Any], tmp_path: Path, kind: str) -> None:
    path = tmp_path / "m.skops"
    card = models.save(fitted(kind), path)
    assert sorted(os.listdir(tmp_path)) == ["m.card.json", "m.skops"]
    again = models.load(path)
    assert again.predict(table).tolist() == fitted(kind).predict(table).tolist()
    told = json.loads(Path(card).read_text())
    assert told["definitions"] == {"variant": "cic2017", "compat": None, "version": known.DEFINITIONS}
    assert [feature["name"] for feature in told["features"]] == models.feature_names(table)
    assert told["training"]["rows"] == (len(table) if kind in CLASSIFIERS else int((table["Label"] == "BENIGN").sum()))
    assert len(told["training"]["digest"]) == 64
    if kind in CLASSIFIERS:
        assert told["classes"] == sorted(set(table["Label"]))


def test_the_card_holds_the_figures(table: Any, tmp_path: Path, fitted: Callable[[str], Any]) -> None:
    found = models.evaluate(models.make_model("random_forest", **SMALL["random_forest"]), table, "group")
    card = models.save(fitted("random_forest"), tmp_path / "m.skops", found)
    told = json.loads(Path(card).read_text())
    assert told["metrics"]["split"] == "group"
    assert told["metrics"]["summary"]["weighted_f1"] == found.summary["weighted_f1"]
    assert {"pcapframe", "scikit-learn", "skops"} <= set(told["versions"])
    other = models.make_model("random_forest", **SMALL["random_forest"]).fit(table.iloc[1:], table["Label"].iloc[1:])
    assert models.card(other)["training"]["digest"] != told["training"]["digest"]


def schema_of(path: Path) -> Any:
    return json.loads(zipfile.ZipFile(path).read("schema.json"))


def with_schema(path: Path, schema: Any, **files: bytes) -> Path:
    """The file with another schema (and other members)."""
    octets = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(octets, "w") as new:
        for name in old.namelist():
            if name != "schema.json":
                new.writestr(name, files.get(name, old.read(name)))
        new.writestr("schema.json", json.dumps(schema))
    path.write_bytes(octets.getvalue())
    return path


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from nodes(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from nodes(value)


class Evil:
    """Runs code when it is unpickled, or when a loader calls what a file names."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


@pytest.mark.parametrize("where", ["estimator", "function", "reduce", "type", "trusted"])
def test_a_file_that_names_what_no_model_needs_is_refused(
    table: Any, tmp_path: Path, fitted: Callable[[str], Any], where: str
) -> None:
    path = tmp_path / "m.skops"
    models.save(fitted("sigma"), path)
    schema = schema_of(path)
    found = [node for node in nodes(schema) if node.get("__class__") == "SigmaRule"]
    assert len(found) == 1
    if where == "estimator":
        found[0]["__module__"], found[0]["__class__"] = "subprocess", "Popen"
    elif where == "function":
        found[0].clear()
        found[0].update({"__module__": "os", "__class__": "system", "__loader__": "FunctionNode", "__id__": 99})
        found[0]["content"] = {"module_path": "os", "function": "system"}
    elif where == "reduce":
        content = {
            "__class__": "tuple",
            "__module__": "builtins",
            "__loader__": "TupleNode",
            "content": [],
            "__id__": 98,
        }
        found[0].clear()
        found[0].update({"__module__": "os", "__class__": "system", "__loader__": "OperatorFuncNode", "__id__": 99})
        found[0].update({"attrs": content, "constructor": content})
    elif where == "type":
        found[0].clear()
        found[0].update({"__module__": "builtins", "__class__": "exec", "__loader__": "TypeNode", "__id__": 99})
    else:  # what the library itself might trust, from a place where a model has nothing
        found[0]["__module__"], found[0]["__class__"] = "operator", "methodcaller"
    with_schema(path, schema)
    with pytest.raises(ValueError, match=r"^[^\n]*m\.skops: (refused|no saved model)[^\n]*$"):
        models.load(path)


def test_a_pickle_is_no_model(tmp_path: Path) -> None:
    marker, path = tmp_path / "ran", tmp_path / "m.skops"
    path.write_bytes(pickle.dumps(Evil(f"touch {marker}")))
    with pytest.raises(ValueError, match="no saved model"):
        models.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", json.dumps({"__class__": "x", "__module__": "builtins"}))
        archive.writestr("data.pkl", pickle.dumps(Evil(f"touch {marker}")))
    with pytest.raises(ValueError, match=r"no saved model|refused"):
        models.load(path)
    assert not marker.exists()


def test_an_array_of_objects_is_not_unpickled(tmp_path: Path, fitted: Callable[[str], Any]) -> None:
    marker, path = tmp_path / "ran", tmp_path / "m.skops"
    models.save(fitted("sigma"), path)
    octets = io.BytesIO()
    np.save(octets, np.array([Evil(f"touch {marker}")], dtype=object), allow_pickle=True)
    name = next(name for name in zipfile.ZipFile(path).namelist() if name.endswith(".npy"))
    with_schema(path, schema_of(path), **{name: octets.getvalue()})
    with pytest.raises(ValueError, match="no saved model, or a damaged one"):
        models.load(path)
    assert not marker.exists()


def test_damaged_files_are_refused_in_one_line(tmp_path: Path, fitted: Callable[[str], Any]) -> None:
    path = tmp_path / "m.skops"
    models.save(fitted("random_forest"), path)
    whole = path.read_bytes()
    random = np.random.default_rng(1)
    for octets in (b"", b"PK", whole[:200], whole[:-30], whole[: len(whole) // 2]):
        path.write_bytes(octets)
        with pytest.raises(ValueError, match=r"^[^\n]*no saved model[^\n]*$"):
            models.load(path)
    for _ in range(20):  # octets changed anywhere: refused, or what is loaded was checked
        broken = bytearray(whole)
        for place in random.integers(len(broken), size=3):
            broken[place] ^= 1 << random.integers(8)
        path.write_bytes(broken)
        with contextlib.suppress(ValueError):
            models.load(path)
    with pytest.raises(FileNotFoundError):
        models.load(tmp_path / "nothing.skops")


def test_every_flip_is_refused_in_one_line_or_changes_nothing(
    table: Any, tmp_path: Path, fitted: Callable[[str], Any]
) -> None:
    """A flip that is not seen is one in what nobody reads, such as the time of a member."""
    path = tmp_path / "m.skops"
    models.save(fitted("sigma"), path)
    whole, expected = path.read_bytes(), fitted("sigma").predict(table).tolist()
    refused = 0
    for place in range(0, len(whole), 1 + len(whole) // 150):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        told = ""
        try:
            assert models.load(path).predict(table).tolist() == expected
        except ValueError as error:
            told = str(error)
        refused += told != ""
        assert told.startswith(str(path)) or not told
        assert "\n" not in told
    assert refused > 50


def test_trees_that_lead_nowhere_are_refused() -> None:
    good = np.array([1, -1, -1]), np.array([2, -1, -1]), np.array([0, -2, -2])
    _models_trust.check_walk(*good, features=1)
    for left, right, feature, message in [
        ([1, -1, -1], [3, -1, -1], [0, -2, -2], "out of itself"),
        ([-5, -1, -1], [2, -1, -1], [0, -2, -2], "out of itself"),
        ([0, -1, -1], [2, -1, -1], [0, -2, -2], "out of itself"),  # the root is nobody's child
        ([1, 2, 1], [2, 1, 2], [0, 0, 0], "comes back"),
        ([1, -1, -1], [1, -1, -1], [0, -2, -2], "comes back"),
        ([1, -1, -1], [-1, -1, -1], [0, -2, -2], "half a node"),
        ([1, -1, -1], [2, -1, -1], [1, -2, -2], "not there"),
        ([1, -1, -1], [2, -1, -1], [-2, -2, -2], "not there"),
        ([1, -1], [2, -1, -1], [0, -2, -2], "not equally long"),
        ([], [], [], "not equally long"),
    ]:
        with pytest.raises(ValueError, match=message):
            _models_trust.check_walk(np.array(left), np.array(right), np.array(feature), 1)


@pytest.mark.parametrize("kind", ["random_forest", "gradient_boosting", "isolation_forest"])
def test_a_file_with_a_circle_in_a_tree_is_refused(tmp_path: Path, fitted: Callable[[str], Any], kind: str) -> None:
    """The array of nodes is replaced by one that would keep native code walking for ever, or read elsewhere."""
    path = tmp_path / "m.skops"
    models.save(fitted(kind), path)
    files = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".npy"):
                array = np.load(io.BytesIO(archive.read(name)), allow_pickle=False)
                if array.dtype.names and len(array) > 1:
                    side = "left" if "left" in array.dtype.names else "left_child"
                    array[side][0] = len(array) + 7 if len(files) % 2 else 0
                    octets = io.BytesIO()
                    np.save(octets, array)
                    files[name] = octets.getvalue()
    assert files
    with_schema(path, schema_of(path), **files)
    with pytest.raises(ValueError, match="a tree that leads out of itself"):
        models.load(path)


def test_a_booster_with_a_wrong_tree_is_refused(fitted: Callable[[str], Any]) -> None:
    estimator = fitted("xgboost")[-1]
    state = estimator.__getstate__()
    features, classes = estimator.n_features_in_, len(estimator.classes_)
    _models_trust.check_booster(state["booster_"], classes, features)

    def changed(change: Callable[[Any], None]) -> bytes:
        document = json.loads(state["booster_"])
        change(document["learner"])
        return json.dumps(document).encode()

    def tree(learner: Any) -> Any:
        return learner["gradient_booster"]["model"]["trees"][0]

    changes: list[Callable[[Any], Any]] = [
        lambda x: tree(x)["left_children"].__setitem__(0, 10**6),
        lambda x: tree(x)["left_children"].__setitem__(0, 0),
        lambda x: tree(x)["split_indices"].__setitem__(0, 10**6),
        lambda x: tree(x)["split_conditions"].pop(),
        lambda x: tree(x)["split_type"].__setitem__(0, 1),
        lambda x: x["gradient_booster"]["model"]["tree_info"].__setitem__(0, 99),
        lambda x: x["learner_model_param"].__setitem__("num_feature", "3"),
        lambda x: x["objective"].__setitem__("name", "reg:squarederror"),
        lambda x: x.pop("gradient_booster"),
    ]
    for change in changes:
        octets = changed(change)
        with pytest.raises(ValueError, match=r"^[^\n]+$"):
            models.XGBoostClassifier().__setstate__({**state, "booster_": octets})
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        models.XGBoostClassifier().__setstate__({**state, "booster_": b"{}"})


def test_another_version_of_the_definitions_is_refused(
    tmp_path: Path, fitted: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    models.save(fitted("sigma"), tmp_path / "m.skops")
    monkeypatch.setattr(known, "DEFINITIONS", known.DEFINITIONS + 1)
    with pytest.raises(
        ValueError, match=r"m\.skops: trained on version 1 of the feature definitions, and this is version 2"
    ):
        models.load(tmp_path / "m.skops")


def test_what_cannot_be_saved(table: Any, tmp_path: Path, fitted: Callable[[str], Any]) -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    with pytest.raises(ValueError, match=r"a name that ends in \.skops is needed"):
        models.save(fitted("sigma"), tmp_path / "m.pickle")
    with pytest.raises(ValueError, match="the model is not fitted"):
        models.save(models.make_model("sigma"), tmp_path / "m.skops")
    with pytest.raises(ValueError, match="whose first step is FlowFeatures"):
        models.save(models.SigmaRule().fit(np.eye(3)), tmp_path / "m.skops")
    own = make_pipeline(models.FlowFeatures(), FunctionTransformer(_models_save.card_path), models.SigmaRule())
    own.steps[0][1].fit(table)
    own.steps[-1][1].fit(own[0].transform(table))
    with pytest.raises(ValueError, match=r"load would refuse: pcapframe\._models_save\.card_path"):
        models.save(own, tmp_path / "m.skops")
    with pytest.raises(FileNotFoundError):
        models.save(fitted("sigma"), tmp_path / "nowhere" / "m.skops")
    assert os.listdir(tmp_path) == []


def test_a_file_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, fitted: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    models.save(fitted("sigma"), tmp_path / "m.skops")
    monkeypatch.setattr(_models_save, "LARGEST", 1000)
    with pytest.raises(ValueError, match="GiB when unpacked"):
        models.load(tmp_path / "m.skops")
