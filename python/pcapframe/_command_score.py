"""What ``pcapframe score`` does, with files and with an interface."""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

import pcapframe

from ._commands import DONE, Usage, _hand_over, _number, _print, _say, _table
from ._commands_ml import _are_tables, _check_folder, _one_or_list
from ._display import printable, when
from ._text import display

_LOOK = 0.1  # seconds between two looks at whether a live capture has ended


def score(given: argparse.Namespace) -> int:
    if bool(given.files) == bool(given.live):
        raise Usage("captures, or tables of flows, or --live INTERFACE are needed (pcapframe score --help)")
    if given.output:
        if not given.output.endswith((".csv", ".json")):
            raise Usage(f"{given.output}: .csv or .json can be written")
        _check_folder(given.output)
    models = pcapframe.models
    model = models.load(given.model)
    frame = _of_interface(given, model) if given.live else models.score(_of_files(given), model, reasons=given.reasons)
    found: dict[str, int] = {}
    for name in frame["class"].tolist():
        found[name] = found.get(name, 0) + 1
    classes = dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
    files = [given.live] if given.live else list(given.files)
    document = {"files": files, "model": given.model, "flows": len(frame), "classes": classes}
    if _hand_over(given, frame, document):
        return DONE
    _print(f"{_number(len(frame), 'flow')}")
    _table(("class", "flows"), [(printable(name), f"{count:,}") for name, count in classes.items()], ("flows",))
    _show_flagged(frame, given.rows)
    if given.output:
        _print("", f"all flows written to {display(given.output)}")
    return DONE


def _of_files(given: argparse.Namespace) -> Any:
    progress = False if given.no_progress else None
    if _are_tables(given.files):
        return pcapframe.cicids.load(_one_or_list(given.files), progress=progress)
    return pcapframe.open(_one_or_list(given.files), threads=given.threads, progress=progress)


def _of_interface(given: argparse.Namespace, model: Any) -> Any:
    """Score an interface's flows step by step, tell what is flagged anew, and give the scores of all."""
    from ._models_score import LiveScores, check_makes_flows

    check_makes_flows(model)  # before anything is captured
    told: set[tuple[int, str]] = set()
    with pcapframe.live(given.live, filter=given.filter, threads=given.threads) as live:
        scores = LiveScores(live, model, given.reasons)
        end = None if given.seconds is None else time.monotonic() + given.seconds
        try:
            while live.running and (end is None or time.monotonic() < end):
                _rest(live, given.every, end)
                found = scores.step()
                if found is not None and not given.json:
                    _tell(found, told)
        except KeyboardInterrupt:
            _say("ended by Ctrl-C")
    scores.step()
    whole = scores.whole()
    if whole is None:
        raise ValueError(f"score: no flows on {given.live}, {_number(live.stats.packets, 'packet')}")
    return whole


def _rest(live: Any, every: float, end: float | None) -> None:
    until = time.monotonic() + every
    until = until if end is None else min(until, end)
    while live.running and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, _LOOK))


def _flagged(frame: Any) -> Any:
    from ._cicids_labels import is_benign

    return np.flatnonzero([not is_benign(name) for name in frame["class"].tolist()])


def _tell(scores: Any, told: set[tuple[int, str]]) -> None:
    """A line for each flow that is flagged for the first time, or as something else than before."""
    rows = scores[_flagged(scores)].to_dict()
    for number in range(len(rows["class"])):
        key = rows["flow_id"][number], rows["class"][number]
        if key in told:
            continue
        told.add(key)
        row = {name: values[number] for name, values in rows.items()}
        ends = [f"{printable(row[f'{end} IP'])}:{row[f'{end} Port']}" for end in ("Source", "Destination")]
        sure = row.get("probability", row.get("score"))
        why = f"  {printable(row['reasons'])}" if row.get("reasons") else ""
        text = f"{when(row['flow_start'])}  {printable(row['class'])} {sure:.4f}  {ends[0]} -> {ends[1]}{why}"
        print(text, flush=True)


def _show_flagged(frame: Any, rows: int) -> None:
    flagged = _flagged(frame)
    if not len(flagged) or not rows:
        return
    what = "probability" if "probability" in frame.columns else "score"
    order = np.argsort(-frame[what].values[flagged], kind="stable")[:rows]
    shown = frame[flagged[order]].to_dict()
    wanted = ("class", what, "Source IP", "Source Port", "Destination IP", "Destination Port", "flow_start", "reasons")
    names = [name for name in wanted if name in shown]
    cells = []
    for row in zip(*(shown[name] for name in names), strict=True):
        cells.append([_cell(name, value) for name, value in zip(names, row, strict=True)])
    _print("")
    _table(names, cells, ("Source Port", "Destination Port", what))
    if len(flagged) > rows:
        _print(f"  ... {_number(len(flagged) - rows, 'more flow')}")


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "flow_start":
        return when(value)
    return f"{value:.4f}" if isinstance(value, float) else printable(str(value))
