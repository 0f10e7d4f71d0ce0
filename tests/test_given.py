"""What is given for a parameter and cannot be: one line that names it, what is needed and what was given.

Every parameter of every public function is given something that no function takes, and what is most like what it takes.
"""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pcapframe as pf
from pcapframe import _given

LAB = str(Path(__file__).parents[1] / "examples" / "lab.pcap")


class Nothing:
    """What nothing takes: it is no number and no text, and nothing can be done with it."""

    __hash__ = None  # type: ignore[assignment]


NOTHING = Nothing()

# What takes anything, or is handed on to another function, which says so itself.
ANYTHING = {
    "precision_recall.positive": "a class, which may be of any kind",
    "precision_recall.truth": "anything is an attack or none",
    "report.model": "a model that cannot be is told in the report",
    "make_model.features": "what estimators take is checked in fit, as scikit-learn has it",
    "make_model.variant": "as above",
    "make_model.compat": "as above",
    "make_model.destination_port": "as above",
    "make_model.quantize": "as above",
    "label.capture": "of a schedule that is no truth it is not looked at",
}
UNTOLD = {  # where another reason is told than what was given
    "packets.flows", "capture.rotate", "capture.keep", "confusion.truth", "confusion.predicted", "threshold.q",
    "Counts.threshold.q", "FlowFrame.write.quantize",
}  # fmt: skip
NAMED_OTHERWISE = {  # the parameter in a message, where it is not by its own name
    "filter.expression": "filter",
    "columns.names": "columns",
    "count.fields": "count",
    "rebuild.published": "source",
    "Partial.load.path": "path",
}


def questions() -> Iterator[tuple[str, Callable[..., Any], tuple[Any, ...], dict[str, Any]]]:
    """Each function with arguments that are right."""
    cap = pf.open(LAB, progress=False).filter(ip_src="203.0.113.9")
    counts, frame, flows = cap.count("ip_src"), cap.packets(), cap.flows()
    found = pf.Indicators.from_values(["192.0.2.1"])
    yield "open", pf.open, (LAB,), {}
    yield "columns", pf.columns, (), {}
    for name, arguments in {
        "filter": (), "between": (), "info": (), "partitions": (), "ioc_counts": (), "packets": (), "batches": (),
        "hosts": (), "count": ("ip_src", "ip_dst"), "match": (found,), "write": ("x.pcap",), "index": ("x.pfx",),
        "split": ("{ip_src}.pcap",), "octets": (1,), "flows": (), "flow_batches": (), "packets_of": (flows,),
        "report": ("r.html",),
    }.items():  # fmt: skip
        yield name, getattr(cap, name), arguments, {}
    yield "select", cap.select, (), {"ip": ["203.0.113.9"]}
    yield "set_threshold", pf.set_threshold, (counts,), {}
    yield "eval_packets", pf.eval_packets, (3.0, counts), {}
    yield "threshold", pf.threshold, (counts,), {}
    yield "Counts.top", counts.top, (), {}
    yield "Counts.threshold", counts.threshold, (), {}
    yield "Frame.write", frame.write, ("x.csv",), {}
    yield "Frame.rows", lambda *names: list(frame.rows(*names)), (), {}
    yield "Column.isin", frame["frame_len"].isin, ([1],), {}
    yield "Column.matrix", cap.packets("frame_raw")["frame_raw"].matrix, (4,), {}
    yield "Batches.write", cap.batches().write, ("x.csv",), {}
    yield "FlowFrame.write", flows.write, ("x.csv",), {}
    yield "Partial.load", pf.Partial.load, ("x",), {}
    yield "detect", pf.detect, (cap,), {}
    yield "Indicators.read", pf.Indicators.read, (), {}
    yield "Indicators.from_values", pf.Indicators.from_values, (["192.0.2.1"],), {}
    yield "Indicators.write", found.write, ("x.csv",), {}
    yield "capture", pf.capture, ("lo",), {}
    yield "live", pf.live, ("lo",), {}


def pictures() -> Iterator[tuple[str, Callable[..., Any], tuple[Any, ...], dict[str, Any]]]:
    cap = pf.open(LAB, progress=False).filter(ip_src="203.0.113.9")
    counts = cap.count("ip_src")
    yield "histogram", pf.plot.histogram, (counts,), {}
    yield "flows", pf.plot.flows, (cap.flows(),), {}
    for name in ("talkers", "heatmap", "dns", "timeline", "ports", "spectrum", "graph"):
        yield name, getattr(pf.plot, name), (cap,), {}
    yield "confusion", pf.plot.confusion, (["a", "b"], ["a", "b"]), {}
    yield "precision_recall", pf.plot.precision_recall, ([True, False], [0.5, 0.2]), {}
    yield "locate", pf.geo.locate, (["192.0.2.1"],), {}
    yield "map", pf.geo.map, (cap,), {}
    yield "kml", pf.geo.kml, (cap, "x.kml"), {}
    yield "Counts.plot", counts.plot, (), {}


