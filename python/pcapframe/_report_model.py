"""What a model says of the flows of a report's capture."""

from __future__ import annotations

from typing import Any

from . import _flows
from ._cicids_labels import is_benign
from ._made import frame_of_values
from ._models_score import NULLABLE, Scores, check_makes_flows
from ._reader import Capture

FLOWS = 20_000
"""Flows of a batch."""


class Verdicts:
    """What a model takes the flows for: how many of each class, and the first of those that are not benign to it."""

    _SHOWN = ("flow_start", "Source IP", "Destination IP", "Destination Port", "class", "reasons")

    def __init__(self, cap: Capture, model: Any, most: int) -> None:
        self._cap, self._most = cap, most
        self.classes: dict[str, int] = {}
        self.flagged: list[tuple[Any, ...]] = []
        self.flagged_in_all = 0
        self.error: ValueError | None = None
        try:
            self._options = _flows.resolved(given={}, **check_makes_flows(model))
            self._scores = Scores(model, reasons=3)
        except ValueError as error:
            self.error = error

    @property
    def questions(self) -> list[tuple[str, tuple[Any, ...]]]:
        """What the core is to be asked."""
        if self.error is not None:
            return []
        return [("flow_batches", (_flows.native_options(self._options), FLOWS, self._take))]

    def _take(self, native: Any) -> None:
        flows = _flows.FlowFrame(native, self._cap, None, self._options, "published", None)
        try:
            scored = frame_of_values(self._scores.add(flows), NULLABLE, len(flows), self._cap, None)
        except ValueError as error:
            self.error = self.error or error
            return
        names = scored["class"].tolist()
        for name in names:
            self.classes[name] = self.classes.get(name, 0) + 1
        self.flagged_in_all += sum(not is_benign(name) for name in names)
        found = [row for row in scored.rows(*self._SHOWN) if row[-1] is not None]
        self.flagged += found[: self._most - len(self.flagged)]
