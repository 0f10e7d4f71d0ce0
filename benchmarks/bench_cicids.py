"""Figures of docs/cicids2017.md: what models reach on real flow tables, and what loading costs.

    python benchmarks/bench_cicids.py TABLE.csv.gz [--lab FOLDER]

TABLE is a labelled table with addresses and times, such as a part of the improved CICIDS2017; FOLDER holds captures and
their truth.csv. Prints Markdown.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd

import pcapframe as pf

KINDS = ("logistic", "random_forest", "gradient_boosting", "xgboost")

# What is trained on, of the lab; the other captures are scored.
TRAIN = (
    "benign", "scan_syn", "scan_connect", "scan_udp", "scan_stealth", "scan_sweep", "syn_flood", "udp_flood",
    "http_flood", "slow_http", "ssh_brute", "ftp_brute", "web_attack", "beacon_https", "dns_tunnel_iodine",
)  # fmt: skip


def timed(work: Any) -> tuple[Any, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def table_of(rows: list[dict[str, Any]]) -> None:
    names = list(rows[0])
    print("|", " | ".join(names), "|")
    print("|", " | ".join("---" for _ in names), "|")
    for row in rows:
        print("|", " | ".join(f"{v:.4f}" if isinstance(v, float) else str(v) for v in row.values()), "|", flush=True)
    print()


def figures(name: str, found: Any) -> dict[str, Any]:
    told = found.summary
    return {
        "": name,
        "weighted F1": told["weighted_f1"],
        "macro F1": told["macro_f1"],
        "MCC": told["mcc"],
        "false alarms per million": f"{told['false_alarms_per_million']:,.0f}",
        "missed attacks": f"{told['missed_attacks']:.2%}",
        "train": f"{told['train']:,}",
        "test": f"{told['test']:,}",
        "fit": f"{told['fit_s']:.1f} s",
    }


def preparation(path: str) -> tuple[Any, float]:
    pf.cicids.clean(pf.cicids.load(path))  # the file and the libraries are in memory now, as for what comes later
    pf.models.FlowFeatures()
    flows, load = timed(lambda: pf.cicids.load(path))
    clean, cleaning = timed(lambda: pf.cicids.clean(flows))
    first, fit = timed(lambda: pf.models.FlowFeatures().fit(clean, clean["Label"]))
    _, transform = timed(lambda: first.transform(clean))
    ours = flows.memory_usage(deep=True).sum()
    small = pf.cicids.load(path, dtype="float32").memory_usage(deep=True).sum()
    theirs = pd.read_csv(path).memory_usage(deep=True).sum()
    whole = load + cleaning + fit + transform
    parts = f"load {load:.2f} s, clean {cleaning:.2f} s, matrix {fit + transform:.2f} s"
    print(f"{parts}: {whole:.2f} s for {len(flows):,} rows")
    print(f"memory: float64 {ours / theirs:.2f}, float32 {small / theirs:.2f} of pandas.read_csv's\n")
    return flows, whole


def on_tables(path: str) -> None:
    flows, whole = preparation(path)
    rows = []
    for kind in KINDS:
        found = pf.models.evaluate(kind, flows, "random")
        row = figures(kind, found)
        row["preparation / fit"] = f"{whole / found.summary['fit_s']:.3f}"
        rows.append(row)
        print(found, "\n", flush=True)
    table_of(rows)
    clean = pf.cicids.clean(flows)
    table_of([figures(split, pf.models.evaluate("random_forest", clean, split)) for split in pf.models.SPLITS])


def recordings(folder: str) -> dict[str, Any]:
    """Labelled flows of each capture."""
    truth = os.path.join(folder, "truth.csv")
    with open(truth, newline="") as file:
        names = sorted({row["capture"] for row in csv.DictReader(file)})
    found = {}
    for name in names:
        if name.endswith(".pcap") and "_nano" not in name and "_snap" not in name:  # not the same packets once more
            flows = pf.open(os.path.join(folder, name)).flows()
            found[name.removesuffix(".pcap")] = pf.cicids.label(flows, truth, capture=name)
    return found


def on_lab(folder: str) -> None:
    """Train on some recordings, score the others: attack or not."""
    flows = recordings(folder)
    train = pd.concat([flows[name] for name in TRAIN], ignore_index=True)
    train.attrs = flows[TRAIN[0]].attrs
    answer = np.where(train["Label"].astype(str) == "BENIGN", "BENIGN", "ATTACK")
    rows = []
    for kind in KINDS:
        model = pf.models.make_model(kind).fit(train, answer)
        for name, other in flows.items():
            if name in TRAIN:
                continue
            said = pf.models.score(other, model)["class"] == "ATTACK"
            attack = (other["Label"].astype(str) != "BENIGN").to_numpy()
            found, alarms = int(said[attack].sum()), int(said[~attack].sum())
            row = {"model": kind, "recording": name, "found": found, "false alarms": alarms}
            rows.append({**row, "attack": int(attack.sum()), "benign": int((~attack).sum())})
    whole = pd.DataFrame(rows)
    attacks = int((answer == "ATTACK").sum())
    print(f"trained on {len(train):,} flows of {len(TRAIN)} recordings, {attacks:,} of attacks\n")
    lines = []
    for name, part in whole.groupby("recording"):
        of = part.set_index("model")
        line = {"recording": name, "attack flows": of["attack"].iloc[0], "benign flows": of["benign"].iloc[0]}
        for kind in KINDS:
            line[kind] = f"{of.loc[kind, 'found']} / {of.loc[kind, 'false alarms']}"
        lines.append(line)
    table_of(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("table", nargs="?")
    parser.add_argument("--lab", metavar="FOLDER")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    if given.table:
        on_tables(given.table)
    if given.lab:
        on_lab(given.lab)


if __name__ == "__main__":
    main()
