"""Servers that tests talk to, each a process of its own: a Dask scheduler and workers, and an S3 that counts.

Each ends with the test that began it, and by itself after a time limit should the tests be killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pcapframe as pf

PATIENCE = 120.0  # seconds for a process to begin or a state to come: far above what a busy machine needs
# Seconds after which a process that nobody stopped ends by itself: more than the tests of a file take under a sanitizer
# on a busy machine, for a question to workers that are gone waits for ever.
LIFETIME = 3600
_PACKAGE = Path(pf.__file__).parent.parent  # what the tests import, which may be built for a sanitizer
_T = TypeVar("_T")


def wait_for(what: str, ask: Callable[[], _T | None], process: Process | None = None) -> _T:
    """What `ask` returns, once it is something."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if (found := ask()) is not None:
            return found
        if process is not None and process.ended:
            break
        time.sleep(0.05)
    raise RuntimeError(f"{what}: not within {PATIENCE:.0f} s{f'; {process.said()}' if process else ''}")


class Process:
    """A process that is stopped when its `with` block is left."""

    def __init__(self, folder: Path, name: str, command: list[str], **environment: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.name = folder, name
        self._log = folder / f"{name}.log"
        path = os.pathsep.join(
            filter(None, [environment.pop("FIRST", ""), str(_PACKAGE), os.environ.get("PYTHONPATH")])
        )
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **environment, "PYTHONPATH": path},
            )  # fmt: skip

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def said(self) -> str:
        return f"{self.name} said: {self._log.read_text(errors='replace')[-2000:]}"

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(PATIENCE)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()


class Scheduler(Process):
    """``dask scheduler`` on a free port."""

    def __init__(self, folder: Path) -> None:
        where = folder / "scheduler.json"
        command = [
            sys.executable, "-m", "dask", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
            "--dashboard-address", "127.0.0.1:0", "--idle-timeout", f"{LIFETIME}s", "--scheduler-file", str(where),
        ]  # fmt: skip
        super().__init__(folder, "scheduler", command)
        self.address: str = wait_for("the scheduler", lambda: self._address(where), self)

    @staticmethod
    def _address(where: Path) -> str | None:
        try:
            return str(json.loads(where.read_text())["address"])
        except (OSError, ValueError):
            return None


class Worker(Process):
    """``dask worker`` with one thread, in a working folder of its own."""

    def __init__(self, scheduler: Scheduler, folder: Path, name: str, first: str = "", **environment: str) -> None:
        command = [
            sys.executable, "-m", "dask", "worker", scheduler.address, "--host", "127.0.0.1", "--nthreads", "1",
            "--no-nanny", "--no-dashboard", "--name", name, "--death-timeout", "120", "--lifetime", f"{LIFETIME}s",
            "--memory-limit", "0", "--local-directory", str(folder / "dask"),
        ]  # fmt: skip
        super().__init__(folder, name, command, FIRST=first, **environment)


@dataclass(frozen=True)
class Request:
    """What an S3 server was asked, and how many octets of answer it gave."""

    method: str
    path: str
    range: str | None
    octets: int


class Bucket(Process):
    """A local S3 (moto's server, with a counter before it) that has one bucket."""

    NAME = "captures"

    def __init__(self, folder: Path) -> None:
        self._requests, where = folder / "requests.jsonl", folder / "port"
        command = [sys.executable, str(Path(__file__).with_name("s3_server.py")), str(where), str(self._requests)]
        super().__init__(folder, "moto", [*command, str(LIFETIME)])
        port = wait_for("moto", lambda: where.read_text() if where.exists() else None, self)
        self.url = f"http://127.0.0.1:{port}"
        # What s3fs and whoever else asks S3 looks at; the keys are made up.
        self.environment = {
            "AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests", "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.url, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }  # fmt: skip

    def requests(self, path: str) -> list[Request]:
        """All requests so far for this key of the bucket, in order."""
        found = [Request(*json.loads(line)) for line in self._requests.read_text().splitlines()]
        return [each for each in found if each.path == f"/{self.NAME}/{path}"]
