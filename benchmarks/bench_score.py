"""Models of flows: what scoring a capture costs beside making its flows, and preparing tables beside training.

    python benchmarks/bench_score.py --packets 3000000 --write

In one process, in turns. The model's own work (all steps after the matrix) is timed apart.
"""

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _run as r
from _run import figure

import pcapframe as pf
from pcapframe import _models_score

EXAMPLES = r.HERE.parent / "examples"
sys.path.insert(0, str(EXAMPLES))
import flow_tables  # noqa: E402

PAGE = r.HERE.parent / "docs" / "performance-models.md"
KINDS = ("logistic", "random_forest", "gradient_boosting", "xgboost")
SMALL = 100_000_000  # octets
ROWS = 4_000  # of each of the eight made-up tables

HOW = """The least time of {rounds} rounds, and of ten times as many for small captures. `score` reads the
capture, makes flows, their matrix, the model's answers and a Frame of them; `flows` reads the capture and makes
flows. The time of the model's own steps, all that come after the matrix, is taken out of `score`. The model is a
logistic regression of `examples/lab.pcap`; the other capture is the one that the other benches use. Tables are
made up (`examples/flow_tables.py`): eight files, {rows:,} rows in all, loaded, cleaned and made a matrix, against
the time that it takes to train a model on that. They are easier than real traffic, so training is quicker than on
real tables."""


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


class Apart:
    """What a model's own steps take, while it is entered."""

    def __enter__(self) -> "Apart":
        self.seconds, self.own = 0.0, _models_score.classified

        def classified(model: Any, matrix: Any) -> Any:
            found, seconds = timed(lambda: self.own(model, matrix))
            self.seconds += seconds
            return found

        _models_score.classified = classified
        return self

    def __exit__(self, *_: object) -> None:
        _models_score.classified = self.own


def scoring(path: Path, model: Any, rounds: int) -> tuple[list[str], float]:
    cap = pf.open(path, progress=False)
    rounds *= 10 if path.stat().st_size < SMALL else 1
    seen: dict[str, list[float]] = {"flows": [], "score": [], "model": [], "rest": []}
    for _ in range(rounds):
        flows, without = timed(cap.flows)
        with Apart() as apart:
            _, whole = timed(lambda: pf.models.score(cap, model))
        row = {"flows": without, "score": whole, "model": apart.seconds, "rest": whole - apart.seconds}
        for name, value in row.items():
            seen[name].append(value)
    least = {name: min(values) for name, values in seen.items()}
    cells = [path.stem, f"{len(flows):,}", *(f"{1000 * least[name]:,.1f} ms" for name in ("flows", "score", "model"))]
    ratio = least["rest"] / least["flows"]
    return [*cells, figure(ratio)], ratio


def matrix_of(flows: Any, labels: Any) -> Any:
    return pf.models.FlowFeatures().fit(flows, labels).transform(flows)


def preparing(folder: str, rounds: int) -> tuple[list[list[str]], float, int]:
    kinds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    prepared = []
    for _ in range(rounds):
        flows, load = timed(lambda: pf.cicids.load(folder, progress=False))
        clean, cleaning = timed(lambda flows=flows: pf.cicids.clean(flows, label_map="groups"))
        labels = clean["Label"].astype(str)
        matrix, building = timed(lambda clean=clean, labels=labels: matrix_of(clean, labels))
        prepared.append(load + cleaning + building)
        for kind in KINDS:
            rest = pf.models.make_model(kind)[1:]
            kinds[kind].append(timed(lambda rest=rest, matrix=matrix, labels=labels: rest.fit(matrix, labels))[1])
    middle = min(prepared)
    rows = []
    for kind, seconds in kinds.items():
        fit = min(seconds)
        rows.append([kind, f"{fit:.2f} s", f"{middle:.2f} s", f"{middle / fit:.3f}"])
    whole = middle / sum(map(min, kinds.values()))
    rows.append(["all four", "", f"{middle:.2f} s", f"{whole:.3f}"])
    return rows, whole, len(flows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--packets", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help=f"rewrite {PAGE.name}")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    machine = r.machine()
    lab = EXAMPLES / "lab.pcap"
    known = pf.open(lab).flows()
    who = known["Source IP"].isin(["203.0.113.9", "203.0.113.66", "198.51.100.66"])
    model = pf.models.make_model("logistic").fit(known, ["ATTACK" if attack else "BENIGN" for attack in who])
    found = [scoring(path, model, args.rounds) for path in (lab, r.capture(str(args.packets), 0.2))]
    with tempfile.TemporaryDirectory() as folder:
        flow_tables.write(folder, rows=ROWS)
        tables, share, rows = preparing(folder, max(1, args.rounds // 2))
    goals = []
    for cells, ratio in found:
        verdict = "reached" if ratio <= 1.5 else "NOT reached"
        goals.append([f"`score` against `flows`, {cells[0]}", "at most 1.5 times", figure(ratio), verdict])
    verdict = "reached" if share < 0.1 else "NOT reached"
    goals.append(["load, clean, matrix against training four models", "less than 0.1", f"{share:.3f}", verdict])
    body = ["## Goals", "", *r.table(["goal", "wanted", "measured", ""], goals), "", "## Figures", ""]
    body += r.table(["capture", "flows", "`flows`", "`score`", "its model", "ratio without"], [row for row, _ in found])
    body += ["", *r.table(["model", "training", "load, clean, matrix", "share"], tables)]
    how = HOW.format(rounds=args.rounds, rows=rows)
    print("\n".join([*machine, "", *body]))
    if args.write:
        command = " ".join(["python benchmarks/bench_score.py", *sys.argv[1:]])
        head = [f"# Performance of models\n\nMade by `{command}`.\n", *(f"- {fact}" for fact in machine)]
        PAGE.write_text("\n".join([*head, f"\n## How it is measured\n\n{how}\n", *body]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
