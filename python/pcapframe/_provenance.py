"""What a table was made from."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from . import _core, _times
from ._inputs import size

if TYPE_CHECKING:
    from ._info import CaptureFault
    from ._reader import Capture

KEY = "pcapframe"  # of metadata


def provenance(
    capture: Capture | None,
    columns: Iterable[str],
    faults: Iterable[CaptureFault] | None,
    asked: Mapping[str, Any] | None = None,
    sha256: bool = False,
) -> dict[str, Any]:
    """Return inputs, filters, period, options, versions and faults, all of it plain values that JSON takes."""
    from . import __version__

    built_in, says = _core.libpcap()
    found: dict[str, Any] = {"versions": {"pcapframe": __version__, "libpcap": says if built_in else None}}
    if capture is None:
        return found
    options = capture._options
    return {
        "inputs": [_input(source, sha256) for source in capture._inputs],
        "filters": [
            each.expression if isinstance(each, _core.Filter) else _conditions(each) for each in options.filters
        ],
        "period": [
            None if options.first == _times.EARLIEST else options.first,
            None if options.last == _times.LATEST else options.last,
        ],
        "options": {"columns": list(columns), "strict": options.strict, **(asked or {})},
        "faults": None if faults is None else [dataclasses.asdict(fault) for fault in faults],
        **found,
    }


def note(found: Mapping[str, Any]) -> str:
    """Provenance as text for metadata."""
    return json.dumps(found, ensure_ascii=True)


_MOST_VALUES = 100  # of a condition: a table of indicators must not carry all of them in its metadata


def _conditions(narrowing: _core.Conditions) -> dict[str, Any]:
    every, alternatives = narrowing.given
    found: dict[str, Any] = {each[0]: _condition(*each[1:]) for each in every}
    if alternatives:
        found["any_of"] = [{each[0]: _condition(*each[1:]) for each in clause} for clause in alternatives]
    return found


def _condition(null: bool, values: tuple[Any, ...], low: int | None, high: int | None) -> Any:
    """The ends of a range, or the values; networks as their first and last address."""
    if low is not None or high is not None:
        return {"from": low, "before": high}
    shown = [_value(value) for value in values[:_MOST_VALUES]]
    more = [f"... {len(values)} values"] if len(values) > _MOST_VALUES else []
    return [*([None] if null else []), *shown, *more]


def _value(value: Any) -> Any:
    if not isinstance(value, tuple):
        return value
    import ipaddress

    return "-".join(str(ipaddress.ip_address(end)) for end in value)


def _input(source: _core.Input, sha256: bool) -> dict[str, Any]:
    about: dict[str, Any] = {"name": source.name, "size": size(source)}
    if sha256:
        about["sha256"] = _digest(source.name) if os.path.isfile(source.name) else None
    return about


def _digest(path: str) -> str:
    import hashlib  # not worth its time at every start

    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
