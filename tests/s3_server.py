"""Moto's S3 server in a process of its own, with each request noted: method, path, range asked for, octets given.

    python tests/s3_server.py PORT_FILE REQUESTS_FILE SECONDS

It takes a free port of 127.0.0.1, writes its number into PORT_FILE, and ends after SECONDS.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server


class Counting:
    """The application, and a line for each answer."""

    def __init__(self, application: Any, path: Path) -> None:
        self._application, self._lock = application, threading.Lock()
        self._file = open(path, "a", encoding="utf-8", buffering=1)  # noqa: SIM115  # open as long as the process

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        octets = b"".join(self._application(environ, start_response))
        # moto hands back what it read of the body; what is told is what goes over the wire.
        told = environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("HTTP_RANGE"), len(octets)
        with self._lock:
            self._file.write(json.dumps(told) + "\n")
        return [octets]


def main() -> None:
    port, requests, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    application = Counting(DomainDispatcherApplication(create_backend_app), requests)
    server = make_server("127.0.0.1", 0, application, threaded=True)
    part = port.with_suffix(".part")
    part.write_text(str(server.server_port))
    part.rename(port)
    timer = threading.Timer(seconds, os._exit, (1,))
    timer.daemon = True
    timer.start()
    server.serve_forever()


if __name__ == "__main__":
    main()