def models() -> Iterator[tuple[str, Callable[..., Any], tuple[Any, ...], dict[str, Any]]]:
    made = pf.open(LAB, progress=False).filter(ip_src="203.0.113.9").flows("cic2017")
    made.write("monday.csv", published=True)
    flows = made.to_pandas()
    flows["Label"] = "BENIGN"
    yield "load", pf.cicids.load, ("monday.csv",), {}
    yield "clean", pf.cicids.clean, (flows,), {}
    yield "label", pf.cicids.label, (flows,), {}
    yield "verify", pf.cicids.verify, (".",), {}
    yield "rebuild", pf.cicids.rebuild, (LAB, "."), {}
    yield "make_model", pf.models.make_model, ("logistic",), {}
    yield "feature_names", pf.models.feature_names, (flows,), {}
    yield "evaluate", pf.models.evaluate, (pf.models.make_model("logistic"), flows), {"split": "random"}
    yield "load_model", pf.models.load, ("m.skops",), {}


def refused(name: str, call: Callable[..., Any], good: tuple[Any, ...], keywords: dict[str, Any], wrong: Any) -> None:
    """Give `wrong` for each parameter in turn."""
    signature = inspect.signature(call)
    for place, (parameter, about) in enumerate(signature.parameters.items()):
        key = f"{name}.{parameter}"
        if about.kind is about.VAR_KEYWORD or key in ANYTHING:
            continue
        bound = signature.bind(*good, **keywords)
        bound.arguments[parameter] = (wrong,) if about.kind is about.VAR_POSITIONAL else wrong
        try:
            call(*bound.args, **bound.kwargs)
        except (TypeError, ValueError) as error:
            said, raised = str(error), traceback.extract_tb(error.__traceback__)[-1].filename
        else:
            pytest.fail(f"{key} takes anything")
        assert "\n" not in said, (key, said)
        assert said[:1] != "'", (key, said)  # Python's own say 'X' object ...
        names = [parameter, NAMED_OTHERWISE.get(key, parameter), *([name.rsplit(".", 1)[-1]] if place == 0 else [])]
        assert re.search(rf"\b({'|'.join(map(re.escape, names))})\b", said), (key, said)
        assert "Nothing" in said or key in UNTOLD, (key, said)
        assert "site-packages" not in raised, (key, said)


