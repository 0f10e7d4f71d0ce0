"""How good a model is, on splits that say what they test."""

from __future__ import annotations

import copy
import importlib
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import _given
from ._cicids_clean import repeated
from ._cicids_label import start_times
from ._cicids_labels import BENIGN, is_benign
from ._cicids_tables import as_table
from ._frame_column import import_pandas
from ._models_estimators import KINDS, make_model

_Array = np.ndarray[Any, Any]

SPLITS = {
    "time": "the first flows train, the last ones test: what a model is in for",
    "day": "other days test than train: attacks that were never seen, in this data set",
    "group": "no pair of end points is on both sides",
    "dedup-random": "random rows, equal ones only once: no flow is on both sides, but the same attack tool is",
    "random": "random rows, as the papers have it: equal flows are on both sides, so it flatters",
}

# Sharafaldin, Habibi Lashkari, Ghorbani: "Toward Generating a New Intrusion Detection Dataset and Intrusion Traffic
# Characterization", ICISSP 2018, table 4: weighted precision, recall, F1 and seconds. The split is not stated.
PAPER = {
    "KNN": (0.96, 0.96, 0.96, 1908.23),
    "RF": (0.98, 0.97, 0.97, 74.39),
    "ID3": (0.98, 0.98, 0.98, 235.02),
    "AdaBoost": (0.77, 0.84, 0.77, 1126.24),
    "MLP": (0.77, 0.83, 0.76, 575.73),
    "Naive Bayes": (0.88, 0.04, 0.04, 14.77),
    "QDA": (0.97, 0.88, 0.92, 18.79),
}
_ROWS = 8192  # of one thread's turn: enough that to hand them on costs nothing beside what trees do with them
ATTACK = "ATTACK"  # what outlier detectors tell from BENIGN


@dataclass
class Evaluation:
    """What `evaluate` found; it prints.

    Attributes
    ----------
    split : str
        The split, and `meaning`, what it tests.
    summary : dict of float
        ``accuracy``, ``weighted_precision``, ``weighted_recall``, ``weighted_f1``, ``macro_f1`` (over the classes that
        are tested), ``mcc``, ``pr_auc`` (the mean over these classes), ``false_alarms_per_million`` (benign flows taken
        for an attack), ``missed_attacks`` (the share taken for benign), ``train``, ``test`` (rows), ``matrix_s``,
        ``fit_s``, ``predict_s``.
    per_class : pandas.DataFrame
        A row a class: ``precision``, ``recall``, ``f1``, ``pr_auc``, ``test`` and ``train`` (rows). What is not defined
        is NaN.
    confusion : pandas.DataFrame
        Rows: true classes, columns: predicted ones.
    """

    split: str
    meaning: str
    summary: dict[str, float]
    per_class: Any
    confusion: Any
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain dicts, for a card or JSON; what is not defined is None."""
        classes = {
            str(name): {key: _plain(value) for key, value in row.items()} for name, row in self.per_class.iterrows()
        }
        summary = {key: _plain(value) for key, value in self.summary.items()}
        return {"split": self.split, "summary": summary, "classes": classes, "notes": self.notes}

    def __str__(self) -> str:
        told = self.summary
        missed, alarms = 100 * told["missed_attacks"], told["false_alarms_per_million"]
        lines = [f"split {self.split}: {self.meaning}"]
        if told["train"]:
            lines.append(f"trained on {told['train']:,.0f} flows in {told['matrix_s'] + told['fit_s']:.2f} s")
        lines += [
            f"tested on {told['test']:,.0f} flows in {told['predict_s']:.2f} s",
            f"weighted F1 {told['weighted_f1']:.4f}, macro F1 {told['macro_f1']:.4f}, MCC {told['mcc']:.4f}",
            f"false alarms per million benign flows: {alarms:,.0f}; attacks taken for benign: {missed:.2f} %",
            "",
            self.per_class.to_string(float_format=lambda value: f"{value:.4f}", na_rep="-"),
            *self.notes,
        ]
        return "\n".join(lines)

    __repr__ = __str__


@dataclass
class Comparison:
    """What `compare` found: the paper's table beside ours. It prints."""

    evaluations: dict[str, Evaluation]

    @property
    def table(self) -> Any:
        """A DataFrame: a row a model, weighted precision, recall and F1, macro F1, seconds, and the split."""
        pandas = import_pandas("models.compare")
        rows: dict[str, list[Any]] = {}
        for name, (precision, recall, f1, seconds) in PAPER.items():
            rows[f"{name} (2018 paper)"] = [precision, recall, f1, np.nan, seconds, "not stated"]
        for name, found in self.evaluations.items():
            told = found.summary
            weighted = [told["weighted_precision"], told["weighted_recall"], told["weighted_f1"], told["macro_f1"]]
            rows[name] = [*weighted, told["fit_s"] + told["predict_s"], found.split]
        names = ["precision", "recall", "f1", "macro_f1", "seconds", "split"]
        return pandas.DataFrame.from_dict(rows, orient="index", columns=names)

    def __getitem__(self, name: str) -> Evaluation:
        return self.evaluations[name]

    def __str__(self) -> str:
        return str(self.table.to_string(float_format=lambda value: f"{value:.4f}", na_rep="-"))

    __repr__ = __str__


