"""What a table was made from."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from . import _core, _times

if TYPE_CHECKING:
    from ._reader import Capture, CaptureFault

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
            each.expression if isinstance(each, _core.Filter) else "conditions on columns" for each in options.filters
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


def _input(source: _core.Input, sha256: bool) -> dict[str, Any]:
    from ._reader import _size

    about: dict[str, Any] = {"name": source.name, "size": _size(source)}
    if sha256:
        about["sha256"] = _digest(source.name) if os.path.isfile(source.name) else None
    return about


def _digest(path: str) -> str:
    import hashlib  # not worth its time at every start

    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
