"""What a call costs. Times of the wall say little on a busy machine; those of the processor are near the same there."""

from __future__ import annotations

import time
from collections.abc import Callable


def least(ask: Callable[[], object], tries: int = 5) -> float:
    """Seconds of the processor that the cheapest of some tries took, all threads together."""
    took = []
    for _ in range(tries):
        begin = time.process_time()
        ask()
        took.append(time.process_time() - begin)
    return min(took)
