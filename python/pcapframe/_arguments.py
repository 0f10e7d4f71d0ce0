"""The arguments of the command ``pcapframe``: their types, and errors of one line that say what is meant instead."""

from __future__ import annotations

import argparse
import math
import os
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NoReturn

from ._columns import FIELDS, check_columns, nearest
from ._commands import KINDS, Usage
from ._display import width
from ._group import check_name
from ._times import duration

_WIDEST_HELP = 100  # columns: longer lines are hard to read, however wide the terminal is
_CAPTURES = re.compile(r"\.(pcap|pcapng|cap)(\.(gz|bz2|xz|zst|lz4))?$|^-$", re.IGNORECASE)


class _Help(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=help_width())


def help_width() -> int:
    return min(width(), _WIDEST_HELP) - 2


class Parser(argparse.ArgumentParser):
    """A parser that raises `Usage`, with the nearest to what there is not."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": _Help, "allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        message = message.removeprefix("argument ")
        missing = message.removeprefix("the following arguments are required: ")
        if missing != message:
            message = f"{missing} {'are' if ',' in missing else 'is'} needed"
        raise Usage(f"{message} ({self.prog} --help)")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """What argparse calls to look a value up among its choices."""
        if action.choices is None or value in action.choices:
            return
        if isinstance(action.choices, dict):  # the verbs
            raise Usage(self._no_verb(str(value), action.choices, action.metavar))
        choices = list(map(str, action.choices))
        raise argparse.ArgumentError(action, f"{' or '.join(choices)}, not {value!r}{nearest(str(value), choices)}")

    def _no_verb(self, value: str, verbs: Collection[str], what: Any) -> str:
        if os.path.exists(value):
            return f"{value}: a verb comes first, such as: {self.prog} {next(iter(verbs))} {value}"
        return f"no {str(what).lower()} {value!r}{nearest(value, verbs)} ({self.prog} --help lists them)"

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # nothing unknown is handed up
        given, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(self._unknown(unknown[0]))
        return given, unknown

    def _unknown(self, text: str) -> str:
        if not text.startswith("-"):
            return f"what is {text!r}?"
        name = text.partition("=")[0]
        if any(isinstance(action, argparse._SubParsersAction) for action in self._actions):
            return f"no option {name} here: options follow the verb"
        return f"no option {name}{nearest(name, self._option_string_actions)}"


def captures_among(given: argparse.Namespace, names: Iterable[str]) -> None:
    """Give back the captures that options which take several values have swallowed: ``--indicators FEED CAPTURE``."""
    for name in names:
        values = getattr(given, name) or []
        while not given.files and len(values) > 1 and _CAPTURES.search(values[-1]):
            kept = len(values)
            while kept > 1 and _CAPTURES.search(values[kept - 1]):
                kept -= 1
            given.files = values[kept:]
            setattr(given, name, values[:kept])
    if not given.files:
        raise Usage("FILE is needed: the capture")


def as_options(text: str, names: Iterable[str]) -> str:
    """A message about parameters of Python as one about options: ``--threads: ...`` for ``threads: ...``."""
    names = "|".join(names)

    def option(found: re.Match[str]) -> str:
        value = found[2] if found.lastindex == 2 else None
        return f"--{found[1].replace('_', '-')}{'' if value is None else f' {value}'}"

    text = re.sub(rf"^({names})=?(?=: )", option, text)
    text = re.sub(r"\bfilter\((\w+)=(['\"]?)(.*?)\2\)$", r"--where \1=\3", text)
    return re.sub(rf"\b({names})=(?:'(\w+)')?(?=[ ,;?)]|$)", option, text)


# ----------------------------------------------------------------------------------------------------------- types


def separated(text: str) -> list[str]:
    items = [item.strip() for item in text.split(",")]
    if not all(items):
        raise argparse.ArgumentTypeError(f"{text!r}: items separated by commas are needed, none of them empty")
    return items


def kinds(text: str) -> list[str]:
    given = separated(text)
    for kind in given:
        if kind not in KINDS:
            raise argparse.ArgumentTypeError(f"{kind!r}: dns, ip or seq")
    return [kind for kind in KINDS if kind in given]


def sequence_numbers(text: str) -> list[int]:
    try:
        return [int(item, 0) for item in separated(text)]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: whole numbers separated by commas are needed") from None


def names(text: str) -> list[str]:
    try:
        return list(check_columns(separated(text)))
    except (KeyError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error.args[0])) from None


def fields(text: str) -> list[str]:
    try:
        return [check_name(name, "") for name in separated(text)]
    except (KeyError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error.args[0]).removeprefix(": ")) from None


def where(text: str) -> tuple[str, Any]:
    """A condition on a column: ``tcp_dstport=22,2222``, ``frame_len=1000..``, ``ip_src=10.0.0.0/8``, ``vlan_id=``."""
    name, equals, wanted = text.partition("=")
    if not equals or name not in FIELDS:
        why = "NAME=VALUE is needed" if not equals else f"no column {name!r}{nearest(name, FIELDS)}"
        raise argparse.ArgumentTypeError(f"{text!r}: {why}")
    if not wanted:
        return name, None
    plain = FIELDS[name].kind in ("text", "string", "time")
    low, dots, high = wanted.partition("..")
    try:
        if dots and FIELDS[name].kind not in ("text", "string"):
            ends = [None if not end else end if plain else int(end, 0) for end in (low, high)]
            return name, slice(*ends)
        return name, [item if plain else int(item, 0) for item in wanted.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: {name} holds numbers") from None


def number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r}: a number is needed")
    return value


def whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: a whole number is needed")
    return int(text)


def seconds(text: str) -> float:
    """A number of seconds, or a length of time with its unit: ``90``, ``1.5``, ``90s``, ``2h``."""
    try:
        found = float(text)
    except ValueError:
        try:
            found = duration("", text) / 1e9
        except ValueError:
            found = 0.0
    if not 0 < found < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r}: seconds, or a length of time such as 90s, 5min or 2h, is needed")
    return found


def examples(lines: Sequence[str]) -> str:
    return "example:\n" + "\n".join(f"  {line}" for line in lines)
