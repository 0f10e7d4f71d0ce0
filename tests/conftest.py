"""Fixtures of several files: made-up tables of flows and their models, which nobody changes; two interfaces that are
connected; what was measured."""

from __future__ import annotations

import signal
import subprocess
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import flow_tables
import pcapframe as pf
from model_tables import CLASSIFIERS, SMALL
from pcapframe import _recording
from wire import Wire, inside


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The eight files, 1,000 rows each at most."""
    where = tmp_path_factory.mktemp("tables")
    flow_tables.generator().write(where, rows=1000)
    return where


@pytest.fixture(scope="session")
def table(folder: Path) -> Any:
    """Them, clean and with labels by groups."""
    return pf.cicids.clean(pf.cicids.load(folder), label_map="groups")


@pytest.fixture(scope="session")
def fitted(table: Any) -> Callable[[str], Any]:
    """A model of a kind, trained on them once."""
    made: dict[str, Any] = {}

    def model(kind: str) -> Any:
        if kind not in made:
            rows = table if kind in CLASSIFIERS else table[table["Label"] == "BENIGN"]
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="lbfgs failed to converge")
                made[kind] = pf.models.make_model(kind, **SMALL[kind]).fit(rows, rows["Label"].astype(str))
        return made[kind]

    return model


@pytest.fixture(scope="module")
def namespace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    made = Wire(tmp_path_factory.mktemp("wire"))
    try:
        made.begin()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespace here: {error.stderr.decode(errors='replace').strip()}")
    yield made
    made.end()


@pytest.fixture
def wire(namespace: Wire, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    begin = _recording.Recording.__init__

    def begun(self: _recording.Recording, *arguments: Any) -> None:
        begin(self, *arguments)
        namespace.recording.set()

    monkeypatch.setattr(_recording.Recording, "__init__", begun)
    namespace.connect()
    with inside(namespace.namespace):
        yield namespace


def pytest_configure() -> None:
    # A shell starts what it puts in the background deaf to Ctrl-C, and so are the children: tests would wait for ever.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


_FIGURES: list[str] = []  # told at the end of a run: those of docs/reliability.md come from there


@pytest.fixture
def measured() -> Callable[[str], None]:
    """Take down one line with a figure."""
    return _FIGURES.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _FIGURES:
        terminalreporter.section("measured")
        for line in _FIGURES:
            terminalreporter.line(line)