def _plain(value: Any) -> Any:
    number = float(value)
    return None if np.isnan(number) else number


# ----------------------------------------------------------------------------------------------------------- splits


def _random_rows(labels: _Array, share: float, random: np.random.Generator) -> _Array:
    """Rows to test: of each class its share, so that each class that has two rows is on both sides."""
    test = np.zeros(len(labels), dtype=bool)
    for name in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == name))
        most = min(max(1, round(len(rows) * share)), len(rows) - 1)
        test[rows[:most]] = True
    return test


def end_points(table: Any) -> _Array:
    """A number per pair of end points and protocol, whichever of them began."""
    pandas = import_pandas("models.evaluate")
    needed = ("Source IP", "Source Port", "Destination IP", "Destination Port")
    for name in needed:
        if name not in table:
            raise ValueError(f"split='group' goes by addresses and ports, and there is no column {name!r}")
    sides = [table[a].astype(str) + " " + table[b].astype(str) for a, b in (needed[:2], needed[2:])]
    a, b = (side.to_numpy(dtype=object) for side in sides)
    first = np.where(a <= b, a, b) + "|" + np.where(a <= b, b, a)
    if "Protocol" in table:
        first = first + "|" + table["Protocol"].astype(str).to_numpy(dtype=object)
    return np.asarray(pandas.factorize(first)[0])


def _group_rows(table: Any, share: float, random: np.random.Generator) -> _Array:
    groups = end_points(table)
    drawn = random.random(int(groups.max()) + 1 if len(groups) else 0) < share
    return np.asarray(drawn[groups])


def _day_rows(table: Any, share: float) -> _Array:
    """The last days, as many as make up the share."""
    if "day" in table:
        days = table["day"]
        order = list(days.cat.categories) if hasattr(days, "cat") else sorted(days.dropna().unique())
        names = days.astype(object).to_numpy()
    else:
        names = start_times(table, "split='day'") // 86_400_000_000_000
        order = sorted(np.unique(names).tolist())
    order = [day for day in order if (names == day).any()]
    if len(order) < 2:
        raise ValueError("split='day' needs flows of two days or more")
    test, chosen = np.zeros(len(table), dtype=bool), 0
    while chosen < len(order) - 1 and (chosen == 0 or test.mean() < share):
        chosen += 1
        test |= names == order[-chosen]
    return test


def _time_rows(table: Any, share: float) -> _Array:
    times = start_times(table, "split='time'")
    order = np.argsort(times, kind="stable")
    test = np.zeros(len(table), dtype=bool)
    test[order[len(order) - round(len(order) * share) :]] = True
    return test


def _folds(table: Any, labels: _Array, split: str, folds: int, random: np.random.Generator) -> Iterator[_Array]:
    if split not in ("random", "dedup-random", "group"):
        raise ValueError(f"folds: split={split!r} has one")
    if split == "group":
        groups = end_points(table)
        number = random.integers(folds, size=int(groups.max()) + 1)[groups]
    else:
        names, counts = np.unique(labels, return_counts=True)
        if counts.min() < folds:
            few = names[counts.argmin()]
            raise ValueError(f"{few} has {counts.min()} rows, fewer than the {folds} folds")
        number = np.empty(len(labels), dtype=np.int64)
        for name in names:
            rows = random.permutation(np.flatnonzero(labels == name))
            number[rows] = np.arange(len(rows)) % folds
    for fold in range(folds):
        yield number == fold


def _parts(table: Any, labels: _Array, split: str, share: float, folds: int | None, seed: int) -> Iterator[_Array]:
    random = np.random.default_rng(seed)
    if folds is not None:
        yield from _folds(table, labels, split, folds, random)
    elif split in ("random", "dedup-random"):
        yield _random_rows(labels, share, random)
    elif split == "group":
        yield _group_rows(table, share, random)
    elif split == "day":
        yield _day_rows(table, share)
    else:
        yield _time_rows(table, share)


