"""The verb ``detect``: what the rules find in a capture."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

from . import detectors
from ._commands import (
    ALARM,
    DONE,
    Usage,
    _check_output,
    _hand_over,
    _json,
    _number,
    _open,
    _print,
    _say,
    _show_rows,
    _title,
)
from ._text import display

SUFFIXES = (".csv", ".json", ".parquet", ".arrow")
SHOWN = ["severity", "kind", "first_time", "source", "target", "port", "evidence"]


def _thresholds(given: list[str] | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        try:
            found[name] = int(value) if value.isdecimal() else float(value)
        except ValueError:
            raise Usage(f"--set: NAME=NUMBER is needed, not {text!r}") from None
        if not equals:
            raise Usage(f"--set: NAME=NUMBER is needed, not {text!r}")
    return found


def detect(given: argparse.Namespace) -> int:
    if given.rules:
        return _rules(given)
    if not given.files:
        raise Usage("a capture is needed, or --rules (pcapframe detect --help)")
    capture = _open(given)
    if given.output:
        _check_output(given.output, SUFFIXES, capture)
    try:
        found = detectors.detect(capture, only=given.only, window=given.window, **_thresholds(given.set))
    except TypeError as error:
        raise Usage(str(error).replace("detect:", "--set:")) from error
    severities = Counter(found["severity"].tolist())
    document: dict[str, Any] = {
        "files": capture.files,
        "findings": len(found),
        "severities": {name: severities[name] for name in reversed(detectors.SEVERITIES)},
        "bounds": found.provenance["detect_bounds"],
    }
    if not _hand_over(given, found, document):
        told = ", ".join(f"{count} {name}" for name, count in document["severities"].items() if count)
        _say(f"{_title(capture)}: {_number(len(found), 'finding')}{f' ({told})' if told else ''}")
        if len(found):
            _show_rows(found[SHOWN], given.rows)
        if given.output:
            _print("", f"findings written to {display(given.output)}")
    if given.fail_on is None:
        return DONE
    worst = detectors.SEVERITIES[detectors.SEVERITIES.index(given.fail_on) :]
    return ALARM if any(severities[name] for name in worst) else DONE


def _rules(given: argparse.Namespace) -> int:
    rows: list[dict[str, Any]] = [
        {"rule": rule.name, "kinds": list(rule.kinds), "thresholds": dict(rule.thresholds)}
        for rule in detectors.rules()
    ]
    if given.json:
        _json({"rules": len(rows)}, rows)
        return DONE
    for row in rows:
        _say(f"{row['rule']}: {', '.join(row['kinds'])}")
        _print(*(f"    {name}={value!r}" for name, value in row["thresholds"].items()))
    return DONE
