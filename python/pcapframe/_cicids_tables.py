"""What flow tables have in common, whoever made them: a data frame, its definition, its report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import _cicids_columns as known
from ._frame import Frame
from ._frame_column import import_pandas

if TYPE_CHECKING:
    import pandas as pd

KEY = "pcapframe"  # in DataFrame.attrs


def meta_of(flows: Any) -> dict[str, Any]:
    """What is known of a table of flows: `DataFrame.attrs["pcapframe"]` or `Frame.provenance`.

    Of flows that were made from a capture, the options stand in it under ``options``; they are lifted out.
    """
    found = getattr(flows, "provenance", None) if isinstance(flows, Frame) else getattr(flows, "attrs", {}).get(KEY)
    if not isinstance(found, dict):
        return {}
    options = found.get("options")
    flows = options.get("flows") if isinstance(options, dict) else None
    return {**flows, **found} if isinstance(flows, dict) else dict(found)


@dataclass(frozen=True)
class Definition:
    """How features are defined: the variant, the repairs that are off (`compat`), the version of the definitions."""

    variant: str
    compat: str | None = None
    version: int = known.DEFINITIONS

    def __str__(self) -> str:
        return self.variant + (f" with compat={self.compat!r}" if self.compat else "")


def definition_of(flows: Any) -> Definition | None:
    """The definition of a table's features, None where nothing tells."""
    meta = meta_of(flows)
    variant = meta.get("variant")
    if not isinstance(variant, str):
        return None
    return Definition(variant, meta.get("compat") or None, int(meta.get("definitions", known.DEFINITIONS)))


def as_table(flows: Any, caller: str) -> pd.DataFrame:
    """A data frame of `flows`, which is one already or a Frame."""
    pandas = import_pandas(caller)
    if isinstance(flows, Frame):
        table: pd.DataFrame = flows.to_pandas()
        if KEY not in table.attrs and meta_of(flows):
            table.attrs[KEY] = meta_of(flows)
        return table
    if isinstance(flows, pandas.DataFrame):
        found: pd.DataFrame = flows
        return found
    raise TypeError(f"{caller}: a DataFrame or Frame of flows is needed, not {type(flows).__name__}")


@dataclass
class Report:
    """What a step did to a table, to be printed.

    `title` says what it is of; `lines` are (what, rows or columns) pairs; `notes` are sentences.
    """

    title: str
    lines: list[tuple[str, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, what: str, count: int) -> None:
        self.lines.append((what, int(count)))

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain lists, which `DataFrame.attrs` can hold."""
        return {"title": self.title, "lines": [list(line) for line in self.lines], "notes": list(self.notes)}

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> Report:
        """Return what `to_dict` gave."""
        return cls(given["title"], [(what, count) for what, count in given["lines"]], list(given["notes"]))

    def __getitem__(self, what: str) -> int:
        for name, count in self.lines:
            if name == what:
                return count
        raise KeyError(what)

    def __str__(self) -> str:
        wide = max((len(f"{count:,}") for _, count in self.lines), default=0)
        lines = [f"  {count:>{wide},}  {what}" for what, count in self.lines]
        return "\n".join([self.title, *lines, *self.notes])

    __repr__ = __str__


def with_report(table: pd.DataFrame, step: str, report: Report, meta: dict[str, Any]) -> pd.DataFrame:
    """Keep a report where `report` of cicids finds it."""
    table.attrs[KEY] = {**meta, "reports": {**meta.get("reports", {}), step: report.to_dict()}}
    return table
