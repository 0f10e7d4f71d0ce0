"""The verb report."""

from __future__ import annotations

import argparse
import os

from . import _commands
from ._arguments import captures_among
from ._display import size
from ._indicators import Indicators
from ._text import display


def place(text: str) -> tuple[float, float]:
    """Latitude and longitude, in degrees, as an argument has them."""
    latitude, comma, longitude = text.partition(",")
    try:
        found = float(latitude), float(longitude)
    except ValueError:
        comma = ""
    if not comma or not (-90 <= found[0] <= 90 and -180 <= found[1] <= 180):
        raise argparse.ArgumentTypeError(f"{text}: latitude and longitude in degrees, such as 52.5,13.4")
    return found


def report(given: argparse.Namespace) -> int:
    captures_among(given, ("indicators", "database"))
    capture = _commands._open(given)
    _commands._check_output(given.output, (".htm", ".html"), capture)
    indicators = None if given.indicators is None else Indicators.read(*given.indicators)
    capture.report(
        given.output,
        title=given.title,
        indicators=indicators,
        model=given.model,
        database=given.database,
        home=given.home,
    )
    octets = os.path.getsize(given.output)
    if given.json:
        _commands._json({"files": capture.files, "output": given.output, "octets": octets})
    else:
        _commands._print(f"{display(given.output)}: {size(octets)}")
    return _commands.DONE