# --------------------------------------------------------------------------------------------------------- measures


def _per_class(true: _Array, found: _Array, chances: _Array | None, names: list[str], train: dict[str, int]) -> Any:
    from sklearn.metrics import average_precision_score, precision_recall_fscore_support

    pandas = import_pandas("models.evaluate")
    precision, recall, f1, support = precision_recall_fscore_support(true, found, labels=names, zero_division=0)
    areas = np.full(len(names), np.nan)
    for place, name in enumerate(names):
        hit = true == name
        if chances is not None and 0 < hit.sum() < len(hit) and not np.isnan(chances[:, place]).all():
            areas[place] = average_precision_score(hit, chances[:, place])
    tested = support > 0
    table = pandas.DataFrame(
        {
            "precision": np.where(tested | np.isin(names, found), precision, np.nan),
            "recall": np.where(tested, recall, np.nan),
            "f1": np.where(tested, f1, np.nan),
            "pr_auc": areas,
            "test": support,
            "train": [train.get(name, 0) for name in names],
        },
        index=pandas.Index(names, name="class"),
    )
    return table


def _measures(true: _Array, found: _Array, table: Any) -> dict[str, float]:
    from sklearn.metrics import matthews_corrcoef, precision_recall_fscore_support

    precision, recall, f1, _ = precision_recall_fscore_support(true, found, average="weighted", zero_division=0)
    benign = np.array([is_benign(name) for name in np.unique(true)], dtype=bool)
    quiet = np.isin(true, np.unique(true)[benign])
    alarm = ~np.isin(found, [name for name in np.unique(found) if is_benign(str(name))])
    tested = table[table["test"] > 0]
    return {
        "accuracy": float((true == found).mean()),
        "weighted_precision": float(precision),
        "weighted_recall": float(recall),
        "weighted_f1": float(f1),
        "macro_f1": float(tested["f1"].mean()),
        "mcc": float(matthews_corrcoef(true, found)),
        "pr_auc": float(tested["pr_auc"].mean()),
        "false_alarms_per_million": float(1e6 * alarm[quiet].mean()) if quiet.any() else float("nan"),
        "missed_attacks": float((~alarm[~quiet]).mean()) if (~quiet).any() else float("nan"),
    }


def is_detector(model: Any) -> bool:
    """Tell whether a model finds outliers instead of classes."""
    from sklearn.base import is_outlier_detector

    return bool(is_outlier_detector(model))


def check_labels(labels: Any, rows: int, caller: str) -> _Array:
    """The labels as an array of text; what cannot be learned from is said at once."""
    pandas = import_pandas(caller)
    if not hasattr(labels, "__len__") or isinstance(labels, str):
        raise _given.wrong("labels", "a label for each flow", labels)
    if len(labels) != rows:
        raise ValueError(f"{caller}: {len(labels):,} labels for {rows:,} flows")
    if not rows:
        raise ValueError(f"{caller}: no flows")
    missing = int(np.asarray(pandas.isna(labels)).sum())
    if missing:
        raise ValueError(f"{caller}: {missing:,} flows have no label")
    names = np.asarray(labels).astype(str)
    return names


def _two_classes(labels: _Array, where: str) -> None:
    names = np.unique(labels)
    if len(names) < 2:
        raise ValueError(f"{where}: one class, {names[0]}: there is nothing to tell apart")


@dataclass
class _Trial:
    """One training and its predictions."""

    found: _Array
    chances: _Array | None
    classes: list[str]
    matrix_s: float
    fit_s: float
    predict_s: float


