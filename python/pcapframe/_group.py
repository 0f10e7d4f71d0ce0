"""What `Capture.count` is asked, checked: fields, aggregates, bins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from . import _given
from ._columns import FIELDS, nearest
from ._times import LATEST, duration

ASKS = ("sum", "min", "max", "mean", "std", "distinct")  # the core knows them by their place


Names = str | Iterable[str] | None


class Question(NamedTuple):
    """A grouped count as the core takes it."""

    fields: tuple[str, ...]
    every: int
    """Nanoseconds of a bin; 0: none."""
    aggregates: tuple[tuple[int, str], ...]
    gaps: bool
    fill: bool
    top: int
    """0: all."""
    approx: bool
    keep_nulls: bool

    @property
    def plain(self) -> bool:
        """Whether it is one field and nothing else, whose answer is a mapping."""
        return len(self.fields) == 1 and self[1:] == (0, (), False, False, 0, False, False)

    @property
    def sketched(self) -> bool:
        """Whether memory is bounded: nothing but packets is counted, of which the largest groups are wanted."""
        return bool(self.top) and not (self.every or self.aggregates or self.gaps)


def check_name(name: object, where: str) -> str:
    """Return the name of a field that can be counted, or raise."""
    if not isinstance(name, str):
        raise _given.wrong(where, "names of fields, which are text", name)
    if name not in FIELDS:
        raise KeyError(f"{where}: no field {name!r}{nearest(name, FIELDS)}")
    if FIELDS[name].kind == "binary":
        raise ValueError(f"{where}: {name} holds octets, which are neither counted by nor put together")
    return name


def _check_once(names: list[str], where: str) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{where}: {twice[0]} is there twice")
    return names


def _check_asked(ask: str, names: Names) -> list[str]:
    """The fields that one aggregate is asked for, each of a kind that has it."""
    given = [] if names is None else [names] if isinstance(names, str) else _given.items(ask, names, "fields")
    checked = _check_once([check_name(name, f"{ask}=") for name in given], f"{ask}=")
    for name in checked:
        kind = FIELDS[name].kind
        if ask != "distinct" and kind in ("text", "string"):
            raise ValueError(f"{ask}=: {name} is text, of which there is only distinct=")
        if ask not in ("distinct", "min", "max") and kind == "time":
            raise ValueError(f"{ask}=: {name} is a time, of which there are only min=, max= and distinct=")
    return checked


def check_every(every: Any) -> int:
    """Return the length of a bin in ns, 0 for None."""
    return 0 if every is None else duration("every", every)


def _check_top(top: Any) -> int:
    if top is None:
        return 0
    return min(_given.whole("top", top, 1), LATEST)


def check_question(
    fields: tuple[Any, ...],
    every: Any,
    asked: dict[str, Names],
    *,
    gaps: bool,
    fill: bool,
    top: Any,
    approx: bool,
    dropna: bool,
) -> Question:
    """Return what is asked, or raise what is wrong with it in one line."""
    for name in fields:
        if not isinstance(name, str) and isinstance(name, Iterable):
            raise TypeError(
                f"count: fields stand side by side, count('ip_src', 'ip_dst'), not in a {type(name).__name__}"
            )
    names = _check_once([check_name(name, "count") for name in fields], "count")
    aggregates = [(place, name) for place, ask in enumerate(ASKS) for name in _check_asked(ask, asked[ask])]
    question = Question(
        tuple(names), check_every(every), tuple(aggregates), _given.truth("gaps", gaps), _given.truth("fill", fill),
        _check_top(top), _given.truth("approx", approx), not _given.truth("dropna", dropna),
    )  # fmt: skip
    if approx and not any(ASKS[place] == "distinct" for place, _ in aggregates):
        raise ValueError("approx: is about distinct=, which is not asked for")
    if fill and every is None:
        raise ValueError("fill: the empty bins of which every=?")
    if fill and top is not None:
        raise ValueError("fill: of groups that top= leaves out nobody can say in which bins they are empty")
    if top is not None and not names:
        raise ValueError("top: of which fields?")
    return question