@pytest.mark.parametrize("each", [pytest.param(each, id=each[0]) for each in questions()])
def test_what_no_function_takes(each: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused(*each, NOTHING)
    assert not list(tmp_path.iterdir()), "nothing is written before all is checked"


def test_what_no_picture_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot", reason="matplotlib draws the pictures")
    pytest.importorskip("pandas", reason="places come as a DataFrame")
    monkeypatch.chdir(tmp_path)
    for each in pictures():
        refused(*each, NOTHING)
        pyplot.close("all")


def test_what_no_model_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("skops", reason="models need the extra ml")
    monkeypatch.chdir(tmp_path)
    for each in models():
        refused(*each, NOTHING)


@pytest.mark.parametrize(
    ("ask", "kind", "said"),
    [
        (lambda cap: cap.batches(rows="a"), TypeError, "rows: a whole number from 1 to 2,147,483,647, not 'a'"),
        (lambda cap: cap.batches(rows=0), ValueError, "rows: a whole number from 1 to 2,147,483,647, not 0"),
        (lambda cap: cap.batches(rows=True), TypeError, "rows: a whole number from 1 to 2,147,483,647, not True"),
        (lambda cap: cap.count("ip_src", top="a"), TypeError, "top: a whole number, 1 or more, not 'a'"),
        (lambda cap: cap.count("ip_src", top=0), ValueError, "top: a whole number, 1 or more, not 0"),
        (lambda cap: cap.count("ip_src", sum=5), TypeError, "sum: a list or set of fields, not 5"),
        (lambda cap: cap.count("ip_src", gaps="no"), TypeError, "gaps: True or False, not 'no'"),
        (lambda cap: cap.filter(12), TypeError, "filter: text such as 'tcp port 80', not 12"),
        (lambda cap: cap.filter(ip_ttl="64"), TypeError, "ip_ttl: the column holds integers, not '64'"),
        (lambda cap: cap.select("203.0.113.9"), TypeError, ("dns: a set, list or other iterable of keys is needed, "
                                                           "not str")),
        (lambda cap: cap.select(ip=[5]), TypeError, "ip: an address is text such as '192.0.2.1', not int"),
        (lambda cap: pf.open(None), TypeError, ("open: a path, a list of paths, bytes or a binary file object, "
                                               "not None")),
        (lambda cap: pf.open(LAB, threads=2.5), TypeError, "threads: a whole number from 1 to 1,024, not 2.5"),
        (lambda cap: cap.between("yesterday"), ValueError, ("start: 'yesterday' is no time such as "
                                                           "'2017-07-05T09:47:00.25Z'")),
        (lambda cap: cap.packets(5), TypeError, "columns: a list or set of names, groups or patterns, not 5"),
        (lambda cap: cap.info(full="no"), TypeError, "full: True or False, not 'no'"),
        (lambda cap: cap.octets("1"), TypeError, "frame_number: a whole number, not '1'"),
        (lambda cap: cap.write(None), TypeError, "path: the path of a file, not None"),
        (lambda cap: pf.set_threshold(cap.count("ip_src"), "3"), TypeError, "sigma_value: a number, not '3'"),
        (lambda cap: pf.threshold({}, k=float("nan")), ValueError, "k: a finite number, not nan"),
        (lambda cap: pf.threshold({}, "sigmo"), ValueError, ("method: 'sigma' or 'loo-sigma' or 'mad' or 'iqr' or "
                                                            "'quantile', not 'sigmo'")),
        (lambda cap: cap.flows(tz=5), TypeError, "tz: text such as 'America/Halifax', not 5"),
        (lambda cap: cap.ioc_counts(compat=b"scapy"), TypeError, "compat: None or 'scapy', not b'scapy'"),
        (lambda cap: pf.capture("lo", seconds="5"), TypeError, "seconds: a number, not '5'"),
    ],
)  # fmt: skip
def test_messages(ask: Callable[[pf.Capture], object], kind: type[Exception], said: str) -> None:
    with pytest.raises(kind) as caught:
        ask(pf.open(LAB, progress=False))
    assert str(caught.value) == said


def test_rows_and_comparisons_say_what_they_take() -> None:
    frame = pf.open(LAB, progress=False).filter(ip_src="203.0.113.9").packets()
    for key in (None, 2.5, True, NOTHING, {"a": 1}):
        with pytest.raises(TypeError, match=r"^frame\[\.\.\.\]: a column name, list of names, row number"):
            frame[key]
    for column in ("frame_len", "ip_src", "frame_time"):
        with pytest.raises((TypeError, ValueError), match=column):
            frame[column] < object()  # noqa: B015
        with pytest.raises(ValueError, match=rf"^{column}: compared with 2 values where it has {len(frame):,}$"):
            frame[column] == [1, 2]  # noqa: B015
        assert not (frame[column] == None).any()  # noqa: E711


# -------------------------------------------------------------------------------------------------- the room itself


def test_numbers() -> None:
    assert _given.whole("n", np.int64(5), 1, 9) == 5
    assert _given.number("n", np.float32(0.5)) == 0.5
    assert _given.number("n", Fraction(1, 2)) == 0.5
    assert _given.number("n", float("inf"), finite=False) == float("inf")
    for value in (True, np.bool_(True), "5", 5.0, None, [5], Decimal(5)):
        with pytest.raises(TypeError, match=r"^n: a whole number, not "):
            _given.whole("n", value)
    for value in (0, 10, np.int64(-1)):
        with pytest.raises(ValueError, match=r"^n: a whole number from 1 to 9, not "):
            _given.whole("n", value, 1, 9)
    for value in (float("inf"), float("nan")):
        with pytest.raises(ValueError, match=r"^n: a finite number, not "):
            _given.number("n", value)


def test_truth_is_no_text() -> None:
    assert _given.truth("full", np.bool_(True)) is True
    assert _given.truth("full", 0) is False
    for value, kind in (("no", TypeError), (2, ValueError), (None, TypeError), (1.0, TypeError)):
        with pytest.raises(kind, match=r"^full: True or False, not "):
            _given.truth("full", value)


def test_what_was_given_is_one_short_line() -> None:
    shown = {
        "a": "'a'", 5: "5", None: "None", np.int64(5): "5", "a\nb": r"'a\nb'", "x" * 99: f"'{'x' * 56}...",
        (1, 2): "a tuple", frozenset(): "a frozenset", int: "a type",
    }  # fmt: skip
    assert {value: _given.shown(value) for value in shown} == shown
    assert _given.shown(np.zeros(3)) == "a ndarray"


def test_a_path_is_one() -> None:
    assert _given.path("path", Path("a")) == _given.path("path", b"a") == "a"
    for value, kind in (("", ValueError), ("a\0b", ValueError), (["a"], TypeError), (5, TypeError)):
        with pytest.raises(kind, match=r"^path: the path of a file, not "):
            _given.path("path", value)
