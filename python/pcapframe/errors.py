"""What pcapframe raises and what it warns of.

The exceptions share one base, so ``except pcapframe.PcapframeError`` catches whatever this package raises on its own
account. Each is also a `ValueError`, because every one of them is about a value that was handed in: a path or octets
that are no capture, an expression that is no filter. What the operating system refuses (a missing file, a permission)
stays an `OSError`.
"""

from __future__ import annotations

from typing import Any

__all__ = ["CaptureError", "CaptureWarning", "FilterError", "PcapframeError", "ThresholdWarning"]


class PcapframeError(Exception):
    """The base of the exceptions of this package."""


class CaptureError(PcapframeError, ValueError):
    """The input is no capture, or, with ``strict=True``, a capture that is damaged.

    The message is one line that names the file and, for damage, the packet number and the octet offset.
    """


class FilterError(PcapframeError, ValueError):
    """A filter that cannot be understood, or that no link type of the capture can serve."""


class CaptureWarning(UserWarning):
    """Part of a capture could not be read; what lay before the damage was returned.

    Given once per pass, after its result exists, with what, where and how much was lost.
    """

    faults: tuple[Any, ...] = ()
    """What it is about, each a `CaptureFault`."""


class ThresholdWarning(UserWarning):
    """A threshold that no key can exceed, because there are too few keys for the method to say anything."""
