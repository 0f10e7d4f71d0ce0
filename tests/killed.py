"""Kills a process again and again while it writes a file, and looks at what is there under the file's name.

    python tests/killed.py KIND TIMES FOLDER

A child is forked for each time, so that it begins to write at once, and gets SIGKILL at a random moment of the time
that writing takes. Under the name there must be nothing, or what was there before, or the whole new file.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import signal
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

warnings.simplefilter("ignore")

import pcapframe as pf  # noqa: E402
from captures_large import write_syns  # noqa: E402

OLD = b"what was there before"
_COLUMNS = ["frame_number", "ip_src", "tcp_seq_raw", "frame_time"]


def _model(folder: Path) -> Callable[[Path], Any]:
    import flow_tables
    from pcapframe import models

    flow_tables.generator().write(folder / "tables", rows=600)
    table = pf.cicids.clean(pf.cicids.load(folder / "tables"))
    model = models.make_model("random_forest", n_estimators=40, n_jobs=1).fit(table, table["Label"].astype(str))
    return lambda path: models.save(model, path)


def writer(kind: str, folder: Path) -> Callable[[Path], Any]:
    """What writes a file of the kind."""
    if kind == "skops":
        return _model(folder)
    capture = pf.open(write_syns(folder / "in.pcap", 60_000), progress=False, threads=2)
    if kind in ("pcap", "pcapng"):
        return capture.write
    few = pf.open(write_syns(folder / "few.pcap", 3000), progress=False, threads=2)
    if kind == "html":
        return few.report
    if kind == "kml":
        return lambda path: pf.geo.kml(few, path, home=(0.0, 0.0))
    return capture.packets(_COLUMNS).write


def digest(path: Path) -> str:
    """Of all but the times, of which one is when a report was made."""
    return hashlib.sha256(re.sub(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", b"", path.read_bytes())).hexdigest()


def whole(kind: str, path: Path, reference: str) -> bool:
    if kind == "skops":  # a zip file tells when it was made
        from pcapframe import models

        return models.load(path) is not None
    return digest(path) == reference


def main() -> None:
    kind, times, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    write = writer(kind, folder)
    first = folder / f"first.{kind}"
    write(first)  # what is loaded on first use is loaded now
    begin = time.perf_counter()
    write(first)
    took = time.perf_counter() - begin
    reference = digest(first)
    path = folder / f"target.{kind}"
    rng = random.Random(kind)
    found = {"absent": 0, "old": 0, "whole": 0, "torn": 0}
    for number in range(times):
        if number % 2:
            path.write_bytes(OLD)
        else:
            path.unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            try:
                write(path)
            finally:
                os._exit(0)
        time.sleep(rng.random() * took * 1.2)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if not path.exists():
            found["absent" if number % 2 == 0 else "torn"] += 1
        elif path.read_bytes() == OLD:
            found["old"] += 1
        else:
            found["whole" if whole(kind, path, reference) else "torn"] += 1
    print(" ".join(f"{name}={count}" for name, count in found.items()))


if __name__ == "__main__":
    main()
