"""Ctrl-C at a chosen moment of a call, and how long it takes until the call gives way."""

from __future__ import annotations

import hashlib
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


def by_hand() -> None:
    """Work without pcapframe that Ctrl-C has to end as it ends a pass: two busy threads that look whether to go on
    every few milliseconds, and one that waits for them and looks for signals every 20 ms."""
    block, stop = bytes(4 << 20), threading.Event()

    def work() -> None:
        while not stop.is_set():
            hashlib.sha256(block)

    threads = [threading.Thread(target=work) for _ in range(2)]
    try:  # the signal may come before the last has begun
        for thread in threads:
            thread.start()
        while True:
            threads[0].join(0.02)
    finally:
        stop.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join()


def floor(delay: float) -> float:
    """How long Ctrl-C takes `delay` seconds into work that is not ours: what this machine, at this moment, allows."""
    took = interrupted(by_hand, delay)
    assert took is not None
    return took


def native_threads() -> int:
    """How many threads this process has, those that Python does not know among them."""
    return len(os.listdir("/proc/self/task"))