def _clock(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def _try(model: Any, train: Any, labels: _Array, test: Any) -> _Trial:
    """Fit a copy of the model, the matrix apart from the rest so that each has its time."""
    from sklearn.base import clone

    fresh = clone(model)
    detector = is_detector(fresh)
    if detector:
        quiet = np.array([is_benign(label) for label in labels])
        train, labels = train[quiet], labels[quiet]
        if len(train) < 2:
            raise ValueError("an outlier detector is trained on benign flows, and there are none to train on")
    first, rest = fresh[0], fresh[1:]
    matrix, matrix_s = _clock(lambda: first.fit(train, labels).transform(train))
    _, fit_s = _clock(lambda: rest.fit(matrix, labels))
    (found, chances), predict_s = _clock(lambda: predictions(fresh, test))
    classes = [BENIGN, ATTACK] if detector else [str(name) for name in fresh.classes_]
    return _Trial(found, chances, classes, matrix_s, fit_s, predict_s)


def steadily(last: Any, method: str, matrix: _Array) -> _Array:
    """What a method of an estimator says of each row, to the last bit the same each time.

    A forest's threads add up what its trees say in whatever order they come, which rounds otherwise each time, and what
    stands on the edge is now of one class and now of the other. So each thread has rows of its own here, not trees.
    """
    from sklearn.ensemble import IsolationForest, RandomForestClassifier

    joblib = importlib.import_module("joblib")  # which scikit-learn needs
    threads = joblib.effective_n_jobs(last.n_jobs) if isinstance(last, RandomForestClassifier | IsolationForest) else 1
    if threads == 1:
        return np.asarray(getattr(last, method)(matrix))
    alone = copy.copy(last)
    alone.n_jobs = 1
    parts = [matrix[start : start + _ROWS] for start in range(0, len(matrix), _ROWS)] or [matrix]
    with ThreadPoolExecutor(min(threads, len(parts))) as pool:
        return np.concatenate(list(pool.map(getattr(alone, method), parts)))


def classified(model: Any, matrix: _Array) -> tuple[_Array, list[str], _Array | None]:
    """The class of each row of a matrix, as a place in a list of names, and how probable each of them is.

    Of outlier detectors the names are BENIGN and ATTACK, and scores stand for how probable they are.
    """
    # Step by step: a Pipeline asks all of its steps for their tags at each call, which costs as much as 1,000 flows.
    last = model.steps[-1][1]
    for _, step in model.steps[1:-1]:
        matrix = step.transform(matrix)
    if hasattr(last, "predict_proba"):
        chances = steadily(last, "predict_proba", matrix)
        return chances.argmax(axis=1), [str(name) for name in last.classes_], chances
    if is_detector(model):
        scores = -steadily(last, "decision_function", matrix)  # higher: stranger
        return (scores > 0).astype(np.intp), [BENIGN, ATTACK], np.column_stack([-scores, scores])
    found = np.asarray(last.predict(matrix)).astype(str)
    names, places = np.unique(found, return_inverse=True)
    return places, names.tolist(), None


def predictions(model: Any, flows: Any) -> tuple[_Array, _Array | None]:
    """The class of each flow, and how probable each class is; of outlier detectors BENIGN and ATTACK, and scores."""
    places, names, chances = classified(model, model[0].transform(flows))
    return np.array(names, dtype=object if is_detector(model) else str)[places], chances


def evaluate(
    model: Any,
    flows: Any,
    split: str | None = "time",
    *,
    labels: Any = None,
    test_size: float = 0.3,
    folds: int | None = None,
    seed: int = 0,
) -> Evaluation:
    """Train a copy of a model on one part of the flows and test it on the other.

    Parameters
    ----------
    model : Pipeline or str
        Of `make_model`, or the name of one. It is not changed.
    flows : DataFrame or Frame
        Clean ones, with a column ``Label``.
    split : str or None
        ``"time"`` (the default), ``"day"``, ``"group"``, ``"dedup-random"`` or ``"random"``, as `SPLITS` tells. None:
        do not train, test the fitted model on all flows.
    labels : array-like, optional
        Instead of the column ``Label``.
    test_size : float
        The share to test on.
    folds : int, optional
        Test each part once with a model trained on the others, and pool the predictions; not for time and day.
    seed : int
        Of the random splits.

    Returns
    -------
    Evaluation
        Outlier detectors are trained on the benign flows of their part, and tell BENIGN from ATTACK.

    Raises
    ------
    ValueError
        What cannot work, before any training: one class, missing labels or columns, fewer rows than folds.
    """
    table = as_table(flows, "models.evaluate")
    model = make_model(model) if isinstance(model, str) else model
    if not hasattr(model, "fit"):
        raise _given.wrong("model", "a Pipeline, as make_model gives it, or its kind", model)
    _given.one_of("split", split, (*SPLITS, None))
    _given.whole("seed", seed, 0)
    if not 0 < _given.number("test_size", test_size) < 1:
        raise ValueError(f"test_size: a share between 0 and 1, not {test_size!r}")
    if labels is None and "Label" not in table:
        raise ValueError("there is no column 'Label': cicids.label makes it, or labels= gives it")
    truth = check_labels(table["Label"] if labels is None else labels, len(table), "models.evaluate")
    if folds is not None and not 2 <= _given.whole("folds", folds) <= len(table):
        raise ValueError(f"folds: 2 up to the {len(table):,} rows, not {folds}")
    if split is None:
        return _tested(model, table, truth)
    _two_classes(truth, "models.evaluate")
    if split == "dedup-random":
        once = ~repeated(table.assign(Label=truth))
        table, truth = table[once], truth[once]
    tests = list(_parts(table, truth, split, test_size, folds, seed))
    for test in tests:
        if test.all() or not test.any():
            raise ValueError(f"split={split!r} leaves nothing to {'train' if test.all() else 'test'} on")
        if not is_detector(model):
            _two_classes(truth[~test], f"split={split!r}, the training part")
    return _trials(model, table, truth, split, tests)


def _trials(model: Any, table: Any, truth: _Array, split: str, tests: list[_Array]) -> Evaluation:
    trials = []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="lbfgs failed to converge")  # the figures tell how good it is
        for test in tests:
            trials.append(_try(model, table[~test], truth[~test], table[test]))
    names, counts = np.unique(truth[~tests[0]], return_counts=True)
    train = dict(zip(names.tolist(), counts.tolist(), strict=True))
    true = np.concatenate([truth[test] for test in tests])
    times = {name: sum(getattr(trial, name) for trial in trials) for name in ("matrix_s", "fit_s", "predict_s")}
    times["train"] = int(sum((~test).sum() for test in tests) / len(tests))
    found = _judged(model, true, trials, train, split, SPLITS[split], times)
    unseen = sorted(set(np.unique(true).tolist()) - set(train))
    if unseen and not is_detector(model):
        found.notes.append(f"tested, but not in the training part: {', '.join(unseen)}")
    return found


