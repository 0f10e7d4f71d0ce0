"""Ctrl-C at a chosen moment of a call, and how long it takes until the call gives way."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable


def interrupted(ask: Callable[[], object], delay: float) -> float | None:
    """Send SIGINT `delay` seconds into the call: how long until the exception, None when the answer came first."""
    sent: list[float] = []
    asking = True

    def interrupt(number: int, frame: object) -> None:
        if asking:  # a signal that comes after the answer is not for the test runner
            raise KeyboardInterrupt

    def send() -> None:
        time.sleep(delay)
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=send)
    took = None
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        thread.start()
        ask()
        asking = False
    except KeyboardInterrupt:
        asking = False
        took = time.perf_counter() - sent[0]
    thread.join()
    time.sleep(0.01)  # until the handler has run
    signal.signal(signal.SIGINT, before)
    return took


def native_threads() -> int:
    """How many threads this process has, those that Python does not know among them."""
    return len(os.listdir("/proc/self/task"))
