"""What a detector says: one row of the table of findings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule found. Times are nanoseconds since the epoch, UTC."""

    kind: str
    severity: str
    first_time: int
    last_time: int
    source: str | None
    target: str | None
    port: int | None
    evidence: str
    technique: str