def _tested(model: Any, table: Any, truth: _Array) -> Evaluation:
    (found, chances), seconds = _clock(lambda: predictions(model, table))
    classes = [BENIGN, ATTACK] if is_detector(model) else [str(name) for name in model.classes_]
    trial = _Trial(found, chances, classes, 0.0, 0.0, seconds)
    times = {"matrix_s": 0.0, "fit_s": 0.0, "predict_s": seconds, "train": 0}
    return _judged(model, truth, [trial], {}, "none", "a fitted model, tested on all flows", times)


def _judged(
    model: Any,
    true: _Array,
    trials: list[_Trial],
    train: dict[str, int],
    split: str,
    meaning: str,
    times: dict[str, float],
) -> Evaluation:
    from sklearn.metrics import confusion_matrix

    pandas = import_pandas("models.evaluate")
    if is_detector(model):
        true = np.array([BENIGN if is_benign(label) else ATTACK for label in true])
        train = {BENIGN: sum(count for name, count in train.items() if is_benign(name))}
    found = np.concatenate([trial.found for trial in trials]).astype(str)
    names = sorted({*np.unique(true).tolist(), *np.unique(found).tolist(), *train})
    chances: _Array | None = None
    if all(trial.chances is not None for trial in trials):
        chances = np.full((len(true), len(names)), np.nan)  # of classes that no training part had
        start = 0
        for trial in trials:
            assert trial.chances is not None
            rows = slice(start, start + len(trial.found))
            start += len(trial.found)
            for place, name in enumerate(trial.classes):
                if name in names:
                    chances[rows, names.index(name)] = trial.chances[:, place]
        chances[:, ~np.isnan(chances).all(axis=0)] = np.nan_to_num(chances[:, ~np.isnan(chances).all(axis=0)])
    table = _per_class(true, found, chances, names, train)
    summary = {**_measures(true, found, table), "test": len(true), **times}
    confusion = pandas.DataFrame(confusion_matrix(true, found, labels=names), index=names, columns=names)
    return Evaluation(split, meaning, summary, table, confusion)


def compare(models: Any, flows: Any, split: str = "dedup-random", **options: Any) -> Comparison:
    """Evaluate several models alike, and put them beside the table of the data set's paper.

    Parameters
    ----------
    models : list of str, dict of models or None
        Names of `make_model`, or models by name; None: the four classifiers.
    flows : DataFrame or Frame
        As in `evaluate`.
    split : str
        As in `evaluate`. The paper does not state its own.
    **options
        As in `evaluate`.

    Returns
    -------
    Comparison
        ``comparison.table`` is a DataFrame, ``comparison["xgboost"]`` an `Evaluation`.
    """
    given = list(KINDS[:4]) if models is None else models
    named = given if isinstance(given, dict) else {name: make_model(name) for name in given}
    return Comparison({name: evaluate(model, flows, split, **options) for name, model in named.items()})
