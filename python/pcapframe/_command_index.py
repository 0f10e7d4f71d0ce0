"""The verb ``index``."""

from __future__ import annotations

import argparse
import dataclasses

from ._commands import DONE, _json, _open, _print
from ._display import size
from ._text import display


def index(given: argparse.Namespace) -> int:
    made = _open(given).index(given.output, cache=given.cache)
    if given.json:
        _json({"indexes": [dataclasses.asdict(each) for each in made]})
        return DONE
    for each in made:
        _print(f"{display(each.path)}: {each.packets:,} packets in {each.stretches:,} stretches, {size(each.octets)}")
    return DONE
