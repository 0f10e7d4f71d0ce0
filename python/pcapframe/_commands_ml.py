"""What ``pcapframe train`` and ``cicids`` do. Whatever they need beside NumPy is imported when they run."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import pcapframe

from ._commands import ALARM, DONE, Usage, _json, _number, _print, _say, _table
from ._display import printable
from ._text import display

TABLES = (".csv", ".csv.gz", ".parquet")


def _one_or_list(files: Sequence[str]) -> Any:
    return files[0] if len(files) == 1 else list(files)


def _are_tables(files: Sequence[str]) -> bool:
    tables = [name.lower().endswith(TABLES) or os.path.isdir(name) for name in files]
    if any(tables) and not all(tables):
        raise Usage("captures and tables do not go together: give one kind")
    return all(tables)


def _check_folder(path: str) -> None:
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        raise FileNotFoundError(2, "No such folder", folder)


# ----------------------------------------------------------------------------------------------------------- cicids


def _loaded(given: argparse.Namespace) -> Any:
    progress = False if given.no_progress else None
    return pcapframe.cicids.load(
        _one_or_list(given.files), days=given.days, sample=given.sample, dtype=given.dtype, progress=progress
    )


def _counted(table: Any) -> list[tuple[str, int]]:
    if "Label" not in table:
        return []
    return [(str(name), int(count)) for name, count in table["Label"].value_counts().items() if count]


def _told(table: Any, given: argparse.Namespace) -> dict[str, Any]:
    meta = table.attrs["pcapframe"]
    return {
        "files": meta["files"],
        "variant": meta["variant"],
        "compat": meta["compat"],
        "layout": meta["layout"],
        "rows": len(table),
        "columns": [str(name) for name in table.columns],
        "labels": dict(_counted(table)),
        "output": given.output,
    }


def _finish(table: Any, document: dict[str, Any], given: argparse.Namespace) -> int:
    if given.output:
        from ._cicids_write import write_table

        write_table(table, given.output)
    if given.json:
        _json(document)
        return DONE
    labels = document["labels"]
    _print(f"{_number(len(table), 'row')}, {_number(table.shape[1], 'column')}; {_defined(document)}")
    if labels:
        _table(("Label", "rows"), [(printable(name), f"{count:,}") for name, count in labels.items()], ("rows",))
    if given.output:
        _print(f"written to {display(given.output)}")
    return DONE


def _defined(document: dict[str, Any]) -> str:
    if document["variant"] is None:
        return "not a flow table whose features are known here"
    compat = f", compat {document['compat']}" if document["compat"] else ""
    return f"features of the variant {document['variant']}{compat}"


def _check_output(given: argparse.Namespace) -> None:
    if given.output:
        from ._cicids_write import check_target

        check_target(given.output)


def cicids_load(given: argparse.Namespace) -> int:
    _check_output(given)
    table = _loaded(given)
    document = _told(table, given)
    if not given.json:
        for name, notes in document["files"].items():
            more = "".join(f", {count:,} {what} left out" for what, count in notes.items() if what != "rows")
            _say(f"{display(name)}: {_number(notes['rows'], 'row')}{more}")
    return _finish(table, document, given)


def cicids_clean(given: argparse.Namespace) -> int:
    _check_output(given)
    table = pcapframe.cicids.clean(
        _loaded(given),
        nonfinite=given.nonfinite,
        negative=given.negative,
        duplicates=not given.keep_duplicates,
        constant=given.drop_constant,
        fragments=given.drop_fragments,
        label_map=given.label_map,
    )
    report = pcapframe.cicids.report(table)
    if not given.json:
        _print(printable_lines(str(report)), "")
    return _finish(table, {**_told(table, given), "report": report.to_dict()}, given)


def printable_lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


def cicids_verify(given: argparse.Namespace) -> int:
    from ._cicids_verify import as_dict

    found = pcapframe.cicids.verify(given.folder)
    if given.json:
        _json(as_dict(found))
    else:
        _print(printable_lines(str(found)))
    return DONE if found.ok else ALARM


def cicids_rebuild(given: argparse.Namespace) -> int:
    say = None if given.json or given.no_progress else lambda text: print(printable(text), flush=True)
    made = pcapframe.cicids.rebuild(
        given.folder,
        given.output,
        variant=given.variant,
        compat=given.compat,
        schedule=given.schedule,
        published=given.published,
        progress=say,
    )
    if given.json:
        _json(made.to_dict())
    else:
        _print("", printable_lines(str(made)))
    return DONE


# ------------------------------------------------------------------------------------------------------------ train


def _benign(table: Any) -> Any:
    return table["Label"].astype(str).str.casefold() == "benign"


def _note(text: str) -> None:
    print(f"pcapframe: note: {printable(text)}", file=sys.stderr, flush=True)


def _check_training(table: Any, detector: bool) -> None:
    """Refuse what nothing can be learned from, and tell what is odd, before the long work."""
    from . import _cicids_columns as known
    from ._cicids_labels import is_published

    if not len(table):
        raise ValueError("train: no flows")
    labels = [name for name, _ in _counted(table)]
    if detector and not _benign(table).any():
        raise ValueError("train: an outlier detector learns benign flows, and there are none")
    if not detector and len(labels) < 2:
        raise ValueError(f"train: one class, {labels[0] if labels else 'none'}: there is nothing to tell apart")
    strange = [name for name in labels if not is_published(name)]
    if strange:
        _note(f"labels that CICIDS2017 does not have: {', '.join(map(repr, strange[:5]))}")
    there = set(table.columns)
    lacking = [name for name in known.FEATURES if name in known.SHAPE_79 and name not in there]
    if lacking:
        _note(f"{_number(len(lacking), 'feature')} of the published tables lacking: {', '.join(lacking[:3])}")


def train(given: argparse.Namespace) -> int:
    models = pcapframe.models
    if not given.output.endswith(".skops"):
        raise Usage(f"{given.output}: a name that ends in .skops is needed")
    _check_folder(given.output)
    params = dict(given.param or ())
    model = models.make_model(
        given.model, variant=given.variant, destination_port=given.destination_port, quantize=given.quantize, **params
    )
    for name in given.files:
        if not os.path.splitext(name)[1] and not os.path.exists(name):
            raise FileNotFoundError(2, "No such folder", name)
    if not _are_tables(given.files):
        raise Usage("train takes labelled tables of flows: .csv, .csv.gz or .parquet files, or a folder of them")
    table = _loaded(given)
    if "Label" not in table:
        raise ValueError("there is no column 'Label' to learn: pcapframe.cicids.label makes it")
    detector = given.model in ("isolation_forest", "sigma")
    _check_training(table, detector)
    if not given.as_it_is:
        table = pcapframe.cicids.clean(table, label_map=given.label_map)
    evaluation = models.evaluate(model, table, given.split) if given.split != "none" else None
    fitted = table
    if detector:
        fitted = table[_benign(table)]
    model.fit(fitted, fitted["Label"].astype(str).to_numpy())
    card = models.save(model, given.output, evaluation)
    if given.json:
        _json({"model": given.output, "card_file": card, **models.card(model, evaluation)})
        return DONE
    if evaluation is not None:
        _print(printable_lines(str(evaluation)), "")
    _print(f"{given.model}, trained on {_number(len(fitted), 'flow')}, written to {display(given.output)}")
    return DONE


def parameter(text: str) -> tuple[str, Any]:
    """A parameter of an estimator as typed: ``n_estimators=300``."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r}: NAME=VALUE is needed")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def sample(text: str) -> int | float:
    """A number of rows, or a share with a point."""
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: a number of rows, or a share such as 0.1") from None
