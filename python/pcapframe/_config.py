"""What this installation is made of."""

from __future__ import annotations

import html
import platform

import numpy as np

from . import _core


class _Config(dict[str, str]):
    """A dict that shows itself as a table."""

    def __repr__(self) -> str:
        width = max(map(len, self))
        return "\n".join(f"{name:{width}}  {value}" for name, value in self.items())

    __str__ = __repr__

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>" for name, value in self.items()
        )
        return f"<table><tbody>{rows}</tbody></table>"


def show_config() -> dict[str, str]:
    """Say what is built in, and how to get what is not.

    Returns
    -------
    dict
        The versions of ``pcapframe``, ``python``, ``numpy`` and ``libpcap`` (what needs it are filters in BPF syntax),
        and how many ``threads`` a pass uses by default. It prints as a table.
    """
    from . import __version__

    built_in, says = _core.libpcap()
    return _Config(
        pcapframe=__version__,
        python=platform.python_version(),
        numpy=np.__version__,
        libpcap=says if built_in else f"not built in: {says}",
        threads=str(_core.processors()),
    )
