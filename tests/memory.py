"""Python in a process of its own that is asked for the most memory it had."""

from __future__ import annotations

import subprocess
import sys

# Linux lets ru_maxrss of a child begin at the peak of who started it: after some hundred tests it tells nothing.
PEAK = '''
def peak():
    """The most octets that were in memory until now."""
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) << 10
    except FileNotFoundError:
        import resource, sys
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

'''


def run(code: str, *arguments: object) -> list[int]:
    """The numbers that some code prints, which may ask for `peak()`."""
    command = [sys.executable, "-c", PEAK + code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [int(number) for number in done.stdout.split()]
