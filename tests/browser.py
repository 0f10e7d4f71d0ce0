"""A headless Chromium without a network, driven through its debugging pipe: what a page looks like and how it behaves.

Protocol: https://chromedevtools.github.io/devtools-protocol/; over the pipe each message is JSON and ends with a NUL.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_PATIENCE = 60.0  # seconds for one answer: a busy machine starts a browser slowly


class Browser:
    """One browser with one page; a context manager, so that nothing is left running."""

    def __init__(self, folder: Path) -> None:
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        alone = ["unshare", "-n"] if os.geteuid() == 0 and shutil.which("unshare") else []
        # The browser reads descriptor 3 and writes descriptor 4; a shell puts ours there.
        run = f'exec 3<&{to_read} 4>&{to_write}; exec "$@"'
        self._process = subprocess.Popen(
            ["bash", "-c", run, "browser", *alone, str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu",
             "--hide-scrollbars", "--remote-debugging-pipe", f"--user-data-dir={folder / 'profile'}", "about:blank"],
            pass_fds=(to_read, to_write),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        self._number, self._rest, self._session = 0, b"", ""
        self.events: list[dict[str, Any]] = []
        try:
            pages = self.call("Target.getTargets")["targetInfos"]
            page = next(each["targetId"] for each in pages if each["type"] == "page")
            self._session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.call(f"{domain}.enable")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the browser."""
        os.close(self._write)  # it ends when nobody can speak to it any more
        os.close(self._read)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol and return its result."""
        self._number += 1
        asked: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            asked["sessionId"] = self._session
        os.write(self._write, json.dumps(asked).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def _message(self, patience: float = _PATIENCE) -> dict[str, Any]:
        end = time.monotonic() + patience
        while b"\0" not in self._rest:
            if not select.select([self._read], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            more = os.read(self._read, 1 << 16)
            if not more:
                raise EOFError("the browser ended")
            self._rest += more
        text, self._rest = self._rest.split(b"\0", 1)
        told: dict[str, Any] = json.loads(text)
        if "method" in told:
            self.events.append(told)
        return told

    def look(self, width: int, height: int = 900, *, dark: bool = False, printed: bool = False) -> None:
        """Set how the page is looked at."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media="print" if printed else "", features=[scheme])

    def open(self, path: Path) -> None:
        """Open a file, and wait until it is there."""
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        while not any(each["method"] == "Page.loadEventFired" for each in self.events):
            self._message()

    def ask(self, script: str) -> Any:
        """Return the value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    def press(self, key: str, code: int, text: str = "", shift: bool = False) -> None:
        """Press a key, such as ``press("Tab", 9)``."""
        common = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": 8 * shift}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag the pointer with its button down."""
        for kind, (x, y) in (("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end)):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """Write what is seen as PNG, of the whole page."""
        told = self.call("Page.captureScreenshot", captureBeyondViewport=whole, format="png")
        path.write_bytes(base64.b64decode(told["data"]))

    def pdf(self, path: Path) -> None:
        """Print to PDF."""
        path.write_bytes(base64.b64decode(self.call("Page.printToPDF", printBackground=False)["data"]))

    def complaints(self) -> list[str]:
        """What went to the console or was asked of a network, since the page was opened."""
        told = [each["params"]["entry"]["text"] for each in self.events if each["method"] == "Log.entryAdded"]
        told += [str(each["params"]) for each in self.events
                 if each["method"] in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown")]  # fmt: skip
        asked = (
            each["params"]["request"]["url"] for each in self.events if each["method"] == "Network.requestWillBeSent"
        )
        return told + [url for url in asked if not url.startswith(("file:", "data:"))]
