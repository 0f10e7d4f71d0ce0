"""CICIDS2017: load the published flow tables, clean them, label flows, rebuild the data set from its captures.

Needs pandas and pyarrow: ``pip install 'pcapframe[ml]'``. docs/cicids2017.md tells how the parts go together.
"""

from __future__ import annotations

from typing import Any

from . import _given
from ._cicids_clean import clean
from ._cicids_columns import COLUMNS, DEFINITIONS, FlowColumn, holds
from ._cicids_label import label
from ._cicids_labels import GROUPS, PUBLISHED
from ._cicids_read import load
from ._cicids_rebuild import Rebuilt, compare, rebuild
from ._cicids_tables import Report, meta_of
from ._cicids_verify import FileCheck, Verification, verify

__all__ = [
    "COLUMNS",
    "DEFINITIONS",
    "GROUPS",
    "LABELS",
    "FileCheck",
    "FlowColumn",
    "Rebuilt",
    "Report",
    "Verification",
    "clean",
    "compare",
    "holds",
    "label",
    "load",
    "rebuild",
    "report",
    "verify",
]

LABELS = PUBLISHED


def report(flows: Any, step: str | None = None) -> Report:
    """Return the report of the last `clean` or `label` that made a table; it prints.

    Parameters
    ----------
    flows : DataFrame
        What `clean` or `label` returned.
    step : "clean" or "label", optional
        Default: the last one.

    Raises
    ------
    ValueError
        The table has no such report.
    """
    _given.one_of("step", step, ("clean", "label", None))
    reports = meta_of(flows).get("reports", {})
    if not reports or (step is not None and step not in reports):
        raise ValueError(f"no report of {step or 'clean or label'} comes with this table")
    return Report.from_dict(reports[step if step is not None else list(reports)[-1]])
